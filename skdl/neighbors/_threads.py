"""Threads over blocks of rows, with BLAS kept to one thread each."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import Any

from joblib import Parallel, delayed
from threadpoolctl import threadpool_limits

_lock = threading.Lock()
_users = 0
_limits: Any = None


class single_threaded_blas:  # noqa: N801 - a context manager reads as a verb
    """One BLAS thread while any thread is inside.

    BLAS limits belong to the process: two overlapping limits that each restore what they found would leave the limit
    of the first behind. Only the first to enter sets it, and only the last to leave restores it.
    """

    def __enter__(self) -> None:
        global _users, _limits
        with _lock:
            if _users == 0:
                _limits = threadpool_limits(limits=1, user_api="blas")
            _users += 1

    def __exit__(self, *exception: object) -> None:
        global _users, _limits
        with _lock:
            _users -= 1
            if _users == 0:
                _limits.restore_original_limits()
                _limits = None


def map_blocks(function: Callable[..., Any], blocks: Iterable[Any], n_threads: int) -> list[Any]:
    """The function's results in the order of the blocks."""
    if n_threads == 1:
        return [function(block) for block in blocks]
    with single_threaded_blas():
        return Parallel(n_jobs=n_threads, require="sharedmem")(delayed(function)(block) for block in blocks)
