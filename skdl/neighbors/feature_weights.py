"""Weights of the columns in a distance: their roots multiply the columns, once, so that every search stays as it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from scipy import sparse

from skdl._words import nearest
from skdl.neighbors.metrics.metric import Metric, Minkowski, NanMinkowski


class ColumnFactors(NamedTuple):
    """The factors of the columns that count, for differences of Minkowski's order p."""

    weights: np.ndarray  # (n_features,) as they were given
    kept: np.ndarray  # indices of those that are not zero
    factors: np.ndarray  # (kept,) the p-th roots of these
    categorical: np.ndarray  # (kept,) whether they hold codes of categories, which are compared and not subtracted

    def apply(self, X: Any) -> Any:
        """Rows with the columns that count, in float64, times their factors but for those of categories."""
        factors = np.where(self.categorical, 1.0, self.factors)
        X = X if len(self.kept) == X.shape[1] else X[:, self.kept]
        if sparse.issparse(X):
            scaled = sparse.csr_matrix(X.astype(np.float64) @ sparse.diags_array(factors))
            values = scaled.data
        else:
            with np.errstate(over="ignore"):
                scaled = values = X.astype(np.float64) * factors
        if np.isinf(values).any():
            raise ValueError("Columns times the roots of their feature_weights overflow float64. Give smaller weights.")
        return scaled

    def metric(self, metric: Metric) -> Metric:
        """The metric, which was made for these columns, with the weights of its categories."""
        of_categories = self.factors[self.categorical]
        if isinstance(metric, NanMinkowski) and (of_categories != 1).any():
            return NanMinkowski(metric.p, metric.categorical, of_categories)
        return metric


def read_column_factors(estimator: Any, metric: Metric, n_features: int) -> ColumnFactors | None:
    """The parameter `feature_weights`, for rows of `n_features` columns; None where all columns count alike."""
    given = estimator.feature_weights
    if given is None:
        return None
    if not isinstance(metric, (Minkowski, NanMinkowski)) or estimator.metric_params:
        has_w = bool(estimator.metric_params)
        wrong = f"metric_params={estimator.metric_params!r}" if has_w else f"metric={estimator.metric!r}"
        raise ValueError(
            "feature_weights are for the metrics 'euclidean', 'manhattan', 'chebyshev', 'minkowski' and 'nan_euclidean'"
            f", without metric_params. Got {wrong}."
        )
    weights = _by_name(estimator, given) if isinstance(given, Mapping) else _by_number(estimator, given, n_features)
    p = metric.exponent if isinstance(metric, Minkowski) else metric.p
    kept = np.flatnonzero(weights)
    schema = estimator._schema
    columns = None if schema is None else schema.columns
    categorical = np.zeros(n_features, dtype=bool) if columns is None else np.array(columns.n_categories) > 0
    return ColumnFactors(weights, kept, weights[kept] ** (1.0 if p == np.inf else 1.0 / p), categorical[kept])


def _by_name(estimator: Any, given: Mapping[str, Any]) -> np.ndarray:
    names = getattr(estimator, "feature_names_in_", None)
    if names is None:
        raise ValueError(
            "feature_weights by name need a frame, whose columns have names. Give an array, a weight for each."
        )
    known = names.tolist()
    unknown = [name for name in given if name not in known]
    if unknown:
        raise ValueError(f"feature_weights has {unknown[0]!r}, which X has not.{nearest(str(unknown[0]), known)}")
    return _checked([given.get(name, 1.0) for name in known], "a dict with numbers in the range [0, inf)", given)


def _by_number(estimator: Any, given: Any, n_features: int) -> np.ndarray:
    expected = f"an array of {n_features} numbers in the range [0, inf), one for each column"
    if np.shape(given) == getattr(estimator, "image_shape_", None):
        given = np.ravel(given)
    if np.shape(given) != (n_features,):
        raise ValueError(f"The 'feature_weights' parameter must be {expected}. Got the shape {np.shape(given)}.")
    return _checked(given, expected, given)


def _checked(values: Any, expected: str, given: Any) -> np.ndarray:
    try:
        weights = np.array(values, dtype=np.float64)
    except (TypeError, ValueError):
        weights = np.full(1, np.nan)
    if not (np.isfinite(weights) & (weights >= 0)).all() or not weights.any():
        raise ValueError(f"The 'feature_weights' parameter must be {expected}, not all of them zero. Got {given!r}.")
    return weights
