"""The singular value decomposition of a triangle: least squares of minimum norm whatever the rank."""

from __future__ import annotations

import numpy as np
from scipy import linalg

from skdl.linear._orthogonal import EPS, Reduction, nearest_origin, rank_threshold


def solve_svd(reduction: Reduction, penalty: np.ndarray, *, noise: float = EPS) -> tuple[np.ndarray, int]:
    """Coefficients (d, k) that minimise |factor w - target|^2 + sum_j penalty_j w_j^2, and the rank of the factor.

    Columns are scaled as in `_orthogonal.solve` to tell the rank. The scaled solution of minimum norm is not the one of
    minimum norm: this one is found among all solutions, which share their coordinates in the scaled row space.
    """
    d, k = len(reduction.x_norm), reduction.target.shape[1]
    threshold = rank_threshold(d, noise)
    root = np.sqrt(np.broadcast_to(penalty, d))
    rank = int(np.count_nonzero(linalg.svdvals(reduction.factor / reduction.x_norm, check_finite=False) > threshold))
    left, right = np.vstack([reduction.factor, np.diag(root)]), np.vstack([reduction.target, np.zeros((d, k))])
    # A determined solution is more exact in units of the centred columns, where a small column stays a direction.
    scale = np.linalg.norm(left, axis=0) if rank == d else np.hypot(reduction.x_norm, root)
    u, s, vt = linalg.svd(left / scale, full_matrices=False, check_finite=False)
    kept = (s > threshold) | (rank == d)
    basic = (u[:, kept].T @ right) / s[kept, None]
    if rank == d:
        return np.asarray(vt.T @ basic / scale[:, None]), rank
    return nearest_origin((vt[kept] * scale).T, basic), rank
