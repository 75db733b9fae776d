"""The choice of the search that suits the rows."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
from scipy import sparse

from skdl._threads import one_blas_thread
from skdl.neighbors.bounds.column_groups import column_group_bound
from skdl.neighbors.bounds.distances import DistanceBound
from skdl.neighbors.bounds.grid import exact_distances, grid_bound
from skdl.neighbors.bounds.nan_products import NanProductBound
from skdl.neighbors.bounds.placement import Placement, sample_rows
from skdl.neighbors.bounds.products import ProductBound
from skdl.neighbors.bounds.projection import PAIR, PAIR_COLUMN, SAMPLE_QUERIES, projection_bound
from skdl.neighbors.metrics.metric import Cosine, Metric, Minkowski, NanMinkowski
from skdl.neighbors.metrics.pairwise import PairwiseMetric, PrecomputedMetric
from skdl.neighbors.search.base import Search
from skdl.neighbors.search.duplicates import DuplicateRowsSearch, find_duplicate_rows
from skdl.neighbors.search.pairwise import PairwiseSearch, PrecomputedSearch
from skdl.neighbors.search.scan import ScanSearch
from skdl.neighbors.search.tree import TreeSearch

TREE_COLUMNS = 10  # above, a tree visits too many of its leaves unless the rows lie in clusters
TREE_ROWS = 32  # for each corner of a cube: of fewer rows most are near its border, and a tree visits them all
FEW_COLUMNS = 32  # below, there is little that a projection could save
FEW_ROWS = 4096  # below, a scan is over before a projection is found


def make_search(X: Any, metric: Metric, algorithm: str = "auto", k: int = 5, n_threads: int = 1) -> Search:
    """The search named by `algorithm`, made ready for about k neighbours; "auto" is the one that suits X."""
    if isinstance(metric, PrecomputedMetric):
        return PrecomputedSearch(X, metric)
    with one_blas_thread():
        groups = find_duplicate_rows(X)
        if groups is None:
            return _make_search(X, metric, algorithm, k, n_threads)
        inner = _make_search(X[groups.first], metric, algorithm, k, n_threads)
        return DuplicateRowsSearch(X, metric, inner, groups)


def _make_search(X: Any, metric: Metric, algorithm: str, k: int, n_threads: int) -> Search:
    if isinstance(metric, PairwiseMetric):
        return PairwiseSearch(X, metric)
    if algorithm == "kd_tree" or (algorithm == "auto" and suits_tree(X, metric, k)):
        assert isinstance(metric, Minkowski)
        return TreeSearch(X, metric)
    is_large = X.shape[0] >= FEW_ROWS and X.shape[1] >= FEW_COLUMNS
    tried = algorithm == "auto" and is_large and not why_unsuitable("projection", X, metric)
    if algorithm == "projection" or tried:
        bounds = loose_bounds(X, metric, k, n_threads, always=algorithm == "projection")
        if bounds:
            return ScanSearch(X, metric, bounds, name="projection")
    return ScanSearch(X, metric, tight_bounds(X, metric, k, n_threads))


def suits_tree(X: Any, metric: Metric, k: int) -> bool:
    """True if a tree is the fastest search: few columns, and where products give the distances, many rows."""
    n_rows, d = X.shape
    if not isinstance(metric, Minkowski) or sparse.issparse(X) or d > TREE_COLUMNS or k >= n_rows / 8:
        return False
    return not has_products(metric) or n_rows >= TREE_ROWS * 2**d


def why_unsuitable(algorithm: str, X: Any, metric: Metric) -> str | None:
    """The reason why an algorithm does not work with these rows and this metric, or None."""
    if algorithm == "kd_tree" and not isinstance(metric, Minkowski):
        return (
            "algorithm='kd_tree' works with the metrics 'euclidean', 'manhattan', 'chebyshev' and 'minkowski' only, on "
            "rows without categories and missing numbers."
        )
    if algorithm == "projection" and not isinstance(metric, Cosine) and metric.exponent not in (1, 2):
        return (
            "algorithm='projection' works with the metrics 'euclidean', 'cosine' and 'manhattan' only, on rows without "
            "categories and missing numbers."
        )
    if algorithm in ("kd_tree", "projection") and sparse.issparse(X):
        return f"algorithm={algorithm!r} needs dense X: use 'brute' or 'auto', or pass X.toarray()."
    return None


def tight_bounds(X: Any, metric: Metric, k: int = 5, n_threads: int = 1) -> list[Any]:
    """Cheapest first; a sharper one takes over where the one before leaves too many rows."""
    if isinstance(metric, NanMinkowski):
        by_products = metric.p == 2 and metric.factors is None  # whose categories all differ by 1
        return [NanProductBound(X, metric), DistanceBound(X, metric)] if by_products else [DistanceBound(X, metric)]
    if isinstance(metric, Minkowski) and metric.exponent == 2:
        grid = grid_bound(X, metric, n_threads)
        if grid:
            # For queries off the grid, for whom the rows are made ready when they come.
            first = ProductBound(X, metric, grid.placement)
            first.length, first.offset = grid.length, grid.offset
            return [grid, first] if sparse.issparse(X) else [grid, *with_sharper(first)]
    if not has_products(metric):
        assert isinstance(metric, Minkowski)
        exact = exact_distances(X, metric)
        return [exact, DistanceBound(X, metric)] if exact else [DistanceBound(X, metric)]
    first = sharp_enough(ProductBound(X, metric, Placement(X, metric, centred=False)), k)
    first.store(n_threads)
    return [first] if sparse.issparse(X) else with_sharper(first)


def loose_bounds(X: np.ndarray, metric: Metric, k: int, n_threads: int, *, always: bool) -> list[Any] | None:
    """A bound from a few numbers for each row, and what takes over from it; None if it would be no gain."""
    if not has_products(metric):
        groups = column_group_bound(X, k, n_threads, always=always)
        return None if groups is None else [groups, DistanceBound(X, metric)]
    leading = projection_bound(X, metric, k, n_threads, always=always)
    if leading is None:
        return None
    # The rows are not kept ready for the next bound, which few queries need.
    if isinstance(metric, Cosine):
        whole = ProductBound(X, metric, Placement(X, metric, centred=False))
    else:
        whole = ProductBound(X, metric, leading.placement)
        whole.length, whole.offset = leading.length, leading.offset
    return [leading, *with_sharper(whole)]


def with_sharper(first: ProductBound) -> list[Any]:
    sharper = [] if first.is_sharpest else [first.in_float64()]
    return [first, *sharper, DistanceBound(first.X, first.metric)]


def sharp_enough(bound: ProductBound, k: int) -> ProductBound:
    """The bound, or the one in float64 if by a sample that costs less: of tight clusters float32 leaves much open."""
    if bound.is_sharpest:
        return bound
    n_rows, d = bound.X.shape
    sample = sample_rows(bound.X)[::4]
    nearest = -(-k * sample.shape[0] // n_rows)
    worth = d / (PAIR + PAIR_COLUMN * d)  # what is left open costs more than the products in float64 do
    share = open_share(bound, sample, nearest)
    if share - nearest / sample.shape[0] <= worth:
        return bound
    sharper = bound.in_float64()
    return sharper if share - open_share(sharper, sample, nearest) > worth else bound


def open_share(bound: ProductBound, sample: np.ndarray, k: int) -> float:
    """The share of rows that the bound leaves open for rows of the sample, whose k nearest are sought."""
    small = copy.copy(bound)
    small.X, small.length, small.offset = sample, np.ones(sample.shape[0]), np.zeros(sample.shape[0])
    small.store(1)
    own = np.linspace(0, sample.shape[0] - 1, min(SAMPLE_QUERIES, sample.shape[0])).astype(int)
    queries = small.prepare(sample[own])
    if queries is None:
        return 1.0
    shape = sample.shape[0], own.size
    upper = small.scores(queries, 0, shape[0], np.empty(shape, small.dtype)).astype(np.float64)
    x, i = (place.ravel() for place in np.indices(shape))
    lower = small.lower_scores(queries, i, x, upper.ravel()).reshape(shape)
    lower[own, np.arange(own.size)] = -np.inf
    k = min(k, shape[0] - 1)
    return float((upper >= -np.partition(-lower, k - 1, axis=0)[k - 1]).mean()) if k > 0 else 0.0


def has_products(metric: Metric) -> bool:
    return isinstance(metric, Cosine) or metric.exponent == 2
