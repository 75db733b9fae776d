"""Schedules: the learning rate over time, as a factor of the optimizer's learning rate."""

from __future__ import annotations

from skdl._array import Array, namespace
from skdl._constraints import Real
from skdl._protocols import Schedule
from skdl._registry import schedules

__all__ = ["Constant", "Exponential", "Schedule", "names", "register", "resolve"]

register, resolve, names = schedules.register, schedules.resolve, schedules.names


@register("constant")
class Constant(Schedule):
    """The learning rate as it is, in every step.

    factor = 1

    Shape
    -----
    step (k, S) -> factor (k, S)

    Examples
    --------
    >>> import numpy as np
    >>> from skdl.schedules import Constant
    >>> Constant().factor(np.arange(3.0), steps_per_epoch=1, max_epochs=3)
    array([1., 1., 1.])
    """

    def factor(self, step: Array, *, steps_per_epoch: int, max_epochs: int) -> Array:
        return namespace(step).ones_like(step)


@register("exponential")
class Exponential(Schedule):
    """A learning rate that falls by the same factor in every epoch.

    factor = gamma^e in epoch e = 0, 1, ...  (by epoch: constant within one)

    Parameters
    ----------
    gamma : float, default=0.95
        Factor from one epoch to the next, in (0, 1].

    Shape
    -----
    step (k, S) -> factor (k, S)

    Examples
    --------
    >>> import numpy as np
    >>> from skdl.schedules import Exponential
    >>> Exponential(gamma=0.5).factor(np.arange(4.0), steps_per_epoch=2, max_epochs=2)
    array([1. , 1. , 0.5, 0.5])
    """

    _constraints = {"gamma": Real(0, 1, open_low=True)}
    _per_member = ("gamma",)

    def __init__(self, gamma: float = 0.95):
        self.gamma = gamma

    def factor(self, step: Array, *, steps_per_epoch: int, max_epochs: int) -> Array:
        return self.gamma ** namespace(step).floor(step / steps_per_epoch)
