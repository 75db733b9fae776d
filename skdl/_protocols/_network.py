"""The protocol of a layer; shapes are as in `skdl._protocols`.

A layer is built for the k members of a stack, with its shapes: `Dense(n_in, n_out, ...)`. It holds no arrays: what it
learns and tracks lies in flat arrays of the stack, and comes to `forward` by name, as views with the members first.
A layer has parameters of its own, or children, never both.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Self, TypeAlias

import numpy as np

from skdl._array import Array
from skdl._warnings import warn

# A layer's arrays by name; of a layer with children, the sequence of those of its leaves.
LayerArrays: TypeAlias = Any
LayerBackprop: TypeAlias = Callable[[Array, LayerArrays, bool], Array | None]
ScaleAndShift: TypeAlias = tuple[Array, Array]


@dataclass(frozen=True)
class ParameterSpec:
    """A learned array of a layer.

    Parameters
    ----------
    name : str
        By which the layer's `forward` finds it.
    shape : tuple of two int
        Without the member axis.
    role : str, default="other"
        Two roles have a meaning. A "weight" is a matrix (n_in, n_out), is penalised and bounded, and is one of the
        public `coefs_`. A "bias" (1, n_out) is that of the layer's weight, and is one of the public `intercepts_`. What
        an encoding learns has the role "encoding", points of categories have "embedding", factors of inputs "scale". By
        any role, factors of the learning rate and of weight decay find it.
    n_blocks : int, default=1
        Matrices that lie one under the other in this array: a bound of the weights into a unit is one of each.
    owners : int, default=1
        Members of a batch ensemble that own a part each: what a part costs counts in its owner's share of the loss.
    tie : str, default=""
        A name that two weights have in common, which are one matrix: that of the upper leaf is the lower one's,
        transposed. The way back comes to the upper one first, which writes its part of their gradient; the lower adds.
    is_transposed : bool, default=False
        Whether it is the upper one, which has no numbers of its own.
    """

    name: str
    shape: tuple[int, int]
    role: str = "other"
    n_blocks: int = 1
    owners: int = 1
    tie: str = ""
    is_transposed: bool = False

    @property
    def is_penalised(self) -> bool:
        """True if the objective's penalty is of it."""
        return self.role == "weight"

    @property
    def group(self) -> str:
        """Its role, or its name where it has none: the word by which factors find it."""
        return self.name if self.role == "other" else self.role

    @property
    def fan_in(self) -> int:
        """Inputs of a unit, of a weight."""
        return self.shape[0] // self.n_blocks

    @property
    def size(self) -> int:
        """Its own numbers."""
        return 0 if self.is_transposed else self.shape[0] * self.shape[1]


@dataclass
class ForwardContext:
    """The context of a pass through the network: all that it needs besides parameters and data.

    Parameters
    ----------
    training : bool
    generators : sequence of k generators
        Each member's own random numbers; empty where none may be drawn.
    weight : array of shape (k, B, 1) or None
        Of the batch's rows.
    activity : array of shape (k,) or None
        The sum of what penalties on activations add to the members' losses; None where there is none.
    warned : set of str
        What was warned of.
    is_repeated : bool
        Whether rows come as a layer that repeats them would give them: other ones for each copy.
    dropout_factor : array of shape (k, 1, 1) or None
        By which probabilities of dropping are multiplied in this step; None for one.
    drops : bool
        Whether dropout drops at prediction, too: the same numbers of all rows.
    """

    training: bool
    generators: Sequence[np.random.Generator] = ()
    weight: Array | None = None
    activity: Array | None = None
    warned: set[str] = field(default_factory=set)
    is_repeated: bool = False
    dropout_factor: Array | None = None
    drops: bool = False

    def warn_once(self, message: str) -> None:
        """Warn, unless it was done in a pass before."""
        if message not in self.warned:
            self.warned.add(message)
            warn(message)

    def start(self, weight: Array) -> None:
        """Begin a pass over rows of these weights."""
        self.weight, self.activity = weight, None

    def add_activity(self, value: Array) -> None:
        """Add the value of a penalty on activations to the members' losses."""
        self.activity = value if self.activity is None else self.activity + value


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
