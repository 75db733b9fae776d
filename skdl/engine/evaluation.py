"""Validation rows: their loss and their score after each epoch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np

from skdl._array import take_rows
from skdl._component import Component
from skdl._protocols import Loss
from skdl.engine.batches import parts_of_one_length
from skdl.engine.dataset import Dataset
from skdl.engine.layout import Views
from skdl.engine.network import Network
from skdl.engine.training_spec import TrainingSpec

# The mean loss, without penalty; the score, minus infinity for a member that has diverged; the factors of raw scores.
Validated: TypeAlias = tuple[float, float, np.ndarray | None]


class Validation:
    """The validation rows of k members of one structure: all of them have some, or none has.

    Members with the same number of rows are scored together: a product of fewer rows may round differently.
    """

    def __init__(self, members: Sequence[TrainingSpec], network: Network):
        self.members = members
        self.rows = [member.validation for member in members if member.validation is not None]
        # Members are scored one by one: a lone member's loss is that of a stack of one.
        self.losses: list[Loss] = [
            Component.stacked([loss_for(member.loss, rows, network.dtype)], 3, network.dtype)
            for member, rows in zip(members, self.rows, strict=False)
        ]
        self.targets = [network.root.along(*evaluation_targets(rows, network.dtype)) for rows in self.rows]
        which = parts_of_one_length(self.rows) if self.rows else []
        if len(which) == 1:
            networks = [network]
        else:
            described = [member.architecture for member in members]
            networks = [Network(described[part], network.dtype) for part in which]
        self.parts = [(part, own, own.blocks(self.rows[part])) for part, own in zip(which, networks, strict=True)]

    def evaluate(self, arrays: Views, which: Sequence[bool]) -> list[Validated | None]:
        """What is found for each member that is to be evaluated now, else None.

        A score that is not a finite number is not defined: NaN.
        """
        if not (self.rows and any(which)):
            return [None] * len(self.members)
        scores: list[np.ndarray] = []
        for part, network, blocks in self.parts:
            own = [{name: array[part] for name, array in leaf.items()} for leaf in arrays]
            scores += network.predict_rows(blocks, own)
        return [self._evaluated(i, raw) if which[i] else None for i, raw in enumerate(scores)]

    def _evaluated(self, i: int, raw: np.ndarray) -> Validated:
        score, scaling = self.members[i].score, self.members[i].scaling
        if score is None or not np.isfinite(raw).all():
            return np.inf, -np.inf, None
        factors = None if scaling is None else scaling(raw)
        if factors is not None:
            raw = raw * factors.astype(raw.dtype)
        found = score(raw)
        value, _ = self.losses[i].value_and_gradient(raw[None], *self.targets[i])  # last: the loss owns its scores
        return float(value[0]), found if np.isfinite(found) else np.nan, factors


def loss_for(loss: Loss, rows: Dataset, dtype: Any) -> Loss:
    """The loss of these rows."""
    return loss.for_rows(*evaluation_targets(rows, dtype)) if loss.depends_on_rows else loss


def evaluation_targets(rows: Dataset, dtype: np.dtype) -> tuple[np.ndarray, np.ndarray]:
    """Targets (1, n, C), and weights (1, n, 1) that sum to one."""
    index = np.arange(rows.n) if rows.index is None else rows.index
    targets = take_rows(rows.targets, index).astype(dtype)
    weight = np.ones(rows.n) if rows.weight is None else take_rows(rows.weight, index).astype(np.float64)
    return targets[None], (weight / weight.sum()).astype(dtype)[None, :, None]
