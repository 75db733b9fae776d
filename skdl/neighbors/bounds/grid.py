"""Rows on a grid (whole numbers times a power of two, such as counts, bits and pixels): their scores have no rounding.

Let all numbers be multiples of one power of two u, and let (|a| + |b|)^2 < u^2 2^t for the vectors a and b of
`products` and a centre on the grid, with t = 23 in float32 and t = 50 in float64. Then every sum that a product can
pass through, in any order, is a multiple of u^2/2 below u^2 2^t in size, which the precision holds exactly: the
computed score is S itself. `between` sums whole squares below 2^50, exactly too, and roots of different ones are
different. So scores order rows as their distances do, and equal ones are ties: no row that only ties with the k-th
nearest needs to be looked at again.

The same holds for Manhattan's distance by sums of differences, and Chebyshev's is exact for all data.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse

from skdl.neighbors.bounds.distances import DistanceBound, MinkowskiMargins
from skdl.neighbors.bounds.placement import Placement, row_blocks, sample_rows
from skdl.neighbors.bounds.products import Operand, ProductBound
from skdl.neighbors.metrics.metric import Metric, Minkowski
from skdl.neighbors.metrics.row_arithmetic import row_max_abs

BITS = 20  # of the grid's largest number


class GridBound(ProductBound):
    """Exact scores for Euclid's distance; queries off the grid, or too far out, it leaves to others."""

    is_exact = is_sharpest = True

    def __init__(self, X: Any, metric: Metric, placement: Placement, dtype: Any):
        super().__init__(X, metric, placement)
        self.dtype, self.error = dtype, 0.0
        self.room = 2.0 ** (23 if self.dtype == np.float32 else 50)

    def prepare(self, Q: Any) -> Operand | None:
        if not are_whole_numbers(self.placement(Q)):
            return None
        queries = super().prepare(Q)
        return queries if queries and self.holds(queries.length.max()) else None

    def holds(self, length: float) -> bool:
        return bool((length + self.length.max()) ** 2 < self.room)


class ExactDistanceBound(DistanceBound):
    """Exact scores for Chebyshev's distance, and for Manhattan's on a grid."""

    is_exact = True

    def __init__(self, X: np.ndarray, metric: Minkowski, factor: float | None, longest: float = 0):
        super().__init__(X, metric)
        self.factor, self.longest = factor, longest
        self.order = MinkowskiMargins(X, metric.exponent)
        self.order.error = self.order.underflow = 0.0

    def prepare(self, Q: np.ndarray) -> np.ndarray | None:
        if self.factor is not None:
            with np.errstate(over="ignore", under="ignore"):
                rows = Q * np.float64(self.factor)
                if not are_whole_numbers(rows) or not np.abs(rows).sum(axis=1).max() + self.longest < 2.0**50:
                    return None
        return super().prepare(Q)


def grid_bound(X: Any, metric: Metric, n_threads: int) -> GridBound | None:
    """The bound, ready to score, if the rows of X are on a grid that a product in float32 or float64 holds."""
    factor = grid_factor(X)
    if factor is None:
        return None
    placement = Placement(X, metric)
    placement.factor = factor
    placement.centre = np.rint(placement.centre * factor) / factor
    bound = GridBound(X, metric, placement, np.float32)
    bound.store(n_threads)
    if bound.holds(bound.length.max()):
        return bound
    wider = GridBound(X, metric, placement, np.float64)
    wider.length, wider.offset = bound.length, bound.offset
    if not wider.holds(bound.length.max()):
        return None
    wider.store(n_threads)
    return wider


def exact_distances(X: np.ndarray, metric: Minkowski) -> ExactDistanceBound | None:
    if metric.exponent == np.inf:
        return ExactDistanceBound(X, metric, None)
    factor = grid_factor(X) if metric.exponent == 1 else None
    if factor is None:
        return None
    longest = max(float(np.abs(X[block] * np.float64(factor)).sum(axis=1).max()) for block in row_blocks(*X.shape))
    return ExactDistanceBound(X, metric, factor, longest) if longest < 2.0**50 else None


def grid_factor(X: Any) -> float | None:
    """The power of two that makes whole numbers, of few bits, of all of X; the least such one."""
    factor, values = 1.0, np.empty(0)
    for rows in (X[:64], sample_rows(X)):
        largest = float(row_max_abs(rows).max())
        if not 2.0**-900 < largest < 2.0**900:
            return None
        factor = 2.0 ** (BITS - np.frexp(largest)[1])
        values = (rows.data if sparse.issparse(rows) else rows) * np.float64(factor)
        if not are_whole_numbers(values):
            return None
    bits = int(np.bitwise_or.reduce(np.abs(values).astype(np.int64), axis=None))
    factor /= bits & -bits
    with np.errstate(over="ignore"):
        on_it = (are_whole_numbers(part * np.float64(factor)) for part in value_blocks(X))
        return factor if all(on_it) else None


def value_blocks(X: Any) -> list[np.ndarray]:
    return [X.data] if sparse.issparse(X) else [X[block] for block in row_blocks(*X.shape)]


def are_whole_numbers(values: Any) -> bool:
    values = values.data if sparse.issparse(values) else values
    return bool((np.rint(values) == values).all())
