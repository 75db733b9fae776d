"""One step of all members: from the gradient of the loss to the next parameters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from skdl._array import Array, clip_norms, clip_values, norms
from skdl._component import Component
from skdl._protocols import FirstOrderOptimizer, Schedule
from skdl.engine.factors import decay_factors, rate_factors
from skdl.engine.objective import Objective
from skdl.engine.state import State
from skdl.engine.training_spec import TrainingSpec


class Step:
    """The optimizers, schedules and penalties of k members, applied in one place.

    In order: the penalty's gradient is added, the gradient is clipped, the optimizer gives a direction d, and
    theta <- theta - rate (d + weight_decay theta), with decay on the weights only, and with the factors of both by the
    roles of parameters, where there are any; then weights that would cross a kink of the penalty stop there, and
    constraints project them.
    """

    def __init__(self, members: Sequence[TrainingSpec], objective: Objective):
        self.objective, dtype = objective, members[0].dtype
        optimizers: list[Any] = [member.optimizer for member in members]
        self.optimizer: FirstOrderOptimizer = Component.stacked(optimizers, 2, dtype)
        self.schedule: Schedule = Component.stacked([member.schedule for member in members], 2, np.float64)
        self.schedules = [member.schedule for member in members]
        self.reacts = any(type(schedule).epoch_factor is not Schedule.epoch_factor for schedule in self.schedules)
        self.learning_rates = np.array([[optimizer.learning_rate] for optimizer in optimizers], dtype=float)
        self.decays = any(np.any(optimizer.weight_decay) for optimizer in optimizers)
        layout = objective.network.layout
        self.rate_factors = _of_type(rate_factors(members, layout), dtype)
        self.decay_factors = _of_type(decay_factors(members, layout), dtype) if self.decays else None
        self.max_epochs = members[0].max_epochs
        self.gradient_norm = np.full(len(members), np.nan)  # an epoch that diverges may not come to its last step

    def rates(self, state: State, steps_per_epoch: int) -> Array:
        """The learning rate of each member in each step of the coming epoch, (k, S)."""
        done = state.step[:, None] + np.arange(steps_per_epoch, dtype=float)
        factor = self.schedule.factor(done, steps_per_epoch=steps_per_epoch, max_epochs=self.max_epochs)
        rates = self.learning_rates * factor
        if self.reacts:
            rates = rates * self._reactions(state)
        return np.broadcast_to(rates.astype(state.theta.dtype), done.shape)

    def _reactions(self, state: State) -> Array:
        """Each schedule's factor by its epochs so far, by the validation loss where there is one, (k, 1)."""
        factors = []
        for schedule, progress in zip(self.schedules, state.progress, strict=True):
            records = [
                record["loss"] if record["validation_loss"] is None else record["validation_loss"]
                for record in progress.history
            ]
            factors.append([schedule.epoch_factor(records)])
        return np.array(factors, dtype=float)

    def __call__(self, state: State, gradient: Array, rate: Array, step: Array, *, measure: bool = False) -> None:
        """Change `state` by one step with the `gradient` of the loss, which is used up.

        With `measure`, `gradient_norm` (k,) is the norm of the objective's gradient in this step, before it is clipped.
        """
        objective, theta = self.objective, state.theta
        objective.add_penalty_gradient(theta, gradient)
        if measure:
            self.gradient_norm = norms(gradient)
        orthant = objective.make_pseudo_gradient(theta, gradient) if objective.nonsmooth else None
        if self.optimizer.clip_value is not None:
            clip_values(gradient, self.optimizer.clip_value)
        if self.optimizer.clip_norm is not None:
            clip_norms(gradient, self.optimizer.clip_norm)
        direction = self.optimizer.direction(gradient, state.optimizer_state, step)
        direction *= rate
        if self.rate_factors is not None:
            direction *= self.rate_factors
        if self.decay_factors is not None:
            theta *= 1 - (rate * self.optimizer.weight_decay) * self.decay_factors
        elif self.decays:
            theta[:, objective.penalised] *= 1 - rate * self.optimizer.weight_decay
        theta -= direction
        if orthant is not None:
            objective.project_to_orthant(theta, orthant)
        if objective.penalty.projects:
            objective.project(theta)


def _of_type(factors: Array | None, dtype: Any) -> Array | None:
    return None if factors is None else factors.astype(dtype)
