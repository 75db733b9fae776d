"""Samples of rows, drawn by content, so that neither the order nor copies of rows matter."""

from __future__ import annotations

import math
import numbers
from typing import Any

import numpy as np
from pandas.util import hash_array
from scipy import sparse

from skdl._apart import set_apart
from skdl._diagnosis import is_frame
from skdl._validation import in_units
from skdl._warnings import warn

BLOCK_NUMBERS = 1 << 17
MOST_A_ROW = 100  # times that a row is drawn on average where its weight is a count: more are weights of another scale


def select_rows(X: Any, rows: np.ndarray) -> Any:
    """The rows of an array, a CSR matrix or a frame, in its own type."""
    if hasattr(X, "iloc"):
        return X.iloc[rows]
    if hasattr(X, "take") and is_frame(X):  # pyarrow
        return X.take(rows)
    return X[rows]


def select_columns(X: Any, columns: np.ndarray) -> Any:
    """The columns of an array, a CSR matrix or a frame, in its own type.

    Columns of a frame keep their names; where one is taken more than once, a number follows.
    """
    if not is_frame(X):
        return X[:, columns]
    taken = [X.columns[j] for j in columns]
    names = [
        name if taken[:i].count(name) == 0 else f"{name}_{taken[:i].count(name) + 1}" for i, name in enumerate(taken)
    ]
    if hasattr(X, "iloc"):
        return X.iloc[:, columns].set_axis(names, axis=1)
    return X.select([X[:, int(j)].alias(name) for j, name in zip(columns, names, strict=True)])  # polars


class Sampler:
    """Draws the rows of one member after another.

    A draw with replacement takes a uniform number's place on the line on which each row holds a stretch as long as its
    weight. The rows stand on that line in the order of their contents' hash, not in the order in which they came:
    so a row of weight 2 is drawn exactly as the row given twice would be, and shuffled data give the same samples.

    Parameters
    ----------
    X, y : validated data
    weight : array of shape (n,) or None
    max_samples : int, float or None
    bootstrap : bool
        Without replacement, rows are drawn uniformly from those of positive weight; the weights are then the member's.
    """

    def __init__(self, X: Any, y: np.ndarray, weight: np.ndarray | None, max_samples: float | None, bootstrap: bool):
        self.bootstrap = bootstrap
        order = np.argsort(row_keys(X, y), kind="stable")
        if weight is not None:
            order = order[weight[order] > 0]
        self.order = order
        self.ends = None  # each row's stretch is as long as 1
        self.length = total = len(order)
        if weight is not None and bootstrap:
            self.ends = np.cumsum(in_units(weight)[order])
            self.length = self.ends[-1]
            with np.errstate(over="ignore"):
                total = np.ldexp(self.length, np.frexp(weight.max())[1] - 1)  # the sum of the weights, or infinity
        self.n_samples = _count(max_samples, total, len(order))
        if not bootstrap and self.n_samples > len(order):
            raise ValueError(
                f"max_samples={max_samples} must be at most the {len(order)} rows to draw from when bootstrap=False."
            )

    @property
    def takes_all(self) -> bool:
        """True if a member sees every row, so that none is out of its bag."""
        return not self.bootstrap and self.n_samples == len(self.order)

    def draw(self, generator: np.random.Generator) -> np.ndarray:
        """The rows of one member."""
        if not self.bootstrap:
            return np.sort(self.order[generator.permutation(len(self.order))[: self.n_samples]])
        drawn = generator.random(self.n_samples) * self.length
        places = drawn.astype(np.intp) if self.ends is None else np.searchsorted(self.ends, drawn, side="right")
        return self.order[np.minimum(places, len(self.order) - 1)]


