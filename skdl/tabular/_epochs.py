"""The number of epochs of a candidate's networks: one for all folds, and for each fold one that the others choose."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np


def joint_epochs(members: Sequence[Any], weights: Sequence[float]) -> tuple[int, list[int]] | None:
    """The best epoch by the mean of all folds' scores, and for each fold that by the mean of the others'.

    Epochs that were evaluated are all, or those at the ends of the schedule's cycles. A member that has stopped keeps
    its last score. With one fold alone, both are its own best.

    Parameters
    ----------
    members : list of estimators
        One a fold.
    weights : list of float
        Of the folds.

    Returns
    -------
    epochs : (int, list of int) or None
        From 1 on: how many epochs, and of each fold the how many-th of those that were evaluated, within what its
        member was trained for. None for members without such scores.
    """
    curves = [getattr(member, "validation_scores_", None) for member in members]
    if not all(curves):
        return None
    known = [np.asarray(curve, dtype=np.float64) for curve in curves]
    if not all(np.isfinite(curve).all() for curve in known):
        known = [-member.history_["validation_loss"].dropna().to_numpy() for member in members]
    length = max(map(len, known))
    padded = np.stack([np.pad(curve, (0, length - len(curve)), mode="edge") for curve in known])
    weighted = padded * np.asarray(weights)[:, None]
    total = weighted.sum(axis=0)
    others = total - weighted if len(known) > 1 else weighted
    of_folds = [min(_last_best(scores), len(curve)) for scores, curve in zip(others, known, strict=True)]
    longest = members[int(np.argmax([len(curve) for curve in known]))]
    evaluated = np.flatnonzero(longest.history_["validation_loss"].notna()) + 1
    return int(evaluated[_last_best(total) - 1]), of_folds


def _last_best(scores: np.ndarray) -> int:
    """The last of the best ones, which the engine keeps, too."""
    return len(scores) - int(np.argmax(scores[::-1]))
