"""The codes of categories as unit vectors, or as points that are learned."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from skdl._array import Array
from skdl._protocols import Cost, ForwardContext, Layer, LayerArrays, LayerBackprop, ParameterSpec
from skdl.layers.shared_rows import repeated


@dataclass(frozen=True)
class Categories(Layer):
    """The unit vector of the code x_j = 1, ..., K_j of each column j, or the row x_j of its learned table.

    (k, B, c) -> (k, B, sum of widths), a column's numbers side by side; the code 0 becomes zeros. y lies in memory
    column by column. The tables are one array, one under the other.

    Parameters
    ----------
    n_categories : tuple of int
        K_j.
    is_learned : tuple of bool
        Whether the column has a table.
    dimension : int, default=1
        Numbers in a row of a table.
    sigma : array with k numbers, default=1.0
        Standard deviations of the members' initial tables.
    """

    n_categories: tuple[int, ...]
    is_learned: tuple[bool, ...]
    dimension: int = 1
    sigma: Any = 1.0

    gives_y = True
    takes_shared_rows = True

    @property
    def gives_shared_rows(self) -> bool:  # type: ignore[override]
        return not self.n_rows

    @cached_property
    def widths(self) -> tuple[int, ...]:
        """Numbers of each column."""
        return tuple(self.dimension if own else n for n, own in zip(self.n_categories, self.is_learned, strict=True))

    @cached_property
    def n_rows(self) -> int:
        """Rows of all tables."""
        return sum(n for n, own in zip(self.n_categories, self.is_learned, strict=True) if own)

    @cached_property
    def _fixed(self) -> tuple[np.ndarray, np.ndarray]:
        """Columns that become unit vectors, and where in y each one's begin, less one."""
        columns, starts = np.flatnonzero(~np.array(self.is_learned, bool)), np.cumsum([0, *self.widths])
        return columns, starts[columns] - 1

    @cached_property
    def _tables(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Columns that have a table, the row in which each begins, less one, and their places in y."""
        columns, starts = np.flatnonzero(self.is_learned), np.cumsum([0, *self.widths])
        sizes = np.array(self.n_categories)[columns]
        places = starts[columns][:, None] + np.arange(self.dimension)
        return columns, np.cumsum(sizes) - sizes - 1, places.ravel()

    def parameters(self) -> list[ParameterSpec]:
        return [ParameterSpec("table", (self.n_rows, self.dimension), "embedding")] if self.n_rows else []

    def initial(self, member: int, generator: np.random.Generator) -> Mapping[str, Array]:
        sigma = float(np.ravel(self.sigma)[member if np.size(self.sigma) > 1 else 0])
        return {spec.name: generator.normal(0.0, sigma, spec.shape) for spec in self.parameters()}

    def forward(self, x: Array, arrays: LayerArrays, context: ForwardContext) -> tuple[Array, LayerBackprop]:
        x = repeated(x, len(arrays["table"])) if self.n_rows else x
        codes = (x.mT + 0.5).astype(np.intp)  # (k, c, B)
        k, _, n_rows = codes.shape
        y = np.zeros((k, sum(self.widths), n_rows), x.dtype)
        columns, starts = self._fixed
        if len(columns):
            _set_ones(y, codes[:, columns], starts)
        if not self.n_rows:
            return y.mT, lambda dy, gradients, needed: np.zeros_like(x) if needed else None
        columns, starts, places = self._tables
        codes = codes[:, columns]
        unseen = codes == 0
        index = codes + (starts[:, None] + self.n_rows * np.arange(k)[:, None, None])  # (k, c, B) rows of all tables
        points = np.take(arrays["table"].reshape(-1, self.dimension), index, axis=0, mode="clip")
        points[unseen] = 0
        y[:, places] = points.swapaxes(2, 3).reshape(k, len(places), n_rows)

        def backprop(dy: Array, gradients: LayerArrays, needed: bool) -> Array | None:
            by_row = dy[..., places].reshape(k, n_rows, len(columns), self.dimension).swapaxes(1, 2)
            index[unseen] = k * self.n_rows  # a row more, for what is thrown away
            cells = index[..., None] * self.dimension + np.arange(self.dimension)
            sums = np.bincount(cells.ravel(), by_row.ravel(), (k * self.n_rows + 1) * self.dimension)
            gradients["table"][...] = sums[: -self.dimension].reshape(k, self.n_rows, self.dimension)
            return np.zeros_like(x) if needed else None

        return y.mT, backprop

    def cost(self) -> Cost:
        return Cost(0, sum(self.widths))


def _set_ones(y: Array, codes: Array, starts: np.ndarray) -> None:
    """Ones at the places starts + code of y (k, W, B), but for the codes 0."""
    k, width, n_rows = y.shape
    cells = (codes + starts[:, None]) * n_rows
    cells += np.arange(n_rows)
    cells += (width * n_rows) * np.arange(k)[:, None, None]
    y.reshape(-1)[cells[codes > 0]] = 1
