"""The affine map, and the ordinary hidden layer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from skdl._array import Array, column_sum, matmul, multiply, product_rows
from skdl._protocols import (
    Block,
    Cost,
    Fold,
    ForwardContext,
    Initializer,
    Layer,
    LayerArrays,
    LayerBackprop,
    ParameterSpec,
    Parts,
)
from skdl._registry import register
from skdl.layers.sequential import Sequential

Widths: TypeAlias = tuple[tuple[int, int], ...]  # (c, w) for c columns of the data that are w inputs each, in order


@dataclass(frozen=True)
class Dense(Layer):
    """y = x W + b, W (k, n_in, n_out), b (k, 1, n_out); or without b.

    Parameters
    ----------
    n_in, n_out : int
    initializers : sequence of k initializers
    bias : bool, default=True
    makes_scores : bool, default=False
        Whether a loss takes y: it goes along the rows of its scores several times in a step, and in training these are
        laid out for that.
    """

    n_in: int
    n_out: int
    initializers: Sequence[Initializer]
    bias: bool = True
    makes_scores: bool = False

    gives_y = True
    takes_shared_rows = True

    def parameters(self) -> list[ParameterSpec]:
        weight = ParameterSpec("weight", (self.n_in, self.n_out), "weight")
        return [weight, ParameterSpec("bias", (1, self.n_out), "bias")] if self.bias else [weight]

    def initial(self, member: int, generator: np.random.Generator) -> dict[str, np.ndarray]:
        weight = self.initializers[member].draw(generator, self.n_in, self.n_out)
        return {"weight": weight, "bias": np.zeros((1, self.n_out))}

    @property
    def learns_from_rows(self) -> bool:  # type: ignore[override]
        return any(initializer.learns_from_rows for initializer in self.initializers)

    def from_rows(
        self, x: Array, weight: Array | None, targets: Array, arrays: LayerArrays, generator: np.random.Generator
    ) -> None:
        [initializer] = self.initializers
        arrays["weight"][...], bias = initializer.from_rows(arrays["weight"], x, weight, generator)
        if self.bias:
            arrays["bias"][0] = bias

    @property
    def leaves_bias(self) -> bool:  # type: ignore[override]
        return self.bias and type(self).forward is Dense.forward

    def forward(self, x: Array, arrays: LayerArrays, context: ForwardContext) -> tuple[Array, LayerBackprop]:
        y, backprop = self.product(x, arrays, context)
        if self.bias:
            y += arrays["bias"]
        return y, backprop

    def product(self, x: Array, arrays: LayerArrays, context: ForwardContext) -> tuple[Array, LayerBackprop]:
        weight = arrays["weight"]
        groups = len(x) if 1 < len(x) < len(weight) else 0  # of members that share rows
        product = product_rows if self.makes_scores and context.training else matmul
        y = _in_groups(product, groups, x, weight) if groups else product(x, weight)

        def backprop(dy: Array, gradients: LayerArrays, needed: bool) -> Array | None:
            if groups:
                _in_groups(matmul, groups, x.mT, dy, gradients["weight"])
            else:
                matmul(x.mT, dy, gradients["weight"])
            if self.bias:
                column_sum(dy, gradients["bias"])
            if not needed:
                return None
            # With one unit above, the products of two numbers each: BLAS takes six times as long.
            return multiply(dy, weight.mT) if self.n_out == 1 else matmul(dy, weight.mT)

        return y, backprop

    def cost(self) -> Cost:
        return Cost(self.n_in * self.n_out, self.n_out)

    def input_fold(self) -> Fold:
        """(x - shift) * scale W + b = x (scale W) + (b - shift (scale W)); without b, the shift must be zero."""

        def apply(arrays: LayerArrays, scale: Array, shift: Array) -> None:
            weight = arrays["weight"]
            weight *= scale[:, None]
            if self.bias:
                arrays["bias"] -= shift @ weight

        def undo(arrays: LayerArrays, scale: Array, shift: Array) -> None:
            weight = arrays["weight"]
            if self.bias:
                arrays["bias"] += shift @ weight
            weight /= np.where(scale == 0, 1.0, scale)[:, None]

        return Fold(apply, undo, self.bias)

    def output_fold(self) -> Fold:
        def apply(arrays: LayerArrays, scale: Array, shift: Array) -> None:
            for array in arrays.values():
                array *= scale
            if self.bias:
                arrays["bias"] += shift

        def undo(arrays: LayerArrays, scale: Array, shift: Array) -> None:
            if self.bias:
                arrays["bias"] -= shift
            for array in arrays.values():
                array /= np.where(scale == 0, 1.0, scale)

        return Fold(apply, undo, self.bias)

    def input_weights(self, arrays: LayerArrays) -> list[Array]:
        return [np.moveaxis(arrays["weight"], 1, 0)]

    def output_weights(self, arrays: LayerArrays) -> list[Array]:
        return [np.moveaxis(arrays["weight"], 2, 0)]


def _in_groups(product: Callable[..., Array], groups: int, *arrays: Array) -> Array:
    """A product of arrays of k members, or of t for k / t neighbours each that have rows in common, (k, ...)."""
    y = product(*(array.reshape(groups, -1, *array.shape[1:]) for array in arrays))
    return y.reshape(-1, *y.shape[2:])


@dataclass(frozen=True)
class OrdinaryMaps:
    """The affine maps of an ordinary network."""

    def inputs(self) -> list[Layer]:
        """The layers below the first hidden layer."""
        return []

    def hidden(self, n_in: int, n_out: int, initializers: Sequence[Initializer], *, columns: Widths) -> Layer:
        """A map of a hidden layer; of the first one, with the columns that its inputs belong to."""
        return Dense(n_in, n_out, initializers)

    def output(self, n_in: int, n_out: int, initializers: Sequence[Initializer], *, bias: bool) -> Layer:
        """The map that gives the scores."""
        return Dense(n_in, n_out, initializers, bias, makes_scores=True)


@register("dense")
class DenseBlock(Block):
    """The ordinary hidden layer.

    y = dropout(activation(normalization(x W + b)))

    Shape
    -----
    (k, B, n_in) -> (k, B, n_out)

    Examples
    --------
    >>> from skdl import MLPClassifier
    >>> MLPClassifier((64, 64, 64), layer=["dense", "residual", "residual"])
    MLPClassifier(hidden_layer_sizes=(64, 64, 64),
                  layer=['dense', 'residual', 'residual'])
    """

    takes_pieces = True

    def build(self, n_in: int, n_out: int, parts: Parts) -> Layer:
        return Sequential(
            [
                parts.dense(n_in, n_out),
                *parts.normalization(n_out),
                *parts.activation(n_out),
                *parts.dropout(),
            ]
        )
