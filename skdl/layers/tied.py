"""Affine maps with tied weights: those of the upper half of a network are those of its lower half, transposed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from skdl._array import Array
from skdl._protocols import ForwardContext, Initializer, Layer, LayerArrays, LayerBackprop, ParameterSpec
from skdl.layers.dense import Dense


def tied_map(i: int, n_maps: int, n_in: int, n_out: int, initializers: Sequence[Initializer]) -> Layer:
    """Map i of a network whose last map has the weights of its first one, the last but one those of the second, ..."""
    partner = n_maps - 1 - i
    tie = f"maps {min(i, partner)} and {max(i, partner)}"
    makes_scores = i == n_maps - 1
    return (TiedEncoder if i < partner else TiedDecoder)(n_in, n_out, initializers, True, makes_scores, tie)


@dataclass(frozen=True)
class TiedEncoder(Dense):
    """y = x W + b, where a map above has W^T for its weights: the gradient by W is the sum of both uses.

    Parameters
    ----------
    tie : str
        The name that both have in common.
    """

    tie: str = ""

    def parameters(self) -> list[ParameterSpec]:
        weight, bias = super().parameters()
        return [replace(weight, tie=self.tie), bias]

    def forward(self, x: Array, arrays: LayerArrays, context: ForwardContext) -> tuple[Array, LayerBackprop]:
        y, backprop = super().forward(x, arrays, context)

        def adding(dy: Array, gradients: LayerArrays, needed: bool) -> Array | None:
            above = gradients["weight"].copy()  # which the map above has written: the way back comes from there
            dx = backprop(dy, gradients, needed)
            gradients["weight"] += above
            return dx

        return y, adding


@dataclass(frozen=True)
class TiedDecoder(Dense):
    """y = x W^T + b, with the W of a map below.

    Parameters
    ----------
    tie : str
        The name that both have in common.
    """

    tie: str = ""

    learns_from_rows = False

    def parameters(self) -> list[ParameterSpec]:
        weight, bias = super().parameters()
        return [replace(weight, tie=self.tie, is_transposed=True), bias]
