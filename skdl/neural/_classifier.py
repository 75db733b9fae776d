"""The base of the network classifiers: labels, class weights and probabilities."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Self

import numpy as np

from skdl._encoding import (
    Columns,
    Encoding,
    Indicator,
    Labels,
    check_declaration,
    check_several,
    encoding_of_labels,
    lies_between,
)
from skdl._protocols import Loss
from skdl._scores import ClassifierScore
from skdl._typing import ClassesLike, MatrixLike, VectorLike, WeightLike
from skdl._validation import label_array, named_columns, validate_labels, validate_sample_weight
from skdl.execution.stacker import interned
from skdl.neural._base import BaseNetwork, from_scores
from skdl.neural._calibration import Temperature
from skdl.neural._docs import document
from skdl.neural._fit import NetworkFit
from skdl.neural._likelihood import LikelihoodMixin
from skdl.neural._preparation import NO_ROWS, ValidationRows
from skdl.neural._settings import Settings
from skdl.neural._training import Training
from skdl.neural.encoded_data import EncodedData
from skdl.neural.trainable import in_parts


class NetworkClassifier(LikelihoodMixin, ClassifierScore, BaseNetwork):
    """A network whose scores are linked to class probabilities."""

    _default_scoring = "accuracy"
    _several_labels = False  # True for a network that takes a y with several labels a row

    @property
    def _smoothing(self) -> float:
        """The share of each label's target that is given to the others."""
        return 0.0

    def _accepts_encoding(self, encoding: Any) -> bool:
        if isinstance(encoding, Labels):
            return encoding.binary == (self._is_binary(2) and len(encoding.classes) == 2)
        return self._several_labels and isinstance(encoding, (Indicator, Columns))

    def _check_data(
        self, X: Any, y: Any, sample_weight: Any, *, reset: bool, **checks: Any
    ) -> tuple[Any, np.ndarray, Any]:
        X, y = validate_labels(self, X, y, reset=reset, shared=interned, accept_sparse="csr", **checks)
        return X, y, validate_sample_weight(sample_weight, X)

    def _encoding_of(self, X: Any, y: np.ndarray, weight: np.ndarray | None, classes: Any) -> Encoding:
        encoding = encoding_of_labels(y, classes, binary=self._is_binary(2), smoothing=self._smoothing)
        if not (self._several_labels or isinstance(encoding, Labels)):
            raise ValueError(
                f"{type(self).__name__} takes one label for each row, or its class probabilities as floats. Got y of "
                f"shape {y.shape} and type {y.dtype}. For several labels in a row there is MLPClassifier, which is "
                "linear with hidden_layer_sizes=()."
            )
        return encoding

    def _is_binary(self, n_classes: int) -> bool:
        """True if the loss takes one column for this number of classes."""
        return False

    def _prepare(
        self,
        settings: Settings,
        X: Any,
        y: Any,
        sample_weight: Any,
        validation: ValidationRows = NO_ROWS,
        *,
        reset: bool = True,
        classes: Any = None,
        **options: Any,
    ) -> EncodedData:
        names = named_columns(y)
        if classes is not None:
            check_declaration(classes, y)
        elif names is not None and lies_between(np.asarray(y)):
            classes = names
        data = super()._prepare(settings, X, y, sample_weight, validation, reset=reset, classes=classes, **options)
        for frame in (names, named_columns(validation[1])):
            if frame is not None and isinstance(data.encoding, Labels):
                data.encoding.check_names(frame)
        if classes is not None and not reset:
            data.encoding.check_declared(classes, data.y)
        return data

    def _with_class_weight(
        self, y: np.ndarray, weight: np.ndarray | None, encoding: Any, kept: np.ndarray | None
    ) -> np.ndarray | None:
        if self.class_weight is None:
            return weight
        rows: Any = slice(None) if kept is None else kept
        weight = np.ones(len(y)) if weight is None else weight.copy()
        weight[rows] *= encoding.class_weights(self.class_weight, y[rows])
        return validate_sample_weight(weight, y)

    def _scorer(self, y: np.ndarray, weight: np.ndarray | None, encoding: Encoding) -> Callable[[np.ndarray], float]:
        return lambda scores: encoding.score(y, scores, weight)

    def _scaling(self, evaluated: EncodedData, loss: Loss) -> Temperature | None:
        encoding = evaluated.encoding
        if not isinstance(encoding, Labels) or len(encoding.classes) < 2:
            return None
        targets = replace(encoding, smoothing=0.0).encode(evaluated.y, np.float64)
        return Temperature(targets, evaluated.counts)

    def _output_map(self, encoding: Encoding) -> None:
        return None

    def _results(self, settings: Settings, training: Training) -> dict[str, Any]:
        return {**super()._results(settings, training), "classes_": training.encoding.classes}

    @in_parts(NetworkFit)
    @document
    def fit(
        self,
        X: MatrixLike,
        y: VectorLike,
        sample_weight: WeightLike | None = None,
        X_val: MatrixLike | None = None,
        y_val: VectorLike | None = None,
        sample_weight_val: WeightLike | None = None,
        classes: ClassesLike | None = None,
    ) -> Self:
        """Train the network.

        Parameters
        ----------
        {data}
        y : array-like of shape (n_samples,) or (n_samples, n_columns)
            Labels, class probabilities, or several labels a row: see the notes.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each row in the mean loss. Rows of weight zero are left out, but for their labels, which count as
            declared in `classes`.
        {validation}
        classes : array-like of shape (n_classes,) or list of these, default=None
            All labels, where y does not hold them all; for class probabilities, what each column stands for.

        Returns
        -------
        self : estimator
            The fitted network.
        """
        go_on = self.warm_start and hasattr(self, "_training")
        validation = (X_val, y_val, sample_weight_val)
        return self._train(X, y, sample_weight, validation, go_on=go_on, classes=classes)

    @document
    def initialize(self, X: MatrixLike, y: VectorLike, classes: ClassesLike | None = None) -> Self:
        """Build the network for data like X and y with its initial weights, and train nothing; `partial_fit` goes on.

        Parameters
        ----------
        {initial_data}
        y : array-like of shape (n_samples,) or (n_samples, n_columns)
            Labels as in fit, which fix the outputs.
        classes : array-like of shape (n_classes,) or list of these, default=None
            As in fit.

        Returns
        -------
        self : estimator
            The untrained network, which predicts.
        """
        return self._train(X, y, None, go_on=False, n_epochs=0, classes=classes)

    @document
    def partial_fit(
        self,
        X: MatrixLike,
        y: VectorLike,
        classes: ClassesLike | None = None,
        sample_weight: WeightLike | None = None,
        X_val: MatrixLike | None = None,
        y_val: VectorLike | None = None,
        sample_weight_val: WeightLike | None = None,
    ) -> Self:
        """Train one epoch on more data.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows of this call. Input standardisation and categories are taken from those of the first.
        y : array-like of shape (n_samples,) or (n_samples, n_columns)
            Their labels, of the same kind in every call: see the notes.
        classes : array-like of shape (n_classes,) or list of these, default=None
            All labels that will ever come; needed in the first call only, and there when y does not hold them all. For
            class probabilities, what each column stands for.
        {weight}
        {validation_of_epoch}

        Returns
        -------
        self : estimator
            The network, one epoch on.
        """
        if isinstance(self.class_weight, str):
            raise ValueError(
                "class_weight='balanced' needs all of y at once. In partial_fit, give class_weight as a dict, such as "
                "the one that sklearn.utils.class_weight.compute_class_weight gives for all of your labels."
            )
        validation = (X_val, y_val, sample_weight_val)
        go_on = hasattr(self, "_training")
        if not go_on and classes is None and y is not None:
            check_several(label_array(y), type(self).__name__)
        return self._train(X, y, sample_weight, validation, go_on=go_on, n_epochs=1, incremental=True, classes=classes)

    def _true_labels(self, y: np.ndarray) -> np.ndarray:
        encoding = self._training.encoding
        if isinstance(encoding, Labels) and y.ndim == 2:
            labels: np.ndarray = encoding.classes[encoding.codes(y)]
            return labels
        if isinstance(encoding, Columns):
            encoding.check_columns(y)
        return y

    def decision_function(self, X: MatrixLike) -> np.ndarray | list[np.ndarray]:
        """Raw scores of the network.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows to score.

        Returns
        -------
        scores : array of shape (n_samples, n_classes), or (n_samples,) for two classes
            The logarithm of each class's probability up to a constant of the row; for two classes, the log odds of the
            second. For a multilabel indicator the log odds of each label, of shape (n_samples, n_labels); for columns
            of labels a list with the scores of each.
        """
        scores = self._raw_scores(self._validated(X))
        encoding: Encoding = self._training.encoding
        with np.errstate(invalid="ignore"):
            return encoding.log_odds(scores)

    def predict(self, X: MatrixLike) -> np.ndarray:
        """The most probable label of each row.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows to classify.

        Returns
        -------
        y : array of shape (n_samples,) or (n_samples, n_columns)
            Labels, with as many columns as a multilabel indicator or columns of labels had in training.
        """
        scores = self._raw_scores(self._validated(X))
        encoding: Encoding = self._training.encoding  # now that it is known to be fitted
        return encoding.decode(scores)

    @from_scores("_probabilities")
    def predict_proba(self, X: MatrixLike) -> np.ndarray | list[np.ndarray]:
        """Class probabilities of each row.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows to classify.

        Returns
        -------
        probabilities : array of shape (n_samples, n_classes), or list of these
            In the order of `classes_`. For a multilabel indicator the probability of each label, of shape
            (n_samples, n_labels); for columns of labels a list with the probabilities of each.
        """
        return self._probabilities(self._raw_scores(self._validated(X)))

    def _probabilities(self, scores: np.ndarray) -> np.ndarray | list[np.ndarray]:
        encoding: Encoding = self._training.encoding
        with np.errstate(invalid="ignore"):  # of scores that are not finite, which a warning was given of
            return encoding.probabilities(self._loss(encoding).link(scores))

    def predict_log_proba(self, X: MatrixLike) -> np.ndarray | list[np.ndarray]:
        """Logarithms of the class probabilities of each row.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows to classify.

        Returns
        -------
        log_probabilities : array of shape (n_samples, n_classes), or list of these
            As `predict_proba`.
        """
        probabilities = self.predict_proba(X)
        with np.errstate(divide="ignore"):
            return [np.log(p) for p in probabilities] if isinstance(probabilities, list) else np.log(probabilities)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = self._several_labels
        tags.target_tags.multi_output = self._several_labels
        return tags
