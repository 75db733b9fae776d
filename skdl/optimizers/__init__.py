"""Optimizers: rules that turn gradients into directions, elementwise for all members of a stack at once.

A rule gives a direction d; the learning rate, its schedule, the sign, clipping and decoupled weight decay are applied
in one place, by the engine: theta <- theta - learning_rate * factor * (d + weight_decay * theta), the last term for
weights only. In the docstrings g is the gradient of the batch's mean loss plus penalty, after clipping, and every
operation is elementwise. Where a rule divides by a root, epsilon is added outside of it: sqrt(s) + epsilon.
`minimize` walks down any function by any of them.
"""

from skdl._registry import optimizers
from skdl.optimizers._adam import Adam, AdamW, NAdam
from skdl.optimizers._descent import SGD, Momentum, Nesterov
from skdl.optimizers._full_batch import LBFGS
from skdl.optimizers._minimize import DescentPath, minimize
from skdl.optimizers._scaled import AdaGrad, RMSProp

__all__ = [
    "LBFGS",
    "SGD",
    "AdaGrad",
    "Adam",
    "AdamW",
    "DescentPath",
    "Momentum",
    "NAdam",
    "Nesterov",
    "RMSProp",
    "minimize",
    "names",
    "resolve",
]

resolve, names = optimizers.resolve, optimizers.names
