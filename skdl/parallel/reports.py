"""Progress of a call: lines of this process, and what other processes tell it."""

from __future__ import annotations

import io
import itertools
import os
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from skdl._progress import LAST, Watch, Work, labelled
from skdl.engine import TrainingSpec
from skdl.execution.relay import Relay


class Reports(ABC):
    """Reports on the networks that a call trains."""

    def __init__(self) -> None:
        self._numbers = itertools.count()

    def watches(self, members: Sequence[TrainingSpec], trials: set[int]) -> list[Watch]:
        """The watches of the members that a task asks for.

        Its `trials` are the numbers of the networks whose first training has ended, and which may ask for a second one.
        They come in their order, and are no further networks.
        """
        self.expect(len(members))
        before = iter(sorted(trials))
        trials.clear()
        watches = []
        for member in members:
            number = next(before, None) if member.phase == 2 else None
            number = next(self._numbers) if number is None else number
            watch = self._watch(number, member.phase, member.n_epochs)
            watches.append(partial(_with_trial, trials, number, watch) if member.phase == 1 else watch)
        return watches

    @abstractmethod
    def expect(self, n_members: int) -> None:
        """A task has so many networks."""

    @abstractmethod
    def _watch(self, number: int, phase: int, n_epochs: int) -> Watch:
        """The watch of a training of one of them, in this phase of its fit."""


class LocalReports(Reports):
    """Lines that this process prints.

    Parameters
    ----------
    n_tasks : callable
        How many the call has, None as long as it is not known.
    write : callable
        Where a line goes.
    """

    def __init__(self, n_tasks: Callable[[], int | None], write: Callable[[str], object]):
        super().__init__()
        self._n_tasks, self._each = n_tasks, 1
        self.work = Work("[skdl]: ", self._total, "networks", write, alike=False)

    def expect(self, n_members: int) -> None:
        self._each = max(self._each, n_members)

    def _watch(self, number: int, phase: int, n_epochs: int) -> Watch:
        return self._watch_of(number, phase, n_epochs)

    def _watch_of(self, key: Hashable, phase: int, n_epochs: int) -> Watch:
        return self.work.watch_phase(key, phase, n_epochs) if phase else self.work.watch(key, n_epochs)

    def _total(self) -> int | None:
        n_tasks = self._n_tasks()
        total = None if n_tasks is None else n_tasks * self._each
        return None if total is None or self.work.n_seen > total else total  # tasks of tasks have networks of their own

    def receive(self, kind: str, *message: Any) -> None:
        """Take a message of another process."""
        if kind == "expect":
            self.expect(*message)
        else:
            key, phase, n_epochs, record, reason = message
            self._watch_of(key, phase, n_epochs)(record, reason)


class RemoteReports(Reports):
    """Messages to the process that this one works for."""

    def __init__(self, relay: Relay):
        super().__init__()
        self._relay = relay

    def expect(self, n_members: int) -> None:
        self._relay("expect", n_members)

    def _watch(self, number: int, phase: int, n_epochs: int) -> Watch:
        return partial(self._relay, "note", f"{os.getpid()} {number}", phase, n_epochs)


def _with_trial(trials: set[int], number: int, watch: Watch, record: dict[str, Any] | None, reason: str | None) -> None:
    """Watch a trial, and note its end where a second training may follow."""
    if reason is not None and reason not in LAST:
        trials.add(number)
    watch(record, reason)


def receive(reports: LocalReports | None, kind: str, *message: Any) -> None:
    """Take what a process tells: text that its tasks print, or how far they are."""
    if kind == "text":
        sys.stdout.write(message[0])
        sys.stdout.flush()
    elif reports is not None:
        reports.receive(kind, *message)


class RelayedOutput(io.TextIOBase):
    """The standard output of tasks in a worker process, printed line by line by the process that it works for."""

    def __init__(self, relay: Relay):
        self._relay, self._begun = relay, ""

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        lines, end, self._begun = (self._begun + text).rpartition("\n")
        if end:
            self._relay("text", lines + end)
        return len(text)

    def flush(self) -> None:
        if self._begun:
            self._relay("text", self._begun)
            self._begun = ""


@dataclass(frozen=True)
class LabelledJob:
    """A function of joblib's; the lines of networks that it fits are labelled with its number."""

    number: int
    function: Callable[[], Any]

    def __call__(self) -> Any:
        with labelled(f"task {self.number}"):
            return self.function()


class TaskLimit(int):
    """Tasks that may have begun at a time, which joblib counts; as text, how many are worked on.

    Parameters
    ----------
    n_tasks, n_threads : int
    """

    def __new__(cls, n_tasks: int, n_threads: int) -> TaskLimit:
        number = super().__new__(cls, n_tasks)
        number.n_threads = n_threads
        return number

    n_threads: int

    def __format__(self, specification: str) -> str:
        return format(self.n_threads, specification)
