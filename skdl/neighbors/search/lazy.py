"""A search that is prepared only once there are queries enough to gain by it."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse

from skdl._threads import n_threads
from skdl.neighbors.bounds.direct import DirectBound
from skdl.neighbors.bounds.distances import DistanceBound
from skdl.neighbors.metrics.metric import Metric, Minkowski
from skdl.neighbors.search.base import Search
from skdl.neighbors.search.choice import has_products, make_search, suits_tree
from skdl.neighbors.search.scan import ScanSearch, UndecidedError

FEW = 384  # queries for which rows are not prepared; what is prepared, for about 150 times its time, halves the rest
FEW_OF_TREE = 32  # a tree is built sooner


class LazySearch(Search):
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
    def name(self) -> str:  # type: ignore[override]  # computed, where the base has a value
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
