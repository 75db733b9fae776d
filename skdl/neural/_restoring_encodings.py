"""Encodings as plain values, back from a file: what is read is held to what an encoding must be."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from skdl._encoding import KINDS, Labels, Reals, TaskColumn, TaskLayout
from skdl.neural._archive import Stored
from skdl.neural._tree import ENCODINGS

MOST = 2**53
LONGEST_LABEL = 2**16  # bytes


def check(holds: Any, what: str) -> None:
    if not holds:
        raise ValueError(f"{what} cannot be")


def whole(value: Any) -> bool:
    return type(value) is int and 0 <= value <= MOST


def array_of(value: Any, shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    """The numbers of an array that must have this shape and type."""
    check(isinstance(value, Stored) and value.shape == shape, f"an array of shape {shape}")
    check(value.dtype.newbyteorder("=") == dtype, f"an array of type {np.dtype(dtype)}")
    array: np.ndarray = value.read()
    return array


def finite(value: Any, shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    array = array_of(value, shape, dtype)
    check(np.isfinite(array).all(), "what is not finite")
    return array


def encoding_of(given: Any) -> Any:
    """The encoding of labels or reals that is named, with fields that it can have."""
    name, fields = given
    check(fields.keys() == {field.name for field in dataclasses.fields(ENCODINGS[name])}, "encoding")
    return ENCODINGS[name](**ENCODING_FIELDS[name](fields))


def _labels(fields: dict[str, Any]) -> dict[str, Any]:
    classes, columns = _of_labels(fields["classes"]), fields["columns"]
    check(len(classes) and np.array_equal(np.unique(classes), classes), "classes")
    if columns is not None:
        columns = _of_labels(columns)
        check(np.array_equal(np.sort(columns), classes), "columns of classes")
    check(type(fields["binary"]) is bool and fields["binary"] <= (len(classes) == 2), "classes")
    return {**fields, "smoothing": _smoothing(fields["smoothing"]), "classes": classes, "columns": columns}


def _of_labels(value: Any) -> np.ndarray:
    labels: np.ndarray = value.read() if isinstance(value, Stored) else value
    check(isinstance(labels, np.ndarray) and labels.ndim == 1, "classes")
    return labels


def _smoothing(value: Any) -> Any:
    check(type(value) in (int, float) and 0 <= value <= 1, "smoothing")
    return value


def _type_of_labels(value: Any, kinds: str) -> str:
    dtype = np.dtype(value)
    check(value == dtype.str and dtype.kind in kinds and dtype.itemsize <= LONGEST_LABEL, "type of labels")
    return str(value)


def _indicator(fields: dict[str, Any]) -> dict[str, Any]:
    check(whole(fields["n_labels"]) and fields["n_labels"] > 0, "number of labels")
    return {**fields, "smoothing": _smoothing(fields["smoothing"]), "dtype": _type_of_labels(fields["dtype"], "biuf")}


def _columns(fields: dict[str, Any]) -> dict[str, Any]:
    outputs = tuple(map(encoding_of, fields["outputs"]))
    check(isinstance(fields["outputs"], tuple) and outputs, "outputs")
    check(all(isinstance(each, Labels) and not each.binary for each in outputs), "outputs")
    return {"outputs": outputs, "dtype": _type_of_labels(fields["dtype"], "biufUO")}


def _reals(fields: dict[str, Any]) -> dict[str, Any]:
    check(isinstance(fields["shift"], Stored) and len(fields["shift"].shape) == 1, "shift")
    shift, scale = (finite(fields[name], fields["shift"].shape, np.float64) for name in ("shift", "scale"))
    check(len(shift) and (scale >= 0).all() and type(fields["flat"]) is bool, "scale")
    check(len(shift) == 1 or not fields["flat"], "targets")
    lower, upper = fields["lower"], fields["upper"]
    check((lower is None) == (upper is None), "the range of targets")
    if lower is not None:
        lower, upper = (finite(bound, shift.shape, np.float64) for bound in (lower, upper))
        check((lower <= upper).all(), "the range of targets")
    return {"shift": shift, "scale": scale, "flat": fields["flat"], "lower": lower, "upper": upper}


def _task_column(fields: dict[str, Any]) -> dict[str, Any]:
    name, categories = fields["name"], fields["categories"]
    check(type(name) in (int, str) and fields["kind"] in KINDS and type(fields["dtype"]) is str, "a task")
    plain = type(categories) is tuple and {*map(type, categories)} <= {bool, int, float, str}
    check((categories is None or plain) and type(fields["ordered"]) is bool, "categories")
    return fields


def _task_layout(fields: dict[str, Any]) -> dict[str, Any]:
    columns = tuple(map(encoding_of, fields["columns"]))
    check(isinstance(fields["columns"], tuple) and columns, "tasks")
    check(all(isinstance(each, TaskColumn) for each in columns), "tasks")
    check(len({each.name for each in columns}) == len(columns), "tasks")
    form = fields["form"]
    check(form in ("frame", "matrix") or (form == "vector" and len(columns) == 1), "the form of y")
    return {"columns": columns, "form": form}


def _tasks(fields: dict[str, Any]) -> dict[str, Any]:
    outputs, layout = tuple(map(encoding_of, fields["outputs"])), encoding_of(fields["layout"])
    check(isinstance(fields["outputs"], tuple) and isinstance(layout, TaskLayout), "tasks")
    check(len(outputs) == len(layout.columns), "tasks")
    for column, output in zip(layout.columns, outputs, strict=True):
        is_labels = isinstance(output, Labels) and output.columns is None
        is_real = isinstance(output, Reals) and output.flat
        check(is_labels if column.kind == "classification" else is_real, "tasks")
    return {"outputs": outputs, "layout": layout}


ENCODING_FIELDS = {
    "Labels": _labels,
    "Indicator": _indicator,
    "Columns": _columns,
    "Reals": _reals,
    "TaskColumn": _task_column,
    "TaskLayout": _task_layout,
    "Tasks": _tasks,
}
