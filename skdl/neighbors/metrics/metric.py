"""The distances themselves: one formula for each metric, in float64, between paired rows.

Whatever proposes neighbours, these formulas decide: two searches that keep the right candidates give the same bits.
With q and x in float64, "the distance" means, for instance, what `np.sqrt(np.square(q - x).sum())` returns: differences
are taken before squares, as in scipy's `cdist`, from which only the order of summing, hence the last bits, may differ.
The sums run over the columns of one pair at a time, so equal rows have equal distances wherever they stand.

Where powers or their sum leave float64's range, a pair's differences are first divided by the power of two that brings
the largest into [0.5, 1), and the root is multiplied by it. Both are exact, so that the distance is the one of the data
in another unit; where nothing leaves the range, it has the bits of the plain formula.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import cache, partial
from typing import Any

import numpy as np

from skdl._array import take_rows
from skdl.neighbors.metrics.pair_loops import PairLoop, cosine_pairs, euclidean_pairs, halving, manhattan_pairs
from skdl.neighbors.metrics.row_arithmetic import (
    reduce_columns,
    row_max_abs,
    row_sums_of_squares,
    scale_by_powers_of_two,
    unit_rows,
)

CACHED = 2**17  # float64 numbers in 1 MiB: pairs are compared in pieces that stay in the second-level cache
LEAST_SUM = 2.0**-960  # what underflows beside it, in any number of columns, is below its rounding


class Metric(ABC):
    """A distance between rows; `exponent` is its order if it is one of Minkowski's, else None."""

    exponent: float | None = None

    def represent(self, X: Any) -> Any:
        """Rows of X as the float64 rows that `between` compares."""
        return X.astype(np.float64, copy=False)

    @abstractmethod
    def between(self, A: Any, B: Any) -> np.ndarray:
        """The distance of A[i] to B[i] for each i, both as `represent` made them."""

    def between_pairs(self, queries: Any, X: Any, i: np.ndarray, x: np.ndarray, distances: np.ndarray) -> None:
        """The distance of query i[j], as `represent` made them, to row x[j] of X for each j."""
        piece = max(16, CACHED // max(1, X.shape[1]))
        for start in range(0, i.size, piece):
            part = slice(start, start + piece)
            distances[part] = self.between(rows_at(queries, i[part]), self.represent(rows_at(X, x[part])))


class Minkowski(Metric):
    """(sum_j |a_j - b_j|^p)^(1/p); p = 1 is Manhattan's, p = 2 Euclid's, p = inf Chebyshev's distance."""

    exponent: float

    def __init__(self, p: float):
        self.exponent = float(p)

    def between(self, A: Any, B: Any) -> np.ndarray:
        p = self.exponent
        with np.errstate(over="ignore", under="ignore"):  # an infinite distance is reported by the search
            difference = A - B
            if p == 2:
                return p_norm(difference, 2)
            np.abs(difference, out=difference)
            if p in (1, np.inf):
                return reduce_columns(np.add if p == 1 else np.maximum, difference)
            return p_norm(difference, p)

    def between_pairs(self, queries: Any, X: Any, i: np.ndarray, x: np.ndarray, distances: np.ndarray) -> None:
        loop = minkowski_loop(self.exponent) if suits_loop(queries, X) else None
        if loop is None:
            super().between_pairs(queries, X, i, x, distances)
            return
        loop.run(queries, X, i, x, halving(X.shape[1]), distances)
        if np.isnan(distances).any():
            left = np.flatnonzero(np.isnan(distances))
            scaled = np.empty(left.size)
            super().between_pairs(queries, X, i[left], x[left], scaled)
            distances[left] = scaled


class Cosine(Metric):
    """1 - cos(a, b), computed as half the squared difference of the directions; 1 if a row is all zeros.

    The difference form has no cancellation: rows that are exact positive multiples of each other have distance 0.
    """

    def represent(self, X: Any) -> Any:
        return unit_rows(X)

    def between(self, A: Any, B: Any) -> np.ndarray:
        distances = row_sums_of_squares(A - B) / 2
        distances[(row_max_abs(A) == 0) | (row_max_abs(B) == 0)] = 1.0
        return distances

    def between_pairs(self, queries: Any, X: Any, i: np.ndarray, x: np.ndarray, distances: np.ndarray) -> None:
        if suits_loop(queries, X):
            cosine_loop().run(queries, X, i, x, halving(X.shape[1]), distances)
        else:
            super().between_pairs(queries, X, i, x, distances)


class NanMinkowski(Metric):
    """Minkowski's distance over the columns present in both rows, as if these were typical of the rest.

    (d / c * sum_j |a_j - b_j|^p)^(1/p), the sum over the c of the d columns that are NaN in neither row; infinite if c
    is 0. In the columns `categorical`, which hold codes of categories, |a_j - b_j| is 0 for equal codes, else 1; that
    of a value without a category, 0, equals none. So are indicators of the categories, times (1/2)^(1/p). The
    differences of categories are multiplied by `factors`, one for each of these columns, if there are any.
    """

    def __init__(self, p: float = 2.0, categorical: np.ndarray | None = None, factors: np.ndarray | None = None):
        self.p = float(p)
        self.categorical = None if categorical is None or not len(categorical) else categorical
        self.factors = factors

    def between(self, A: np.ndarray, B: np.ndarray) -> np.ndarray:
        with np.errstate(over="ignore", under="ignore"):
            difference = A - B
            if self.categorical is not None:
                codes = A[:, self.categorical]
                differ = (codes != B[:, self.categorical]) | (codes == 0)
                difference[:, self.categorical] = differ if self.factors is None else differ * self.factors
            absent = np.isnan(difference)
            difference[absent] = 0
            common = A.shape[1] - absent.sum(axis=1)
            if self.p != 2:
                np.abs(difference, out=difference)
            if self.p == np.inf:
                distances = reduce_columns(np.maximum, difference)
            else:
                distances = p_norm(difference, self.p, A.shape[1] / np.maximum(common, 1))
            distances[common == 0] = np.inf
            return distances


def p_norm(difference: Any, p: float, factor: np.ndarray | None = None) -> np.ndarray:
    """(factor sum_j difference_j^p)^(1/p) of each row; the differences are at least 0 unless p = 2."""

    def of(rows: Any, factor: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
        sums = row_sums_of_squares(rows) if p == 2 else reduce_columns(np.add, rows**p)
        sums = sums if factor is None else sums * factor
        return sums, np.sqrt(sums) if p == 2 else sums ** (1 / p)

    sums, roots = of(difference, factor)
    astray = np.flatnonzero(~((sums > LEAST_SUM) & (sums < np.inf)))
    if astray.size:
        rows = difference[astray]
        exponents = np.frexp(row_max_abs(rows))[1]
        scaled = of(scale_by_powers_of_two(rows, -exponents), None if factor is None else factor[astray])[1]
        roots[astray] = np.ldexp(scaled, exponents)
    return roots


def rows_at(X: Any, index: np.ndarray) -> Any:
    """X[index], for which NumPy takes four times as long as for `take` where the rows are short."""
    return take_rows(X, index) if isinstance(X, np.ndarray) else X[index]


def suits_loop(queries: Any, X: Any) -> bool:
    """True for full rows that a loop finds where it expects them, and that are not too short for it."""
    arrays = isinstance(X, np.ndarray) and isinstance(queries, np.ndarray)
    return (
        arrays
        and X.shape[1] >= 8  # below, NumPy goes through all pairs column by column
        and X.dtype in (np.float32, np.float64)
        and all(rows.flags.c_contiguous and rows.flags.aligned for rows in (queries, X))
    )


@cache
def minkowski_loop(p: float) -> PairLoop | None:
    """The loop of Minkowski's distance of order p, if it has one."""
    function = {1.0: manhattan_pairs, 2.0: euclidean_pairs}.get(p)
    return None if function is None else PairLoop(partial(Metric.between_pairs, Minkowski(p)), function)


@cache
def cosine_loop() -> PairLoop:
    """The loop of the cosine distance."""
    return PairLoop(partial(Metric.between_pairs, Cosine()), cosine_pairs)
