"""Batches of k members, each augmented by its own random numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from skdl._array import Array
from skdl.engine.dataset import Dataset
from skdl.engine.training_spec import TrainingSpec


def rows_to_augment(member: TrainingSpec) -> Dataset:
    """The rows of a member as its batches are made of them: in the units of X, where something acts on these."""
    changes = member.augmenter is not None and member.augmenter.changes_pixels
    return replace(member.rows, shift=None, scale=None) if changes else member.rows


def augmented(
    members: Sequence[TrainingSpec],
    generators: Sequence[np.random.Generator],
    x: Array,
    targets: Array,
    weight: Array,
) -> tuple[Array, Array, Array]:
    """A batch (x, targets, weight) with rows of its own for each member, whatever it had in common with others."""
    size = len(members) // len(x)
    rows, weight = x if size == 1 else np.repeat(x, size, axis=0), weight.copy()
    for own, target, share, member, generator in zip(rows, targets, weight, members, generators, strict=True):
        augmenter = member.augmenter
        assert augmenter is not None
        if augmenter.changes_pixels:
            augmenter.pixels(own, generator, out=own)
            if member.rows.shift is not None and member.rows.scale is not None:
                np.subtract(own, member.rows.shift, out=own, casting="same_kind")
                own *= member.rows.scale
        if augmenter.of_rows:
            own[...], target[...], share[...] = augmenter.rows(own, target, share, generator)
    return rows, targets, weight
