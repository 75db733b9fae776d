"""Bounds of last resort: scores that are the distances themselves, for what no product can bound.

A distance by scipy is D (1 + t), |t| <= h_{d+8} with h as in `_products`, and so are the ones of `Metric.between`
(differences and powers round once per column, and the root divides the error by p), up to the p-th root of (d tiny)
where powers underflow. For other metrics the scores are those of `between` itself.
"""

from __future__ import annotations

import numpy as np
from scipy.spatial.distance import cdist

from ._metrics import Metric, Minkowski
from ._rounding import minkowski_underflow, rounding_bound


class DistanceBound:
    """Scores by the distances themselves, negated: Minkowski's of any order through scipy, or one by one."""

    is_tight = is_sharpest = True
    dtype = np.dtype(np.float64)

    def __init__(self, X: np.ndarray, metric: Metric):
        self.X, self.metric = X, metric
        self.error = self.underflow = 0.0
        if isinstance(metric, Minkowski):
            self.error = 4 * rounding_bound(X.shape[1] + 16, np.float64)
            self.underflow = minkowski_underflow(X.shape[1], metric.exponent)

    def prepare(self, Q: np.ndarray) -> np.ndarray:
        return Q.astype(np.float64)

    def scores(self, queries: np.ndarray, start: int, stop: int, out: np.ndarray) -> np.ndarray:
        rows = self.X[start:stop].astype(np.float64)
        if not isinstance(self.metric, Minkowski):
            queries, rows = self.metric.represent(queries), self.metric.represent(rows)
            for query, negated in zip(queries, out.T, strict=True):
                negated[:] = -self.metric.between(np.broadcast_to(query, rows.shape), rows)
            return out
        p = self.metric.exponent
        name = {1: "cityblock", 2: "euclidean", np.inf: "chebyshev"}.get(p)
        with np.errstate(over="ignore", under="ignore"):
            distances = cdist(rows, queries, name, out=out) if name else cdist(rows, queries, "minkowski", p=p, out=out)
        distances *= -(1 - self.error)
        distances += self.underflow
        return distances

    def guaranteed(self, queries: np.ndarray, i: np.ndarray, x: np.ndarray, scores: np.ndarray) -> np.ndarray:
        return scores * ((1 + self.error) / (1 - self.error)) - 4 * self.underflow
