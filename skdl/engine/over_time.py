"""Numbers that follow a schedule: learning rates, weight decay and dropout in each step of an epoch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from skdl._array import Array
from skdl._component import Component
from skdl._protocols import Schedule
from skdl.engine.state import State
from skdl.engine.training_spec import TrainingSpec

AT_ONCE = 128  # steps whose factors are computed in one call: twenty NumPy calls take longer than an epoch of one step


class OverTime:
    """The schedules of k members, of one structure.

    Parameters
    ----------
    schedules : sequence of k schedules
    max_epochs : int
        Epochs that they may stretch over.
    """

    def __init__(self, schedules: Sequence[Schedule], max_epochs: int):
        self.schedules, self.max_epochs = schedules, max_epochs
        self.stacked: Schedule = Component.stacked(schedules, 2, np.float64)
        self.reacts = any(type(schedule).epoch_factor is not Schedule.epoch_factor for schedule in schedules)
        self._known = (np.full(len(schedules), -1), np.empty((len(schedules), 0)))  # the first steps, and factors

    def of_epoch(self, state: State, steps_per_epoch: int, at_first: Array) -> Array:
        """What a number `at_first`, (k, 1), is in each step of the coming epoch, (k, S), in the state's precision."""
        values = at_first * self._factors(state.step, steps_per_epoch)
        if self.reacts:
            values = values * self._reactions(state)
        return values.astype(state.theta.dtype)

    def _factors(self, done: np.ndarray, steps_per_epoch: int) -> Array:
        """The factor in each step of the epoch after the steps `done`, (k, S); of short epochs several at once."""
        first, factors = self._known
        start = done[0] - first[0]
        if start < 0 or start + steps_per_epoch > factors.shape[1] or (done - first != start).any():
            start, n_steps = 0, max(1, AT_ONCE // steps_per_epoch) * steps_per_epoch
            steps = done[:, None] + np.arange(n_steps, dtype=float)
            found = self.stacked.factor(steps, steps_per_epoch=steps_per_epoch, max_epochs=self.max_epochs)
            self._known = _, factors = done.copy(), np.broadcast_to(found, steps.shape)
        return factors[:, start : start + steps_per_epoch]

    def _reactions(self, state: State) -> Array:
        """What each member's schedule makes of its epochs so far, of the validation loss where there is one, (k, 1)."""
        factors = []
        for schedule, progress in zip(self.schedules, state.progress, strict=True):
            records = [
                record["loss"] if record["validation_loss"] is None else record["validation_loss"]
                for record in progress.history
            ]
            factors.append([schedule.epoch_factor(records)])
        return np.array(factors, dtype=float)


class FactorOverTime:
    """A factor that follows schedules of its own, if the members have such; else it is one in all steps.

    Parameters
    ----------
    members : sequence of k specifications
    name : str
        Of the field that holds a member's schedule, or None.
    """

    def __init__(self, members: Sequence[TrainingSpec], name: str):
        schedules = [getattr(member, name) for member in members]
        self._schedules = None if schedules[0] is None else OverTime(schedules, members[0].max_epochs)

    def of_epoch(self, state: State, steps_per_epoch: int) -> Array | None:
        """The factor in each step of the coming epoch, (k, S); None where it is one."""
        if self._schedules is None:
            return None
        return self._schedules.of_epoch(state, steps_per_epoch, np.ones((state.n_members, 1)))
