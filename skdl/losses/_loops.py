"""What the cross entropy does beside exponentials, logarithms and sums, in two passes over the scores.

Arrays have the classes before the rows, (k, C, B), which is the order in memory of scores in training.
"""

from __future__ import annotations

from functools import cache, lru_cache
from typing import Any

import numpy as np

from skdl._array import Array
from skdl._compiled import Loop, elementwise_loop, source_of, trace


def subtract_largest(s: Array, work: Array) -> None:
    """Take the largest score of each row from all of its scores, in place; `work` (k, B) is written over."""
    for j in range(s.shape[0]):
        top = work[j]
        for b in range(top.size):
            top[b] = s[j, 0, b]
        for c in range(1, s.shape[1]):
            row = s[j, c]
            for b in range(row.size):
                if row[b] > top[b] or row[b] != row[b]:
                    top[b] = row[b]
        for c in range(s.shape[1]):
            row = s[j, c]
            for b in range(row.size):
                row[b] -= top[b]


def _subtract_by_numpy(s: Array, work: Array) -> None:
    np.subtract(s, np.maximum.reduce(s, axis=-2, keepdims=True), out=s)


@cache
def largest_loop() -> Loop:
    """The loop `run(s, work)`, for float32 and float64."""
    kinds = [f"void({real}[:, :, ::1], {real}[:, ::1])" for real in ("float32", "float64")]
    return Loop(_subtract_by_numpy, source_of(subtract_largest), kinds)


@lru_cache(maxsize=8)
def gradient_loop(dtype: Any) -> Loop:
    """The loop `run(s, t, p, total, w)`: s <- s t, and p <- (p / total - t) w, with total and w (k, 1, B)."""
    expression = trace(
        lambda s, t, p, total, w: (s * t, (p / total - t) * w),
        {"s": "element", "t": "element", "p": "element", "total": "unit", "w": "unit"},
        ["s", "p"],
    )
    return elementwise_loop(expression, dtype)


def are_in_order(s: Array, t: Array, w: Array) -> bool:
    """Whether scores, targets and weights lie in memory as the loops take them."""
    alike = s.dtype == t.dtype == w.dtype and s.ndim == 3 and s.shape == t.shape and w.shape == (len(s), 1, s.shape[2])
    return alike and s.flags.c_contiguous and t.flags.c_contiguous and w.flags.c_contiguous
