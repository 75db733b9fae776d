"""Bounds of last resort: scores that are the distances themselves, for what no product can bound.

A distance by scipy is D (1 + t), |t| <= h_{d+8} with h as in `products`, and so are the ones of `Metric.between`
(differences and powers round once per column, and the root divides the error by p; the rounding of an exponent 1/p adds
what the logarithm of the sum, at most 745, is times it). Rows are multiplied by a power of two where powers would leave
float64's range; of those that leave it nevertheless, what underflows hides at most the p-th root of (d tiny), and what
overflows is farther than anything that does not. From an order of `STEEP` on powers say little, and the largest
difference M almost all: M <= D <= d^(1/p) M. For other metrics the scores are those of `between` itself.
"""

from __future__ import annotations

import numpy as np
from scipy.spatial.distance import cdist

from skdl.neighbors.bounds.difference_loops import chebyshev_loop, manhattan_loop
from skdl.neighbors.bounds.placement import power_of_two_unit, sample_rows
from skdl.neighbors.bounds.rounding import SMALLEST, minkowski_underflow, rounding_bound
from skdl.neighbors.metrics.metric import Metric, Minkowski

STEEP = 64
LOOPS = {1: manhattan_loop, np.inf: chebyshev_loop}
MODERATE = 2.0**-300, 2.0**300  # units in which squares of what is not far smaller or larger are in range


class MinkowskiMargins:
    """The bounds of Minkowski's distance of order p: the unit and the order they are computed in, and their margins."""

    def __init__(self, X: np.ndarray, p: float):
        columns = X.shape[1]
        steep = STEEP <= p < np.inf
        self.bounding = np.inf if steep else p
        self.spread = columns ** (1 / p) if steep else 1.0
        exponent = 0 if p in (1, 2, np.inf) else rounding_bound(2 * 745 / p, np.float64)
        self.error = 4 * rounding_bound(columns + 16, np.float64) + exponent
        self.unit = 1.0
        if self.bounding not in (1, np.inf):
            unit = power_of_two_unit(sample_rows(X).astype(np.float64, copy=False))
            self.unit = unit if p != 2 or not MODERATE[0] < unit < MODERATE[1] else 1.0
        # Of powers, and of rounding a distance to a multiple of the smallest number.
        self.underflow = minkowski_underflow(columns, self.bounding) + 2 * SMALLEST * self.unit

    def in_unit(self, X: np.ndarray) -> np.ndarray:
        """Rows in float64, in the unit."""
        with np.errstate(over="ignore", under="ignore"):
            return X.astype(np.float64, copy=False) if self.unit == 1 else X * np.float64(self.unit)


class DistanceBound:
    """Scores by the distances themselves, negated: Minkowski's of any order through scipy, or one by one."""

    is_tight = is_sharpest = True
    is_exact = False
    dtype = np.dtype(np.float64)

    def __init__(self, X: np.ndarray, metric: Metric):
        self.X, self.metric = X, metric
        self.order = MinkowskiMargins(X, metric.exponent) if isinstance(metric, Minkowski) else None

    def prepare(self, Q: np.ndarray) -> np.ndarray | None:
        if not self.order:
            return Q.astype(np.float64)
        rows = self.order.in_unit(Q)
        return np.ascontiguousarray(rows.T) if self.order.bounding in LOOPS else rows

    def scores(self, queries: np.ndarray, start: int, stop: int, out: np.ndarray) -> np.ndarray:
        if not self.order:
            rows = self.metric.represent(self.X[start:stop].astype(np.float64))
            for query, negated in zip(self.metric.represent(queries), out.T, strict=True):
                negated[:] = -self.metric.between(np.broadcast_to(query, rows.shape), rows)
            return out
        rows, p = self.order.in_unit(self.X[start:stop]), self.order.bounding
        with np.errstate(over="ignore", under="ignore"):
            if p in LOOPS:
                LOOPS[p]().run(np.require(rows, requirements=["C", "A"]), queries, out)
            elif p == 2:
                cdist(rows, queries, "euclidean", out=out)
            else:
                cdist(rows, queries, "minkowski", p=p, out=out)
        out *= -(1 - self.order.error)
        out += self.order.underflow
        return out

    def lower_scores(self, queries: np.ndarray, i: np.ndarray, x: np.ndarray, scores: np.ndarray) -> np.ndarray:
        order = self.order
        if not order:
            return scores
        return scores * (order.spread * (1 + order.error) / (1 - order.error)) - 4 * order.underflow
