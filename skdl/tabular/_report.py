"""The leaderboard: what each candidate of a committee is worth on rows that its members did not see."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from skdl.tabular._evaluation import Evaluation, Judge
from skdl.tabular._training import Trained

COMMITTEE = "committee"  # the name of the line on all together
COLUMNS = ("loss", "loss_std", "score", "score_std", "weight", "epochs", "seconds")


def report_of(
    judge: Judge, score: Callable[..., float], trained: Trained, evaluation: Evaluation, y: np.ndarray
) -> dict[str, dict[str, float]]:
    """A line for the committee, and one for each candidate, by their names: see `leaderboard`."""
    unseen, names = evaluation.unseen, [each.name for each in trained.candidates]
    y = y[unseen.rows]
    lines = {}
    for c, averages in enumerate([evaluation.averages, *unseen.outputs]):
        losses = means_by_fold(judge._losses(averages, y), unseen.weight, unseen.fold)
        shares = np.bincount(unseen.fold, unseen.weight)
        scores = [
            score(averages[own], y[own], unseen.weight[own]) for own in (unseen.fold == k for k in range(len(losses)))
        ]
        lines[COMMITTEE if c == 0 else names[c - 1]] = {
            "loss": float(np.average(losses, weights=shares)),
            "loss_std": spread(losses),
            "score": score(averages, y, unseen.weight),
            "score_std": spread(scores),
            "weight": 1.0 if c == 0 else float(evaluation.choice.weights[c - 1]),
            "epochs": float("nan") if c == 0 else float(evaluation.epochs[c - 1] or "nan"),
            "seconds": sum(trained.seconds) if c == 0 else trained.seconds[c - 1],
        }
    return lines


def means_by_fold(values: np.ndarray, weight: np.ndarray, fold: np.ndarray) -> np.ndarray:
    """The weighted mean of each fold's values."""
    means: np.ndarray = np.bincount(fold, weight * values) / np.bincount(fold, weight)
    return means


def spread(values: Sequence[float] | np.ndarray) -> float:
    """The standard deviation over folds, NaN of fewer than two."""
    known = np.asarray(values, dtype=np.float64)
    known = known[np.isfinite(known)]
    return float(known.std(ddof=1)) if len(known) > 1 else float("nan")
