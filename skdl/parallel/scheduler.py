"""The scheduler of tasks that are trained together.

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

import threading
import time
from collections.abc import Callable, Hashable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any

from skdl.engine import TrainingResult, TrainingSpec
from skdl.execution.shared_data import ArrayCache
from skdl.execution.stacker import stacking_with
from skdl.parallel.jobs import Call, Cancelled, MustRunLocally, Task, WarningFilters
from skdl.parallel.offload import OffloadedTasks, TaskOffloader
from skdl.parallel.reports import Reports
from skdl.parallel.requests import FitRequest, StackLimits, train_requests
from skdl.parallel.turns import Turns

Job = Task | list[FitRequest] | OffloadedTasks  # what a thread begins: a task, a training, a wait for processes


class StackingScheduler:
    """The tasks of one call, and of the calls inside them.

    Parameters
    ----------
    max_stack, max_stack_bytes : int
        No further task begins while fits of that many members, or of that size, wait.
    n_threads : int
        Threads that train.
    offloader : TaskOffloader or None
        Decides which tasks processes take over.
    n_parallel : int
        Schedulers, with this one, that share the tasks of one call and run at the same time.
    """

    def __init__(
        self,
        max_stack: int,
        max_stack_bytes: int,
        n_threads: int,
        offloader: TaskOffloader | None = None,
        n_parallel: int = 1,
    ):
        self.n_threads, self.n_parallel = n_threads, n_parallel
        self.cache = ArrayCache()
        self.reports: Reports | None = None
        self.stacks: list[int] = []  # the number of members of each stack that was trained
        self._limits = StackLimits(max_stack, max_stack_bytes, n_threads)
        self._offloader = offloader
        self._lock = threading.Lock()
        self._ended = threading.Condition(self._lock)
        # Under the lock: each task that has begun is here, in one place.
        self._turns = Turns()
        self._waiting: list[FitRequest] = []
        self._away: OffloadedTasks | None = None
        self._training = False
        self._threads_spent = False  # the system gives no more of them for now

    # What a caller does: it gives tasks, waits for them, or gives them up.

    def submit(
        self, call: Call, function: Callable[[], Any], done: Callable[[Future[Any]], None], data_key: Hashable
    ) -> Future[Any]:
        """Give a task on data, whose end `done` is told of."""
        task = Task(call, function, done, data_key)
        with self._lock:
            if call.caller is None and not (call.lazy or call.retrieving or call.over):
                self._turns.take(call)
            call.unfinished += 1
            self._turns.add(task)
            job = self._next()
        self._start(job)
        return task.future

    @contextmanager
    def wait_for(self, call: Call) -> Iterator[None]:
        """The caller waits in the body for its tasks; it may leave before they have all ended, and gives them up."""
        caller = call.caller
        call.filters = WarningFilters()
        begun = time.perf_counter()
        try:
            with self._lock:
                call.retrieving = True
                self._turns.leave(caller or call)
                if caller is not None and not call.unfinished:
                    self._turns.go_on(caller)
                job = self._next()
            self._start(job)
            yield
        finally:
            with self._lock:
                call.retrieving = False
                call.over = call.unfinished > 0
                if call.over and caller is not None:
                    self._turns.take(caller)
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
            for request in self._waiting:
                if request.task.call.cancelled:
                    self._turns.go_on(request.task)
            self._waiting = [request for request in self._waiting if not request.task.call.cancelled]
            never_begun = [task for *_, task in self._turns.remove(lambda task: task.call.cancelled)]
            for task in never_begun:
                self._turns.take(task)
            self._turns.leave(call)
            job = self._next()
        self._start(job)
        for task in never_begun:
            self._start(self._run(task))

    def wait_for_end(self, call: Call, timeout: float) -> None:
        """Wait until the threads of a call's tasks are through with them, `timeout` seconds at most."""
        with self._lock:
            self._turns.leave(call)
            self._ended.wait_for(lambda: not call.unfinished, timeout)

    # What a task does.

    def train(self, task: Task, members: Sequence[TrainingSpec]) -> list[TrainingResult]:
        """Wait until the members are trained, together with those of other tasks."""
        request = FitRequest(task, members, self.reports)
        filters = None if task.call.outermost.lazy else WarningFilters()
        if task.call.outermost.given_up is not None and any(member.threads_blas for member in members):
            raise MustRunLocally  # the cores are taken by other processes
        with self._lock:
            if task.call.cancelled:
                raise Cancelled
            self._waiting.append(request)
            self._turns.leave(task)
            away = self._offload_others(request)
            job = self._next()
        begun = time.perf_counter()
        self._start(away)  # before all else, which may end in a training of many epochs
        self._start(job)
        task.wait_for_turn()
        task.waited += time.perf_counter() - begun
        if task.call.cancelled:
            raise Cancelled
        if filters is not None:
            filters.restore()
        task.trained += request.seconds
        return request.result()

    def _offload_others(self, request: FitRequest) -> OffloadedTasks | None:
        """Tasks that worker processes take over, if one that asks for a training shows that this is worth it."""
        call = request.task.call
        if self._offloader is None or self._away is not None or call.caller is not None or call.lazy:
            return None
        self._away = self._offloader.offload(request, self._turns, self._waiting)
        return self._away

    # Whose turn it is.

    def _next(self) -> Job | None:
        """The task or the training that a thread has to begin now; None where another thread has its turn."""
        if self._turns.taken or self._turns.next_goes_on() or self._training:
            return None
        first = self._turns.first
        if first is not None and self._has_room(first[2]) and (self._away is None or first[0] < 0):
            return self._turns.begin_first()
        if self._waiting:
            self._training = True
            together, self._waiting = self._waiting, []
            return together
        return None

    def _has_room(self, task: Task) -> bool:
        """True if a task should begin before the fits that wait are trained."""
        admits = self._limits.admit(self._waiting, task.data_key) and not self._threads_spent
        return not self._waiting or admits

    def _start(self, job: Job | None) -> None:
        """Begin what `_next` has found, in a thread of its own."""
        if job is None:
            return
        try:
            threading.Thread(target=self._work, args=(job,), name="skdl", daemon=True).start()
        except RuntimeError:  # no more threads: those that wait are trained in this one, and then end
            if isinstance(job, OffloadedTasks):
                job.drop()
                with self._lock:
                    self._take_back(job)
                    instead = self._next()
                self._start(instead)
                return
            if isinstance(job, Task):
                with self._lock:
                    self._turns.leave(job)
                    self._turns.add(job)
                    self._threads_spent = True
                    if not self._waiting:
                        raise
                    instead = self._next()
                self._work(instead)
            else:
                self._work(job)

    def _work(self, job: Job | None) -> None:
        """A thread: one thing, and what comes next as long as no other thread has its turn."""
        while job is not None:
            if isinstance(job, Task):
                job = self._run(job)
            elif isinstance(job, OffloadedTasks):
                job = self._bring_back(job)
            else:
                job = self._train(job)
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
                    self._turns.go_on(call.caller)
                if not call.unfinished or task.future.exception() is not None:
                    call.ends.put(None)
                self._turns.leave(task)
                self._ended.notify_all()
                job = self._next()
        return job

    def _train(self, together: list[FitRequest]) -> Job | None:
        outside = together[0].task.call.outermost.filters
        if outside is not None:
            outside.restore()
        try:
            with stacking_with(None):  # this may be a task's thread
                # While tasks are away, the other cores and joblib's processes are theirs.
                n_threads = self.n_threads if self._away is None else 1
                self.stacks += train_requests(together, n_threads, self.n_parallel)
        finally:
            with self._lock:
                self._training = False
                for request in together:
                    self._turns.go_on(request.task)
                job = self._next()
        return job

    # Tasks that are away.

    def _bring_back(self, away: OffloadedTasks) -> Job | None:
        """Wait for the tasks that are away; back, they have their turns, in which they end, or run after all.

        One that has raised does not wait for its turn: it ends the call, and what is in training.
        """
        for back in away.run():
            with self._lock:
                self.stacks += back.stacks
                self._turns.put_back(back.items, ahead=1)  # others wait for them to end, as for the deeper ones
                for request in back.requests:
                    self._turns.go_on(request.task)
                job = self._next()
            self._start(job)
        with self._lock:
            self._take_back(away)
            if away.failed is None:
                return self._next()
            self._turns.take(away.failed)
            return away.failed

    def _take_back(self, away: OffloadedTasks) -> None:
        self._away = None
        self._turns.put_back(item for item in away.items if item[2] is not away.failed)
        for request in away.requests:
            if request.task.call.cancelled:
                self._turns.go_on(request.task)
            else:
                self._waiting.append(request)
