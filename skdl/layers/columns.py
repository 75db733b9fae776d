"""The first layer of a network for a table: each column is encoded, and what they become lies side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np

from skdl._array import Array
from skdl._protocols import (
    Container,
    ForwardContext,
    InputColumns,
    Layer,
    LayerArrays,
    LayerBackprop,
    is_learned,
)
from skdl.layers.shared_rows import repeated


class ColumnEncoding(Container):
    """The columns of a table, encoded: the numbers, then flags of the missing ones, then the categories.

    (k, B, d) -> (k, B, n_numbers * width + n_flags + what the categories become). A missing number becomes zeros, and 1
    in its flag, which a number has that was missing in the fit; one without a flag becomes what 0, the mean, does: no
    weight has learned what zeros in place of it mean. y lies in memory column by column.

    Parameters
    ----------
    columns : InputColumns
    numbers : Layer or None
        From (k, B, n) to (k, B, n * width), each number by itself; None for the numbers as they are.
    categories : Layer or None
        From codes (k, B, c) on; None where there are no columns of categories.
    """

    gives_y = True

    def __init__(self, columns: InputColumns, numbers: Layer | None, categories: Layer | None):
        self.columns, self.numbers, self.categories = columns, numbers, categories
        is_number = np.equal(columns.n_categories, 0)
        self._of_numbers, self._of_categories = _places(is_number), _places(~is_number)
        self._is_flagged = np.array(columns.has_missing, bool)[is_number]
        self._flagged = np.flatnonzero(self._is_flagged)
        start = 0 if numbers is None else numbers.n_leaves
        self._number_arrays = None if numbers is None else numbers.place(0)
        self._category_arrays = None if categories is None else categories.place(start)

    @property
    def takes_shared_rows(self) -> bool:  # type: ignore[override]
        return all(child.takes_shared_rows for child in self.children)

    @property
    def gives_shared_rows(self) -> bool:  # type: ignore[override]
        return all(child.gives_shared_rows for child in self.children)

    @property
    def children(self) -> Sequence[Layer]:
        return [child for child in (self.numbers, self.categories) if child is not None]

    def with_children(self, children: Sequence[Layer]) -> Self:
        given = iter(children)
        numbers, categories = (None if child is None else next(given) for child in (self.numbers, self.categories))
        return type(self)(self.columns, numbers, categories)

    def forward(self, x: Array, arrays: LayerArrays, context: ForwardContext) -> tuple[Array, LayerBackprop]:
        numbers = encoded = x[..., self._of_numbers]
        missing = np.isnan(numbers)
        holes = bool(missing.any())
        if holes:
            numbers = encoded = np.where(missing, 0, numbers)
        if self.numbers is not None:
            numbers = numbers.copy() if self.numbers.overwrites_x else numbers
            encoded, through_numbers = self.numbers.forward(numbers, arrays[self._number_arrays], context)
        parts = [encoded, missing[..., self._flagged]]
        if self.categories is not None:
            codes = x[..., self._of_categories]
            coded, through_categories = self.categories.forward(codes, arrays[self._category_arrays], context)
            parts.append(coded)
        y = _side_by_side(parts, x.dtype)
        n_encoded, n_before = encoded.shape[-1], encoded.shape[-1] + len(self._flagged)
        if holes:
            zeroed = repeated(missing & self._is_flagged, len(y))
            by_number(y[..., :n_encoded], zeroed.shape[-1])[zeroed] = 0

        def backprop(dy: Array, gradients: LayerArrays, needed: bool) -> Array | None:
            dx = np.zeros_like(x) if needed else None
            if self.numbers is None or needed or is_learned(self.numbers):
                d_numbers = dy[..., :n_encoded]
                if holes:
                    of_each = by_number(d_numbers, zeroed.shape[-1])
                    of_each[zeroed] = 0
                    d_numbers = of_each.reshape(d_numbers.shape)
                if self.numbers is not None:
                    d_numbers = through_numbers(d_numbers, gradients[self._number_arrays], needed)
                if dx is not None:
                    dx[..., self._of_numbers] = np.where(missing, 0, d_numbers) if holes else d_numbers
            if self.categories is not None:
                d_codes = through_categories(dy[..., n_before:], gradients[self._category_arrays], needed)
                if dx is not None:
                    dx[..., self._of_categories] = d_codes
            return dx

        return y, backprop

    def inputs_of(self, leaf: int, x: Array, arrays: LayerArrays, context: ForwardContext) -> Array:
        """What comes to a leaf: of numbers NaN, where they are missing."""
        n_first = 0 if self.numbers is None else self.numbers.n_leaves
        if self.numbers is not None and leaf < n_first:
            return self.numbers.inputs_of(leaf, x[..., self._of_numbers], arrays[self._number_arrays], context)
        assert self.categories is not None
        codes = x[..., self._of_categories]
        return self.categories.inputs_of(leaf - n_first, codes, arrays[self._category_arrays], context)


def by_number(y: Array, n_inputs: int) -> Array:
    """What n numbers became, (k, B, n * width), as (k, B, n, width)."""
    return y.reshape(*y.shape[:2], n_inputs, y.shape[-1] // max(1, n_inputs))


def _places(chosen: np.ndarray) -> slice | np.ndarray:
    """The columns that are chosen: a slice where they are neighbours, which copies nothing."""
    index = np.flatnonzero(chosen)
    return slice(index[0], index[-1] + 1) if len(index) and index[-1] - index[0] < len(index) else index


def _side_by_side(parts: Sequence[Array], dtype: Any) -> Array:
    """Arrays (k or t, B, n) as one (k, B, sum of n), which lies in memory column by column."""
    n_members, n_rows = max(map(len, parts)), parts[0].shape[1]
    columns = np.empty((n_members, sum(part.shape[-1] for part in parts), n_rows), dtype)
    start = 0
    for part in parts:
        t, _, width = part.shape
        place = columns[:, start : start + width].reshape(t, n_members // t, width, n_rows)
        place[...] = part.mT[:, None]
        start += width
    return columns.mT
