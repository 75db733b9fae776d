"""Exact k nearest rows: by distance in float64, ties to the lowest index.

Every search proposes pairs that are certain to hold the answer and lets `Metric.between` rank them, so all of them
give the same bits, whatever the block sizes and the number of threads.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from itertools import count
from typing import Any

import numpy as np
from scipy import sparse
from sklearn import get_config

from skdl._compiled import Work
from skdl._threads import n_threads as threads_for
from skdl._threads import thread_map
from skdl.neighbors.metrics.metric import Metric, NanMinkowski


class Search(ABC):
    """An exact search for the nearest of the rows X."""

    name: str

    def __init__(self, X: Any, metric: Metric):
        self.X, self.metric = X, metric

    @abstractmethod
    def query(self, Q: Any, k: int, n_jobs: int | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Distances (float64) and indices of the k nearest rows of each row of Q, nearest first."""


class BlockSearch(Search):
    """Splits queries into blocks that fit the working memory and answers them on threads."""

    query_rows: int  # queries answered together, memory permitting
    gains_by_loops = False  # whether compiled loops do a part of the work that counts

    def query(self, Q: Any, k: int, n_jobs: int | None = None) -> tuple[np.ndarray, np.ndarray]:
        if sparse.issparse(Q) and not Q.has_canonical_format:
            Q = Q.copy()
            Q.sum_duplicates()
        n_queries = Q.shape[0]
        n_threads = min(threads_for(n_jobs), n_queries)
        # Half of the working memory: what NumPy and SciPy allocate inside a call is not counted in the estimates.
        budget = working_memory() // (2 * n_threads)
        most = max(1, min(self.query_rows, int(budget // self.bytes_per_query(k, budget))))
        size = -(-n_queries // (n_threads * -(-n_queries // (n_threads * most))))  # as many blocks for each thread
        blocks = [slice(start, start + size) for start in range(0, n_queries, size)]
        distances, indices = np.empty((n_queries, k)), np.empty((n_queries, k), np.intp)
        work, done = Work(), count(1)

        def answer(block: slice) -> None:
            distances[block], indices[block] = self.nearest(self._like_training(Q[block]), k, budget)
            if self.gains_by_loops:
                work.tell(next(done) / len(blocks))

        with thread_map(n_threads) as run:
            deque(run(answer, blocks), maxlen=0)
        # Rows without a common column are infinitely far, which is not an overflow.
        if np.isinf(distances).any() and not isinstance(self.metric, NanMinkowski):
            raise ValueError("The distances between rows of X overflow float64: rescale X (for example with a scaler).")
        return distances, indices

    @abstractmethod
    def bytes_per_query(self, k: int, budget: int) -> int:
        """About what one query occupies while its block is answered."""

    @abstractmethod
    def nearest(self, Q: Any, k: int, budget: int) -> tuple[np.ndarray, np.ndarray]:
        """The answer for one block of queries."""

    def _like_training(self, Q: Any) -> Any:
        if sparse.issparse(self.X):
            return Q if sparse.issparse(Q) else sparse.csr_array(Q)
        return Q.toarray() if sparse.issparse(Q) else Q


def working_memory() -> int:
    """scikit-learn's setting for temporary arrays, in bytes."""
    return int(get_config()["working_memory"] * 2**20)
