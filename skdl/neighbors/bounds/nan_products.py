r"""Loose scores for `NanEuclidean` from products over the columns present in both rows.

Let a and b be placed rows with 0 for what is absent, and m_a, m_b the masks of what is present. Over the common columns

    sum (a - b)^2 = E = [a^2, m_a, -2a] . [m_b, b^2, b] ,   c = <m_a, m_b> ,   distance^2 = (d / c) E ,

so U = -(E - margin) / c is larger for closer rows, and two products give it, of which that of counts is exact.

Proof, with h_m and w as in `products`. Rounding a, b, their squares and the sum of 3d products takes at most
h_{3d+10} times the sum of their absolute values, which is at most 2 (|a|^2 + |b|^2) as 2|a_j b_j| <= a_j^2 + b_j^2. Two
more columns subtract 3 h_{3d+10} (|a|^2 + |b|^2), which covers their own rounding too, and the division's is covered by
T: if x is among the k nearest, D is the largest distance by `between` of any k rows, and F = D times the power of two,
E <= (c / d) F^2 (1 + 2 h_{d+10}) and -U <= -T = F^2 / d (1 + 4 h_{d+10}) + 2 w. Rows without a common column have
infinite distance and the least finite score: they pass only where T is infinite.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from skdl.neighbors.bounds.placement import Placement, row_blocks
from skdl.neighbors.bounds.rounding import TINY, rounding_bound
from skdl.neighbors.metrics.metric import Metric

NEVER = -float(np.finfo(np.float64).max)


class NanQueries(NamedTuple):
    """Queries: the products' left sides, and their lengths over what is present."""

    terms: np.ndarray
    present: np.ndarray
    length: np.ndarray


class NanProductBound:
    """Loose scores for Euclid's distance over what is present; rows are made ready in each search."""

    is_tight, is_exact, is_sharpest = False, False, True
    dtype = np.dtype(np.float64)

    def __init__(self, X: np.ndarray, metric: Metric):
        self.X = X
        self.placement = Placement(X, metric)
        self.columns = d = X.shape[1]
        self.error = 3 * rounding_bound(3 * d + 10, np.float64)
        self.longest = max(float(self._filled(X[block])[2].sum(axis=1).max()) for block in row_blocks(*X.shape))
        self.final_error = 4 * rounding_bound(d + 10, np.float64)
        self.underflow = 32 * (d + 10) * (TINY + self.placement.hidden)

    def prepare(self, Q: np.ndarray) -> NanQueries | None:
        present, rows, square = self._filled(Q)
        length = square.sum(axis=1)
        if not max(length.max(), self.longest) < 1e300:
            return None
        terms = [square, present, -2 * rows, -self.error * length[:, None], np.ones_like(length)[:, None]]
        return NanQueries(np.hstack(terms), present.astype(np.float32), np.sqrt(length))

    def scores(self, queries: NanQueries, start: int, stop: int, out: np.ndarray) -> np.ndarray:
        present, rows, square = self._filled(self.X[start:stop])
        length = square.sum(axis=1)
        terms = [present, square, rows, np.ones_like(length)[:, None], -self.error * length[:, None]]
        scores = np.matmul(np.hstack(terms), queries.terms.T, out=out)
        common = present.astype(np.float32) @ queries.present.T  # whole numbers, exact below 2^24
        apart = common == 0
        scores /= -np.maximum(common, 1)
        scores[apart] = NEVER
        return scores

    def reach(self, queries: NanQueries, distances: np.ndarray) -> np.ndarray:
        """T: what the k nearest of each query score at least, given the largest distance of any k rows."""
        with np.errstate(over="ignore", under="ignore"):
            reach = np.square(distances * self.placement.factor) / self.columns
            lost = self.underflow * (1 + queries.length) * (1 + np.sqrt(self.longest))
        return np.asarray(-(reach * (1 + self.final_error)) - lost)

    def _filled(self, X: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        rows = self.placement(X)
        present = ~np.isnan(rows)
        rows[~present] = 0
        with np.errstate(over="ignore", under="ignore"):
            return present.astype(np.float64), rows, np.square(rows)
