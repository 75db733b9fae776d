"""The layers at prediction: a fixed scale and shift is absorbed by the affine map beside it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import cached_property
from typing import Any

from skdl._protocols import Layer, ParameterSpec
from skdl.layers.sequential import Sequential
from skdl.layers.standardization import Standardization


class PredictionLayers:
    """The layers of a trained network at prediction.

    Parameters
    ----------
    root : Sequential
    absorbed : set of int
        The leaves in training that others have absorbed.
    n_before : int
        Leaves below the first one in training.
    """

    def __init__(self, root: Sequential, absorbed: Collection[int] = (), n_before: int = 0):
        self.root, self.absorbed, self.n_before = root, absorbed, n_before

    def place(self, leaf: int) -> int:
        """The place of what was this leaf in training, or of what is above it if others have absorbed it."""
        return self.n_before + leaf - sum(other < leaf for other in self.absorbed)

    def below(self, leaf: int) -> PredictionLayers:
        """The layers below what was this leaf in training, which is where a layer of the network begins."""
        left, steps = self.place(leaf), []
        for step in self.root.layers:
            if left <= 0:
                break
            steps.append(step)
            left -= step.n_leaves
        return PredictionLayers(Sequential(steps), self.absorbed, self.n_before)

    def above(self, leaf: int) -> PredictionLayers:
        """The layers from what was this leaf in training on, which is where a layer of the network begins."""
        left = self.place(leaf)
        steps = list(self.root.layers)
        while steps and left > 0:
            left -= steps.pop(0).n_leaves
        return PredictionLayers(Sequential(steps))

    @cached_property
    def affine(self) -> list[AffineLeaf]:
        """The leaves whose arrays are the public coefficients."""
        return affine_leaves(self.root)

    @cached_property
    def largest_product(self) -> int:
        """Multiplications of the largest matrix product with one row."""
        return self.root.cost().largest_product


def prediction_layers(root: Sequential, n_inputs: int, *, standardised: bool) -> PredictionLayers:
    """The layers of a trained network at prediction.

    Parameters
    ----------
    root : Sequential
        The layers in training.
    n_inputs : int
    standardised : bool
        Whether training saw standardised inputs: where no layer absorbs that, it becomes a step of its own.

    Returns
    -------
    layers : PredictionLayers
        Its leaves are those of training, but for the ones that others absorb; `Standardization`, if any, is the first.
    """
    absorbed = {each.leaf for each in root.absorptions()}
    layers = root.without(absorbed) if absorbed else root
    if standardised and root.input_fold() is None:
        return PredictionLayers(Sequential([Standardization(n_inputs), layers]), absorbed, 1)
    return PredictionLayers(layers, absorbed)


def prediction_arrays(
    root: Sequential, arrays: Sequence[dict[str, Any]], standardisation: tuple[Any, Any] | None
) -> list[dict[str, Any]]:
    """Those of `prediction_layers`, from training's, which are changed in place.

    Parameters
    ----------
    root : Sequential
        The layers in training.
    arrays : sequence of dict
        One member's parameters and buffers of each leaf, without the member axis, in float64.
    standardisation : tuple of two arrays of shape (n_inputs,), or None
        The shift and the scale of the inputs in training.
    """
    absorptions = root.absorptions()
    for leaf, fixed, absorber, start, absorbed in absorptions:
        absorbed.apply(arrays[absorber.place(start)], *fixed(arrays[leaf]))
    dropped = {each.leaf for each in absorptions}
    kept = [named for i, named in enumerate(arrays) if i not in dropped]
    if standardisation is None:
        return kept
    shift, scale = standardisation
    fold = root.input_fold()
    if fold is None:
        return [{"shift": shift[None], "scale": scale[None]}, *kept]
    fold.apply(arrays, scale, shift)
    return kept


class AffineLeaf:
    """A leaf with a weight: one entry of the public coefficients and intercepts."""

    def __init__(self, leaf: int, weight: ParameterSpec, bias: ParameterSpec | None):
        self.leaf, self.weight, self.bias = leaf, weight, bias

    @property
    def n_biases(self) -> int:
        """Entries of its intercept, which is zero where it has none."""
        return self.weight.shape[1] if self.bias is None else self.bias.size


def affine_leaves(root: Layer) -> list[AffineLeaf]:
    """The leaves that have a weight, in the order in which x passes them."""
    found = []
    for i, leaf in enumerate(root.leaves()):
        by_role = {spec.role: spec for spec in leaf.parameters()}
        if "weight" in by_role:
            found.append(AffineLeaf(i, by_role["weight"], by_role.get("bias")))
    return found
