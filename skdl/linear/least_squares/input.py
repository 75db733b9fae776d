"""Validation of what users pass to least squares."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from scipy import sparse

from skdl._diagnosis import column_name
from skdl._table_input import learn_table, read_table
from skdl._validation import require_finite, validate_regression, validate_sample_weight
from skdl.linear.design import encoded_names
from skdl.linear.least_squares.problem import Problem, Setting
from skdl.neural._standardize import largest_numbers

LARGEST = 2.0**1000


def read_problem(estimator: Any, X: Any, y: Any, sample_weight: Any, *, reset: bool) -> tuple[Problem, bool]:
    """The problem, and True if y had one dimension.

    X is taken in any order, and whether it is finite is for the solvers to check: one that sums over X sees it for
    free. What a weight of zero hides, no sum would show.
    """
    X, table = learn_table(estimator, X, sample_weight) if reset else read_table(estimator, X)
    # NaN that is not allowed is the solvers' to find; a design would fill it in.
    finite = not (reset or table) and estimator._schema is not None
    table |= {"accept_sparse": "csr", "order": None, "ensure_all_finite": finite}
    X, y = validate_regression(estimator, X, y, reset=reset, **table)
    weight = validate_sample_weight(sample_weight, X)
    if weight is not None and not weight.all():
        require_finite(estimator, X, allow_nan=estimator._schema is not None)
    X, y, weight = drop_zero_weights(X, y, weight)
    unit = 1.0 if weight is None else float(weight.max())
    outputs = y.reshape(len(y), -1)
    alpha, fit_intercept = read_alpha(estimator.alpha, X.shape[1], outputs.shape[1]), bool(estimator.fit_intercept)
    if reset:
        estimator._make_design(X, weight, alpha, has_level=fit_intercept)
    X, design = estimator._in_design(X), estimator._design
    if design is not None and np.ndim(alpha) > 0:
        alpha = np.asarray(alpha)[design.source]
    share = estimator._l1_share()
    setting = Setting(
        alpha * (1.0 - share) if share else alpha,
        read_prior(estimator.prior, X.shape[1], outputs.shape[1]),
        fit_intercept,
        float(np.finfo(X.dtype).eps),
        bool(estimator.positive),
        alpha * share if share else 0.0,
    )
    weight = None if weight is None else weight / unit
    if float(np.abs(y).max()) > LARGEST:
        raise ValueError(f"y holds {y.flat[np.abs(y).argmax()]:.3g}; sums of such numbers overflow float64. Scale y.")
    return Problem(X, outputs, weight, unit, setting, partial(check_values, estimator, X)), y.ndim == 1


def check_values(estimator: Any, X: Any) -> None:
    """Raise if X holds what is not finite, or is so large that sums would not be."""
    require_finite(estimator, X)
    data = X.data if sparse.issparse(X) else X
    if data.size and float(max(data.max(), -data.min())) > LARGEST:
        sizes, names = largest_numbers(X), _names_of_columns(estimator)
        raise ValueError(
            f"{column_name(names, int(sizes.argmax()))} holds {sizes.max():.4g}; sums of such numbers overflow "
            "float64. Replace values that stand for missing or infinite ones (as numpy.nan_to_num writes them), or "
            "divide the column by a constant."
        )


def check_coefficients(estimator: Any, problem: Problem, coef: np.ndarray, dtype: np.dtype) -> None:
    """Raise if the coefficients (d, k) for columns and targets of such sizes are out of the range of `dtype`."""
    info = np.finfo(dtype)
    outside = ~np.isfinite(coef) | (np.abs(coef) < info.tiny)
    if not outside.any():
        return
    x_size, y_size = largest_numbers(problem.X).astype(np.float64), np.abs(problem.targets).max(axis=0)
    ratio = np.frexp(y_size)[1] - np.frexp(x_size)[1][:, None]  # of which a coefficient is about two to this power
    ratio[x_size == 0] = 0
    ratio[:, y_size == 0] = 0
    wrong = ~np.isfinite(coef) | (outside & (ratio < info.minexp))
    if not wrong.any():
        return
    names = _names_of_columns(estimator)
    j, output = np.unravel_index(np.where(wrong, np.abs(ratio), -1).argmax(), ratio.shape)
    raise ValueError(
        f"{column_name(names, int(j))} reaches {x_size[j]:.2g} and y {y_size[output]:.2g}: coefficients for "
        f"such sizes are out of the range of {dtype}. Scale X or y, as by StandardScaler."
    )


def _names_of_columns(estimator: Any) -> Any:
    """Names of the columns that the coefficients belong to, None where X's have none."""
    return encoded_names(estimator) if hasattr(estimator, "feature_names_in_") else None


def drop_zero_weights(X: Any, y: np.ndarray, weight: np.ndarray | None) -> tuple[Any, np.ndarray, np.ndarray | None]:
    """The rows whose weight is not zero, so that the others influence nothing, not even by rounding."""
    if weight is None or (weight > 0).all():
        return X, y, weight
    used = weight > 0
    return X[used], y[used], weight[used]


def read_alpha(alpha: Any, n_features: int, n_outputs: int) -> float | np.ndarray:
    """The parameter `alpha`, one number or one for each feature; for (1, n_features), no other reading is possible."""
    if np.ndim(alpha) == 0:
        return float(alpha)
    try:
        factors = np.asarray(alpha, dtype=np.float64)
    except (TypeError, ValueError):
        factors = np.full(1, np.nan)
    by_feature = factors.shape in {(n_features,), (1, n_features)}
    if not by_feature or not ((factors >= 0) & (factors < np.inf)).all():
        of_targets = factors.shape in {(n_outputs,), (n_outputs, 1)} and n_outputs > 1
        advice = " For one alpha per target, fit each target separately." if of_targets else ""
        raise ValueError(
            f"The 'alpha' parameter must be a number in the range [0, inf) or an array of {n_features} such numbers, "
            f"one for each feature. Got {alpha!r}.{advice}"
        )
    if factors.shape == (n_outputs,) and n_outputs > 1:
        raise ValueError(
            f"The 'alpha' parameter has {n_outputs} entries, and X has as many features as y has targets. For one for "
            f"each feature, give it the shape (1, {n_features}); for one per target, fit each target separately."
        )
    return factors.reshape(n_features)


def read_prior(prior: Any, n_features: int, n_outputs: int) -> np.ndarray | None:
    """The parameter `prior` of the shape (n_features, n_outputs)."""
    if prior is None:
        return None
    try:
        coef = np.asarray(prior, dtype=np.float64)
    except (TypeError, ValueError):
        coef = np.full(1, np.nan)
    if coef.shape not in {(n_features,), (n_outputs, n_features)} or not np.isfinite(coef).all():
        raise ValueError(
            f"The 'prior' parameter must hold finite coefficients of shape ({n_features},) or ({n_outputs}, "
            f"{n_features}), as coef_ does. Got {prior!r}."
        )
    return np.ascontiguousarray(np.broadcast_to(coef, (n_outputs, n_features)).T)
