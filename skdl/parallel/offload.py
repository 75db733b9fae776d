"""Tasks that worker processes take over.

The tasks of a scheduler run one at a time, and so does what they do beside their fits: slicing, checking, scoring.
Where the first ones show that the others have a second of work or more ahead, these are shared out to as many of
joblib's processes as there are cores. Each process has a scheduler of its own, and each task gives there what it would
have given here. Tasks whose result could depend on where they run stay: such as draw from NumPy's global random
numbers, are called back in each epoch, or compute with BLAS's threads, which processes do not have and which round
otherwise; and such as cannot be sent.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from itertools import groupby, zip_longest
from typing import Any, NamedTuple

import numpy as np

from skdl.engine import TrainingSpec
from skdl.execution import cost
from skdl.execution.plan import data_numbers
from skdl.execution.processes import Offload
from skdl.parallel.jobs import Scheduler, Task
from skdl.parallel.reports import receive
from skdl.parallel.requests import FitRequest
from skdl.parallel.turns import QueueItem, Turns
from skdl.parallel.worker import Result, run_tasks, train

MakeScheduler = Callable[[int, int, int, int], Scheduler]


class TaskOffloader:
    """Decides which tasks of a scheduler processes take over.

    Parameters
    ----------
    make_scheduler : callable
        Makes that of a process, given `max_stack`, `max_stack_bytes`, a number of threads, and `n_parallel`.
    n_processes : int
        The number of processes, at most.
    max_stack, max_stack_bytes : int
        Of the schedulers there; all of them together hold as many bytes as one here.
    """

    def __init__(self, make_scheduler: MakeScheduler, n_processes: int, max_stack: int, max_stack_bytes: int):
        self.n_processes = n_processes if multiprocessing.parent_process() is None else 1
        self._make_scheduler = partial(make_scheduler, max_stack, max(1, max_stack_bytes // n_processes), 1)
        self._seconds: list[float] = []  # that tasks took until they asked for their first training

    def offload(self, request: FitRequest, turns: Turns, waiting: list[FitRequest]) -> OffloadedTasks | None:
        """Tasks that have not begun, and are like the one that asks for a training, if it is worth it.

        The trainings that wait go with them: in larger stacks they cost less, and the cores are the processes'.
        """
        call, members = request.task.call, [job.member for job in request.jobs]

        def may_leave(task: Task) -> bool:
            return task.call is call and task.may_leave

        n_processes = self.wanted(request.task, members, sum(may_leave(task) for *_, task in turns.queued))
        if n_processes == 1:
            return None
        items = turns.remove(may_leave)
        for *_, task in items:
            task.may_leave = False
        requests = [other for other in waiting if other.may_leave]
        waiting[:] = [other for other in waiting if not other.may_leave]
        seconds = max(1e-6, min(self._seconds) + sum(map(cost.fit_seconds, members)))
        at_most = cost.tasks_per_part(len(members), seconds)
        return OffloadedTasks(items, requests, n_processes, partial(self._make_scheduler, n_processes), at_most)

    def wanted(self, task: Task, members: Sequence[TrainingSpec], n_others: int) -> int:
        """The number of processes for that many tasks like this one, which asks for the members' training."""
        if self.n_processes == 1 or not task.may_leave or task.baseline is None:
            return 1
        task.may_leave = False  # asked once, in its first fit
        seconds = task.baseline.seconds()
        self._seconds.append(seconds)
        training = sum(map(cost.fit_seconds, members))
        called_back = any(member.begin is not None or member.report is not None for member in members)
        threads = cost.uses_other_threads(seconds, task.baseline.seconds_of_others())
        sure = not threads and cost.processes_worth(n_others * training, self.n_processes) == self.n_processes
        trying = not sure and len(self._seconds) < cost.TRIALS
        if called_back or (threads and not trying) or task.baseline.random_numbers_drawn():
            self.n_processes = 1
        if self.n_processes == 1 or trying or any(member.threads_blas for member in members):
            return 1
        return cost.processes_worth(n_others * (min(self._seconds) + training), self.n_processes)


