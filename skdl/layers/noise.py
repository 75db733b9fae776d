"""Noise on the inputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from skdl._array import Array, column, normal_rows
from skdl._protocols import ForwardContext, Layer, LayerArrays, LayerBackprop, ScaleAndShift


@dataclass(frozen=True)
class GaussianNoise(Layer):
    """In training y = x + s z, with z ~ N(0, 1) drawn anew for each number; at prediction y = x.

    A column that is constant among the training rows has no noise: the layer above learns nothing of it.

    Parameters
    ----------
    n_inputs : int
    deviations : sequence of k numbers
        s of each member, in (0, inf).

    References
    ----------
    P. Vincent, H. Larochelle, I. Lajoie, Y. Bengio, P.-A. Manzagol, "Stacked denoising autoencoders", JMLR 11, 2010.
    """

    n_inputs: int
    deviations: Sequence[float]

    gives_y = True
    learns_from_rows = True
    is_random = True

    def buffers(self) -> Mapping[str, Array]:
        return {"varies": np.ones((1, self.n_inputs))}

    def from_rows(
        self, x: Array, weight: Array | None, targets: Array, arrays: LayerArrays, generator: np.random.Generator
    ) -> None:
        known = ~np.isnan(x)
        arrays["varies"][0] = np.max(x, 0, where=known, initial=-np.inf) > np.min(x, 0, where=known, initial=np.inf)

    def forward(self, x: Array, arrays: LayerArrays, context: ForwardContext) -> tuple[Array, LayerBackprop]:
        if not context.training:
            return x.copy(), _same
        y = normal_rows(context.generators, x)
        y *= column(self.deviations, x.ndim, x.dtype) * arrays["varies"]
        y += x
        return y, _same

    def passed_map(self, scale: Array, shift: Array) -> ScaleAndShift:
        """As at prediction, where it is the identity."""
        return scale, shift

    def input_weights(self, arrays: LayerArrays) -> None:
        return None


def _same(dy: Array, gradients: LayerArrays, needed: bool) -> Array:
    return dy
