"""The border: the only caller of scikit-learn's data validation. What passes here is trusted everywhere inside."""

from __future__ import annotations

import math
import numbers
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.exceptions import DataConversionWarning
from sklearn.utils import assert_all_finite, check_array, check_X_y
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_consistent_length, check_is_fitted, validate_data

from skdl._array import laid_out
from skdl._diagnosis import about_overflow, explanation, is_frame, refuse_dates
from skdl._encoding import plain_labels, unique_labels
from skdl._warnings import in_turn, warn
from skdl.tables import TableSchema, holds_plain_numbers, in_order, is_table

# They change the filters of warnings for a moment.
check_array, check_X_y = map(in_turn, (check_array, check_X_y))  # noqa: N816
validate_data, check_classification_targets = map(in_turn, (validate_data, check_classification_targets))

FLOATS = (np.float64, np.float32)  # float32 stays float32, every other type becomes float64
FLOAT_TYPES = tuple(map(np.dtype, FLOATS))


def _as_it_is(X: Any) -> Any:
    return X


def validate_training_X(estimator: Any, X: Any, *, reset: bool = True, **checks: Any) -> Any:
    """X as a C-ordered array (or CSR matrix) of floats; sets or checks `n_features_in_` and `feature_names_in_`.

    The order matters: a frame's columns are contiguous, and gathering rows from them is about 20x slower.
    """
    return _validate(estimator, X, reset=reset, **checks)


def _validate(
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
    X = _rows_of_images(estimator, X, reset=reset)
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


def _rows_of_images(estimator: Any, X: Any, *, reset: bool) -> Any:
    """Images (n, h, w) or (n, h, w, c) as rows of numbers; sets `image_shape_`, or checks that the fit saw the same.

    Rows of numbers stay as they are.
    """
    if isinstance(X, (list, tuple)) and len(X) and np.ndim(X[0]) > 1:
        X = np.asarray(X)
    if reset:
        vars(estimator).pop("image_shape_", None)
    said = getattr(estimator, "image_shape", None)
    if getattr(X, "ndim", 2) not in (3, 4):
        if reset and said is not None:
            estimator.image_shape_ = _shape_of_rows(X, tuple(said))
        return X
    X = np.asarray(X)
    shape = X.shape[1:]
    known = getattr(estimator, "image_shape_", None)
    if reset:
        if said is not None and _without_one_channel(tuple(said)) != _without_one_channel(shape):
            raise ValueError(f"X holds images of shape {shape}, and image_shape={said!r} says another one.")
        estimator.image_shape_ = shape
    elif known is not None and _without_one_channel(shape) != _without_one_channel(known):
        raise ValueError(
            f"X holds images of shape {shape}, and {type(estimator).__name__} was fitted on images of shape {known}."
        )
    return X.reshape(len(X), math.prod(shape))


def _shape_of_rows(X: Any, said: tuple[int, ...]) -> tuple[int, ...]:
    """The shape of the images that rows of numbers are said to be."""
    if len(said) not in (2, 3):
        raise ValueError(f"image_shape={said} must be (height, width) or (height, width, channels).")
    n_columns = np.shape(X)[1] if len(np.shape(X)) == 2 else None  # of what is no table, validation has its message
    if n_columns not in (None, math.prod(said)):
        raise ValueError(
            f"image_shape={said} is that of rows of {math.prod(said)} numbers, and X has {n_columns} columns."
        )
    return said


def _without_one_channel(shape: tuple[int, ...]) -> tuple[int, ...]:
    """The shape of an image, which with a lone channel is that without."""
    return shape[:2] if shape[2:] == (1,) else shape


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
        found = validate_data(estimator, X, *y, reset=reset, **checks)
        share = is_frame(X)
    else:
        _check_columns(estimator, X, reset=reset)
        values, checks = laid_out(shared(values), checks)
        share = False
        if not y:
            found = check_array(values, estimator=estimator, input_name="X", **checks)
        else:
            found = check_X_y(values, *map(_values_of, y), estimator=estimator, **checks)
    rows, *rest = found if y else (found,)
    _require_finite(estimator, rows, finite)
    rows = shared(rows) if share else rows
    return (rows, *rest) if y else rows


def _require_finite(estimator: Any, X: Any, finite: bool | str) -> None:
    """Raise for what is not finite, after all that has a turn to wait for: it is a pass over all of X."""
    if finite:
        assert_all_finite(X, allow_nan=finite == "allow-nan", estimator_name=type(estimator).__name__, input_name="X")


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
    types = set(X.dtypes) if is_frame(X) and hasattr(X, "dtypes") else set()
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
    """X of a fitted estimator's method, with the columns of the fit."""
    check_is_fitted(estimator)
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


def validate_regression(estimator: Any, X: Any, y: Any, *, reset: bool = True, **checks: Any) -> tuple[Any, np.ndarray]:
    """X and real targets, one row each; y keeps its one or two dimensions and has X's precision."""
    if sparse.issparse(y):
        raise ValueError("y must be dense. Got a sparse matrix: use y.toarray().")
    X, y = _validate(estimator, X, y, reset=reset, multi_output=True, **checks)
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
    X, y = _validate(estimator, X, plain_labels(y), reset=reset, multi_output=True, **checks)
    return X, _checked_labels(_one_column(y))


def validate_tasks(estimator: Any, X: Any, y: np.ndarray, *, reset: bool = True, **checks: Any) -> Any:
    """X, for a y of several tasks, see `skdl._encoding.Tasks`, with a row for each of X's."""
    X = validate_training_X(estimator, X, reset=reset, **checks)
    check_rows(X, y)
    return X


def check_rows(*arrays: Any) -> None:
    """Raise unless all have as many rows."""
    check_consistent_length(*arrays)


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


def validate_table(estimator: Any, X: Any, *, reset: bool = True, finite: bool = False) -> Any:
    """X for members that check it themselves: a frame stays as it is, all else becomes an array or a CSR matrix.

    Columns of a frame of more than numbers may be in another order than in the fit.
    """
    X = _rows_of_images(estimator, X, reset=reset)
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
