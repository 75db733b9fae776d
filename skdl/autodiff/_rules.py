"""The rules of backpropagation: for each elementwise function and the product of matrices, what goes back.

They are written in functions that take arrays and Variables alike: of arrays they give the gradient, of Variables the
gradient as a formula of its own, which is differentiated by the same rules.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np


def _of_taken(dy: Any, y: Any, this: Any, other: Any) -> Any:
    """The gradient by one of two numbers of which the extreme was taken as y; equal ones share it."""
    share = np.asarray((this == y) / (1.0 + (this == other)))  # comparisons give arrays: the choice is a constant
    return dy * share.astype(dy.dtype)


def _power_base(dy: Any, y: Any, a: Any, b: Any) -> Any:
    return dy * b * np.where(b == 0, 1, a) ** (b - 1)  # a^0 is constant, at a = 0 too


def _power_exponent(dy: Any, y: Any, a: Any, b: Any) -> Any:
    return dy * y * np.log(np.where(a > 0, a, 1))


def _matmul_parts(dy: Any, a: Any, b: Any) -> tuple[Any, Any, Any]:
    """A product of matrices, where a stands for a row if it is a vector, and b for a column."""
    dy = np.expand_dims(dy, -1) if np.ndim(b) == 1 else dy
    dy = np.expand_dims(dy, -2) if np.ndim(a) == 1 else dy
    return dy, np.expand_dims(a, 0) if np.ndim(a) == 1 else a, np.expand_dims(b, 1) if np.ndim(b) == 1 else b


def _matmul_left(dy: Any, y: Any, a: Any, b: Any) -> Any:
    dy, _, columns = _matmul_parts(dy, a, b)
    da = dy @ np.swapaxes(columns, -1, -2)
    return da[..., 0, :] if np.ndim(a) == 1 else da


def _matmul_right(dy: Any, y: Any, a: Any, b: Any) -> Any:
    dy, rows, _ = _matmul_parts(dy, a, b)
    db = np.swapaxes(rows, -1, -2) @ dy
    return db[..., 0] if np.ndim(b) == 1 else db


# For each function, the gradient by each input: from dy, the result y, and the inputs.
RULES: dict[np.ufunc, tuple[Callable[..., Any], ...]] = {
    np.add: (lambda dy, y, a, b: dy, lambda dy, y, a, b: dy),
    np.subtract: (lambda dy, y, a, b: dy, lambda dy, y, a, b: -dy),
    np.multiply: (lambda dy, y, a, b: dy * b, lambda dy, y, a, b: dy * a),
    np.divide: (lambda dy, y, a, b: dy / b, lambda dy, y, a, b: -dy * y / b),
    np.power: (_power_base, _power_exponent),
    np.maximum: (lambda dy, y, a, b: _of_taken(dy, y, a, b), lambda dy, y, a, b: _of_taken(dy, y, b, a)),
    np.minimum: (lambda dy, y, a, b: _of_taken(dy, y, a, b), lambda dy, y, a, b: _of_taken(dy, y, b, a)),
    np.matmul: (_matmul_left, _matmul_right),
    np.logaddexp: (lambda dy, y, a, b: dy * np.exp(a - y), lambda dy, y, a, b: dy * np.exp(b - y)),
    np.positive: (lambda dy, y, x: dy,),
    np.negative: (lambda dy, y, x: -dy,),
    np.reciprocal: (lambda dy, y, x: -dy * y * y,),
    np.square: (lambda dy, y, x: 2 * dy * x,),
    np.sqrt: (lambda dy, y, x: dy / (2 * y),),
    np.absolute: (lambda dy, y, x: dy * np.sign(x),),
    np.exp: (lambda dy, y, x: dy * y,),
    np.expm1: (lambda dy, y, x: dy * (y + 1),),
    np.log: (lambda dy, y, x: dy / x,),
    np.log1p: (lambda dy, y, x: dy / (1 + x),),
    np.tanh: (lambda dy, y, x: dy * (1 - y * y),),
    np.sin: (lambda dy, y, x: dy * np.cos(x),),
    np.cos: (lambda dy, y, x: -dy * np.sin(x),),
    np.sinh: (lambda dy, y, x: dy * np.cosh(x),),
    np.cosh: (lambda dy, y, x: dy * np.sinh(x),),
}
# Functions whose derivative is 0, or that give no reals: their results are constants.
STEPWISE = {np.greater, np.greater_equal, np.less, np.less_equal, np.equal, np.not_equal, np.sign, np.floor}
