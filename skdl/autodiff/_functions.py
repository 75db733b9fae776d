"""Functions of arrays that Variables go through: those of NumPy, and two that it lacks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy import special

from skdl.autodiff._tape import FUNCTIONS, Variable, recorded, summed_to, value_of


def inverse(x: Any) -> Any:
    """The inverses of square matrices; dX = -Y^T dY Y^T. Of an array it is an array."""
    if not isinstance(x, Variable):
        return np.linalg.inv(x)

    def back(dy: Any, y: Any) -> Any:
        flipped = y.swapaxes(-1, -2)
        return -(flipped @ dy @ flipped)

    return recorded(np.linalg.inv(x.value), "inverse", (x,), [(x, back)])


def erf(x: Any) -> Any:
    """The error function, which NumPy lacks. Of an array it is an array."""
    if not isinstance(x, Variable):
        return special.erf(x)

    def back(dy: Any, y: Any) -> Any:
        given = x if isinstance(dy, Variable) else x.value
        return dy * np.exp(-given * given) * (2 / np.pi**0.5)

    return recorded(special.erf(x.value), "erf", (x,), [(x, back)])


def where(condition: Any, a: Any, b: Any) -> Any:
    """Elements of a where the condition holds, else of b; no gradient goes back to the others."""
    chosen = np.asarray(value_of(condition), dtype=bool)
    y = np.where(chosen, value_of(a), value_of(b))
    parents = []
    if isinstance(a, Variable):
        parents.append((a, lambda dy, y: summed_to(np.where(chosen, dy, 0), a.shape)))
    if isinstance(b, Variable):
        parents.append((b, lambda dy, y: summed_to(np.where(chosen, 0, dy), b.shape)))
    return recorded(y, "where", (chosen, a, b), parents) if parents else y


def broadcast_to(x: Variable, shape: Any) -> Variable:
    """The array stretched to a shape."""
    parents = [(x, lambda dy, y: summed_to(dy, x.shape))]
    return recorded(np.broadcast_to(x.value, shape), "broadcast_to", (x,), parents)


def expand_dims(x: Variable, axis: Any) -> Variable:
    """The array with axes of length 1 more."""
    return x.reshape(np.expand_dims(x.value, axis).shape)


def concatenate(arrays: Sequence[Any], axis: int = 0) -> Variable:
    """Arrays one after the other along an axis."""
    values = [np.asarray(value_of(x)) for x in arrays]
    y = np.concatenate(values, axis=axis)
    ends = np.cumsum([value.shape[axis] for value in values])
    parents = []
    for x, value, end in zip(arrays, values, ends, strict=True):
        if isinstance(x, Variable):
            part = (*[slice(None)] * (axis % y.ndim), slice(int(end) - value.shape[axis], int(end)))
            parents.append((x, lambda dy, y, part=part: dy[part]))
    return recorded(y, "concatenate", tuple(arrays), parents)


def stack(arrays: Sequence[Any], axis: int = 0) -> Variable:
    """Arrays of one shape along a new axis."""
    y = np.stack([np.asarray(value_of(x)) for x in arrays], axis=axis)
    before = (slice(None),) * (axis % y.ndim)
    parents = [(x, lambda dy, y, i=i: dy[(*before, i)]) for i, x in enumerate(arrays) if isinstance(x, Variable)]
    return recorded(y, "stack", tuple(arrays), parents)


def dot(a: Any, b: Any) -> Any:
    """The sum over a's last axis and b's last but one (its only one), of numbers the product."""
    if np.ndim(a) == 0 or np.ndim(b) == 0:
        return a * b
    if np.ndim(b) <= 2:
        return np.matmul(a, b)
    b = b if isinstance(b, Variable) else np.asarray(b)
    shape = (*np.shape(a)[:-1], *b.shape[:-2], b.shape[-1])
    columns = b.swapaxes(-1, -2).reshape(-1, b.shape[-2])
    return np.matmul(np.reshape(a, (-1, np.shape(a)[-1])), columns.T).reshape(shape)


def outer(a: Any, b: Any) -> Any:
    """The outer product of two vectors."""
    return np.reshape(a, (-1, 1)) * np.reshape(b, (1, -1))


FUNCTIONS |= {
    np.sum: Variable.sum,
    np.mean: Variable.mean,
    np.max: Variable.max,
    np.reshape: Variable.reshape,
    np.transpose: Variable.transpose,
    np.swapaxes: Variable.swapaxes,
    np.broadcast_to: broadcast_to,
    np.expand_dims: expand_dims,
    np.concatenate: concatenate,
    np.stack: stack,
    np.where: where,
    np.dot: dot,
    np.outer: outer,
    np.ndim: lambda x: x.ndim,
    np.shape: lambda x: x.shape,
    np.size: lambda x: x.size,
    np.linalg.inv: inverse,
}
