"""A layer of a network as features."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from sklearn.base import TransformerMixin, clone
from sklearn.frozen import FrozenEstimator
from sklearn.utils.validation import check_is_fitted

from skdl._constraints import Boolean, Integer, Text, check_params
from skdl._estimator import RootEstimator
from skdl._layer_names import INPUT, find_layer
from skdl._typing import EstimatorLike, MatrixLike, VectorLike, WeightLike
from skdl.neural._base import BaseNetwork
from skdl.neural._layer_values import layer_values


class NetworkFeatures(TransformerMixin, RootEstimator):
    """What a layer of a network gives for each row: features that the network has learned.

    `transform` gives h_l(x), the values of layer l at prediction, where the network computes x -> h_1 -> ... -> h_L ->
    scores.

    Parameters
    ----------
    estimator : MLPClassifier, MLPRegressor or another network
        Not an ensemble: each of its members has hidden layers of its own.
    layer : str or int, default=-2
        A name out of `layer_names_` of the fitted network ("input", "hidden_1", ..., "output"), or an index, which
        counts the hidden layers from 0 on and the output after them: -2 is the last hidden layer. "input" are the
        inputs as the first hidden layer sees them, standardised and encoded, "output" the raw scores, which the link
        (such as the softmax) has not been applied to. A hidden layer's values are after its normalization and
        activation, and without dropout.
    prefit : bool, default=False
        Whether the estimator is fitted already, and is taken as it is. Copies that scikit-learn makes, such as those
        in a search, are not fitted; within one, give a `sklearn.frozen.FrozenEstimator` of the fitted network.

    Attributes
    ----------
    estimator_ : estimator
        The fitted network.
    layer_ : str
        The layer's name.
    n_features_in_ : int
        Columns of X.
    feature_names_in_ : array of shape (n_features_in_,)
        Their names, when X had names that are all strings.

    Raises
    ------
    ValueError
        For a layer that the network does not have.

    See Also
    --------
    MLPClassifier : Whose parameter `init` goes on from the layers of a fitted network.

    Examples
    --------
    The features of a network that knows half of the digits tell the others apart by a handful of images:

    >>> from sklearn.datasets import load_digits
    >>> from sklearn.pipeline import make_pipeline
    >>> from skdl import MLPClassifier, NetworkFeatures, SoftmaxClassifier
    >>> X, y = load_digits(return_X_y=True)
    >>> network = MLPClassifier((64, 32), random_state=0).fit(X[y < 5], y[y < 5])
    >>> features = NetworkFeatures(network, layer="hidden_2", prefit=True)
    >>> features.fit_transform(X).shape
    (1797, 32)
    >>> few, others = X[y >= 5][:50], y[y >= 5][:50]
    >>> make_pipeline(features, SoftmaxClassifier()).fit(few, others).score(X[y >= 5], y[y >= 5]) > 0.7
    True
    """

    _doc_page = "docs/networks.md"
    _constraints = {"layer": Integer() | Text(), "prefit": Boolean()}

    def __init__(self, estimator: EstimatorLike, layer: str | int = -2, *, prefit: bool = False):
        self.estimator = estimator
        self.layer = layer
        self.prefit = prefit

    def fit(self, X: MatrixLike, y: VectorLike | None = None, sample_weight: WeightLike | None = None) -> Self:
        """Fit a copy of the network, or look whether the one given is fitted.

        Parameters
        ----------
        X : {array-like, sparse matrix, frame} of shape (n_samples, n_features)
            Training data.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs), default=None
            Targets, as the network takes them; not needed with `prefit`.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each row in the mean loss.

        Returns
        -------
        self : estimator
        """
        check_params(self, self._constraints)
        network = self._given
        if not self._is_prefit:
            given = {} if sample_weight is None else {"sample_weight": sample_weight}
            network = clone(network).fit(X, y, **given)
        check_is_fitted(network)
        self.layer_ = find_layer(self.layer, network.layer_names_, "layer", f"this {type(network).__name__}")
        self.estimator_ = network
        self.n_features_in_ = network.n_features_in_
        self.__dict__.pop("feature_names_in_", None)
        if hasattr(network, "feature_names_in_"):
            self.feature_names_in_ = network.feature_names_in_
        return self

    def transform(self, X: MatrixLike) -> np.ndarray:
        """The layer's values.

        Parameters
        ----------
        X : {array-like, sparse matrix, frame} of shape (n_samples, n_features)
            Rows, as the network takes them.

        Returns
        -------
        values : array of shape (n_samples, n_units)
        """
        check_is_fitted(self)
        network: Any = self.estimator_
        return layer_values(network, network._validated(X), self.layer_)

    def get_feature_names_out(self, input_features: VectorLike | None = None) -> np.ndarray:
        """Names of the units: "hidden_2_0", "hidden_2_1", ...

        Parameters
        ----------
        input_features : ignored

        Returns
        -------
        names : array of str
            Of the layer "input", what the columns of X have become.
        """
        check_is_fitted(self)
        network: Any = self.estimator_
        if self.layer_ == INPUT:
            names: np.ndarray = network.get_encoded_feature_names_out()
            return names
        training = network._training.architecture
        widths = dict(zip(network.layer_names_[::-1], (training.n_outputs, *training.widths[::-1]), strict=False))
        return np.array([f"{self.layer_}_{i}" for i in range(widths[self.layer_])], dtype=object)

    @property
    def _given(self) -> Any:
        """The network that was given, fitted or not."""
        network = self.estimator.estimator if isinstance(self.estimator, FrozenEstimator) else self.estimator
        if not isinstance(network, BaseNetwork):
            advice = ""
            if hasattr(network, "estimators_") or hasattr(network, "n_estimators"):
                advice = " Each member of an ensemble has layers of its own: give one of them, with prefit=True."
            elif hasattr(network, "steps"):
                advice = " Put the steps before it into a Pipeline, and NetworkFeatures after them."
            raise TypeError(
                "The 'estimator' parameter of NetworkFeatures must be a network, such as MLPClassifier() or "
                f"MLPRegressor(). Got {type(network).__name__} instead.{advice}"
            )
        return network

    @property
    def _is_prefit(self) -> bool:
        return self.prefit or isinstance(self.estimator, FrozenEstimator)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.target_tags.required = not self._is_prefit
        return tags
