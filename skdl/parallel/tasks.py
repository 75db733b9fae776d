"""What meets: functions to run, and the calls that gave them."""

from __future__ import annotations

import threading
import traceback
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextvars import Context
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from skdl.engine import Member, Outcome
from skdl.engine.gathering import gathered_by

if TYPE_CHECKING:
    from skdl.parallel.meeting import Meeting


class Cancelled(BaseException):
    """Raised in a task whose result nobody waits for any more; no Exception, so that `error_score` lets it pass."""


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
        None for a thread that is no task of the meeting.
    context : contextvars.Context
        What the tasks run in copies of.
    lazy : bool
        Whether the caller goes on while they run, and takes the results one by one.
    """

    meeting: Meeting
    caller: Task | None
    context: Context
    lazy: bool = False
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
        return self.over or (self.caller is not None and self.caller.call.cancelled)

    @property
    def outermost(self) -> Call:
        return self if self.caller is None else self.caller.call.outermost


@dataclass(eq=False)
class Task:
    """One function to run in a thread of its own; for the engine, the place where the fits of that thread meet others.

    Parameters
    ----------
    call : Call
    function : callable
    done : callable
        Called with the future, in the task's own thread.
    """

    call: Call
    function: Callable[[], Any]
    done: Callable[[Future[Any]], None]
    future: Future[Any] = field(default_factory=Future)
    turn: threading.Event = field(default_factory=threading.Event)

    def train(self, members: Sequence[Member]) -> list[Outcome]:
        return self.call.meeting.train(self, members)

    def shared(self, X: Any) -> Any:
        return self.call.meeting.pool.shared(X)

    def fact(self, X: Any, compute: Callable[[Any], Any]) -> Any:
        return self.call.meeting.pool.fact(X, compute)

    def run(self) -> None:
        """Run the function, unless nobody wants its result, and hand the future over."""
        try:
            if self.call.cancelled:
                raise Cancelled
            if self.call.filters is not None:
                self.call.filters.restore()
            with gathered_by(self):
                self.future.set_result(self.call.context.copy().run(self.function))
        except BaseException as error:
            if isinstance(error, Exception) and not hasattr(error, "__notes__"):  # joblib takes the traceback off
                error.add_note("In the task:\n" + "".join(traceback.format_tb(error.__traceback__)[1:]))
            self.future.set_exception(error)
        self.done(self.future)

    def wait_for_turn(self) -> None:
        self.turn.wait()
        self.turn.clear()
