"""A small reverse-mode tape: gradients of formulas that are written in plain NumPy.

Every operation on a `Variable` remembers what went in and how a gradient goes back; `gradients` walks that graph from
the result, each node after all that use it, and adds up where paths meet. It serves those who give a forward function
only (`skdl.activations.from_function`, `skdl.losses.from_function`), and the test suite as an oracle for the adjoints
that are written by hand, which are several times faster.
"""

from skdl.autodiff._components import FunctionActivation, FunctionLoss
from skdl.autodiff._tape import Variable, erf, gradients, inverse, where

__all__ = ["FunctionActivation", "FunctionLoss", "Variable", "erf", "gradients", "inverse", "where"]
