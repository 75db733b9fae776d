"""What the ensembles share: constraints, seeds, and members' predictions brought together."""

from __future__ import annotations

import warnings
from abc import ABCMeta, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, is_classifier, is_regressor
from sklearn.utils import get_tags
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted

from skdl._constraints import Constraint, check_params
from skdl._search_space import SearchSpaceMixin
from skdl._validation import validate_table, validate_targets
from skdl.neural.mlp_classifier import MLPClassifier
from skdl.neural.mlp_regressor import MLPRegressor


class Estimator(Constraint):
    """An object with `fit` and `predict`."""

    def accepts(self, value: Any) -> bool:
        return not isinstance(value, type) and hasattr(value, "fit") and hasattr(value, "predict")

    def __str__(self) -> str:
        return "an estimator (an instance with fit and predict)"


def root_entropy(random_state: Any) -> int:
    """The number that all of an ensemble's seeds come from; a RandomState gives one and moves on."""
    if isinstance(random_state, np.random.RandomState):
        return int(random_state.randint(2**31 - 1))
    entropy = np.random.SeedSequence(random_state).entropy
    return int(entropy)  # type: ignore[arg-type]


def seed_of(entropy: int, *key: int) -> np.random.SeedSequence:
    """A stream that depends on its own key only: further members leave the earlier ones as they are."""
    return np.random.SeedSequence(entropy, spawn_key=key)


