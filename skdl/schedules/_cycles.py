"""Learning rates that fall and rise along cosines."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Self

import numpy as np

from skdl._array import Array, namespace
from skdl._constraints import NONE, Integer, Real
from skdl._protocols import Schedule
from skdl._registry import register


def half_wave(xp: Any, u: Array) -> Array:
    """The fall of a cosine from 1 at u = 0 to 0 at u = 1."""
    return (1 + xp.cos(math.pi * u)) / 2


@register("cosine")
class Cosine(Schedule):
    """A learning rate that falls along half a cosine, once over the whole fit or with warm restarts.

    factor = end + (1 - end) (1 + cos(pi u)) / 2,  with u the share of the cycle's steps done  (by step)

    Parameters
    ----------
    cycle : int or None, default=None
        Epochs of the first cycle, at least 1, after which the factor is 1 again, and so on without an end. None for
        cycles over the whole fit, after which it stays at the end value.
    n_cycles : int, default=1
        How many these are, at least 1, each of whole epochs: some of few epochs fall away. It goes with `cycle=None`.
    growth : float, default=1.0
        Ratio of the length of each cycle to that of the one before, in [1, inf).
    end : float, default=0.0
        Factor at the end of a cycle, in [0, 1].

    Shape
    -----
    step (k, S) -> factor (k, S)

    References
    ----------
    I. Loshchilov, F. Hutter, "SGDR: stochastic gradient descent with warm restarts", ICLR 2017.

    Examples
    --------
    >>> import numpy as np
    >>> from skdl.schedules import Cosine
    >>> Cosine().factor(np.arange(5.0), steps_per_epoch=2, max_epochs=2).round(3)
    array([1.   , 0.854, 0.5  , 0.146, 0.   ])
    >>> Cosine(cycle=1, growth=2.0).factor(np.arange(6.0), steps_per_epoch=2, max_epochs=3).round(3)
    array([1.   , 0.5  , 1.   , 0.854, 0.5  , 0.146])
    >>> Cosine(n_cycles=2, growth=2.0).factor(np.arange(7.0), steps_per_epoch=2, max_epochs=3).round(3)
    array([1.   , 0.5  , 1.   , 0.854, 0.5  , 0.146, 0.   ])
    """

    constraints = {"cycle": NONE | Integer(1), "n_cycles": Integer(1, 100), "growth": Real(1), "end": Real(0, 1)}
    per_member = ("end",)

    def __init__(self, cycle: int | None = None, *, n_cycles: int = 1, growth: float = 1.0, end: float = 0.0):
        self.cycle = cycle
        self.n_cycles = n_cycles
        self.growth = growth
        self.end = end

    def validate(self) -> Self:
        super().validate()
        if self.cycle is not None and self.n_cycles != 1:
            raise ValueError(
                f"n_cycles={self.n_cycles} has no effect with cycle={self.cycle}, after whose end there is always "
                "another one. Give one of them."
            )
        return self

    def factor(self, step: Array, *, steps_per_epoch: int, max_epochs: int) -> Array:
        xp = namespace(step)
        if self.cycle is None:
            u, begin = xp.ones_like(step), 0
            for end in self._planned_ends(max_epochs):
                now = (step >= begin * steps_per_epoch) & (step < end * steps_per_epoch)
                u = xp.where(now, (step - begin * steps_per_epoch) / ((end - begin) * steps_per_epoch), u)
                begin = end
        else:
            length = xp.full_like(step, float(self.cycle * steps_per_epoch))
            beyond = step >= length
            while xp.any(beyond):  # cycle by cycle: whole numbers of steps, so that restarts are exact
                step = step - beyond * length
                length = xp.where(beyond, length * self.growth, length)
                beyond = beyond & (step >= length)
            u = step / length
        return self.end + (1 - self.end) * half_wave(xp, u)

    def annealed_epochs(self, max_epochs: int) -> Sequence[int]:
        if self.cycle is None:
            planned = self._planned_ends(max_epochs)
            return planned if len(planned) > 1 else super().annealed_epochs(max_epochs)
        ends, length = [], float(self.cycle)
        end = length
        while round(end) <= max_epochs:
            ends.append(round(end))
            length *= self.growth
            end += length
        return ends or super().annealed_epochs(max_epochs)

    def _planned_ends(self, max_epochs: int) -> list[int]:
        """The epochs at the end of each cycle over the whole fit."""
        done = np.cumsum(self.growth ** np.arange(1.0 - self.n_cycles, 1.0))  # the last one is 1: no overflow
        ends: list[int] = np.unique(np.round(done / done[-1] * max_epochs).astype(int)).tolist()
        return [end for end in ends if end]


@register("one_cycle")
class OneCycle(Schedule):
    """One rise to the optimizer's learning rate and one long fall over the whole fit (superconvergence).

    factor = start + (1 - start) (1 - cos(pi u / rise)) / 2 for u < rise,
    else end + (1 - end) (1 + cos(pi (u - rise) / (1 - rise))) / 2,
    with u the share of the planned steps done, at most 1  (by step)

    The learning rate is that of the peak, and should be larger than a constant one. The optimizer's momentum stays as
    it is; the paper lets it fall where the learning rate rises.

    Parameters
    ----------
    rise : float, default=0.3
        Share of the fit before the peak, in (0, 1).
    start : float, default=0.04
        Factor at the start, in [0, 1].
    end : float, default=4e-6
        Factor at the end, in [0, 1].

    Shape
    -----
    step (k, S) -> factor (k, S)

    References
    ----------
    L. N. Smith, N. Topin, "Super-convergence: very fast training of neural networks using large learning rates", 2017.

    Examples
    --------
    >>> import numpy as np
    >>> from skdl.schedules import OneCycle
    >>> OneCycle(rise=0.5).factor(np.arange(5.0), steps_per_epoch=1, max_epochs=4).round(3)
    array([0.04, 0.52, 1.  , 0.5 , 0.  ])
    """

    constraints = {"rise": Real(0, 1, open_low=True, open_high=True), "start": Real(0, 1), "end": Real(0, 1)}
    per_member = ("rise", "start", "end")

    def __init__(self, rise: float = 0.3, *, start: float = 0.04, end: float = 4e-6):
        self.rise = rise
        self.start = start
        self.end = end

    def factor(self, step: Array, *, steps_per_epoch: int, max_epochs: int) -> Array:
        xp = namespace(step)
        u = xp.minimum(step / (steps_per_epoch * max_epochs), 1)
        up = self.start + (1 - self.start) * (1 - half_wave(xp, u / self.rise))
        down = self.end + (1 - self.end) * half_wave(xp, (u - self.rise) / (1 - self.rise))
        return xp.where(u < self.rise, up, down)


@register("cos_log")
class CosLog(Schedule):
    """A learning rate that rises from zero and falls to zero again in cycles, each twice as long as the one before.

    factor = (1 - cos(2 pi log2(1 + (2^n - 1) u))) / 2,
    with n the cycles and u the share of the planned steps done, at most 1  (by step)

    It is zero at u = 0, at the end, and between cycles, at u = (2^i - 1) / (2^n - 1). Early cycles are short, so that
    large steps soon find what they can, and the last one covers half of the fit; with four of them this is the
    "coslog4" of the reference. The first step of all has a rate of zero.

    Parameters
    ----------
    n_cycles : int, default=4
        n, at least 1.

    Shape
    -----
    step (k, S) -> factor (k, S)

    References
    ----------
    D. Holzmueller, L. Grinsztajn, I. Steinwart, "Better by default: strong pre-tuned MLPs and boosted trees on tabular
    data", NeurIPS 2024, section 3.

    Examples
    --------
    >>> import numpy as np
    >>> from skdl.schedules import CosLog
    >>> CosLog(n_cycles=2).factor(np.arange(7.0), steps_per_epoch=2, max_epochs=3).round(3)
    array([0.   , 0.93 , 0.   , 0.718, 0.93 , 0.324, 0.   ])
    """

    constraints = {"n_cycles": Integer(1, 100)}
    per_member = ("n_cycles",)

    def __init__(self, n_cycles: int = 4):
        self.n_cycles = n_cycles

    def factor(self, step: Array, *, steps_per_epoch: int, max_epochs: int) -> Array:
        xp = namespace(step)
        u = xp.minimum(step / (steps_per_epoch * max_epochs), 1)
        cycles = xp.log2(1 + (2.0**self.n_cycles - 1) * u)
        return 1 - half_wave(xp, 2 * cycles)

    def annealed_epochs(self, max_epochs: int) -> Sequence[int]:
        ends = (2.0 ** np.arange(1, self.n_cycles + 1) - 1) / (2.0**self.n_cycles - 1) * max_epochs
        found: list[int] = np.unique(np.round(ends[np.round(ends) >= 1]).astype(int)).tolist()
        return found


@register("flat_cos")
class FlatCos(Schedule):
    """A factor of one for a part of the fit, and then half a cosine down to an end value.

    factor = 1 for u <= flat, else end + (1 - end) (1 + cos(pi (u - flat) / (1 - flat))) / 2,
    with u the share of the planned steps done, at most 1  (by step)

    Parameters
    ----------
    flat : float, default=0.5
        Share of the fit before the fall, in [0, 1).
    end : float, default=0.0
        Factor at the end, in [0, 1].

    Shape
    -----
    step (k, S) -> factor (k, S)

    References
    ----------
    D. Holzmueller, L. Grinsztajn, I. Steinwart, "Better by default: strong pre-tuned MLPs and boosted trees on tabular
    data", NeurIPS 2024, appendix A, where weight decay and dropout follow it.

    Examples
    --------
    >>> import numpy as np
    >>> from skdl.schedules import FlatCos
    >>> FlatCos(0.5).factor(np.arange(5.0), steps_per_epoch=1, max_epochs=4).round(3)
    array([1. , 1. , 1. , 0.5, 0. ])
    """

    constraints = {"flat": Real(0, 1, open_high=True), "end": Real(0, 1)}
    per_member = ("flat", "end")

    def __init__(self, flat: float = 0.5, *, end: float = 0.0):
        self.flat = flat
        self.end = end

    def factor(self, step: Array, *, steps_per_epoch: int, max_epochs: int) -> Array:
        xp = namespace(step)
        u = xp.minimum(step / (steps_per_epoch * max_epochs), 1)
        return self.end + (1 - self.end) * half_wave(xp, xp.maximum(u - self.flat, 0) / (1 - self.flat))
