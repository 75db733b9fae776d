"""The rows of X, checked, as arrays of floats."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.utils import assert_all_finite, check_array, check_X_y
from sklearn.utils.validation import check_consistent_length, check_is_fitted, validate_data

from skdl._array import laid_out
from skdl._diagnosis import about_overflow, explanation, is_frame, refuse_dates
from skdl._validation.images import rows_of_images
from skdl._warnings import in_turn, warn
from skdl.tables import TableSchema, holds_plain_numbers, in_order, is_table

# They change the filters of warnings for a moment.
check_array, check_X_y, validate_data = map(in_turn, (check_array, check_X_y, validate_data))  # noqa: N816

FLOATS = (np.float64, np.float32)  # float32 stays float32, every other type becomes float64
FLOAT_TYPES = tuple(map(np.dtype, FLOATS))


def _as_it_is(X: Any) -> Any:
    return X


def validate_training_X(estimator: Any, X: Any, *, reset: bool = True, **checks: Any) -> Any:
    """X as a C-ordered array (or CSR matrix) of floats; sets or checks `n_features_in_` and `feature_names_in_`.

    The order matters: a frame's columns are contiguous, and gathering rows from them is about 20x slower.
    """
    return validate(estimator, X, reset=reset, **checks)


def validate(
    estimator: Any,
    X: Any,
    *y: Any,
    reset: bool,
    table: TableSchema | None = None,
    shared: Callable[[Any], Any] = _as_it_is,
    **checks: Any,
) -> Any:
    """X, and y if it is given, as scikit-learn validates them.

    Of a frame of floats it gets the values: it would look at the type of each column, several times, which takes longer
    than all else. Of a `table` it gets what its schema makes of it. A frame's values may be those that `shared` gives
    for them.
    """
    checks = {"dtype": FLOATS, "order": "C", **checks}
    values = None
    X = rows_of_images(estimator, X, reset=reset)
    if table is None:
        refuse_dates(X)
        X = _filled(X)
    else:
        X = X if hasattr(X, "shape") else np.asarray(X, dtype=object)  # strings would be made of a list's numbers
        values = table.transform(X)
        X = table.ordered(X)
    with np.errstate(invalid="ignore"):  # scikit-learn's sum of large numbers, which is to find NaN
        try:
            return _validated(estimator, X, *y, values=values, reset=reset, shared=shared, checks=checks)
        except (ValueError, TypeError) as error:
            given = X if values is None else values
            raise _explained(error, estimator, given, checks.get("ensure_all_finite", True)) from None


def _validated(
    estimator: Any,
    X: Any,
    *y: Any,
    values: np.ndarray | None,
    reset: bool,
    shared: Callable[[Any], Any],
    checks: dict[str, Any],
) -> Any:
    finite = checks.get("ensure_all_finite", True)
    checks = {**checks, "ensure_all_finite": False}
    values = _floats_of(X) if values is None else values
    if values is None:
        X, checks = laid_out(X, checks)
        share = is_frame(X)
        if _passes(X, *y) and (reset or _has_columns_of_fit(estimator, X)):
            if reset:
                _set_columns(estimator, X)
            found = (X, *y) if y else X
        else:
            found = validate_data(estimator, X, *y, reset=reset, **checks)
    else:
        _check_columns(estimator, X, reset=reset)
        values, checks = laid_out(shared(values), checks)
        share, y = False, tuple(map(_values_of, y))
        if _passes(values, *y):
            found = (values, *y) if y else values
        elif not y:
            found = check_array(values, estimator=estimator, input_name="X", **checks)
        else:
            found = check_X_y(values, *y, estimator=estimator, **checks)
    rows, *rest = found if y else (found,)
    _require_finite(estimator, rows, finite)
    rows = shared(rows) if share else rows
    return (rows, *rest) if y else rows


def _passes(X: Any, *y: Any) -> bool:
    """True for laid out rows, and targets, that scikit-learn's checks give back as they are.

    To ask them takes about as long as a small network takes for a row.
    """
    is_matrix = type(X) is np.ndarray and X.ndim == 2 and X.dtype in FLOAT_TYPES and X.size > 0
    return is_matrix and all(_are_numbers(targets) and len(targets) == len(X) for targets in y)


def _are_numbers(y: Any) -> bool:
    """True for an array of one or two dimensions of finite numbers."""
    is_array = type(y) is np.ndarray and y.ndim in (1, 2) and y.size > 0
    return is_array and (y.dtype.kind in "biu" or _has_finite_sum(y))


def _has_columns_of_fit(estimator: Any, X: np.ndarray) -> bool:
    return X.shape[1] == estimator.n_features_in_ and not hasattr(estimator, "feature_names_in_")


def _set_columns(estimator: Any, X: np.ndarray) -> None:
    """Those of an array, which have no names."""
    estimator.n_features_in_ = X.shape[1]
    vars(estimator).pop("feature_names_in_", None)


def _require_finite(estimator: Any, X: Any, finite: bool | str) -> None:
    """Raise for what is not finite, after all that has a turn to wait for: it is a pass over all of X."""
    if finite and not _has_finite_sum(X):
        assert_all_finite(X, allow_nan=finite == "allow-nan", estimator_name=type(estimator).__name__, input_name="X")


def _has_finite_sum(X: Any) -> bool:
    """True for dense rows of which none can be anything but finite; a sum that overflows tells nothing."""
    if type(X) is not np.ndarray or X.dtype.kind != "f":
        return False
    with np.errstate(over="ignore", invalid="ignore"):
        return math.isfinite(X.sum())


def _explained(error: Exception, estimator: Any, X: Any, finite: Any) -> Exception:
    """The error that names the column of X and says what to do, where there is one; else the one that was."""
    message = explanation(estimator, X, finite)
    return error if message is None else ValueError(message)


def _check_columns(estimator: Any, X: Any, *, reset: bool) -> None:
    """Set or check `n_features_in_` and `feature_names_in_`, by scikit-learn's slower way where there is a question."""
    names = np.asarray(X.columns, dtype=object) if is_frame(X) else np.empty(0, dtype=object)
    if reset and set(map(type, names)) == {str} and len(set(names)) == len(names):
        estimator.feature_names_in_, estimator.n_features_in_ = names, len(names)
    elif reset or not np.array_equal(names, getattr(estimator, "feature_names_in_", ())):
        validate_data(estimator, X, reset=reset, skip_check_array=True)


