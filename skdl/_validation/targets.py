"""Targets, labels and weights of rows, checked, as arrays."""

from __future__ import annotations

import numbers
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.exceptions import DataConversionWarning
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_consistent_length

from skdl._diagnosis import is_frame
from skdl._encoding import plain_labels, unique_labels
from skdl._validation.rows import check_array, check_rows, validate, validate_training_X
from skdl._warnings import in_turn, warn

check_classification_targets = in_turn(check_classification_targets)  # it changes the filters of warnings for a moment


def validate_regression(estimator: Any, X: Any, y: Any, *, reset: bool = True, **checks: Any) -> tuple[Any, np.ndarray]:
    """X and real targets, one row each; y keeps its one or two dimensions and has X's precision."""
    if sparse.issparse(y):
        raise ValueError("y must be dense. Got a sparse matrix: use y.toarray().")
    X, y = validate(estimator, X, y, reset=reset, multi_output=True, **checks)
    return X, _real_targets(y, X.dtype)


def _real_targets(y: np.ndarray, dtype: Any) -> np.ndarray:
    """The targets as reals: strings are an error even where they spell numbers, as is what overflows X's precision."""
    try:
        if y.dtype.kind not in "biufO" or (y.dtype.kind == "O" and any(isinstance(value, str) for value in y.flat)):
            raise TypeError
        with np.errstate(over="ignore"):
            real = np.ascontiguousarray(y, dtype=dtype)
    except (TypeError, ValueError):
        raise ValueError(f"y must hold real numbers. Got values of type {y.dtype}, such as {y.flat[0]!r}.") from None
    if not np.isfinite(real).all():
        raise ValueError(f"y must be finite in X's precision, {dtype}. It holds NaN, infinity or too large a value.")
    return real


def validate_labels(estimator: Any, X: Any, y: Any, *, reset: bool = True, **checks: Any) -> tuple[Any, np.ndarray]:
    """X, and labels (n,), or columns (n, n_columns >= 2) of labels, probabilities or zeros and ones, as an array."""
    X, y = validate(estimator, X, plain_labels(y), reset=reset, multi_output=True, **checks)
    return X, _checked_labels(_one_column(y))


def validate_tasks(estimator: Any, X: Any, y: np.ndarray, *, reset: bool = True, **checks: Any) -> Any:
    """X, for a y of several tasks, see `skdl._encoding.Tasks`, with a row for each of X's."""
    X = validate_training_X(estimator, X, reset=reset, **checks)
    check_rows(X, y)
    return X


def label_array(y: Any) -> np.ndarray:
    """True labels, to be compared with predictions: of every kind that a fit takes, as the fit sees them."""
    y = plain_labels(y)
    y = y.toarray() if sparse.issparse(y) else np.asarray(y)
    return y[:, 0] if y.ndim == 2 and y.shape[1] == 1 else _whole(y)


def _one_column(y: Any) -> np.ndarray:
    y = y.toarray() if sparse.issparse(y) else np.asarray(y)
    return _raveled(y) if y.ndim == 2 and y.shape[1] == 1 else y


def _raveled(y: np.ndarray) -> np.ndarray:
    """Targets of one dimension; a column of them becomes so, with a warning."""
    if y.ndim == 2:
        warn(
            "A column-vector y was passed when a 1d array was expected. Please change the shape of y to (n_samples, ), "
            "for example using ravel().",
            DataConversionWarning,
        )
    return y.ravel()


def _checked_labels(y: np.ndarray) -> np.ndarray:
    """Labels that are known to be complete."""
    if y.ndim == 2:
        return _whole(y)
    if y.dtype == object:
        labels = unique_labels(y)  # scikit-learn would give up on labels of different types with a TypeError
        if 2 * len(labels) < len(y) and all(isinstance(label, str) for label in labels):
            return y  # that is what scikit-learn would find, by sorting all of them
    if y.dtype.kind in "biu" and len(y) and 2 * (int(y.max()) - int(y.min()) + 1) <= len(y):
        return y  # whole numbers, few in comparison: the check would sort them to find nothing against them
    check_classification_targets(y)
    return y


def _whole(y: np.ndarray) -> np.ndarray:
    """Columns of labels; whole numbers that came as objects as numbers."""
    whole = y.dtype == object and all(isinstance(value, (bool, np.bool_, numbers.Integral)) for value in y.flat)
    return np.array(y.tolist()) if whole else y


def named_columns(y: Any) -> np.ndarray | None:
    """The names of a frame's columns, where it has several."""
    return np.asarray(y.columns) if is_frame(y) and y.shape[1] > 1 else None


def validate_targets(estimator: Any, X: Any, y: Any, *, multi_output: bool = False) -> np.ndarray:
    """Targets as an array of any type with a row for each of X's, for members that check it further."""
    if y is None:
        raise ValueError(
            f"This {type(estimator).__name__} estimator requires y to be passed, but the target y is None."
        )
    targets: np.ndarray = check_array(y, ensure_2d=False, dtype=None, input_name="y")
    if not multi_output:
        if targets.ndim == 2 and targets.shape[1] > 1:
            raise ValueError(
                f"{type(estimator).__name__} takes a single target for each row. Got y of shape {targets.shape}; y "
                "should be a 1d array."
            )
        targets = _raveled(targets)
    check_consistent_length(X, targets)
    return targets


def validate_label_targets(estimator: Any, X: Any, y: Any) -> np.ndarray:
    """One label for each row of X as an array, for members that check X themselves."""
    return _checked_labels(validate_targets(estimator, X, plain_labels(y)))


def validate_sample_weight(sample_weight: Any, X: Any, dtype: Any = np.float64) -> np.ndarray | None:
    """Weights of the rows of X as an (n,) array, or None for equal weights."""
    n_samples = X.shape[0]
    if sample_weight is None:
        return None
    if isinstance(sample_weight, numbers.Real):
        weight = np.full(n_samples, sample_weight, dtype=dtype)
    else:
        weight = check_array(sample_weight, ensure_2d=False, dtype=dtype, input_name="sample_weight")
        if weight.ndim != 1:
            raise ValueError(f"sample_weight must be 1D or a number. Got an array of {weight.ndim} dimensions.")
        check_consistent_length(X, weight)
    if not ((weight >= 0) & (weight < np.inf)).all():
        raise ValueError("sample_weight must hold values in the range [0, inf).")
    if not weight.any():  # their sum may be too large for a float
        raise ValueError("sample_weight must have a positive sum: all of its values are zero.")
    return weight


def validate_groups(groups: Any, X: Any) -> np.ndarray | None:
    """The groups of the rows of X as an (n,) array, or None where there are none."""
    if groups is None:
        return None
    found: np.ndarray = check_array(groups, ensure_2d=False, dtype=None, input_name="groups")
    check_consistent_length(X, found)
    return found


def target_array(y: Any) -> np.ndarray:
    """True targets as an array of finite numbers, to be compared with predictions."""
    targets: np.ndarray = check_array(y, ensure_2d=False, dtype="numeric", input_name="y")
    return targets


def in_units(weight: np.ndarray) -> np.ndarray:
    """Weights times a power of two that puts the largest into [1, 2): the sum is a number, ratios keep their bits."""
    scaled: np.ndarray = np.ldexp(weight, 1 - np.frexp(weight.max())[1])
    return scaled
