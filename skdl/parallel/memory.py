"""Memory that a process keeps while tasks of one kind come one after the other.

What glibc frees in large pieces goes back to the system, which clears it page by page when it is asked for again. Tasks
that slice a table of 30 MB ask for 100 MB each, and spent an eighth of their processes' time so.
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
ALL = -1  # of the largest number
MMAP_MAX, MMAP_THRESHOLD = 1 << 16, 1 << 25  # glibc's own, the second where its rule ends that goes by what is freed


@contextmanager
def memory_kept(n_bytes: int) -> Iterator[None]:
    """Keep what is freed in the body for the next arrays, and afterwards about `n_bytes` of it; only with glibc."""
    libc = _glibc()
    if libc is None:
        yield
        return
    libc.mallopt(M_ARENA_MAX, 1)  # those of threads cannot hold large arrays
    libc.mallopt(M_MMAP_MAX, 0)
    libc.mallopt(M_TRIM_THRESHOLD, ALL)
    try:
        yield
    finally:
        libc.mallopt(M_MMAP_MAX, MMAP_MAX)
        libc.mallopt(M_MMAP_THRESHOLD, MMAP_THRESHOLD)
        libc.mallopt(M_TRIM_THRESHOLD, n_bytes)
        libc.malloc_trim(n_bytes)


@cache
def _glibc() -> Any:
    """The C library of this process, if it is glibc."""
    libc = CDLL(None) if sys.platform == "linux" else None
    if libc is None or not (hasattr(libc, "mallopt") and hasattr(libc, "malloc_trim")):
        return None
    libc.malloc_trim.argtypes = [c_size_t]
    return libc
