"""Residual blocks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

from skdl._array import Array
from skdl._constraints import Real
from skdl._protocols import Block, Container, Fold, ForwardContext, Layer, LayerArrays, LayerBackprop, Parts
from skdl._registry import register
from skdl.layers.sequential import Sequential


class Residual(Container):
    """y = s(x) + f(x), the sum of a shortcut and a branch.

    Parameters
    ----------
    branch : Layer
        f, from (k, B, n_in) to (k, B, n_out).
    shortcut : Layer
        s, of the same shapes; an empty `Sequential` is the identity.
    """

    gives_y = True

    def __init__(self, branch: Layer, shortcut: Layer):
        self.branch, self.shortcut = branch, shortcut
        self._of_branch, self._of_shortcut = (child.place(start) for start, child in self.placed())

    @property
    def children(self) -> Sequence[Layer]:
        return self.branch, self.shortcut

    def with_children(self, children: Sequence[Layer]) -> Self:
        return type(self)(*children)

    def forward(self, x: Array, arrays: LayerArrays, context: ForwardContext) -> tuple[Array, LayerBackprop]:
        branched, through_branch = self.branch.forward(_own(self.branch, x), arrays[self._of_branch], context)
        passed, through_shortcut = self.shortcut.forward(_own(self.shortcut, x), arrays[self._of_shortcut], context)

        def backprop(dy: Array, gradients: LayerArrays, needed: bool) -> Array | None:
            dx = through_branch(dy.copy(), gradients[self._of_branch], needed)
            direct = through_shortcut(dy, gradients[self._of_shortcut], needed)
            if not needed or dx is None or direct is None:
                return None
            dx += direct
            return dx

        return branched + passed, backprop

    def input_fold(self) -> Fold | None:
        """That of both ways, where both have one."""
        branch, shortcut = self.branch.input_fold(), self.shortcut.input_fold()
        if branch is None or shortcut is None:
            return None
        ways = ((branch, self._of_branch), (shortcut, self._of_shortcut))

        def apply(arrays: LayerArrays, scale: Array, shift: Array) -> None:
            for fold, place in ways:
                fold.apply(arrays[place], scale, shift)

        def undo(arrays: LayerArrays, scale: Array, shift: Array) -> None:
            for fold, place in ways:
                fold.undo(arrays[place], scale, shift)

        return Fold(apply, undo, branch.takes_shift and shortcut.takes_shift)

    def input_weights(self, arrays: LayerArrays) -> list[Array]:
        ways = ((self.branch, self._of_branch), (self.shortcut, self._of_shortcut))
        return [view for layer, place in ways for view in layer.input_weights(arrays[place]) or []]

    def inputs_of(self, leaf: int, x: Array, arrays: LayerArrays, context: ForwardContext) -> Array:
        n_branch = self.branch.n_leaves
        if leaf < n_branch:
            return self.branch.inputs_of(leaf, _own(self.branch, x), arrays[self._of_branch], context)
        return self.shortcut.inputs_of(leaf - n_branch, _own(self.shortcut, x), arrays[self._of_shortcut], context)


def _own(layer: Layer, x: Array) -> Array:
    """The input of a layer that shares it with another one."""
    return x.copy() if layer.overwrites_x else x


@register("residual")
class ResidualBlock(Block):
    """A residual block: the layer learns what is to be added to its input.

    y = s(x) + activation(normalization(x) W_1 + b_1) W_2 + b_2,  with s(x) = x, or x W_s + b_s where widths differ

    Dropout comes after the activation. Nothing stands on the way of s: the block is of the pre-activation form, whose
    normalization comes before the maps. Of several blocks in a row with one width, only the first one projects. Between
    the last block and the output layer are one more normalization and activation. A penalty on activations counts those
    of both.

    Parameters
    ----------
    expansion : float, default=2.0
        Width of the hidden layer inside the branch as a multiple of the block's own, in (0, inf); at least one unit.

    Shape
    -----
    (k, B, n_in) -> (k, B, n_out)

    References
    ----------
    K. He, X. Zhang, S. Ren, J. Sun, "Identity mappings in deep residual networks", ECCV 2016.
    Y. Gorishniy, I. Rubachev, V. Khrulkov, A. Babenko, "Revisiting deep learning models for tabular data", NeurIPS
    2021, section 3.2, whose block this is.

    Examples
    --------
    >>> from skdl import MLPClassifier
    >>> MLPClassifier((64, 64), layer="residual").set_params(layer__expansion=1.0)
    MLPClassifier(hidden_layer_sizes=(64, 64), layer=ResidualBlock(expansion=1.0))
    """

    constraints = {"expansion": Real(0, open_low=True)}

    def __init__(self, expansion: float = 2.0):
        self.expansion = expansion

    def build(self, n_in: int, n_out: int, parts: Parts) -> Layer:
        n_hidden = max(1, round(self.expansion * n_out))
        branch = [
            *parts.normalization(n_in),
            parts.dense(n_in, n_hidden),
            *parts.activation(n_hidden),
            *parts.dropout(),
            parts.linear(n_hidden, n_out),
        ]
        return Residual(Sequential(branch), Sequential([] if n_in == n_out else [parts.linear(n_in, n_out)]))

    def resized(self, n_units: int, n_inner: int) -> Block:
        return self.with_params(expansion=n_inner / n_units)

    def head(self, n_units: int, parts: Parts) -> list[Layer]:
        return [*parts.normalization(n_units), *parts.activation(n_units)]