def _floats_of(X: Any) -> np.ndarray | None:
    """The values of a frame whose columns are all of one of NumPy's types of floats."""
    types = set(getattr(X, "dtypes", ())) if is_frame(X) else set()
    return X.to_numpy() if len(types) == 1 and types.pop() in FLOAT_TYPES else None


def _filled(X: Any) -> Any:
    """A frame of pandas whose sparse columns leave out other values than 0, which SciPy does not do, as a dense one."""
    fills = [getattr(dtype, "fill_value", None) for dtype in getattr(X, "dtypes", ())] if is_frame(X) else []
    return X.sparse.to_dense() if None not in fills and any(fill != 0 for fill in fills) else X


def _values_of(y: Any) -> Any:
    """The values of a series of one of NumPy's types."""
    return y.to_numpy() if hasattr(y, "to_numpy") and isinstance(getattr(y, "dtype", None), np.dtype) else y


def require_finite(estimator: Any, X: Any, *, allow_nan: bool = False) -> None:
    """Raise if X, which was validated with `ensure_all_finite=False`, holds infinity, or NaN where it may not."""
    finite = "allow-nan" if allow_nan else True
    try:
        _require_finite(estimator, X, finite)
    except ValueError as error:
        raise _explained(error, estimator, X, finite) from None


def validate_X(estimator: Any, X: Any, **checks: Any) -> Any:
    """X of a method of an estimator that is known to be fitted, with the columns of the fit."""
    return validate_training_X(estimator, X, reset=False, **checks)


def validate_code(estimator: Any, code: Any, n_units: int) -> np.ndarray:
    """Codes (n, n_units) of a fitted autoencoder as an array of finite floats."""
    found: np.ndarray = check_array(code, dtype=FLOATS, estimator=estimator, input_name="X")
    if found.shape[1] != n_units:
        raise ValueError(
            f"X has {found.shape[1]} columns, and the code of this {type(estimator).__name__} has {n_units} units: it "
            "takes what transform gives."
        )
    return found


def warn_of_overflow(estimator: Any, X: Any, outputs: np.ndarray) -> np.ndarray:
    """The outputs for the rows of X, with a warning if any of them is not finite."""
    if not np.isfinite(outputs).all():
        warn(about_overflow(estimator, X, outputs), RuntimeWarning)
    return outputs


def check_rows(*arrays: Any) -> None:
    """Raise unless all have as many rows."""
    check_consistent_length(*arrays)


def validate_table(estimator: Any, X: Any, *, reset: bool = True, finite: bool = False) -> Any:
    """X for members that check it themselves: a frame stays as it is, all else becomes an array or a CSR matrix.

    Columns of a frame of more than numbers may be in another order than in the fit.
    """
    X = rows_of_images(estimator, X, reset=reset)
    if not is_frame(X):
        try:
            X = validate_data(estimator, X, reset=reset, accept_sparse="csr", dtype=None, ensure_all_finite=False)
            _require_finite(estimator, X, finite)
            return X
        except (ValueError, TypeError) as error:
            raise _explained(error, estimator, X, finite) from None
    if X.shape[0] == 0:
        raise ValueError(f"Found 0 sample(s) (shape={X.shape}) while a minimum of 1 is required.")
    names = getattr(estimator, "feature_names_in_", None)
    if not reset and names is not None and is_table(X) and not holds_plain_numbers(X):
        X = in_order(X, names)
    return validate_data(estimator, X, reset=reset, skip_check_array=True)


def names_of_features(estimator: Any, input_features: Any = None) -> list[str]:
    """The names to derive output names from: as given, as seen in the fit, or x0, x1, ..."""
    check_is_fitted(estimator)
    seen = getattr(estimator, "feature_names_in_", None)
    if input_features is None:
        return [f"x{i}" for i in range(estimator.n_features_in_)] if seen is None else list(seen)
    names = list(input_features)
    if seen is not None and names != list(seen):
        raise ValueError("input_features is not equal to feature_names_in_: give None or the names seen in fit.")
    if len(names) != estimator.n_features_in_:
        raise ValueError(f"input_features should have length {estimator.n_features_in_}. Got {len(names)} names.")
    return names
