"""Few queries, answered from the rows as they are: preparing a search would take longer than these save by it."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse

from skdl._threads import n_threads
from skdl.neighbors.bounds.distances import DistanceBound
from skdl.neighbors.bounds.placement import Placement, row_blocks
from skdl.neighbors.bounds.products import Operand, ProductBound
from skdl.neighbors.metrics.metric import Metric, Minkowski, row_sums_of_squares
from skdl.neighbors.search.base import Search
from skdl.neighbors.search.choice import has_products, make_search, suits_tree
from skdl.neighbors.search.scan import ScanSearch, UndecidedError

FEW = 384  # queries for which rows are not prepared; what is prepared, for about 150 times its time, halves the rest
FEW_OF_TREE = 32  # a tree is built sooner


class DirectBound(ProductBound):
    """Tight scores for Euclid's distance by products with the rows of X themselves, neither moved nor copied.

    The proof is that of `products` with c = 0, but for s and |b|, whose sums of squares are taken in the working
    precision and are added after the product: 2 g_{d+10} (1 + 2e) M bounds the error now, so e = 4 g_{d+10} will do.
    """

    def __init__(self, X: np.ndarray, metric: Metric, dtype: Any):
        super().__init__(X, metric, Placement.as_it_is())
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


class GrowingSearch(Search):
    """Answers few queries directly, and prepares a search once there are more in all."""

    def __init__(self, X: Any, metric: Metric, algorithm: str, k: int):
        super().__init__(X, metric)
        self.algorithm, self.k = algorithm, k
        self.asked = 0
        self.direct: Search | None = None
        self.prepared: Search | None = None
        is_dense_minkowski = isinstance(metric, Minkowski) and not sparse.issparse(X)
        self.few = 0
        if algorithm in ("auto", "brute") and is_dense_minkowski:
            is_for_tree = algorithm == "auto" and suits_tree(X, metric, k)
            self.few = FEW_OF_TREE if is_for_tree else FEW

    @property
    def name(self) -> str:  # type: ignore[override]
        return self._prepare(None).name

    def query(self, Q: Any, k: int, n_jobs: int | None = None) -> tuple[np.ndarray, np.ndarray]:
        if self.prepared is None and self.asked + Q.shape[0] <= self.few:
            self.asked += Q.shape[0]
            try:
                if self.direct is None:
                    self.direct = direct_search(self.X, self.metric)
                return self.direct.query(Q, k, n_jobs)
            except UndecidedError:
                self.asked = self.few
        return self._prepare(n_jobs).query(Q, k, n_jobs)

    def _prepare(self, n_jobs: int | None) -> Search:
        if self.prepared is None:
            self.prepared = make_search(self.X, self.metric, self.algorithm, self.k, n_threads(n_jobs))
            self.direct = None
        return self.prepared


def direct_search(X: np.ndarray, metric: Metric) -> Search:
    if not has_products(metric):
        return ScanSearch(X, metric, [DistanceBound(X, metric)])
    return ScanSearch(X, metric, [DirectBound(X, metric, dtype) for dtype in (np.float32, np.float64)])
