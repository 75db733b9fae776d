"""A layer that learns nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from skdl._array import Array
from skdl._protocols import Cost, ForwardContext, Layer, LayerArrays, LayerBackprop


class Frozen(Layer):
    """A layer as it is at prediction, whose parameters are constants of the network: buffers that nothing writes to.

    Parameters
    ----------
    layer : Layer
        Without children.
    """

    def __init__(self, layer: Layer):
        self.layer = layer
        self.overwrites_x, self.gives_y, self.repeats = layer.overwrites_x, layer.gives_y, layer.repeats
        self.takes_shared_rows, self.gives_shared_rows = layer.takes_shared_rows, layer.gives_shared_rows

    def buffers(self) -> Mapping[str, Array]:
        zeros = {spec.name: np.zeros(spec.shape) for spec in self.layer.parameters()}
        return {**zeros, **self.layer.buffers()}

    def forward(self, x: Array, arrays: LayerArrays, context: ForwardContext) -> tuple[Array, LayerBackprop]:
        y, through = self.layer.forward(x, arrays, replace(context, training=False))
        names = [spec.name for spec in self.layer.parameters()]

        def backprop(dy: Array, gradients: LayerArrays, needed: bool) -> Array | None:
            if not needed:
                return None
            return through(dy, {name: np.empty_like(arrays[name]) for name in names}, True)

        return y, backprop

    def along(self, targets: Array, weight: Array) -> tuple[Array, Array]:
        return self.layer.along(targets, weight)

    def cost(self) -> Cost:
        return self.layer.cost()


def frozen(layer: Layer, *, below_all: bool) -> Layer:
    """The layer with everything in it frozen that learns or tracks anything.

    Where nothing that learns lies below it (`below_all`), also with all else that is not random: a penalty on
    activations that nothing can change is none.
    """
    return with_leaves(layer, lambda leaf: Frozen(leaf) if _is_fixed(leaf, below_all=below_all) else leaf)


def with_leaves(layer: Layer, change: Callable[[Layer], Layer]) -> Layer:
    """The layer with each of its leaves changed."""
    if not layer.children:
        return layer if not layer.n_leaves else change(layer)
    with_children: Callable[..., Layer] = layer.with_children  # type: ignore[attr-defined]  # it has some
    return with_children([with_leaves(child, change) for child in layer.children])


def _is_fixed(leaf: Layer, *, below_all: bool) -> bool:
    return bool(leaf.parameters() or leaf.buffers() or (below_all and not leaf.is_random))
