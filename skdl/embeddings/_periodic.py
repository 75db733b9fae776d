"""The periodic embedding: waves of learned frequencies, and a small layer for each feature."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from skdl._array import Array, column_sum, matmul, namespace, transpose
from skdl._constraints import NONE, Integer, Real
from skdl._protocols import Cost, Embedding, ForwardContext, Layer, LayerArrays, LayerBackprop, ParameterSpec
from skdl._registry import activations, register
from skdl.layers import ActivationLayer, Sequential


@dataclass(frozen=True)
class Waves(Layer):
    """[sin(2 pi c_ij x_j), cos(2 pi c_ij x_j)] of each feature j, with learned frequencies c_ij, i = 1 ... n.

    (k, B, d) -> (k, B, 2 d n): a feature's sines, then its cosines, then the next feature's.

    Parameters
    ----------
    n_inputs, n_frequencies : int
        d and n.
    sigma : array with k numbers
        Standard deviations of the members' initial frequencies.
    """

    n_inputs: int
    n_frequencies: int
    sigma: Array

    gives_y = True

    def parameters(self) -> list[ParameterSpec]:
        return [ParameterSpec("frequency", (self.n_inputs, self.n_frequencies), "frequency")]

    def initial(self, member: int, generator: np.random.Generator) -> Mapping[str, Array]:
        sigma = float(np.ravel(self.sigma)[member])
        return {"frequency": generator.normal(0.0, sigma, (self.n_inputs, self.n_frequencies))}

    def forward(self, x: Array, arrays: LayerArrays, context: ForwardContext) -> tuple[Array, LayerBackprop]:
        xp, n = namespace(x), self.n_frequencies
        frequency = (2 * math.pi) * arrays["frequency"][:, None]  # (k, 1, d, n)
        phase = x[..., None] * frequency
        waves = xp.concat([xp.sin(phase), xp.cos(phase)], axis=-1)
        shape = waves.shape[0], waves.shape[1], -1

        def backprop(dy: Array, gradients: LayerArrays, needed: bool) -> Array | None:
            dy = dy.reshape(waves.shape)
            dphase = dy[..., :n] * waves[..., n:]
            dphase -= dy[..., n:] * waves[..., :n]
            by_frequency = column_sum((dphase * x[..., None]).reshape(shape))
            gradients["frequency"][...] = (2 * math.pi) * by_frequency.reshape(gradients["frequency"].shape)
            return (dphase * frequency).sum(axis=-1) if needed else None

        return waves.reshape(shape).copy(), backprop

    def cost(self) -> Cost:
        return Cost(0, 2 * self.n_inputs * self.n_frequencies)


@dataclass(frozen=True)
class FeatureDense(Layer):
    """y_j = x_j W_j + b_j for each feature j, whose numbers lie side by side.

    (k, B, d n_in) -> (k, B, d n_out); the weights W (k, d n_in, n_out) are one block of rows a feature.

    Parameters
    ----------
    n_features, n_in, n_out : int
        d, and the numbers of each feature before and after.
    """

    n_features: int
    n_in: int
    n_out: int

    gives_y = True

    def parameters(self) -> list[ParameterSpec]:
        shape = (self.n_features * self.n_in, self.n_out)
        return [
            ParameterSpec("weight", shape, "weight", n_blocks=self.n_features),
            ParameterSpec("bias", (1, self.n_features * self.n_out), "bias"),
        ]

    def initial(self, member: int, generator: np.random.Generator) -> Mapping[str, Array]:
        bound = 1 / math.sqrt(self.n_in)
        return {spec.name: generator.uniform(-bound, bound, spec.shape) for spec in self.parameters()}

    def forward(self, x: Array, arrays: LayerArrays, context: ForwardContext) -> tuple[Array, LayerBackprop]:
        rows, weight = self._by_feature(x, self.n_in), self._blocks(arrays["weight"])
        y = self._by_row(matmul(rows, weight))
        y += arrays["bias"]

        def backprop(dy: Array, gradients: LayerArrays, needed: bool) -> Array | None:
            column_sum(dy, out=gradients["bias"])
            dy = self._by_feature(dy, self.n_out)
            matmul(transpose(rows), dy, out=self._blocks(gradients["weight"]))
            return self._by_row(matmul(dy, transpose(weight))) if needed else None

        return y, backprop

    def _by_feature(self, x: Array, n: int) -> Array:
        """(k, B, d n) -> (k, d, B, n), a view."""
        return x.reshape(x.shape[0], x.shape[1], self.n_features, n).swapaxes(1, 2)

    def _by_row(self, x: Array) -> Array:
        """(k, d, B, n) -> (k, B, d n)."""
        return x.swapaxes(1, 2).reshape(x.shape[0], x.shape[2], -1)

    def _blocks(self, weight: Array) -> Array:
        """(k, d n_in, n_out) -> (k, d, n_in, n_out), a view."""
        return weight.reshape(weight.shape[0], self.n_features, self.n_in, self.n_out)

    def cost(self) -> Cost:
        return Cost(self.n_in * self.n_out, self.n_features * self.n_out)


@register("periodic")
class PeriodicEmbedding(Embedding):
    """Periodic embedding: each number becomes waves of learned frequencies, and those the units of a small layer.

    v_j = [sin(2 pi c_ij x_j), cos(2 pi c_ij x_j), i = 1 ... n],  e_j = max(v_j W_j + b_j, 0)

    for each feature j by itself, with initial frequencies c_ij from N(0, sigma^2). So a network can follow what turns
    often along a feature, which its first layer alone learns slowly. With `n_units=None` the waves themselves are the
    embedding ("P" of the reference, with a layer "PLR").

    Parameters
    ----------
    n_frequencies : int, default=16
        n, at least 1.
    sigma : float, default=0.1
        Standard deviation of the initial frequencies, in waves per unit of x_j (with `standardize`, per standard
        deviation), in (0, inf). It is the parameter to tune.
    n_units : int or None, default=8
        Units of each feature's layer, at least 1; None for no such layers.

    Shape
    -----
    (k, B, d) -> (k, B, d n_units), or (k, B, 2 d n_frequencies) without layers

    References
    ----------
    Y. Gorishniy, I. Rubachev, A. Babenko, "On embeddings for numerical features in tabular deep learning", NeurIPS
    2022, section 3.3.

    Examples
    --------
    >>> from skdl import MLPRegressor
    >>> MLPRegressor(embedding="periodic").set_params(embedding__sigma=0.3)
    MLPRegressor(embedding=PeriodicEmbedding(sigma=0.3))
    """

    constraints = {
        "n_frequencies": Integer(1),
        "sigma": Real(0, open_low=True),
        "n_units": NONE | Integer(1),
    }
    per_member = ("sigma",)

    def __init__(self, n_frequencies: int = 16, *, sigma: float = 0.1, n_units: int | None = 8):
        self.n_frequencies = n_frequencies
        self.sigma = sigma
        self.n_units = n_units

    def n_outputs(self, n_inputs: int) -> int:
        return n_inputs * (2 * self.n_frequencies if self.n_units is None else self.n_units)

    def build(self, n_inputs: int) -> Layer:
        waves = Waves(n_inputs, self.n_frequencies, self.sigma)
        if self.n_units is None:
            return waves
        dense = FeatureDense(n_inputs, 2 * self.n_frequencies, self.n_units)
        relu = ActivationLayer(n_inputs * self.n_units, activations.resolve("relu"))
        return Sequential([waves, dense, relu])
