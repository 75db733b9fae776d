"""Dropout."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np

from skdl._array import Array, bernoulli_rows, column, random_bits, where_below
from skdl._compiled import Loop, source_of
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
        dropped = self._column.astype(x.dtype)
        if context.dropout_factor is not None:
            dropped = np.minimum(dropped * context.dropout_factor, MOST)
        keep = 1 - dropped
        if not (context.training or context.drops):
            return (x, _same) if self.inverted else (x * keep, lambda dy, gradients, needed: dy * keep)
        if context.training:
            mask, y = _dropped(x, context.generators, keep, 1 / keep if self.inverted else np.ones_like(keep))
        else:
            mask = bernoulli_rows(context.generators, keep, x[:, :1])
            if self.inverted:
                mask /= keep
            y = x * mask

        def backprop(dy: Array, gradients: LayerArrays, needed: bool) -> Array:
            dy *= mask
            return dy

        return y, backprop

    @cached_property
    def _column(self) -> Array:
        return column(self.probabilities, 3, np.float64)

    def passed_map(self, scale: Array, shift: Array) -> ScaleAndShift:
        """As at prediction: keep (x - shift) scale = (keep x - keep shift) scale."""
        return scale, shift if self.inverted else shift * (1 - self.probabilities[0])

    def input_weights(self, arrays: LayerArrays) -> None:
        return None


def _same(dy: Array, gradients: LayerArrays, needed: bool) -> Array:
    return dy


def _dropped(x: Array, generators: Sequence[Any], keep: Array, scale: Array) -> tuple[Array, Array]:
    """Zeros or the scale, drawn for each number of each member, and the product with x (k or 1, B, n), which stays."""
    x = np.ascontiguousarray(x)
    mask = np.empty((len(keep), *x.shape[1:]), x.dtype)
    y = np.empty_like(mask)
    _loop(x.dtype).run(x, random_bits(generators, mask[0].size), keep, scale, mask, y)
    return mask, y


@lru_cache(maxsize=8)
def _loop(dtype: Any) -> Loop:
    real = np.dtype(dtype).name
    read = f"Array({real}, 3, 'C', readonly=True)"
    types = [read, "uint16[:,::1]", *[f"{real}[:,:,::1]"] * 4]
    return Loop(_drop_by_numpy, source_of(_drop), [f"void({', '.join(types)})"])


def _drop_by_numpy(x: Array, bits: Array, keep: Array, scale: Array, mask: Array, y: Array) -> None:
    where_below(bits, keep, scale, mask)
    np.multiply(x, mask, out=y)


def _drop(x: Array, bits: Array, keep: Array, scale: Array, mask: Array, y: Array) -> None:
    for j in range(mask.shape[0]):
        mask_j = mask[j].reshape(mask[j].size)
        y_j, x_j = y[j].reshape(mask_j.size), x[min(j, x.shape[0] - 1)].reshape(mask_j.size)
        bits_j = bits[j, : mask_j.size]
        zero = mask.dtype.type(0)
        bound = np.rint(np.float64(keep[j, 0, 0]) * 65536.0)
        last, kept = np.uint16(max(bound - 1.0, 0.0)), scale[j, 0, 0] if bound > 0.0 else zero
        for i in range(mask_j.size):
            factor = kept if bits_j[i] <= last else zero
            mask_j[i] = factor
            y_j[i] = x_j[i] * factor
