"""Predictions that are known already, as an estimator that scorers of scikit-learn can ask."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.metrics import check_scoring, get_scorer_names

from skdl._warnings import in_turn
from skdl._words import nearest


class KnownProbabilities(ClassifierMixin, BaseEstimator):
    """A classifier whose rows are given by their numbers.

    Parameters
    ----------
    classes_ : array of shape (C,)
    probabilities : array of shape (n, C)
    """

    def __init__(self, classes_: np.ndarray, probabilities: np.ndarray):
        self.classes_ = classes_
        self.probabilities = probabilities

    def fit(self, X: Any, y: Any) -> KnownProbabilities:
        return self

    def predict_proba(self, rows: np.ndarray) -> np.ndarray:
        found: np.ndarray = self.probabilities[rows]
        return found

    def predict(self, rows: np.ndarray) -> np.ndarray:
        labels: np.ndarray = self.classes_[self.probabilities[rows].argmax(axis=1)]
        return labels


class KnownValues(RegressorMixin, BaseEstimator):
    """A regressor whose rows are given by their numbers.

    Parameters
    ----------
    values : array of shape (n, ...)
    """

    def __init__(self, values: np.ndarray):
        self.values = values

    def fit(self, X: Any, y: Any) -> KnownValues:
        return self

    def predict(self, rows: np.ndarray) -> np.ndarray:
        found: np.ndarray = self.values[rows]
        return found


def scorer_of(scoring: Any, example: Any) -> Callable[..., float]:
    """The scorer that the parameter `scoring` names, for estimators like the example."""
    if isinstance(scoring, str) and scoring not in get_scorer_names():
        raise ValueError(
            f"scoring={scoring!r} is not the name of a scorer of scikit-learn."
            f"{nearest(scoring, list(get_scorer_names()))} sklearn.metrics.get_scorer_names() lists them."
        )
    found: Callable[..., float] = in_turn(check_scoring(example, scoring=scoring))
    return found
