"""One step of all members: from the gradient of the loss to the next parameters."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from skdl._array import Array, norms
from skdl._component import Component
from skdl._descent import Descent
from skdl._protocols import FirstOrderOptimizer
from skdl.engine.factors import decay_factors, rate_factors, weight_units
from skdl.engine.objective import Objective
from skdl.engine.over_time import FactorOverTime, OverTime
from skdl.engine.state import State
from skdl.engine.training_spec import TrainingSpec

CHUNK = 1024  # steps whose numbers are computed at once


class Step:
    """The optimizers, schedules and penalties of k members, applied in one place.

    In order: the penalty's gradient is added, the gradient is taken in the units of the parametrisation and clipped,
    the optimizer gives a direction d, and theta <- theta - rate (d + weight_decay theta), with decay on the weights
    only, and with the factors of both by the roles of parameters, where there are any; then weights that would cross a
    kink of the penalty stop there, and constraints project them. Parameters that were pruned have no gradient, and are
    zero after all of it, whatever the optimizer and the penalty make of them.
    """

    def __init__(self, members: Sequence[TrainingSpec], objective: Objective, state: State):
        self.objective, self.state, dtype = objective, state, members[0].dtype
        optimizers: list[Any] = [member.optimizer for member in members]
        optimizer: FirstOrderOptimizer = Component.stacked(optimizers, 2, dtype)
        self.schedule = OverTime([member.schedule for member in members], members[0].max_epochs)
        self.learning_rates = np.array([[optimizer.learning_rate] for optimizer in optimizers], dtype=float)
        layout = objective.network.layout
        units = weight_units(members, layout)
        rates = [each for each in (rate_factors(members, layout), units) if each is not None]
        self.descent = Descent(
            optimizer,
            state.theta,
            state.optimizer_state,
            term=objective.term,
            n_decayed=layout.n_penalised,
            decay_factors=decay_factors(members, layout),
            rate_factors=math.prod(rates) if rates else None,
            units=units,
            mask=state.mask,
        )
        self.decay_over_time = FactorOverTime(members, "weight_decay_schedule")
        self.gradient_norm = np.full(len(members), np.nan)  # an epoch that diverges may not come to its last step

        # whether a step is nothing but the optimizer's
        by_descent = objective.term is not None or objective.without_penalty
        self.is_plain = by_descent and not (objective.nonsmooth or objective.penalty.projects)

    def plan(self, n_steps: int) -> None:
        """Take what the coming epoch's steps depend on; `rates` is then the learning rate of each, (k, S)."""
        self.rates = self.schedule.of_epoch(self.state, n_steps, self.learning_rates)
        self.decays = self.decay_over_time.of_epoch(self.state, n_steps)
        self.steps = self.state.step[:, None] + np.arange(1, n_steps + 1)

    def __call__(self, i: int, gradient: Array, *, measure: bool = False) -> None:
        """Change the state by step i of the epoch with the `gradient` of the loss, which is used up.

        With `measure`, `gradient_norm` (k,) is the norm of the objective's gradient in this step, before it is clipped.
        """
        column = i % CHUNK
        if column == 0:
            part = slice(i, i + CHUNK)
            decays = None if self.decays is None else self.decays[:, part]
            self.descent.plan(self.rates[:, part], self.steps[:, part], decays)
        if self.is_plain and not measure:
            self.descent.step(column, gradient)
            return
        objective, theta, mask = self.objective, self.state.theta, self.state.mask
        orthant = None

        def look(gradient: Array) -> None:
            nonlocal orthant
            if measure:
                self.gradient_norm = norms(gradient)
            if objective.nonsmooth:
                orthant = objective.make_pseudo_gradient(theta, gradient)

        if objective.term is None:
            objective.add_penalty_gradient(theta, gradient)
        self.descent.step(column, gradient, look if measure or objective.nonsmooth else None)
        if orthant is not None:
            objective.project_to_orthant(theta, orthant)
        if objective.penalty.projects:
            objective.project(theta)
        if mask is not None and (orthant is not None or objective.penalty.projects):
            theta *= mask
