"""Where each parameter lies in the flat array of a member."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from skdl._array import Array

Views = list[dict[str, Array]]  # one mapping a layer, from names to arrays with the member axis first


@dataclass(frozen=True)
class Entry:
    """One parameter: the layer that owns it, its name there, its shape without the member axis."""

    layer: int
    name: str
    shape: tuple[int, int]
    penalised: bool = False

    @property
    def size(self) -> int:
        return math.prod(self.shape)


class Layout:
    """From layers and names to views on a flat (k, P) array.

    Penalised parameters come first, so that a penalty is one elementwise line on `theta[:, :n_penalised]`.
    """

    def __init__(self, entries: Sequence[Entry], n_layers: int):
        self.n_layers = n_layers
        self.entries = tuple(sorted(entries, key=lambda entry: not entry.penalised))
        self.size = sum(entry.size for entry in self.entries)
        self.n_penalised = sum(entry.size for entry in self.entries if entry.penalised)

    def views(self, flat: Array) -> Views:
        """Views of shape (k, *shape) on `flat` of shape (k, P): writing to them writes to it."""
        views: Views = [{} for _ in range(self.n_layers)]
        start = 0
        for entry in self.entries:
            block = flat[:, start : start + entry.size]
            views[entry.layer][entry.name] = block.reshape(flat.shape[0], *entry.shape)
            start += entry.size
        return views

    def fill(self, flat: Array, member: int, values: Sequence[Mapping[str, Array]]) -> None:
        """Copy one member's values, by layer and name, into its row of `flat`."""
        views = self.views(flat[member : member + 1])
        for entry in self.entries:
            views[entry.layer][entry.name][0] = values[entry.layer][entry.name]
