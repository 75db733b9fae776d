"""The rows of a polynomial: an array, or the columns that a table's categories become, of which most are zero."""

from __future__ import annotations

from typing import Any

import numpy as np

from skdl.linear.solvers.scaling import scale_down


class SparseRows:
    """Rows of a CSR matrix that come as arrays, a slice of them at a time."""

    def __init__(self, X: Any):
        self.X, self.shape, self.dtype = X, X.shape, X.dtype

    def __len__(self) -> int:
        return int(self.shape[0])

    def __getitem__(self, part: Any) -> Any:
        rows = self.X[part]
        return rows.toarray() if isinstance(part, slice) else SparseRows(rows)

    def extremes(self) -> tuple[np.ndarray, np.ndarray]:
        """The smallest and the largest number of each column."""
        low, high = (extreme.toarray().ravel() for extreme in (self.X.min(axis=0), self.X.max(axis=0)))
        return low.astype(np.float64), high.astype(np.float64)


Rows = np.ndarray | SparseRows


def as_rows(X: Any) -> Rows:
    """An array as it is, and the rows of a CSR matrix."""
    return X if isinstance(X, np.ndarray) else SparseRows(X)


def scale_rows(X: Rows, exponent: np.ndarray) -> Rows:
    """The rows with each column over two to its power; the same where all of them are 0."""
    if isinstance(X, np.ndarray):
        return scale_down(X, exponent)
    if not exponent.any():
        return X
    scaled = X.X.copy()
    scaled.data = np.ldexp(scaled.data, -exponent[scaled.indices])
    return SparseRows(scaled)
