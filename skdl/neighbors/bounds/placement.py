"""Centring and scaling of the rows for products, so that rounding margins are small."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse

from skdl.neighbors.bounds.rounding import SMALLEST
from skdl.neighbors.metrics.metric import Cosine, Metric
from skdl.neighbors.metrics.row_arithmetic import row_max_abs, unit_rows

SAMPLE_ROWS = 2048
FAR = 100  # times the median distance: fewer do not widen the margins of the products much
CACHED = 2**18  # numbers in a block: about what a second-level cache holds, and enough work for a thread to be worth it


class Placement:
    """Rows of X less a centre, times a power of two; for the cosine their directions, less a centre if `centred`.

    Any centre and any power are right. The centre is the mean of a sample of rows (zero for sparse ones), without those
    that lie far out, and the power brings the largest entry of the rest to about 1. So outliers, which the bounds find
    by their length, push the other rows neither away from the centre nor out of float32's range.
    """

    def __init__(self, X: Any, metric: Metric, *, centred: bool = True):
        self.cosine = isinstance(metric, Cosine)
        self.centre = np.zeros(X.shape[1])
        self.factor = 1.0
        self.hidden = 0.0  # what rounding a distance to a multiple of the smallest number amounts to here
        sample = sample_rows(X).astype(np.float64)
        if self.cosine:
            if centred:
                self.centre = unit_rows(sample).mean(axis=0)
            return
        if not sparse.issparse(X):
            centre, inner = robust_centre(sample)
            # In X's precision, so that differences in it are rounded once.
            self.centre = centre.astype(X.dtype).astype(np.float64)
            with np.errstate(over="ignore"):
                sample = sample[inner] - self.centre
        self.factor = power_of_two_unit(sample, 126 if X.dtype == np.float32 else 1022)
        self.hidden = SMALLEST * self.factor

    @classmethod
    def identity(cls) -> Placement:
        """Rows where they are, which takes no look at them."""
        placement = cls.__new__(cls)
        placement.cosine, placement.centre, placement.factor, placement.hidden = False, np.zeros(1), 1.0, SMALLEST
        return placement

    def limit(self, most: float) -> None:
        """Make the power of two at most this."""
        self.factor = min(self.factor, most)
        self.hidden = SMALLEST * self.factor

    def __call__(self, X: Any, dtype: Any = np.float64) -> Any:
        """Rows of X as the products see them, each entry rounded once."""
        if self.cosine:
            rows = unit_rows(X)
            return rows - self.centre if self.centre.any() else rows
        with np.errstate(over="ignore", under="ignore"):  # too long a row is refused by the bounds
            if sparse.issparse(X):
                return X.astype(np.float64) * self.factor
            rows = np.subtract(X, self.centre.astype(dtype, copy=False), dtype=dtype)
            rows *= dtype(self.factor)
            return rows


def power_of_two_unit(X: Any, most: int = 1022) -> float:
    """The power of two, at most 2^most or its inverse, that brings the largest number of X to about 1."""
    largest = row_max_abs(X)
    largest = np.fmax.reduce(np.where(np.isfinite(largest), largest, 0))
    return float(2.0 ** -float(np.clip(np.frexp(largest)[1], -most, most)))


def sample_rows(X: Any, count: int = SAMPLE_ROWS) -> Any:
    """A random sample of the rows, always the same one."""
    n_rows = X.shape[0]
    if n_rows <= count:
        return X
    return X[np.sort(np.random.default_rng(0).choice(n_rows, count, replace=False))]


def robust_centre(X: np.ndarray) -> tuple[np.ndarray, Any]:
    """The mean of a sample without rows that are far from it as most are not, and the rows that are left."""
    centre = nan_mean(X)
    inner: Any = slice(None)
    for _ in range(3):
        with np.errstate(over="ignore", under="ignore", invalid="ignore"):
            length = np.abs(X - centre).max(axis=1)
            usual = np.median(length)
            near = ~(length > FAR * usual)  # with absent values, all
        if near.all() or usual == 0:
            break
        centre, inner = nan_mean(X[near]), near
    return centre, inner


def nan_mean(X: np.ndarray) -> np.ndarray:
    """Means of the columns of a sample over what is not NaN, 0 where everything is."""
    with np.errstate(over="ignore", invalid="ignore"):
        mean = X.mean(axis=0)
    if np.isfinite(mean).all():
        return np.asarray(mean)
    present = ~np.isnan(X)
    sums = np.where(present, X / SAMPLE_ROWS, 0).sum(axis=0)  # divided before they overflow
    return np.asarray(sums / np.maximum(present.sum(axis=0), 1) * SAMPLE_ROWS)


def row_blocks(n_rows: int, columns: int) -> list[slice]:
    """Blocks of rows that are converted about inside the cache."""
    size = int(np.clip(CACHED // max(1, columns), 64, 8192))
    return [slice(start, min(start + size, n_rows)) for start in range(0, n_rows, size)]
