"""Least squares with more columns than rows: the solution is a combination of the rows, found from their products.

With centred rows X (n, d) and n <= d, the coefficients of least norm are w = X' z, where X X' z = y: n unknowns in
place of d. Centring makes X X' singular along the ones, and only along them if the rows are else independent, so
that a multiple of 1 1' makes it regular and changes nothing. Weights w_i scale the rows by their roots, and the ones
with them. With a penalty, w = L^-1 X' z, where (X L^-1 X' + I) z = y, for L its diagonal.

X X' has the squared condition of the rows. The guard is that of the Gram matrix: an estimate of the condition, and
passes that compute the residuals of the rows themselves until the corrections are spent.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.linalg import blas, cho_solve

from skdl.linear.solvers.blocks import BLOCK_BYTES
from skdl.linear.solvers.gram import LARGEST, MAX_CHANGE, MIN_SAFETY, SMALLEST, factorise, mirror
from skdl.linear.solvers.reduction import EPS
from skdl.linear.solvers.scaling import safe_norms

LEAST_COLUMNS = 256
MAX_PASSES = 4


class DualSolution(NamedTuple):
    coef: np.ndarray  # (d, k)
    x_mean: np.ndarray  # (d,)
    y_mean: np.ndarray  # (k,)
    rss: np.ndarray  # (k,) residual sums of squares, weighted
    tss: np.ndarray  # (k,) sums of squares of the centred targets, weighted


def solve_dual(
    columns: Callable[[slice], np.ndarray],
    n_columns: int,
    y: np.ndarray,
    weight: np.ndarray | None,
    *,
    fit_intercept: bool,
    penalty: np.ndarray | None = None,
    prior: np.ndarray | None = None,
    threshold: float = 0.0,
    check: Callable[[], None] = lambda: None,
) -> DualSolution | None:
    """The coefficients nearest to `prior` that fit best; None where the rows may be dependent.

    Parameters
    ----------
    columns : callable
        Gives all rows of a slice of the columns.
    penalty : array of shape (d,) or None
        All of it positive.
    threshold : float
        Rows of unit length closer to dependence than this may be dependent: None is returned.
    check : callable
        Called when a product was not finite; raises if the rows are to blame.
    """
    n, k = y.shape
    root = np.ones(n) if weight is None else np.sqrt(weight)
    share = root**2 / (root @ root)
    step = max(BLOCK_BYTES // (8 * n), LEAST_COLUMNS)
    parts = [slice(start, start + step) for start in range(0, n_columns, step)]
    inverse = np.ones(n_columns) if penalty is None else 1.0 / penalty
    x_mean, y_mean = np.zeros(n_columns), share @ y if fit_intercept else np.zeros(k)

    def centred(part: slice) -> np.ndarray:
        return (columns(part) - x_mean[part]) * root[:, None]

    kernel, plain, squares = np.zeros((n, n), order="F"), np.zeros((n, n), order="F"), 0.0
    with np.errstate(all="ignore"):
        for part in parts:
            if fit_intercept:
                block = columns(part)
                x_mean[part] = block[0] + share @ (block - block[0])  # the mean of a constant is this constant
            block = centred(part)
            blas.dsyrk(1.0, block.T, beta=1.0, c=plain, overwrite_c=True, trans=True)
            if penalty is not None:
                blas.dsyrk(1.0, (block * np.sqrt(inverse[part])).T, beta=1.0, c=kernel, overwrite_c=True, trans=True)
        trace = float(plain.trace())
        squares = trace + float(root @ root) * float(x_mean @ x_mean)
    if not np.isfinite(squares):
        check()
        return None
    mirror(plain)
    if fit_intercept:
        plain += np.multiply.outer(root, root) * (trace / n / (root @ root))
    factor, scale, rcond = _scaled_cholesky(plain)
    if rcond < MIN_SAFETY or np.sqrt(rcond * trace / squares) < 4 * threshold:
        return None
    if penalty is not None:
        mirror(kernel)
        factor, scale, rcond = _scaled_cholesky(kernel + np.eye(n))
        if rcond < MIN_SAFETY:
            return None

    targets = (y - y_mean) * root[:, None]
    with np.errstate(over="ignore"):
        tss = np.sum(targets**2, axis=0)
    if not ((tss < LARGEST) & ((tss > SMALLEST) | ~targets.any(axis=0))).all():
        return None
    start = np.zeros((n_columns, k)) if prior is None else prior

    def evaluate(z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Coefficients and the residuals of the rows."""
        coef, residual = np.empty((n_columns, k)), targets.copy()
        for part in parts:
            block = centred(part)
            coef[part] = start[part] + inverse[part, None] * (block.T @ z)
            residual -= block @ coef[part]
        return coef, residual

    def solution(right: np.ndarray) -> np.ndarray:
        return np.asarray(scale[:, None] * cho_solve((factor, False), scale[:, None] * right, check_finite=False))

    z = np.zeros((n, k))
    z = solution(evaluate(z)[1] if prior is not None else targets)
    first = 0.0
    for _ in range(MAX_PASSES):
        residual = evaluate(z)[1]
        correction = solution(residual if penalty is None else residual - z)
        z = z + correction
        size = safe_norms(z)
        change = float((safe_norms(correction) / np.where(size > 0, size, 1.0)).max())
        if not change < MAX_CHANGE:
            return None
        first = first or change
        if change * first < 4 * EPS:
            break
    coef, residual = evaluate(z)
    return DualSolution(coef, x_mean, y_mean, np.sum(residual**2, axis=0), tss)


def _scaled_cholesky(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Cholesky factor, scale of its rows and estimated reciprocal condition."""
    diagonal = matrix.diagonal()
    if not (diagonal > SMALLEST).all():
        return matrix, diagonal, 0.0
    scale = 1.0 / np.sqrt(diagonal)
    factor, rcond = factorise(matrix, scale)
    return factor, scale, rcond
