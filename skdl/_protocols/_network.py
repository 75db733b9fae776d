"""The protocol of a layer; shapes are as in `skdl._protocols`.

A layer is built for the k members of a stack, with its shapes: `Dense(n_in, n_out, ...)`. It holds no arrays: what it
learns and tracks lies in flat arrays of the stack, and comes to `forward` by name, as views with the members first.
A layer has parameters of its own, or children, never both.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Self, TypeAlias

import numpy as np

from skdl._array import Array
from skdl._protocols._context import ForwardContext
from skdl._protocols._parameters import ParameterSpec

# A layer's arrays by name; of a layer with children, the sequence of those of its leaves.
LayerArrays: TypeAlias = Any
LayerBackprop: TypeAlias = Callable[[Array, LayerArrays, bool], Array | None]
ScaleAndShift: TypeAlias = tuple[Array, Array]


class Fold(NamedTuple):
    """A way to take a scale and a shift into a layer's parameters, and back.

    Both are called with one member's arrays, by name and without the member axis, which they change in place, and with
    a scale and a shift, each of shape (n,) or (1, n). A scale of 0 is undone as if it were 1.
    """

    apply: Callable[[LayerArrays, Array, Array], None]
    undo: Callable[[LayerArrays, Array, Array], None]
    takes_shift: bool = True  # or only one of zero


class Cost(NamedTuple):
    """The cost of a layer for one row of the network's inputs."""

    largest_product: int = 0  # multiplications of its largest matrix product
    n_activations: int = 0  # numbers that its affine maps make


class Absorption(NamedTuple):
    """A leaf that at prediction is a fixed scale and shift, which the layer under it absorbs."""

    leaf: int  # its place among the leaves
    fixed: Callable[[LayerArrays], ScaleAndShift]
    absorber: Layer
    start: int  # the place of the absorber's first leaf
    fold: Fold


