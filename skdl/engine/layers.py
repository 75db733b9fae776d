"""Layers: frozen specifications, each with its adjoint under its forward.

`forward(x, arrays, run)` returns `(y, backprop)`; `backprop(dy, gradients)` owns dy, writes the gradients of the
layer's parameters into the views `gradients`, and returns dx. Written in place because the gradient of a weight is as
large as the weight: returning it would cost a copy of all the parameters in every step. What an affine map or a
normalization made may be overwritten by the next layer; what an activation made may not, for its adjoint may need it.
Nothing survives a step.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from skdl._array import Array, bernoulli_rows, column, column_sum, matmul, multiply, namespace, product_rows, transpose
from skdl._protocols import Activation, Initializer, Normalization, Penalty

Backward = Callable[[Array, Mapping[str, Array]], Array | None]


@dataclass
class Run:
    """What a pass through the network needs besides parameters and data."""

    training: bool
    generators: Sequence[np.random.Generator] = ()
    weight: Array | None = None  # of the batch's rows, (k, B, 1)
    activity: Any = 0.0  # what penalties on activations add to the members' losses

    def start(self, weight: Array) -> None:
        """Begin a pass over rows of these weights."""
        self.weight, self.activity = weight, 0.0


class LayerSpec(ABC):
    """What the network asks of each layer."""

    def parameters(self) -> dict[str, tuple[tuple[int, int], bool]]:
        """Shape of each learned parameter, and whether it is penalised."""
        return {}

    def initial(self, member: int, generator: np.random.Generator) -> Mapping[str, Array]:
        """One member's initial parameters."""
        return {}

    def buffers(self) -> Mapping[str, Array]:
        """Initial values of what is tracked but not learned."""
        return {}

    @abstractmethod
    def forward(self, x: Array, arrays: Mapping[str, Array], run: Run) -> tuple[Array, Backward]:
        """What the layer makes of x, and the way back.

        The first layer's x has one entry a member, or one for several neighbours that have it in common.
        """


def by_table(x: Array, tables: int | None) -> Array:
    """Arrays of k members, or of t tables that k / t members each have in common, (t, k / t or 1, ...), a view."""
    return x if tables is None else x.reshape(tables, -1, *x.shape[1:])


