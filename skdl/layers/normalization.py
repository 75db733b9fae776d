"""A normalization as a layer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from skdl._array import Array
from skdl._protocols import (
    ForwardContext,
    Layer,
    LayerArrays,
    LayerBackprop,
    Normalization,
    ParameterSpec,
    ScaleAndShift,
)
from skdl.layers.activation import written


@dataclass(frozen=True)
class NormalizationLayer(Layer):
    """A normalization with its learned parameters and its buffers.

    Parameters
    ----------
    n_units : int
    normalization : Normalization
        Of a stack.
    """

    n_units: int
    normalization: Normalization

    overwrites_x = True
    gives_y = True

    def parameters(self) -> list[ParameterSpec]:
        values = self.normalization.parameters(self.n_units)
        return [ParameterSpec(name, np.shape(value), "normalization") for name, value in values.items()]

    def initial(self, member: int, generator: np.random.Generator) -> Mapping[str, Array]:
        return self.normalization.parameters(self.n_units)

    def buffers(self) -> Mapping[str, Array]:
        return self.normalization.buffers(self.n_units)

    def forward(self, x: Array, arrays: LayerArrays, context: ForwardContext) -> tuple[Array, LayerBackprop]:
        message = self.normalization.one_row_warning
        if message is not None and context.training and x.shape[1] == 1:
            context.warn_once(message)
        y, adjoint = self.normalization.forward(x, training=context.training, **arrays)
        return y, written(adjoint)

    def fixed_map(self) -> Callable[[LayerArrays], ScaleAndShift] | None:
        return self._fixed if self.normalization.folds else None

    def _fixed(self, arrays: LayerArrays) -> ScaleAndShift:
        scale, shift = self.normalization.fold(**{name: value[None] for name, value in arrays.items()})
        return scale[0], shift[0]

    @property
    def from_population(self) -> bool:
        return self.normalization.from_population

    def set_statistics(self, moments: ScaleAndShift, arrays: LayerArrays) -> None:
        self.normalization.set_statistics(moments, **arrays)
