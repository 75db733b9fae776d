"""The out-of-bag evaluation of a bagged ensemble: each row is predicted by the members that have not seen it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from sklearn.base import BaseEstimator

from skdl._validation import warn_of_overflow
from skdl._warnings import collecting, warn
from skdl.ensemble._diagnostics import error_correlation
from skdl.ensemble._sampling import select_rows

SAMPLE_NUMBERS = 1 << 24  # of residuals that the members' correlation is taken from: 128 MB


class OutOfBag(NamedTuple):
    """Averages over each row's members that have not seen it.

    Parameters
    ----------
    average : array of shape (n, ...)
        NaN for rows that are not covered.
    covered : bool array of shape (n,)
        Rows that some member has not seen.
    correlation : array of shape (k, k)
        Of the members' errors on rows that neither has seen.
    """

    average: np.ndarray
    covered: np.ndarray
    correlation: np.ndarray


def evaluate_out_of_bag(
    ensemble: BaseEstimator,
    samples: Sequence[np.ndarray],
    output_of: Callable[[Any, int], np.ndarray],
    residuals_of: Callable[[np.ndarray, np.ndarray], np.ndarray],
    X: Any,
    y: np.ndarray,
    weight: np.ndarray | None,
) -> OutOfBag:
    """The out-of-bag averages of training rows; rows of weight zero do not count, and have NaN.

    Parameters
    ----------
    ensemble : estimator
        Named in warnings.
    samples : list of int arrays
        Rows of each member.
    output_of : callable
        From some rows and the number of a member to what it contributes to the average.
    residuals_of : callable
        From outputs (k, n, ...) of members and targets to residuals (k, n, C).
    X, y, weight : validated training data
    """
    if max(int(rows.max()) for rows in samples) >= len(y):
        raise ValueError("oob_score=True and warm_start=True need the rows of the earlier fits, too.")
    unseen = np.ones((len(samples), len(y)), dtype=bool)
    for out_of_bag, rows in zip(unseen, samples, strict=True):
        out_of_bag[rows] = False
    n_rows = len(y)
    kept = np.arange(n_rows) if weight is None else np.flatnonzero(weight)
    if weight is not None and len(kept) < n_rows:
        X, y, weight, unseen = select_rows(X, kept), y[kept], weight[kept], unseen[:, kept]
    total: Any = None
    sample: Any = None  # of the rows, for the correlation
    for j, out_of_bag in enumerate(unseen):
        if not out_of_bag.any():
            continue
        rows = np.flatnonzero(out_of_bag)
        with collecting():  # in which rows would have numbers of their own
            output = output_of(select_rows(X, rows), j)
        if total is None:
            total = np.zeros((len(y), *output.shape[1:]))
            smallest, largest = np.full_like(total, np.inf), np.full_like(total, -np.inf)
            sample = sampled_rows(len(y), len(unseen) * output[0].size)
            residuals = np.zeros((len(unseen), len(sample), output[0].size))
        total[rows] += output
        smallest[rows] = np.minimum(smallest[rows], output)
        largest[rows] = np.maximum(largest[rows], output)
        known = np.flatnonzero(out_of_bag[sample])
        places = np.searchsorted(rows, sample[known])
        residuals[j, known] = residuals_of(output[None, places], y[sample[known]])[0]
    count = unseen.sum(axis=0)
    covered = count > 0
    if not covered.all():
        warn(
            f"{(~covered).sum()} of {len(y)} rows were in the bag of every member and have no out-of-bag estimate "
            "(NaN). Use more estimators.",
        )
    if total is None:
        total = smallest = largest = np.zeros(len(y))
    average = np.clip((total.T / np.maximum(count, 1)).T, smallest, largest)  # see `_running_mean`
    warn_of_overflow(ensemble, X, np.where(covered, average.T, 0).T)
    average[~covered] = np.nan
    everywhere, is_covered = np.full((n_rows, *average.shape[1:]), np.nan), np.zeros(n_rows, dtype=bool)
    everywhere[kept], is_covered[kept] = average, covered
    share = None if weight is None or sample is None else weight[sample]
    k = len(unseen)
    none = np.full((k, k), np.nan)
    correlation = none if sample is None else error_correlation(residuals, share, unseen[:, sample])
    return OutOfBag(everywhere, is_covered, correlation)


def sampled_rows(n_rows: int, numbers_a_row: int) -> np.ndarray:
    """All rows, or as many as `SAMPLE_NUMBERS` allow (but a thousand), evenly spread."""
    most = max(1000, SAMPLE_NUMBERS // numbers_a_row)
    return np.arange(n_rows) if n_rows <= most else np.linspace(0, n_rows - 1, most).astype(np.intp)
