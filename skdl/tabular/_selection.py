"""Weights of configurations, chosen out of fold, and nested: for each fold by the rows of the others."""

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
    """Weights of the best score by greedy selection: again and again the configuration that makes the average best.

    Those of the best moment are taken, as multiples of one over the selections until then.

    Parameters
    ----------
    n_members : int
    score : callable
        From weights (C,) that sum to one to a number, larger is better.
    n_selections : int

    References
    ----------
    R. Caruana et al., "Ensemble selection from libraries of models", ICML, 2004.
    """
    counts, best = np.zeros(n_members), -np.inf
    found = np.full(n_members, 1 / n_members)  # where the score is not defined
    for n_before in range(n_selections):
        tried = np.array([score((counts + unit) / (n_before + 1)) for unit in np.eye(n_members)])
        if np.isnan(tried).all():
            break
        taken = int(np.nanargmax(tried))
        counts[taken] += 1
        if tried[taken] > best:
            best, found = tried[taken], counts / (n_before + 1)
    return found


def mixtures(outputs: np.ndarray, weights: np.ndarray, fold: np.ndarray) -> np.ndarray:
    """Averages (n, ...) of the configurations' outputs (C, n, ...) by the weights (K, C) of each row's fold."""
    by_row = weights[fold].T
    return np.einsum("cn,cn...->n...", by_row, outputs)
