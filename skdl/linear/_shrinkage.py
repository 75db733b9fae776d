"""The parameters that say where a penalty draws the coefficients to, and how strongly."""

from __future__ import annotations

from typing import Any

import numpy as np


def penalty_of(alpha: Any, n_features: int) -> float | np.ndarray:
    """The parameter `alpha`, one number or one for each feature."""
    if np.ndim(alpha) == 0:
        return float(alpha)
    try:
        factors = np.asarray(alpha, dtype=np.float64)
    except (TypeError, ValueError):
        factors = np.full(1, np.nan)
    if factors.shape != (n_features,) or not ((factors >= 0) & (factors < np.inf)).all():
        raise ValueError(
            f"The 'alpha' parameter must be a number in the range [0, inf) or an array of {n_features} such numbers, "
            f"one for each feature. Got {alpha!r}."
        )
    return factors


def prior_of(prior: Any, n_features: int, n_outputs: int) -> np.ndarray | None:
    """The parameter `prior` of the shape (n_features, n_outputs)."""
    if prior is None:
        return None
    try:
        coef = np.asarray(prior, dtype=np.float64)
    except (TypeError, ValueError):
        coef = np.full(1, np.nan)
    if coef.shape not in {(n_features,), (n_outputs, n_features)} or not np.isfinite(coef).all():
        raise ValueError(
            f"The 'prior' parameter must hold finite coefficients of shape ({n_features},) or ({n_outputs}, "
            f"{n_features}), as coef_ does. Got {prior!r}."
        )
    return np.ascontiguousarray(np.broadcast_to(coef, (n_outputs, n_features)).T)
