"""The metric that the parameters `metric`, `p` and `metric_params` of an estimator choose together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.exceptions import DataConversionWarning

from skdl._constraints import Constraint, Real
from skdl._table_input import has_holes
from skdl._warnings import warn
from skdl.neighbors.metrics.metric import Cosine, Metric, Minkowski, NanMinkowski
from skdl.neighbors.metrics.pairwise import BOOLEAN, CallableMetric, PrecomputedMetric, ScipyMetric
from skdl.tables import TableSchema

ORDERS = {"euclidean": 2.0, "manhattan": 1.0, "chebyshev": np.inf}
ALIASES = {"l2": "euclidean", "l1": "manhattan", "cityblock": "manhattan", "infinity": "chebyshev", "p": "minkowski"}
OTHERS = {"cosine": Cosine(), "nan_euclidean": NanMinkowski(), "precomputed": PrecomputedMetric()}
WEIGHTED = ("braycurtis", "canberra", "hamming", *BOOLEAN)
NAMES = ("minkowski", *ORDERS, *OTHERS, "mahalanobis", "seuclidean", *WEIGHTED, *ALIASES)
P_UNSET = 2  # the default: what the metrics without an order must leave p at


class MinkowskiOrder(Real):
    """A real number of at least 1, or infinity."""

    def __init__(self) -> None:
        super().__init__(low=1)

    def accepts(self, value: Any) -> bool:
        return super().accepts(value) or (isinstance(value, (float, np.floating)) and value == np.inf)

    def __str__(self) -> str:
        return "a float in the range [1, inf], infinity included"


class MetricParameters(Constraint):
    """A dict of keyword arguments."""

    def accepts(self, value: Any) -> bool:
        return isinstance(value, Mapping) and all(isinstance(name, str) for name in value)

    def __str__(self) -> str:
        return "a dict with the names of parameters as keys"


def canonical_name(name: str) -> str:
    return ALIASES.get(name, name)


def resolve_metric(estimator: Any, n_features: int | None = None) -> Metric:
    """The metric of the parameters, which `check_params` has passed; `n_features` checks the sizes of arrays too."""
    metric, p, given = estimator.metric, estimator.p, dict(estimator.metric_params or {})
    name = None if callable(metric) else canonical_name(metric)
    if name != "minkowski" and p not in (P_UNSET, ORDERS.get(name or "")):
        raise ValueError(
            f"p is the order of metric='minkowski' and has no effect with metric={metric!r}. Got p={p!r}: use "
            f"metric='minkowski', or leave p at {P_UNSET}."
        )
    if name is None:
        return CallableMetric(metric, given)
    allowed = allowed_parameters(name)
    unknown = sorted(set(given) - set(allowed))
    if "p" in unknown and name == "minkowski":
        raise ValueError("The order of metric='minkowski' is the parameter p. Remove it from metric_params.")
    if unknown:
        takes = f"takes {' or '.join(map(repr, allowed))}" if allowed else "takes no parameters"
        raise ValueError(f"metric={metric!r} {takes} in metric_params. Got {', '.join(map(repr, unknown))}.")
    if name in ORDERS:
        return Minkowski(ORDERS[name])
    if name in OTHERS:
        return OTHERS[name]
    if name == "minkowski" and not given:
        return Minkowski(p)
    if name == "minkowski" and p == np.inf:
        raise ValueError(
            "metric='minkowski' with p=inf does not take weights 'w' in metric_params. Scale the columns instead."
        )
    if name == "minkowski":
        return ScipyMetric(name, {"p": p, "w": column_weights(given, n_features)})
    if name == "mahalanobis":
        return ScipyMetric(name, {"VI": inverse_covariance(given, n_features)})
    if name == "seuclidean":
        return ScipyMetric(name, {"V": variances(given, n_features)})
    return ScipyMetric(name, {"w": column_weights(given, n_features)} if given else {})


def metric_of_table(metric: Metric, schema: TableSchema | None, X: Any, kept: np.ndarray | None = None) -> Metric:
    """The metric for rows X of a table, which may hold codes of categories, and NaN; X may have kept some columns."""
    if schema is None or sparse.issparse(X):
        return metric
    columns = schema.columns
    counts = np.zeros(X.shape[1]) if columns is None else np.array(columns.n_categories)
    categorical = np.flatnonzero(counts if kept is None or columns is None else counts[kept])
    if not categorical.size and (isinstance(metric, NanMinkowski) or not has_holes(X)):
        return metric
    if not isinstance(metric, (Minkowski, NanMinkowski)):
        j = int(categorical[0]) if categorical.size else int(np.isnan(X).any(axis=0).argmax())
        raise ValueError(
            f"X holds {'categories' if categorical.size else 'missing numbers'} in {schema.name(j)}, which only the "
            "metrics 'euclidean', 'manhattan', 'chebyshev', 'minkowski' and 'nan_euclidean' take. Choose one of them, "
            f"or encode the column before."
        )
    return NanMinkowski(metric.exponent if isinstance(metric, Minkowski) else metric.p, categorical)


def allowed_parameters(name: str) -> tuple[str, ...]:
    if name == "mahalanobis":
        return "V", "VI"
    if name == "seuclidean":
        return ("V",)
    return ("w",) if name == "minkowski" or name in WEIGHTED else ()


def column_weights(given: Mapping[str, Any], n_features: int | None) -> np.ndarray:
    weights = real_array(given["w"], "w", 1, n_features)
    if not (weights >= 0).all() or not weights.sum() > 0:
        raise ValueError("metric_params['w'] must hold a weight of at least 0 for each column, and not only zeros.")
    return weights


def variances(given: Mapping[str, Any], n_features: int | None) -> np.ndarray:
    if "V" not in given:
        raise ValueError(
            "metric='seuclidean' needs the variances of the columns: metric_params={'V': np.var(X, axis=0, ddof=1)}."
        )
    V = real_array(given["V"], "V", 1, n_features)
    if not (V > 0).all():
        raise ValueError(
            "metric_params['V'] must hold a positive variance for each column. Leave constant columns out."
        )
    return V


def inverse_covariance(given: Mapping[str, Any], n_features: int | None) -> np.ndarray:
    if len(given) != 1:
        raise ValueError(
            "metric='mahalanobis' needs metric_params={'VI': inverse covariance matrix} or {'V': covariance matrix}, "
            f"such as {{'V': np.cov(X, rowvar=False)}}. Got {'both' if given else 'neither'}."
        )
    ((name, value),) = given.items()
    matrix = real_array(value, name, 2, n_features)
    if not np.allclose(matrix, matrix.T, rtol=1e-8, atol=1e-12 * np.abs(matrix).max()):
        raise ValueError(f"metric_params[{name!r}] must be symmetric.")
    values = np.linalg.eigvalsh(matrix)
    least = -1e-10 * np.abs(values).max() if name == "VI" else 1e-14 * np.abs(values).max()
    if not values.min() >= least or not values.max() > 0:
        kind = (
            "positive semidefinite"
            if name == "VI"
            else "positive definite; a column that depends linearly on others must be left out"
        )
        raise ValueError(f"metric_params[{name!r}] must be {kind}.")
    return matrix if name == "VI" else np.linalg.inv(matrix)


def real_array(value: Any, name: str, ndim: int, n_features: int | None) -> np.ndarray:
    try:
        array = np.ascontiguousarray(value, dtype=np.float64)
    except (TypeError, ValueError):
        array = np.full(0, np.nan)
    if array.ndim != ndim or not np.isfinite(array).all() or array.size == 0:
        raise ValueError(f"metric_params[{name!r}] must be an array of finite numbers with {ndim} dimension(s).")
    if n_features is not None and array.shape != (n_features,) * ndim:
        raise ValueError(
            f"metric_params[{name!r}] must have the shape {(n_features,) * ndim}, as X has {n_features} columns. "
            f"Got {array.shape}."
        )
    return array


def effective_metric(estimator: Any, metric: Metric) -> tuple[Any, dict[str, Any]]:
    """The canonical name of the metric, and its parameters."""
    if callable(estimator.metric):
        return estimator.metric, dict(estimator.metric_params or {})
    own = canonical_name(estimator.metric)
    if isinstance(metric, Minkowski) or (isinstance(metric, NanMinkowski) and own != "nan_euclidean"):
        names = {order: name for name, order in ORDERS.items()}
        order = metric.exponent if isinstance(metric, Minkowski) else metric.p
        return (names[order], {}) if order in names else ("minkowski", {"p": order})
    return own, dict(getattr(metric, "parameters", {}))


def takes_sparse(metric: Metric) -> bool:
    return isinstance(metric, (Cosine, PrecomputedMetric)) or metric.exponent == 2


def check_format(X: Any, metric: Metric) -> None:
    """Refuse, before validation converts them, sparse matrices that may have dropped distances of zero."""
    if isinstance(metric, PrecomputedMetric) and sparse.issparse(X) and X.format in ("bsr", "dok"):
        raise TypeError(
            f"Sparse distances in the format {X.format!r} are not supported due to its handling of explicit zeros, "
            "which are the nearest: give them as CSR."
        )


def check_rows(X: Any, metric: Metric, *, training: bool) -> None:
    """Check what a metric demands of a validated X besides finite numbers."""
    if sparse.issparse(X) and not takes_sparse(metric):
        raise ValueError(
            "Sparse X works only with the metrics 'euclidean' and 'cosine': use one of them, or pass X.toarray()."
        )
    if isinstance(metric, PrecomputedMetric):
        values = X.data if sparse.issparse(X) else X
        if training and X.shape[0] != X.shape[1]:
            raise ValueError(
                "With metric='precomputed', X in fit must be square: the distances of each row from each row. "
                f"Got shape {X.shape}."
            )
        if values.size and values.min() < 0:
            raise ValueError(
                "With metric='precomputed', X must hold distances, which are not negative. Got a negative value."
            )
    elif training and isinstance(metric, ScipyMetric) and metric.is_boolean and not ((X == 0) | (X == 1)).all():
        warn(
            f"X holds values other than 0 and 1: metric={metric.name!r} treats every nonzero value as True.",
            DataConversionWarning,
        )
