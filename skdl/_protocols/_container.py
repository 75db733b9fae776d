"""The protocol of a layer that is made of others."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from typing import Self

from skdl._array import Array
from skdl._protocols._context import ForwardContext
from skdl._protocols._network import Absorption, Cost, Layer, LayerArrays


class Container(Layer):
    """A layer made of others, its children; it has no parameters of its own."""

    @abstractmethod
    def with_children(self, children: Sequence[Layer]) -> Self:
        """The same layer of other children."""

    @abstractmethod
    def inputs_of(self, leaf: int, x: Array, arrays: LayerArrays, context: ForwardContext) -> Array: ...

    @property
    def n_leaves(self) -> int:  # type: ignore[override]  # computed, where the base has a value
        return sum(child.n_leaves for child in self.children)

    def leaves(self) -> list[Layer]:
        return [leaf for child in self.children for leaf in child.leaves()]

    def place(self, start: int) -> slice:
        return slice(start, start + self.n_leaves)

    def placed(self) -> Iterator[tuple[int, Layer]]:
        """The children, each with the place of its first leaf."""
        start = 0
        for child in self.children:
            yield start, child
            start += child.n_leaves

    def cost(self) -> Cost:
        costs = [child.cost() for child in self.children]
        products, activations = [cost.largest_product for cost in costs], [cost.n_activations for cost in costs]
        return Cost(max(products, default=0), sum(activations))

    def absorptions(self) -> list[Absorption]:
        return [
            each._replace(leaf=each.leaf + start, start=each.start + start)
            for start, child in self.placed()
            for each in child.absorptions()
        ]

    def without(self, leaves: set[int]) -> Self:
        return self.with_children([child.without({leaf - start for leaf in leaves}) for start, child in self.placed()])


def is_learned(layer: Layer) -> bool:
    """True if the layer learns anything."""
    return any(leaf.parameters() for leaf in layer.leaves())
