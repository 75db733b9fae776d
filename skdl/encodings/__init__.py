"""Encodings of numbers: maps of each number of the inputs by itself, before the first hidden layer."""

from skdl._registry import encodings
from skdl.encodings._periodic import Periodic
from skdl.encodings._piecewise import Piecewise
from skdl.encodings._quantile import Quantile
from skdl.encodings._robust import Robust

__all__ = ["Periodic", "Piecewise", "Quantile", "Robust", "names", "resolve"]

resolve, names = encodings.resolve, encodings.names
