"""Frames whose rows are taken once for all tasks that take the same ones.

Each candidate of a search takes the rows of its folds for itself, and holds them while it waits: with a table of 40 MB
and eight candidates 300 MB, and a fifth of what the candidates do beside their training. pandas copies on write, so
that all of them can be given the same memory: who changes his rows gets a copy of his own in that moment.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

COPIES_ON_WRITE = int(pd.__version__.split(".")[0]) >= 3


class SlicedFrame(pd.DataFrame):
    """A frame that knows which of its rows were taken, as long as somebody holds them.

    Parameters
    ----------
    frame : DataFrame
    """

    _internal_names = [*pd.DataFrame._internal_names, "_taken"]  # type: ignore[attr-defined]
    _internal_names_set = set(_internal_names)

    def __init__(self, frame: pd.DataFrame):
        super().__init__(frame, copy=False)  # type: ignore[call-arg]
        self._taken: dict[int, tuple[np.ndarray, weakref.ref[pd.DataFrame]]] = {}

    @property
    def _constructor(self) -> Callable[..., pd.DataFrame]:
        return pd.DataFrame  # of all that is derived from it

    def __reduce__(self) -> tuple[Any, ...]:
        return SlicedFrame, (pd.DataFrame(self, copy=False),)

    def take(self, indices: Any, axis: Any = 0, **kwargs: Any) -> pd.DataFrame:  # type: ignore[misc, override]
        if axis != 0 or kwargs or not isinstance(indices, np.ndarray):
            return super().take(indices, axis=axis, **kwargs)
        known, reference = self._taken.get(id(indices), (None, None))
        rows = reference() if reference is not None and known is indices else None
        if rows is None:
            rows = super().take(indices).copy()  # columns of one type in one piece, whose values are then at hand
            self._taken = {key: value for key, value in self._taken.items() if value[1]() is not None}
            self._taken[id(indices)] = indices, weakref.ref(rows)
        given = rows.copy(deep=False)
        object.__setattr__(given, "_rows", rows)  # who holds one of them holds all
        return given


class Frames:
    """The frames that tasks of one call are given."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[pd.DataFrame, SlicedFrame]] = {}

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
        if type(value) is not pd.DataFrame:
            return value
        if id(value) not in self._known:
            self._known[id(value)] = value, SlicedFrame(value)
        return self._known[id(value)][1]
