"""Least squares whose coefficients must not be negative: the active set of Lawson and Hanson on a triangle.

C. L. Lawson, R. J. Hanson, "Solving Least Squares Problems", SIAM, 1995, chapter 23.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import nnls

from skdl.linear.solvers.qr import rank_threshold, solve_qr
from skdl.linear.solvers.reduction import EPS, Reduction, column_norms


def solve_nonnegative(
    reduction: Reduction, penalty: np.ndarray, prior: np.ndarray, *, noise: float = EPS
) -> np.ndarray:
    """Coefficients (d, k), none negative, that minimise |factor w - target|^2 + sum_j penalty_j (w_j - prior_j)^2.

    Columns that rounding alone may have made of constant ones are left out. Which coefficients are positive is found
    for each target by itself; what they are is then solved for as if they were all that there is.
    """
    d, k = prior.shape
    own = column_norms(reduction.factor) * reduction.factor.any(axis=0)
    varies = (own > reduction.x_norm * rank_threshold(d, noise)) | (penalty > 0)
    root = np.sqrt(penalty)
    matrix = np.vstack([reduction.factor, np.diag(root)])[:, varies]
    target = np.vstack([reduction.target, root[:, None] * prior])
    scale, size = column_norms(matrix), column_norms(target)
    coef = np.zeros((d, k))
    for output in range(k):
        found, _ = nnls(matrix / scale, target[:, output] / size[output], maxiter=100 * (d + 10))
        coef[varies, output] = found / scale * size[output]
        support = coef[:, output] > 0
        again = _solve_support(reduction, penalty, prior, output, support, noise)
        if (again >= 0).all():
            coef[support, output] = again
    return coef


def _solve_support(
    reduction: Reduction, penalty: np.ndarray, prior: np.ndarray, output: int, support: np.ndarray, noise: float
) -> np.ndarray:
    """The coefficients of some columns for one target."""
    if not support.any():
        return np.zeros(0)
    factor, start = reduction.factor[:, support], prior[support, output]
    rows = reduction._replace(
        factor=factor,
        target=(reduction.target[:, output] - factor @ start)[:, None],
        x_norm=reduction.x_norm[support],
    )
    weights = np.diag(np.sqrt(penalty[support]))
    return np.asarray(solve_qr(rows, float(penalty.any()), weights, noise=noise)[0][:, 0] + start)
