"""The objective of each member: the mean loss of its rows plus alpha times the penalty of its weights."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np

from skdl._array import Array, column, multiply, namespace
from skdl._component import Component
from skdl._descent import Term
from skdl._layer_names import layer_names
from skdl._protocols import ForwardContext, Loss, Penalty, WeightPlaces
from skdl.engine.evaluation import loss_for
from skdl.engine.layout import Views
from skdl.engine.network import Network
from skdl.engine.training_spec import TrainingSpec
from skdl.layers.architecture import Architecture


class Objective:
    """Loss, penalty and alpha of k members on top of their network.

    The penalty is taken of the weights less the `prior`, where one is given, and alpha is one number or one a weight.
    """

    def __init__(self, network: Network, members: Sequence[TrainingSpec]):
        dtype = members[0].dtype
        self.network = network
        self.repeats = network.root.repeats != 1
        self.loss: Loss = Component.stacked([loss_for(member.loss, member.rows, dtype) for member in members], 3, dtype)
        self.penalties = [member.penalty for member in members]
        penalty: Penalty = Component.stacked([member.penalty for member in members], 2, dtype)
        places = None if penalty.is_separable else _places(network, members[0].architecture)
        self.penalty = penalty if places is None else penalty.for_weights(places)
        self.alpha = _rows([member.alpha for member in members], dtype)
        priors = [member.prior for member in members if member.prior is not None]
        self.prior = _rows(priors, dtype) if priors else None
        self.penalised = slice(0, network.layout.n_penalised)
        self.nonsmooth = bool(np.any(self.penalty.l1_weight)) and bool(self.alpha.any())
        self.without_penalty = self.penalty.on_activations or not self.alpha.any()
        self.scratch = np.empty((len(members), network.layout.n_penalised), dtype)

    @cached_property
    def term(self) -> Term | None:
        """The smooth part of the penalty, if it is elementwise, for the loop of a step."""
        derivative = self.penalty.elementwise_derivative
        if self.without_penalty or derivative is None:
            return None
        numbers = derivative.numbers(self.penalty)
        return Term(derivative, self.network.layout.n_penalised, self.alpha, self.prior, numbers)

    def loss_and_gradient(
        self, x: Array, targets: Array, weight: Array, arrays: Views, gradients: Views, context: ForwardContext
    ) -> Array:
        """Each member's weighted loss on a batch, (k,); its gradient is written into `gradients`."""
        if self.repeats and not context.is_repeated:
            targets, weight = self.network.root.along(targets, weight)
        context.start(weight)
        scores, backprop = self.network.forward(x, arrays, context)
        value, gradient = self.loss.value_and_gradient(scores, targets, weight)
        backprop(gradient, gradients, False)  # nothing is learned below the network
        return value if context.activity is None else value + context.activity

    def add_penalty_gradient(self, theta: Array, gradient: Array, *, smooth: bool = True) -> None:
        """Add alpha times the penalty's gradient (by default of the part without kinks) to `gradient` (k, P)."""
        if not self.without_penalty:
            weights = self._weights(theta)
            slope = self.penalty.smooth_gradient(weights) if smooth else self.penalty.gradient(weights)
            gradient[:, self.penalised] += multiply(self.alpha, slope, out=self.scratch)

    def penalty_value(self, theta: Array) -> Array:
        """Alpha times the penalty of each member, (k,)."""
        if self.without_penalty:
            return np.zeros(len(theta), theta.dtype)
        weights = self._weights(theta)
        if self.alpha.shape[1] == 1:
            return self.alpha[:, 0] * self.penalty.value(weights)
        # One alpha a weight: the penalty of each weight by itself.
        rows = zip(self.penalties, self.alpha, weights, strict=True)
        return np.stack([(alpha * penalty.value(each[:, None])).sum() for penalty, alpha, each in rows])

    def make_pseudo_gradient(self, theta: Array, gradient: Array) -> Array:
        """Make `gradient` OWL-QN's pseudo-gradient; returns the orthant (-1, 0 or 1) that each weight may move in.

        It is the subgradient of least norm. With lambda = alpha times the penalty's `l1_weight`: off zero,
        lambda sign(w) is added; at zero, the gradient is drawn to zero by lambda, and the weight may only go against
        what is left.
        """
        xp = namespace(theta)
        weights, part = self._weights(theta), gradient[:, self.penalised]
        factor = self.alpha * self.penalty.l1_weight
        side = xp.sign(weights)
        part += factor * side
        drawn = xp.sign(part) * xp.maximum(xp.abs(part) - factor, 0)
        part[...] = xp.where(side == 0, drawn, part)
        return xp.where(side == 0, -xp.sign(drawn), side)

    def project_to_orthant(self, theta: Array, orthant: Array) -> None:
        """Set the weights that left their orthant to zero (or to the prior), in place."""
        xp = namespace(theta)
        weights = self._weights(theta)
        stopped = xp.where(xp.sign(weights) == orthant, weights, 0)
        theta[:, self.penalised] = stopped if self.prior is None else stopped + self.prior

    def project(self, theta: Array) -> None:
        """Move each layer's weights to the nearest that the penalty allows, in place."""
        for _, spec, view in self.network.layout.placed(theta):
            if spec.role == "weight":
                for block in range(spec.n_blocks):
                    n_in = spec.shape[0] // spec.n_blocks
                    self.penalty.project(view[:, block * n_in : (block + 1) * n_in])

    def _weights(self, theta: Array) -> Array:
        weights = theta[:, self.penalised]
        return weights if self.prior is None else weights - self.prior


def _places(network: Network, architecture: Architecture) -> WeightPlaces:
    """Where the weights of a network lie among those that are penalised."""
    index = np.arange(network.layout.size)[None]
    names = layer_names(len(architecture.widths))
    of_leaves = np.repeat(names, architecture.outline.sections)[-network.layout.n_leaves :]
    layers: dict[str, list[np.ndarray]] = {}
    for leaf, spec, view in sorted(network.layout.placed(index), key=lambda placed: placed[0]):
        if spec.role == "weight":
            layers.setdefault(str(of_leaves[leaf]), []).append(view[0])
    of_inputs = [view.reshape(len(view), -1) for view in network.ends(index)[0]]
    return WeightPlaces(layers, [np.concatenate(own) for own in zip(*of_inputs, strict=True)], names)


def _rows(values: Sequence[float | np.ndarray], dtype: Any) -> Array:
    """Numbers or arrays of the members as (k, 1) or (k, W)."""
    return column(values, 2, dtype) if np.ndim(values[0]) == 0 else np.stack(values).astype(dtype)
