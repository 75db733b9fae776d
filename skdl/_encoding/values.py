"""Labels as they come, in lists, series and extension arrays, as arrays of NumPy with one type of label."""

from __future__ import annotations

import numbers
from typing import Any

import numpy as np

from skdl._encoding.arrays import mixed_labels

NO_LABELS = {"NoneType", "NAType", "NaTType"}


def plain_labels(y: Any) -> Any:
    """The labels as an array of bools, whole numbers, floats, dates or strings; missing or mixed ones are a ValueError.

    Anything that is not an array of labels is given back, for the check of arrays that follows.
    """
    if hasattr(y, "columns") and hasattr(y, "shape"):
        return _plain_frame(y)
    if isinstance(y, (list, tuple)):
        return _of_list(y)
    if not hasattr(y, "dtype") or hasattr(y, "tocsr"):
        return y
    array = y if isinstance(y, np.ndarray) else _of_series(y)
    if array.ndim != 1:
        return array
    if array.dtype.kind in "OT":  # numpy.dtypes.StringDType is of kind T
        return _of_objects(np.asarray(array, dtype=object))
    if array.dtype.kind == "M":
        _require(np.isnat(array))
    return array


def _plain_frame(y: Any) -> Any:
    columns = [y.iloc[:, j] for j in range(y.shape[1])] if hasattr(y, "iloc") else list(y.get_columns())
    if len(columns) > 1 and all(isinstance(each.dtype, np.dtype) and each.dtype != object for each in columns):
        return y
    plain = [plain_labels(column) for column in columns]
    if len({column.dtype.kind for column in plain}) == 1:
        return np.column_stack(plain)
    together = np.empty(y.shape, dtype=object)  # a common type of NumPy's would make strings of numbers
    for j, column in enumerate(plain):
        together[:, j] = column
    return together


def _of_list(y: Any) -> Any:
    try:
        array = np.asarray(y)
    except ValueError:  # of lists of different lengths
        return y
    if array.ndim != 1 or (array.dtype.kind == "U" and all(isinstance(label, str) for label in y)):
        return array
    if array.dtype.kind in "US":  # numbers among strings have become strings
        array = np.fromiter(y, dtype=object, count=len(y))
    return _of_objects(array) if array.dtype == object else array


def _of_series(y: Any) -> np.ndarray:
    missing = y.isna() if hasattr(y, "isna") else y.is_null() if hasattr(y, "is_null") else False
    _require(np.asarray(missing))
    return np.asarray(y)


def _of_objects(y: np.ndarray) -> np.ndarray:
    labels = y.tolist()
    kinds = set(map(type, labels))
    if {kind.__name__ for kind in kinds} & NO_LABELS or any(issubclass(kind, (float, np.floating)) for kind in kinds):
        _require(np.array([type(label).__name__ in NO_LABELS or label != label for label in labels]))
    if all(issubclass(kind, str) for kind in kinds):
        return y
    if all(issubclass(kind, (bool, np.bool_)) for kind in kinds):
        return y.astype(bool)
    if all(issubclass(kind, numbers.Real) and not issubclass(kind, bool) for kind in kinds):
        return np.array(labels)
    if len(kinds) > 1:
        raise mixed_labels(kinds)
    [kind] = kinds
    if issubclass(kind, (list, tuple, set, bytes)):
        return y  # scikit-learn says what to do
    raise ValueError(
        f"y has labels of type {kind.__name__}, such as {labels[0]!r}. Labels are strings, whole numbers or booleans: "
        "y.astype(str) makes strings of them."
    )


def _require(missing: np.ndarray) -> None:
    if missing.any():
        raise ValueError(
            f"Input y contains NaN: {int(missing.sum())} of {len(missing)} labels are missing, the first in row "
            f"{int(missing.argmax())}. Leave rows without a label out, or give them a label of their own."
        )
