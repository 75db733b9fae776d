"""Layers: what networks are made of, each with its adjoint under its forward; and blocks, which hidden layers are."""

from skdl._registry import layers
from skdl.layers.activation import ActivationLayer
from skdl.layers.activity import ActivityPenalty
from skdl.layers.batch_ensemble import BatchEnsembleDense, PerMemberDense, Tile
from skdl.layers.categories import Categories
from skdl.layers.columns import ColumnEncoding
from skdl.layers.dense import Dense, DenseBlock
from skdl.layers.dropout import Dropout
from skdl.layers.normalization import NormalizationLayer
from skdl.layers.residual import Residual, ResidualBlock
from skdl.layers.scale import Scale
from skdl.layers.sequential import Sequential
from skdl.layers.shared_rows import with_shared_rows
from skdl.layers.standardization import Standardization

__all__ = [
    "ActivationLayer",
    "ActivityPenalty",
    "BatchEnsembleDense",
    "Categories",
    "ColumnEncoding",
    "Dense",
    "DenseBlock",
    "Dropout",
    "NormalizationLayer",
    "PerMemberDense",
    "Residual",
    "ResidualBlock",
    "Scale",
    "Sequential",
    "Standardization",
    "Tile",
    "names",
    "resolve",
    "with_shared_rows",
]

resolve, names = layers.resolve, layers.names
