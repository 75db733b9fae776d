"""The base of the neighbour estimators: it stores the rows, finds neighbours and weighs their votes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
from scipy import sparse
from sklearn.utils.validation import check_is_fitted

from skdl._array import take_rows
from skdl._constraints import NONE, ArrayLike, Constraint, Function, Instance, Integer, OneOf, check_params
from skdl._estimator import RootEstimator
from skdl._search_space import Integers, SearchSpaceMixin
from skdl._table_input import CONSTRAINTS as TABLES
from skdl._table_input import has_holes, learn_table, read_table
from skdl._typing import MatrixLike
from skdl._validation import require_finite, validate_sample_weight, validate_X
from skdl._warnings import warn
from skdl.neighbors.feature_weights import ColumnFactors, read_column_factors
from skdl.neighbors.metrics.metric import Metric, Minkowski, NanMinkowski
from skdl.neighbors.metrics.pairwise import PrecomputedMetric
from skdl.neighbors.metrics.parameters import (
    NAMES,
    ORDERS,
    P_UNSET,
    MetricParameters,
    MinkowskiOrder,
    canonical_name,
    check_format,
    check_rows,
    effective_metric,
    metric_of_table,
    resolve_metric,
)
from skdl.neighbors.search.base import Search, working_memory
from skdl.neighbors.search.choice import why_unsuitable
from skdl.neighbors.search.lazy import LazySearch
from skdl.neighbors.votes import distance_weights, exclude_self, scale_to_one
from skdl.tables import TableSchema


class StoredRows(NamedTuple):
    """The training rows with their weights, and the search among those that can be neighbours."""

    X: Any
    weight: np.ndarray
    search: Search
    searched: np.ndarray | None  # indices into X of the rows searched; None when these are all
    votes: np.ndarray
    dtype: str  # of the rows as they were given
    factors: ColumnFactors | None  # of the columns, which X has been multiplied by

    @property
    def n_searched(self) -> int:
        return self.X.shape[0] if self.searched is None else self.searched.size

    @property
    def is_precomputed(self) -> bool:
        return isinstance(self.search.metric, PrecomputedMetric)


class NeighborsEstimator(SearchSpaceMixin, RootEstimator):
    """Base of KNNClassifier and KNNRegressor."""

    n_neighbors: int
    weights: Any
    metric: Any
    feature_weights: Any
    algorithm: str
    n_jobs: int | None
    categorical_features: Any
    missing: str
    n_samples_fit_: int
    effective_metric_: Any
    effective_metric_params_: dict[str, Any]
    _rows: StoredRows
    _schema: TableSchema | None

    _constraints: dict[str, Constraint] = {
        "n_neighbors": Integer(low=1),
        "weights": OneOf("uniform", "distance") | Function(),
        "metric": OneOf(*NAMES) | Function(),
        "p": MinkowskiOrder(),
        "metric_params": MetricParameters() | NONE,
        "feature_weights": NONE | ArrayLike() | Instance(Mapping),
        "algorithm": OneOf("auto", "brute", "projection", "kd_tree"),
        "n_jobs": Integer(low=1) | Integer(high=-1) | NONE,
        **TABLES,
    }

    def _search_spaces(self) -> tuple[dict[str, Any], dict[str, Any]]:
        small = {"n_neighbors": Integers(1, 30), "weights": ["uniform", "distance"]}
        # An order, parameters or distances that are given belong to their metric alone.
        is_free = self.p == P_UNSET and not self.metric_params and self.metric != "precomputed"
        return small, {"metric": ["euclidean", "manhattan", "chebyshev", "cosine"]} if is_free else {}

    def kneighbors(
        self, X: MatrixLike | None = None, n_neighbors: int | None = None, return_distance: bool = True
    ) -> np.ndarray | tuple[np.ndarray, np.ndarray]:
        """Find the nearest training rows of each query.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_queries, n_features), default=None
            The queries. None stands for the rows of `fit`, each of which is then not a neighbour of itself.
        n_neighbors : int, default=None
            Number of neighbours, in [1, number of rows with a positive weight]; None takes the parameter of the
            estimator.
        return_distance : bool, default=True
            Whether to return the distances too.

        Returns
        -------
        distances : ndarray of shape (n_queries, n_neighbors)
            Distances in float64, increasing; only if `return_distance`.
        indices : ndarray of shape (n_queries, n_neighbors)
            Row numbers in the X of `fit`, nearest first, equally near ones in increasing order.
        """
        check_is_fitted(self)
        k = self.n_neighbors if n_neighbors is None else n_neighbors
        queries = self._queries(X)
        found = self._training_neighbors(slice(0, queries.shape[0]), k) if X is None else self._neighbors(queries, k)
        return found if return_distance else found[1]

    def kneighbors_graph(
        self, X: MatrixLike | None = None, n_neighbors: int | None = None, mode: str = "connectivity"
    ) -> sparse.csr_matrix:
        """Arrange the nearest training rows of each query as a sparse matrix.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_queries, n_features), default=None
            As in `kneighbors`.
        n_neighbors : int, default=None
            As in `kneighbors`.
        mode : {"connectivity", "distance"}, default="connectivity"
            Number stored for a neighbour: 1, or its distance (0 too).

        Returns
        -------
        graph : CSR matrix of shape (n_queries, number of rows of fit)
            `n_neighbors` entries in each row, nearest first.
        """
        check_is_fitted(self)
        if mode not in ("connectivity", "distance"):
            raise ValueError(f"The 'mode' parameter must be 'connectivity' or 'distance'. Got {mode!r} instead.")
        distances, indices = self.kneighbors(X, n_neighbors)
        n_queries, k = indices.shape
        stored = distances.ravel() if mode == "distance" else np.ones(indices.size)
        shape = n_queries, self._rows.X.shape[0]
        return sparse.csr_matrix((stored, indices.ravel(), np.arange(0, indices.size + 1, k)), shape=shape)

    @property
    def algorithm_(self) -> str:
        """The search that finds the neighbours of many queries."""
        check_is_fitted(self)
        return self._rows.search.name

    def __sklearn_is_fitted__(self) -> bool:
        # scikit-learn's own test would take the n_features_in_ of a fit that failed later for a model.
        return hasattr(self, "_rows")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.categorical = self.categorical_features is not None
        # What the estimator as it stands accepts; an unknown metric is the business of fit.
        if isinstance(self.metric, str):
            name = canonical_name(self.metric)
            is_euclidean = name == "minkowski" and self.p == 2 and not self.metric_params
            takes_sparse = is_euclidean or name in {"euclidean", "cosine", "precomputed"}
            tags.input_tags.sparse = takes_sparse and self.algorithm in ("auto", "brute")
            takes_nan = self.missing == "encode" and name in ("minkowski", *ORDERS)
            tags.input_tags.allow_nan = takes_nan or (name == "nan_euclidean" and self.missing != "error")
            tags.input_tags.pairwise = name == "precomputed"
        return tags

    def _training_checks(self, X: Any, sample_weight: Any, *, reset: bool) -> tuple[Any, dict[str, Any]]:
        """Check the parameters; X, and how it must then be validated."""
        check_params(self, self._constraints)
        metric = resolve_metric(self)
        check_format(X, metric)
        problem = why_unsuitable(self.algorithm, X, metric)
        if problem:
            raise ValueError(problem)
        # A copy, since the rows are the model: it must not change when the caller's array does. Categories cost nothing
        # here, so that all of them keep a code of their own.
        X, table = learn_table(self, X, sample_weight, max_categories=None) if reset else read_table(self, X)
        return X, {"accept_sparse": "csr", "copy": True, "ensure_all_finite": self._finiteness(metric), **table}

    def _finiteness(self, metric: Metric) -> bool | str:
        """The argument `ensure_all_finite` of scikit-learn's validation."""
        return "allow-nan" if isinstance(metric, NanMinkowski) and self.missing != "error" else True

    def _store_rows(self, X: Any, sample_weight: Any, before: StoredRows | None = None) -> StoredRows:
        """The rows of X, after those kept before, ready to be searched."""
        metric = resolve_metric(self, X.shape[1])
        if before is not None and isinstance(metric, PrecomputedMetric):
            raise ValueError(
                "metric='precomputed' holds the distances of one fit: partial_fit cannot add rows to them."
            )
        factors, dtype = read_column_factors(self, metric, X.shape[1]), X.dtype.name
        weight = validate_sample_weight(sample_weight, X)
        if weight is None:
            weight = np.ones(X.shape[0])
        if sparse.issparse(X):
            X.sum_duplicates()
        if factors is not None:
            X = factors.apply(X)
        if before is not None:
            if sparse.issparse(X) != sparse.issparse(before.X):
                raise ValueError("X must be sparse in every call of partial_fit or in none.")
            if not _are_equal(factors, before.factors):
                raise ValueError("feature_weights must stay as they were in earlier calls. Call fit to start anew.")
            dtype = np.result_type(before.dtype, dtype).name
            X = sparse.vstack([before.X, X], "csr") if sparse.issparse(X) else np.concatenate([before.X, X])
            weight = np.concatenate([before.weight, weight])
        metric = metric_of_table(metric, self._schema, X, None if factors is None else factors.kept)
        if factors is not None:
            metric = factors.metric(metric)
        check_rows(X, metric, training=True)
        if problem := why_unsuitable(self.algorithm, X, metric):
            raise ValueError(problem)
        searched = None if weight.all() else np.flatnonzero(weight)
        kept = X if searched is None else X[searched]
        search = LazySearch(kept, metric, self.algorithm, self.n_neighbors)
        return StoredRows(X, weight, search, searched, scale_to_one(weight), dtype, factors)

    def _set_fit_attributes(self, rows: StoredRows) -> None:
        """Set the attributes that describe a fit."""
        self.n_samples_fit_ = rows.n_searched
        self.effective_metric_, self.effective_metric_params_ = effective_metric(self, rows.search.metric)
        if rows.factors is not None:
            self.effective_metric_params_ = {**self.effective_metric_params_, "w": rows.factors.weights}

    def _queries(self, X: Any) -> Any:
        """The rows of X, or those of fit."""
        check_is_fitted(self)
        if X is None:
            return self._rows.X
        metric = self._rows.search.metric
        check_format(X, metric)
        X, table = read_table(self, X)
        X = validate_X(self, X, **{"accept_sparse": "csr", "ensure_all_finite": self._finiteness(metric), **table})
        if self._schema is not None and not isinstance(metric, (Minkowski, NanMinkowski)):
            require_finite(self, X)
        check_rows(X, metric, training=False)
        factors = self._rows.factors
        return X if factors is None else factors.apply(X)

    def _neighbors(self, X: Any, k: int) -> tuple[np.ndarray, np.ndarray]:
        self._check_count(k, X.shape[0])
        searched = self._rows.searched
        if self._rows.is_precomputed and searched is not None:
            X = X[:, searched]
        distances, indices = self._search_for(X).query(X, int(k), self.n_jobs)
        return distances, indices if searched is None else searched[indices]

    def _search_for(self, X: Any) -> Search:
        """The search of the fit; for queries with missing numbers, where its rows have none, one that takes them."""
        search = self._rows.search
        if self._schema is None or not isinstance(search.metric, Minkowski) or not has_holes(X):
            return search
        return LazySearch(search.X, NanMinkowski(search.metric.exponent), "auto", self.n_neighbors)

    def _training_neighbors(self, block: slice, k: int) -> tuple[np.ndarray, np.ndarray]:
        """Neighbours of rows of fit among the others."""
        self._check_count(k, self._rows.X.shape[0], excluded=1)
        return exclude_self(*self._neighbors(self._rows.X[block], k + 1), np.arange(block.start, block.stop))

    def _check_count(self, k: Any, n_queries: int, excluded: int = 0) -> None:
        if not Integer(low=1).accepts(k):
            raise ValueError(f"Expected n_neighbors to be {Integer(low=1)}. Got {k!r}.")
        n_rows = self._rows.n_searched
        if k + excluded > n_rows:
            relation = "<" if excluded else "<="
            raise ValueError(
                f"Expected n_neighbors {relation} n_samples_fit, but n_neighbors = {k}, n_samples_fit = {n_rows}, "
                f"n_samples = {n_queries}. Rows with sample_weight zero do not count."
            )

    def _vote_blocks(
        self, queries: Any, n_outputs: int, *, own: bool
    ) -> Iterator[tuple[slice, np.ndarray, np.ndarray]]:
        """Blocks of queries, `own` if these are the rows of fit, with their neighbours' indices and votes' weights."""
        check_params(self, self._constraints)
        # The blocks depend on the data alone: a callable `weights` sees the same ones whatever n_jobs is.
        size = max(1, working_memory() // (8 * (64 * self.n_neighbors + 16) * (1 + n_outputs)))
        for start in range(0, queries.shape[0], size):
            block = slice(start, min(start + size, queries.shape[0]))
            k = self.n_neighbors
            distances, indices = self._training_neighbors(block, k) if own else self._neighbors(queries[block], k)
            yield block, indices, distance_weights(distances, self.weights) * take_rows(self._rows.votes, indices)


def _are_equal(first: ColumnFactors | None, second: ColumnFactors | None) -> bool:
    if first is None or second is None:
        return first is second
    return np.array_equal(first.weights, second.weights)


def warn_no_votes(count: int, instead: str) -> None:
    if count:
        warn(f"All neighbours of {count} queries have votes of weight zero; {instead}.", UserWarning)
