"""A penalty on activations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from skdl._array import Array, column
from skdl._protocols import ForwardContext, Layer, LayerArrays, LayerBackprop, Penalty


@dataclass(frozen=True)
class ActivityPenalty(Layer):
    """A penalty on what passes: the identity, whose adjoint adds the penalty's gradient.

    Parameters
    ----------
    penalty : Penalty
        Of a stack.
    alphas : sequence of k numbers
        Each member's factor of it.
    """

    penalty: Penalty
    alphas: Sequence[float]

    def forward(self, x: Array, arrays: LayerArrays, context: ForwardContext) -> tuple[Array, LayerBackprop]:
        if not context.training or context.weight is None:
            return x, lambda dy, gradients, needed: dy
        share = column(self.alphas, x.ndim, x.dtype) * context.weight
        # The penalty of a multiple is the multiple of the penalty, so that rows' weights go inside.
        context.add_activity(self.penalty.value((x * share).reshape(x.shape[0], -1)))

        def backprop(dy: Array, gradients: LayerArrays, needed: bool) -> Array:
            dy += share * self.penalty.gradient(x)
            return dy

        return x, backprop
