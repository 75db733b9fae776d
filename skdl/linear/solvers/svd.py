"""The singular value decomposition of a triangle: least squares of minimum norm whatever the rank."""

from __future__ import annotations

import numpy as np
from scipy import linalg

from skdl.linear.solvers.qr import append_penalty_rows, is_constant, rank_threshold, solve_rank_deficient
from skdl.linear.solvers.reduction import EPS, Reduction
from skdl.linear.solvers.scaling import safe_norms


def solve_svd(reduction: Reduction, penalty: np.ndarray, *, noise: float = EPS) -> tuple[np.ndarray, int]:
    """Coefficients (d, k) that minimise |factor w - target|^2 + sum_j penalty_j w_j^2, and the rank of the factor.

    Columns are scaled as in `qr.solve` to tell the rank. The scaled solution of minimum norm is not the one of
    minimum norm: this one is found among all solutions, which share their coordinates in the scaled row space. The
    penalty is applied there, too: however small it is, directions that the rows do not have stay out.
    """
    d, k = len(reduction.x_norm), reduction.target.shape[1]
    threshold = rank_threshold(d, noise)
    root = np.sqrt(np.broadcast_to(penalty, d))
    u, s, vt = linalg.svd(reduction.factor / reduction.x_norm, full_matrices=False, check_finite=False)
    rank = int(np.count_nonzero(s > threshold))
    if rank == d:
        # A determined solution is more exact in units of the centred columns, where a small column stays a direction.
        left, right = np.vstack([reduction.factor, np.diag(root)]), np.vstack([reduction.target, np.zeros((d, k))])
        scale = safe_norms(left)
        u, s, vt = linalg.svd(left / scale, full_matrices=False, check_finite=False)
        return np.asarray(vt.T @ ((u.T @ right) / s[:, None]) / scale[:, None]), rank
    target, span = u[:, :rank].T @ reduction.target, (vt[:rank] * reduction.x_norm).T
    span[is_constant(reduction, noise)] = 0.0
    if root.any() and not root.all():
        stacked = append_penalty_rows(reduction, s[:rank, None] * span.T, target, np.diag(root))
        return solve_svd(stacked, np.zeros(d), noise=noise)[0], rank
    weights, ridge = (np.diag(root), 1.0) if root.any() else (None, 0.0)
    return solve_rank_deficient(span, np.diag(s[:rank]), target / s[:rank, None], target, ridge, weights), rank
