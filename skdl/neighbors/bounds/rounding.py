"""Bounds of the rounding errors of sums in floating point."""

from __future__ import annotations

from typing import Any

import numpy as np

TINY = float(np.finfo(np.float64).tiny)
SMALLEST = float(np.finfo(np.float64).smallest_subnormal)


def rounding_bound(count: float, dtype: Any) -> float:
    """g_m = m u / (1 - m u) for m operations of unit roundoff u; infinite when it says nothing any more."""
    product = count * float(np.finfo(dtype).eps) / 2
    return product / (1 - product) if product < 1 else np.inf


def minkowski_underflow(columns: int, p: float) -> float:
    """The largest difference of two distances that powers below the smallest normal number can hide."""
    return 0.0 if np.isinf(p) else 2 * (columns * TINY) ** (1 / p)
