"""The out-of-bag evaluation of a bagged ensemble: each row is predicted by the members that have not seen it."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import numpy as np

from skdl._validation import warn_of_overflow
from skdl._warnings import collecting, warn
from skdl.ensemble._diagnostics import error_correlation
from skdl.ensemble._sampling import select_rows

SAMPLE_NUMBERS = 1 << 24  # of residuals that the members' correlation is taken from: 128 MB


class OutOfBag:
    """The out-of-bag attributes of a bagged ensemble."""

    estimators_samples_: list[np.ndarray]
    _outputs: Any
    _residuals: Any

    @abstractmethod
    def _store_out_of_bag(self, average: np.ndarray, covered: np.ndarray, y: np.ndarray, weight: Any) -> None:
        """Write the out-of-bag attributes; rows that are not `covered` have NaN for an average."""

    def _evaluate_out_of_bag(self, X: Any, y: np.ndarray, weight: np.ndarray | None) -> None:
        """Average over each row's members that have not seen it; rows of weight zero do not count, and have NaN."""
        if max(int(rows.max()) for rows in self.estimators_samples_) >= len(y):
            raise ValueError("oob_score=True and warm_start=True need the rows of the earlier fits, too.")
        unseen = np.ones((len(self.estimators_samples_), len(y)), dtype=bool)
        for out_of_bag, rows in zip(unseen, self.estimators_samples_, strict=True):
            out_of_bag[rows] = False
        given, n_rows = (y, weight), len(y)
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
                [output] = self._outputs(select_rows(X, rows), [j])
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
            residuals[j, known] = self._residuals(output[None, places], y[sample[known]])[0]
        count = unseen.sum(axis=0)
        covered = count > 0
        if not covered.all():
            warn(
                f"{(~covered).sum()} of {len(y)} rows were in the bag of every member and have no out-of-bag estimate "
                "(NaN). Use more estimators.",
            )
        if total is None:
            total = smallest = largest = np.zeros(len(y))
        average = np.clip((total.T / np.maximum(count, 1)).T, smallest, largest)  # see `_means`
        warn_of_overflow(self, X, np.where(covered, average.T, 0).T)
        average[~covered] = np.nan
        everywhere, is_covered = np.full((n_rows, *average.shape[1:]), np.nan), np.zeros(n_rows, dtype=bool)
        everywhere[kept], is_covered[kept] = average, covered
        self._store_out_of_bag(everywhere, is_covered, *given)
        share = None if weight is None or sample is None else weight[sample]
        k = len(unseen)
        self._member_correlation = (
            np.full((k, k), np.nan) if sample is None else error_correlation(residuals, share, unseen[:, sample])
        )


def sampled_rows(n_rows: int, numbers_a_row: int) -> np.ndarray:
    """All rows, or as many as `SAMPLE_NUMBERS` allow (but a thousand), evenly spread."""
    most = max(1000, SAMPLE_NUMBERS // numbers_a_row)
    return np.arange(n_rows) if n_rows <= most else np.linspace(0, n_rows - 1, most).astype(np.intp)
