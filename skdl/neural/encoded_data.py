"""Data as networks train on them: checked, encoded, and in the precision of the training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from skdl._protocols import InputColumns
from skdl.execution.stacker import memoized
from skdl.neural._standardize import mean_and_scale, row_weights
from skdl.tables import TableSchema


@dataclass(frozen=True)
class EncodedData:
    """Checked and encoded data, which several members may share.

    Parameters
    ----------
    X, y, weight
        As validated.
    targets : array of shape (n, n_outputs)
        What the loss takes of y.
    encoding : encoding
        From y to targets, and from scores to predictions.
    dtype : dtype
        Precision of the training.
    validation : EncodedData or None
        The user's own validation rows.
    drawn_by : array of shape (n,) or None
        Weights that the members' samples were drawn by.
    column_names : sequence or None
        Names of X's columns, by which messages call them.
    schema : TableSchema or None
        Of the table that X was made of; None for plain numbers, none of which is missing.
    is_design : bool
        Whether X is the design matrix of this table.
    """

    X: Any
    y: np.ndarray
    targets: np.ndarray
    weight: np.ndarray | None
    encoding: Any
    dtype: Any
    validation: EncodedData | None = None
    drawn_by: np.ndarray | None = None
    column_names: Sequence[Any] | None = None
    schema: TableSchema | None = None
    is_design: bool = False

    @property
    def columns(self) -> InputColumns | None:
        """The columns as layers take them; None for plain numbers, and those of a design matrix."""
        return None if self.schema is None or self.is_design else self.schema.columns

    def rows(self, index: np.ndarray) -> EncodedData:
        """Some of the rows, but for X, which stays whole: they are gathered where they are needed."""
        weight = None if self.weight is None else self.weight[index]
        drawn_by = None if self.drawn_by is None else self.drawn_by[index]
        return replace(self, y=self.y[index], targets=self.targets[index], weight=weight, drawn_by=drawn_by)

    @property
    def counts(self) -> np.ndarray:
        """The weight of each row, one where none is given."""
        return np.ones(len(self.y)) if self.weight is None else self.weight

    @cached_property
    def kept(self) -> np.ndarray | None:
        """The rows of positive weight, which are all that a training sees; None where these are all rows."""
        positive = [weight > 0 for weight in (self.weight, self.drawn_by) if weight is not None]
        return None if all(each.all() for each in positive) else np.flatnonzero(np.logical_and.reduce(positive))

    @cached_property
    def moments(self) -> tuple[np.ndarray, np.ndarray]:
        """Mean and scale of the columns over all rows, once for all members, and all fits that share the rows."""
        if self.weight is not None or self.drawn_by is not None:
            return mean_and_scale(self.X, row_weights(self.X.shape[0], None, self.weight), self.kept)
        moments: tuple[np.ndarray, np.ndarray] = memoized(self.X, _moments)
        return moments


def _moments(X: Any) -> tuple[np.ndarray, np.ndarray]:
    """Mean and scale of the columns, all of whose rows count alike."""
    return mean_and_scale(X, np.ones(X.shape[0]))
