"""Permutation importances of the columns, on rows that the members did not see."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from skdl.ensemble._sampling import select_rows
from skdl.tables._columns import as_numbers, columns_of, is_missing, is_plain, kind, names_of

MOST_ROWS = 2000  # that are asked for, of all folds together
NUMBERS_AT_A_TIME = 1 << 22  # in tables with a column permuted


@dataclass(frozen=True)
class StoredFrame:
    """A frame as arrays, which files hold whatever wrote them.

    Parameters
    ----------
    names : list
    columns : list of arrays of shape (n,)
        Numbers with NaN, or objects with None, where cells are missing.
    is_polars : bool
        Whether it was one of polars; else it becomes one of pandas.
    """

    names: list[Any]
    columns: list[np.ndarray]
    is_polars: bool

    def frame(self) -> Any:
        """The frame."""
        if self.is_polars:
            import polars as pl

            series = [
                pl.Series(name, column.tolist() if column.dtype == object else column)
                for name, column in zip(self.names, self.columns, strict=True)
            ]
            return pl.DataFrame(series)
        import pandas as pd

        return pd.DataFrame(dict(enumerate(self.columns))).set_axis(self.names, axis=1)


def stored(X: Any) -> Any:
    """An array as it is, and a frame as a `StoredFrame`."""
    names = names_of(X)
    if names is None:
        return X
    columns = []
    for column in columns_of(X):
        if is_plain(column):
            columns.append(np.asarray(column))
        elif kind(column) == "number":
            columns.append(as_numbers(column, np.float64))
        else:
            values = np.array(column, dtype=object)
            values[is_missing(column)] = None
            columns.append(values)
    return StoredFrame(list(names), columns, hasattr(X, "get_columns"))


@dataclass(frozen=True)
class SampledRows:
    """Some rows of each fold, kept to ask for importances later.

    Parameters
    ----------
    tables : list of arrays or StoredFrame
        Of each fold.
    targets, weights : list of arrays
    """

    tables: list[Any]
    targets: list[np.ndarray]
    weights: list[np.ndarray]

    @classmethod
    def of(
        cls, X: Any, y: np.ndarray, weight: np.ndarray | None, folds: Sequence[np.ndarray], generator: Any
    ) -> SampledRows:
        """At most `MOST_ROWS` of the rows in the folds, drawn at random."""
        share = min(1.0, MOST_ROWS / max(1, sum(map(len, folds))))
        chosen = [
            np.sort(generator.choice(rows, max(1, round(share * len(rows))), replace=False)) if share < 1 else rows
            for rows in folds
        ]
        ones = np.ones(len(y)) if weight is None else weight
        return cls(
            [stored(select_rows(X, rows)) for rows in chosen],
            [y[rows] for rows in chosen],
            [ones[rows] for rows in chosen],
        )


def permutation_importances(
    sample: SampledRows,
    losses: Callable[[int, Any, np.ndarray], np.ndarray],
    n_columns: int,
    generator: np.random.Generator,
) -> np.ndarray:
    """The rise (d,) of the mean loss where a column's values change places among the rows of a fold.

    Parameters
    ----------
    sample : SampledRows
    losses : callable
        From the number of a fold, a table and its targets to the loss of each row, by members that did not see them.
    n_columns : int
    generator : numpy.random.Generator

    References
    ----------
    L. Breiman, "Random forests", Machine Learning 45, 2001.
    """
    rises, total = np.zeros(n_columns), 0.0
    for k, (table, y, weight) in enumerate(zip(sample.tables, sample.targets, sample.weights, strict=True)):
        n = len(y)
        table = table.frame() if isinstance(table, StoredFrame) else table
        before = losses(k, table, y)
        at_a_time = max(1, NUMBERS_AT_A_TIME // max(1, n * n_columns))
        for start in range(0, n_columns, at_a_time):
            columns = range(start, min(start + at_a_time, n_columns))
            orders = {j: generator.permutation(n) for j in columns}
            after = losses(k, _permuted(table, orders), np.tile(y, (len(columns), *[1] * (y.ndim - 1))))
            rises[start : columns.stop] += (after.reshape(len(columns), n) - before) @ weight
        total += weight.sum()
    return rises / total


def _permuted(table: Any, orders: dict[int, np.ndarray]) -> Any:
    """The table once for each of the columns in `orders`, with that column's values in that order."""
    blocks: list[Any] = []
    for j, order in orders.items():
        if isinstance(table, np.ndarray):
            block: Any = table.copy()
            block[:, j] = table[order, j]
        elif hasattr(table, "iloc"):
            block = table.copy(deep=False)
            block.isetitem(j, table.iloc[order, j].array)
        else:  # polars
            block = table.with_columns(table[:, j].gather(order))
        blocks.append(block)
    if isinstance(table, np.ndarray):
        return np.concatenate(blocks)
    if hasattr(table, "iloc"):
        import pandas as pd

        return pd.concat(blocks, ignore_index=True)
    import polars as pl

    return pl.concat(blocks)
