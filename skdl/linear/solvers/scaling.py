"""Columns of any size: multiplied by powers of two, which is exact, where float64 would not hold their squares."""

from __future__ import annotations

import numpy as np

SAFE = 300  # exponents up to which products of a few numbers of this size stay in range


def safe_exponents(largest: np.ndarray) -> np.ndarray:
    """The powers of two near these sizes; 0, which changes nothing, for ordinary ones."""
    exponent = np.frexp(largest)[1]
    return np.where(np.abs(exponent) > SAFE, exponent, 0)


def scale_down(values: np.ndarray, exponent: np.ndarray) -> np.ndarray:
    """The values over two to these powers; the same array where all are 0."""
    return np.ldexp(values, -exponent) if exponent.any() else values


def safe_norms(matrix: np.ndarray) -> np.ndarray:
    """Euclidean norms of the columns, whatever their size."""
    exponent = safe_exponents(np.abs(matrix).max(axis=0, initial=0.0))
    return np.asarray(scale_down(np.linalg.norm(scale_down(matrix, exponent), axis=0), -exponent))
