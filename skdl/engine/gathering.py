"""Where the fits of several threads may meet, to be trained together: a hook for whoever gathers them.

The engine does not know who does. A thread in which `gathered_by` is entered hands the members of its fits over and
waits; the gathering trains them with those of other threads and hands each thread its outcomes.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

from skdl.engine.member import Member, Outcome


class Gathering(Protocol):
    """A place where fits meet."""

    def train(self, members: Sequence[Member]) -> list[Outcome]:
        """The outcomes of the members, each the same as alone; an error in one of them is raised here."""

    def shared(self, X: Any) -> Any:
        """The values X of a frame in C order, or equal ones, to the last bit, that another fit holds already."""

    def clock(self) -> float:
        """Seconds on a clock that stands while the thread waits, and goes on by its share of what is trained."""

    def fact(self, X: Any, compute: Callable[[Any], Any]) -> Any:
        """compute(X); of an array that `shared` gave it is computed once for all fits."""


class _Thread(threading.local):
    gathering: Gathering | None = None


_thread = _Thread()


def gathering() -> Gathering | None:
    """Where this thread's fits meet those of others; None for nowhere."""
    return _thread.gathering


def shared_rows(X: Any) -> Any:
    """The values of a frame for a fit in this thread: those that another fit holds, where they meet and are equal."""
    place = gathering()
    return X if place is None else place.shared(X)


def clock() -> float:
    """Seconds on this thread's clock: where fits meet, it does not count those of others."""
    place = gathering()
    return time.perf_counter() if place is None else place.clock()


@contextmanager
def gathered_by(place: Gathering | None) -> Iterator[None]:
    """Let the fits of this thread meet others at `place`, or nowhere."""
    before, _thread.gathering = _thread.gathering, place
    try:
        yield
    finally:
        _thread.gathering = before
