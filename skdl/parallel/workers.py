"""Tasks that worker processes take over.

The tasks of a meeting run one at a time, and so does what they do beside their fits: slicing, checking, scoring. Where
the first ones show that the others have a second of work or more ahead, these are shared out to as many of joblib's
processes as there are cores. There they meet again, those of each process by themselves, and each gives what it would
have given here. Tasks whose result could depend on where they run stay: such as draw from NumPy's global random
numbers, are called back in each epoch, or compute with BLAS's threads, which processes do not have and which round
otherwise; and such as cannot be sent.
"""

from __future__ import annotations

import heapq
import multiprocessing
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import wait
from contextlib import redirect_stdout, suppress
from contextvars import copy_context
from dataclasses import dataclass, replace
from functools import partial
from itertools import groupby, zip_longest
from operator import itemgetter
from typing import Any, NamedTuple

import numpy as np

from skdl._threads import one_blas_thread
from skdl.engine import Member, Outcome
from skdl.execution import cost, train_members
from skdl.execution.cost import seconds_of
from skdl.execution.plan import data_numbers
from skdl.execution.processes import FileEvent, Offload, Warned, end_with_parent, portable, warn_again
from skdl.execution.relay import Relay
from skdl.parallel.lines import LinesThere, Printed, received
from skdl.parallel.meeting import Entry, Meeting, Waiting
from skdl.parallel.rounds import Fit
from skdl.parallel.tasks import Call, Elsewhere, Task, note_place


@dataclass(frozen=True)
class Result:
    """What a task has come to in a process.

    Parameters
    ----------
    value : object
    error : Exception or None
    caught : list of tuple
        Warnings on the way, as `portable` makes them.
    """

    value: Any
    error: Exception | None
    caught: list[Warned]

    def give(self, seen: dict[Any, Any]) -> Any:
        """Return or raise it, here; `seen` are the warnings that others have given."""
        warn_again(self.caught, seen)
        if self.error is not None:
            raise self.error
        return self.value


