"""What the network classifiers share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils.class_weight import compute_sample_weight

from skdl._encoding import Labels
from skdl._validation import validate_classification, validate_sample_weight
from skdl.neural._base import BaseNetwork
from skdl.neural._training import Training


class NetworkClassifier(ClassifierMixin, BaseNetwork):
    """A network whose scores are linked to class probabilities."""

    label_smoothing = 0.0

    def _check_data(self, X: Any, y: Any, sample_weight: Any, *, reset: bool) -> tuple[Any, np.ndarray, Any]:
        X, y = validate_classification(self, X, y, reset=reset, accept_sparse="csr")
        weight = validate_sample_weight(sample_weight, X)
        if self.class_weight is not None:
            by_class = compute_sample_weight(self.class_weight, y)
            weight = validate_sample_weight(by_class if weight is None else weight * by_class, X)
        return X, y, weight

    def _encoding_of(self, X: Any, y: np.ndarray, weight: np.ndarray | None, classes: Any) -> Labels:
        classes = np.unique(y) if classes is None else classes
        if len(classes) < 2:
            raise ValueError(
                f"{type(self).__name__} needs at least two classes in y. Got one class only: {classes.tolist()}."
            )
        return Labels(classes, self._is_binary(len(classes)), self.label_smoothing)

    def _is_binary(self, n_classes: int) -> bool:
        """Whether the loss takes one column for two classes."""
        return False

    def _scorer(self, y: np.ndarray, weight: np.ndarray | None, encoding: Labels) -> Callable[[np.ndarray], float]:
        return lambda scores: float(np.average(encoding.decode(scores) == y, weights=weight))

    def _output_map(self, encoding: Labels) -> None:
        return None

    def _results(self, training: Training) -> dict[str, Any]:
        return {**super()._results(training), "classes_": training.encoding.classes}

    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None):
        """Train one epoch on more data.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows of this call. Input standardisation is taken from those of the first.
        y : array-like of shape (n_samples,)
            Their labels.
        classes : array-like of shape (n_classes,), default=None
            All labels that will ever come; needed in the first call only, and there when y does not hold them all.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each row in the mean loss.

        Returns
        -------
        self : estimator
            The network, one epoch on.
        """
        if self.class_weight == "balanced":
            raise ValueError(
                "class_weight='balanced' needs all of y at once. In partial_fit, give class_weight as a dict, such as "
                "the one that sklearn.utils.class_weight.compute_class_weight gives for all of your labels."
            )
        go_on = hasattr(self, "_training")
        if classes is not None:
            classes = np.unique(np.asarray(classes))
            if go_on and not np.array_equal(classes, self.classes_):
                raise ValueError(f"classes={classes.tolist()} differ from those before: {self.classes_.tolist()}.")
        return self._train(X, y, sample_weight, go_on=go_on, n_epochs=1, incremental=True, classes=classes)

    def decision_function(self, X: Any) -> np.ndarray:
        """Raw scores of the network.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows to score.

        Returns
        -------
        scores : array of shape (n_samples, n_classes), or (n_samples,) for two classes
            The logarithm of each class's probability up to a constant of the row; for two classes, the log odds of the
            second.
        """
        scores = self._raw_scores(self._validated(X))
        if len(self.classes_) > 2:
            return scores
        return scores[:, 0] if scores.shape[1] == 1 else scores[:, 1] - scores[:, 0]

    def predict(self, X: Any) -> np.ndarray:
        """The most probable label of each row.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows to classify.

        Returns
        -------
        y : array of shape (n_samples,)
            Labels.
        """
        scores = self._raw_scores(self._validated(X))
        return self._training.encoding.decode(scores)

    def predict_proba(self, X: Any) -> np.ndarray:
        """Class probabilities of each row.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows to classify.

        Returns
        -------
        probabilities : array of shape (n_samples, n_classes)
            In the order of `classes_`.
        """
        scores = self._raw_scores(self._validated(X))
        encoding = self._training.encoding
        return encoding.probabilities(self._loss(encoding).link(scores))

    def predict_log_proba(self, X: Any) -> np.ndarray:
        """Logarithms of the class probabilities of each row.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows to classify.

        Returns
        -------
        log_probabilities : array of shape (n_samples, n_classes)
            In the order of `classes_`.
        """
        with np.errstate(divide="ignore"):
            return np.log(self.predict_proba(X))
