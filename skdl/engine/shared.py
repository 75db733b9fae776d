"""Layers of a batch ensemble: several networks, called copies, that share the weights of their hidden layers.

Copy j sees a shared affine map through scalings of its own, one of the inputs and one of the outputs, so that its
weights are the shared ones times a matrix of rank one:

    y_j = ((x_j * r_j) W) * s_j + b_j  =  x_j (W * r_j^T s_j) + b_j

A copy costs n_in + 2 n_out numbers rather than (n_in + 1) n_out. All copies are one member of the stack: a first layer
spreads a batch of B rows to m B rows, B for each copy, so that the shared product is one. The last affine map is each
copy's own. What stands between the maps takes the rows as they come: normalizations by batches see those of all copies.

BatchEnsemble: Y. Wen, D. Tran, J. Ba, ICLR 2020. TabM: Y. Gorishniy, A. Kotelnikov, A. Babenko, ICLR 2025.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from skdl._array import Array, column_sum, matmul, namespace, transpose
from skdl._protocols import Initializer
from skdl.engine.layers import Backward, LayerSpec, Run, for_each


def spread(x: Array, copies: int) -> Array:
    """The rows of x (k, B, n) for each copy, (k, m B, n)."""
    k, n_rows, n = x.shape
    return namespace(x).broadcast_to(x[:, None], (k, copies, n_rows, n)).reshape(k, copies * n_rows, n)


def by_copy(x: Array, copies: int) -> Array:
    """The rows of x (k, m B, n) by copies, (k, m, B, n)."""
    return x.reshape(x.shape[0], copies, -1, x.shape[-1])


def sum_by_copy(x: Array) -> Array:
    """Sums over the rows of each copy, (k, m, B, n) -> (k, m, n)."""
    k, copies, n_rows, n = x.shape
    return column_sum(x.reshape(k * copies, n_rows, n)).reshape(k, copies, n)


@dataclass(frozen=True)
class Spread(LayerSpec):
    """The rows of a batch for each copy; it stands below all that is learned."""

    copies: int

    def forward(self, x: Array, arrays: Mapping[str, Array], run: Run) -> tuple[Array, Backward]:
        return spread(x, self.copies), lambda dy, gradients: None


@dataclass(frozen=True)
class SharedAffine(LayerSpec):
    """y_j = ((x_j * r_j) W) * s_j + b_j, W (k, n_in, n_out), r (k, m, n_in), s and b (k, m, n_out).

    The copies begin alike but for the signs of r in the first layer, which are random (TabM's initialisation): they see
    different mixtures of the inputs, and otherwise start from one network.
    """

    n_in: int
    n_out: int
    copies: int
    initializers: Sequence[Initializer]
    first: bool = False

    def parameters(self) -> dict[str, tuple[tuple[int, int], bool]]:
        return {
            "weight": ((self.n_in, self.n_out), True),
            "in_scale": ((self.copies, self.n_in), False),
            "out_scale": ((self.copies, self.n_out), False),
            "bias": ((self.copies, self.n_out), False),
        }

    def initial(self, member: int, generator: np.random.Generator) -> Mapping[str, Array]:
        scale = np.ones((self.copies, self.n_in))
        if self.first:
            scale -= 2.0 * generator.integers(2, size=scale.shape)
        return {
            "weight": self.initializers[member].draw(generator, self.n_in, self.n_out),
            "in_scale": scale,
            "out_scale": np.ones((self.copies, self.n_out)),
            "bias": np.zeros((self.copies, self.n_out)),
        }

    def forward(self, x: Array, arrays: Mapping[str, Array], run: Run) -> tuple[Array, Backward]:
        x = for_each(x, len(arrays["weight"]))
        weight, r, s = arrays["weight"], arrays["in_scale"][:, :, None], arrays["out_scale"][:, :, None]
        shape = (weight.shape[0], x.shape[1], self.n_out)
        u = (by_copy(x, self.copies) * r).reshape(weight.shape[0], x.shape[1], self.n_in)
        v = by_copy(matmul(u, weight), self.copies)
        y = v * s  # not in place: the gradient by s needs v
        y += arrays["bias"][:, :, None]

        def backprop(dy: Array, gradients: Mapping[str, Array]) -> Array | None:
            dv = by_copy(dy, self.copies)
            gradients["bias"][...] = sum_by_copy(dv)
            gradients["out_scale"][...] = sum_by_copy(dv * v)
            dv = (dv * s).reshape(shape)
            matmul(transpose(u), dv, out=gradients["weight"])
            du = by_copy(matmul(dv, transpose(weight)), self.copies)
            gradients["in_scale"][...] = sum_by_copy(du * by_copy(x, self.copies))
            return None if self.first else (du * r).reshape(u.shape)

        return y.reshape(shape), backprop


@dataclass(frozen=True)
class SeparateAffine(LayerSpec):
    """y_j = x_j W_j + b_j, the weights W (k, m n_in, n_out) one block of rows a copy, b (k, m, n_out)."""

    n_in: int
    n_out: int
    copies: int
    initializers: Sequence[Initializer]
    first: bool = False

    def parameters(self) -> dict[str, tuple[tuple[int, int], bool]]:
        return {
            "weights": ((self.copies * self.n_in, self.n_out), True),
            "bias": ((self.copies, self.n_out), False),
        }

    def initial(self, member: int, generator: np.random.Generator) -> Mapping[str, Array]:
        draws = [self.initializers[member].draw(generator, self.n_in, self.n_out) for _ in range(self.copies)]
        return {"weights": np.concatenate(draws), "bias": np.zeros((self.copies, self.n_out))}

    def forward(self, x: Array, arrays: Mapping[str, Array], run: Run) -> tuple[Array, Backward]:
        rows, weights = by_copy(x, self.copies), self._blocks(arrays["weights"])
        y = matmul(rows, weights)
        y += arrays["bias"][:, :, None]

        def backprop(dy: Array, gradients: Mapping[str, Array]) -> Array | None:
            dy = by_copy(dy, self.copies)
            matmul(transpose(rows), dy, out=self._blocks(gradients["weights"]))
            gradients["bias"][...] = sum_by_copy(dy)
            return None if self.first else matmul(dy, transpose(weights)).reshape(x.shape)

        return y.reshape(y.shape[0], x.shape[1], self.n_out), backprop

    def _blocks(self, weights: Array) -> Array:
        """(k, m n_in, n_out) -> (k, m, n_in, n_out), a view."""
        return weights.reshape(weights.shape[0], self.copies, self.n_in, self.n_out)