class Layer(ABC):
    """A part of a network, for all members of a stack at once.

    What a layer must have is `forward`, and what it learns: `parameters` and `initial`. All else says what it can do
    besides, and what holds by default is safe.

    Attributes
    ----------
    overwrites_x : bool
        Whether `forward` changes x in place: it then gets one of its own.
    gives_y : bool
        Whether the layer above may overwrite the result of `forward`, which the adjoint then must not need.
    takes_shared_rows : bool
        Whether it takes x of t < k members, each for k / t neighbours that have the rows in common; other layers get
        them repeated. The gradient by such an x is never asked for.
    gives_shared_rows : bool
        Whether y may then have t members too, where it would be the same for those that have the rows in common.
    repeats : int
        Rows of y for one row of x.
    learns_from_rows : bool
        Whether it has initial values that the training rows give (`from_rows`).
    is_random : bool
        Whether what it gives in training depends on random numbers.
    is_activation : bool
        Whether it is the activation of a hidden layer, to which the layer's pre-activations come.
    leaves_bias : bool
        Whether it has a `product`, which is `forward` without the bias, for a layer above that adds it.
    adds_bias : bool
        Whether it does so, in one pass with its own work, by `forward_with`.
    n_leaves : int
        Layers without children in it.
    """

    overwrites_x = False
    gives_y = False
    takes_shared_rows = False
    gives_shared_rows = False
    repeats = 1
    learns_from_rows = False
    is_random = False
    is_activation = False
    leaves_bias = False
    adds_bias = False
    n_leaves = 1

    # What it learns and tracks.

    def parameters(self) -> Sequence[ParameterSpec]:
        """The parameters that it learns."""
        return ()

    def initial(self, member: int, generator: np.random.Generator) -> Mapping[str, Array]:
        """One member's initial parameters, by name and without the member axis, drawn from its generator."""
        return {}

    def buffers(self) -> Mapping[str, Array]:
        """Initial values, of shape (1, n), of what is tracked in training but not learned."""
        return {}

    def from_rows(
        self, x: Array, weight: Array | None, targets: Array, arrays: LayerArrays, generator: np.random.Generator
    ) -> None:
        """Write initial values that the training rows give into one member's arrays, once, before the training.

        The layers below have theirs by then. A row of weight 2 is the row twice, and none has a weight of zero. All
        arrays are the layer's own.

        Parameters
        ----------
        x : array of shape (n, n_in)
            What comes to the layer of at most 2^17 rows, and fewer where it is wide. NaN stands for a missing number.
        weight : array of shape (n,) or None
            Weights of the rows up to a common factor, positive; None where they are equal.
        targets : array of shape (n, C)
            What the loss takes.
        arrays : mapping from names to arrays
            Its parameters and buffers, as they were drawn, without the member axis.
        generator : numpy.random.Generator
            The member's own; nothing else is random.
        """
        raise TypeError(f"{type(self).__name__} learns nothing from rows.")

    # What it does.

    @abstractmethod
    def forward(self, x: Array, arrays: LayerArrays, context: ForwardContext) -> tuple[Array, LayerBackprop]:
        """The layer's output and its adjoint.

        Parameters
        ----------
        x : array of shape (k, B, n_in)
            Stays as it is, unless the layer `overwrites_x`; if so, it is the layer's own.
        arrays : mapping from names to arrays of shape (k, *shape)
            Parameters and buffers. Nothing but buffers, in training, is changed.
        context : ForwardContext

        Returns
        -------
        y : array of shape (k, B * repeats, n_out)
        backprop : callable
            `backprop(dy, gradients, needed)` owns dy, the loss's gradient by y; writes the gradient by each parameter
            into the array of its name in `gradients`, all of it; and returns the gradient by x. Where that is not
            `needed`, as nothing below is learned, it may return None.
        """

    def product(self, x: Array, arrays: LayerArrays, context: ForwardContext) -> tuple[Array, LayerBackprop]:
        """The output without the bias, of a layer that `leaves_bias`, and the adjoint of both."""
        raise TypeError(f"{type(self).__name__} has no bias to leave.")

    def forward_with(self, x: Array, bias: Array) -> tuple[Array, LayerBackprop]:
        """The output for x + bias, of a layer that `adds_bias`, and the adjoint by that; x is its own."""
        raise TypeError(f"{type(self).__name__} adds no bias.")

    def along(self, targets: Array, weight: Array) -> tuple[Array, Array]:
        """Targets and weights (k, B, ...) for the rows of y."""
        return targets, weight

    def cost(self) -> Cost:
        """The cost of one row."""
        return Cost()

    # What it is at prediction.

    def fixed_map(self) -> Callable[[LayerArrays], ScaleAndShift] | None:
        """From its arrays to the scale and shift (1, n) of each unit that it is at prediction; None if it is not."""
        return None

    def input_fold(self) -> Fold | None:
        """The fold by which it absorbs that its inputs become (x - shift) * scale; None if it cannot."""
        return None

    def output_fold(self) -> Fold | None:
        """The fold by which it absorbs that its outputs become y * scale + shift; None if it cannot."""
        return None

    def passed_map(self, scale: Array, shift: Array) -> ScaleAndShift | None:
        """Scale and shift by which (y - shift) * scale is the layer's output of (x - shift) * scale; None if not so."""
        return None

    def input_weights(self, arrays: LayerArrays) -> list[Array] | None:
        """Views (n_in, k, ...) of the weights of each input, that mean nothing while it is zero; None: look above."""
        return []

    def output_weights(self, arrays: LayerArrays) -> list[Array]:
        """Views (n_out, k, ...) of the weights of each output, which is zero where they are."""
        return []

    # Statistics of all training rows.

    @property
    def from_population(self) -> bool:
        """True if after training its buffers are set (`set_statistics`) to statistics of all training rows."""
        return False

    def set_statistics(self, moments: ScaleAndShift, arrays: LayerArrays) -> None:
        """Write mean and variance of its inputs over all training rows, (k, 1, n), into its buffers."""
        raise TypeError(f"{type(self).__name__} takes no statistics of all rows.")

    # A member of a batch ensemble.

    def alone(self, arrays: LayerArrays, j: int) -> LayerArrays | None:
        """The arrays, all without the member axis, as an ordinary network has them that predicts as member j does.

        None where that network has no such layer.
        """
        return arrays

    # Its place in a tree.

    @property
    def children(self) -> Sequence[Layer]:
        """The layers that it is made of."""
        return ()

    def leaves(self) -> list[Layer]:
        """The layers without children in it, in the order in which x passes them; by default itself."""
        return [self]

    def place(self, start: int) -> int | slice:
        """The place of its arrays among those of all leaves, when its first leaf is number `start`."""
        return start

    def steps(self) -> list[Layer]:
        """The layers that it is in a row with others; by default itself."""
        return [self]

    def inputs_of(self, leaf: int, x: Array, arrays: LayerArrays, context: ForwardContext) -> Array:
        """The inputs of one of its leaves, when x comes to it."""
        return x

    def absorptions(self) -> list[Absorption]:
        """Its layers that others in it absorb at prediction, from below."""
        return []

    def without(self, leaves: set[int]) -> Self:
        """The layer without some of the leaves below it."""
        return self
