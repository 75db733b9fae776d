"""Standardisation of the inputs at prediction, where no layer absorbs it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from skdl._array import Array
from skdl._protocols import ForwardContext, Layer, LayerArrays, LayerBackprop


@dataclass(frozen=True)
class Standardization(Layer):
    """y = (x - shift) * scale, with shift and scale of each column as buffers.

    Parameters
    ----------
    n_inputs : int
    """

    n_inputs: int

    gives_y = True

    def buffers(self) -> Mapping[str, Array]:
        return {"shift": np.zeros((1, self.n_inputs)), "scale": np.ones((1, self.n_inputs))}

    def forward(self, x: Array, arrays: LayerArrays, context: ForwardContext) -> tuple[Array, LayerBackprop]:
        y = x - arrays["shift"]
        y *= arrays["scale"]
        return y, lambda dy, gradients, needed: dy * arrays["scale"]
