"""Arithmetic on the rows of a matrix, dense or sparse, whose results do not depend on where a row stands."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse


def scale_by_powers_of_two(X: Any, exponents: np.ndarray) -> Any:
    if not sparse.issparse(X):
        return np.ldexp(X, exponents[:, None])
    X = X.copy()
    X.data = np.ldexp(X.data, np.repeat(exponents, np.diff(X.indptr)))
    return X


def unit_rows(X: Any) -> Any:
    """Rows divided by their lengths, in float64; a row of zeros stays.

    Dividing by the largest entry first neither overflows nor underflows, and it gives exact multiples of a row the
    same direction to the last bit, since equal quotients round equally.
    """
    X = X.astype(np.float64)
    for divisor in (row_max_abs, lambda rows: np.sqrt(row_sums_of_squares(rows))):
        lengths = divisor(X)
        X = scale_rows(X, np.where(lengths == 0, 1.0, lengths))
    return X


def scale_rows(X: Any, divisors: np.ndarray) -> Any:
    if not sparse.issparse(X):
        return X / divisors[:, None]
    X = X.copy()
    X.data = X.data / np.repeat(divisors, np.diff(X.indptr))
    return X


def row_max_abs(X: Any) -> np.ndarray:
    if not sparse.issparse(X):
        return reduce_columns(np.maximum, np.abs(X))
    return np.asarray(abs(X).max(axis=1).todense(), dtype=np.float64).ravel()


def row_sums_of_squares(X: Any) -> np.ndarray:
    if not sparse.issparse(X):
        return reduce_columns(np.add, X * X)
    squares = X.copy()
    squares.data = np.square(squares.data)
    return np.asarray(squares.sum(axis=1)).ravel()


def reduce_columns(operation: np.ufunc, X: np.ndarray) -> np.ndarray:
    """`operation.reduce(X, axis=1)`, bit for bit.

    NumPy, too, combines rows of fewer than 8 numbers in their order, but takes five times as long.
    """
    if not 2 <= X.shape[1] < 8:
        return np.asarray(operation.reduce(X, axis=1))
    result = operation(X[:, 0], X[:, 1])
    for column in X.T[2:]:
        operation(result, column, out=result)
    return np.asarray(result)
