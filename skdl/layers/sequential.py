"""Layers one after the other."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from functools import cached_property
from itertools import pairwise
from typing import Any, Self, TypeAlias

from skdl._array import Array
from skdl._protocols import (
    Absorption,
    Container,
    Fold,
    ForwardContext,
    Layer,
    LayerArrays,
    LayerBackprop,
    ScaleAndShift,
    is_learned,
)
from skdl.layers.shared_rows import repeated

Adapter: TypeAlias = Callable[[Array, LayerArrays], Array]


class Sequential(Container):
    """Layers in a row, each of which takes what the one below gives; sequences in it are unrolled.

    The sequence decides who needs the gradient of its input: a layer does where anything below it learns.

    Parameters
    ----------
    layers : iterable of Layer
    """

    def __init__(self, layers: Iterable[Layer]):
        self.layers = [step for layer in layers for step in layer.steps()]
        if self.layers:
            first, last = self.layers[0], self.layers[-1]
            self.overwrites_x, self.takes_shared_rows = first.overwrites_x, first.takes_shared_rows
            self.gives_y, self.gives_shared_rows = last.gives_y, last.gives_shared_rows

    @cached_property
    def repeats(self) -> int:  # type: ignore[override]  # computed, where the base has a value
        return math.prod(layer.repeats for layer in self.layers)

    @cached_property
    def _parts(self) -> list[int | slice]:
        return [child.place(start) for start, child in self.placed()]

    @cached_property
    def _way(self) -> list[tuple[Layer, int | slice, Adapter | None]]:
        """Each layer, its arrays' place, and what is done to its input before."""
        adapters = [_adapter(lower, upper) for lower, upper in pairwise(self.layers)]
        return list(zip(self.layers, self._parts, [None, *adapters], strict=False))

    @cached_property
    def _joined_way(self) -> list[tuple[Layer, Any, Adapter | None, Layer | None]]:
        """The same, where an affine map leaves its bias to the activation above: both are one step."""
        found: list[tuple[Layer, Any, Adapter | None, Layer | None]] = []
        for layer, part, adapter in self._way:
            lower = found[-1][0] if found and found[-1][3] is None else None
            if lower is not None and lower.leaves_bias and layer.adds_bias and adapter is None:
                found[-1] = (*found[-1][:3], layer)
            else:
                found.append((layer, part, adapter, None))
        return found

    @cached_property
    def _way_back(self) -> list[tuple[int | slice, bool]]:
        """From the last layer on, its arrays' place, and whether anything below it learns."""
        first = next((i for i, layer in enumerate(self.layers) if is_learned(layer)), len(self.layers))
        return [(part, i > first) for i, part in enumerate(self._parts)][::-1]

    @property
    def children(self) -> list[Layer]:
        return self.layers

    def with_children(self, children: Iterable[Layer]) -> Self:
        return type(self)(children)

    def steps(self) -> list[Layer]:
        return self.layers

    def forward(self, x: Array, arrays: LayerArrays, context: ForwardContext) -> tuple[Array, LayerBackprop]:
        backprops = []
        for layer, part, adapter, above in self._joined_way:
            if adapter is not None:
                x = adapter(x, arrays)
            if above is None:
                x, backprop = layer.forward(x, arrays[part], context)
            else:  # two layers in one pass
                x, backprop = layer.product(x, arrays[part], context)
                backprops.append(backprop)
                x, backprop = above.forward_with(x, arrays[part]["bias"])
            backprops.append(backprop)

        def backprop_all(dy: Array, gradients: LayerArrays, needed: bool) -> Array | None:
            for backprop, (part, learns_below) in zip(reversed(backprops), self._way_back, strict=True):
                dx = backprop(dy, gradients[part], needed or learns_below)
                if dx is None or not (needed or learns_below):
                    return None
                dy = dx
            return dy

        return x, backprop_all

    def along(self, targets: Array, weight: Array) -> tuple[Array, Array]:
        for layer in self._repeating:
            targets, weight = layer.along(targets, weight)
        return targets, weight

    @cached_property
    def _repeating(self) -> list[Layer]:
        return [layer for layer in self.layers if layer.repeats != 1]

    def input_fold(self) -> Fold | None:
        passing: list[Layer] = []
        for layer, part in zip(self.layers, self._parts, strict=True):
            fold = layer.input_fold()
            if fold is not None:
                return _through(passing, fold, part)
            if layer.passed_map(1.0, 0.0) is None:
                return None
            passing.append(layer)
        return None

    def output_fold(self) -> Fold | None:
        fold = self.layers[-1].output_fold() if self.layers else None
        return None if fold is None else _through([], fold, self._parts[-1])

    def input_weights(self, arrays: LayerArrays) -> list[Array] | None:
        for layer, part in zip(self.layers, self._parts, strict=True):
            found = layer.input_weights(arrays[part])
            if found is not None:
                return found
        return None

    def output_weights(self, arrays: LayerArrays) -> list[Array]:
        return self.layers[-1].output_weights(arrays[self._parts[-1]]) if self.layers else []

    def inputs_of(self, leaf: int, x: Array, arrays: LayerArrays, context: ForwardContext) -> Array:
        for (start, child), (layer, part, adapter) in zip(self.placed(), self._way, strict=True):
            x = x if adapter is None else adapter(x, arrays)
            if leaf < start + child.n_leaves:
                return child.inputs_of(leaf - start, x, arrays[part], context)
            x, _ = layer.forward(x, arrays[part], context)
        raise IndexError(leaf)

    def without(self, leaves: set[int]) -> Self:
        kept = [(start, child) for start, child in self.placed() if child.children or start not in leaves]
        return self.with_children([child.without({leaf - start for leaf in leaves}) for start, child in kept])

    def absorptions(self) -> list[Absorption]:
        found = super().absorptions()
        absorber: tuple[Layer, int, Fold] | None = None
        for start, child in self.placed():
            fixed, fold = child.fixed_map(), child.output_fold()
            if fixed is not None and absorber is not None:
                found.append(Absorption(start, fixed, *absorber))
                continue
            absorber = (child, start, fold) if fold is not None and fold.takes_shift else None
        return found


def _adapter(lower: Layer, upper: Layer) -> Adapter | None:
    """What is done between two layers: rows in common are repeated, and what the lower one keeps is copied."""
    if lower.gives_shared_rows and not upper.takes_shared_rows:
        return _repeated if lower.gives_y or not upper.overwrites_x else _repeated_and_copied
    return _copied if upper.overwrites_x and not lower.gives_y else None


def _copied(x: Array, arrays: LayerArrays) -> Array:
    return x.copy()


def _repeated(x: Array, arrays: LayerArrays) -> Array:
    return repeated(x, next(len(array) for named in arrays for array in named.values()))


def _repeated_and_copied(x: Array, arrays: LayerArrays) -> Array:
    return _repeated(x, arrays).copy()


def _through(passing: list[Layer], fold: Fold, part: int | slice) -> Fold:
    """A fold of one of a sequence's layers, as that of the sequence: maps of the input go through those below it."""

    def passed(scale: Array, shift: Array) -> ScaleAndShift:
        for layer in passing:
            found = layer.passed_map(scale, shift)
            assert found is not None
            scale, shift = found
        return scale, shift

    return Fold(
        lambda arrays, scale, shift: fold.apply(arrays[part], *passed(scale, shift)),
        lambda arrays, scale, shift: fold.undo(arrays[part], *passed(scale, shift)),
        fold.takes_shift,
    )
