"""k nearest neighbours: predictions are votes or means of the closest training rows."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import ClassifierMixin, MultiOutputMixin, RegressorMixin
from sklearn.utils.class_weight import compute_class_weight

from .._constraints import NONE, Instance, OneOf, Real
from .._validation import validate_classification, validate_regression
from ._base import NeighborsEstimator, warn_no_votes
from ._votes import scaled


class KNNClassifier(ClassifierMixin, NeighborsEstimator):
    r"""Classifier that lets the k nearest training rows vote.

    With N(q) the k training rows nearest to q, d the metric, w the function named by `weights`, s_i the sample weight
    and c_y the weight of class y, the probability of class y is

    .. math:: P(y \mid q) \propto c_y \sum_{i \in N(q),\, y_i = y} w(d(q, x_i)) \, s_i .

    Parameters
    ----------
    n_neighbors : int, default=5
        Number of neighbours, at least 1.
    weights : {"uniform", "distance"} or callable, default="uniform"
        "uniform" counts each neighbour equally; "distance" by the inverse of its distance, where neighbours at
        distance zero share the whole vote; a callable maps an array of distances to an array of weights, which must be
        finite and at least 0, of the same shape.
    metric : {"euclidean", "manhattan", "chebyshev", "minkowski", "cosine"} or callable, default="euclidean"
        The distance. "cosine" is one minus the cosine of the angle; a row of zeros is at distance 1 from every row. A
        callable takes two float64 vectors and returns a number of at least 0; it is called for every pair.
    p : float, default=2
        Order of the "minkowski" distance, at least 1; the other metrics do not use it.
    class_weight : dict, "balanced" or None, default=None
        Factors of the votes: {label: weight >= 0}, weight 1 for a label left out. "balanced" takes the inverse of the
        class's total sample weight, so that each class has the same total over the training rows.
    n_jobs : int, default=None
        Number of threads over blocks of queries: None means 1 (unless in a `joblib.parallel_config` context), -1 all
        cores. The results do not depend on it.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels in increasing order.
    n_samples_fit_ : int
        Number of training rows that can be neighbours: those with a positive sample weight.
    n_features_in_ : int
        Number of columns of X in `fit`.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the columns, if X in `fit` had names that are all strings.

    See Also
    --------
    KNNRegressor : Regression by the mean of the nearest training rows.

    Notes
    -----
    The neighbours are exact: those of a brute force in float64, equally near rows in the order of their index,
    whatever search is used inside. Distances are float64; probabilities have the precision of the X of `fit`. Working
    memory of `predict` stays within ``sklearn.get_config()["working_memory"]``, unless a single query or `n_neighbors`
    rows need more.

    A sample weight multiplies a row's vote, and rows of weight zero are as good as absent. A weight of 2 is *not* the
    same as the row twice, because two copies would take two of the k places. No rule can have both this and the
    freedom to scale all weights, which doubles every row: let one row of class 0 lie at 0 and one of class 1 at 1.
    With k = 2 the query 0 gets probabilities 1/2 and 1/2. Weights (2, 2) must not change that, yet with each row twice
    both places go to the copies at 0, and the probability of class 0 is 1. Ensembles and searches rescale weights (a
    sum of 1 is common), so the scale is what is kept free here.

    Where all votes of a query have weight zero, the probabilities are the classes' shares of the total weight (sample
    weight times class weight) of the training rows, with a warning.

    References
    ----------
    T. Cover and P. Hart, Nearest neighbor pattern classification, IEEE Transactions on Information Theory 13 (1967).
    S. Dudani, The distance-weighted k-nearest-neighbor rule, IEEE Transactions on Systems, Man, and Cybernetics 6
    (1976).

    Examples
    --------
    >>> from skdl.neighbors.knn import KNNClassifier
    >>> X = [[0.0], [1.0], [2.0], [3.0]]
    >>> model = KNNClassifier(n_neighbors=3).fit(X, ["low", "low", "high", "high"])
    >>> model.predict([[0.4], [2.9]]).tolist()
    ['low', 'high']
    >>> model.kneighbors([[1.5]], n_neighbors=2, return_distance=False)
    array([[1, 2]])
    """

    _constraints = {
        **NeighborsEstimator._constraints,
        "class_weight": OneOf("balanced") | Instance(dict, name="dict") | NONE,
    }

    def __init__(
        self,
        n_neighbors: int = 5,
        *,
        weights: Any = "uniform",
        metric: Any = "euclidean",
        p: float = 2,
        class_weight: Any = None,
        n_jobs: int | None = None,
    ):
        self.n_neighbors = n_neighbors
        self.weights = weights
        self.metric = metric
        self.p = p
        self.class_weight = class_weight
        self.n_jobs = n_jobs

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> KNNClassifier:
        """Keep the training rows, ready to be searched.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training rows; sparse ones for the Euclidean and the cosine metric.
        y : array-like of shape (n_samples,)
            Labels: strings, ints or bools.
        sample_weight : array-like of shape (n_samples,) or float, default=None
            Factors of the rows' votes, at least 0 with a positive sum; rows of weight 0 are never neighbours.

        Returns
        -------
        self : KNNClassifier
            The fitted classifier.
        """
        X, y = validate_classification(self, X, y, **self._training_checks(X))
        classes, codes = np.unique(y, return_inverse=True)
        rows = self._keep_rows(X, sample_weight)
        class_weight = self._class_weight(classes, y, rows.votes)
        rows = rows._replace(votes=rows.votes * class_weight[codes])
        totals = np.bincount(codes, weights=rows.votes, minlength=classes.size)
        if not totals.sum() > 0:
            raise ValueError("class_weight must leave some weight: the votes of all training rows are zero.")
        self.classes_ = classes
        self.n_samples_fit_ = rows.n_searched
        self._rows, self._codes, self._priors = rows, codes, totals / totals.sum()
        return self

    def predict_proba(self, X: Any) -> np.ndarray:
        """Shares of the votes.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_queries, n_features)
            The queries.

        Returns
        -------
        probabilities : ndarray of shape (n_queries, n_classes)
            One column for each label, in the order of `classes_`.
        """
        X = self._queries(X)
        n_classes = self.classes_.size
        probabilities = np.empty((X.shape[0], n_classes), dtype=self._rows.X.dtype)
        unheard = 0
        for block, indices, votes in self._votes(X, n_classes):
            n_queries = indices.shape[0]
            cells = np.arange(n_queries)[:, None] * n_classes + self._codes[indices]
            shares = np.bincount(cells.ravel(), votes.ravel(), n_queries * n_classes).reshape(n_queries, n_classes)
            none = votes.sum(axis=1) == 0
            shares[none] = self._priors
            unheard += int(none.sum())
            probabilities[block] = shares / shares.sum(axis=1, keepdims=True)
        warn_no_votes(unheard, "their probabilities are those of the training labels")
        return probabilities

    def predict(self, X: Any) -> np.ndarray:
        """Labels with the largest share of the votes, the first of `classes_` among equals.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_queries, n_features)
            The queries.

        Returns
        -------
        labels : ndarray of shape (n_queries,)
            The predicted labels.
        """
        probabilities = self.predict_proba(X)
        return self.classes_[probabilities.argmax(axis=1)]

    def _class_weight(self, classes: np.ndarray, y: np.ndarray, votes: np.ndarray) -> np.ndarray:
        present = np.unique(y[votes > 0])
        if self.class_weight != "balanced":
            values = list((self.class_weight or {}).values())
            if not all(Real(low=0).accepts(value) for value in values):
                raise ValueError(f"class_weight must hold finite values in the range [0, inf). Got {values}.")
            weight = compute_class_weight(self.class_weight or None, classes=classes, y=y)
        else:  # a class without any weight has no votes to balance
            balanced = compute_class_weight("balanced", classes=present, y=y[votes > 0], sample_weight=votes[votes > 0])
            weight = np.zeros(classes.size)
            weight[np.searchsorted(classes, present)] = balanced
        return scaled(weight)


class KNNRegressor(MultiOutputMixin, RegressorMixin, NeighborsEstimator):
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
    metric : {"euclidean", "manhattan", "chebyshev", "minkowski", "cosine"} or callable, default="euclidean"
        The distance. "cosine" is one minus the cosine of the angle; a row of zeros is at distance 1 from every row. A
        callable takes two float64 vectors and returns a number of at least 0; it is called for every pair.
    p : float, default=2
        Order of the "minkowski" distance, at least 1; the other metrics do not use it.
    n_jobs : int, default=None
        Number of threads over blocks of queries: None means 1 (unless in a `joblib.parallel_config` context), -1 all
        cores. The results do not depend on it.

    Attributes
    ----------
    n_samples_fit_ : int
        Number of training rows that can be neighbours: those with a positive sample weight.
    n_features_in_ : int
        Number of columns of X in `fit`.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the columns, if X in `fit` had names that are all strings.

    See Also
    --------
    KNNClassifier : Classification by the votes of the nearest training rows; its notes on exactness, memory and
        sample weights hold here too.

    Notes
    -----
    Predictions have the precision of the X of `fit`. Where all votes of a query have weight zero, the prediction is
    the mean of the training targets, weighted by `sample_weight`, with a warning.

    References
    ----------
    N. Altman, An introduction to kernel and nearest-neighbor nonparametric regression, The American Statistician 46
    (1992).

    Examples
    --------
    >>> from skdl.neighbors.knn import KNNRegressor
    >>> model = KNNRegressor(n_neighbors=2).fit([[0.0], [1.0], [2.0]], [0.0, 10.0, 20.0])
    >>> model.predict([[0.2], [1.8]]).tolist()
    [5.0, 15.0]
    """

    def __init__(
        self,
        n_neighbors: int = 5,
        *,
        weights: Any = "uniform",
        metric: Any = "euclidean",
        p: float = 2,
        n_jobs: int | None = None,
    ):
        self.n_neighbors = n_neighbors
        self.weights = weights
        self.metric = metric
        self.p = p
        self.n_jobs = n_jobs

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> KNNRegressor:
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
        X, y = validate_regression(self, X, y, **self._training_checks(X))
        rows = self._keep_rows(X, sample_weight)
        self.n_samples_fit_ = rows.n_searched
        self._rows, self._y, self._mean = rows, y.copy(), np.average(y, axis=0, weights=rows.votes)
        return self

    def predict(self, X: Any) -> np.ndarray:
        """Means of the targets of the nearest training rows.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_queries, n_features)
            The queries.

        Returns
        -------
        y : ndarray of shape (n_queries,) or (n_queries, n_outputs)
            Predictions in the shape of the y of `fit`.
        """
        X = self._queries(X)
        n_outputs = self._y.shape[1:]
        prediction = np.empty((X.shape[0], *n_outputs), dtype=self._y.dtype)
        unheard = 0
        for block, indices, votes in self._votes(X, *n_outputs or (1,)):
            none = votes.sum(axis=1) == 0
            votes[none] = 1.0  # any number that can be divided by
            if n_outputs:
                votes = votes[:, :, None]
            means = (votes * self._y[indices]).sum(axis=1) / votes.sum(axis=1)
            means[none] = self._mean
            unheard += int(none.sum())
            prediction[block] = means
        warn_no_votes(unheard, "their prediction is the mean of the training targets")
        return prediction
