"""An activation as a layer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from skdl._array import Array
from skdl._protocols import Activation, ForwardContext, Layer, LayerArrays, LayerBackprop, ParameterSpec
from skdl.layers.elementwise import ElementwiseActivation


@dataclass(frozen=True)
class ActivationLayer(Layer):
    """y = f(x), elementwise, with what f learns.

    Parameters
    ----------
    n_units : int
    activation : Activation
        Of a stack.
    """

    n_units: int
    activation: Activation

    overwrites_x = True
    is_activation = True

    def parameters(self) -> list[ParameterSpec]:
        return [ParameterSpec(name, np.shape(value), "activation") for name, value in self.initial_values().items()]

    def initial(self, member: int, generator: np.random.Generator) -> Mapping[str, Array]:
        return self.initial_values()

    def initial_values(self) -> Mapping[str, Array]:
        """Those of every member."""
        return self.activation.parameters(self.n_units)

    @cached_property
    def elementwise(self) -> ElementwiseActivation | None:
        """Its loops, where it is written as rules."""
        rules = self.activation.elementwise_rules
        return None if rules is None else ElementwiseActivation(self.activation, *rules)

    @property
    def adds_bias(self) -> bool:  # type: ignore[override]
        return self.elementwise is not None

    def forward_with(self, x: Array, bias: Array) -> tuple[Array, LayerBackprop]:
        assert self.elementwise is not None
        return self.elementwise.forward(x, bias)

    def forward(self, x: Array, arrays: LayerArrays, context: ForwardContext) -> tuple[Array, LayerBackprop]:
        if self.elementwise is not None:
            return self.elementwise.forward(x, None)
        y, adjoint = self.activation.forward(x, **arrays)
        return y, written(adjoint) if arrays else lambda dy, gradients, needed: adjoint(dy)[0]


def written(adjoint: Any) -> LayerBackprop:
    """A component's adjoint as a layer's: its few gradients are copied into their views."""

    def backprop(dy: Array, gradients: LayerArrays, needed: bool) -> Array:
        dx, by_name = adjoint(dy)
        for name, gradient in by_name.items():
            gradients[name][...] = gradient
        return dx

    return backprop
