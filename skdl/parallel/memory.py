"""Memory that a process keeps while tasks of one kind come one after the other.

What glibc frees in large pieces goes back to the system, which clears it page by page when it is asked for again. Tasks
that slice a table of 30 MB for themselves ask for 100 MB each, and spent an eighth of their processes' time so. Where
they share slices, as candidates with frames do, the time is the same, and a process holds 0.7 GB in place of 1.0.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from ctypes import CDLL, c_size_t
from functools import cache
from typing import Any

# Parameters of glibc's mallopt, by their names in malloc.h.
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_MMAP_MAX, M_ARENA_MAX = -1, -3, -4, -8
# Values of them while memory is kept (arenas of threads cannot hold large arrays), and afterwards: glibc's own, the
# last two where its rule ends that goes by what is freed.
KEEPING = ((M_ARENA_MAX, 1), (M_MMAP_MAX, 0), (M_TRIM_THRESHOLD, -1))
AFTERWARDS = ((M_MMAP_MAX, 1 << 16), (M_MMAP_THRESHOLD, 1 << 25), (M_TRIM_THRESHOLD, 1 << 26))


@contextmanager
def memory_kept() -> Iterator[None]:
    """Keep what is freed in the body for the next arrays; afterwards it goes back. Without glibc nothing changes."""
    libc = _glibc()
    if libc is None:
        yield
        return
    for parameter, value in KEEPING:
        libc.mallopt(parameter, value)
    try:
        yield
    finally:
        for parameter, value in AFTERWARDS:
            libc.mallopt(parameter, value)
        libc.malloc_trim(0)


@cache
def _glibc() -> Any:
    """The C library of this process, if it is glibc."""
    libc = CDLL(None) if sys.platform == "linux" else None
    if libc is None or not (hasattr(libc, "mallopt") and hasattr(libc, "malloc_trim")):
        return None
    libc.malloc_trim.argtypes = [c_size_t]
    return libc
