"""Means and scales of columns, in float64 and without a copy of the data."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils.sparsefuncs import mean_variance_axis

BLOCK_NUMBERS = 1 << 18


def row_weights(n_rows: int, index: np.ndarray | None, weight: np.ndarray | None) -> np.ndarray:
    """How much each of `n_rows` rows counts, when the rows `index` are taken, each with its weight."""
    if weight is not None and weight.min() == weight.max():
        weight = None  # only the proportions count: equal weights give the bits of none
    if index is None:
        return np.ones(n_rows) if weight is None else weight.astype(np.float64)
    return np.bincount(index, None if weight is None else weight[index], minlength=n_rows).astype(np.float64)


def mean_and_scale(X: Any, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weighted mean and reciprocal standard deviation of each column; a column without variance gets 1.

    Returns
    -------
    mean, scale : float64 arrays of shape (n_columns,)
        (X - mean) * scale is standardised.
    """
    if isinstance(X, np.ndarray):
        mean, variance = _dense_moments(X, weight / weight.sum())
    else:
        mean, variance = mean_variance_axis(X, axis=0, weights=weight.astype(X.dtype))
        mean, variance = mean.astype(np.float64), variance.astype(np.float64)
    # What rounding leaves of a constant column's variance is not a scale.
    rounding = np.finfo(np.float64).eps * len(weight)
    constant = variance <= rounding * variance.max(initial=0) * 1e-20 + (rounding * mean) ** 2
    return mean, 1 / np.sqrt(np.where(constant, 1.0, variance))


def zero_and_scale(X: Any, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Zeros, and the reciprocal root of each column's weighted mean square; of a column of zeros it is 1.

    Returns
    -------
    zero, scale : float64 arrays of shape (n_columns,)
        X * scale is standardised about zero.
    """
    share = weight / weight.sum()
    if isinstance(X, np.ndarray):
        rows = max(1, BLOCK_NUMBERS // max(X.shape[1], 1))
        squares = sum(share[a : a + rows] @ X[a : a + rows].astype(np.float64) ** 2 for a in range(0, len(X), rows))
    else:
        squares = share @ X.astype(np.float64).power(2)
    return np.zeros(X.shape[1]), 1 / np.sqrt(np.where(squares > 0, squares, 1.0))


def _dense_moments(X: np.ndarray, share: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and variance in two passes over blocks of rows: the sum of squares of differences does not cancel."""
    rows = max(1, BLOCK_NUMBERS // max(X.shape[1], 1))
    starts = range(0, len(X), rows)
    mean = sum(share[a : a + rows] @ X[a : a + rows].astype(np.float64) for a in starts)
    variance = sum(share[a : a + rows] @ (X[a : a + rows] - mean) ** 2 for a in starts)
    return np.asarray(mean), np.asarray(variance)
