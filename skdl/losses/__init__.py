"""Losses: each takes raw scores, owns the link to predictions, and gives value and gradient in one call.

The value is a weighted sum over the rows of a batch; with weights 1 / B it is their mean. Over the columns of a row,
losses of classes and events are sums, losses of reals are means.
"""

from skdl._registry import losses
from skdl.autodiff import FunctionLoss
from skdl.losses._classification import BinaryCrossEntropy, Brier, CrossEntropy, Focal
from skdl.losses._margin import Perceptron
from skdl.losses._regression import AbsoluteError, Huber, Poisson, Quantile, SquaredError

__all__ = [
    "AbsoluteError",
    "BinaryCrossEntropy",
    "Brier",
    "CrossEntropy",
    "Focal",
    "Huber",
    "Perceptron",
    "Poisson",
    "Quantile",
    "SquaredError",
    "from_function",
    "names",
    "resolve",
]

resolve, names = losses.resolve, losses.names
from_function = FunctionLoss
