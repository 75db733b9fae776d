"""Layers: what networks are made of, each with its adjoint under its forward; and blocks, which hidden layers are."""

from skdl._registry import layers
from skdl.layers.activation import ActivationLayer
from skdl.layers.activity import ActivityPenalty
from skdl.layers.batch_ensemble import BatchEnsembleDense, PerMemberDense, Tile
from skdl.layers.dense import Dense, DenseBlock
from skdl.layers.dropout import Dropout
from skdl.layers.normalization import NormalizationLayer
from skdl.layers.residual import Residual, ResidualBlock
from skdl.layers.sequential import Sequential
from skdl.layers.standardization import Standardization

__all__ = [
    "ActivationLayer",
    "ActivityPenalty",
    "BatchEnsembleDense",
    "Dense",
    "DenseBlock",
    "Dropout",
    "NormalizationLayer",
    "PerMemberDense",
    "Residual",
    "ResidualBlock",
    "Sequential",
    "Standardization",
    "Tile",
    "names",
    "resolve",
]

resolve, names = layers.resolve, layers.names
