"""Least squares by orthogonal transformations: rows are reduced block by block, then a small problem is solved.

A `Reduction` is a sufficient statistic: whatever makes one (`reduce_rows`; a Gram matrix and its Cholesky factor, where
the columns are far from dependent), `merge` joins it with that of other rows, and `solve` never sees the rows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy import linalg

EPS = np.finfo(np.float64).eps
BLOCK_ELEMENTS = 2**20  # at most 8 MiB of float64 at a time, and no copy of all of X
CACHED_ELEMENTS = 2**16  # with few columns, the transformations only wait for memory
TALL = 64  # rows for each column, from which on merging the triangles costs little
SAMPLE_ROWS = 256


class Reduction(NamedTuple):
    """What least squares needs to know of n rows: `factor.T @ factor` are the cross products of the centred columns."""

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
        mean, rest = sum_and_rest(centre, triangle[0, 1:] / root)
        triangle = triangle[1:, 1:]
    factor, target = triangle[:, :d], triangle[:, d:]
    x_norm = column_norms(np.vstack([mean[None, :d] * root, factor]))
    return Reduction(factor, target, mean[:d], mean[d:], x_norm, total, mean_rest=rest)


def sum_and_rest(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The rounded sum, and exactly what rounding took."""
    total = a + b
    b_part = total - a
    return total, (a - (total - b_part)) + (b - b_part)


def triangle_of(matrix: np.ndarray) -> np.ndarray:
    """R of the matrix' QR decomposition."""
    return np.asarray(np.linalg.qr(matrix, mode="r"))


def column_norms(matrix: np.ndarray) -> np.ndarray:
    """Euclidean norms that neither overflow nor underflow, 1 for a column of zeros."""
    largest = np.abs(matrix).max(axis=0)
    largest[largest == 0] = 1.0
    norms = largest * np.linalg.norm(matrix / largest, axis=0)
    return np.where(norms > 0, norms, 1.0)


def rank_threshold(d: int, noise: float) -> float:
    """How close to dependence d columns of unit length may be by rounding alone.

    Half an ulp of each entry, and what two factorisations add in float64.
    """
    return float(np.sqrt(d) * (noise / 2 + 8 * EPS))


def solve(
    reduction: Reduction, ridge: float = 0.0, penalised: np.ndarray | None = None, *, noise: float = EPS
) -> tuple[np.ndarray, int]:
    """Coefficients (d, k) that minimise |factor w - target|^2 + ridge |K w|^2, and the rank of the factor.

    K is the identity or the upper triangular matrix `penalised`, which may be singular if it is diagonal. Where the
    columns depend on each other, K w has the smallest norm (and ridge = 0 is the limit of a vanishing ridge). `noise`
    is the relative rounding error with which the entries of the matrix came.

    Columns are divided by their norms *before* centring: in these units rounding the entries of the data moves every
    column by at most `noise`, so that one threshold tells dependent columns, and constant ones, from small ones.
    """
    k = reduction.target.shape[1]
    scale = reduction.x_norm
    d = scale.shape[0]
    q, r, order = linalg.qr(reduction.factor / scale, mode="economic", pivoting=True, check_finite=False)
    rank = int(np.count_nonzero(np.abs(np.diagonal(r)) > rank_threshold(d, noise)))
    target = q[:, :rank].T @ reduction.target
    r = r[:rank]

    if rank == d:
        # Scaling columns does not change a unique solution, only makes it exact to more digits.
        penalty = np.zeros((0, d)) if ridge == 0 else _penalty_matrix(penalised, scale)[:, order]
        scaled = _ridge(r, target, np.sqrt(ridge) * penalty)
        coef = np.empty((d, k))
        coef[order] = scaled / scale[order, None]
        return coef, rank

    solution = linalg.solve_triangular(r[:, :rank], np.hstack([target, r[:, rank:]]), check_finite=False)
    basis = np.empty((rank, d))
    basis[:, order] = np.hstack([np.eye(rank), solution[:, k:]])
    basis[:, is_constant(reduction, noise)] = 0.0
    span = (basis * scale).T
    if penalised is not None and ridge > 0 and (np.diagonal(penalised) == 0).any():
        stacked = with_penalty(reduction, r[:, :rank] @ span.T, target, np.sqrt(ridge) * penalised)
        return solve(stacked, noise=noise)[0], rank
    return solve_dependent(span, r[:, :rank], solution[:, :k], target, ridge, penalised), rank


