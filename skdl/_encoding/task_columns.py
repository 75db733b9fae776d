"""The columns of y as tasks: which are of classes and which of reals, and where labels are missing."""

from __future__ import annotations

import numbers
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np

from skdl._encoding.arrays import listed
from skdl._encoding.tasks import TaskColumn, TaskLayout
from skdl._encoding.values import plain_labels
from skdl._words import nearest

MOST_INTEGERS = 20  # different ones that are taken for classes


def layout_of(y: Any, said: Mapping[Any, str]) -> TaskLayout:
    """The tasks of y, each of what is `said` of it, or of what its column's type tells.

    Raises
    ------
    ValueError
        For a column that may be either, and one without a label.
    """
    frame, form = _frame_of(y)
    names = [name if isinstance(name, str) else _whole(name) for name in frame.columns]
    _check_names(names)
    check_mapping("tasks", said, names)
    columns = []
    for j, name in enumerate(names):
        series = frame.iloc[:, j]
        if len(series) and series.isna().all():
            raise ValueError(f"Task {name!r} has no labels: all {len(series)} are missing. Leave its column out of y.")
        columns.append(_described(series, name, _kind_of(series, name, said.get(name))))
    return TaskLayout(tuple(columns), form)


def task_array(y: Any, layout: TaskLayout) -> np.ndarray:
    """Y as a structured array with a field for each task, see `Tasks`."""
    frame, form = _frame_of(y)
    frame = _same_columns(frame, form, layout)
    fields = []
    for j, column in enumerate(layout.columns):
        read = _labels_of if column.kind == "classification" else _reals_of
        fields.append(read(frame.iloc[:, j], column.name))
    array = np.empty(len(frame), [(f"task {j}", field.dtype) for j, field in enumerate(fields)])
    for j, field in enumerate(fields):
        array[f"task {j}"] = field
    return array


def _frame_of(y: Any) -> tuple[Any, str]:
    """Y as a frame of pandas, and what it came as: "frame", "matrix" or "vector"."""
    import pandas as pd  # here, since importing it takes longer than importing skdl

    if hasattr(y, "tocsr"):
        raise ValueError("y must be dense. Got a sparse matrix: use y.toarray().")
    if hasattr(y, "get_columns"):  # of polars
        series = [_of_polars(pd, column) for column in y.get_columns()]
        return pd.concat(series, axis=1, keys=list(y.columns)), "frame"
    if hasattr(y, "iloc") and hasattr(y, "columns"):
        return y, "frame"
    if hasattr(y, "iloc") or hasattr(y, "to_list"):
        column = y if hasattr(y, "iloc") else _of_polars(pd, y)
        return column.to_frame(0).reset_index(drop=True), "vector"
    if not isinstance(y, np.ndarray):
        y = _as_array(y)
    if y.dtype.kind == "c":
        raise ValueError(f"Complex data not supported: y is of type {y.dtype}.")
    if y.ndim not in (1, 2) or y.dtype.kind not in "biufOUT":
        raise ValueError(
            f"y must have a column for each task: a frame, or an array of one or two dimensions. Got an array of shape "
            f"{y.shape} and type {y.dtype}."
        )
    return pd.DataFrame(y), "vector" if y.ndim == 1 else "matrix"


def _check_names(names: Sequence[Hashable]) -> None:
    """Raise for names of tasks that cannot be told apart, or kept in a file."""
    if not names:
        raise ValueError("y has no columns: it needs one for each task.")
    strange = [name for name in names if isinstance(name, bool) or not isinstance(name, (str, numbers.Integral))]
    if strange:
        raise ValueError(f"The columns of y must have strings or whole numbers as names. Got {strange[0]!r}.")
    twice = [name for i, name in enumerate(names) if name in names[:i]]
    if twice:
        raise ValueError(f"y has the column {twice[0]!r} twice. Give each task a name of its own.")


def check_mapping(parameter: str, given: Mapping[Any, Any], names: Sequence[Any]) -> None:
    """Raise for a parameter with a value for a task that y does not have."""
    for name in given:
        if name not in names:
            near = nearest(name, [str(each) for each in names]) if isinstance(name, str) else ""
            raise ValueError(
                f"The {parameter!r} parameter has a value for {name!r}, which is no column of y.{near} The tasks are: "
                f"{listed(names)}."
            )


def _same_columns(frame: Any, form: str, layout: TaskLayout) -> Any:
    """The columns of a y in the order of the first one, or an error that says how they differ."""
    known = list(layout.names)
    if form == layout.form == "frame":
        names = list(frame.columns)
        if len(names) == len(known) and all(name in names for name in known):
            return frame[known]
        without = [name for name in known if name not in names]
        besides = [name for name in names if name not in known]
        raise ValueError(
            f"y must have the columns {listed(known)}, one for each task. Got it without {listed(without)}, with "
            f"{listed(besides)}. Where a task has no labels its column is NaN."
        )
    if frame.shape[1] != len(known):
        raise ValueError(f"y must have {len(known)} columns, {listed(known)}. Got {frame.shape[1]}.")
    return frame


