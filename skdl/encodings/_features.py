"""A small affine map for each feature."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from skdl._array import Array, matmul, row_sum
from skdl._protocols import Cost, ForwardContext, Layer, LayerArrays, LayerBackprop, ParameterSpec
from skdl.layers.shared_rows import repeated


@dataclass(frozen=True)
class FeatureDense(Layer):
    """y_j = W_j x_j + b_j for each feature j, whose numbers lie side by side.

    (k, B, d n_in) -> (k, B, d n_out), with the weights W (k, d n_out, n_in) and b (k, d, n_out); y lies in memory
    column by column. Weights and biases begin as U(-1, 1) / sqrt(n_out), the weights of all inputs but the first
    `n_drawn` ones at 0.

    Parameters
    ----------
    n_features, n_in, n_out : int
        d, and the numbers of each feature before and after.
    n_drawn : int
    """

    n_features: int
    n_in: int
    n_out: int
    n_drawn: int

    gives_y = True
    takes_shared_rows = True

    def parameters(self) -> list[ParameterSpec]:
        return [
            ParameterSpec("weight", (self.n_features * self.n_out, self.n_in), "encoding"),
            ParameterSpec("bias", (self.n_features, self.n_out), "encoding"),
        ]

    def initial(self, member: int, generator: np.random.Generator) -> Mapping[str, Array]:
        bound = 1 / math.sqrt(self.n_out)
        drawn = {spec.name: generator.uniform(-bound, bound, spec.shape) for spec in self.parameters()}
        drawn["weight"][:, self.n_drawn :] = 0
        return drawn

    def forward(self, x: Array, arrays: LayerArrays, context: ForwardContext) -> tuple[Array, LayerBackprop]:
        weight, bias = self._blocks(arrays["weight"]), arrays["bias"][..., None]
        x = repeated(x, len(weight))
        features = by_features(x, self.n_features)
        y = matmul(weight, features)
        y += bias

        def backprop(dy: Array, gradients: LayerArrays, needed: bool) -> Array | None:
            dy = by_features(dy, self.n_features)
            matmul(dy, features.mT, out=self._blocks(gradients["weight"]))
            row_sums(dy, out=gradients["bias"])
            return by_rows(matmul(weight.mT, dy)) if needed else None

        return by_rows(y), backprop

    def _blocks(self, weight: Array) -> Array:
        """(k, d n_out, n_in) -> (k, d, n_out, n_in), a view."""
        return weight.reshape(weight.shape[0], self.n_features, self.n_out, self.n_in)

    def cost(self) -> Cost:
        return Cost(self.n_in * self.n_out, self.n_features * self.n_out)


def by_features(x: Array, n_features: int) -> Array:
    """Rows (k, B, d n) by features, (k, d, n, B), of which each has its memory in one piece."""
    return np.ascontiguousarray(x.mT).reshape(x.shape[0], n_features, x.shape[2] // n_features, x.shape[1])


def by_rows(x: Array) -> Array:
    """Features (k, d, n, B) by rows, (k, B, d n), without a copy."""
    return x.reshape(x.shape[0], -1, x.shape[-1]).mT


def row_sums(x: Array, out: Array) -> Array:
    """Sums over the rows of features (k, d, n, B), (k, d, n)."""
    out[...] = row_sum(x)[..., 0]
    return out
