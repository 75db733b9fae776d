"""Least squares by orthogonal transformations: rows are reduced block by block, then a small problem is solved.

The seam to exchange a solver is `reduce_rows` (anything that gives the same `Reduction` will do, a Gram matrix and its
Cholesky factor too, where the columns are far from dependent) and `solve`, which never sees the rows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy import linalg

EPS = np.finfo(np.float64).eps
BLOCK_ELEMENTS = 2**20  # 8 MiB of float64 at a time: no copy of all of X, and few enough blocks that rounding stays low
SAMPLE_ROWS = 256


class Reduction(NamedTuple):
    """What least squares needs to know of n rows: `factor.T @ factor` are the cross products of the centred columns."""

    factor: np.ndarray  # (m, d), m <= d + k
    target: np.ndarray  # (m, k): factor.T @ target are the cross products with the centred targets
    x_mean: np.ndarray  # (d,)
    y_mean: np.ndarray  # (k,)
    x_norm: np.ndarray  # (d,) root of the sum of squares of each column before centring; 1 where it is zero
    weight: float  # total weight, in units in which the largest is 1


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
    step = max(4 * columns, BLOCK_ELEMENTS // columns)
    triangles: list[np.ndarray] = []
    for count, start in enumerate(range(0, n, step), start=1):
        part = slice(start, min(start + step, n))
        block = np.ones((part.stop - start, columns))
        np.subtract(rows(part), centre[:d], out=block[:, ones : ones + d])
        np.subtract(y[part], centre[d:], out=block[:, ones + d :])
        if weight is not None:
            block *= np.sqrt(weight[part])[:, None]
        triangles.append(_triangle(block))
        # Only triangles of equally many rows are merged, two by two: merging each block into one running triangle lets
        # the rounding error grow with the number of blocks rather than with its logarithm.
        for _ in range((count & -count).bit_length() - 1):
            triangles[-2:] = [_triangle(np.vstack(triangles[-2:]))]
    triangle = triangles[0] if len(triangles) == 1 else _triangle(np.vstack(triangles))

    total = float(n if weight is None else weight.sum())
    root = triangle[0, 0] if fit_intercept else 1.0  # of the total weight, with LAPACK's sign
    mean = centre + triangle[0, 1:] / root if fit_intercept else centre
    triangle = triangle[ones:, ones:]
    factor, target = triangle[:, :d], triangle[:, d:]
    x_norm = _column_norms(np.vstack([mean[None, :d] * root, factor]))
    return Reduction(factor, target, mean[:d], mean[d:], x_norm, total)


def _triangle(matrix: np.ndarray) -> np.ndarray:
    return np.asarray(np.linalg.qr(matrix, mode="r"))


def _column_norms(matrix: np.ndarray) -> np.ndarray:
    """Euclidean norms that neither overflow nor underflow, 1 for a column of zeros."""
    largest = np.abs(matrix).max(axis=0)
    largest[largest == 0] = 1.0
    norms = largest * np.linalg.norm(matrix / largest, axis=0)
    return np.where(norms > 0, norms, 1.0)


def solve(
    reduction: Reduction, ridge: float = 0.0, penalised: np.ndarray | None = None, *, noise: float = EPS
) -> tuple[np.ndarray, int]:
    """Coefficients (d, k) that minimise |factor w - target|^2 + ridge |K w|^2, and the rank of the factor.

    K is the identity or the upper triangular matrix `penalised`. Where the columns depend on each other, K w has the
    smallest norm (and ridge = 0 is the limit of a vanishing ridge). `noise` is the relative rounding error with which
    the entries of the matrix came.

    Columns are divided by their norms *before* centring: in these units rounding the entries of the data moves every
    column by at most `noise`, so that one threshold tells dependent columns, and constant ones, from small ones.
    """
    k = reduction.target.shape[1]
    scale = reduction.x_norm
    d = scale.shape[0]
    q, r, order = linalg.qr(reduction.factor / scale, mode="economic", pivoting=True, check_finite=False)
    # Half an ulp of each entry of d columns, and what the two factorisations add in float64.
    threshold = np.sqrt(d) * (noise / 2 + 8 * EPS)
    rank = int(np.count_nonzero(np.abs(np.diagonal(r)) > threshold))
    target = q[:, :rank].T @ reduction.target
    r = r[:rank]

    if rank == d:
        # Scaling columns does not change a unique solution, only makes it exact to more digits.
        penalty = np.zeros((0, d)) if ridge == 0 else _penalty_matrix(penalised, scale)[:, order]
        scaled = _ridge(r, target, np.sqrt(ridge) * penalty)
        coef = np.empty((d, k))
        coef[order] = scaled / scale[order, None]
        return coef, rank

    # Dependent columns: all solutions share `basis @ scaled = basic`, where basis is (rank, d). Of these the one with
    # the smallest norm in the coordinates of the caller (not in the scaled ones) lies in the span of the basis' rows
    # written in these coordinates, and the penalty of a point of this span is the norm of its coordinates there.
    solution = linalg.solve_triangular(r[:, :rank], np.hstack([target, r[:, rank:]]), check_finite=False)
    basis = np.empty((rank, d))
    basis[:, order] = np.hstack([np.eye(rank), solution[:, k:]])
    span = (basis * scale).T
    if penalised is not None:
        span = linalg.solve_triangular(penalised, span, trans="T", check_finite=False)
    # Rows from large to small and pivoting make a QR decomposition accurate in each row (Cox and Higham, 1998).
    by_size = np.argsort(-np.abs(span).max(axis=1, initial=0.0), kind="stable")
    q, s, pivots = linalg.qr(span[by_size], mode="economic", pivoting=True, check_finite=False)
    if ridge == 0:
        inside = linalg.solve_triangular(s, solution[pivots, :k], trans="T", check_finite=False)
    else:
        inside = _ridge(r[:, pivots] @ s.T, target, np.sqrt(ridge) * np.eye(rank))
    coef = np.empty((d, k))
    coef[by_size] = q @ inside
    if penalised is not None:
        coef = linalg.solve_triangular(penalised, coef, check_finite=False)
    return coef, rank


def _penalty_matrix(penalised: np.ndarray | None, scale: np.ndarray) -> np.ndarray:
    return np.diag(1.0 / scale) if penalised is None else penalised / scale


def _ridge(matrix: np.ndarray, target: np.ndarray, penalty: np.ndarray) -> np.ndarray:
    """Argmin of |matrix w - target|^2 + |penalty w|^2 for a square, regular matrix, without squaring its condition."""
    if len(penalty) == 0:
        return linalg.solve_triangular(matrix, target, check_finite=False)
    stacked = np.vstack([matrix, penalty])
    zeros = np.zeros((len(penalty), target.shape[1]))
    by_size = np.argsort(-np.abs(stacked).max(axis=1, initial=0.0), kind="stable")
    q, r, order = linalg.qr(stacked[by_size], mode="economic", pivoting=True, check_finite=False)
    solution = np.empty((stacked.shape[1], target.shape[1]))
    solution[order] = linalg.solve_triangular(r, q.T @ np.vstack([target, zeros])[by_size], check_finite=False)
    return solution
