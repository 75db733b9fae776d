"""One step of all members: from the gradient of the loss to the next parameters."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from skdl._array import Array, norms
from skdl._component import Component
from skdl._descent import take_step
from skdl._protocols import FirstOrderOptimizer
from skdl.engine.factors import decay_factors, rate_factors, weight_units
from skdl.engine.objective import Objective
from skdl.engine.over_time import FactorOverTime, OverTime
from skdl.engine.state import State
from skdl.engine.training_spec import TrainingSpec


class Step:
    """The optimizers, schedules and penalties of k members, applied in one place.

    In order: the penalty's gradient is added, the gradient is taken in the units of the parametrisation and clipped,
    the optimizer gives a direction d, and theta <- theta - rate (d + weight_decay theta), with decay on the weights
    only, and with the factors of both by the roles of parameters, where there are any; then weights that would cross a
    kink of the penalty stop there, and constraints project them. Parameters that were pruned have no gradient, and are
    zero after all of it, whatever the optimizer and the penalty make of them.
    """

    def __init__(self, members: Sequence[TrainingSpec], objective: Objective):
        self.objective, dtype = objective, members[0].dtype
        optimizers: list[Any] = [member.optimizer for member in members]
        self.optimizer: FirstOrderOptimizer = Component.stacked(optimizers, 2, dtype)
        self.schedule = OverTime([member.schedule for member in members], members[0].max_epochs)
        self.learning_rates = np.array([[optimizer.learning_rate] for optimizer in optimizers], dtype=float)
        self.decays = any(np.any(optimizer.weight_decay) for optimizer in optimizers)
        layout = objective.network.layout
        self.units = _of_type(weight_units(members, layout), dtype)
        rates = [each for each in (rate_factors(members, layout), self.units) if each is not None]
        self.rate_factors = _of_type(math.prod(rates) if rates else None, dtype)
        self.decay_factors = _of_type(decay_factors(members, layout), dtype) if self.decays else None
        self.decay_over_time = FactorOverTime(members, "weight_decay_schedule")
        self.gradient_norm = np.full(len(members), np.nan)  # an epoch that diverges may not come to its last step

    def rates(self, state: State, steps_per_epoch: int) -> Array:
        """The learning rate of each member in each step of the coming epoch, (k, S)."""
        return self.schedule.of_epoch(state, steps_per_epoch, self.learning_rates)

    def __call__(
        self,
        state: State,
        gradient: Array,
        rate: Array,
        step: Array,
        *,
        decay: Array | None = None,
        measure: bool = False,
    ) -> None:
        """Change `state` by one step with the `gradient` of the loss, which is used up.

        `decay` (k, 1) is the factor of the weight decay in this step, None for one. With `measure`, `gradient_norm`
        (k,) is the norm of the objective's gradient in this step, before it is clipped.
        """
        objective, theta, mask = self.objective, state.theta, state.mask
        objective.add_penalty_gradient(theta, gradient)
        if mask is not None:
            gradient *= mask
        if measure:
            self.gradient_norm = norms(gradient)
        orthant = objective.make_pseudo_gradient(theta, gradient) if objective.nonsmooth else None
        if self.units is not None:
            gradient *= self.units
        take_step(
            self.optimizer,
            theta,
            gradient,
            state.optimizer_state,
            rate,
            step,
            rate_factors=self.rate_factors,
            decay=decay,
            decayed=objective.penalised if self.decays else None,
            decay_factors=self.decay_factors,
        )
        if orthant is not None:
            objective.project_to_orthant(theta, orthant)
        if objective.penalty.projects:
            objective.project(theta)
        if mask is not None:
            theta *= mask


def _of_type(factors: Array | None, dtype: Any) -> Array | None:
    return None if factors is None else factors.astype(dtype)
