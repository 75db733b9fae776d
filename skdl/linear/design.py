"""The columns that linear models have for those of a table: numbers, flags of missing ones, indicators of categories.

The matrix of a whole table is sparse, with about one number for each cell of the table.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.utils.validation import check_is_fitted

from skdl._protocols import InputColumns
from skdl._table_input import has_holes, note_holes, read_table, tag_tables
from skdl._typing import VectorLike
from skdl._validation import names_of_features, validate_X
from skdl.tables import TableSchema


@dataclass(frozen=True)
class Design:
    """Columns of a design matrix, for rows of numbers and codes as `skdl.tables.TableSchema` gives them.

    A number has its own column, and after it, where the fit had missing ones, one that is 1 where it is missing. A
    category has an indicator for each of its codes, or for each but the first, its reference. What is not known counts
    as the average of the training rows: a missing number as the mean, a value without a code as the shares of the
    categories. So predictions for it do not depend on which category is the reference.

    Parameters
    ----------
    columns : InputColumns
        The table's columns.
    has_reference : tuple of bool
        Whether the first category of each column has no indicator.
    average : array of shape (n_columns,)
        Means of the numbers, and shares of the categories, in the columns of the design; of flags 0.
    """

    columns: InputColumns
    has_reference: tuple[bool, ...]
    average: np.ndarray

    @classmethod
    def of(
        cls, columns: InputColumns, X: np.ndarray, weight: np.ndarray | None, has_reference: tuple[bool, ...]
    ) -> Design:
        """The design for the rows X of a fit, (n, d), and their weights."""
        weight = np.ones(len(X)) if weight is None else weight / weight.max()
        averages: list[np.ndarray] = []
        for x, count, flagged, reference in zip(
            X.T, columns.n_categories, columns.has_missing, has_reference, strict=True
        ):
            if count:
                shares = np.bincount(x.astype(np.intp), weight, minlength=count + 1)[1:]
                averages.append((shares / max(shares.sum(), np.finfo(np.float64).tiny))[int(reference) :])
            else:
                known = ~np.isnan(x)
                total = weight[known].sum()
                mean = weight[known] @ x[known].astype(np.float64) / total if total > 0 else 0.0
                averages.append(np.array([mean, 0.0] if flagged else [mean]))
        return cls(columns, has_reference, np.concatenate(averages))

    @classmethod
    def of_numbers(cls, average: np.ndarray) -> Design:
        """The design of a table of numbers none of which was missing in the fit, with their means."""
        no = (False,) * len(average)
        return cls(InputColumns((0,) * len(average), no), no, average)

    @property
    def widths(self) -> list[int]:
        """The number of columns in the place of each of the table's."""
        return [
            count - int(reference) if count else 1 + int(flagged)
            for count, flagged, reference in zip(
                self.columns.n_categories, self.columns.has_missing, self.has_reference, strict=True
            )
        ]

    @property
    def starts(self) -> list[int]:
        """The first column in the place of each of the table's, and the number of columns at the end."""
        return [0, *accumulate(self.widths)]

    @property
    def source(self) -> np.ndarray:
        """Which of the table's columns each column of the design comes of."""
        return np.repeat(np.arange(len(self.widths)), self.widths)

    @property
    def is_number(self) -> np.ndarray:
        """A mask of the columns that hold the table's numbers."""
        found = np.zeros(self.starts[-1], dtype=bool)
        found[
            [start for start, count in zip(self.starts[:-1], self.columns.n_categories, strict=True) if not count]
        ] = True
        return found

    def matrix(self, X: np.ndarray) -> Any:
        """The design matrix (n, n_columns) of rows X (n, d), in their precision: in CSR, but for numbers alone."""
        n, starts = len(X), self.starts
        if starts[-1] == len(self.columns.n_categories) and not any(self.columns.n_categories):
            return np.where(np.isnan(X), self.average.astype(X.dtype), X) if has_holes(X) else X
        n_slots = sum(2 if flagged else 1 for flagged in self.columns.has_missing)
        values, places = np.ones((n, n_slots), X.dtype), np.empty((n, n_slots), np.int32)
        stored = np.ones((n, n_slots), dtype=bool)
        unseen: list[tuple[np.ndarray, slice]] = []
        slot = 0
        for j, x in enumerate(X.T):
            start = starts[j]
            if self.columns.n_categories[j]:
                first = start - 1 - int(self.has_reference[j])
                places[:, slot] = first + x
                stored[:, slot] = x > int(self.has_reference[j])
                if (rows := np.flatnonzero(x == 0)).size:
                    unseen.append((rows, slice(start, starts[j + 1])))
            else:
                holes = np.isnan(x)
                values[:, slot], places[:, slot] = np.where(holes, self.average[start], x), start
                if self.columns.has_missing[j]:
                    slot += 1
                    places[:, slot], stored[:, slot] = start + 1, holes
            slot += 1
        ends = np.concatenate([[0], np.cumsum(stored.sum(axis=1))])
        found = sparse.csr_array((values[stored], places[stored], ends), shape=(n, starts[-1]))
        for rows, part in unseen:
            width = part.stop - part.start
            shares = np.tile(self.average[part].astype(X.dtype), len(rows))
            at = np.repeat(rows, width), np.tile(np.arange(part.start, part.stop), len(rows))
            found = found + sparse.csr_array((shares, at), shape=found.shape)
        return found


