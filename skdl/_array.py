"""The only seam to an array library.

The engine and the components work in the array namespace of the arrays that they are given (array API standard,
in-place arithmetic allowed). What that standard lacks, or what is much faster by a library's own call, is a named
operation here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

Array = Any  # an array of any supported library


def namespace(x: Array) -> Any:
    """The array library of x: its module of functions."""
    return x.__array_namespace__()


def column(values: Any, ndim: int, dtype: Any) -> Array:
    """One number a member as an array of shape (k, 1, ...), to broadcast over arrays that have members first."""
    return np.asarray(values, dtype=dtype).reshape(-1, *([1] * (ndim - 1)))


def matmul(a: Array, b: Array, out: Array | None = None) -> Array:
    """Matrix products over the member axis, written into `out` where it is given."""
    return np.matmul(a, b, out=out)


def sqrt(x: Array, out: Array) -> Array:
    """Square roots, written into `out`: in a large network each new array of all parameters costs time."""
    return np.sqrt(x, out=out)


def divide(a: Array, b: Array, out: Array) -> Array:
    """The quotient a / b, written into `out`."""
    return np.divide(a, b, out=out)


def multiply(a: Array, b: Array, out: Array) -> Array:
    """The product a * b, written into `out`."""
    return np.multiply(a, b, out=out)


def transpose(x: Array) -> Array:
    """The matrices of a stack transposed, without a copy."""
    return x.swapaxes(-1, -2)


def take_rows(x: Array, index: Array, out: Array | None = None) -> Array:
    """Rows of one matrix by index; `mode="clip"` spares NumPy the buffering of a checked take into `out`."""
    return np.take(x, index, axis=0, out=out, mode="clip")


def rectify(x: Array) -> Array:
    """max(x, 0) in place; against an array of zeros NumPy's loop is vectorised, and three times faster than with 0."""
    return np.maximum(x, _zeros(x.size, x.dtype).reshape(x.shape), out=x)


def _zeros(size: int, dtype: Any) -> Array:
    """A shared array of zeros, to read from."""
    zeros = _ZEROS.get(dtype)
    if zeros is None or zeros.size < size:
        zeros = _ZEROS[dtype] = np.zeros(size, dtype)
        zeros.flags.writeable = False
    return zeros[:size]


_ZEROS: dict[Any, Array] = {}


def row_max(x: Array) -> Array:
    """(k, B, C) -> (k, B, 1), the largest number of each row; short rows are laid side by side first, for speed."""
    if x.shape[-1] > SHORT_ROW:
        return np.maximum.reduce(x, axis=-1, keepdims=True)
    return np.maximum.reduce(x.swapaxes(-1, -2).copy(), axis=-2)[..., None]


SHORT_ROW = 32


def row_sum(x: Array) -> Array:
    """(k, B, C) -> (k, B, 1), the sum of each row, as a product with ones: short rows are slow to reduce."""
    return np.matmul(x, np.ones((x.shape[-1], 1), x.dtype))


def uniform_rows(generators: Sequence[np.random.Generator], shape: tuple[int, ...], like: Array) -> Array:
    """Uniform numbers in [0, 1), shape (k, *shape): member i's come from generator i alone."""
    draws = np.empty((len(generators), *shape), dtype=like.dtype)
    for generator, row in zip(generators, draws, strict=True):
        generator.random(out=row, dtype=row.dtype.type)
    return draws


def to_numpy(x: Array) -> np.ndarray:
    """X as a NumPy array."""
    return np.asarray(x)
