"""Tasks that meet in their fits.

Each task is a thread, and one of them runs at a time. It runs until it ends, until it asks for networks to be trained,
or until it waits for tasks of its own (a search inside a search); then another one has its turn. When none can go on,
the networks that are waited for are trained together, and their tasks go on, one after the other.

There is no deadlock. Where nothing runs, is ready, or can begin, every task that has begun waits in a fit or for tasks
of its own, or is in another process; what those wait for, followed down, is a fit. So fits are waiting, and are all
released; and a process ends in the same way, or is found dead, whereupon its tasks begin here.

Tasks change places only where they call in here. What belongs to the whole process, such as the filters of warnings or
BLAS's threads, is therefore to each of them as it is to a task that runs alone.
"""

from __future__ import annotations

import heapq
import itertools
import threading
import time
from collections import deque
from collections.abc import Callable, Hashable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Union

from skdl.engine import Member, Outcome
from skdl.execution.shared_data import ArrayCache
from skdl.execution.stacker import stacking_with
from skdl.parallel.lines import Lines
from skdl.parallel.rounds import Fit, Room, train_round
from skdl.parallel.tasks import Call, Cancelled, Elsewhere, Filters, Task

if TYPE_CHECKING:
    from skdl.parallel.workers import Back, Share, Workers

Waiting = list[tuple[Task, Fit]]
Entry = tuple[int, int, Task]  # of the queue: the deepest tasks first, since others wait for them
Job = Union[Task, Waiting, "Share"]


