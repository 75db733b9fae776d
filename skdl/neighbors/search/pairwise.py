"""The searches that see all distances of a block of queries at once, and take the smallest of each row."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse

from skdl.neighbors.metrics.pairwise import OF_POWERS, RATIOS, PairwiseMetric, ScipyMetric
from skdl.neighbors.metrics.row_arithmetic import row_max_abs
from skdl.neighbors.search.base import BlockSearch, Search
from skdl.neighbors.search.groups import group_starts

LEAST_POWER = -960  # of two: what underflows beside it does not matter


class PairwiseSearch(BlockSearch):
    """The search by all distances of a block of queries at a time."""

    name = "brute"
    query_rows = 1 << 12

    def __init__(self, X: np.ndarray, metric: PairwiseMetric):
        super().__init__(X, metric)
        rows = metric.represent(X)
        self.unit = (
            median_unit(rows) if isinstance(metric, ScipyMetric) and metric.name in (*OF_POWERS, *RATIOS) else 1.0
        )
        self.rows = rows * self.unit if self.unit != 1 else rows

    def bytes_per_query(self, k: int, budget: int) -> int:
        return int(32 * self.X.shape[0] + 8 * self.X.shape[1] + 64 * k)

    def nearest(self, Q: np.ndarray, k: int, budget: int) -> tuple[np.ndarray, np.ndarray]:
        assert isinstance(self.metric, PairwiseMetric)
        queries = self.metric.represent(Q)
        if self.unit != 1:
            with np.errstate(over="ignore", under="ignore"):
                queries = queries * self.unit
        distances, indices = k_smallest_columns(self.metric.pairwise(queries, self.rows), k)
        of_powers = self.metric.name in OF_POWERS
        # Only powers overflow for being large; a ratio is infinite where its divisor is zero.
        if (np.isnan(distances) if of_powers else ~np.isfinite(distances)).any():
            raise ValueError(
                f"metric={self.metric.name!r} gives some rows of X a distance that is not a number: it is not defined "
                "for them (such as rows of zeros, or a and -a), or leaves float64's range."
            )
        if of_powers:
            self._check_underflow(queries, distances, indices)
            distances /= self.unit
        return distances, indices

    def _check_underflow(self, queries: np.ndarray, distances: np.ndarray, indices: np.ndarray) -> None:
        """Powers that underflow make distances small or zero, so that they are among the smallest."""
        assert isinstance(self.metric, ScipyMetric)
        least = 2.0 ** (LEAST_POWER / self.metric.parameters.get("p", 2))
        i, j = np.nonzero(distances < least)
        differences = np.abs(queries[i] - self.rows[indices[i, j]]).max(axis=1, initial=0)
        if ((differences > 0) & (differences < 2.0**20 * least)).any():
            raise ValueError(
                "The powers of distances between rows of X underflow float64, as some are far smaller than others: "
                "rescale X, or take a smaller p."
            )


def median_unit(X: np.ndarray) -> float:
    """The power of two that brings the largest number of most rows to about 1, if their squares leave the range."""
    exponent = float(np.median(np.frexp(row_max_abs(X))[1]))
    return 2.0 ** -np.clip(exponent, -1022, 1022) if abs(exponent) > 300 else 1.0


class PrecomputedSearch(Search):
    """The smallest of given distances; of a sparse matrix, of those that it stores."""

    name = "brute"

    def query(self, Q: Any, k: int, n_jobs: int | None = None) -> tuple[np.ndarray, np.ndarray]:
        if not sparse.issparse(Q):
            return k_smallest_columns(Q.astype(np.float64, copy=False), k)
        counts = np.diff(Q.indptr)
        if counts.min() < k:
            raise ValueError(
                f"Each row of a sparse matrix of distances must store at least {k} of them, but row {counts.argmin()} "
                f"stores {counts.min()}: compute the graph with more neighbors."
            )
        order = np.lexsort((Q.indices, Q.data, np.repeat(np.arange(Q.shape[0]), counts)))
        best = order[Q.indptr[:-1, None] + np.arange(k)]
        return Q.data[best].astype(np.float64), Q.indices[best].astype(np.intp)


def k_smallest_columns(D: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """The k smallest of each row and their columns, increasing, ties by the column; NaN where fewer are numbers."""
    n_queries, n_rows = D.shape
    head = max(8 * k, n_rows // 16)
    if n_rows > 4 * head:  # what is beyond the k-th of the first few is out, which is seen more quickly than sorted
        bound = np.partition(D[:, :head], k - 1, axis=1)[:, k - 1]
        near = bound[:, None] > D
        tied = D[:, :head] == bound[:, None]  # of ties with it the first few suffice
        near[:, :head] |= tied & (np.cumsum(tied, axis=1) <= k)
        i, columns = np.divmod(np.flatnonzero(near), n_rows)
        if i.size <= 4 * head * n_queries and not np.isnan(bound).any():
            distances = D[i, columns]
            order = np.lexsort((columns, distances, i))
            best = order[group_starts(i, n_queries)[:, None] + np.arange(k)]
            return distances[best], columns[best]
    kth = np.partition(D, k - 1, axis=1)[:, k - 1, None]
    undefined = np.isnan(kth)
    near = (kth >= D) | undefined
    crowded = np.flatnonzero(near.sum(axis=1) > k)
    if crowded.size:
        within = D[crowded] < kth[crowded]
        tied = near[crowded] & ~within
        near[crowded] = within | (tied & (np.cumsum(tied, axis=1) <= k - within.sum(axis=1, keepdims=True)))
    columns = np.flatnonzero(near).reshape(n_queries, k) % n_rows
    distances = np.where(undefined, np.nan, np.take_along_axis(D, columns, axis=1))
    order = np.argsort(distances, axis=1, kind="stable")
    return np.take_along_axis(distances, order, axis=1), np.take_along_axis(columns, order, axis=1)
