"""Where the products see the rows: near the origin and of moderate size, so that their rounding margins are small."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse

from ._metrics import Cosine, Metric, directions, row_largest
from ._rounding import TINY

SAMPLE_ROWS = 2048
CACHED = 2**18  # numbers in a block: about what a second-level cache holds, and enough work for a thread to be worth it


class Placement:
    """Rows of X less a centre, times a power of two; for the cosine their directions, less a centre if `centred`.

    Any centre and any power are right. The centre is the mean of a sample of rows (zero for sparse ones), and the power
    brings the largest entry of the sample to about 1. So an outlier, which the bounds find by its length, does not push
    all other rows out of float32's range.
    """

    hidden = 0.0  # what underflow of float64 squares of X's own scale amounts to here

    def __init__(self, X: Any, metric: Metric, *, centred: bool = True):
        self.cosine = isinstance(metric, Cosine)
        self.centre = np.zeros(X.shape[1])
        self.factor = 1.0
        sample = sample_rows(X).astype(np.float64)
        if self.cosine:
            if centred:
                self.centre = directions(sample).mean(axis=0)
            return
        if not sparse.issparse(X):
            with np.errstate(over="ignore"):
                # In X's precision, so that differences in it are rounded once.
                centre = mean_of_present(sample).astype(X.dtype).astype(np.float64)
                sample -= centre
            if np.isfinite(centre).all():
                self.centre = centre
        largest = row_largest(sample)
        largest = np.fmax.reduce(np.where(np.isfinite(largest), largest, 0))
        if largest > 0:
            self.factor = 2.0 ** -float(np.clip(np.frexp(largest)[1], -1022, 1022))
        self.hidden = TINY * self.factor * self.factor

    def __call__(self, X: Any, dtype: Any = np.float64) -> Any:
        """Rows of X as the products see them, each entry rounded once."""
        if self.cosine:
            rows = directions(X)
            return rows - self.centre if self.centre.any() else rows
        with np.errstate(over="ignore", under="ignore"):  # too long a row is refused by the bounds
            if sparse.issparse(X):
                return X.astype(np.float64) * self.factor
            rows = np.subtract(X, self.centre.astype(dtype, copy=False), dtype=dtype)
            rows *= dtype(self.factor)
            return rows


def sample_rows(X: Any) -> Any:
    """A random sample of the rows, always the same one."""
    n_rows = X.shape[0]
    if n_rows <= SAMPLE_ROWS:
        return X
    return X[np.sort(np.random.default_rng(0).choice(n_rows, SAMPLE_ROWS, replace=False))]


def mean_of_present(X: np.ndarray) -> np.ndarray:
    """Means of the columns over what is not NaN, 0 where everything is."""
    mean = X.mean(axis=0)
    if not np.isnan(mean).any():
        return mean
    present = ~np.isnan(X)
    return np.where(present, X, 0).sum(axis=0) / np.maximum(present.sum(axis=0), 1)


def row_blocks(n_rows: int, columns: int) -> list[slice]:
    """Blocks of rows that are converted about inside the cache."""
    size = int(np.clip(CACHED // max(1, columns), 64, 8192))
    return [slice(start, min(start + size, n_rows)) for start in range(0, n_rows, size)]
