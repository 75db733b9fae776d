"""Several tasks a row, each of classes or of reals, some of whose labels may be missing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from skdl._encoding.labels import Labels
from skdl._encoding.reals import Reals
from skdl._encoding.several import SideBySide

KINDS = ("classification", "regression")


@dataclass(frozen=True)
class TaskColumn:
    """A task's column of y, as predictions are to come too.

    Parameters
    ----------
    name : str or int
        The column's name, or its position in an array.
    kind : {"classification", "regression"}
    dtype : str
        Its type, as pandas writes it.
    categories : tuple or None
        Its categories in their order, for a type of categories.
    ordered : bool
        Whether that order has a meaning.
    """

    name: Any
    kind: str
    dtype: str
    categories: tuple[Any, ...] | None = None
    ordered: bool = False


@dataclass(frozen=True)
class TaskLayout:
    """The columns of y, and what it came as.

    Parameters
    ----------
    columns : tuple of TaskColumn
    form : {"frame", "matrix", "vector"}
    """

    columns: tuple[TaskColumn, ...]
    form: str

    @property
    def names(self) -> tuple[Any, ...]:
        return tuple(column.name for column in self.columns)

    def table(self, values: Sequence[np.ndarray], index: Any = None) -> Any:
        """The predictions of the tasks in the form that y had; a frame is one of pandas."""
        if self.form != "frame":
            values = [_in_type(*pair) for pair in zip(values, self.columns, strict=True)]
        if self.form == "vector":
            return values[0]
        if self.form == "frame":
            import pandas as pd  # here, since importing it takes longer than importing skdl

            data = [_as_it_came(pd, *pair) for pair in zip(values, self.columns, strict=True)]
            frame = pd.concat(data, axis=1)
            frame.columns = pd.Index(self.names)
            return frame if index is None else frame.set_axis(index, axis=0)
        if len({_family(array) for array in values}) == 1:
            return np.column_stack(values)
        together = np.empty((len(values[0]), len(values)), object)
        for j, array in enumerate(values):
            together[:, j] = array.tolist()
        return together


@dataclass(frozen=True)
class Tasks(SideBySide):
    """Classes or reals for each task, in columns of scores side by side.

    y is a structured array, in the order of the tasks a field for each: labels, with None where there is none, or
    reals, with NaN.

    Parameters
    ----------
    outputs : tuple of Labels or Reals
    layout : TaskLayout
    """

    outputs: tuple[Labels | Reals, ...]
    layout: TaskLayout

    @property
    def names(self) -> tuple[Any, ...]:
        return self.layout.names

    @property
    def kinds(self) -> dict[Any, str]:
        """What each task is."""
        return {column.name: column.kind for column in self.layout.columns}

    @property
    def classes(self) -> dict[Any, np.ndarray]:
        """The labels of each task of classes."""
        pairs = zip(self.names, self.outputs, strict=True)
        return {name: output.classes for name, output in pairs if isinstance(output, Labels)}

    def strata(self, y: np.ndarray) -> np.ndarray | None:
        """Whether a row has a label of the task with the fewest, and its class in the task of classes with the fewest.

        So a random split leaves each part its share of what is rare. All tasks at once would be too much: of many, most
        combinations occur once. Where all are reals, and none is missing, nothing.
        """
        found = [present(y, j) for j in range(len(self.outputs))]
        counts = [len(labels) for _, labels in found]
        strata = found[int(np.argmin(counts))][0].astype(np.intp)
        of_classes = [j for j, output in enumerate(self.outputs) if isinstance(output, Labels)]
        if not of_classes:
            return None if strata.all() else strata
        j = min(of_classes, key=counts.__getitem__)
        there, labels = found[j]
        output = self.outputs[j]
        assert isinstance(output, Labels)
        codes = np.zeros(len(y), np.intp)
        codes[there] = 1 + output.codes(labels)
        strata += 2 * codes
        return strata


def labelled(column: np.ndarray) -> np.ndarray:
    """Which values of a field of y are there."""
    if column.dtype == object:
        return np.array([value is not None for value in column.tolist()], bool)
    there: np.ndarray = column == column
    return there


def present(y: np.ndarray, j: int) -> tuple[np.ndarray, np.ndarray]:
    """Which rows have a label of task j, and these labels."""
    column = y[(y.dtype.names or ())[j]]
    there = labelled(column)
    found = column[there]
    if found.dtype == object and len(found) and not isinstance(found[0], str):
        found = np.array(found.tolist())  # labels that came with missing ones among them
    return there, np.ascontiguousarray(found)


def _as_it_came(pd: Any, values: np.ndarray, column: TaskColumn) -> Any:
    if column.categories is not None:
        return pd.Series(pd.Categorical(values, categories=list(column.categories), ordered=column.ordered))
    reals_of_integers = column.kind == "regression" and not column.dtype.lower().startswith(("float", "double"))
    is_other = reals_of_integers or (values.dtype == object and not labelled(values).all())
    return pd.Series(values) if is_other else pd.Series(values, dtype=column.dtype)


def _in_type(values: np.ndarray, column: TaskColumn) -> np.ndarray:
    """Labels that are numbers in the type of numbers that they came in."""
    is_number = column.kind == "classification" and column.dtype.startswith(("int", "uint", "float"))
    return values.astype(column.dtype, copy=False) if is_number and values.dtype.kind in "iuf" else values


def _family(array: np.ndarray) -> str:
    return "number" if array.dtype.kind in "iuf" else array.dtype.kind
