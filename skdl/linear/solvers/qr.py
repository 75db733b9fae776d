"""Least squares by the QR decomposition of a triangle that the rows were reduced to, whatever its rank."""

from __future__ import annotations

import numpy as np
from scipy import linalg

from skdl.linear.solvers.reduction import EPS, Reduction


def rank_threshold(d: int, noise: float) -> float:
    """The distance from dependence that rounding alone may give d dependent columns of unit length.

    Half an ulp of each entry, and what two factorisations add in float64.
    """
    return float(np.sqrt(d) * (noise / 2 + 8 * EPS))


def solve_qr(
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
        scaled = _solve_ridge(r, target, np.sqrt(ridge) * penalty)
        coef = np.empty((d, k))
        coef[order] = scaled / scale[order, None]
        return coef, rank

    solution = linalg.solve_triangular(r[:, :rank], np.hstack([target, r[:, rank:]]), check_finite=False)
    basis = np.empty((rank, d))
    basis[:, order] = np.hstack([np.eye(rank), solution[:, k:]])
    basis[:, is_constant(reduction, noise)] = 0.0
    span = (basis * scale).T
    if penalised is not None and ridge > 0 and (np.diagonal(penalised) == 0).any():
        stacked = append_penalty_rows(reduction, r[:, :rank] @ span.T, target, np.sqrt(ridge) * penalised)
        return solve_qr(stacked, noise=noise)[0], rank
    return solve_rank_deficient(span, r[:, :rank], solution[:, :k], target, ridge, penalised), rank


def is_constant(reduction: Reduction, noise: float) -> np.ndarray:
    """A mask of the columns that are constant up to rounding: however large they are, they explain nothing."""
    spread = np.linalg.norm(reduction.factor / reduction.x_norm, axis=0)
    return np.asarray(spread <= rank_threshold(len(spread), noise))


def append_penalty_rows(reduction: Reduction, factor: np.ndarray, target: np.ndarray, penalty: np.ndarray) -> Reduction:
    """The penalty |penalty w|^2 as rows of a problem without, for where some directions are free of it.

    The rows themselves are given as `factor` (rank, d) and `target` (rank, k), without what they do not explain of the
    targets: by rounding, this would act on the directions that only the penalty determines.
    """
    rows, rest = np.vstack([factor, penalty]), np.zeros((len(penalty), target.shape[1]))
    norm = np.hypot(reduction.x_norm, np.diagonal(penalty))
    return reduction._replace(factor=rows, target=np.vstack([target, rest]), x_norm=norm)


def solve_rank_deficient(
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
        coef = minimum_norm(span, basic)
    else:
        q, s, pivots = rowwise_stable_qr(span)
        coef = q @ _solve_ridge(matrix[:, pivots] @ s.T, target, np.sqrt(ridge) * np.eye(len(matrix)))
    if penalised is not None:
        coef = linalg.solve_triangular(penalised, coef, check_finite=False)
    return np.asarray(coef)


def minimum_norm(span: np.ndarray, basic: np.ndarray) -> np.ndarray:
    """The shortest w with span' w = basic."""
    q, s, pivots = rowwise_stable_qr(span)
    return np.asarray(q @ linalg.solve_triangular(s, basic[pivots], trans="T", check_finite=False))


def rowwise_stable_qr(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
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


def _solve_ridge(matrix: np.ndarray, target: np.ndarray, penalty: np.ndarray) -> np.ndarray:
    """Argmin of |matrix w - target|^2 + |penalty w|^2 for a square, regular matrix, without squaring its condition."""
    if len(penalty) == 0:
        return np.asarray(linalg.solve_triangular(matrix, target, check_finite=False))
    q, r, order = rowwise_stable_qr(np.vstack([matrix, penalty]))
    solution = np.empty((matrix.shape[1], target.shape[1]))
    solution[order] = linalg.solve_triangular(r, q[: len(target)].T @ target, check_finite=False)
    return solution
