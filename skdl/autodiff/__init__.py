"""A small reverse-mode tape: gradients of formulas that are written in plain NumPy.

Every operation on a `Variable` remembers what went in and how a gradient goes back; `gradients` walks that graph from
the result, each node after all that use it, and adds up where paths meet. The way back can be recorded too, so that
gradients are differentiated again, to any order. It serves those who give a forward function only
(`skdl.activations.from_function`, `skdl.losses.from_function`, `skdl.optimizers.minimize`), lessons, and the test suite
as an oracle for the adjoints that are written by hand, which are several times faster.
"""

from skdl.autodiff._components import FunctionActivation, FunctionLoss
from skdl.autodiff._critical_points import CriticalPoint, classify_critical_point
from skdl.autodiff._derivatives import directional_derivative, hessian, jacobian
from skdl.autodiff._functions import erf, inverse, where
from skdl.autodiff._graph import ComputationGraph, trace
from skdl.autodiff._numerical import GradientComparison, compare_gradients, numerical_gradient
from skdl.autodiff._tape import Variable, gradients

__all__ = [
    "ComputationGraph",
    "CriticalPoint",
    "FunctionActivation",
    "FunctionLoss",
    "GradientComparison",
    "Variable",
    "classify_critical_point",
    "compare_gradients",
    "directional_derivative",
    "erf",
    "gradients",
    "hessian",
    "inverse",
    "jacobian",
    "numerical_gradient",
    "trace",
    "where",
]