class BaseEnsemble(SearchSpaceMixin, BaseEstimator, metaclass=ABCMeta):
    """Base of the estimators that average others."""

    _constraints: dict[str, Constraint]
    _kind: str  # "classifier" or "regressor"

    @abstractmethod
    def _templates(self) -> list[Any]:
        """The unfitted estimators that the members are made of."""

    @abstractmethod
    def _default(self) -> Any:
        """The estimator that None stands for."""

    @abstractmethod
    def _output(self, member: Any, X: Any, classes: Any) -> np.ndarray:
        """What a member contributes to the average."""

    def _search_spaces(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """That of the one estimator that the members are made of, if there is one that has any."""
        template = getattr(self, "estimator", None)
        if not isinstance(template, SearchSpaceMixin):
            return {}, {}
        return tuple(  # type: ignore[return-value]
            {f"estimator__{name}": values for name, values in space.items()} for space in template._search_spaces()
        )

    def _member_weights(self) -> np.ndarray | None:
        """Weights of the members in the average; None for equal ones."""
        return None

    def _check_parameters(self) -> None:
        check_params(self, self._constraints)
        is_kind = is_classifier if self._kind == "classifier" else is_regressor
        for template in self._templates():
            if not is_kind(template):
                raise ValueError(
                    f"{type(self).__name__} averages {self._kind}s. Got {template!r}, which is no {self._kind}."
                )

    def _check_data(self, X: Any, y: Any, *, reset: bool = True) -> tuple[Any, np.ndarray]:
        X = validate_table(self, X, reset=reset)
        y = validate_targets(self, X, y, multi_output=get_tags(self).target_tags.multi_output)
        if self._kind == "classifier":
            check_classification_targets(y)
        return X, y

    def _checked(self, X: Any) -> Any:
        check_is_fitted(self)
        return validate_table(self, X, reset=False)

    def _outputs(self, X: Any) -> Iterator[np.ndarray]:
        classes = getattr(self, "classes_", None)
        for member in self.estimators_:
            with quiet_about_names():
                output = self._output(member, X, classes)
            yield output

    def _average(self, X: Any) -> np.ndarray:
        """The average over members, which are never held all at once."""
        X = self._checked(X)
        weights = self._member_weights()
        weights = np.ones(len(self.estimators_)) if weights is None else weights
        total: Any = 0
        for weight, output in zip(weights, self._outputs(X), strict=True):
            total = total + float(weight) * output
        return total / float(weights.sum())

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        members = [get_tags(member) for member in self._templates() if hasattr(member, "__sklearn_tags__")]
        if members:
            tags.input_tags.sparse = all(member.input_tags.sparse for member in members)
            tags.input_tags.allow_nan = all(member.input_tags.allow_nan for member in members)
            tags.input_tags.positive_only = any(member.input_tags.positive_only for member in members)
        return tags


@contextmanager
def quiet_about_names() -> Iterator[None]:
    """The ensemble has compared the feature names, and has warned once for all of its members."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "X (has|does not have valid) feature names", UserWarning)
        yield


def aligned(probabilities: np.ndarray, seen: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """Columns of the classes that a member has seen, among those of all classes; the others are zero."""
    if len(seen) == len(classes):
        return probabilities
    full = np.zeros((len(probabilities), len(classes)), probabilities.dtype)
    full[:, np.searchsorted(classes, seen)] = probabilities
    return full


def votes(labels: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """Predicted labels as probabilities of zero and one."""
    return (labels[:, None] == classes).astype(np.float64)


class ClassifierEnsemble(ClassifierMixin, BaseEnsemble):
    """An average of class probabilities."""

    _kind = "classifier"

    def _default(self) -> Any:
        return MLPClassifier()

    def _output(self, member: Any, X: Any, classes: Any) -> np.ndarray:
        if hasattr(member, "predict_proba"):
            return aligned(member.predict_proba(X), member.classes_, classes)
        return votes(member.predict(X), classes)

    def predict(self, X: Any) -> np.ndarray:
        """The label of the largest average probability; of equals, the first.

        Parameters
        ----------
        X : {array-like, sparse matrix, frame} of shape (n_samples, n_features)
            Rows to classify, as the members take them.

        Returns
        -------
        y : array of shape (n_samples,)
            Labels.
        """
        average = self._average(X)
        return self.classes_[average.argmax(axis=1)]

    def predict_proba(self, X: Any) -> np.ndarray:
        """The average of the members' class probabilities.

        Parameters
        ----------
        X : {array-like, sparse matrix, frame} of shape (n_samples, n_features)
            Rows to classify, as the members take them.

        Returns
        -------
        probabilities : array of shape (n_samples, n_classes)
            In the order of `classes_`.
        """
        return self._average(X)

    def predict_log_proba(self, X: Any) -> np.ndarray:
        """Logarithms of the averaged class probabilities.

        Parameters
        ----------
        X : {array-like, sparse matrix, frame} of shape (n_samples, n_features)
            Rows to classify, as the members take them.

        Returns
        -------
        log_probabilities : array of shape (n_samples, n_classes)
            In the order of `classes_`.
        """
        with np.errstate(divide="ignore"):
            return np.log(self.predict_proba(X))

    def predict_members(self, X: Any) -> np.ndarray:
        """Class probabilities of each member, which tell how far the members agree.

        Parameters
        ----------
        X : {array-like, sparse matrix, frame} of shape (n_samples, n_features)
            Rows to classify, as the members take them.

        Returns
        -------
        probabilities : array of shape (n_estimators, n_samples, n_classes)
            Members that vote have a one at the label they predict.
        """
        return np.stack(list(self._outputs(self._checked(X))))


class RegressorEnsemble(RegressorMixin, BaseEnsemble):
    """An average of predictions."""

    _kind = "regressor"

    def _default(self) -> Any:
        return MLPRegressor()

    def _output(self, member: Any, X: Any, classes: Any) -> np.ndarray:
        predicted = np.asarray(member.predict(X))
        return predicted.reshape(len(predicted), *self._output_shape)  # of one column, some give it and some do not

    def predict(self, X: Any) -> np.ndarray:
        """The average of the members' predictions.

        Parameters
        ----------
        X : {array-like, sparse matrix, frame} of shape (n_samples, n_features)
            Rows to predict, as the members take them.

        Returns
        -------
        y : array of shape (n_samples,) or (n_samples, n_outputs)
        """
        return self._average(X)

    def predict_members(self, X: Any) -> np.ndarray:
        """Predictions of each member, whose spread tells how far the members agree.

        Parameters
        ----------
        X : {array-like, sparse matrix, frame} of shape (n_samples, n_features)
            Rows to predict, as the members take them.

        Returns
        -------
        predictions : array of shape (n_estimators, n_samples) or (n_estimators, n_samples, n_outputs)
        """
        return np.stack(list(self._outputs(self._checked(X))))

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        members = [get_tags(member) for member in self._templates() if hasattr(member, "__sklearn_tags__")]
        tags.target_tags.multi_output = bool(members) and all(member.target_tags.multi_output for member in members)
        return tags
