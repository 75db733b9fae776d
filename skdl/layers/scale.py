"""A learned factor of each input."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from skdl._array import Array, column_sum
from skdl._protocols import Cost, ForwardContext, Layer, LayerArrays, LayerBackprop, ParameterSpec
from skdl.layers.shared_rows import repeated


@dataclass(frozen=True)
class Scale(Layer):
    """y = x * s, with a factor s (k, 1, n) for each input that is learned and begins at 1.

    Parameters
    ----------
    n_inputs : int
    """

    n_inputs: int

    gives_y = True
    takes_shared_rows = True

    def parameters(self) -> list[ParameterSpec]:
        return [ParameterSpec("scale", (1, self.n_inputs), "scale")]

    def initial(self, member: int, generator: np.random.Generator) -> Mapping[str, Array]:
        return {"scale": np.ones((1, self.n_inputs))}

    def forward(self, x: Array, arrays: LayerArrays, context: ForwardContext) -> tuple[Array, LayerBackprop]:
        scale = arrays["scale"]
        x = repeated(x, len(scale))

        def backprop(dy: Array, gradients: LayerArrays, needed: bool) -> Array | None:
            column_sum(dy * x, out=gradients["scale"])
            if not needed:
                return None
            dy *= scale
            return dy

        return x * scale, backprop

    def cost(self) -> Cost:
        return Cost(0, self.n_inputs)

    def input_weights(self, arrays: LayerArrays) -> None:
        return None
