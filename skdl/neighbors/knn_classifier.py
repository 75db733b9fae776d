"""k nearest neighbours for classes: the closest training rows vote."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Self

import numpy as np

from skdl._constraints import NONE, Instance, ListOf, OneOf
from skdl._encoding.arrays import check_declaration, check_shape
from skdl._interrupts import whole
from skdl._scores import ClassifierScore
from skdl._typing import CategoricalLike, ClassesLike, ClassWeight, MatrixLike, VectorLike, VoteLike, WeightLike
from skdl._validation import validate_labels
from skdl.neighbors.base import NeighborsEstimator, warn_no_votes
from skdl.neighbors.labels import LabelColumn, append_labels, label_columns


class KNNClassifier(ClassifierScore, NeighborsEstimator):
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
    class_weight : dict, list of dict, "balanced" or None, default=None
        Factors of the votes: {label: weight >= 0}, weight 1 for a label left out. "balanced" takes the inverse of the
        class's total sample weight, so that each class has the same total over the training rows. A list has a dict for
        each column of y.
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
    classes_ : ndarray of shape (n_classes,) or list of these
        The labels in increasing order; a list with those of each column where y has several. A multilabel indicator
        (columns of integers or bools that are all 0 or 1) has both labels in each.
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
    KNNRegressor : Regression by the mean of the nearest training rows.

    Notes
    -----
    What differs from scikit-learn's estimator is in one table of docs/migration.md.

    The neighbours are exact: those of a brute force in float64, equally near rows in the order of their index,
    whatever search is used inside. For Euclid's distance that is ``np.sqrt(np.square(q - x).sum())`` of a query q and
    each row x in float64, and alike for the other metrics. Distances are float64; probabilities have the precision of
    the X of `fit`. Working memory of `predict` stays within ``sklearn.get_config()["working_memory"]``, unless a single
    query or `n_neighbors` rows need more.

    A sample weight multiplies a row's vote, and rows of weight zero are as good as absent, but for their labels: those
    count as declared in `classes`, with the probability zero. A weight of 2 is *not* the same as the row twice, because
    two copies would take two of the k places. No rule can have both this and the freedom to scale all weights, which
    doubles every row: let one row of class 0 lie at 0 and one of class 1 at 1. With k = 2 the query 0 gets
    probabilities 1/2 and 1/2. Weights (2, 2) must not change that, yet with each row twice both places go to the copies
    at 0, and the probability of class 0 is 1. Ensembles and searches rescale weights (a sum of 1 is common), so the
    scale is what is kept free here.

    Rows in any unit are compared as in one of moderate numbers; distances beyond float64 are an error. Equal rows are
    searched once. Unlike scikit-learn's KNeighborsClassifier: ties in distance have an order; p below 1, "haversine",
    "correlation" and "sqeuclidean" (whose neighbours are those of "euclidean") are not offered; `algorithm` has no
    "ball_tree", and `weights` no None, which is "uniform"; "braycurtis" divides by \|a + b\| as scipy's does.

    In a table, two rows with different categories in a column are 1 apart there, as far as indicators times (1/2)^(1/p)
    are; numbers are taken as they are, so bring them to a spread of about 1 first. A missing category is one of its
    own, and one that `fit` has not seen differs from all. Missing numbers are left out of the sum over the columns,
    which is then scaled up to all, as "nan_euclidean" does. So do the metrics from "euclidean" to "minkowski"; others
    refuse categories and missing numbers. Rows are kept with one code for a category.

    Where all votes of a query have weight zero, the probabilities are the classes' shares of the total weight (sample
    weight times class weight) of the training rows, with a warning.

    References
    ----------
    T. Cover and P. Hart, Nearest neighbor pattern classification, IEEE Transactions on Information Theory 13 (1967).
    S. Dudani, The distance-weighted k-nearest-neighbor rule, IEEE Transactions on Systems, Man, and Cybernetics 6
    (1976).

    Examples
    --------
    >>> from skdl import KNNClassifier
    >>> X = [[0.0], [1.0], [2.0], [3.0]]
    >>> model = KNNClassifier(n_neighbors=3).fit(X, ["low", "low", "high", "high"])
    >>> model.predict([[0.4], [2.9]]).tolist()
    ['low', 'high']
    >>> model.kneighbors([[1.5]], n_neighbors=2, return_distance=False)
    array([[1, 2]])
    """

    _constraints = {
        **NeighborsEstimator._constraints,
        "class_weight": OneOf("balanced") | Instance(dict, name="dict") | ListOf(Instance(dict, name="dict")) | NONE,
    }
    _y: np.ndarray
    _declared: Any
    _label_columns: list[LabelColumn]

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
        class_weight: ClassWeight | None = None,
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
        self.class_weight = class_weight
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
        y : array-like of shape (n_samples,) or (n_samples, n_columns)
            Labels: strings, ints or bools; several columns are voted on one by one.
        sample_weight : array-like of shape (n_samples,) or float, default=None
            Factors of the rows' votes, at least 0 with a positive sum; rows of weight 0 are never neighbours.

        Returns
        -------
        self : KNNClassifier
            The fitted classifier.
        """
        return self._learn(X, y, sample_weight, None, go_on=False)

    @whole
    def partial_fit(
        self, X: MatrixLike, y: VectorLike, classes: ClassesLike | None = None, sample_weight: WeightLike | None = None
    ) -> Self:
        """Append training rows; all calls together equal one `fit` of all rows.

        The search is made ready anew, so a call costs as much as that `fit`: few large calls are better than many small
        ones.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            More training rows, as in `fit`.
        y : array-like of shape (n_samples,) or (n_samples, n_columns)
            Their labels.
        classes : array-like of shape (n_classes,) or list of these, default=None
            All labels that will ever come (a list for several columns of y), in the first call only. None lets
            `classes_` grow by the labels that come.
        sample_weight : array-like of shape (n_samples,) or float, default=None
            As in `fit`.

        Returns
        -------
        self : KNNClassifier
            The classifier with these rows too.
        """
        return self._learn(X, y, sample_weight, classes, go_on=hasattr(self, "_rows"))

    def _learn(self, X: Any, y: Any, sample_weight: Any, declared: Any, *, go_on: bool) -> KNNClassifier:
        X, checks = self._training_checks(X, sample_weight, reset=not go_on)
        if declared is not None:
            check_declaration(declared, y)
        X, y = validate_labels(self, X, y, reset=not go_on, **checks)
        if go_on:
            if declared is not None:
                raise ValueError("classes can be given in the first call of partial_fit only, before any row is kept.")
            declared, y = self._declared, append_labels(self._y, y)
        rows = self._store_rows(X, sample_weight, self._rows if go_on else None)
        found = label_columns(y, rows.votes, self.class_weight, declared)
        self.classes_ = found[0].classes if y.ndim == 1 else [column.classes for column in found]
        self._set_fit_attributes(rows)
        self._rows, self._y, self._declared, self._label_columns = rows, y, declared, found
        return self

    def predict_proba(self, X: MatrixLike | None) -> np.ndarray | list[np.ndarray]:
        """Shares of the votes.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_queries, n_features) or None
            The queries. None stands for the rows of `fit`, each without itself as a neighbour (leave one out).

        Returns
        -------
        probabilities : ndarray of shape (n_queries, n_classes), or list of these
            One column for each label, in the order of `classes_`; for several columns of y a list, as in scikit-learn.
        """
        queries = self._queries(X)
        widths = [column.classes.size for column in self._label_columns]
        shares = [np.empty((queries.shape[0], width), dtype=self._rows.dtype) for width in widths]
        unheard = 0
        for block, indices, votes in self._vote_blocks(queries, sum(widths), own=X is None):
            for share, column in zip(shares, self._label_columns, strict=True):
                share[block], none = column.vote_shares(indices, votes)
                unheard += none
        warn_no_votes(unheard, "their probabilities are those of the training labels")
        return shares[0] if self._y.ndim == 1 else shares

    def predict(self, X: MatrixLike | None) -> np.ndarray:
        """Labels with the largest share of the votes, the first of `classes_` among equals.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_queries, n_features) or None
            The queries. None stands for the rows of `fit`, each without itself as a neighbour (leave one out).

        Returns
        -------
        labels : ndarray of shape (n_queries,) or (n_queries, n_columns)
            The predicted labels, in the shape of the y of `fit`.
        """
        shares = self.predict_proba(X)
        if isinstance(shares, np.ndarray):
            return np.asarray(self.classes_[shares.argmax(axis=1)])
        labels = np.empty((shares[0].shape[0], len(shares)), dtype=self._y.dtype)
        for column, (share, classes) in enumerate(zip(shares, self.classes_, strict=True)):
            labels[:, column] = classes[share.argmax(axis=1)]
        return labels

    def _true_labels(self, y: np.ndarray) -> np.ndarray:
        if self._y.ndim == 2:
            check_shape(y, self._y.shape[1], "labels")
        return y

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        tags.target_tags.multi_output = True
        return tags