class Workers:
    """The processes that a meeting may use.

    Parameters
    ----------
    count : int
        How many, at most.
    max_stack, max_stack_bytes : int
        Of the meetings there; all of them together hold as many bytes as one here.
    """

    def __init__(self, count: int, max_stack: int, max_stack_bytes: int):
        self.count = count if multiprocessing.parent_process() is None else 1
        self.settings = max_stack, max(1, max_stack_bytes // count)
        self._seconds: list[float] = []  # that tasks took until they asked for their first training

    def take_over(self, task: Task, members: Sequence[Member], queue: list[Entry], waiting: Waiting) -> Share | None:
        """Tasks of the queue that are like this one, which asks for the members' training, if it is worth it.

        The trainings that wait go with them: in larger stacks they cost less, and the cores are the processes'.
        """
        others = sorted(entry for entry in queue if entry[2].call is task.call and entry[2].may_leave)
        n_processes = self.wanted(task, members, len(others))
        if n_processes == 1:
            return None
        queue[:] = [entry for entry in queue if entry[2].call is not task.call or not entry[2].may_leave]
        heapq.heapify(queue)
        for *_, other in others:
            other.may_leave = False
        fits = [(other, fit) for other, fit in waiting if fit.may_leave]
        waiting[:] = [(other, fit) for other, fit in waiting if not fit.may_leave]
        seconds = max(1e-6, min(self._seconds) + sum(map(seconds_of, members)))
        return Share(others, fits, n_processes, self.settings, cost.tasks_per_part(len(members), seconds))

    def wanted(self, task: Task, members: Sequence[Member], n_others: int) -> int:
        """How many processes should take over that many tasks like this one, which asks for the members' training."""
        if self.count == 1 or not task.may_leave or task.start is None:
            return 1
        task.may_leave = False  # asked once, in its first fit
        self._seconds.append(task.start.seconds())
        training = sum(map(seconds_of, members))
        called_back = any(member.begin is not None or member.report is not None for member in members)
        threads = cost.uses_other_threads(task.start.seconds(), task.start.seconds_of_others())
        sure = not threads and cost.processes_worth(n_others * training, self.count) == self.count
        trying = not sure and len(self._seconds) < cost.TRIALS
        if called_back or (threads and not trying) or task.start.random_numbers_drawn():
            self.count = 1
        if self.count == 1 or trying or any(member.threads_blas for member in members):
            return 1
        return cost.processes_worth(n_others * (min(self._seconds) + training), self.count)


class Share:
    """Tasks that are away.

    Parameters
    ----------
    entries : list of Entry
        Of the queue; the tasks of one call.
    fits : list of (Task, Fit)
        Trainings of tasks that wait.
    n_processes : int
        That take them.
    settings : (int, int)
        The meetings' max_stack and max_stack_bytes.
    at_most : int
        Tasks that a process takes at a time; what it makes of them comes back before it takes others.
    """

    def __init__(
        self, entries: Sequence[Entry], fits: Waiting, n_processes: int, settings: tuple[int, int], at_most: int
    ):
        self.entries, self.fits, self.n_processes, self._settings = list(entries), list(fits), n_processes, settings
        self.at_most = at_most
        self.call = entries[0][2].call
        self.failed: Task | None = None  # the first one that has raised, later
        self._offload = Offload(n_processes)

    def give_up(self) -> None:
        """Nobody wants the results any more."""
        self._offload.stop()

    def drop(self) -> None:
        """The processes will not be asked."""
        self._offload.close()

    def run(self) -> Iterator[Back]:
        """Let the processes run the tasks, which then only give their results; what came back, as it comes.

        What is left in `entries` and `fits` in the end stays as it is: where something cannot be sent, or a process was
        killed.
        """
        fits = dict(self.fits)
        ordered = by_table([*fits, *(task for *_, task in self.entries)])
        receivers: list[Task | Fit] = [fits.get(task, task) for task, _ in ordered]
        functions = [(_work_of(receiver), table) for receiver, (_, table) in zip(receivers, ordered, strict=True)]
        parts = in_parts(dealt([table for _, table in ordered], self.n_processes), self.at_most)
        floating_point = self.call.context.run(np.geterr)
        seen: dict[Any, Any] = {}
        lines: Any = self.call.meeting.lines
        with (
            self._offload as offload,
            suppress(Exception, KeyboardInterrupt),  # Ctrl-C goes to all processes of a terminal
            offload.listening(partial(received, lines)) as listener,
        ):
            settings = (
                self.n_processes,
                *self._settings,
                floating_point,
                offload.stopped,
                listener.relay,
                lines is not None,
            )
            arguments = [([functions[i] for i in part], *settings) for part in parts]
            for place, (results, stacks) in offload.results(_work, arguments):
                back = {
                    id(receiver)
                    for receiver, result in zip((receivers[i] for i in parts[place]), results, strict=True)
                    if result is not None and self._takes(receiver, result, seen)
                }
                listener.catch_up()  # what was said of it comes before the result
                yield self._parted(back, stacks)

    def _takes(self, receiver: Task | Fit, result: Result, seen: dict[Any, Any]) -> bool:
        """Whether the result is what the receiver comes to."""
        if isinstance(receiver, Task):
            receiver.function = partial(result.give, seen)
            if result.error is None or self.failed is not None:
                return True
            self.failed = receiver
        elif result.value is not None and not result.caught:  # warnings are given in the training here
            receiver.end(result.value)
            return True
        return False

    def _parted(self, back: set[int], stacks: list[int]) -> Back:
        """Those that are back, which are no longer away."""
        entries = [entry for entry in self.entries if id(entry[2]) in back]
        fits = [(task, fit) for task, fit in self.fits if id(fit) in back]
        self.entries = [entry for entry in self.entries if id(entry[2]) not in back]
        self.fits = [(task, fit) for task, fit in self.fits if id(fit) not in back]
        return Back(entries, fits, stacks)


class Back(NamedTuple):
    """What has come back: tasks that have their results, trainings that have ended, and the sizes of the stacks."""

    entries: list[Entry]
    fits: Waiting
    stacks: list[int]


def by_table(tasks: Sequence[Task]) -> list[tuple[Task, int]]:
    """The tasks with the numbers of their tables, those of one table side by side.

    What meets then has its rows in common: they are standardised once, and gathered once for each batch.
    """
    return sorted(zip(tasks, data_numbers([task.table for task in tasks]), strict=True), key=itemgetter(1))


def dealt(tables: Sequence[int], n_processes: int) -> list[list[int]]:
    """Which of the tasks each process takes, given the numbers of their tables, side by side.

    Of tables with as many tasks each, a process has as many whole ones as the others, so that few are read twice. Of
    what is left, it has every n-th task, for costly ones are often neighbours.
    """
    sizes = [len(list(group)) for _, group in groupby(tables)]
    whole = len(sizes) // n_processes if len(set(sizes)) == 1 and sizes[0] > 1 else 0  # tables for each process
    rest = whole * n_processes * sizes[0]
    shares = [list(range(i * whole * sizes[0], (i + 1) * whole * sizes[0])) for i in range(n_processes)]
    return [[*share, *range(rest + i, len(tables), n_processes)] for i, share in enumerate(shares)]


def in_parts(shares: Sequence[list[int]], at_most: int) -> list[list[int]]:
    """Shares as parts of about equal size, at most so many tasks, those of all processes in turn."""
    parts = []
    for share in shares:
        size = -(-len(share) // -(-len(share) // at_most)) if share else 1
        parts.append([share[start : start + size] for start in range(0, len(share), size)])
    return [part for turn in zip_longest(*parts) for part in turn if part is not None]


def _work_of(receiver: Task | Fit) -> Callable[[], Any]:
    """What a process does for it."""
    if isinstance(receiver, Task):
        return receiver.function
    return partial(_training, [guarded.member for guarded in receiver.members])


def _work(
    functions: Sequence[tuple[Callable[[], Any], int]],
    n_processes: int,
    max_stack: int,
    max_stack_bytes: int,
    floating_point: dict[str, Any],
    given_up: FileEvent,
    relay: Relay,
    has_lines: bool,
) -> tuple[list[Result | None], list[int]]:
    """In a process: the results of tasks that meet here, given with their tables; None for those that have none.

    They have to run where they came from; or one has raised, and the others, in all processes, are given up. What the
    trainings warn of, once for a whole stack, comes with the first task's result; where there is no task, with that of
    a training, which is then done again where it came from.
    """
    end_with_parent()
    meeting = Meeting(max_stack, max_stack_bytes, 1, n_beside=n_processes)
    meeting.lines = LinesThere(relay) if has_lines else None
    with (
        one_blas_thread(),
        redirect_stdout(Printed(relay)) as printed,
        np.errstate(**floating_point),
        warnings.catch_warnings(record=True) as caught,
    ):
        warnings.simplefilter("default")
        call = Call(meeting, None, copy_context(), given_up=given_up)
        futures = [
            meeting.submit(call, partial(_result, function, given_up), lambda future: None, table)
            for function, table in functions
        ]
        with meeting.wait_for(call):
            wait(futures)
        printed.flush()
    results: list[Result | None] = [None if future.exception() else future.result() for future in futures]
    is_training = [getattr(function, "func", None) is _training for function, _ in functions]
    for i in sorted(range(len(results)), key=is_training.__getitem__):
        result = results[i]
        if result is not None:
            results[i] = replace(result, caught=[*portable(caught), *result.caught])
            break
    return results, meeting.stacks


def _training(members: Sequence[Member]) -> list[Outcome] | None:
    """In a process: outcomes, or None where it raises: it is then trained where the error belongs to its own task."""
    try:
        return train_members(members)
    except Exception:
        return None


def _result(function: Callable[[], Any], given_up: FileEvent) -> Result | None:
    """What one task comes to."""
    value: Any = None
    error: Exception | None = None
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        try:
            value = function()
        except Elsewhere:
            return None
        except Exception as raised:
            error = raised
            note_place(error)
            given_up.set()
    return Result(value, error, portable(caught))
