"""Means and scales of columns, in float64 and without a copy of the data; of missing numbers nothing is known.

A column that holds one value has the scale 0, and that value, to the bit, as its mean: less its mean and times its
scale it is exactly zero, whatever it holds later.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from sklearn.utils.sparsefuncs import mean_variance_axis

from skdl._array import take_rows

BLOCK_NUMBERS = 1 << 18
EPS = float(np.finfo(np.float64).eps)
SAFE = {
    np.dtype(np.float64): (1e-280, 1e280),
    np.dtype(np.float32): (1e-30, 1e30),
}  # variances without over-, underflow

Moments = tuple[np.ndarray, np.ndarray]


def row_weights(n_rows: int, index: np.ndarray | None, weight: np.ndarray | None) -> np.ndarray:
    """The weight of each of `n_rows` rows, when the rows `index` are taken, each with its own weight."""
    if weight is not None and len(positive := weight[weight > 0]) and positive.min() == positive.max():
        weight = np.sign(weight) if len(positive) < len(weight) else None  # only the proportions count
    if index is None:
        return np.ones(n_rows) if weight is None else weight.astype(np.float64)
    return np.bincount(index, None if weight is None else weight[index], minlength=n_rows).astype(np.float64)


def mean_and_scale(X: Any, weight: np.ndarray, rows: np.ndarray | None = None) -> Moments:
    """Weighted mean and reciprocal standard deviation of each column; the scale of a constant column is 0.

    Parameters
    ----------
    X : array or CSR matrix of shape (n, n_columns)
    weight : array of shape (n,)
    rows : int array or None
        The rows that are looked at, where the others, whose weight is zero, are not to leave a trace in the rounding.

    Returns
    -------
    mean, scale : float64 arrays of shape (n_columns,)
        (X - mean) * scale is standardised.
    """
    given = weight, rows
    X, weight, rows = _chosen(X, weight, rows)
    share, safe = weight / weight.sum(), SAFE[np.dtype(np.float64)]
    with np.errstate(all="ignore"):  # a column that is out of range is looked at again
        if isinstance(X, np.ndarray):
            mean, variance = _dense_moments(X, share, rows)
        else:
            mean, variance = mean_variance_axis(X, axis=0, weights=weight.astype(X.dtype))
            mean, variance, safe = mean.astype(np.float64), variance.astype(np.float64), SAFE[X.dtype]
        # What rounding leaves of a constant column's variance is not a scale.
        least = np.maximum(safe[0], (EPS * len(weight) * mean) ** 2)
        sure = (variance > least) & (variance < safe[1])
        scale = 1 / np.sqrt(np.where(sure, variance, 1.0))
    with_holes = np.isnan(mean)
    columns = np.flatnonzero(~sure & ~with_holes)
    if len(columns):
        mean[columns], scale[columns] = _at_second_sight(X, share, rows, columns)
    for j in np.flatnonzero(with_holes).tolist():
        there = _present(X, j, *given)
        mean[[j]], scale[[j]] = mean_and_scale(X[:, [j]], given[0], there) if len(there) else (0.0, 0.0)
    return mean, scale


def zero_and_scale(X: Any, weight: np.ndarray, rows: np.ndarray | None = None) -> Moments:
    """Zeros, and the reciprocal root of each column's weighted mean square; of a column of zeros it is 0.

    Returns
    -------
    zero, scale : float64 arrays of shape (n_columns,)
        X * scale is standardised about zero.
    """
    given = X, weight, rows
    X, weight, rows = _chosen(X, weight, rows)
    share, zero = weight / weight.sum(), np.zeros(X.shape[1])
    with np.errstate(all="ignore"):
        if isinstance(X, np.ndarray):
            squares = sum(share[part] @ block.astype(np.float64) ** 2 for part, block in _blocks(X, rows))
        else:
            squares = share @ X.astype(np.float64).power(2)
        sure = (squares > SAFE[np.dtype(np.float64)][0]) & (squares < SAFE[np.dtype(np.float64)][1])
        scale = 1 / np.sqrt(np.where(sure, squares, 1.0))
    columns = np.flatnonzero(~sure)
    if len(columns):
        X, weight, rows = given
        scale[columns] = scale_about(X, weight, zero, columns, rows)
    return zero, scale


def scale_of_channels(scale: np.ndarray, image_shape: tuple[int, ...]) -> np.ndarray:
    """One scale for all pixels of a channel, from those of each: that of their mean variance.

    Augmentation moves ink to where there was none: a pixel that is nearly constant in the rows as they are, in units of
    its own deviation, would be the loudest of all. Each keeps its own mean: less one mean for all, what is background
    everywhere would be a large number in every row.
    """
    variance = np.where(scale == 0, 0, 1 / np.where(scale == 0, 1, scale.astype(np.float64)) ** 2)
    spread = np.sqrt(variance.reshape(-1, *(image_shape[2:] or (1,))).mean(axis=0))
    common = np.where(spread == 0, 0, 1 / np.where(spread == 0, 1, spread))
    return np.tile(common, len(scale) // len(common))


def scale_about(
    X: Any, weight: np.ndarray, centre: np.ndarray, columns: np.ndarray, rows: np.ndarray | None = None
) -> np.ndarray:
    """The reciprocal root of the weighted mean square of some columns less their `centre`; 0 where all equal it."""
    if isinstance(X, np.ndarray) and np.isnan(X[:, columns]).any():
        return np.array([_scale_of_column(X, weight, centre, j, rows) for j in columns])
    X, weight, rows = _chosen(X, weight, rows)
    return _at_second_sight(X, weight / weight.sum(), rows, columns, centre[columns])[1]


def _scale_of_column(X: np.ndarray, weight: np.ndarray, centre: np.ndarray, j: int, rows: np.ndarray | None) -> float:
    there = _present(X, j, weight, rows)
    if not len(there):
        return 0.0
    scale: np.ndarray = scale_about(X[there][:, [j]], weight[there], centre[[j]], np.zeros(1, np.intp))
    return float(scale[0])


def _present(X: np.ndarray, j: int, weight: np.ndarray, rows: np.ndarray | None) -> np.ndarray:
    """The rows that count and in which column j is not missing."""
    there = ~np.isnan(X[:, j]) & (weight > 0)
    return np.flatnonzero(there) if rows is None else rows[there[rows]]


def largest_numbers(X: Any, rows: np.ndarray | None = None) -> np.ndarray:
    """The largest absolute value of each column."""
    if not isinstance(X, np.ndarray):
        of_sparse: np.ndarray = abs(X if rows is None else X[rows]).max(axis=0).toarray().ravel()
        return of_sparse
    largest = np.zeros(X.shape[1], X.dtype)
    for _, block in _blocks(X, rows):
        np.maximum(largest, np.abs(block).max(axis=0), out=largest)
    for j in np.flatnonzero(np.isnan(largest)):
        column = np.abs(X[:, j] if rows is None else X[rows, j])
        largest[j] = column.max(where=~np.isnan(column), initial=0)
    return largest


def _chosen(X: Any, weight: np.ndarray, rows: np.ndarray | None) -> tuple[Any, np.ndarray, np.ndarray | None]:
    """Only the rows that are looked at: of a sparse X itself, of a dense one what `_blocks` takes."""
    if rows is None:
        return X, weight, None
    return (X, weight[rows], rows) if isinstance(X, np.ndarray) else (X[rows], weight[rows], None)


def _blocks(X: np.ndarray, rows: np.ndarray | None) -> Iterator[tuple[slice, np.ndarray]]:
    """The rows, in blocks that stay in the cache."""
    step = max(1, BLOCK_NUMBERS // max(X.shape[1], 1))
    for start in range(0, len(X) if rows is None else len(rows), step):
        part = slice(start, start + step)
        yield part, X[part] if rows is None else take_rows(X, rows[part])


def _dense_moments(X: np.ndarray, share: np.ndarray, rows: np.ndarray | None) -> Moments:
    """Mean and variance in two passes over blocks of rows: the sum of squares of differences does not cancel."""
    mean = sum(share[part] @ block.astype(np.float64) for part, block in _blocks(X, rows))
    variance = sum(share[part] @ (block - mean) ** 2 for part, block in _blocks(X, rows))
    return np.asarray(mean), np.asarray(variance)


def _at_second_sight(
    X: Any, share: np.ndarray, rows: np.ndarray | None, columns: np.ndarray, centre: np.ndarray | None = None
) -> Moments:
    """Mean and scale of columns that are constant, or nearly, or whose squares are out of range.

    Differences from the first row's value (or from the `centre`) are taken in units of a power of two near the largest
    number, so that nothing is rounded, over- or underflows that need not be.
    """
    chosen = np.flatnonzero(share > 0)
    if len(chosen) < len(share):
        share, rows = share[chosen], chosen if rows is None else rows[chosen]
    if not isinstance(X, np.ndarray):  # of the many columns of a sparse X, those that hold anything
        X = (X if rows is None else X[rows])[:, columns]
        holds = abs(X).max(axis=0).toarray().ravel() > 0
        held = np.flatnonzero(holds if centre is None else holds | (centre != 0))
        if len(held) < len(columns):
            mean, scale = np.zeros((2, len(columns)))
            if len(held):
                centre = None if centre is None else centre[held]
                mean[held], scale[held] = _at_second_sight(X, share, None, held, centre)
            return mean, scale
        rows, columns = None, np.arange(len(columns))
    first = centre
    if first is None:
        _, [first] = next(_parts(X, np.zeros(1, np.intp) if rows is None else rows[:1], columns))
    first = first.astype(np.float64)
    mean, scale = first.copy(), np.zeros(len(columns))
    left = np.zeros(len(columns), dtype=bool)
    for _, block in _parts(X, rows, columns):
        left |= (block != first).any(axis=0)
    if not left.any():
        return mean, scale
    columns, first = columns[left], first[left]
    largest = np.abs(first)
    for _, block in _parts(X, rows, columns):
        np.maximum(largest, np.abs(block).max(axis=0), out=largest)
    exponent = np.frexp(largest)[1]
    first = np.ldexp(first, -exponent)

    def apart(block: np.ndarray) -> np.ndarray:
        difference: np.ndarray = np.ldexp(block.astype(np.float64), -exponent) - first
        return difference

    spread = np.zeros(len(columns))
    middle: Any = np.zeros(len(columns))
    for part, block in _parts(X, rows, columns):
        difference = apart(block)
        np.maximum(spread, np.abs(difference).max(axis=0), out=spread)
        middle = middle + share[part] @ difference
    middle = middle if centre is None else np.zeros(len(columns))
    squares = sum(share[part] @ (apart(block) - middle) ** 2 for part, block in _parts(X, rows, columns))
    moves = spread > 4 * EPS * np.abs(first)  # less is what a sum or a product has rounded
    with np.errstate(all="ignore"):
        found = np.where(moves, np.ldexp(1 / np.sqrt(np.where(moves, squares, 1.0)), -exponent), 0.0)
    mean[left] = np.where(moves, np.ldexp(first + middle, exponent), mean[left])
    scale[left] = found
    return mean, scale


def _parts(X: Any, rows: np.ndarray | None, columns: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
    """Some columns of some rows (None for all), block by block."""
    step = max(1, BLOCK_NUMBERS // max(len(columns), 1))
    for start in range(0, X.shape[0] if rows is None else len(rows), step):
        part = slice(start, start + step)
        block = X[part] if rows is None else X[rows[part]]
        yield part, np.take(block if isinstance(block, np.ndarray) else block.toarray(), columns, axis=1)
