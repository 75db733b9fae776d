"""Memory that a process keeps while tasks of one kind come one after the other.

What glibc frees in large pieces goes back to the system, which clears it page by page when it is asked for again. Tasks
that slice a table of 30 MB ask for 100 MB each, and spent an eighth of their processes' time so.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ctypes import CDLL
from functools import cache
from typing import Any

# Parameters of glibc's mallopt, by their names in malloc.h, while memory is kept and afterwards.
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_MMAP_MAX, M_ARENA_MAX = -1, -3, -4, -8
KEEP = ((M_ARENA_MAX, 1), (M_MMAP_MAX, 0), (M_TRIM_THRESHOLD, -1))  # threads' own arenas could not hold large arrays
RETURN = (
    (M_MMAP_MAX, 1 << 16),
    (M_MMAP_THRESHOLD, 1 << 25),
    (M_TRIM_THRESHOLD, 1 << 26),
)  # where glibc's own rule ends


@contextmanager
def memory_kept() -> Iterator[None]:
    """Keep what is freed in the body for the next arrays; afterwards it goes back. Without glibc, nothing changes."""
    libc = _glibc()
    if libc is None:
        yield
        return
    _set(libc.mallopt, KEEP)
    try:
        yield
    finally:
        _set(libc.mallopt, RETURN)
        libc.malloc_trim(0)


def _set(mallopt: Callable[[int, int], int], values: tuple[tuple[int, int], ...]) -> None:
    for parameter, value in values:
        mallopt(parameter, value)


@cache
def _glibc() -> Any:
    """The C library of this process, if it is glibc."""
    libc = CDLL(None) if sys.platform == "linux" else None
    return libc if libc is not None and hasattr(libc, "mallopt") and hasattr(libc, "malloc_trim") else None
