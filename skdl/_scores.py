"""The scores R^2 and accuracy, whatever the units of the targets and of the weights."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.utils.validation import check_is_fitted

from skdl._typing import MatrixLike, VectorLike, WeightLike
from skdl._validation import in_units, label_array, target_array, validate_sample_weight
from skdl._warnings import in_turn


class RegressorScore(RegressorMixin):
    """The score of all regressors."""

    predict: Any

    def score(self, X: MatrixLike, y: VectorLike, sample_weight: WeightLike | None = None) -> float:
        """The coefficient of determination R^2 of the predictions.

        R^2 = 1 - sum_i w_i (y_i - f(x_i))^2 / sum_i w_i (y_i - m)^2, with m the weighted mean of y; of several outputs
        it is the mean. Neither the units of y nor those of the weights play a role, however large or small they are.
        Where all y are equal it is 1 if they are predicted exactly, and 0 if not.

        Parameters
        ----------
        X : {array-like, sparse matrix, frame} of shape (n_samples, n_features)
            Rows to predict, as `predict` takes them.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            The true targets.
        sample_weight : array-like of shape (n_samples,) or float, default=None
            Weight of each row, at least 0 with a positive sum.

        Returns
        -------
        r2 : float
            At most 1; NaN, with a warning, of fewer than two rows.
        """
        return r2(y, self.predict(X), sample_weight)


class ClassifierScore(ClassifierMixin):
    """The score of all classifiers."""

    predict: Any

    def score(self, X: MatrixLike, y: VectorLike, sample_weight: WeightLike | None = None) -> float:
        """Accuracy: the share of the rows that are predicted right.

        Parameters
        ----------
        X : {array-like, sparse matrix, frame} of shape (n_samples, n_features)
            Rows to classify, as `predict` takes them.
        y : array-like of shape (n_samples,) or (n_samples, n_columns)
            The true labels. Of class probabilities, where they are taken for labels, the most probable one counts as
            true; where a row has several labels, all of them have to be right.
        sample_weight : array-like of shape (n_samples,) or float, default=None
            Weight of each row, at least 0 with a positive sum.

        Returns
        -------
        accuracy : float
            In [0, 1].
        """
        check_is_fitted(self)
        return accuracy(self._true_labels(label_array(y)), self.predict(X), sample_weight)

    def _true_labels(self, y: np.ndarray) -> np.ndarray:
        """Labels that `predict` may have answered; an error for those of another shape."""
        return y


def r2(y: Any, predicted: np.ndarray, sample_weight: Any = None) -> float:
    """R^2 of predictions, each output in units of its largest target.

    The units are powers of two, which change no bit, and without which squares would over- or underflow: a score of
    tiny targets would be 1 whatever is predicted.
    """
    y = target_array(y)
    weight = validate_sample_weight(sample_weight, y)
    weight = None if weight is None else in_units(weight)
    if y.size == predicted.size and len(y) == len(predicted) and np.isfinite(predicted).all():
        y, predicted = _in_units_of_targets(y, predicted, weight)
    from sklearn.metrics import r2_score  # which is not imported before one scores

    return float(in_turn(r2_score)(y, predicted, sample_weight=weight))


def _in_units_of_targets(
    y: np.ndarray, predicted: np.ndarray, weight: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    y, predicted = (values.reshape(len(values), -1) for values in (y, predicted))
    counted = slice(None) if weight is None or weight.all() else weight > 0
    largest = np.abs(y[counted]).max(axis=0).astype(np.float64)
    largest = np.where(largest > 0, largest, np.abs(predicted[counted]).max(axis=0))
    return _over(y, largest), _over(predicted, largest)


def _over(values: np.ndarray, unit: np.ndarray) -> np.ndarray:
    """The values over the powers of two next to these units, as far as sums of their squares are numbers."""
    values = values if values.dtype.kind == "f" else values.astype(np.float64)
    limit = 2.0 ** (np.finfo(values.dtype).maxexp // 2 - 24)
    with np.errstate(over="ignore", under="ignore"):
        scaled: np.ndarray = np.clip(np.ldexp(values, -np.frexp(unit)[1]), -limit, limit)
    return scaled


def accuracy(y: np.ndarray, predicted: np.ndarray, sample_weight: Any = None) -> float:
    """The share of the rows with the same labels in all columns."""
    weight = validate_sample_weight(sample_weight, y)
    weight = None if weight is None else in_units(weight)
    if y.ndim == predicted.ndim == 2 and y.shape == predicted.shape:
        return float(np.average((predicted == y).all(axis=1), weights=weight))
    plain = y.ndim == 1 and y.shape == predicted.shape and y.dtype == predicted.dtype
    if plain and (y.dtype.kind in "biuU" or set(map(type, y)) | set(map(type, predicted)) == {str}):
        # As below, without checks that take longer than to predict few rows.
        return float(np.average(y == predicted, weights=weight))
    from sklearn.metrics import accuracy_score

    return float(in_turn(accuracy_score)(y, predicted, sample_weight=weight))
