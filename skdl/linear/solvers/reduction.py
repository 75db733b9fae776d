"""Rows reduced block by block, by orthogonal transformations, to what least squares needs to know of them.

A `Reduction` is a sufficient statistic: whatever makes one (`reduce_rows`; a Gram matrix and its Cholesky factor, where
the columns are far from dependent), `merge` joins it with that of other rows, and a solver never sees the rows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from skdl.linear.solvers.double_double import two_sum

EPS = np.finfo(np.float64).eps
BLOCK_ELEMENTS = 2**20  # at most 8 MiB of float64 at a time, and no copy of all of X
CACHED_ELEMENTS = 2**16  # with few columns, the transformations only wait for memory
TALL = 64  # rows for each column, from which on merging the triangles costs little
SAMPLE_ROWS = 256


class Reduction(NamedTuple):
    """Sufficient statistics of n rows: `factor.T @ factor` are the cross products of the centred columns."""

    factor: np.ndarray  # (m, d), m <= d + k
    target: np.ndarray  # (m, k): factor.T @ target are the cross products with the centred targets
    x_mean: np.ndarray  # (d,)
    y_mean: np.ndarray  # (k,)
    x_norm: np.ndarray  # (d,) root of the sum of squares of each column before centring; 1 where it is zero
    weight: float  # total weight, in units in which the largest is 1
    unit: float = 1.0  # the largest weight
    mean_rest: np.ndarray | float = 0.0  # (d + k,) what rounding took from the means; more than it seems, far from zero


def reduce_rows(
    rows: Callable[[slice], np.ndarray], y: np.ndarray, weight: np.ndarray | None, *, fit_intercept: bool
) -> Reduction:
    """Reduce the rows that `rows(slice)` gives, and their targets y (n, k), to a triangular matrix.

    The rows are [1, x - c, y - e] times the root of their weight, with a rough centre (c, e). Orthogonal to the column
    of ones are exactly the centred columns, so the triangle without its first row and column belongs to them, and its
    first row says how far (c, e) is from the mean. One pass does both, and the rough centre keeps the digits that a
    large offset would cost.
    """
    n, k = y.shape
    sample = slice(None, None, -(-n // SAMPLE_ROWS))
    x_sample = np.asarray(rows(sample), dtype=np.float64)
    d = x_sample.shape[1]
    ones = int(fit_intercept)
    centre = np.zeros(d + k)
    if fit_intercept:
        centre[:d], centre[d:] = x_sample.mean(axis=0), y[sample].mean(axis=0, dtype=np.float64)
    if weight is not None:
        weight = weight / weight.max()  # so that no sum of weights overflows

    columns = ones + d + k
    step = max(CACHED_ELEMENTS // columns, TALL * columns)
    step = max(min(step, BLOCK_ELEMENTS // columns), 4 * columns)
    triangles: list[np.ndarray] = []
    for count, start in enumerate(range(0, n, step), start=1):
        part = slice(start, min(start + step, n))
        block = np.ones((part.stop - start, columns))
        np.subtract(rows(part), centre[:d], out=block[:, ones : ones + d])
        np.subtract(y[part], centre[d:], out=block[:, ones + d :])
        if weight is not None:
            block *= np.sqrt(weight[part])[:, None]
        triangles.append(triangle_of(block))
        # Only triangles of equally many rows are merged, two by two: merging each block into one running triangle lets
        # the rounding error grow with the number of blocks rather than with its logarithm.
        for _ in range((count & -count).bit_length() - 1):
            triangles[-2:] = [triangle_of(np.vstack(triangles[-2:]))]
    triangle = triangles[0] if len(triangles) == 1 else triangle_of(np.vstack(triangles))

    total = float(n if weight is None else weight.sum())
    return _unpack(triangle, total, centre, d, fit_intercept=fit_intercept)


def merge(first: Reduction, second: Reduction, *, fit_intercept: bool) -> Reduction:
    """The reduction of the rows of both, in units of the larger weight."""
    unit, centre = max(first.unit, second.unit), np.concatenate([first.x_mean, first.y_mean])
    stacked = []
    for part in (first, second):
        triangle = np.hstack([part.factor, part.target])
        if fit_intercept:
            root = np.sqrt(part.weight)
            offset = (np.concatenate([part.x_mean, part.y_mean]) - centre) + part.mean_rest
            triangle = np.pad(triangle, ((1, 0), (1, 0)))
            triangle[0] = root, *(root * offset)
        stacked.append(triangle * np.sqrt(part.unit / unit))
    total = first.weight * (first.unit / unit) + second.weight * (second.unit / unit)
    triangle = triangle_of(np.vstack(stacked))
    merged = _unpack(triangle, total, centre, len(first.x_mean), fit_intercept=fit_intercept)
    return merged._replace(unit=unit)


def _unpack(triangle: np.ndarray, total: float, centre: np.ndarray, d: int, *, fit_intercept: bool) -> Reduction:
    """The reduction that a triangle of columns [1, x - c, y - e] holds."""
    mean, rest, root = np.zeros_like(centre), np.zeros_like(centre), 1.0
    if fit_intercept:
        root = triangle[0, 0]  # of the total weight, with LAPACK's sign
        mean, rest = two_sum(centre, triangle[0, 1:] / root)
        triangle = triangle[1:, 1:]
    factor, target = triangle[:, :d], triangle[:, d:]
    x_norm = column_norms(np.vstack([mean[None, :d] * root, factor]))
    return Reduction(factor, target, mean[:d], mean[d:], x_norm, total, mean_rest=rest)


def triangle_of(matrix: np.ndarray) -> np.ndarray:
    """R of the matrix' QR decomposition."""
    return np.asarray(np.linalg.qr(matrix, mode="r"))


def column_norms(matrix: np.ndarray) -> np.ndarray:
    """Euclidean norms that neither overflow nor underflow, 1 for a column of zeros."""
    largest = np.abs(matrix).max(axis=0)
    largest[largest == 0] = 1.0
    norms = largest * np.linalg.norm(matrix / largest, axis=0)
    return np.where(norms > 0, norms, 1.0)
