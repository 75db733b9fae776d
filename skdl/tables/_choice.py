"""Which columns of a table are categories: by their types, or as the user names them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from skdl._diagnosis import columns_named
from skdl.tables._columns import are_numbers, coded, holds_times, is_table, kind, names_of


def categorical_columns(X: Any, columns: Sequence[Any], chosen: Any, rows: np.ndarray | None) -> list[bool]:
    """True if each column of X is one of categories.

    Parameters
    ----------
    X : frame or array of shape (n, d)
    columns : sequence
        Its columns.
    chosen : "from_dtype", None, or array-like of bool, int or str
        The parameter `categorical_features`.
    rows : int array or None
        Rows that count, None for all; the others do not tell what a column of objects holds.
    """
    if isinstance(chosen, str) and chosen == "from_dtype":
        if not is_table(X):
            return [False] * len(columns)
        names = names_of(X)
        assert names is not None
        return [_is_categorical(column, name, rows) for column, name in zip(columns, names, strict=True)]
    return _named(X, len(columns), chosen)


def _is_categorical(column: Any, name: Any, rows: np.ndarray | None) -> bool:
    """True if the type of a column, or of the objects in it, is one of categories."""
    found = kind(column)
    if found in ("number", "category"):
        return found == "category"
    if found != "object":
        raise ValueError(
            f"X holds values of type {found} in {columns_named([name])}, which are neither numbers nor categories. "
            f"Make numbers or strings of them, or leave the column out: X.drop(columns=[{name!r}])."
        )
    try:
        codes, values = coded(column)
    except TypeError:
        raise ValueError(
            f"X holds objects such as lists in {columns_named([name])}, which are neither numbers nor categories. Make "
            "columns of numbers or strings of them."
        ) from None
    values = [values[i] for i in np.unique(codes if rows is None else codes[rows]) if i >= 0]
    if holds_times(values):
        raise ValueError(
            f"X holds dates or times in {columns_named([name])}, as objects, where numbers or categories are needed. "
            f"Make columns of what matters in them, such as pandas.to_datetime(X[{name!r}]).dt.day_of_year."
        )
    return not (values and are_numbers(values))


def _named(X: Any, n_columns: int, chosen: Any) -> list[bool]:
    """The columns that are named as `categorical_features`: by a mask, by numbers or by names."""
    if chosen is None:
        return [False] * n_columns
    given = np.asarray(chosen)
    advice = (
        "The 'categorical_features' parameter must be 'from_dtype', None, or list columns of X: their names, their "
        "numbers from 0, or a bool for each."
    )
    if given.ndim != 1 or (given.size and given.dtype.kind not in "biuOUT"):
        raise ValueError(f"{advice} Got {chosen!r}.")
    if given.dtype.kind == "b":
        if len(given) != n_columns:
            raise ValueError(f"{advice} Got {len(given)} bools, and X has {n_columns} columns.")
        return given.tolist()
    if given.dtype.kind in "iu":
        wrong = given[(given < 0) | (given >= n_columns)]
        if wrong.size:
            raise ValueError(f"{advice} Got number {wrong[0]}, and X has {n_columns} columns.")
        return np.isin(np.arange(n_columns), given).tolist()
    names = names_of(X)
    if given.size and names is None:
        raise ValueError(f"{advice} Got names, and X is an array: its columns have numbers only.")
    unknown = [name for name in chosen if names is not None and name not in names]
    if unknown:
        raise ValueError(f"{advice} X has no {columns_named(unknown)}.")
    return [name in set(chosen) for name in names or ()] or [False] * n_columns
