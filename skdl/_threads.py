"""Threads: their number by `n_jobs`, a map over them, and BLAS held to one thread while several of ours run."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from typing import Any

from joblib import cpu_count, effective_n_jobs
from threadpoolctl import ThreadpoolController

from skdl._interrupts import held, to_the_end

_lock = threading.Lock()
_holders = 0
_threads_before: list[int] = []


class one_blas_thread:  # noqa: N801
    """Hold BLAS to one thread; it gets its threads back when the last of several holders leaves.

    The limit is a property of the process: without the count, two overlapping holders would restore each other's limit.
    An interrupt that falls into the change of it does not leave it half done; where it keeps the end from being called,
    the fit gives back what is held (a generator would do so when its traceback is forgotten).
    """

    def __enter__(self) -> None:
        global _holders, _threads_before
        self._holds, interrupt = False, None
        held().append(self._release)
        with _lock:
            if _holders == 0:
                _threads_before = [library.num_threads for library in _blas()]
            _holders, self._holds = _holders + 1, True
            if _holders == 1:
                interrupt = to_the_end(lambda: _set_threads([1] * len(_threads_before)))
        if interrupt is not None:
            self.__exit__()
            raise interrupt

    def __exit__(self, *error: object) -> None:
        interrupt = to_the_end(self._release)
        if self._release in held():
            held().remove(self._release)
        if interrupt is not None:
            raise interrupt

    def _release(self) -> None:
        """Give the threads back, if nothing else holds them; called again after an interrupt, it does the rest.

        So the count, which says that it is done, comes last.
        """
        global _holders
        with _lock:
            if self._holds:
                if _holders == 1:
                    _set_threads(_threads_before)
                _holders, self._holds = _holders - 1, False


def _set_threads(counts: Sequence[int]) -> None:
    for library, count in zip(_blas(), counts, strict=True):
        library.set_num_threads(count)


@contextmanager
def thread_map(count: int) -> Iterator[Callable[..., Iterator[Any]]]:
    """A `map` whose tasks are taken by `count` threads with one BLAS thread each; its results are in the tasks' order.

    The threads are plain ones: joblib's, handed a task at a time, lose half of what two cores gain where a task takes
    less than a millisecond.
    """
    with one_blas_thread():
        if count == 1:
            yield map
            return
        with ThreadPoolExecutor(count) as pool:
            yield pool.map


@cache
def _blas() -> list[Any]:
    """BLAS as NumPy and SciPy loaded it; looking for it takes longer than a small product."""
    found: list[Any] = ThreadpoolController().select(user_api="blas").lib_controllers
    return found


def blas_threads() -> int:
    """The number of threads that BLAS has now."""
    return max((library.num_threads for library in _blas()), default=1)


def n_threads(n_jobs: int | None) -> int:
    """Threads for `n_jobs` in joblib's convention: None is 1 (or what `parallel_config` says), -1 all cores.

    A backend may have more workers than this machine has cores, or than were asked for: only cores make threads.
    """
    count: int = effective_n_jobs(n_jobs)
    if count == 1:
        return 1  # to count the cores reads files, in each fit
    return min(count, n_jobs if n_jobs is not None and n_jobs > 0 else max(1, cpu_count() + 1 + min(n_jobs or -1, -1)))