def is_constant(reduction: Reduction, noise: float) -> np.ndarray:
    """Which columns only rounding tells from constant ones: however large they are, they explain nothing."""
    spread = np.linalg.norm(reduction.factor / reduction.x_norm, axis=0)
    return np.asarray(spread <= rank_threshold(len(spread), noise))


def with_penalty(reduction: Reduction, factor: np.ndarray, target: np.ndarray, penalty: np.ndarray) -> Reduction:
    """The penalty |penalty w|^2 as rows of a problem without, for where some directions are free of it.

    The rows themselves are given as `factor` (rank, d) and `target` (rank, k), without what they do not explain of the
    targets: by rounding, this would act on the directions that only the penalty determines.
    """
    rows, rest = np.vstack([factor, penalty]), np.zeros((len(penalty), target.shape[1]))
    norm = np.hypot(reduction.x_norm, np.diagonal(penalty))
    return reduction._replace(factor=rows, target=np.vstack([target, rest]), x_norm=norm)


def solve_dependent(
    span: np.ndarray,
    matrix: np.ndarray,
    basic: np.ndarray,
    target: np.ndarray,
    ridge: float,
    penalised: np.ndarray | None,
) -> np.ndarray:
    """The solution for dependent columns: the best w = argmin |matrix span' w - target|^2 + ridge |K w|^2.

    All that fit best share `span' w = basic`, with span of shape (d, rank). Of these the one with the smallest norm in
    the coordinates of the caller lies in the span written in these coordinates, and the penalty of a point of this span
    is the norm of its coordinates there.
    """
    if penalised is not None:
        span = linalg.solve_triangular(penalised, span, trans="T", check_finite=False)
    if ridge == 0:
        coef = nearest_origin(span, basic)
    else:
        q, s, pivots = qr_by_rows(span)
        coef = q @ _ridge(matrix[:, pivots] @ s.T, target, np.sqrt(ridge) * np.eye(len(matrix)))
    if penalised is not None:
        coef = linalg.solve_triangular(penalised, coef, check_finite=False)
    return np.asarray(coef)


def nearest_origin(span: np.ndarray, basic: np.ndarray) -> np.ndarray:
    """The shortest w with span' w = basic."""
    q, s, pivots = qr_by_rows(span)
    return np.asarray(q @ linalg.solve_triangular(s, basic[pivots], trans="T", check_finite=False))


def qr_by_rows(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """QR decomposition with pivoting that is accurate in each row: rows are taken from large to small [1]_.

    References
    ----------
    .. [1] A. J. Cox and N. J. Higham, "Stability of Householder QR factorization for weighted least squares problems",
       in: Numerical Analysis 1997, Pitman, 1998.
    """
    by_size = np.argsort(-np.abs(matrix).max(axis=1, initial=0.0), kind="stable")
    sorted_q, r, pivots = linalg.qr(matrix[by_size], mode="economic", pivoting=True, check_finite=False)
    q = np.empty_like(sorted_q)
    q[by_size] = sorted_q
    return q, r, pivots


def _penalty_matrix(penalised: np.ndarray | None, scale: np.ndarray) -> np.ndarray:
    return np.diag(1.0 / scale) if penalised is None else penalised / scale


def _ridge(matrix: np.ndarray, target: np.ndarray, penalty: np.ndarray) -> np.ndarray:
    """Argmin of |matrix w - target|^2 + |penalty w|^2 for a square, regular matrix, without squaring its condition."""
    if len(penalty) == 0:
        return linalg.solve_triangular(matrix, target, check_finite=False)
    q, r, order = qr_by_rows(np.vstack([matrix, penalty]))
    solution = np.empty((matrix.shape[1], target.shape[1]))
    solution[order] = linalg.solve_triangular(r, q[: len(target)].T @ target, check_finite=False)
    return solution
