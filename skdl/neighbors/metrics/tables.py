"""Metrics without a bound: all distances of a block of queries at once, and the smallest of each row."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from scipy import sparse
from scipy.spatial.distance import cdist

from skdl.neighbors.metrics.metric import Metric, row_largest
from skdl.neighbors.search.base import BlockSearch, Search
from skdl.neighbors.search.ranking import group_starts

OF_POWERS = ("minkowski", "mahalanobis", "seuclidean")
RATIOS = ("braycurtis", "canberra")  # whose sums may overflow
LEAST_POWER = -960  # of two: what underflows beside it does not matter
BOOLEAN = ("dice", "jaccard", "rogerstanimoto", "russellrao", "sokalsneath", "yule")


class Table(Metric):
    """A metric that gives the distances of many rows from many others."""

    name: str

    @abstractmethod
    def table(self, Q: np.ndarray, X: np.ndarray) -> np.ndarray:
        """The distance of Q[i] to X[j] at [i, j], rows as `represent` made them."""

    def between(self, A: np.ndarray, B: np.ndarray) -> np.ndarray:
        pairs = [self.table(a[None], b[None])[0, 0] for a, b in zip(A, B, strict=True)]
        return np.array(pairs, dtype=np.float64)


class Scipy(Table):
    """One of `scipy.spatial.distance.cdist`, pair by pair, so that a distance does not depend on where rows stand."""

    def __init__(self, name: str, parameters: Mapping[str, Any]):
        self.name, self.parameters = name, dict(parameters)
        self.is_boolean = name in BOOLEAN

    def represent(self, X: np.ndarray) -> np.ndarray:
        if self.is_boolean:
            return X != 0
        X = X.astype(np.float64, copy=False)
        return X / np.sqrt(self.parameters["V"]) if self.name == "seuclidean" else X

    def table(self, Q: np.ndarray, X: np.ndarray) -> np.ndarray:
        if self.name == "seuclidean":
            return cdist(Q, X, "euclidean")
        inverse = self.parameters.get("VI")
        if inverse is not None and np.shape(inverse) != (X.shape[1], X.shape[1]):  # scipy would read what is not there
            raise ValueError(f"VI must have the shape {(X.shape[1], X.shape[1])}. Got {np.shape(inverse)}.")
        with np.errstate(over="ignore", under="ignore", invalid="ignore", divide="ignore"):
            distances = cdist(Q, X, self.name, **self.parameters)
        if self.name == "braycurtis":  # two rows of zeros are equal, though 0 / 0 is not a number
            i, j = np.nonzero(np.isnan(distances))
            distances[i, j] = np.where((Q[i] == 0).all(axis=1) & (X[j] == 0).all(axis=1), 0, np.nan)
        return distances


class Custom(Table):
    """A user's function of two vectors and keyword arguments."""

    def __init__(self, function: Callable[..., float], parameters: Mapping[str, Any] | None = None):
        self.function, self.parameters = function, dict(parameters or {})
        self.name = getattr(function, "__name__", type(function).__name__)

    def table(self, Q: np.ndarray, X: np.ndarray) -> np.ndarray:
        pairs = [[self.function(q, x, **self.parameters) for x in X] for q in Q]
        distances = np.array(pairs, dtype=np.float64)
        if distances.ndim != 2 or not (distances >= 0).all():
            raise ValueError("The callable 'metric' must return a number in the range [0, inf), not NaN or an array.")
        return distances


class Precomputed(Metric):
    """X holds the distances: of each query (row) from each row of `fit` (column)."""

    def between(self, A: Any, B: Any) -> np.ndarray:
        raise TypeError("The distances are given.")


class TableSearch(BlockSearch):
    """All distances, a block of queries at a time."""

    name = "brute"
    query_rows = 1 << 12

    def __init__(self, X: np.ndarray, metric: Table):
        super().__init__(X, metric)
        rows = metric.represent(X)
        self.unit = usual_unit(rows) if isinstance(metric, Scipy) and metric.name in (*OF_POWERS, *RATIOS) else 1.0
        self.rows = rows * self.unit if self.unit != 1 else rows

    def bytes_per_query(self, k: int, budget: int) -> int:
        return 32 * self.X.shape[0] + 8 * self.X.shape[1] + 64 * k

    def nearest(self, Q: np.ndarray, k: int, budget: int) -> tuple[np.ndarray, np.ndarray]:
        assert isinstance(self.metric, Table)
        queries = self.metric.represent(Q)
        if self.unit != 1:
            with np.errstate(over="ignore", under="ignore"):
                queries = queries * self.unit
        distances, indices = smallest(self.metric.table(queries, self.rows), k)
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
        assert isinstance(self.metric, Scipy)
        least = 2.0 ** (LEAST_POWER / self.metric.parameters.get("p", 2))
        i, j = np.nonzero(distances < least)
        differences = np.abs(queries[i] - self.rows[indices[i, j]]).max(axis=1, initial=0)
        if ((differences > 0) & (differences < 2.0**20 * least)).any():
            raise ValueError(
                "The powers of distances between rows of X underflow float64, as some are far smaller than others: "
                "rescale X, or take a smaller p."
            )


def usual_unit(X: np.ndarray) -> float:
    """The power of two that brings the largest number of most rows to about 1, if their squares leave the range."""
    exponent = float(np.median(np.frexp(row_largest(X))[1]))
    return 2.0 ** -np.clip(exponent, -1022, 1022) if abs(exponent) > 300 else 1.0


class PrecomputedSearch(Search):
    """The smallest of given distances; of a sparse matrix, of those that it stores."""

    name = "brute"

    def query(self, Q: Any, k: int, n_jobs: int | None = None) -> tuple[np.ndarray, np.ndarray]:
        if not sparse.issparse(Q):
            return smallest(Q.astype(np.float64, copy=False), k)
        counts = np.diff(Q.indptr)
        if counts.min() < k:
            raise ValueError(
                f"{k} neighbours are needed of each row of the sparse matrix of distances, but row {counts.argmin()} "
                f"stores {counts.min()}: compute the graph with more neighbours."
            )
        order = np.lexsort((Q.indices, Q.data, np.repeat(np.arange(Q.shape[0]), counts)))
        best = order[Q.indptr[:-1, None] + np.arange(k)]
        return Q.data[best].astype(np.float64), Q.indices[best].astype(np.intp)


def smallest(D: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
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
