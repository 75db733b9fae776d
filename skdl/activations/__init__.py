"""Activations: the elementwise functions between layers, each with its derivative under it."""

from skdl._registry import activations
from skdl.activations._maxout import Maxout
from skdl.activations._parametric import Parametric
from skdl.activations._rectifiers import ELU, SELU, LeakyReLU, PReLU, ReLU
from skdl.activations._sigmoids import Identity, Sigmoid, Tanh, Threshold
from skdl.activations._smooth import GELU, Mish, Softplus, Swish
from skdl.autodiff import FunctionActivation

__all__ = [
    "ELU",
    "GELU",
    "SELU",
    "Identity",
    "LeakyReLU",
    "Maxout",
    "Mish",
    "PReLU",
    "Parametric",
    "ReLU",
    "Sigmoid",
    "Softplus",
    "Swish",
    "Tanh",
    "Threshold",
    "from_function",
    "names",
    "resolve",
]

resolve, names = activations.resolve, activations.names
from_function = FunctionActivation
