"""Cross-conformal prediction: the distribution of a new target, from residuals of rows that the members did not see.

With mu_k the average of the members that have not seen fold k, and r_i = y_i - mu_k(i)(x_i) the residual of row i by
those that have not seen it, the target of a new row x is taken to be one of the n values mu_k(i)(x) + r_i, or anything:
its quantiles are order statistics of these (the jackknife+ of folds, with residuals that keep their sign).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

ROUNDING = 1e-9  # of counts of rows


class FoldResiduals:
    """The residuals of one fold, sorted, and the weight of all up to each.

    Parameters
    ----------
    residuals, weight : arrays of shape (n,)
    """

    def __init__(self, residuals: np.ndarray, weight: np.ndarray):
        order = np.argsort(residuals, kind="stable")
        self.residuals = residuals[order]
        self.weight_up_to = np.concatenate([[0.0], np.cumsum(weight[order])])

    def up_to(self, values: np.ndarray) -> np.ndarray:
        """The weight of residuals that are at most these values."""
        found: np.ndarray = self.weight_up_to[np.searchsorted(self.residuals, values, side="right")]
        return found


def quantiles(averages: np.ndarray, folds: Sequence[FoldResiduals], levels: Sequence[float]) -> np.ndarray:
    """Quantiles (n, L) of the targets of n rows.

    Parameters
    ----------
    averages : array of shape (K, n)
        Of the members that have not seen each fold.
    folds : list of K FoldResiduals
        Weights have a mean of one over all rows.
    levels : list of L floats
        In (0, 1). Up to 1/2 the quantile is the floor((n + 1) q)-th smallest value, and above the
        ceil((n + 1) q)-th, so that an interval between two of them holds at least as much as it says; where there are
        too few rows for it, it is infinite.
    """
    total = sum(float(fold.weight_up_to[-1]) for fold in folds)
    smallest = np.min([mean + fold.residuals[0] for mean, fold in zip(averages, folds, strict=True)], axis=0)
    largest = np.max([mean + fold.residuals[-1] for mean, fold in zip(averages, folds, strict=True)], axis=0)
    found = np.empty((averages.shape[1], len(levels)))
    for j, level in enumerate(levels):
        position = (total + 1) * level
        rank = math.floor(position + ROUNDING) if level <= 0.5 else math.ceil(position - ROUNDING)
        if rank < 1 or rank > total + ROUNDING:
            found[:, j] = -np.inf if rank < 1 else np.inf
            continue
        found[:, j] = _order_statistic(averages, folds, rank - ROUNDING * max(total, 1.0), smallest, largest)
    return found


def _order_statistic(
    averages: np.ndarray, folds: Sequence[FoldResiduals], weight: float, low: np.ndarray, high: np.ndarray
) -> np.ndarray:
    """The smallest value up to which there is this weight, by halving the range, as exactly as floats tell."""
    low = np.nextafter(low, -np.inf)
    for _ in range(100):
        middle = low + (high - low) / 2
        if not ((middle > low) & (middle < high)).any():
            break
        enough = sum(fold.up_to(middle - mean) for mean, fold in zip(averages, folds, strict=True)) >= weight
        low, high = np.where(enough, low, middle), np.where(enough, middle, high)
    return high
