"""One column of a table, whichever library it is of: what it holds, as numbers, or as codes of its values.

A column is a Series of pandas or polars, or one of the columns of an array. Missing are None, NaN, pandas' NA and NaT,
and polars' null.
"""

from __future__ import annotations

import datetime
import decimal
import numbers
from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from typing import Any

import numpy as np

SHORT = {"bool", "boolean", "int8", "uint8", "int16", "uint16", "float16"}  # numbers that float32 holds
SINGLE = {"float32", "float[pyarrow]", "float"}
PLAIN = {str, bool, int, float}
TIMES = (datetime.date, datetime.time, datetime.timedelta, np.datetime64, np.timedelta64)


def columns_of(X: Any) -> list[Any]:
    """The columns of a frame or of an array (n, d)."""
    if hasattr(X, "iloc"):
        return [X.iloc[:, j] for j in range(X.shape[1])]
    if hasattr(X, "get_columns"):
        return list(X.get_columns())
    return list(X.T)


def names_of(X: Any) -> tuple[Hashable, ...] | None:
    """The names of a frame's columns, None for an array."""
    return tuple(X.columns) if is_table(X) else None


def in_order(X: Any, names: Sequence[Hashable]) -> Any:
    """A frame with its columns in the order of the names, if it has just these; else as it is."""
    if list(X.columns) == list(names) or Counter(X.columns) != Counter(names):
        return X
    return X.select(list(names)) if hasattr(X, "get_columns") else X[list(names)]


def is_table(X: Any) -> bool:
    """True for a frame of pandas or polars."""
    return hasattr(X, "columns") and (hasattr(X, "iloc") or hasattr(X, "get_columns"))


def holds_plain_numbers(X: Any) -> bool:
    """True for a frame, or an array, of numbers of NumPy's types (of polars' own), whose missing cells are NaN."""
    if not hasattr(X, "get_columns"):
        types = list(X.dtypes) if is_table(X) else [X.dtype]
        return all(_of_numpy(dtype) and dtype.kind in "biuf" for dtype in types)
    return all(dtype.is_integer() or dtype.is_float() for dtype in X.dtypes)


def becomes_sparse(X: Any) -> bool:
    """True for a frame of sparse columns of pandas that leave out zeros, which becomes a sparse matrix."""
    fills = [getattr(dtype, "fill_value", None) for dtype in X.dtypes] if hasattr(X, "iloc") and is_table(X) else []
    return bool(fills) and all(fill == 0 for fill in fills)


def _of_numpy(dtype: Any) -> bool:
    """True for a type of NumPy, and for pandas' sparse ones."""
    return isinstance(dtype, np.dtype) or hasattr(dtype, "fill_value")


def kind(column: Any) -> str:
    """What the type of a column says: "number", "category", "object", or the type's name where it is none of these."""
    dtype = column.dtype
    if is_polars(column):
        name = str(dtype).partition("(")[0]
        if dtype.is_numeric() or name == "Boolean":
            return "number"
        return {"String": "category", "Categorical": "category", "Enum": "category"}.get(
            name, "object" if name in ("Object", "Null") else name
        )
    if isinstance(dtype, np.dtype):
        return (
            "number"
            if dtype.kind in "biuf"
            else {"O": "object", "U": "category", "T": "category"}.get(dtype.kind, str(dtype))
        )
    from pandas.api import types

    if hasattr(dtype, "categories") or dtype.type is str or "dictionary" in str(dtype):
        return "category"
    if types.is_numeric_dtype(dtype) or types.is_bool_dtype(dtype):
        return "number"
    return "object" if str(dtype) == "null[pyarrow]" or str(getattr(dtype, "subtype", "")) == "object" else str(dtype)


def is_plain(column: Any) -> bool:
    """True for numbers of a type of NumPy, in which nothing but NaN is missing."""
    return isinstance(column.dtype, np.dtype) and column.dtype.kind in "biuf"


def float_type(columns: Iterable[Any]) -> Any:
    """float32 for columns of numbers that it holds, if it is the type of one of them; else float64."""
    names = [str(getattr(column.dtype, "subtype", column.dtype)).lower() for column in columns]
    short = all(name in SHORT or name in SINGLE for name in names) and any(name in SINGLE for name in names)
    return np.float32 if short else np.float64


def as_numbers(column: Any, dtype: Any) -> np.ndarray:
    """The numbers of a column, NaN where they are missing; TypeError or ValueError for what is no number."""
    if is_plain(column):
        return np.asarray(column).astype(dtype, copy=False)
    if kind(column) == "number":
        if is_polars(column):
            import polars

            return np.asarray(column.cast(polars.Float64).to_numpy()).astype(dtype, copy=False)
        return np.asarray(column.to_numpy(dtype=dtype, na_value=np.nan))
    values, absent = _objects(column), is_missing(column)
    found = np.full(len(values), np.nan, dtype)
    found[~absent] = values[~absent].astype(np.float64)
    return found


def not_a_number(column: Any) -> Any:
    """The first value of a column that is neither missing nor a number."""
    for value in _objects(column)[~is_missing(column)]:
        try:
            float(value)
        except (TypeError, ValueError, OverflowError):
            return value
    return None


def is_missing(column: Any) -> np.ndarray:
    """A mask (n,) of the missing cells."""
    if isinstance(column.dtype, np.dtype) and column.dtype.kind in "biu":
        return np.zeros(len(column), dtype=bool)
    if kind(column) == "number":
        return np.isnan(as_numbers(column, np.float64))
    import pandas as pd

    if is_polars(column):
        return np.asarray(column.is_null().to_numpy() | pd.isna(_objects(column)))
    return np.asarray(pd.isna(column))


def coded(column: Any) -> tuple[np.ndarray, list[Any]]:
    """Which of its distinct values each cell of a column holds, -1 for missing ones, and these values.

    A column of a categorical type of pandas gives all categories of its type, in whatever rows they are.
    """
    import pandas as pd

    dtype = column.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        return column.cat.codes.to_numpy(), list(dtype.categories)
    if is_polars(column):
        column = _objects(column)
    codes, values = pd.factorize(column)
    return codes, list(values)


def are_numbers(values: Iterable[Any]) -> bool:
    """True if all values are real numbers or booleans."""
    return all(isinstance(plain(value), (bool, int, float)) for value in values)


def holds_times(values: Iterable[Any]) -> bool:
    """True if dates or times are among the values."""
    return any(isinstance(value, TIMES) for value in values)


def plain(value: Any) -> Any:
    """A value as a number or a string, by which it is told from others: what is neither goes by its text.

    So intervals, dates and other objects as categories have a place in checkpoints.
    """
    if type(value) in PLAIN:
        return value
    if isinstance(value, np.generic) and not isinstance(value, TIMES):
        value = value.item()
    if isinstance(value, (str, bool, int, float)):
        return value
    return float(value) if isinstance(value, (numbers.Real, decimal.Decimal)) else str(value)


def is_polars(column: Any) -> bool:
    return type(column).__module__.partition(".")[0] == "polars"


def _objects(column: Any) -> np.ndarray:
    """The values of a column as objects."""
    if not is_polars(column):
        return np.asarray(column, dtype=object)
    if str(column.dtype).startswith(("Categorical", "Enum", "String", "Object")):
        return np.asarray(column.to_numpy(), dtype=object)
    values = np.empty(len(column), dtype=object)
    values[:] = column.to_list()
    return values