class OffloadedTasks:
    """Tasks that are away.

    Parameters
    ----------
    items : list of QueueItem
        Of the queue; the tasks of one call.
    requests : list of FitRequest
        Trainings of tasks that wait.
    n_processes : int
        That take them.
    make_scheduler : callable
        Makes the scheduler of a process.
    at_most : int
        Tasks that a process takes at a time; what it makes of them comes back before it takes others.
    """

    def __init__(
        self,
        items: Sequence[QueueItem],
        requests: Sequence[FitRequest],
        n_processes: int,
        make_scheduler: Callable[[], Scheduler],
        at_most: int,
    ):
        self.items, self.requests, self.n_processes = list(items), list(requests), n_processes
        self.at_most, self._make_scheduler = at_most, make_scheduler
        self.call = items[0][2].call
        self.failed: Task | None = None  # the first one that has raised, later
        self._offload = Offload(n_processes)

    def give_up(self) -> None:
        """Nobody wants the results any more."""
        self._offload.stop()

    def drop(self) -> None:
        """The processes will not be asked."""
        self._offload.close()

    def run(self) -> Iterator[Returned]:
        """Let the processes run the tasks, which then only give their results; what came back, as it comes.

        What is left in `items` and `requests` in the end stays as it is: where something cannot be sent, or a process
        was killed.
        """
        receivers: list[Task | FitRequest] = [*self.requests, *(task for *_, task in self.items)]
        tasks = [receiver if isinstance(receiver, Task) else receiver.task for receiver in receivers]
        numbers = data_numbers([task.data_key for task in tasks])
        # Tasks on the same data side by side: these are standardised once, and gathered once for each batch.
        ordered = sorted(range(len(receivers)), key=numbers.__getitem__)
        receivers, numbers = [receivers[i] for i in ordered], [numbers[i] for i in ordered]
        functions = [(_work_of(receiver), number) for receiver, number in zip(receivers, numbers, strict=True)]
        parts = chunk(partition(numbers, self.n_processes), self.at_most)
        floating_point = self.call.context.run(np.geterr)
        seen: dict[Any, Any] = {}
        reports: Any = self.call.scheduler.reports
        with (
            self._offload as offload,
            suppress(Exception, KeyboardInterrupt),  # Ctrl-C goes to all processes of a terminal
            offload.listening(partial(receive, reports)) as listener,
        ):
            settings = self._make_scheduler, floating_point, offload.stopped, listener.relay, reports is not None
            arguments = [([functions[i] for i in part], *settings) for part in parts]
            for place, (results, stacks) in offload.results(run_tasks, arguments):
                back = {
                    id(receiver)
                    for receiver, result in zip((receivers[i] for i in parts[place]), results, strict=True)
                    if result is not None and self._takes(receiver, result, seen)
                }
                listener.catch_up()  # what was said of it comes before the result
                yield self._split_off(back, stacks)

    def _takes(self, receiver: Task | FitRequest, result: Result, seen: dict[Any, Any]) -> bool:
        """Hand the result over; False if the receiver has to do without it."""
        if isinstance(receiver, Task):
            receiver.function = partial(result.give, seen)
            if result.error is None or self.failed is not None:
                return True
            self.failed = receiver
        elif result.value is not None and not result.caught:  # warnings are given in the training here
            receiver.end(result.value)
            return True
        return False

    def _split_off(self, back: set[int], stacks: list[int]) -> Returned:
        """Those that are back, which are no longer away."""
        items = [item for item in self.items if id(item[2]) in back]
        requests = [request for request in self.requests if id(request) in back]
        self.items = [item for item in self.items if id(item[2]) not in back]
        self.requests = [request for request in self.requests if id(request) not in back]
        return Returned(items, requests, stacks)


class Returned(NamedTuple):
    """Tasks that are back with their results, trainings that have ended, and the sizes of the stacks."""

    items: list[QueueItem]
    requests: list[FitRequest]
    stacks: list[int]


def partition(numbers: Sequence[int], n_processes: int) -> list[list[int]]:
    """Positions of the tasks that each process takes, given the numbers of their data, side by side.

    Of data with as many tasks each, a process has as many whole ones as the others, so that few are read twice. Of
    what is left, it has every n-th task, for costly ones are often neighbours.
    """
    sizes = [len(list(group)) for _, group in groupby(numbers)]
    whole = len(sizes) // n_processes if len(set(sizes)) == 1 and sizes[0] > 1 else 0  # data for each process
    rest = whole * n_processes * sizes[0]
    shares = [list(range(i * whole * sizes[0], (i + 1) * whole * sizes[0])) for i in range(n_processes)]
    return [[*share, *range(rest + i, len(numbers), n_processes)] for i, share in enumerate(shares)]


def chunk(shares: Sequence[list[int]], at_most: int) -> list[list[int]]:
    """Shares in chunks of about equal size, at most so many tasks, those of all processes in turn."""
    chunks = []
    for share in shares:
        size = -(-len(share) // -(-len(share) // at_most)) if share else 1
        chunks.append([share[start : start + size] for start in range(0, len(share), size)])
    return [each for turn in zip_longest(*chunks) for each in turn if each is not None]


def _work_of(receiver: Task | FitRequest) -> Callable[[], Any]:
    """The function that a process calls for it."""
    if isinstance(receiver, Task):
        return receiver.function
    return partial(train, [job.member for job in receiver.jobs])
