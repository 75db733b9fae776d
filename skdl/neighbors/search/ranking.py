"""The k best of the pairs that a search proposes: by distance in float64, then by index."""

from __future__ import annotations

from typing import Any

import numpy as np

from skdl.neighbors.metrics.metric import Metric
from skdl.neighbors.search.groups import NO_ROW, merge_into
from skdl.neighbors.search.loops import FEW, merge_loop


class Ranking:
    """The best k rows found so far for each query of a block, by exact distance, then index."""

    def __init__(self, X: Any, metric: Metric, Q: Any, k: int, budget: int):
        self.X, self.metric, self.queries = X, metric, metric.represent(Q)
        self.distances = np.full((Q.shape[0], k), np.inf)
        self.indices = np.full((Q.shape[0], k), NO_ROW)
        # Both sides of a pair, their difference and a power of it, in float64.
        self.fitting = int(max(16, budget // 4 // (32 * Q.shape[1] + 64)))

    def add(self, i: np.ndarray, x: np.ndarray) -> None:
        """Consider row x[j] for query i[j]; no pair may come twice."""
        if i.size:
            merge = merge_loop().run if self.distances.shape[1] <= FEW else merge_into
            merge(i, x, self.exact(i, x), self.distances, self.indices)

    def exact(self, i: np.ndarray, x: np.ndarray, X: Any = None) -> np.ndarray:
        """The distances of the queries i from the rows x of the training rows, or of a copy X in another order."""
        X = self.X if X is None else X
        distances = np.empty(i.size)
        for start in range(0, i.size, self.fitting):
            part = slice(start, start + self.fitting)
            self.metric.between_pairs(self.queries, X, i[part], x[part], distances[part])
        return distances
