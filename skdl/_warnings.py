"""Warnings, and their filters, where several threads are at work.

`warnings.catch_warnings` changes the filters of the whole process: two threads that enter it at the same time may leave
it with each other's, for ever. What warns by `warn` may be collected instead, by whoever fits several estimators and
says once what many of them have to say. Our own code never touches the filters; functions of scikit-learn that do, for
a moment, are called by one thread at a time (`in_turn`).
"""

from __future__ import annotations

import os
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from types import FrameType
from typing import Any, TypeVar, cast

Function = TypeVar("Function", bound=Callable[..., Any])
Warned = tuple[type[Warning], str]
_collected: ContextVar[list[Warned] | None] = ContextVar("collected", default=None)
_turn = threading.RLock()
BETWEEN = {"skdl", "sklearn", "joblib", "contextlib", "threading", "concurrent", "multiprocessing", "runpy"}
PLAIN = {"numpy", "pandas", "polars", "pyarrow", "scipy"}  # whose data wait for no other thread to become an array


def in_turn(function: Function) -> Function:
    """A function that enters `warnings.catch_warnings`, for one thread at a time.

    Not where its data belong to a library that may compute them in other threads: these could be waiting for the turn.
    """

    @wraps(function)
    def called(*args: Any, **kwargs: Any) -> Any:
        if any(map(_may_wait, args)):
            return function(*args, **kwargs)
        with _turn:
            return function(*args, **kwargs)

    return cast(Function, called)


def _may_wait(value: Any) -> bool:
    return hasattr(value, "__array__") and type(value).__module__.partition(".")[0] not in PLAIN


def filters() -> Any:
    """The filters as they are where no function of another thread has changed them for a moment."""
    with _turn:
        return warnings.filters


def put_back(found: Any) -> None:
    """Let the filters be these, which an interrupt has kept a function from putting back."""
    with _turn:
        if warnings.filters is not found:
            warnings.filters = found
            with warnings.catch_warnings():  # what was decided by the others is forgotten as this ends
                pass


def _new_turn() -> None:
    """In a process that was forked while another thread had its turn."""
    global _turn
    _turn = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_new_turn)


def warn(message: str, category: type[Warning] = UserWarning) -> None:
    """Give a warning that points to the user's line, or give it to whoever collects those of this context."""
    collected = _collected.get()
    if collected is None:
        warnings.warn(message, category, stacklevel=_level_of_user())
    else:
        collected.append((category, message))


def _level_of_user() -> int:
    """The stacklevel, for `warn`, of the first caller that is not of skdl, nor of what calls it on a user's behalf.

    In a thread or a process that has no user's line, it is that of the first caller that is not of skdl.
    """
    level, other = 1, None
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        home = _home(frame)
        if home not in BETWEEN:
            return level
        if home != "skdl" and other is None:
            other = level
        level, frame = level + 1, frame.f_back
    return other or 1


def _home(frame: Any) -> str:
    """The package that a frame's code belongs to."""
    module = frame.f_globals
    return str(module.get("__package__") or module.get("__name__")).partition(".")[0]


@contextmanager
def collecting() -> Iterator[list[Warned]]:
    """Collect what the body warns of."""
    found: list[Warned] = []
    token = _collected.set(found)
    try:
        yield found
    finally:
        _collected.reset(token)
