"""Averages of class probabilities, and averages of predictions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from skdl._scores import ClassifierScore, RegressorScore
from skdl._typing import MatrixLike
from skdl._uncertainty import class_entropies, member_spread
from skdl.ensemble._base import tags_of
from skdl.ensemble._diagnostics import EnsembleDiagnostics
from skdl.neural.mlp_classifier import MLPClassifier
from skdl.neural.mlp_regressor import MLPRegressor

if TYPE_CHECKING:
    import pandas as pd


class ProbabilityAverage(ClassifierScore, EnsembleDiagnostics):
    """An average of class probabilities."""

    _kind = "classifier"
    _error_name = "Brier score"

    def _default(self) -> Any:
        return MLPClassifier()

    def _output_method(self, member: object) -> str:
        return "predict_proba" if hasattr(member, "predict_proba") else "predict"

    def _output(self, member: object, answer: np.ndarray) -> np.ndarray:
        if self._output_method(member) == "predict":
            return votes(answer, self.classes_)
        seen: Any = getattr(member, "classes_", self.classes_)
        return aligned(answer, seen, self.classes_)

    def _classes_of(self, y: np.ndarray, warm: bool) -> np.ndarray:
        classes = np.unique(y)
        if warm and not np.array_equal(classes, self.classes_):
            raise ValueError(
                f"y has the classes {classes.tolist()}, and the members fitted before have learned "
                f"{self.classes_.tolist()}. Set warm_start=False."
            )
        return classes

    def predict(self, X: MatrixLike) -> np.ndarray:
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
        labels: np.ndarray = self.classes_[average.argmax(axis=1)]
        return labels

    def predict_proba(self, X: MatrixLike) -> np.ndarray:
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

    def predict_log_proba(self, X: MatrixLike) -> np.ndarray:
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
            log_probabilities: np.ndarray = np.log(self.predict_proba(X))
        return log_probabilities

    def predict_members(self, X: MatrixLike) -> np.ndarray:
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

    def predict_uncertainty(self, X: MatrixLike) -> pd.DataFrame:
        """The uncertainty of each row's class, and the part of it that is the members' disagreement.

        The entropy of the average is the members' mean entropy plus the mutual information of class and member:

            H(sum_j w_j p_j) = sum_j w_j H(p_j) + sum_j w_j KL(p_j || sum_i w_i p_i)

        Parameters
        ----------
        X : {array-like, sparse matrix, frame} of shape (n_samples, n_features)
            Rows to classify, as the members take them.

        Returns
        -------
        entropies : pandas.DataFrame of shape (n_samples, 3)
            In nats, from 0 to log(n_classes). `total_entropy` is that of `predict_proba`; `expected_entropy`, the mean
            of the members' own, is what they agree to be uncertain (data or aleatoric uncertainty, which more rows
            would not take away); `knowledge_entropy`, the rest, is their disagreement (mutual information, epistemic
            uncertainty, which more rows would). It is of the members that there are: they may be alike, and wrong.

        References
        ----------
        S. Depeweg et al., "Decomposition of uncertainty in Bayesian deep learning for efficient and risk-sensitive
        learning", ICML, 2018; A. Malinin, M. Gales, "Predictive uncertainty estimation via prior networks", NeurIPS,
        2018.
        """
        X = self._checked(X)
        weights = self._member_weights() / self._member_weights().sum()
        return class_entropies(self._outputs(X), weights, X)

    def _residuals(self, outputs: np.ndarray, y: np.ndarray) -> np.ndarray:
        unknown = np.setdiff1d(y, self.classes_)
        if len(unknown):
            raise ValueError(
                f"y has labels that the ensemble has not seen in fit: {unknown.tolist()}. It has learned "
                f"{self.classes_.tolist()}."
            )
        residuals: np.ndarray = votes(y, self.classes_) - outputs
        return residuals


class PredictionAverage(RegressorScore, EnsembleDiagnostics):
    """An average of predictions."""

    _kind = "regressor"
    _error_name = "mean squared error"

    def _default(self) -> Any:
        return MLPRegressor()

    def _output_method(self, member: object) -> str:
        return "predict"

    def _output(self, member: object, answer: np.ndarray) -> np.ndarray:
        # Of one column, some give it as a column and some do not.
        return answer.reshape(len(answer), *self._output_shape)

    def predict(self, X: MatrixLike) -> np.ndarray:
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

    def predict_members(self, X: MatrixLike) -> np.ndarray:
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

    def predict_uncertainty(self, X: MatrixLike) -> pd.DataFrame:
        """The spread of the members' predictions of each row around their average.

        Parameters
        ----------
        X : {array-like, sparse matrix, frame} of shape (n_samples, n_features)
            Rows to predict, as the members take them.

        Returns
        -------
        spread : pandas.DataFrame of shape (n_samples, n_outputs)
            `member_spread`, the members' standard deviation, sqrt(sum_j w_j (f_j - f)^2) with f the average and weights
            that sum to one, in the units of y; of several outputs `member_spread_0`, `member_spread_1`, ... It tells
            what the members do not know, not the noise of the targets: it is not a predictive interval.
        """
        X = self._checked(X)
        weights = self._member_weights() / self._member_weights().sum()
        return member_spread(np.stack(list(self._outputs(X))), weights, X)

    def _residuals(self, outputs: np.ndarray, y: np.ndarray) -> np.ndarray:
        if y.size != outputs[0].size:
            raise ValueError(f"y has the shape {y.shape}, and the predictions for it have {outputs.shape[1:]}.")
        residuals: np.ndarray = y.astype(np.float64).reshape(len(y), -1) - outputs.reshape(*outputs.shape[:2], -1)
        residuals = residuals / np.sqrt(residuals.shape[2])  # so that the sum over outputs is their mean
        return residuals

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        members = [member for member in map(tags_of, self._templates()) if member is not None]
        tags.target_tags.multi_output = bool(members) and all(member.target_tags.multi_output for member in members)
        return tags


def aligned(probabilities: np.ndarray, seen: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """Columns of the classes that a member has seen, among those of all classes; the others are zero."""
    if len(seen) == len(classes):
        return probabilities
    full = np.zeros((len(probabilities), len(classes)), probabilities.dtype)
    full[:, np.searchsorted(classes, seen)] = probabilities
    return full


def votes(labels: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """Predicted labels as probabilities of zero and one."""
    indicators: np.ndarray = (labels[:, None] == classes).astype(np.float64)
    return indicators
