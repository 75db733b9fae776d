"""Cross-conformal prediction: the distribution of a new target, from residuals of rows that the members did not see.

With mu_k the average of the members that have not seen fold k, and r_i = (y_i - mu_k(x_i)) / s_k(mu_k(x_i)), k = k(i),
the residual of row i by those that have not seen it, the target of a new row x is taken to be one of the n values
mu_k(i)(x) + s_k(i)(mu_k(i)(x)) r_i, or anything: its quantiles are order statistics of these (the jackknife+ of folds,
with residuals that keep their sign). The spread s_k is the mean size of the residuals of the other folds near such a
prediction, as errors often grow with what is predicted; it needs no row of fold k, nor the new one's target.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

ROUNDING = 1e-9  # of counts of rows
ROWS_OF_BIN, MOST_BINS = 50, 20  # of neighbours whose residuals make one spread
LEAST_SPREAD = 0.1  # as a share of that of all rows


class Spread:
    """The mean size of residuals by the prediction: of neighbours in its order, linear between their means.

    Parameters
    ----------
    predictions, residuals, weight : arrays of shape (n,)
        Weights have a mean of about one.
    """

    def __init__(self, predictions: np.ndarray, residuals: np.ndarray, weight: np.ndarray):
        order = np.argsort(predictions, kind="stable")
        weight, sizes = weight[order], np.abs(residuals[order])
        n_bins = max(1, min(MOST_BINS, int(weight.sum() // ROWS_OF_BIN)))
        place = (np.cumsum(weight) - weight / 2) / weight.sum()
        bins = np.minimum((place * n_bins).astype(np.intp), n_bins - 1)
        totals = np.bincount(bins, weight)
        filled = totals > 0
        self.at = (np.bincount(bins, weight * predictions[order])[filled]) / totals[filled]
        means = np.bincount(bins, weight * sizes)[filled] / totals[filled]
        overall = float(np.average(sizes, weights=weight))
        self.sizes = np.maximum(means, LEAST_SPREAD * overall) if overall > 0 else np.ones_like(means)

    def __call__(self, predictions: np.ndarray) -> np.ndarray:
        """The mean size of residuals near these predictions."""
        found: np.ndarray = np.interp(predictions, self.at, self.sizes)
        return found


class FoldResiduals:
    """The residuals of one fold in units of the spread, sorted, and the weight of all up to each.

    Parameters
    ----------
    predictions, residuals, weight : arrays of shape (n,)
    spread : Spread or None
        Of the other folds; None for a spread of one everywhere.
    """

    def __init__(
        self, predictions: np.ndarray, residuals: np.ndarray, weight: np.ndarray, spread: Spread | None = None
    ):
        self.spread = spread
        residuals = residuals / self.spread_at(predictions)
        order = np.argsort(residuals, kind="stable")
        self.residuals = residuals[order]
        self.weight_up_to = np.concatenate([[0.0], np.cumsum(weight[order])])

    def spread_at(self, predictions: np.ndarray) -> np.ndarray:
        """The spread at these predictions."""
        return np.ones_like(predictions) if self.spread is None else self.spread(predictions)

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
    lines = [(mean, fold.spread_at(mean), fold) for mean, fold in zip(averages, folds, strict=True)]
    smallest = np.min([mean + spread * fold.residuals[0] for mean, spread, fold in lines], axis=0)
    largest = np.max([mean + spread * fold.residuals[-1] for mean, spread, fold in lines], axis=0)
    found = np.empty((averages.shape[1], len(levels)))
    for j, level in enumerate(levels):
        position = (total + 1) * level
        rank = math.floor(position + ROUNDING) if level <= 0.5 else math.ceil(position - ROUNDING)
        if rank < 1 or rank > total + ROUNDING:
            found[:, j] = -np.inf if rank < 1 else np.inf
            continue
        found[:, j] = _order_statistic(lines, rank - ROUNDING * max(total, 1.0), smallest, largest)
    return found


def _order_statistic(
    lines: Sequence[tuple[np.ndarray, np.ndarray, FoldResiduals]], weight: float, low: np.ndarray, high: np.ndarray
) -> np.ndarray:
    """The smallest value up to which there is this weight, by halving the range, as exactly as floats tell."""
    low = np.nextafter(low, -np.inf)
    for _ in range(100):
        middle = low + (high - low) / 2
        if not ((middle > low) & (middle < high)).any():
            break
        enough = sum(fold.up_to((middle - mean) / spread) for mean, spread, fold in lines) >= weight
        low, high = np.where(enough, low, middle), np.where(enough, middle, high)
    return high
