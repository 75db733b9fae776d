"""Schedules: the learning rate over time, as a factor of the optimizer's learning rate.

A schedule by epoch is constant within one; a schedule by step changes with every batch. Those that are stretched over
the whole fit (polynomial, cosine, one_cycle, cos_log, flat_cos) end with its planned number of epochs, the estimator's
`max_iter`.
"""

from skdl._registry import schedules
from skdl.schedules._cycles import Cosine, CosLog, FlatCos, OneCycle
from skdl.schedules._decay import Constant, Exponential, InverseTime, Polynomial, StepDecay
from skdl.schedules._reacting import Plateau, Warmup

__all__ = [
    "Constant",
    "CosLog",
    "Cosine",
    "Exponential",
    "FlatCos",
    "InverseTime",
    "OneCycle",
    "Plateau",
    "Polynomial",
    "StepDecay",
    "Warmup",
    "names",
    "resolve",
]

resolve, names = schedules.resolve, schedules.names
