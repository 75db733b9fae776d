"""A rise before any schedule, and learning rates that react to the losses."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from skdl._array import Array, namespace
from skdl._constraints import Constraint, Integer, Real
from skdl._protocols import Schedule
from skdl._registry import register, schedules


class _ScheduleLike(Constraint):
    """The name of a schedule or an instance."""

    def accepts(self, value: Any) -> bool:
        return isinstance(value, Schedule) or (isinstance(value, str) and value in schedules.names())

    def __str__(self) -> str:
        return f"one of {schedules.names()} or an instance of Schedule"


@register("warmup")
class Warmup(Schedule):
    """A linear rise of the learning rate from nearly zero, and then another schedule.

    factor = (t + 1) / T in step t < T of the first T = epochs * steps_per_epoch, then the other schedule's in its step
    t - T  (by step)

    A schedule that is stretched over the fit is stretched over what is left of it after the rise.

    Parameters
    ----------
    schedule : str or Schedule, default="constant"
        Name or instance of the schedule that follows.
    epochs : float, default=1
        Length of the rise, in (0, inf); fractions of an epoch are allowed.

    Shape
    -----
    step (k, S) -> factor (k, S)

    References
    ----------
    P. Goyal et al., "Accurate, large minibatch SGD: training ImageNet in 1 hour", 2017.

    Examples
    --------
    >>> import numpy as np
    >>> from skdl.schedules import Exponential, Warmup
    >>> Warmup(Exponential(0.5), epochs=2).factor(np.arange(8.0), steps_per_epoch=2, max_epochs=4)
    array([0.25, 0.5 , 0.75, 1.  , 1.  , 1.  , 0.5 , 0.5 ])
    >>> from skdl import MLPClassifier
    >>> MLPClassifier(schedule=Warmup("cosine", epochs=0.5))
    MLPClassifier(schedule=Warmup(schedule='cosine', epochs=0.5))
    """

    constraints = {"schedule": _ScheduleLike(), "epochs": Real(0, open_low=True)}

    def __init__(self, schedule: str | Schedule = "constant", *, epochs: float = 1):
        self.schedule = schedule
        self.epochs = epochs

    def factor(self, step: Array, *, steps_per_epoch: int, max_epochs: int) -> Array:
        xp = namespace(step)
        length = max(1, round(self.epochs * steps_per_epoch))
        left: Any = max(max_epochs - length / steps_per_epoch, 1 / steps_per_epoch)
        after = schedules.resolve(self.schedule).factor(
            xp.maximum(step - length, 0), steps_per_epoch=steps_per_epoch, max_epochs=left
        )
        return xp.where(step < length, (step + 1) / length, after)

    def epoch_factor(self, losses: Sequence[float]) -> float:
        return schedules.resolve(self.schedule).epoch_factor(losses[math.ceil(self.epochs) :])

    def annealed_epochs(self, max_epochs: int) -> Sequence[int]:
        schedule, rise = schedules.resolve(self.schedule), round(self.epochs)
        everything = super().annealed_epochs(max_epochs)
        if rise >= max_epochs:
            return everything
        left = max_epochs - rise
        found = schedule.annealed_epochs(left)
        return everything if len(found) == left else [rise + epoch for epoch in found]


@register("plateau")
class Plateau(Schedule):
    """A learning rate that falls when the loss no longer does.

    After every `patience` epochs in a row without a loss lower than the lowest before by more than `threshold`, the
    factor is multiplied by gamma  (by epoch)

    The losses are those of the validation rows where there are any, else of the training. The factor follows from their
    whole history, so that a fit that goes on does so as one long fit would.

    Parameters
    ----------
    gamma : float, default=0.5
        Factor at each fall, in (0, 1).
    patience : int, default=5
        Epochs without progress before a fall, at least 1; to matter, fewer than the estimator's `n_iter_no_change`.
    threshold : float, default=1e-4
        Fall of the loss that counts as progress, in [0, inf).
    min_factor : float, default=1e-3
        The lowest factor, in [0, 1].

    Shape
    -----
    step (k, S) -> factor (k, S), all 1; the history of losses -> a float

    Examples
    --------
    >>> from skdl.schedules import Plateau
    >>> Plateau(patience=2).epoch_factor([1.0, 0.5, 0.6, 0.7])
    0.5
    >>> Plateau(patience=2).epoch_factor([1.0, 0.5, 0.6, 0.4])
    1.0
    """

    constraints = {
        "gamma": Real(0, 1, open_low=True, open_high=True),
        "patience": Integer(1),
        "threshold": Real(0),
        "min_factor": Real(0, 1),
    }
    per_member = ("gamma", "patience", "threshold", "min_factor")

    def __init__(self, gamma: float = 0.5, *, patience: int = 5, threshold: float = 1e-4, min_factor: float = 1e-3):
        self.gamma = gamma
        self.patience = patience
        self.threshold = threshold
        self.min_factor = min_factor

    def factor(self, step: Array, *, steps_per_epoch: int, max_epochs: int) -> Array:
        return namespace(step).ones_like(step)

    def epoch_factor(self, losses: Sequence[float]) -> float:
        factor, best, waited = 1.0, math.inf, 0
        for loss in losses:
            if loss < best - self.threshold:
                best, waited = loss, 0
            else:
                waited += 1
            if waited == self.patience:
                factor, waited = max(factor * self.gamma, self.min_factor), 0
        return factor
