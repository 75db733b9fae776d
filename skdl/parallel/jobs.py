"""The tasks of joblib calls: functions to run, each in a thread of its own, and the calls that gave them."""

from __future__ import annotations

import threading
import time
import traceback
import warnings
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager, suppress
from contextvars import Context
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import Any, Protocol

import numpy as np

from skdl.engine import TrainingResult, TrainingSpec
from skdl.engine.training_spec import Signal
from skdl.execution.shared_data import ArrayCache
from skdl.execution.stacker import stacking_with
from skdl.parallel.reports import Reports

INTERRUPTIBLE = 0.1  # seconds of a wait, which on some systems no Ctrl-C ends


class Cancelled(BaseException):
    """Raised in a task whose result nobody waits for any more; no Exception, so that `error_score` lets it pass."""


class MustRunLocally(BaseException):
    """Raised in a task that was offloaded, and has to run in the process that it came from."""


class Scheduler(Protocol):
    """Runs tasks one at a time, and trains what they fit together.

    Attributes
    ----------
    cache : ArrayCache
        Arrays that tasks have in common.
    n_parallel : int
        Schedulers, with this one, that share the tasks of one call and run at the same time.
    stacks : list of int
        The number of members of each stack that was trained.
    reports : Reports or None
        What is told of how far it is.
    """

    cache: ArrayCache
    n_parallel: int
    stacks: list[int]
    reports: Reports | None

    def submit(
        self, call: Call, function: Callable[[], Any], done: Callable[[Future[Any]], None], data_key: Hashable
    ) -> Future[Any]:
        """Give a task on data, whose end `done` is told of."""

    def wait_for(self, call: Call) -> AbstractContextManager[None]:
        """A context in which the caller waits for its tasks."""

    def give_up(self, call: Call) -> None:
        """End the tasks of a call as soon as may be."""

    def wait_for_end(self, call: Call, timeout: float) -> None:
        """Wait until the threads of a call's tasks are through with them, `timeout` seconds at most."""

    def train(self, task: Task, members: Sequence[TrainingSpec]) -> list[TrainingResult]:
        """Wait until the members, which the task asks for, are trained, together with those of other tasks."""


class WarningFilters:
    """The filters of warnings as they are now, to be put back any number of times.

    They belong to the process. A task that has changed them (`warnings.catch_warnings`) and then waits would leave its
    own to the others, and those that it found to whoever comes after it.
    """

    def __init__(self) -> None:
        self._kept = warnings.catch_warnings()
        self._kept.__enter__()

    def restore(self) -> None:
        self._kept.__exit__(None, None, None)


@dataclass(eq=False)
class Call:
    """Tasks that were given together, and who waits for them.

    Parameters
    ----------
    scheduler : Scheduler
    caller : Task or None
        None for a thread that is not a task of the scheduler.
    context : contextvars.Context
        What the tasks run in copies of.
    lazy : bool
        Whether the caller goes on while they run, and takes the results one by one.
    given_up : Signal or None
        In a worker process: says that nobody wants the results any more where they came from.
    """

    scheduler: Scheduler
    caller: Task | None
    context: Context
    lazy: bool = False
    given_up: Signal | None = None
    unfinished: int = 0
    retrieving: bool = False  # the caller waits
    over: bool = False  # nobody wants the results
    filters: WarningFilters | None = None  # the caller's
    trains: bool = True  # whether its last task trained networks
    ends: SimpleQueue[None] = field(default_factory=SimpleQueue)  # told of the last task's, and of an error's

    def wait(self) -> None:
        """Wait until there is something to take: the results of all tasks, or an error.

        Not for a `threading.Event`, which an interrupt at a bad moment leaves with a lock that nobody holds.
        """
        while self.unfinished:
            with suppress(Empty):
                return self.ends.get(timeout=INTERRUPTIBLE)

    @property
    def depth(self) -> int:
        return 0 if self.caller is None else self.caller.call.depth + 1

    @property
    def cancelled(self) -> bool:
        if self.caller is not None:
            return self.over or self.caller.call.cancelled
        return self.over or (self.given_up is not None and self.given_up.is_set())

    @property
    def outermost(self) -> Call:
        return self if self.caller is None else self.caller.call.outermost


