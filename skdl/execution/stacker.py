"""The stacker of a thread: a hook for whoever trains the fits of several threads together.

A thread in which `stacking_with` is entered hands the members of its fits over and waits; the stacker trains them with
those of other threads, and hands each thread its outcomes.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

from skdl.engine import TrainingResult, TrainingSpec


class Stacker(Protocol):
    """Trains the fits of several threads together."""

    def train(self, members: Sequence[TrainingSpec]) -> list[TrainingResult]:
        """The outcomes of the members, each the same as alone; an error in one of them is raised here."""

    def intern(self, X: Any) -> Any:
        """The values X of a frame in C order, or equal ones, to the last bit, that another fit holds already."""

    def memoize(self, X: Any, compute: Callable[[Any], Any]) -> Any:
        """compute(X); of an array that `intern` gave it is computed once for all fits, by each function."""

    def clock(self) -> float:
        """Seconds on a clock that stands while the thread waits, and goes on by its share of what is trained."""


class _Thread(threading.local):
    stacker: Stacker | None = None


_thread = _Thread()


def current_stacker() -> Stacker | None:
    """The stacker of this thread; None where fits are trained at once."""
    return _thread.stacker


@contextmanager
def stacking_with(stacker: Stacker | None) -> Iterator[None]:
    """Leave the fits of this thread to a stacker, or with None to nobody."""
    before, _thread.stacker = _thread.stacker, stacker
    try:
        yield
    finally:
        _thread.stacker = before


def interned(X: Any) -> Any:
    """The values of a frame for a fit in this thread: those that another fit holds, where a stacker finds them."""
    stacker = current_stacker()
    return X if stacker is None else stacker.intern(X)


def memoized(X: Any, compute: Callable[[Any], Any]) -> Any:
    """compute(X), which fits of one stacker that share X have computed once."""
    stacker = current_stacker()
    return compute(X) if stacker is None else stacker.memoize(X, compute)


def clock() -> float:
    """Seconds on this thread's clock: with a stacker, it does not count the fits of others."""
    stacker = current_stacker()
    return time.perf_counter() if stacker is None else stacker.clock()
