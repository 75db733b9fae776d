"""The k best of the pairs that a search proposes: by distance in float64, then by index."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from skdl._array import take_rows
from skdl.neighbors.metrics.metric import Metric

CACHED = 2**17  # float64 numbers in 1 MiB: pairs are compared in pieces that stay in the second-level cache


class Ranking:
    """The best k rows found so far for each query of a block, by exact distance, then index."""

    def __init__(self, X: Any, metric: Metric, Q: Any, k: int, budget: int):
        self.X, self.metric, self.queries = X, metric, metric.represent(Q)
        self.distances = np.full((Q.shape[0], k), np.inf)
        self.indices = np.full((Q.shape[0], k), X.shape[0])  # sorts after every row
        # Both sides of a pair, their difference and a power of it, in float64.
        fitting = budget // 4 // (32 * Q.shape[1] + 64)
        self.chunk = int(max(16, min(fitting, CACHED // max(1, Q.shape[1]))))

    def add(self, i: np.ndarray, x: np.ndarray) -> None:
        """Consider row x[j] for query i[j]; no pair may come twice."""
        if i.shape[0] == 0:
            return
        n_rows, k = self.X.shape[0], self.distances.shape[1]
        distances, x = np.append(self.exact(i, x), np.inf), np.append(x, n_rows)
        for queries, places in padded_groups(i, self.distances.shape[0]):
            D, rows = take_rows(distances, places), take_rows(x, places)
            if D.shape[1] < k or (self.indices[queries, 0] < n_rows).any():
                D, rows = np.hstack([self.distances[queries], D]), np.hstack([self.indices[queries], rows])
            self.distances[queries], self.indices[queries] = k_smallest(D, rows, k)

    def exact(self, i: np.ndarray, x: np.ndarray, X: Any = None) -> np.ndarray:
        """The distances of the queries i from the rows x of the training rows, or of a copy X in another order."""
        X = self.X if X is None else X
        distances = np.empty(i.shape[0])
        for start in range(0, i.shape[0], self.chunk):
            part = slice(start, start + self.chunk)
            rows = self.metric.represent(rows_at(X, x[part]))
            distances[part] = self.metric.between(rows_at(self.queries, i[part]), rows)
        return distances


def rows_at(X: Any, index: np.ndarray) -> Any:
    """X[index], for which NumPy takes four times as long as for `take` where the rows are short."""
    return take_rows(X, index) if isinstance(X, np.ndarray) else X[index]


def k_smallest(distances: np.ndarray, x: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """The k first of each row by distance, then x."""
    order = np.argsort(distances, axis=1)[:, : k + 1]
    best = np.take_along_axis(distances, order, axis=1)
    tied = np.flatnonzero((best[:, 1:] == best[:, :-1]).any(axis=1))
    order[tied] = np.lexsort((x[tied], distances[tied]))[:, : k + 1]
    return best[:, :k], np.take_along_axis(x, order[:, :k], axis=1)


def best_of_groups(i: np.ndarray, scores: np.ndarray, k: int, n_groups: int) -> tuple[np.ndarray, np.ndarray]:
    """The k-th largest score of each group, -inf where there are fewer, and which are the k best, ties in their order.

    The groups are numbered below 2^16.
    """
    kth = np.full(n_groups, -np.inf, scores.dtype)
    negated = np.append(-scores, scores.dtype.type(np.inf))
    for groups, places in padded_groups(i, n_groups):
        if places.shape[1] >= k:
            kth[groups] = -np.partition(take_rows(negated, places), k - 1, axis=1)[:, k - 1]
    least = kth[i]
    best, tied = scores > least, np.flatnonzero(scores == least)
    free = k - np.bincount(i[best], minlength=n_groups)
    tied = tied[np.argsort(i[tied].astype(np.uint16), kind="stable")]
    best[tied[ranks_in_group(i[tied], n_groups) < free[i[tied]]]] = True
    return kth, best


def padded_groups(i: np.ndarray, n_groups: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Groups of about the same size, and the places of their members in i, a row for each group.

    Rows of a table are sorted, or partitioned, far sooner than all items by group and key. They are filled up to the
    same length, at most twice their own, with the place behind the last one. Groups are numbered below 2^16: small
    integers are sorted by counting, which keeps members in their order.
    """
    order = np.append(np.argsort(i.astype(np.uint16), kind="stable"), i.size)
    counts = np.bincount(i, minlength=n_groups)
    starts = np.cumsum(counts) - counts
    sizes = np.frexp(counts)[1]
    for size in np.unique(sizes[counts > 0]):
        groups = np.flatnonzero(sizes == size)
        at = np.arange(counts[groups].max())
        yield groups, order[np.where(at < counts[groups, None], starts[groups, None] + at, i.size)]


def group_starts(i: np.ndarray, n_groups: int) -> np.ndarray:
    """The position at which each group begins once the group numbers i are sorted."""
    counts = np.bincount(i, minlength=n_groups)
    return np.cumsum(counts) - counts


def ranks_in_group(i: np.ndarray, n_groups: int) -> np.ndarray:
    """The place of each item in its group, where the group numbers i are sorted."""
    return np.asarray(np.arange(i.shape[0]) - group_starts(i, n_groups)[i])
