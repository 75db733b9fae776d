"""Dropout."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from skdl._array import Array, bernoulli_rows, column, namespace
from skdl._protocols import ForwardContext, Layer, LayerArrays, LayerBackprop, ScaleAndShift

MOST = 1 - 2.0**-16  # a probability that a schedule may raise to: some number is kept


@dataclass(frozen=True)
class Dropout(Layer):
    """In training each number is dropped with probability p, or p times the factor of the step.

    Inverted dropout divides the rest by 1 - p; the standard form multiplies by 1 - p at prediction instead. The
    expected output is the same in training and prediction in both.

    Parameters
    ----------
    probabilities : sequence of k numbers
        p of each member, in [0, 1).
    inverted : bool, default=True

    References
    ----------
    N. Srivastava, G. Hinton, A. Krizhevsky, I. Sutskever, R. Salakhutdinov, "Dropout", JMLR 15, 2014.
    """

    probabilities: Sequence[float]
    inverted: bool = True

    is_random = True

    def forward(self, x: Array, arrays: LayerArrays, context: ForwardContext) -> tuple[Array, LayerBackprop]:
        dropped = column(self.probabilities, x.ndim, x.dtype)
        if context.dropout_factor is not None:
            dropped = namespace(x).minimum(dropped * context.dropout_factor, MOST)
        keep = 1 - dropped
        if not (context.training or context.drops):
            return (x, _same) if self.inverted else (x * keep, lambda dy, gradients, needed: dy * keep)
        mask = bernoulli_rows(context.generators, keep, x if context.training else x[:, :1])
        if self.inverted:
            mask /= keep
        y = x * mask  # not in place: x is an activation's result, which its own adjoint may need

        def backprop(dy: Array, gradients: LayerArrays, needed: bool) -> Array:
            dy *= mask
            return dy

        return y, backprop

    def passed_map(self, scale: Array, shift: Array) -> ScaleAndShift:
        """As at prediction: keep (x - shift) scale = (keep x - keep shift) scale."""
        return scale, shift if self.inverted else shift * (1 - self.probabilities[0])

    def input_weights(self, arrays: LayerArrays) -> None:
        return None


def _same(dy: Array, gradients: LayerArrays, needed: bool) -> Array:
    return dy
