"""The objective of each member: the mean loss of its rows plus alpha times the penalty of its weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from skdl._array import Array, column, multiply
from skdl._component import Component
from skdl._protocols import Loss, Penalty
from skdl.engine.layers import Run
from skdl.engine.layout import Views
from skdl.engine.network import Network


class Objective:
    """Loss, penalty and alpha of k members on top of their network."""

    def __init__(
        self,
        network: Network,
        losses: Sequence[Loss],
        penalties: Sequence[Penalty],
        alphas: Sequence[float],
        dtype: Any,
    ):
        self.network = network
        self.loss: Loss = Component.stacked(losses, 3, dtype)
        self.penalty: Penalty = Component.stacked(penalties, 2, dtype)
        self.alpha = column(alphas, 2, dtype)
        self.penalised = slice(0, network.layout.n_penalised)
        self.without_penalty = not any(alphas)
        self.scratch = np.empty((len(alphas), network.layout.n_penalised), dtype)

    def loss_and_gradient(
        self, x: Array, targets: Array, weight: Array, arrays: Views, gradients: Views, run: Run
    ) -> Array:
        """Each member's weighted loss on a batch, (k,); its gradient is written into `gradients`."""
        scores, backprop = self.network.forward(x, arrays, run)
        value, gradient = self.loss.value_and_gradient(scores, targets, weight)
        backprop(gradient, gradients)
        return value

    def add_penalty_gradient(self, theta: Array, gradient: Array) -> None:
        """Add alpha times the penalty's gradient to `gradient` of shape (k, P)."""
        if not self.without_penalty:
            shrinkage = self.penalty.gradient(theta[:, self.penalised])
            gradient[:, self.penalised] += multiply(self.alpha, shrinkage, out=self.scratch)

    def penalty_value(self, theta: Array) -> Array:
        """Alpha times the penalty of each member, (k,)."""
        return self.alpha[:, 0] * self.penalty.value(theta[:, self.penalised])
