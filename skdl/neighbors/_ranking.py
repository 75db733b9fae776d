"""The k best of the pairs that a search proposes: by distance in float64, then by index."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._array import take_rows
from ._metrics import Metric

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
        n_queries, k = self.distances.shape
        distances = self.exact(i, x)
        i = np.concatenate([np.repeat(np.arange(n_queries), k), i])
        x = np.concatenate([self.indices.ravel(), x])
        distances = np.concatenate([self.distances.ravel(), distances])
        order = np.lexsort((x, distances, i))
        best = order[group_starts(i, n_queries)[:, None] + np.arange(k)]
        self.distances, self.indices = distances[best], x[best]

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


def order_in_groups(i: np.ndarray, key: np.ndarray, *, stable: bool = False) -> np.ndarray:
    """The order by group number i, below 2^16 (small integers are sorted by counting), then by key.

    Ties are in any order, or as they come in the slower stable way.
    """
    order = np.argsort(key, kind="stable" if stable else None)
    return order[np.argsort(i[order].astype(np.uint16), kind="stable")]


def group_starts(i: np.ndarray, n_groups: int) -> np.ndarray:
    """Where each group begins once the group numbers i are sorted."""
    counts = np.bincount(i, minlength=n_groups)
    return np.cumsum(counts) - counts


def ranks_in_group(i: np.ndarray, n_groups: int) -> np.ndarray:
    """The place of each item in its group, where the group numbers i are sorted."""
    return np.arange(i.shape[0]) - group_starts(i, n_groups)[i]
