"""k nearest neighbours for real targets: the mean of the closest training rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Self

import numpy as np
from sklearn.base import MultiOutputMixin

from skdl._array import take_rows
from skdl._interrupts import whole
from skdl._scores import RegressorScore
from skdl._typing import CategoricalLike, MatrixLike, VectorLike, VoteLike, WeightLike
from skdl._validation import validate_regression
from skdl.neighbors.base import NeighborsEstimator, warn_no_votes
from skdl.neighbors.metrics.row_arithmetic import reduce_columns

LARGEST_SUM = 40  # bits to spare for the sum of as many targets


class KNNRegressor(MultiOutputMixin, RegressorScore, NeighborsEstimator):
    r"""Regressor that takes the mean of the k nearest training rows.

    With N(q) the k training rows nearest to q, d the metric, w the function named by `weights` and s_i the sample
    weight, the prediction is

    .. math:: \hat y(q) = \frac{\sum_{i \in N(q)} w(d(q, x_i)) \, s_i \, y_i}{\sum_{i \in N(q)} w(d(q, x_i)) \, s_i} .

    Parameters
    ----------
    n_neighbors : int, default=5
        Number of neighbours, at least 1.
    weights : {"uniform", "distance"} or callable, default="uniform"
        "uniform" counts each neighbour equally; "distance" by the inverse of its distance, where neighbours at
        distance zero share the whole vote; a callable maps an array of distances to an array of weights, which must be
        finite and at least 0, of the same shape.
    metric : str or callable, default="minkowski"
        The distance. Euclid's is "minkowski" with p=2, or "euclidean" ("l2"); p=1 is "manhattan" ("l1", "cityblock"),
        p=inf "chebyshev" ("infinity"). "cosine" is one minus the cosine of the angle; a row of zeros is at distance 1
        from every row. "nan_euclidean" takes X with NaN and compares two rows by the columns present in both, scaled up
        to all columns; without any they are infinitely far apart, and have no vote. "precomputed" takes X as distances:
        in `fit` of each row from each row, in `predict` of each query from each row of `fit`; of a sparse matrix, as
        `kneighbors_graph` and scikit-learn's KNeighborsTransformer give it, what is stored. "mahalanobis",
        "seuclidean", "canberra", "braycurtis", "hamming" and, for X of zeros and ones (other values than 0 count as 1),
        "jaccard", "dice", "rogerstanimoto", "russellrao", "sokalsneath" and "yule" are those of
        `scipy.spatial.distance`. A callable takes two float64 vectors and returns a number of at least 0; it is called
        for every pair.
    p : float, default=2
        Order of the "minkowski" distance, in [1, inf], infinity included. For other metrics another order than their
        own is an error.
    metric_params : dict, default=None
        Further parameters of the metric: {"w": weight of each column} for "minkowski" with finite p, "canberra",
        "braycurtis", "hamming" and those for zeros and ones; {"VI": inverse covariance matrix} or {"V": covariance
        matrix} for "mahalanobis"; {"V": variance of each column} for "seuclidean"; keyword arguments of a callable.
    feature_weights : array-like of shape (n_features,) or dict of str to float, default=None
        How much each column counts, in [0, inf): the distance of order p is (sum_j w_j \|a_j - b_j\|^p)^(1/p), as
        scipy's with `w`, and for "chebyshev" the largest w_j \|a_j - b_j\|; columns of weight 0 do not count at all. A
        dict has weights of columns of a frame by their names, the others' being 1. For "minkowski", the metrics that
        are one of its orders, and "nan_euclidean". Columns are multiplied by the roots once, in float64, so that every
        search is as fast as without.
    algorithm : {"auto", "brute", "projection", "kd_tree"}, default="auto"
        How neighbours are found; speed and memory depend on it, results do not. "brute" scores every row. "projection"
        scores every row by a few numbers that are certain not to overestimate its distance (projections for the
        Euclidean and the cosine, sums of similar columns for the Manhattan distance), and computes only the distances
        that these leave open. "kd_tree" suits few columns. "auto" chooses by the shape of X and a sample of it.
    n_jobs : int, default=None
        Number of threads over blocks of queries: None means 1 (unless in a `joblib.parallel_config` context), -1 all
        cores, which scikit-learn's brute force takes by default. The results do not depend on it.
    categorical_features : "from_dtype", None, or array-like of bool, int or str, default="from_dtype"
        Columns of X that hold categories: "from_dtype" takes those of a frame with categories, strings or objects; a
        list has their names, their numbers or a bool for each.
    missing : {"auto", "encode", "error"}, default="auto"
        Missing cells: "auto" takes them in frames, where NaN in an array is an error unless the metric is
        "nan_euclidean"; "encode" takes them in both, "error" in neither.

    Attributes
    ----------
    n_samples_fit_ : int
        Number of training rows that can be neighbours: those with a positive sample weight.
    algorithm_ : {"brute", "projection", "kd_tree"}
        Search that finds the neighbours.
    effective_metric_ : str or callable
        The metric by its first name: "euclidean", "manhattan" and "chebyshev" for "minkowski" of these orders.
    effective_metric_params_ : dict
        Its parameters: "p" for "minkowski" of other orders, what `metric_params` gave ("VI" for "V"), and the
        `feature_weights` as "w".
    n_features_in_ : int
        Number of columns of X in `fit`.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the columns, if X in `fit` had names that are all strings.
    image_shape_ : tuple of int
        Height, width and, where there is a third axis, channels, where X held images (n_samples, height, width) or
        (n_samples, height, width, channels), which are rows of height * width * channels numbers.

    See Also
    --------
    KNNClassifier : Classification by the votes of the nearest training rows; its notes on exactness, memory, sample
        weights and tables hold here too.

    Notes
    -----
    What differs from scikit-learn's estimator is in one table of docs/migration.md.

    Predictions have the precision of the X of `fit`. Where all votes of a query have weight zero, the prediction is
    the mean of the training targets, weighted by `sample_weight`, with a warning.

    References
    ----------
    N. Altman, An introduction to kernel and nearest-neighbor nonparametric regression, The American Statistician 46
    (1992).

    Examples
    --------
    >>> from skdl import KNNRegressor
    >>> model = KNNRegressor(n_neighbors=2).fit([[0.0], [1.0], [2.0]], [0.0, 10.0, 20.0])
    >>> model.predict([[0.2], [1.8]]).tolist()
    [5.0, 15.0]
    """

    _y: np.ndarray
    _exponent: int
    _mean: Any

    def __init__(
        self,
        n_neighbors: int = 5,
        *,
        weights: VoteLike = "uniform",
        metric: str | Callable[..., float] = "minkowski",
        p: float = 2,
        metric_params: Mapping[str, object] | None = None,
        feature_weights: VectorLike | Mapping[str, float] | None = None,
        algorithm: str = "auto",
        n_jobs: int | None = None,
        categorical_features: CategoricalLike | None = "from_dtype",
        missing: str = "auto",
    ):
        self.n_neighbors = n_neighbors
        self.weights = weights
        self.metric = metric
        self.p = p
        self.metric_params = metric_params
        self.feature_weights = feature_weights
        self.algorithm = algorithm
        self.n_jobs = n_jobs
        self.categorical_features = categorical_features
        self.missing = missing

    @whole
    def fit(self, X: MatrixLike, y: VectorLike, sample_weight: WeightLike | None = None) -> Self:
        """Keep the training rows, ready to be searched.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training rows; sparse ones for the Euclidean and the cosine metric.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Real targets.
        sample_weight : array-like of shape (n_samples,) or float, default=None
            Factors of the rows' votes, at least 0 with a positive sum; rows of weight 0 are never neighbours.

        Returns
        -------
        self : KNNRegressor
            The fitted regressor.
        """
        return self._learn(X, y, sample_weight, go_on=False)

    @whole
    def partial_fit(self, X: MatrixLike, y: VectorLike, sample_weight: WeightLike | None = None) -> Self:
        """Append training rows; all calls together equal one `fit` of all rows.

        The search is made ready anew, so a call costs as much as that `fit`: few large calls are better than many small
        ones.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            More training rows, as in `fit`.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Their targets.
        sample_weight : array-like of shape (n_samples,) or float, default=None
            As in `fit`.

        Returns
        -------
        self : KNNRegressor
            The regressor with these rows too.
        """
        return self._learn(X, y, sample_weight, go_on=hasattr(self, "_rows"))

    def _learn(self, X: Any, y: Any, sample_weight: Any, *, go_on: bool) -> KNNRegressor:
        X, checks = self._training_checks(X, sample_weight, reset=not go_on)
        X, y = validate_regression(self, X, y, reset=not go_on, **checks)
        if go_on and self._y.shape[1:] != y.shape[1:]:
            raise ValueError(
                f"y must have the same columns as in earlier calls, {self._y.shape[1:]}. Got {y.shape[1:]}."
            )
        y = np.concatenate([self._y, y]) if go_on else y.copy()
        rows = self._store_rows(X, sample_weight, self._rows if go_on else None)
        self._set_fit_attributes(rows)
        targets, exponent = scale_to_summable(y)
        self._rows, self._y, self._exponent = rows, y, exponent
        mean = np.average(targets, axis=0, weights=rows.votes)
        self._mean = np.ldexp(clip_to_values(mean[None], targets[None], rows.votes[None])[0], exponent)
        return self

    def predict(self, X: MatrixLike | None) -> np.ndarray:
        """Means of the targets of the nearest training rows.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_queries, n_features) or None
            The queries. None stands for the rows of `fit`, each without itself as a neighbour (leave one out).

        Returns
        -------
        y : ndarray of shape (n_queries,) or (n_queries, n_outputs)
            Predictions in the shape of the y of `fit`.
        """
        queries, n_outputs = self._queries(X), self._y.shape[1:]
        prediction = np.empty((queries.shape[0], *n_outputs), dtype=self._y.dtype)
        targets = np.ldexp(self._y, -self._exponent) if self._exponent else self._y
        unheard = 0
        for block, indices, votes in self._vote_blocks(queries, *n_outputs or (1,), own=X is None):
            total = reduce_columns(np.add, votes)
            none = total == 0
            total[none] = 1.0  # any number that can be divided by
            values = take_rows(targets, indices)
            if n_outputs:
                means = (votes[:, :, None] * values).sum(axis=1) / total[:, None]
            else:
                means = reduce_columns(np.add, votes * values) / total
            means = clip_to_values(means, values, votes)
            means = np.ldexp(means, self._exponent) if self._exponent else means
            means[none] = self._mean
            unheard += int(none.sum())
            prediction[block] = means
        warn_no_votes(unheard, "their prediction is the mean of the training targets")
        return prediction


def clip_to_values(means: np.ndarray, values: np.ndarray, votes: np.ndarray) -> np.ndarray:
    """The means (n, ...) between the smallest and the largest of the values (n, k, ...) that have votes (n, k).

    There they are but for rounding: equal values have exactly themselves for a mean, and others keep their bits.
    """
    low = high = values
    heard = votes > 0
    if not heard.all():
        heard = heard.reshape(*votes.shape, *[1] * (values.ndim - 2))
        low, high = np.where(heard, values, np.inf), np.where(heard, values, -np.inf)
    if values.ndim == 2:
        return np.asarray(np.clip(means, reduce_columns(np.minimum, low), reduce_columns(np.maximum, high)))
    return np.asarray(np.clip(means, low.min(axis=1), high.max(axis=1)))


def scale_to_summable(y: np.ndarray) -> tuple[np.ndarray, int]:
    """The targets over the power of two that keeps sums of them finite, and its exponent, 0 unless they are huge."""
    exponent = LARGEST_SUM if y.dtype == np.float64 and np.abs(y).max() > 2.0 ** (1023 - LARGEST_SUM) else 0
    return (np.ldexp(y, -exponent) if exponent else y), exponent
