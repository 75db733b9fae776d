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
from typing import Any, TypeVar

Function = TypeVar("Function", bound=Callable[..., Any])
Warned = tuple[type[Warning], str]
_collected: ContextVar[list[Warned] | None] = ContextVar("collected", default=None)
_turn = threading.RLock()
PACKAGE = os.path.dirname(__file__)
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

    return called  # type: ignore[return-value]


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


def warn(message: str, category: type[Warning] = UserWarning, stacklevel: int = 1) -> None:
    """Give a warning as `warnings.warn` does, or to whoever collects those of this context."""
    collected = _collected.get()
    if collected is None:
        warnings.warn(message, category, stacklevel=stacklevel + 1)
    else:
        collected.append((category, message))


def outside() -> int:
    """The stacklevel, for who asks, of the first caller that is not of skdl: what is asked for comes many ways."""
    level, frame = 1, sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(PACKAGE):
        level, frame = level + 1, frame.f_back
    return level


@contextmanager
def collecting() -> Iterator[list[Warned]]:
    """Collect what the body warns of."""
    found: list[Warned] = []
    token = _collected.set(found)
    try:
        yield found
    finally:
        _collected.reset(token)