class Meeting:
    """The tasks of one call, and of the calls inside them.

    Parameters
    ----------
    max_stack, max_stack_bytes : int
        No further task begins while fits of that many members, or of that size, wait.
    n_threads : int
        Threads that train.
    workers : Workers or None
        Processes that may take over tasks.
    n_beside : int
        Meetings, with this one, that share the tasks of one call and run at the same time.
    """

    def __init__(
        self, max_stack: int, max_stack_bytes: int, n_threads: int, workers: Workers | None = None, n_beside: int = 1
    ):
        self.n_threads = n_threads
        self._room = Room(max_stack, max_stack_bytes, n_threads)
        self._workers, self.n_beside = workers, n_beside
        self._away: Share | None = None
        self.cache = ArrayCache()
        self.lines: Lines | None = None
        self.stacks: list[int] = []  # the number of members of each stack that was trained
        self._lock = threading.Lock()
        self._ended = threading.Condition(self._lock)
        self._queue: list[Entry] = []
        self._order = itertools.count()
        self._ready: deque[Task] = deque()  # tasks that have begun and can go on
        self._waiting: Waiting = []
        self._running = 0  # with a caller outside that gives its first tasks
        self._training = False
        self._threads_spent = False  # the system gives no more of them for now

    # What a caller does: it gives tasks, waits for them, or gives them up.

    def submit(
        self, call: Call, function: Callable[[], Any], done: Callable[[Future[Any]], None], table: Hashable
    ) -> Future[Any]:
        """Give a task on a table, whose end `done` is told of."""
        task = Task(call, function, done, table)
        with self._lock:
            if call.caller is None and not (call.lazy or call.dispatching or call.retrieving or call.over):
                call.dispatching = True
                self._running += 1
            call.unfinished += 1
            heapq.heappush(self._queue, (-call.depth, next(self._order), task))
            job = self._next()
        self._start(job)
        return task.future

    @contextmanager
    def wait_for(self, call: Call) -> Iterator[None]:
        """The caller waits in the body for its tasks; it may leave before they have all ended, and gives them up."""
        caller = call.caller
        call.filters = Filters()
        begun = time.perf_counter()
        try:
            with self._lock:
                call.retrieving = True
                if caller is not None:
                    self._running -= 1
                    if not call.unfinished:
                        self._go_on(caller)
                self._end_dispatching(call)
                job = self._next()
            self._start(job)
            yield
        finally:
            with self._lock:
                call.retrieving = False
                call.over = call.unfinished > 0
                if call.over and caller is not None:
                    self._running += 1
            if caller is not None and not call.over:
                caller.wait_for_turn()
            if caller is not None:
                caller.waited += time.perf_counter() - begun
            call.filters.restore()

    def give_up(self, call: Call) -> None:
        """End the tasks of a call as soon as may be: those that wait now, the others before or in their next fit."""
        with self._lock:
            call.over = True
            if self._away is not None and self._away.call.cancelled:
                self._away.give_up()
            for task, _ in self._waiting:
                if task.call.cancelled:
                    self._go_on(task)
            self._waiting = [(task, fit) for task, fit in self._waiting if not task.call.cancelled]
            never_begun = [task for *_, task in self._queue if task.call.cancelled]
            self._queue = [entry for entry in self._queue if not entry[2].call.cancelled]
            heapq.heapify(self._queue)
            self._running += len(never_begun)
            self._end_dispatching(call)
            job = self._next()
        self._start(job)
        for task in never_begun:
            self._start(self._run(task))

    def wait_for_end(self, call: Call, timeout: float) -> None:
        """Wait until the threads of a call's tasks are through with them, `timeout` seconds at most."""
        with self._lock:
            self._end_dispatching(call)
            self._ended.wait_for(lambda: not call.unfinished, timeout)

    def _end_dispatching(self, call: Call) -> None:
        if call.dispatching:
            call.dispatching = False
            self._running -= 1

    # What a task does.

    def train(self, task: Task, members: Sequence[Member]) -> list[Outcome]:
        """Wait until the members are trained, together with those of other tasks."""
        fit = Fit(members, is_over=lambda: task.call.cancelled, lines=self.lines)
        filters = None if task.call.outermost.lazy else Filters()
        if task.call.outermost.given_up is not None and any(member.threads_blas for member in members):
            raise Elsewhere  # the cores are taken by other processes
        with self._lock:
            if task.call.cancelled:
                raise Cancelled
            self._waiting.append((task, fit))
            self._running -= 1
            share = self._send_others(task, members)
            job = self._next()
        begun = time.perf_counter()
        self._start(share)  # before all else, which may end in a training of many epochs
        self._start(job)
        task.wait_for_turn()
        task.waited += time.perf_counter() - begun
        if task.call.cancelled:
            raise Cancelled
        if filters is not None:
            filters.restore()
        task.trained += fit.seconds
        return fit.result()

    def _send_others(self, task: Task, members: Sequence[Member]) -> Share | None:
        """Tasks that worker processes take over, if a task that asks for a training shows that this is worth it."""
        call = task.call
        if self._workers is None or self._away is not None or call.caller is not None or call.lazy:
            return None
        self._away = self._workers.take_over(task, members, self._queue, self._waiting)
        return self._away

    # Whose turn it is.

    def _go_on(self, task: Task) -> None:
        """Let a task that waits have its turn when it comes; one that is given up only has to end, and does so now."""
        if task.call.cancelled:
            self._running += 1
            task.turn.set()
        else:
            self._ready.append(task)

    def _next(self) -> Job | None:
        """What a thread has to begin now: a task or a training; None where another thread has its turn."""
        if self._running:
            return None
        if self._ready:
            self._running += 1
            self._ready.popleft().turn.set()
        elif self._training:
            return None
        elif self._queue and self._has_room(self._queue[0][2]) and (self._away is None or self._queue[0][0] < 0):
            self._running += 1
            return heapq.heappop(self._queue)[2]
        elif self._waiting:
            self._training = True
            together, self._waiting = self._waiting, []
            return together
        return None

    def _has_room(self, task: Task) -> bool:
        """Whether a task should begin before the fits that wait are trained."""
        waiting = [(other.table, fit) for other, fit in self._waiting]
        return not waiting or (self._room.is_left(waiting, task.table) and not self._threads_spent)

    def _start(self, job: Job | None) -> None:
        """Begin what `_next` has found, in a thread of its own."""
        if job is None:
            return
        try:
            threading.Thread(target=self._work, args=(job,), name="skdl", daemon=True).start()
        except RuntimeError:  # no more threads: those that wait are trained in this one, and then end
            if not isinstance(job, (Task, list)):
                job.drop()
                with self._lock:
                    self._take_back(job)
                    instead = self._next()
                self._start(instead)
                return
            if isinstance(job, Task):
                with self._lock:
                    self._running -= 1
                    heapq.heappush(self._queue, (-job.call.depth, next(self._order), job))
                    self._threads_spent = True
                    if not self._waiting:
                        raise
                    job = self._next()
            self._work(job)

    def _work(self, job: Job | None) -> None:
        """A thread: one thing, and what comes next as long as no other thread has its turn."""
        while job is not None:
            if isinstance(job, Task):
                job = self._run(job)
            elif isinstance(job, list):
                job = self._train(job)
            else:
                job = self._bring_back(job)
        self._threads_spent = False

    def _run(self, task: Task) -> Job | None:
        call = task.call
        try:
            task.run()
        finally:
            if task.future.exception() is not None and not call.cancelled:
                self.give_up(call)  # joblib gives a call up with its first error
            with self._lock:
                call.unfinished -= 1
                if call.retrieving and not call.unfinished and call.caller is not None:
                    self._go_on(call.caller)
                self._running -= 1
                self._ended.notify_all()
                job = self._next()
        return job

    def _bring_back(self, share: Share) -> Job | None:
        """Wait for the tasks that are away; back, they have their turns, in which they end, or run after all.

        One that has raised does not wait for its turn: it ends the call, and what is in training.
        """
        for some in share.run():
            with self._lock:
                self.stacks += some.stacks
                self._take_some_back(some)
                job = self._next()
            self._start(job)
        with self._lock:
            self._take_back(share)
            if share.failed is None:
                return self._next()
            self._running += 1
            return share.failed

    def _take_some_back(self, some: Back) -> None:
        """Tasks that others wait for to end, as the deeper ones are; trainings that have ended."""
        for depth, order, task in some.entries:
            heapq.heappush(self._queue, (depth - 1, order, task))
        for task, _ in some.fits:
            self._go_on(task)

    def _take_back(self, share: Share) -> None:
        self._away = None
        for entry in share.entries:
            if entry[2] is not share.failed:
                heapq.heappush(self._queue, entry)
        for task, fit in share.fits:
            if task.call.cancelled:
                self._go_on(task)
            else:
                self._waiting.append((task, fit))

    def _train(self, together: Waiting) -> Job | None:
        outside = together[0][0].call.outermost.filters
        if outside is not None:
            outside.restore()
        try:
            with stacking_with(None):  # this may be a task's thread
                # While tasks are away, the other cores and joblib's processes are theirs.
                n_threads = self.n_threads if self._away is None else 1
                self.stacks += train_round([fit for _, fit in together], n_threads, self.n_beside)
        finally:
            with self._lock:
                self._training = False
                for task, _ in together:
                    self._go_on(task)
                job = self._next()
        return job
