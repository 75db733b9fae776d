"""Tight scores from the rows as they are, for few queries."""

from __future__ import annotations

from typing import Any

import numpy as np

from skdl.neighbors.bounds.placement import Placement, row_blocks
from skdl.neighbors.bounds.products import Operand, ProductBound
from skdl.neighbors.metrics.metric import Metric
from skdl.neighbors.metrics.row_arithmetic import row_sums_of_squares


class DirectBound(ProductBound):
    """Tight scores for Euclid's distance by products with the rows of X themselves, neither moved nor copied.

    The proof is that of `products` with c = 0, but for s and |b|, whose sums of squares are taken in the working
    precision and are added after the product: 2 g_{d+10} (1 + 2e) M bounds the error now, so e = 4 g_{d+10} will do.
    """

    def __init__(self, X: np.ndarray, metric: Metric, dtype: Any):
        super().__init__(X, metric, Placement.identity())
        self._set_precision(dtype)
        self.is_sharpest = False  # what it leaves open beyond its limit is for a search that is prepared
        self.error *= 2
        square = np.empty(X.shape[0], self.dtype)
        with np.errstate(over="ignore", under="ignore", invalid="ignore"):  # of rows too long for this precision
            for block in row_blocks(*X.shape):
                rows = X[block].astype(self.dtype, copy=False)
                np.einsum("ij,ij->i", rows, rows, out=square[block])
            self.length, self.offset = np.sqrt(square.astype(np.float64)), square.astype(np.float64) / -2
            self.raised = (self.offset + self.error * np.abs(self.offset)).astype(self.dtype)[:, None]
            self.margin = (self.error * self.length).astype(self.dtype)[:, None]

    def prepare(self, Q: np.ndarray) -> Operand | None:
        with np.errstate(over="ignore", under="ignore"):
            length = np.sqrt(row_sums_of_squares(Q.astype(np.float64, copy=False)))
        if self.error > 0.1 or not max(length.max(), self.length.max()) < self.longest:
            return None
        with np.errstate(under="ignore"):
            return Operand(np.asfortranarray(Q, dtype=self.dtype), length, np.zeros_like(length))

    def scores(self, queries: Operand, start: int, stop: int, out: np.ndarray) -> np.ndarray:
        with np.errstate(under="ignore"):
            rows = self.X[start:stop].astype(self.dtype, copy=False)
            scores = np.matmul(rows, queries.rows.T, out=out)
            scores += self.margin[start:stop] * queries.length.astype(self.dtype)
            scores += self.raised[start:stop]
        return scores
