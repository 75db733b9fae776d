"""What the neighbour estimators share: keeping the rows, finding neighbours, weighing their votes."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
from scipy import sparse
from sklearn.utils.validation import check_is_fitted

from .._array import take_rows
from .._constraints import NONE, Callable, Constraint, Integer, OneOf, Real, check_params
from .._estimator import RootEstimator
from .._search_space import Integers, SearchSpaceMixin
from .._threads import n_threads
from .._validation import validate_sample_weight, validate_X
from ._choice import make_search, unsuitable
from ._metrics import Cosine, Custom, Metric, Minkowski, NanEuclidean
from ._search import Search, working_memory
from ._votes import distance_weights, scaled, without_own

METRICS: dict[str, Metric] = {
    "euclidean": Minkowski(2),
    "manhattan": Minkowski(1),
    "chebyshev": Minkowski(np.inf),
    "cosine": Cosine(),
    "nan_euclidean": NanEuclidean(),
}


def metric_of(estimator: Any) -> Metric:
    if callable(estimator.metric):
        return Custom(estimator.metric)
    return Minkowski(estimator.p) if estimator.metric == "minkowski" else METRICS[estimator.metric]


def check_sparse(X: Any, metric: Metric) -> None:
    if sparse.issparse(X) and not (isinstance(metric, Cosine) or metric.exponent == 2):
        raise ValueError("Sparse X works with the metrics 'euclidean' and 'cosine' only: use one, or pass X.toarray().")


class Rows(NamedTuple):
    """The training rows: all of them with their weights, the search among those that can be neighbours, and votes."""

    X: Any
    weight: np.ndarray
    search: Search
    searched: np.ndarray | None  # indices into X of the rows searched; None when these are all
    votes: np.ndarray

    @property
    def n_searched(self) -> int:
        return self.search.X.shape[0]


class NeighborsEstimator(SearchSpaceMixin, RootEstimator):
    """Base of KNNClassifier and KNNRegressor."""

    n_neighbors: int
    weights: Any
    metric: Any
    algorithm: str
    n_jobs: int | None
    n_samples_fit_: int
    algorithm_: str
    _rows: Rows

    _constraints: dict[str, Constraint] = {
        "n_neighbors": Integer(low=1),
        "weights": OneOf("uniform", "distance") | Callable(),
        "metric": OneOf(*METRICS, "minkowski") | Callable(),
        "p": Real(low=1),
        "algorithm": OneOf("auto", "brute", "projection", "kd_tree"),
        "n_jobs": Integer(low=1) | Integer(high=-1) | NONE,
    }

    def _search_spaces(self) -> tuple[dict[str, Any], dict[str, Any]]:
        small = {"n_neighbors": Integers(1, 30), "weights": ["uniform", "distance"]}
        return small, {"metric": ["euclidean", "manhattan", "chebyshev", "cosine"]}

    def kneighbors(self, X: Any = None, n_neighbors: int | None = None, return_distance: bool = True) -> Any:
        """Find the nearest training rows of each query.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_queries, n_features), default=None
            The queries. None stands for the rows of `fit`, each of which is then no neighbour of itself.
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
        rows = self._rows
        if X is not None:
            distances, indices = self._neighbors(self._queries(X), k)
            return (distances, indices) if return_distance else indices
        self._check_count(k, rows.X.shape[0], excluded=1)
        distances, indices = without_own(*self._neighbors(rows.X, k + 1), np.arange(rows.X.shape[0]))
        return (distances, indices) if return_distance else indices

    def kneighbors_graph(self, X: Any = None, n_neighbors: int | None = None, mode: str = "connectivity") -> Any:
        """Arrange the nearest training rows of each query as a sparse matrix.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_queries, n_features), default=None
            As in `kneighbors`.
        n_neighbors : int, default=None
            As in `kneighbors`.
        mode : {"connectivity", "distance"}, default="connectivity"
            What is stored for a neighbour: 1, or its distance (0 too).

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

    def __sklearn_is_fitted__(self) -> bool:
        # scikit-learn's own test would take the n_features_in_ of a fit that failed later for a model.
        return hasattr(self, "_rows")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        # What the estimator as it stands accepts; an unknown metric is the business of fit.
        if isinstance(self.metric, str):
            is_euclidean = self.metric == "minkowski" and self.p == 2
            takes_sparse = is_euclidean or self.metric in {"euclidean", "cosine"}
            tags.input_tags.sparse = takes_sparse and self.algorithm in ("auto", "brute")
            tags.input_tags.allow_nan = self.metric == "nan_euclidean"
        return tags

    def _training_checks(self, X: Any) -> dict[str, Any]:
        """Check the parameters, and how X must then be validated."""
        check_params(self, self._constraints)
        metric = metric_of(self)
        check_sparse(X, metric)
        problem = unsuitable(self.algorithm, X, metric)
        if problem:
            raise ValueError(problem)
        # A copy, since the rows are the model: it must not change when the caller's array does.
        return {"accept_sparse": "csr", "copy": True, "ensure_all_finite": finiteness(metric)}

    def _keep_rows(self, X: Any, sample_weight: Any, before: Rows | None = None) -> Rows:
        """The rows of X, after those kept before, ready to be searched."""
        weight = validate_sample_weight(sample_weight, X)
        if weight is None:
            weight = np.ones(X.shape[0])
        if before is not None:
            if sparse.issparse(X) != sparse.issparse(before.X):
                raise ValueError("X must be sparse in every call of partial_fit or in none.")
            X = sparse.vstack([before.X, X], "csr") if sparse.issparse(X) else np.concatenate([before.X, X])
            weight = np.concatenate([before.weight, weight])
        if sparse.issparse(X):
            X.sum_duplicates()
        searched = None if weight.all() else np.flatnonzero(weight)
        kept = X if searched is None else X[searched]
        search = make_search(kept, metric_of(self), self.algorithm, self.n_neighbors, n_threads(self.n_jobs))
        return Rows(X, weight, search, searched, scaled(weight))

    def _queries(self, X: Any) -> Any:
        check_is_fitted(self)
        metric = self._rows.search.metric
        check_sparse(X, metric)
        return validate_X(self, X, accept_sparse="csr", ensure_all_finite=finiteness(metric))

    def _neighbors(self, X: Any, k: int) -> tuple[np.ndarray, np.ndarray]:
        self._check_count(k, X.shape[0])
        distances, indices = self._rows.search.query(X, int(k), self.n_jobs)
        if self._rows.searched is not None:
            indices = self._rows.searched[indices]
        return distances, indices

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

    def _votes(self, X: Any, n_outputs: int) -> Iterator[tuple[slice, np.ndarray, np.ndarray]]:
        """Blocks of queries with the indices of their neighbours and the weight of each one's vote."""
        check_params(self, self._constraints)
        # The blocks depend on the data alone: a callable `weights` sees the same ones whatever n_jobs is.
        size = max(1, working_memory() // (8 * (64 * self.n_neighbors + 16) * (1 + n_outputs)))
        for start in range(0, X.shape[0], size):
            block = slice(start, min(start + size, X.shape[0]))
            distances, indices = self._neighbors(X[block], self.n_neighbors)
            yield block, indices, distance_weights(distances, self.weights) * take_rows(self._rows.votes, indices)


@contextmanager
def suggesting_nan_euclidean() -> Iterator[None]:
    """Says in scikit-learn's error about NaN which metric takes them."""
    try:
        yield
    except ValueError as error:
        if "Input X contains NaN" in str(error):
            error.add_note("With metric='nan_euclidean' this estimator does: it compares what two rows both have.")
        raise


def finiteness(metric: Metric) -> bool | str:
    """scikit-learn's word for what X may hold."""
    return "allow-nan" if isinstance(metric, NanEuclidean) else True


def warn_no_votes(count: int, instead: str) -> None:
    if count:
        warnings.warn(
            f"All neighbours of {count} queries have votes of weight zero; {instead}.", UserWarning, stacklevel=3
        )