def for_each(x: Array, k: int) -> Array:
    """Inputs of t tables as such of k members; those of one table, and of k, stay as they are."""
    return x if len(x) in (1, k) else namespace(x).repeat(x, k // len(x), axis=0)


@dataclass(frozen=True)
class Affine(LayerSpec):
    """y = x W + b, W (k, n_in, n_out), b (k, 1, n_out); or without b."""

    n_in: int
    n_out: int
    initializers: Sequence[Initializer]
    first: bool = False
    last: bool = False
    bias: bool = True

    def parameters(self) -> dict[str, tuple[tuple[int, int], bool]]:
        weight = {"weight": ((self.n_in, self.n_out), True)}
        return {**weight, "bias": ((1, self.n_out), False)} if self.bias else weight

    def initial(self, member: int, generator: np.random.Generator) -> Mapping[str, Array]:
        weight = self.initializers[member].draw(generator, self.n_in, self.n_out)
        return {"weight": weight, "bias": np.zeros((1, self.n_out))}

    def forward(self, x: Array, arrays: Mapping[str, Array], run: Run) -> tuple[Array, Backward]:
        weight = arrays["weight"]
        tables = len(x) if 1 < len(x) < len(weight) else None  # whose rows several members share
        # A loss goes along the rows of its scores, several times in a step.
        product = product_rows if self.last and run.training else matmul
        y = product(by_table(x, tables), by_table(weight, tables))
        if tables is not None:
            y = y.reshape(len(weight), *y.shape[2:])
        if self.bias:
            y += arrays["bias"]

        def backprop(dy: Array, gradients: Mapping[str, Array]) -> Array | None:
            matmul(transpose(by_table(x, tables)), by_table(dy, tables), out=by_table(gradients["weight"], tables))
            if self.bias:
                column_sum(dy, out=gradients["bias"])
            if self.first:
                return None
            # With one unit above, the products of two numbers each: BLAS takes six times as long.
            return multiply(dy, transpose(weight)) if self.n_out == 1 else matmul(dy, transpose(weight))

        return y, backprop


@dataclass(frozen=True)
class Elementwise(LayerSpec):
    """An activation as a layer."""

    n_units: int
    activation: Activation

    def parameters(self) -> dict[str, tuple[tuple[int, int], bool]]:
        return {name: (np.shape(value), False) for name, value in self.activation.parameters(self.n_units).items()}

    def initial(self, member: int, generator: np.random.Generator) -> Mapping[str, Array]:
        return self.activation.parameters(self.n_units)

    def forward(self, x: Array, arrays: Mapping[str, Array], run: Run) -> tuple[Array, Backward]:
        y, adjoint = self.activation.forward(x, **arrays)
        return y, _writing(adjoint)


@dataclass(frozen=True)
class Normalize(LayerSpec):
    """A normalization as a layer."""

    n_units: int
    normalization: Normalization

    def parameters(self) -> dict[str, tuple[tuple[int, int], bool]]:
        return {name: (np.shape(value), False) for name, value in self.normalization.parameters(self.n_units).items()}

    def initial(self, member: int, generator: np.random.Generator) -> Mapping[str, Array]:
        return self.normalization.parameters(self.n_units)

    def buffers(self) -> Mapping[str, Array]:
        return self.normalization.buffers(self.n_units)

    def forward(self, x: Array, arrays: Mapping[str, Array], run: Run) -> tuple[Array, Backward]:
        y, adjoint = self.normalization.forward(x, training=run.training, **arrays)
        return y, _writing(adjoint)


def _writing(adjoint: Any) -> Backward:
    """A component's adjoint as a layer's: its few gradients are copied into their views."""

    def backprop(dy: Array, gradients: Mapping[str, Array]) -> Array:
        dx, by_name = adjoint(dy)
        for name, gradient in by_name.items():
            gradients[name][...] = gradient
        return dx

    return backprop


@dataclass(frozen=True)
class Dropout(LayerSpec):
    """In training each number is dropped with probability p.

    Inverted dropout divides the rest by 1 - p; the standard form multiplies by 1 - p at prediction instead. The
    expected output is the same in training and prediction in both.
    """

    probabilities: Sequence[float]  # one for each member
    inverted: bool = True

    def forward(self, x: Array, arrays: Mapping[str, Array], run: Run) -> tuple[Array, Backward]:
        x = for_each(x, len(self.probabilities))
        keep = 1 - column(self.probabilities, x.ndim, x.dtype)
        if not run.training:
            return (x if self.inverted else x * keep), lambda dy, gradients: dy
        mask = bernoulli_rows(run.generators, keep, x)
        if self.inverted:
            mask /= keep
        y = x * mask  # not in place: x is an activation's result, which its own adjoint may need

        def backprop(dy: Array, gradients: Mapping[str, Array]) -> Array:
            dy *= mask
            return dy

        return y, backprop


@dataclass(frozen=True)
class Activity(LayerSpec):
    """A penalty on what passes: the identity, whose adjoint adds the penalty's gradient."""

    penalty: Penalty
    alphas: Sequence[float]  # one for each member

    def forward(self, x: Array, arrays: Mapping[str, Array], run: Run) -> tuple[Array, Backward]:
        if not run.training or run.weight is None:
            return x, lambda dy, gradients: dy
        share = column(self.alphas, x.ndim, x.dtype) * run.weight
        # The penalty of a multiple is the multiple of the penalty, so that rows' weights go inside.
        run.activity = run.activity + self.penalty.value((x * share).reshape(x.shape[0], -1))

        def backprop(dy: Array, gradients: Mapping[str, Array]) -> Array:
            dy += share * self.penalty.gradient(x)
            return dy

        return x, backprop
