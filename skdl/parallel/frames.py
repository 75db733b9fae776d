"""Frames and series whose rows are taken once for all tasks that take the same ones.

Each candidate of a search takes the rows of its folds for itself, and holds them while it waits: with a table of 40 MB
and eight candidates 300 MB, and a fifth of what the candidates do beside their training. pandas copies on write, so
that all of them can be given the same memory: who changes his rows gets a copy of his own in that moment.
"""

from __future__ import annotations

import weakref
from typing import Any

import numpy as np
import pandas as pd

COPIES_ON_WRITE = int(pd.__version__.split(".")[0]) >= 3


class _Sliced:
    """What knows which of its rows were taken, as long as somebody holds them; all that is derived from it is plain.

    Parameters
    ----------
    data : DataFrame or Series
    """

    _plain: type

    def __init__(self, data: Any):
        super().__init__(data, copy=False)  # type: ignore[call-arg]
        self._taken: dict[int, tuple[np.ndarray, weakref.ref[Any]]] = {}

    @property
    def _constructor(self) -> type:
        return self._plain

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self._plain(self, copy=False),)

    def take(self, indices: Any, axis: Any = 0, **kwargs: Any) -> Any:
        if axis != 0 or kwargs or not isinstance(indices, np.ndarray):
            return super().take(indices, axis=axis, **kwargs)  # type: ignore[misc]
        known, reference = self._taken.get(id(indices), (None, None))
        rows = reference() if reference is not None and known is indices else None
        if rows is None:
            rows = in_one_piece(super().take(indices))  # type: ignore[misc]
            self._taken = {key: value for key, value in self._taken.items() if value[1]() is not None}
            self._taken[id(indices)] = indices, weakref.ref(rows)
        given = rows.copy(deep=False)
        object.__setattr__(given, "_rows", rows)  # who holds one of them holds all
        return given


class SlicedFrame(_Sliced, pd.DataFrame):  # type: ignore[misc]
    """A frame that knows which of its rows were taken."""

    _plain = pd.DataFrame
    _internal_names = [*pd.DataFrame._internal_names, "_taken"]  # type: ignore[attr-defined]
    _internal_names_set = set(_internal_names)


class SlicedSeries(_Sliced, pd.Series):  # type: ignore[misc]
    """A series that knows which of its rows were taken."""

    _plain = pd.Series
    _internal_names = [*pd.Series._internal_names, "_taken"]  # type: ignore[attr-defined]
    _internal_names_set = set(_internal_names)


def in_one_piece(frame: Any) -> Any:
    """A frame with its numbers in one array, at hand for all; one of several types, and a series, as it is."""
    types = set(frame.dtypes) if frame.ndim == 2 else set()
    if len(types) == 1 and isinstance(types.pop(), np.dtype):
        values = frame.to_numpy()
        if values.flags.writeable:  # they had to be gathered
            return pd.DataFrame(values, index=frame.index, columns=frame.columns, copy=False)
    return frame


class Frames:
    """The frames and series that tasks of one call are given."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[Any, Any]] = {}

    def give(self, function: Any) -> None:
        """Let the calls in a function of joblib's, which are of a search, have frames that know what was taken.

        A search does nothing with a frame but take rows from it; other functions are not given one.
        """
        if COPIES_ON_WRITE:
            function.items = [
                (call, tuple(map(self._sliced, args)), {name: self._sliced(value) for name, value in kwargs.items()})
                for call, args, kwargs in function.items
            ]

    def _sliced(self, value: Any) -> Any:
        sliced = {pd.DataFrame: SlicedFrame, pd.Series: SlicedSeries}.get(type(value))
        if sliced is None:
            return value
        if id(value) not in self._known:
            self._known[id(value)] = value, sliced(value)
        return self._known[id(value)][1]