def _count(max_samples: float | None, total: float, n_rows: int) -> int:
    """The rows of a member, of rows that weigh `total` together."""
    if max_samples is None:
        return n_rows
    if isinstance(max_samples, numbers.Integral):
        return int(max_samples)
    count = max_samples * total * (1 + 1e-9)  # 0.29 of 100 is 29, whatever a product rounds to
    advice = "Weights on another scale need max_samples as an int, or None, which is the number of rows."
    if total > MOST_A_ROW * n_rows:
        warn(
            f"max_samples={max_samples} takes sample_weight as counts of rows: of their sum, {total:g}, that would be "
            f"{count:g} rows for each member. The fraction of the {n_rows} rows is used instead. {advice}",
        )
        count = max_samples * n_rows * (1 + 1e-9)
    elif total < n_rows and count < min(10, n_rows):
        warn(
            f"max_samples={max_samples} takes sample_weight as counts of rows: of their sum, {total:g}, that is "
            f"{max(1, math.floor(count))} row(s) for each member. {advice}",
        )
    return max(1, math.floor(count))


def set_contents_apart(
    X: Any,
    y: np.ndarray,
    weight: np.ndarray | None,
    share: float,
    generator: np.random.Generator,
    *,
    stratify: bool,
) -> tuple[np.ndarray, np.ndarray]:
    """Rows to learn and rows to validate on, about `share` of the weight of all (of each class) in the second.

    They are drawn by `set_apart`. Rows of equal content stay together: none of the second is a copy of a learned row,
    and weight 2 equals the row twice. At least one row (of each class) is left to be learned. Rows of weight zero are
    among these.
    """
    weight = np.ones(len(y)) if weight is None else in_units(weight)
    rows = np.flatnonzero(weight > 0)
    _, first, group = np.unique(row_keys(X, y)[rows], return_index=True, return_inverse=True)
    random = np.random.RandomState(int(generator.integers(2**31)))
    size = math.ceil(share * len(first) * (1 - 1e-9))
    mass, strata = np.bincount(group, weight[rows]), y[rows[first]] if stratify else None
    _, chosen = set_apart(size, random, mass=mass, strata=strata)
    is_chosen = np.zeros(len(first), dtype=bool)
    is_chosen[chosen] = True
    apart = np.zeros(len(y), dtype=bool)
    apart[rows] = is_chosen[group]
    return np.flatnonzero(~apart), np.flatnonzero(apart)


def row_keys(X: Any, y: np.ndarray) -> np.ndarray:
    """A hash of each row of (X, y), by values alone: the same for dense and sparse, frame and array.

    It is a sum over the columns of the cells' hashes times the column's odd factor, in the integers modulo 2^64, where
    a zero cell adds nothing. Sums of integers are exact: equal rows have equal keys wherever they stand.
    """
    keys = _table_keys(X, np.random.default_rng(0))
    joined: np.ndarray = keys * np.uint64(3) + _table_keys(y.reshape(len(y), -1), np.random.default_rng(1))
    return joined


def _table_keys(X: Any, generator: np.random.Generator) -> np.ndarray:
    n, d = X.shape
    factors = generator.integers(1 << 63, size=d, dtype=np.uint64) * np.uint64(2) + np.uint64(1)
    if is_frame(X):
        columns = [np.asarray(X.iloc[:, j] if hasattr(X, "iloc") else X[name]) for j, name in enumerate(X.columns)]
        return sum(
            (_cells(column) * factor for column, factor in zip(columns, factors, strict=True)), np.zeros(n, "u8")
        )
    if sparse.issparse(X):
        weighted = _cells(X.data) * factors[X.indices]
        ends = np.concatenate([np.zeros(1, np.uint64), np.cumsum(weighted)])
        sums: np.ndarray = ends[X.indptr[1:]] - ends[X.indptr[:-1]]
        return sums
    if X.dtype.kind not in "biuf":
        return sum((_cells(X[:, j]) * factors[j] for j in range(d)), np.zeros(n, "u8"))
    step = max(1, BLOCK_NUMBERS // max(d, 1))
    blocks = [X[start : start + step] for start in range(0, n, step)]
    return np.concatenate([(_cells(block.ravel()).reshape(block.shape) * factors).sum(axis=1) for block in blocks])


def _cells(values: np.ndarray) -> np.ndarray:
    """A hash of each cell; that of zero is zero."""
    try:
        reals = values.astype(np.float64) + 0.0  # no negative zero
    except (TypeError, ValueError):
        cells = values.astype(object)
        try:
            return hash_array(cells)
        except TypeError:  # a cell without a hash: the members say what is wrong with it
            return hash_array(cells.astype(str).astype(object))
    return hash_array(reals) - hash_array(np.zeros(1))
