"""What meets: functions to run, and the calls that gave them."""

from __future__ import annotations

import threading
import time
import traceback
import warnings
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import Future
from contextvars import Context
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from skdl.engine import Member, Outcome
from skdl.engine.member import Signal
from skdl.execution.stacker import stacking_with

if TYPE_CHECKING:
    from skdl.parallel.meeting import Meeting


class Cancelled(BaseException):
    """Raised in a task whose result nobody waits for any more; no Exception, so that `error_score` lets it pass."""


class Elsewhere(BaseException):
    """Raised in a task that another process has to run."""


class Filters:
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
    meeting : Meeting
    caller : Task or None
        None for a thread that is not a task of the meeting.
    context : contextvars.Context
        What the tasks run in copies of.
    lazy : bool
        Whether the caller goes on while they run, and takes the results one by one.
    given_up : Signal or None
        In a worker process: says that nobody wants the results any more where they came from.
    """

    meeting: Meeting
    caller: Task | None
    context: Context
    lazy: bool = False
    given_up: Signal | None = None
    unfinished: int = 0
    dispatching: bool = False  # a caller outside gives its first tasks, and counts as one that runs
    retrieving: bool = False  # the caller waits
    over: bool = False  # nobody wants the results
    filters: Filters | None = None  # the caller's

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


class Start:
    """How things stood when a task began, in the thread that runs it."""

    def __init__(self) -> None:
        self._random_numbers = _random_numbers()
        self._times = time.thread_time(), time.process_time()

    def seconds(self) -> float:
        """What the task has taken since."""
        return time.thread_time() - self._times[0]

    def seconds_of_others(self) -> float:
        """What other threads have: they are BLAS's and OpenMP's, since one task runs at a time."""
        return time.process_time() - self._times[1] - self.seconds()

    def random_numbers_drawn(self) -> bool:
        """Whether NumPy's global generator has moved."""
        return _random_numbers() != self._random_numbers


@dataclass(eq=False)
class Task:
    """One function to run in a thread of its own; for the engine, the place where the fits of that thread meet others.

    Parameters
    ----------
    call : Call
    function : callable
    done : callable
        Called with the future, in the task's own thread.
    table : hashable
        What tasks have in common that work on the same rows.
    """

    call: Call
    function: Callable[[], Any]
    done: Callable[[Future[Any]], None]
    table: Hashable
    future: Future[Any] = field(default_factory=Future)
    turn: threading.Event = field(default_factory=threading.Event)
    start: Start | None = None
    may_leave: bool = True  # for another process: not yet begun, nor back from there
    waited: float = 0.0  # seconds, for trainings and for tasks of its own
    trained: float = 0.0  # and its share of what was done meanwhile

    def train(self, members: Sequence[Member]) -> list[Outcome]:
        return self.call.meeting.train(self, members)

    def intern(self, X: Any) -> Any:
        if not isinstance(X, np.ndarray) or (X.flags.c_contiguous and not X.flags.owndata):
            return X  # sparse rows, or those that the caller has, too
        return self.call.meeting.cache.intern(X)

    def clock(self) -> float:
        return (time.perf_counter() - self.waited) / self.call.meeting.n_beside + self.trained

    def memoize(self, X: Any, compute: Callable[[Any], Any]) -> Any:
        return self.call.meeting.cache.memoize(X, compute)

    def run(self) -> None:
        """Run the function, unless nobody wants its result, and hand the future over."""
        try:
            if self.call.cancelled:
                raise Cancelled
            if self.call.filters is not None:
                self.call.filters.restore()
            self.start = Start()
            begun = self.clock()
            with stacking_with(self):
                self.future.set_result(self.call.context.copy().run(self.function))
            if self.call.caller is not None:
                self.call.caller.trained += self.clock() - begun
        except BaseException as error:
            if isinstance(error, Exception):
                note_place(error)
            self.future.set_exception(error)
        self.done(self.future)

    def wait_for_turn(self) -> None:
        self.turn.wait()
        self.turn.clear()


def arrays_of(function: Callable[[], Any]) -> tuple[int, ...]:
    """The arrays that the calls in a function of joblib's are given: the same ones in tasks of one fold."""
    calls = getattr(function, "items", ())
    values = [value for _, args, kwargs in calls for value in (*args, *kwargs.values())]
    return tuple(id(value) for value in values if isinstance(value, np.ndarray))


def note_place(error: Exception) -> None:
    """Note where an error was raised: joblib takes the traceback off."""
    if not hasattr(error, "__notes__"):
        error.add_note("In the task:\n" + "".join(traceback.format_tb(error.__traceback__)[1:]))


def _random_numbers() -> Hashable:
    """Where NumPy's global generator stands."""
    state: Any = np.random.get_state(legacy=False)["state"]  # noqa: NPY002
    return tuple(value.tobytes() if isinstance(value, np.ndarray) else value for value in state.values())
