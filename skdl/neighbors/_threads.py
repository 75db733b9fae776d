"""Threads over blocks of rows, with BLAS kept to one thread each."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from joblib import Parallel, delayed

from skdl._threads import one_blas_thread


def map_blocks(function: Callable[..., Any], blocks: Iterable[Any], n_threads: int) -> list[Any]:
    """The function's results in the order of the blocks."""
    with one_blas_thread():
        if n_threads == 1:
            return [function(block) for block in blocks]
        return Parallel(n_jobs=n_threads, require="sharedmem")(delayed(function)(block) for block in blocks)
