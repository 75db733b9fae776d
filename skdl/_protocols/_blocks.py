"""The protocol of a hidden layer's kind, as the slot `layer` holds it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from skdl._component import Component
from skdl._protocols._network import Layer


class Parts(ABC):
    """The layers that an estimator's other parameters ask for in one hidden layer, for all members of a stack.

    A block asks for what it is made of by shape; activation, normalization, initializer, dropout and a penalty on
    activations are the estimator's own, and its affine maps are those of a batch ensemble in one.
    """

    @abstractmethod
    def dense(self, n_in: int, n_out: int) -> Layer:
        """An affine map of the block's inputs, with initial weights for the activation above it.

        Where a unit takes several numbers, it gives them for `n_out` units.
        """

    @abstractmethod
    def linear(self, n_in: int, n_out: int) -> Layer:
        """An affine map that no activation follows."""

    @abstractmethod
    def normalization(self, n_units: int) -> Sequence[Layer]:
        """The normalization, or nothing."""

    @abstractmethod
    def activation(self, n_units: int) -> Sequence[Layer]:
        """The activation, and a penalty on it where there is one."""

    @abstractmethod
    def dropout(self) -> Sequence[Layer]:
        """Dropout, or nothing."""


class Block(Component):
    """A kind of hidden layer, built from its widths and the estimator's other parameters.

    Attributes
    ----------
    takes_pieces : bool
        Whether each of its activations, and each of its normalizations, is of what its map `dense` gives. Only then may
        a unit take several numbers of that map, as those of "maxout" do.
    """

    takes_pieces = False

    @abstractmethod
    def build(self, n_in: int, n_out: int, parts: Parts) -> Layer:
        """The hidden layer.

        Parameters
        ----------
        n_in : int
            Units of the layer below, or columns of the inputs.
        n_out : int
            Units of this one, as `hidden_layer_sizes` has it.
        parts : Parts
            Makes its affine maps, activations and the like.

        Returns
        -------
        layer : Layer
            From (k, B, n_in) to (k, B, n_out).
        """

    def resized(self, n_units: int, n_inner: int) -> Block | None:
        """The block of `n_units` units that has `n_inner` inside, where these are hyperparameters' doing; else None."""
        return None

    def head(self, n_units: int, parts: Parts) -> Sequence[Layer]:
        """The layers between this block, where it is the last one, and the output layer; none by default."""
        return ()
