"""Learning rates that stay or fall."""

from __future__ import annotations

from skdl._array import Array, namespace, power
from skdl._constraints import Integer, Real
from skdl._protocols import Schedule
from skdl._registry import register


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

    constraints = {"gamma": Real(0, 1, open_low=True)}
    per_member = ("gamma",)

    def __init__(self, gamma: float = 0.95):
        self.gamma = gamma

    def factor(self, step: Array, *, steps_per_epoch: int, max_epochs: int) -> Array:
        return self.gamma ** namespace(step).floor(step / steps_per_epoch)


@register("step")
class StepDecay(Schedule):
    """A learning rate that falls by the same factor every few epochs.

    factor = gamma^floor(e / epochs) in epoch e = 0, 1, ...  (by epoch: constant within one)

    Parameters
    ----------
    epochs : int, default=10
        Epochs between two falls, at least 1.
    gamma : float, default=0.5
        Factor at each fall, in (0, 1].

    Shape
    -----
    step (k, S) -> factor (k, S)

    Examples
    --------
    >>> import numpy as np
    >>> from skdl.schedules import StepDecay
    >>> StepDecay(epochs=2, gamma=0.1).factor(np.arange(5.0), steps_per_epoch=1, max_epochs=5)
    array([1.  , 1.  , 0.1 , 0.1 , 0.01])
    """

    constraints = {"epochs": Integer(1), "gamma": Real(0, 1, open_low=True)}
    per_member = ("epochs", "gamma")

    def __init__(self, epochs: int = 10, *, gamma: float = 0.5):
        self.epochs = epochs
        self.gamma = gamma

    def factor(self, step: Array, *, steps_per_epoch: int, max_epochs: int) -> Array:
        xp = namespace(step)
        return self.gamma ** xp.floor(xp.floor(step / steps_per_epoch) / self.epochs)


@register("inverse_time")
class InverseTime(Schedule):
    """A learning rate that falls with the reciprocal of time, as stochastic approximation needs it to converge.

    factor = 1 / (1 + decay t),  with t the epochs done, a fraction within one  (by step)

    Parameters
    ----------
    decay : float, default=0.1
        In [0, inf). After 1 / decay epochs the learning rate is half the first one.

    Shape
    -----
    step (k, S) -> factor (k, S)

    References
    ----------
    H. Robbins, S. Monro, "A stochastic approximation method", Annals of Mathematical Statistics 22, 1951.

    Examples
    --------
    >>> import numpy as np
    >>> from skdl.schedules import InverseTime
    >>> InverseTime(decay=0.5).factor(np.arange(5.0), steps_per_epoch=2, max_epochs=3)
    array([1.        , 0.8       , 0.66666667, 0.57142857, 0.5       ])
    """

    constraints = {"decay": Real(0)}
    per_member = ("decay",)

    def __init__(self, decay: float = 0.1):
        self.decay = decay

    def factor(self, step: Array, *, steps_per_epoch: int, max_epochs: int) -> Array:
        return 1 / (1 + self.decay * (step / steps_per_epoch))


@register("polynomial")
class Polynomial(Schedule):
    """A learning rate that falls to an end value over the whole fit, by a power of what is left of it.

    factor = end + (1 - end) (1 - u)^power,  with u the share of the planned steps done, at most 1  (by step)

    Parameters
    ----------
    power : float, default=1.0
        In (0, inf); 1 falls linearly.
    end : float, default=0.0
        Factor at the end, in [0, 1].

    Shape
    -----
    step (k, S) -> factor (k, S)

    Examples
    --------
    >>> import numpy as np
    >>> from skdl.schedules import Polynomial
    >>> Polynomial(power=2.0, end=0.2).factor(np.arange(5.0), steps_per_epoch=2, max_epochs=2)
    array([1.  , 0.65, 0.4 , 0.25, 0.2 ])
    """

    constraints = {"power": Real(0, open_low=True), "end": Real(0, 1)}
    per_member = ("power", "end")

    def __init__(self, power: float = 1.0, *, end: float = 0.0):
        self.power = power
        self.end = end

    def factor(self, step: Array, *, steps_per_epoch: int, max_epochs: int) -> Array:
        left = 1 - namespace(step).minimum(step / (steps_per_epoch * max_epochs), 1)
        return self.end + (1 - self.end) * power(left, self.power)
