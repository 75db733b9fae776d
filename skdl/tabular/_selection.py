"""Weights of configurations, chosen out of fold, and nested so that no row has a say in how it is predicted itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

PRIOR_ROWS = 5.0  # rows that each configuration's share of the prior counts for
LEAST_WEIGHT = 0.01  # smaller ones are dropped: they cost a prediction, and change none

Choose = Callable[[np.ndarray], np.ndarray]  # from positions of rows to the weights that are chosen on them


@dataclass(frozen=True)
class Choice:
    """Weights of configurations.

    Parameters
    ----------
    weights : array of shape (C,)
        By all rows.
    nested : array of shape (K, C)
        For each fold, by the rows of the others.
    """

    weights: np.ndarray
    nested: np.ndarray


def chosen(choose: Choose, fold: np.ndarray, n_folds: int) -> Choice:
    """The choice by `choose`, with all rows and without those of each fold.

    Where all rows are in one fold, nothing can be nested.
    """
    weights = choose(np.arange(len(fold)))
    others = [np.flatnonzero(fold != k) for k in range(n_folds)]
    return Choice(weights, np.stack([choose(rows) if len(rows) else weights for rows in others]))


def shrunk(weights: np.ndarray, losses: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Weights drawn to equal ones of the configurations that are not worse than the best, and without small ones.

    The weights of least loss are certain to about C / n, where a prior of `PRIOR_ROWS` for each configuration takes
    the place of rows that there are not.

    Parameters
    ----------
    weights : array of shape (C,)
        Of least loss.
    losses : array of shape (C, n)
        Of each configuration alone. One is not worse if its mean is within a standard error of the difference from
        the best.
    weight : array of shape (n,)
    """
    share = weight / weight.sum()
    n_rows = 1 / (share**2).sum()
    excess = losses - losses[(losses @ share).argmin()]
    mean = excess @ share
    error = np.sqrt(np.maximum((excess - mean[:, None]) ** 2 @ share, 0) / n_rows)
    good = mean <= error
    prior = len(weights) * PRIOR_ROWS / (len(weights) * PRIOR_ROWS + n_rows)
    mixed = (1 - prior) * weights + prior * good / good.sum()
    mixed[mixed < LEAST_WEIGHT] = 0
    found: np.ndarray = mixed / mixed.sum()
    return found


def greedy(n_members: int, score: Callable[[np.ndarray], float], n_selections: int = 25) -> np.ndarray:
    """Weights of the best score by greedy selection: from the best configuration on, taken again and again.

    It ends where no further one makes the average better.

    Parameters
    ----------
    n_members : int
    score : callable
        From weights (C,) that sum to one to a number, larger is better.
    n_selections : int
        Weights are multiples of one over at most this number.
    """
    counts = np.zeros(n_members)
    best = -np.inf
    for _ in range(n_selections):
        tried = [score((counts + unit) / (counts.sum() + 1)) for unit in np.eye(n_members)]
        found = int(np.argmax(np.nan_to_num(tried, nan=-np.inf)))
        if tried[found] <= best:
            break
        best = tried[found]
        counts[found] += 1
    if not counts.any():  # a score that is not defined
        return np.full(n_members, 1 / n_members)
    weights: np.ndarray = counts / counts.sum()
    return weights


def mixtures(outputs: np.ndarray, weights: np.ndarray, fold: np.ndarray) -> np.ndarray:
    """Averages (n, ...) of the configurations' outputs (C, n, ...) by the weights (K, C) of each row's fold."""
    by_row = weights[fold].T
    return np.einsum("cn,cn...->n...", by_row, outputs)
