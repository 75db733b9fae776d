"""Normalizations, between a layer's affine map and its activation."""

from skdl._registry import normalizations
from skdl.normalizations._batch import BatchNorm
from skdl.normalizations._over_units import GroupNorm, LayerNorm

__all__ = ["BatchNorm", "GroupNorm", "LayerNorm", "names", "resolve"]

resolve, names = normalizations.resolve, normalizations.names
