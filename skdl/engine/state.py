"""The state of a training run: everything that a later epoch depends on."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from skdl._array import Array

Mark = tuple[dict[str, Any], int]


@dataclass
class Progress:
    """One member's way so far."""

    epoch: int = 0
    first_epoch: int = 0  # where the present call to train began
    started: float = 0.0  # and when, by time.monotonic
    seen: int = 0  # training rows, each once in an epoch
    history: list[dict[str, Any]] = field(default_factory=list)  # one record for each epoch, see `end_epoch`
    loss: float = math.inf  # of the last epoch, or where a search that had nothing to do began
    best: float = -math.inf  # the largest of what decides: validation score, or minus a loss
    first_score: float | None = None  # of the validation rows; NaN where it is not defined
    by_score: bool = False  # whether scores have differed, so that they can decide
    kept_by: str | None = None  # the column of the history whose best epoch's weights are kept
    kept: float = -math.inf  # the largest of it so far, of what is to fall with its sign turned
    kept_epoch: int = 0  # the epoch of that, whose weights predict; 0 for the last one
    best_theta: Array | None = None  # the weights of that epoch
    best_buffers: Array | None = None
    exact_buffers: Array | None = None  # exact statistics of all rows, taken after the last epoch
    waited: int = 0
    factors: Array | None = None  # (C,) of the raw scores, found on the validation rows after the epoch that is kept
    phase: int = 0  # 1 for the trial that validation ends, 2 for the training on all rows that follows it, else 0
    chosen: int = 0  # the epochs that the trial has chosen for the second training
    trial: list[dict[str, Any]] = field(default_factory=list)  # records of the trial's epochs, in the second training

    @property
    def losses(self) -> list[float]:
        return [record["loss"] for record in self.history]

    @property
    def scores(self) -> list[float]:
        """Validation scores of the epochs that had any; of a trial and the training after it those of the trial."""
        records = self.trial or self.history
        return [record["validation_score"] for record in records if record["validation_score"] is not None]

    def end_phases(self) -> None:
        """Go on as a training without phases; the trial's records of these epochs are in its own."""
        self.phase, self.chosen, self.trial = 0, 0, []

    @property
    def seconds(self) -> float:
        """Those of all epochs; of networks that were trained together its share."""
        return float(sum(record["seconds"] for record in self.history))

    def take_score(self, score: float) -> None:
        """Let the score of the validation rows decide from the first epoch on in which it is not what it always was."""
        if self.first_score is None:
            self.first_score = score
        if self.by_score or score == self.first_score or (math.isnan(score) and math.isnan(self.first_score)):
            return
        self.by_score = True
        self.best = -math.inf if math.isnan(self.first_score) else self.first_score
        if self.kept_by == "validation_score":
            self.kept = self.best

    def keep_by(self, column: str | None) -> None:
        """Let this column decide from now on; what another one has kept is not used any more."""
        if column != self.kept_by:
            self.kept_by, self.kept, self.kept_epoch = column, -math.inf, 0
            self.best_theta = self.best_buffers = self.factors = None

    def copy(self) -> Progress:
        return replace(self, history=list(self.history))

    def mark(self) -> Mark:
        """The way so far, to come back to: the records stay where they are."""
        return vars(self).copy(), len(self.history)

    def back_to(self, mark: Mark) -> Progress:
        """The way as it was when it was marked."""
        fields, n_records = mark
        return Progress(**{**fields, "history": self.history[:n_records]})


@dataclass
class State:
    """The state of k members.

    Parameters
    ----------
    theta : array of shape (k, P)
    buffers : array of shape (k, Q)
    optimizer_state : dict of arrays of shape (k, P)
        The optimizer's memory.
    step : array of shape (k,)
        Steps done.
    generators : list of k generators
    progress : list of k records
    mask : bool array of shape (k, P) or None
        False for the parameters that are zero and stay so, in a network that was pruned; None for none.
    """

    theta: Array
    buffers: Array
    optimizer_state: dict[str, Array]
    step: np.ndarray
    generators: list[np.random.Generator]
    progress: list[Progress]
    mask: Array | None = None

    @property
    def n_members(self) -> int:
        return len(self.progress)

    def take(self, members: Sequence[int]) -> State:
        """The state of some members, in arrays of their own."""
        index = list(members)
        return State(
            self.theta[index],
            self.buffers[index],
            {name: array[index] for name, array in self.optimizer_state.items()},
            self.step[index],
            [self.generators[i] for i in index],
            [self.progress[i] for i in index],
            None if self.mask is None else self.mask[index],
        )

    def copy(self) -> State:
        """An independent copy: training it leaves this one as it is."""
        from copy import deepcopy

        taken = self.take(range(self.n_members))
        taken.generators = deepcopy(taken.generators)
        taken.progress = [progress.copy() for progress in taken.progress]
        return taken

    @staticmethod
    def stack(states: Sequence[State]) -> State:
        """One state for all members of several, all of which have a mask, or none."""
        masks = [state.mask for state in states if state.mask is not None]
        return State(
            np.concatenate([state.theta for state in states]),
            np.concatenate([state.buffers for state in states]),
            {
                name: np.concatenate([state.optimizer_state[name] for state in states])
                for name in states[0].optimizer_state
            },
            np.concatenate([state.step for state in states]),
            [generator for state in states for generator in state.generators],
            [progress for state in states for progress in state.progress],
            np.concatenate(masks) if masks else None,
        )