def _kind_of(series: Any, name: Any, said: str | None) -> str:
    """What a task is: as was said, or by the type of its column."""
    dtype, values = series.dtype, None
    kind = getattr(dtype, "kind", "O")
    if kind in "mMc":
        raise ValueError(
            f"Task {name!r}: its column is of type {dtype}. Give classes, or a number, such as the days since a date."
        )
    if said is not None:
        return said
    if str(dtype) == "category" or kind == "b":
        return "classification"
    there = series[~series.isna()]
    if kind == "O":
        values = there.to_numpy(dtype=object)
        if not all(isinstance(value, numbers.Real) and not isinstance(value, (bool, np.bool_)) for value in values):
            _refuse_numbers_in_strings(there, name)
            return "classification"
        kind = "i" if all(isinstance(value, numbers.Integral) for value in values) else "f"
    if kind not in "iuf":
        _refuse_numbers_in_strings(there, name)
        return "classification"
    numbers_there = there.to_numpy(dtype=np.float64)
    if kind == "f":
        if len(numbers_there) == len(series) or not _look_like_classes(numbers_there):
            return "regression"
        _refuse_to_guess(name, f"holds few whole numbers, such as {numbers_there[0]:.12g}, and missing ones")
    different = len(np.unique(numbers_there))
    if different > MOST_INTEGERS:
        _refuse_to_guess(name, f"holds {different} different whole numbers")
    return "classification"


def _refuse_to_guess(name: Any, what: str) -> None:
    raise ValueError(
        f"Task {name!r}: its column {what}, which may be classes or quantities. Say which: "
        f"tasks={{{name!r}: 'classification'}} or tasks={{{name!r}: 'regression'}}."
    )


def _refuse_numbers_in_strings(there: Any, name: Any) -> None:
    """Raise for strings that are many different numbers, such as NumPy makes of numbers beside strings."""
    different = there.unique()
    if len(different) <= MOST_INTEGERS:
        return
    try:
        for value in different:
            float(value if isinstance(value, str) else "no number")
    except ValueError:
        return
    raise ValueError(
        f"Task {name!r}: its column holds numbers as strings, such as {different[0]!r}. An array of strings and "
        "numbers must be one of objects, or give a frame. If they are classes all the same, say so: "
        f"tasks={{{name!r}: 'classification'}}."
    )


def _look_like_classes(values: np.ndarray) -> bool:
    """True for whole numbers, few of them different: missing ones have made floats of integers."""
    different = np.unique(values)
    whole = np.isfinite(different).all() and not np.modf(different)[0].any()
    return bool(whole) and 0 < len(different) <= min(MOST_INTEGERS, len(values) // 2)


def _described(series: Any, name: Any, kind: str) -> TaskColumn:
    dtype = str(series.dtype)
    if dtype != "category" or kind == "regression":
        return TaskColumn(name, kind, dtype)
    return TaskColumn(name, kind, dtype, tuple(series.cat.categories.tolist()), bool(series.cat.ordered))


def _whole(name: Any) -> Any:
    return int(name) if isinstance(name, numbers.Integral) and not isinstance(name, bool) else name


def _labels_of(series: Any, name: Any) -> np.ndarray:
    """The labels of a task, with None where there is none."""
    missing = series.isna().to_numpy(dtype=bool)
    values = (series.astype(object) if str(series.dtype) == "category" else series).to_numpy(dtype=object)
    try:
        there = plain_labels(values[~missing])
    except ValueError as error:
        raise ValueError(f"Task {name!r}: {error}") from None
    if there.ndim != 1 or (there.dtype == object and not all(isinstance(label, str) for label in there)):
        raise ValueError(
            f"Task {name!r}: its column holds values of type {type(values[~missing][0]).__name__}. Labels are strings, "
            "whole numbers or booleans."
        )
    if not missing.any():
        found: np.ndarray = there
        return found
    labels = np.full(len(values), None, dtype=object)
    labels[~missing] = there.tolist()
    return labels


def _reals_of(series: Any, name: Any) -> np.ndarray:
    """The numbers of a task, with NaN where there is none."""
    missing = series.isna().to_numpy(dtype=bool)
    reals: np.ndarray = np.full(len(missing), np.nan)
    there = series[~missing]
    try:
        if str(series.dtype) == "category" or any(isinstance(value, str) for value in there.head(1)):
            raise TypeError
        reals[~missing] = there.to_numpy(dtype=np.float64)
    except (TypeError, ValueError):
        raise ValueError(
            f"Task {name!r} is one of reals, and its column is of type {series.dtype}, with values such as "
            f"{there.iloc[0]!r}."
        ) from None
    if np.isinf(reals).any():
        raise ValueError(f"Task {name!r}: Input y contains infinity or a value too large for {reals.dtype!r}.")
    return reals


def _as_array(y: Any) -> np.ndarray:
    """Lists as an array of their own numbers, or of objects: NumPy would make strings of numbers among these."""
    array = np.asarray(y)
    return np.asarray(y, dtype=object) if array.dtype.kind not in "biuf" else array


def _of_polars(pd: Any, column: Any) -> Any:
    values, dtype = column.to_list(), column.dtype
    if column.null_count() and dtype.is_integer():
        return pd.Series(values, dtype="Int64")
    if column.null_count() and str(dtype) == "Boolean":
        return pd.Series(values, dtype="boolean")
    if str(dtype).startswith("Enum"):
        return pd.Series(pd.Categorical(values, categories=dtype.categories.to_list()))
    return pd.Series(values)
