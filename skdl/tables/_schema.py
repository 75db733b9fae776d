"""What a fit has learned of a table's columns, and tables as matrices of floats by it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Hashable, Sequence
from dataclasses import dataclass
from heapq import nsmallest
from typing import Any, TypeAlias

import numpy as np

from skdl._diagnosis import columns_named, refuse_dates
from skdl._protocols import InputColumns
from skdl.tables._choice import categorical_columns
from skdl.tables._columns import (
    as_numbers,
    coded,
    columns_of,
    float_type,
    in_order,
    is_missing,
    is_table,
    kind,
    names_of,
    not_a_number,
    plain,
)

Value: TypeAlias = bool | int | float | str


@dataclass(frozen=True)
class TableSchema:
    """Columns of a table as a fit has seen them: names, categories, and where cells were missing.

    Parameters
    ----------
    names : tuple or None
        Names of the columns, None for those of an array.
    categories : tuple with one entry a column
        None for a column of numbers, else the values that have a code of their own: 1, 2, ..., in this order, sorted.
        Values that are neither numbers nor strings are there as their text.
    has_infrequent : tuple of bool
        Whether the values that are not among the most frequent ones share the next code, which values that the fit has
        not seen have, too. Else these have the code 0.
    has_missing : tuple of bool
        Whether cells were missing. Those of categories have the last code then, else 0.
    missing : {"auto", "encode", "error"}
        Whether missing cells are allowed, "auto" in frames only.

    Examples
    --------
    >>> import pandas as pd
    >>> from skdl.tables import TableSchema
    >>> X = pd.DataFrame({"age": [31.0, None, 52.0], "town": ["Ulm", "Bonn", None]})
    >>> schema = TableSchema.fit(X)
    >>> schema.columns
    InputColumns(n_categories=(0, 3), has_missing=(True, False))
    >>> schema.transform(X)
    array([[31.,  2.],
           [nan,  1.],
           [52.,  3.]])
    """

    names: tuple[Hashable, ...] | None
    categories: tuple[tuple[Value, ...] | None, ...]
    has_infrequent: tuple[bool, ...]
    has_missing: tuple[bool, ...]
    missing: str = "auto"

    @classmethod
    def fit(
        cls,
        X: Any,
        sample_weight: np.ndarray | None = None,
        *,
        categorical_features: Any = "from_dtype",
        missing: str = "auto",
        max_categories: int | None = 50,
    ) -> TableSchema:
        """Learn the columns of a table.

        Parameters
        ----------
        X : frame of pandas or polars, or array of shape (n, d)
        sample_weight : array of shape (n,) or None
            Frequencies are sums of weights; rows of weight zero are not looked at.
        categorical_features : "from_dtype", None, or array-like of bool, int or str
            Which columns hold categories. "from_dtype" takes those of a frame with categories, strings, or objects that
            are not all numbers.
        missing : {"auto", "encode", "error"}
        max_categories : int or None
            Most categories of a column; of more values, the most frequent ones but one remain, and the rest become one
            category. Of values that are as frequent, those that come first in order remain.

        Returns
        -------
        schema : TableSchema

        Raises
        ------
        ValueError
            For a column that is neither one of numbers nor of categories, dates among them, and for missing cells where
            `missing` does not allow them.
        """
        refuse_dates(X)
        names, columns = names_of(X), columns_of(X)
        _check_names(names)
        rows = None if sample_weight is None or np.all(sample_weight) else np.flatnonzero(sample_weight)
        weight = sample_weight if sample_weight is None or rows is None else sample_weight[rows]
        categorical = categorical_columns(X, columns, categorical_features, rows)
        categories: list[tuple[Value, ...] | None] = []
        infrequent, absent = [False] * len(columns), [False] * len(columns)
        for j, column in enumerate(columns):
            if categorical[j]:
                values, infrequent[j], absent[j] = _categories(
                    column, columns_named([j if names is None else names[j]]), rows, weight, max_categories
                )
                categories.append(values)
            else:
                holes = is_missing(column)
                absent[j] = bool((holes if rows is None else holes[rows]).any())
                categories.append(None)
        return cls(names, tuple(categories), tuple(infrequent), tuple(absent), missing)

    @classmethod
    def of_numbers(cls, names: Sequence[Hashable] | None, has_missing: Sequence[bool], missing: str) -> TableSchema:
        """The schema of columns that all hold numbers, in some of which they are missing."""
        n = len(has_missing)
        return cls(None if names is None else tuple(names), (None,) * n, (False,) * n, tuple(has_missing), missing)

    @property
    def has_categories(self) -> bool:
        """True if a column is one of categories."""
        return any(values is not None for values in self.categories)

    @property
    def columns(self) -> InputColumns | None:
        """The columns as networks take them; None if all hold numbers, and none was missing."""
        n_categories = tuple(
            0 if values is None else len(values) + self.has_infrequent[j] + self.has_missing[j]
            for j, values in enumerate(self.categories)
        )
        has_missing = tuple(
            holes and values is None for holes, values in zip(self.has_missing, self.categories, strict=True)
        )
        return InputColumns(n_categories, has_missing) if self.has_categories or any(has_missing) else None

    def ordered(self, X: Any) -> Any:
        """The table with its columns in the order of the fit, in which they are found by their names.

        Raises
        ------
        ValueError
            For columns that are not there, or that the fit has not had.
        """
        if self.names is None or not is_table(X):
            if X.shape[1] != len(self.categories):
                raise ValueError(
                    f"X has {X.shape[1]} columns, and the data of the fit had {len(self.categories)}: give as many."
                )
            return X
        names = tuple(X.columns)
        if names == self.names:
            return X
        _check_names(names)
        lost, new = _without(self.names, names), _without(names, self.names)
        if lost or new:
            parts = [f"lacks {columns_named(lost)}, which the fit had"] if lost else []
            parts += [f"has {columns_named(new)}, which the fit did not have"] if new else []
            raise ValueError(f"X {' and '.join(parts)}. Give the columns of the fit by their names, in any order.")
        return in_order(X, self.names)

    def transform(self, X: Any) -> np.ndarray:
        """A table as a matrix, with one column for each of its own.

        Parameters
        ----------
        X : frame of pandas or polars, or array of shape (n, d)
            A frame with the names of the fit in any order; an array with the columns of the fit.

        Returns
        -------
        matrix : array of shape (n, d)
            In C order. Numbers as they are, NaN for missing ones; of categories the codes: 1, 2, ..., and 0 for a value
            that the fit has not seen. In float32 where all numbers are, else in float64.

        Raises
        ------
        ValueError
            For columns that differ from those of the fit, numbers that are infinite or none, and missing cells where
            `missing` does not allow them.
        """
        refuse_dates(X)
        by_name = is_table(X)
        columns = columns_of(self.ordered(X))
        dtype = float_type(column for column, values in zip(columns, self.categories, strict=True) if values is None)
        matrix = np.empty((X.shape[0], len(columns)), dtype)
        forbidden = self.missing == "error" or (self.missing == "auto" and not by_name)
        for j, column in enumerate(columns):
            matrix[:, j] = self._numbers(j, column, dtype) if self.categories[j] is None else self._codes(j, column)
            if forbidden:
                self._refuse_missing(j, column)
        return matrix

    def labels(self, j: int) -> list[str]:
        """Names of the codes 1, ..., K of a column of categories."""
        rest = (("infrequent", self.has_infrequent[j]), ("missing", self.has_missing[j]))
        return [*map(str, self.categories[j] or ()), *(name for name, is_there in rest if is_there)]

    def name(self, j: int) -> str:
        """What messages call column j."""
        return columns_named([j if self.names is None else self.names[j]])

    def _codes(self, j: int, column: Any) -> np.ndarray:
        """The codes of a column of categories."""
        known = self.categories[j]
        assert known is not None
        unseen = len(known) + 1 if self.has_infrequent[j] else 0
        absent = len(known) + self.has_infrequent[j] + 1 if self.has_missing[j] else 0
        code_of = {value: code for code, value in enumerate(known, 1)}
        codes, values = _coded(column, self.name(j))
        # The last entry is that of a missing cell, whose number is -1.
        by_value = np.array([code_of.get(plain(value), unseen) for value in values] + [absent])
        return by_value[codes]

    def _numbers(self, j: int, column: Any, dtype: Any) -> np.ndarray:
        """The numbers of a column."""
        try:
            with np.errstate(over="ignore"):
                values = as_numbers(column, dtype)
        except TypeError as error:  # for an object that is neither a number nor text, as NumPy and scikit-learn do
            raise TypeError(f"{self._about_text(j, column)} ({error})") from None
        except (ValueError, OverflowError):
            raise ValueError(self._about_text(j, column)) from None
        infinite = np.isinf(values)
        if infinite.any():
            raise ValueError(
                f"Input X contains infinity or a value too large for {values.dtype} in {self.name(j)} "
                f"({infinite.sum()} of {len(values)} rows). Give finite numbers, and NaN for missing ones."
            )
        return values

    def _about_text(self, j: int, column: Any) -> str:
        value = not_a_number(column)
        held = f"such as {value!r}" if value is not None else f"of type {column.dtype}"
        if kind(column) == "number":
            return f"X holds values {held} in {self.name(j)}, where numbers are needed."
        return (
            f"X holds text or objects, {held}, in {self.name(j)}, which holds numbers as the fit, or the parameter "
            "'categorical_features', says. Replace what stands for a missing number by NaN, or fit with "
            "categorical_features='from_dtype' or with this column in the list."
        )

    def _refuse_missing(self, j: int, column: Any) -> None:
        holes = int(np.count_nonzero(is_missing(column)))
        if holes:
            encode = "missing='encode' allows it" if self.missing == "auto" else "missing='error' does not allow it"
            raise ValueError(
                f"Input X contains NaN in {self.name(j)} ({holes} of {len(column)} rows): {encode}. Missing cells of "
                "frames are encoded with missing='auto', and those of arrays, too, with missing='encode'."
            )


def _check_names(names: Sequence[Hashable] | None) -> None:
    twice = [name for name, count in Counter(names or ()).items() if count > 1]
    if twice:
        raise ValueError(
            f"X has {columns_named(twice)} more than once. Columns are found by their names: give each one its own."
        )


def _without(names: Sequence[Hashable], others: Sequence[Hashable]) -> list[Hashable]:
    found = set(others)
    return [name for name in names if name not in found]


def _coded(column: Any, name: str) -> tuple[np.ndarray, list[Any]]:
    try:
        return coded(column)
    except TypeError:
        raise ValueError(
            f"X holds objects such as lists in {name}, which are no categories. Make numbers or strings of them."
        ) from None


def _categories(
    column: Any, name: str, rows: np.ndarray | None, weight: np.ndarray | None, most: int | None
) -> tuple[tuple[Value, ...], bool, bool]:
    """The values with a code of their own, whether others share one, and whether cells are missing."""
    codes, values = _coded(column, name)
    codes = codes if rows is None else codes[rows]
    present = codes >= 0
    counts = np.bincount(codes[present], None if weight is None else weight[present], minlength=len(values)).tolist()
    frequency: dict[Value, float] = {}
    for given, count in zip(values, counts, strict=True):
        if count > 0:
            value = plain(given)  # which several may have in common, as objects with the same text
            frequency[value] = frequency.get(value, 0.0) + count
    found: Collection[Value] = frequency
    crowded = most is not None and len(frequency) > most
    if crowded and most is not None:
        found = nsmallest(most - 1, frequency, key=lambda value: (-frequency[value], *sort_key(value)))
    found = sorted(found, key=sort_key)
    return tuple(found), crowded, not present.all()


def sort_key(value: Value) -> tuple[bool, Any]:
    """The key to sort values by: numbers, then strings."""
    return isinstance(value, str), value
