"""Metrics without a bound: SciPy's, a function of the user's, and distances that are given."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from scipy.spatial.distance import cdist

from skdl.neighbors.metrics.metric import Metric

OF_POWERS = ("minkowski", "mahalanobis", "seuclidean")
RATIOS = ("braycurtis", "canberra")  # whose sums may overflow
BOOLEAN = ("dice", "jaccard", "rogerstanimoto", "russellrao", "sokalsneath", "yule")


class PairwiseMetric(Metric):
    """A metric that gives the distances of many rows from many others."""

    name: str

    @abstractmethod
    def pairwise(self, Q: np.ndarray, X: np.ndarray) -> np.ndarray:
        """The distance of Q[i] to X[j] at [i, j], rows as `represent` made them."""

    def between(self, A: np.ndarray, B: np.ndarray) -> np.ndarray:
        pairs = [self.pairwise(a[None], b[None])[0, 0] for a, b in zip(A, B, strict=True)]
        return np.array(pairs, dtype=np.float64)


class ScipyMetric(PairwiseMetric):
    """A metric of `scipy.spatial.distance.cdist`, which computes each pair by itself, wherever its rows stand."""

    def __init__(self, name: str, parameters: Mapping[str, Any]):
        self.name, self.parameters = name, dict(parameters)
        self.is_boolean = name in BOOLEAN

    def represent(self, X: np.ndarray) -> np.ndarray:
        if self.is_boolean:
            return np.asarray(X != 0)
        X = X.astype(np.float64, copy=False)
        return X / np.sqrt(self.parameters["V"]) if self.name == "seuclidean" else X

    def pairwise(self, Q: np.ndarray, X: np.ndarray) -> np.ndarray:
        if self.name == "seuclidean":
            return np.asarray(cdist(Q, X, "euclidean"))
        inverse = self.parameters.get("VI")
        if inverse is not None and np.shape(inverse) != (X.shape[1], X.shape[1]):  # scipy would read what is not there
            raise ValueError(f"VI must have the shape {(X.shape[1], X.shape[1])}. Got {np.shape(inverse)}.")
        with np.errstate(over="ignore", under="ignore", invalid="ignore", divide="ignore"):
            distances = cdist(Q, X, self.name, **self.parameters)
        if self.name == "braycurtis":  # two rows of zeros are equal, though 0 / 0 is not a number
            i, j = np.nonzero(np.isnan(distances))
            distances[i, j] = np.where((Q[i] == 0).all(axis=1) & (X[j] == 0).all(axis=1), 0, np.nan)
        return np.asarray(distances)


class CallableMetric(PairwiseMetric):
    """A user's function of two vectors and keyword arguments."""

    def __init__(self, function: Callable[..., float], parameters: Mapping[str, Any] | None = None):
        self.function, self.parameters = function, dict(parameters or {})
        self.name = getattr(function, "__name__", type(function).__name__)

    def pairwise(self, Q: np.ndarray, X: np.ndarray) -> np.ndarray:
        pairs = [[self.function(q, x, **self.parameters) for x in X] for q in Q]
        distances = np.array(pairs, dtype=np.float64)
        if distances.ndim != 2 or not (distances >= 0).all():
            raise ValueError("The callable 'metric' must return a number in the range [0, inf), not NaN or an array.")
        return distances


class PrecomputedMetric(Metric):
    """X holds the distances: of each query (row) from each row of `fit` (column)."""

    def between(self, A: Any, B: Any) -> np.ndarray:
        raise TypeError("The distances are given.")
