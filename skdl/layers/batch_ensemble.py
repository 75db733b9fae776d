"""Layers of a batch ensemble: several networks, its members, that share the weights of their hidden layers.

Member j sees a shared affine map through scalings of its own, one of the inputs and one of the outputs, so that its
weights are the shared ones times a matrix of rank one:

    y_j = ((x_j * r_j) W) * s_j + b_j  =  x_j (W * r_j^T s_j) + b_j

A member costs n_in + 2 n_out numbers rather than (n_in + 1) n_out. A whole batch ensemble is one member of the stack:
at the bottom a batch of B rows is tiled to m B rows, B for each of the m members, so that the shared product is one.
The last affine map is each member's own. What stands between the maps takes the rows as they come: normalizations by
batches see those of all members.

BatchEnsemble: Y. Wen, D. Tran, J. Ba, ICLR 2020. TabM: Y. Gorishniy, A. Kotelnikov, A. Babenko, ICLR 2025.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from skdl._array import Array, column_sum, matmul, namespace, transpose
from skdl._protocols import (
    Cost,
    ForwardContext,
    Initializer,
    Layer,
    LayerArrays,
    LayerBackprop,
    ParameterSpec,
)
from skdl.layers.dense import Widths


def tile(x: Array, size: int) -> Array:
    """The rows of x (k, B, n) for each member of the ensemble, (k, m B, n)."""
    k, n_rows, n = x.shape
    return namespace(x).broadcast_to(x[:, None], (k, size, n_rows, n)).reshape(k, size * n_rows, n)


def by_member(x: Array, size: int) -> Array:
    """The rows of x (k, m B, n) by members of the ensemble, (k, m, B, n)."""
    return x.reshape(x.shape[0], size, -1, x.shape[-1])


def sum_by_member(x: Array) -> Array:
    """Sums over the rows of each member, (k, m, B, n) -> (k, m, n)."""
    k, size, n_rows, n = x.shape
    return column_sum(x.reshape(k * size, n_rows, n)).reshape(k, size, n)


@dataclass(frozen=True)
class Tile(Layer):
    """The rows of a batch for each member of the ensemble, (k, B, n) -> (k, m B, n).

    Where each member has rows of its own in training, they come so already, and pass.

    Parameters
    ----------
    size : int
        m, the members.
    """

    size: int

    @property
    def repeats(self) -> int:  # type: ignore[override]  # computed, where the base has a value
        return self.size

    def forward(self, x: Array, arrays: LayerArrays, context: ForwardContext) -> tuple[Array, LayerBackprop]:
        def backprop(dy: Array, gradients: LayerArrays, needed: bool) -> Array | None:
            return by_member(dy, self.size).sum(axis=1) if needed else None

        if context.is_repeated:
            return x, lambda dy, gradients, needed: dy
        return tile(x, self.size), backprop

    def along(self, targets: Array, weight: Array) -> tuple[Array, Array]:
        """Targets and weights for the scores of all members, whose mean loss is the loss."""
        return tile(targets, self.size), tile(weight, self.size) * (1 / self.size)

    def input_weights(self, arrays: LayerArrays) -> None:
        return None

    def alone(self, arrays: LayerArrays, j: int) -> None:
        return None


@dataclass(frozen=True)
class BatchEnsembleDense(Layer):
    """y_j = ((x_j * r_j) W) * s_j + b_j, W (k, n_in, n_out), r (k, m, n_in), s and b (k, m, n_out).

    The members begin alike but for the signs of r in the first layer, which are random (TabM's initialisation): they
    see different mixtures of the inputs, and otherwise start from one network. All inputs that are of one column of the
    data have one sign. Where numbers are encoded by several inputs each, normal numbers take the place of signs.

    Parameters
    ----------
    n_in, n_out : int
    size : int
        m, the members of the ensemble.
    initializers : sequence of k initializers
    columns : tuple of two int each, default=()
        (c, w) for c columns of the data that are w inputs each, in the order of the inputs, whose signs are random;
        empty for none. The first are the numbers.
    """

    n_in: int
    n_out: int
    size: int
    initializers: Sequence[Initializer]
    columns: Widths = ()

    gives_y = True

    def parameters(self) -> list[ParameterSpec]:
        return [
            ParameterSpec("weight", (self.n_in, self.n_out), "weight"),
            ParameterSpec("in_scale", (self.size, self.n_in)),
            ParameterSpec("out_scale", (self.size, self.n_out)),
            ParameterSpec("bias", (self.size, self.n_out), owners=self.size),
        ]

    def initial(self, member: int, generator: np.random.Generator) -> Mapping[str, Array]:
        scale: np.ndarray = np.ones((self.size, self.n_in))
        if self.columns:
            counts, widths = np.array(self.columns).T
            shape = (self.size, counts.sum())
            normal = widths[0] > 1
            drawn = generator.normal(size=shape) if normal else 1 - 2.0 * generator.integers(2, size=shape)
            scale = drawn.repeat(widths.repeat(counts), axis=1)
        return {
            "weight": self.initializers[member].draw(generator, self.n_in, self.n_out),
            "in_scale": scale,
            "out_scale": np.ones((self.size, self.n_out)),
            "bias": np.zeros((self.size, self.n_out)),
        }

    def forward(self, x: Array, arrays: LayerArrays, context: ForwardContext) -> tuple[Array, LayerBackprop]:
        weight, r, s = arrays["weight"], arrays["in_scale"][:, :, None], arrays["out_scale"][:, :, None]
        shape = (weight.shape[0], x.shape[1], self.n_out)
        u = (by_member(x, self.size) * r).reshape(weight.shape[0], x.shape[1], self.n_in)
        v = by_member(matmul(u, weight), self.size)
        y = v * s  # not in place: the gradient by s needs v
        y += arrays["bias"][:, :, None]

        def backprop(dy: Array, gradients: LayerArrays, needed: bool) -> Array | None:
            dv = by_member(dy, self.size)
            gradients["bias"][...] = sum_by_member(dv)
            gradients["out_scale"][...] = sum_by_member(dv * v)
            dv = (dv * s).reshape(shape)
            matmul(transpose(u), dv, out=gradients["weight"])
            du = by_member(matmul(dv, transpose(weight)), self.size)
            gradients["in_scale"][...] = sum_by_member(du * by_member(x, self.size))
            return (du * r).reshape(u.shape) if needed else None

        return y.reshape(shape), backprop

    def cost(self) -> Cost:
        return Cost(self.size * self.n_in * self.n_out, self.size * self.n_out)

    def input_weights(self, arrays: LayerArrays) -> list[Array]:
        return [np.moveaxis(arrays["weight"][:, None], 2, 0)]

    def alone(self, arrays: LayerArrays, j: int) -> LayerArrays:
        weight = arrays["weight"] * np.outer(arrays["in_scale"][j], arrays["out_scale"][j])
        return {"weight": weight, "bias": arrays["bias"][j : j + 1]}


@dataclass(frozen=True)
class PerMemberDense(Layer):
    """y_j = x_j W_j + b_j, the weights W (k, m n_in, n_out) one block of rows a member, b (k, m, n_out).

    Parameters
    ----------
    n_in, n_out : int
    size : int
        m, the members of the ensemble.
    initializers : sequence of k initializers
    """

    n_in: int
    n_out: int
    size: int
    initializers: Sequence[Initializer]

    gives_y = True

    def parameters(self) -> list[ParameterSpec]:
        shape = (self.size * self.n_in, self.n_out)
        return [
            ParameterSpec("weight", shape, "weight", n_blocks=self.size, owners=self.size),
            ParameterSpec("bias", (self.size, self.n_out), owners=self.size),
        ]

    def initial(self, member: int, generator: np.random.Generator) -> Mapping[str, Array]:
        draws = [self.initializers[member].draw(generator, self.n_in, self.n_out) for _ in range(self.size)]
        return {"weight": np.concatenate(draws), "bias": np.zeros((self.size, self.n_out))}

    def forward(self, x: Array, arrays: LayerArrays, context: ForwardContext) -> tuple[Array, LayerBackprop]:
        rows, weights = by_member(x, self.size), self._blocks(arrays["weight"])
        y = matmul(rows, weights)
        y += arrays["bias"][:, :, None]

        def backprop(dy: Array, gradients: LayerArrays, needed: bool) -> Array | None:
            dy = by_member(dy, self.size)
            matmul(transpose(rows), dy, out=self._blocks(gradients["weight"]))
            gradients["bias"][...] = sum_by_member(dy)
            return matmul(dy, transpose(weights)).reshape(x.shape) if needed else None

        return y.reshape(y.shape[0], x.shape[1], self.n_out), backprop

    def _blocks(self, weights: Array) -> Array:
        """(k, m n_in, n_out) -> (k, m, n_in, n_out), a view."""
        return weights.reshape(weights.shape[0], self.size, self.n_in, self.n_out)

    def cost(self) -> Cost:
        return Cost(self.size * self.n_in * self.n_out, self.size * self.n_out)

    def input_weights(self, arrays: LayerArrays) -> list[Array]:
        return [np.moveaxis(self._blocks(arrays["weight"]), 2, 0)]

    def output_weights(self, arrays: LayerArrays) -> list[Array]:
        return [np.moveaxis(self._blocks(arrays["weight"]), 3, 0)]

    def alone(self, arrays: LayerArrays, j: int) -> LayerArrays:
        return {"weight": np.split(arrays["weight"], self.size)[j], "bias": arrays["bias"][j : j + 1]}


@dataclass(frozen=True)
class BatchEnsembleMaps:
    """The affine maps of a batch ensemble, in place of those of an ordinary network.

    Parameters
    ----------
    size : int
        The members of the ensemble.
    """

    size: int

    def inputs(self) -> list[Layer]:
        """The layers below the first hidden layer."""
        return [Tile(self.size)]

    def hidden(self, n_in: int, n_out: int, initializers: Sequence[Initializer], *, columns: Widths) -> Layer:
        """A map of a hidden layer; of the first one, with the columns that its inputs belong to."""
        return BatchEnsembleDense(n_in, n_out, self.size, initializers, columns)

    def output(self, n_in: int, n_out: int, initializers: Sequence[Initializer], *, bias: bool) -> Layer:
        """The map that gives the scores."""
        return PerMemberDense(n_in, n_out, self.size, initializers)