class TaskBaseline:
    """The processor time and the random numbers that a task began with, in the thread that runs it."""

    def __init__(self) -> None:
        self._random_numbers = _random_numbers()
        self._times = time.thread_time(), time.process_time()

    def seconds(self) -> float:
        """The processor time that the task has taken since."""
        return time.thread_time() - self._times[0]

    def seconds_of_others(self) -> float:
        """That of other threads: they are BLAS's and OpenMP's, since one task runs at a time."""
        return time.process_time() - self._times[1] - self.seconds()

    def random_numbers_drawn(self) -> bool:
        """True if NumPy's global generator has moved."""
        return _random_numbers() != self._random_numbers


@dataclass(eq=False)
class Task:
    """One function to run in a thread of its own; for the fits of that thread, the stacker.

    Parameters
    ----------
    call : Call
    function : callable
    done : callable
        Called with the future, in the task's own thread.
    data_key : hashable
        Equal for tasks that work on the same data.
    """

    call: Call
    function: Callable[[], Any]
    done: Callable[[Future[Any]], None]
    data_key: Hashable
    future: Future[Any] = field(default_factory=Future)
    turn: threading.Event = field(default_factory=threading.Event)
    baseline: TaskBaseline | None = None
    trains: bool = False  # networks
    may_leave: bool = True  # for another process: not yet begun, nor back from there
    waited: float = 0.0  # seconds, for trainings and for tasks of its own
    trained: float = 0.0  # and its share of what was done meanwhile
    trials: set[int] = field(default_factory=set)  # numbers, in the reports, of networks that may be trained again

    def train(self, members: Sequence[TrainingSpec]) -> list[TrainingResult]:
        self.trains = self.call.trains = True
        return self.call.scheduler.train(self, members)

    def intern(self, X: Any) -> Any:
        if not isinstance(X, np.ndarray) or (X.flags.c_contiguous and not X.flags.owndata):
            return X  # sparse rows, or those that the caller has, too
        return self.call.scheduler.cache.intern(X)

    def memoize(self, X: Any, compute: Callable[[Any], Any]) -> Any:
        return self.call.scheduler.cache.memoize(X, compute)

    def clock(self) -> float:
        return (time.perf_counter() - self.waited) / self.call.scheduler.n_parallel + self.trained

    def run(self) -> None:
        """Run the function, unless nobody wants its result, and hand the future over."""
        try:
            if self.call.cancelled:
                raise Cancelled
            if self.call.filters is not None:
                self.call.filters.restore()
            if self.call.trains:  # else it has a share in what the cheapest tasks take
                self.baseline = TaskBaseline()
            begun = self.clock()
            with stacking_with(self):
                self.future.set_result(self.call.context.copy().run(self.function))
            self.call.trains = self.trains
            if self.call.caller is not None:
                self.call.caller.trained += self.clock() - begun
        except BaseException as error:
            if isinstance(error, Exception):
                note_origin(error)
            self.future.set_exception(error)
        self.done(self.future)

    def wait_for_turn(self) -> None:
        self.turn.wait()
        self.turn.clear()


def note_origin(error: Exception) -> None:
    """Note where an error was raised: joblib takes the traceback off."""
    if not hasattr(error, "__notes__"):
        error.add_note("In the task:\n" + "".join(traceback.format_tb(error.__traceback__)[1:]))


def _random_numbers() -> Hashable:
    """The state of NumPy's global generator."""
    state: Any = np.random.get_state(legacy=False)["state"]  # noqa: NPY002
    return tuple(value.tobytes() if isinstance(value, np.ndarray) else value for value in state.values())