def column_means(X: Any, weight: np.ndarray | None) -> np.ndarray:
    """Means of the columns of an array of numbers none of which is missing."""
    weight = np.ones(len(X)) if weight is None else weight / weight.max()
    with np.errstate(over="ignore"):
        return np.asarray(weight @ X.astype(np.float64, copy=False) / weight.sum())


class EncodedNamesMixin:
    """The names of the columns that coefficients of tables are of."""

    def get_encoded_feature_names_out(self, input_features: VectorLike | None = None) -> np.ndarray:
        """Names of the columns that a table's columns become, in which the coefficients are.

        Parameters
        ----------
        input_features : array-like of str of shape (n_features,), default=None
            Names of X's columns. None takes `feature_names_in_`, or x0, x1, ... if X had no names.

        Returns
        -------
        names : ndarray of str objects of shape (n_encoded_features,)
            A number's own name, `age_missing` for the flag of missing ones, and `color_red` for a category,
            `color_infrequent` for those that share one, and `color_missing` for cells without a value.
        """
        return encoded_names(self, names_of_features(self, input_features))


class DesignMixin(EncodedNamesMixin):
    """A linear model whose coefficients belong to the columns of its design, where X is a table."""

    _schema: TableSchema | None
    _design: Design | None  # None for an array of numbers, or a sparse matrix

    def __sklearn_tags__(self) -> Any:
        return tag_tables(self, super().__sklearn_tags__())  # type: ignore[misc]  # of the estimator it is mixed into

    def _make_design(self, X: Any, weight: np.ndarray | None, alpha: float | np.ndarray, *, has_level: bool) -> None:
        """Take the design from the rows of a fit. That of plain numbers needs their means, which come later.

        All indicators of a column add up to the intercept's, so that the first is left out, but where there is a
        penalty `alpha`, which decides what the data do not, and treats categories alike only if all have a coefficient.
        Without a `has_level`, that of the intercept, the first column of categories has them all, too.
        """
        note_holes(self, X)
        columns = None if self._schema is None else self._schema.columns
        self._design = None
        if columns is not None:
            counts = np.array(columns.n_categories)
            left_out = (counts > 0) & (np.asarray(alpha) == 0)
            if not has_level:
                left_out[np.flatnonzero(counts)[:1]] = False
            self._design = Design.of(columns, X, weight, tuple(left_out.tolist()))

    def _needs_averages(self) -> bool:
        """True after a fit on a frame of plain numbers, which may be missing in later rows."""
        return self._design is None and self._schema is not None and self._schema.missing != "error"

    def _in_design(self, X: Any) -> Any:
        """Checked rows as the coefficients take them."""
        return X if self._design is None or sparse.issparse(X) else self._design.matrix(X)

    def _rows_of(self, X: Any, **checks: Any) -> Any:
        """Rows to predict for, checked, as the coefficients take them."""
        check_is_fitted(self)
        X, table = read_table(self, X)
        return self._in_design(validate_X(self, X, **{**checks, **table}))


def encoded_names(estimator: Any, names: list[str] | None = None) -> np.ndarray:
    """Names of the columns of an estimator's design, for these names of a table's, or those seen in the fit."""
    names = estimator.feature_names_in_.tolist() if names is None else names
    return encoded_columns(estimator._schema, estimator._design, names)


def encoded_columns(schema: TableSchema | None, design: Design | None, names: Any) -> np.ndarray:
    """Names of the columns of a design for a table with these names."""
    if schema is None or design is None:
        return np.array(names, dtype=object)
    found: list[str] = []
    for j, (name, values) in enumerate(zip(names, schema.categories, strict=True)):
        if values is None:
            found += [name, f"{name}_missing"] if design.columns.has_missing[j] else [name]
        else:
            found += [f"{name}_{label}" for label in schema.labels(j)[int(design.has_reference[j]) :]]
    return np.array(found, dtype=object)
