"""Activations that are written as rules, in loops: with the bias of the affine map below, and on the way back."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from skdl._array import Array, in_order
from skdl._compiled import Kind, Loop, Rule, elementwise_loop, trace
from skdl._protocols import Activation, LayerArrays, LayerBackprop


class ElementwiseActivation:
    """The two loops of an activation of a stack.

    Parameters
    ----------
    activation : Activation
    rule, derivative : Rule
        Its own.
    """

    def __init__(self, activation: Activation, rule: Rule, derivative: Rule) -> None:
        self.activation, self.rule, self.derivative = activation, rule, derivative
        self._prepared: tuple[Any, ...] | None = None  # for the last shape and precision of x

    def forward(self, x: Array, bias: Array | None) -> tuple[Array, LayerBackprop]:
        """f(x + bias) in the place of x, (k, B, n), and its adjoint; bias (k, 1, n) or None."""
        prepared = self._prepared  # once: another thread may exchange it
        key = len(x), x.dtype, bias is None
        if prepared is None or prepared[0] != key:
            prepared = self._prepared = key, *self._prepare(*key)
        _, there, numbers, back, slopes = prepared
        run = there.run if x.flags.c_contiguous else there.by_numpy  # a compiled loop takes arrays in C order
        if bias is None:
            run(x, *numbers)
        else:
            # A stack's lies in its parameters, a row of theirs apart from the next member's.
            run(x, np.ascontiguousarray(bias), *numbers)
        y = x

        def backprop(dy: Array, gradients: LayerArrays, needed: bool) -> Array:
            run = back.run if dy.flags.c_contiguous and y.flags.c_contiguous else back.by_numpy
            run(dy, y, *slopes)
            return dy

        return y, backprop

    def _prepare(self, n_members: int, dtype: Any, alone: bool) -> tuple[Loop, list[Array], Loop, list[Array]]:
        there, back = (rule.numbers(self.activation) for rule in (self.rule, self.derivative))
        return (
            _forward_loop(self.rule, tuple(there), dtype, alone),
            [_column(value, n_members, dtype) for value in there.values()],
            _backward_loop(self.derivative, tuple(back), dtype),
            [_column(value, n_members, dtype) for value in back.values()],
        )


def _column(value: Any, n_members: int, dtype: Any) -> Array:
    return in_order(np.broadcast_to(np.asarray(value, dtype), (n_members, 1, 1)), dtype)


@lru_cache(maxsize=256)
def _forward_loop(rule: Rule, names: tuple[str, ...], dtype: Any, alone: bool) -> Loop:
    kinds: dict[str, Kind] = {"x": "element"} if alone else {"x": "element", "bias": "unit"}

    def function(x: Any, *others: Any) -> Any:
        rest: Sequence[Any] = others
        if not alone:
            bias, *rest = rest
            x = x + bias
        return rule(x, **dict(zip(names, rest, strict=True)))

    return elementwise_loop(trace(function, kinds | _members(names), ["x"], grid=True), dtype)


@lru_cache(maxsize=256)
def _backward_loop(derivative: Rule, names: tuple[str, ...], dtype: Any) -> Loop:
    kinds: dict[str, Kind] = {"dy": "element", "y": "element"}

    def function(dy: Any, y: Any, *numbers: Any) -> Any:
        return dy * derivative(y, **dict(zip(names, numbers, strict=True)))

    return elementwise_loop(trace(function, kinds | _members(names), ["dy"], grid=True), dtype)


def _members(names: Sequence[str]) -> dict[str, Kind]:
    return {f"number {name}": "member" for name in names}
