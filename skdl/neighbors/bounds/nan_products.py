r"""Loose scores for `NanMinkowski` of order 2 from products over the columns present in both rows.

Let a and b be placed rows with 0 for what is absent, and m_a, m_b the masks of what is present. Over the common columns

    sum (a - b)^2 = E = [a^2, m_a, -2a] . [m_b, b^2, b] ,   c = <m_a, m_b> ,   distance^2 = (d / c) E ,

so U = -(E - margin) / c is larger for closer rows, and two products give it, of which that of counts is exact. Of s
columns of categories, each of which adds g = (the placement's factor)^2 to E where the codes differ, the indicators I
of the codes give the sum, g (s - <I_a, I_b>). They are made of the codes where they are used, block by block.

Proof, with h_m and w as in `products`. Rounding a, b, their squares and the sum of 3d products takes at most
h_{3d+10} times the sum of their absolute values, which is at most 2 (|a|^2 + |b|^2) as 2|a_j b_j| <= a_j^2 + b_j^2, and
with indicators, of which there are K in all, h_{3d+K+10} times 2 (|a|^2 + g s + |b|^2 + g s). Two more columns subtract
three times that factor times the lengths |a|^2 + g s and |b|^2 + g s, which covers their own rounding too, and the
division's is covered by T: if x is among the k nearest, D is the largest distance by `between` of any k rows, and F = D
times the power of two, E <= (c / d) F^2 (1 + 2 h_{d+10}) and -U <= -T = F^2 / d (1 + 4 h_{d+10}) + 2 w. Rows without a
common column have infinite distance and the least finite score: they pass only where T is infinite.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np

from skdl._compiled import Loop, source_of
from skdl.neighbors.bounds.placement import Placement, row_blocks, sample_rows
from skdl.neighbors.bounds.rounding import TINY, rounding_bound
from skdl.neighbors.metrics.metric import NanMinkowski

NEVER = -float(np.finfo(np.float64).max)
MOST = 2.0**400  # of a power of two that its square, for categories beside small numbers, is in range


def share_by_numpy(squares: np.ndarray, common: np.ndarray, never: float) -> None:
    """Scores, negative, from squared distances over `common` columns, in place; `never` where there are none."""
    apart = common == 0
    squares /= -np.maximum(common, 1)
    squares[apart] = never


def share_in_a_loop(squares: np.ndarray, common: np.ndarray, never: float) -> None:
    for row in range(squares.shape[0]):
        scores = squares[row]
        counts = common[row]
        for j in range(scores.size):
            count = counts[j]
            scores[j] = never if count == 0 else scores[j] / -count


@cache
def share_loop() -> Loop:
    """The loop of `share_in_a_loop`."""
    return Loop(share_by_numpy, source_of(share_in_a_loop), ["void(float64[:, ::1], float32[:, ::1], float64)"])


class NanQueries(NamedTuple):
    """Queries: the products' left sides, and their lengths over what is present."""

    terms: np.ndarray
    present: np.ndarray
    length: np.ndarray


class FilledRows(NamedTuple):
    """A block of rows as the products take them."""

    present: np.ndarray  # (B, number of columns of numbers)
    rows: np.ndarray
    square: np.ndarray
    indicators: np.ndarray  # (B, number of categories)
    length: np.ndarray  # (B,)


class NanProductBound:
    """Loose scores for Euclid's distance over what is present; rows are made ready in each search."""

    is_tight, is_exact, is_sharpest = False, False, True
    dtype = np.dtype(np.float64)

    def __init__(self, X: np.ndarray, metric: NanMinkowski):
        self.X = X
        self.columns = d = X.shape[1]
        self.categorical = np.zeros(0, np.intp) if metric.categorical is None else metric.categorical
        self.numeric = np.delete(np.arange(d), self.categorical)
        self.categories = X[:, self.categorical].max(axis=0).astype(np.intp)  # of the training rows, by their codes
        numbers = sample_rows(X)[:, self.numeric]
        self.placement = Placement(numbers, metric) if len(self.numeric) else Placement.identity()
        self.step = 0.0  # what a category adds to the squares where it differs
        if len(self.categorical):
            self.placement.limit(MOST)
            self.step = self.placement.factor**2
        self.error = 3 * rounding_bound(3 * d + int(self.categories.sum()) + 10, np.float64)
        self.longest = max(float(self._filled(X[block]).length.max()) for block in row_blocks(*X.shape))
        self.final_error = 4 * rounding_bound(d + 10, np.float64)
        self.underflow = 32 * (d + 10) * (TINY + self.placement.hidden)

    def prepare(self, Q: np.ndarray) -> NanQueries | None:
        present, rows, square, indicators, length = self._filled(Q)
        if not max(length.max(), self.longest) < 1e300:
            return None
        constant = (self.step * len(self.categorical) - self.error * length)[:, None]
        terms = [square, present, -2 * rows, -self.step * indicators, constant, np.ones_like(length)[:, None]]
        return NanQueries(np.hstack(terms), present.astype(np.float32), np.sqrt(length))

    def scores(self, queries: NanQueries, start: int, stop: int, out: np.ndarray) -> np.ndarray:
        present, rows, square, indicators, length = self._filled(self.X[start:stop])
        terms = [present, square, rows, indicators, np.ones_like(length)[:, None], -self.error * length[:, None]]
        scores = np.matmul(np.hstack(terms), queries.terms.T, out=out)
        common = present.astype(np.float32) @ queries.present.T  # whole numbers, exact below 2^24
        common += len(self.categorical)
        share_loop().run(scores, common, NEVER)
        return scores

    def reach(self, queries: NanQueries, distances: np.ndarray) -> np.ndarray:
        """T: what the k nearest of each query score at least, given the largest distance of any k rows."""
        with np.errstate(over="ignore", under="ignore"):
            reach = np.square(distances * self.placement.factor) / self.columns
            lost = self.underflow * (1 + queries.length) * (1 + np.sqrt(self.longest))
        return np.asarray(-(reach * (1 + self.final_error)) - lost)

    def _filled(self, X: np.ndarray) -> FilledRows:
        rows = self.placement(X[:, self.numeric] if len(self.categorical) else X)
        present = ~np.isnan(rows)
        rows[~present] = 0
        with np.errstate(over="ignore", under="ignore"):
            square = np.square(rows)
            length = square.sum(axis=1) + self.step * len(self.categorical)
        return FilledRows(present.astype(np.float64), rows, square, self._indicators(X), length)

    def _indicators(self, X: np.ndarray) -> np.ndarray:
        """1 where a row has a category, for all categories of the training rows; others equal none of them."""
        indicators = np.zeros((len(X), int(self.categories.sum())))
        before = 0
        for column, count in zip(self.categorical, self.categories, strict=True):
            codes = X[:, column].astype(np.intp)
            known = np.flatnonzero((codes > 0) & (codes <= count))
            indicators[known, before + codes[known] - 1] = 1.0
            before += count
        return indicators
