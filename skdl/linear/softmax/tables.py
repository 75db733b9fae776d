"""Softmax regression of tables: the network sees their design matrix, with an indicator for each category."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from skdl._protocols import InputColumns
from skdl._table_input import tag_tables
from skdl.linear.design import Design, EncodedNamesMixin, encoded_columns
from skdl.neural._settings import Settings
from skdl.neural.encoded_data import EncodedData
from skdl.tables import TableSchema


def empty_design(columns: InputColumns, average: np.ndarray | None = None) -> Design:
    """The design with an indicator for each category, in which what is not known counts as `average`, or as zero."""
    design = Design(columns, (False,) * len(columns.n_categories), np.zeros(0))
    return replace(design, average=np.zeros(design.starts[-1]) if average is None else average)


def design_width(columns: InputColumns) -> int:
    """The number of columns of the design of a table."""
    return empty_design(columns).starts[-1]


def with_alpha_of_columns(settings: Settings, data: EncodedData) -> Settings:
    """Settings in which an alpha for each column of a table is one for each column of its design."""
    columns = None if data.schema is None else data.schema.columns
    if columns is None or np.ndim(settings.alpha) == 0 or len(settings.alpha) != len(columns.n_categories):
        return settings
    return replace(settings, alpha=np.asarray(settings.alpha)[empty_design(columns).source])


class SoftmaxTablesMixin(EncodedNamesMixin):
    """Methods of a network without hidden layers that sees the design matrix of a table."""

    _schema: TableSchema | None
    _training: Any

    @property
    def _design(self) -> Design | None:
        """The design of the last training, in which what is not known counts as what the network sees as zero."""
        columns = None if self._schema is None else self._schema.columns
        return None if columns is None else empty_design(columns, self._training.shift.astype(np.float64))

    def _with_all_numbers(self, X: Any) -> Any:
        design = self._design
        if design is None:
            return super()._with_all_numbers(X)  # type: ignore[misc]  # the network's, which this is mixed into
        return design.matrix(X) if isinstance(X, np.ndarray) else X

    def _prepare(self, settings: Settings, *args: Any, reset: bool = True, like: Any = None, **options: Any) -> Any:
        """As of every network, with the design matrix in the place of the table's; each has its own averages."""
        data: EncodedData = super()._prepare(settings, *args, reset=reset, **options)  # type: ignore[misc]  # as above
        columns = data.columns
        if columns is None:
            return data
        design = self._design if not reset else empty_design(columns)
        assert design is not None
        if reset and settings.centres_columns:
            kept: Any = slice(None) if data.kept is None else data.kept
            counts = data.weight if data.drawn_by is None else data.drawn_by
            weight = None if counts is None else counts[kept]
            design = Design.of(columns, data.X[kept], weight, design.has_reference)
        names = data.column_names
        if names is not None:
            names = encoded_columns(data.schema, design, names).tolist()
        evaluated = data.validation
        if evaluated is not None:
            evaluated = replace(evaluated, X=design.matrix(evaluated.X))
        X = design.matrix(data.X) if isinstance(data.X, np.ndarray) else data.X
        return replace(data, X=X, validation=evaluated, column_names=names, is_design=True)

    def __sklearn_tags__(self) -> Any:
        return tag_tables(self, super().__sklearn_tags__())  # type: ignore[misc]  # as above
