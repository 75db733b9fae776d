"""Bases of the component families: the methods that a plug-in must provide, with the shapes.

k is the number of members of a stack, B the rows of a batch, n the units of a layer, C the columns of the targets and
P the number of parameters of one member. Members come first on every array, and no component reduces over them. Where
a method is said to own an argument, it may overwrite it; it never has to.
"""

from skdl._protocols._augmentations import (
    Augmentation,
    GeometricAugmentation,
    PixelAugmentation,
    RowAugmentation,
    RowLayout,
)
from skdl._protocols._blocks import Block, Parts
from skdl._protocols._columns import InputColumns
from skdl._protocols._container import Container, is_learned
from skdl._protocols._context import ForwardContext
from skdl._protocols._encodings import CategoryEncoding, NumberEncoding
from skdl._protocols._layers import NO_GRADIENTS, Activation, Backprop, Gradients, Initializer, Normalization
from skdl._protocols._network import (
    Absorption,
    Cost,
    Fold,
    Layer,
    LayerArrays,
    LayerBackprop,
    ScaleAndShift,
)
from skdl._protocols._objectives import Loss, Penalty, WeightPlaces
from skdl._protocols._parameters import ParameterSpec
from skdl._protocols._training import FirstOrderOptimizer, FullBatchOptimizer, Optimizer, Schedule

__all__ = [
    "NO_GRADIENTS",
    "Absorption",
    "Activation",
    "Augmentation",
    "Backprop",
    "Block",
    "CategoryEncoding",
    "Container",
    "Cost",
    "FirstOrderOptimizer",
    "Fold",
    "ForwardContext",
    "FullBatchOptimizer",
    "GeometricAugmentation",
    "Gradients",
    "Initializer",
    "InputColumns",
    "Layer",
    "LayerArrays",
    "LayerBackprop",
    "Loss",
    "Normalization",
    "NumberEncoding",
    "Optimizer",
    "ParameterSpec",
    "Parts",
    "Penalty",
    "PixelAugmentation",
    "RowAugmentation",
    "RowLayout",
    "ScaleAndShift",
    "Schedule",
    "WeightPlaces",
    "is_learned",
]
