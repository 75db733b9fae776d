"""What is known of a committee from the rows that its members did not see: weights, scores, calibration."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from skdl._validation import in_units
from skdl.ensemble._sampling import select_rows
from skdl.tabular._epochs import joint_epochs
from skdl.tabular._selection import Choice, chosen, mixtures
from skdl.tabular._training import Trained


class Judge(Protocol):
    """What classifiers and regressors do differently."""

    def _outputs_of(self, members: dict[int, Any], X: Any) -> Any: ...

    def _output(self, member: Any, answer: np.ndarray) -> np.ndarray: ...

    def _losses(self, average: np.ndarray, y: np.ndarray) -> np.ndarray:
        """The loss (n,) of each row."""

    def _score(self, average: np.ndarray, y: np.ndarray, weight: np.ndarray) -> float:
        """The score of averages for rows, larger is better."""

    def _chosen_weights(self, outputs: np.ndarray, y: np.ndarray, weight: np.ndarray) -> np.ndarray:
        """Weights (C,) of the outputs (C, n, ...) of configurations."""

    def _temperature(self, average: np.ndarray, y: np.ndarray, weight: np.ndarray) -> float:
        """The temperature of probabilities; 1 where there is none."""

    def _at_temperature(self, average: np.ndarray, temperature: float) -> np.ndarray:
        """The averages with it."""


@dataclass(frozen=True)
class Unseen:
    """Rows as those members have predicted them that did not see them.

    Rows of equal content in one fold are here once, with the sum of their weights; a row that several folds leave out
    is here once for each, with a share of its weight.

    Parameters
    ----------
    rows, fold : int arrays of shape (m,)
        The number of each row, and of the fold that left it out.
    weight : array of shape (m,)
        With a mean of one.
    outputs : array of shape (C, m, ...)
        Of each candidate.
    all_rows, places : int arrays
        Rows that folds leave out, once for each, with their copies, and the places of their contents among the m.
    """

    rows: np.ndarray
    fold: np.ndarray
    weight: np.ndarray
    outputs: np.ndarray
    all_rows: np.ndarray
    places: np.ndarray


@dataclass(frozen=True)
class Evaluation:
    """A committee on rows that its members did not see.

    Parameters
    ----------
    unseen : Unseen
    choice : Choice
        The weights of candidates.
    temperature : float
    averages : array of shape (m, ...)
        Of the members that did not see a row, by weights and at a temperature chosen on the other folds.
    epochs : list of int or None
        The best number of epochs of each candidate's networks by all folds.
    """

    unseen: Unseen
    choice: Choice
    temperature: float
    averages: np.ndarray
    epochs: list[int | None]

    def by_row(self, n_rows: int) -> np.ndarray:
        """The averages (n, ...) of all rows; NaN for those that no fold leaves out."""
        rows = self.unseen.all_rows
        found = np.zeros((n_rows, *self.averages.shape[1:]))
        np.add.at(found, rows, self.averages[self.unseen.places])
        counts = np.bincount(rows, minlength=n_rows)
        with np.errstate(invalid="ignore"):
            by_row: np.ndarray = (found.T / counts).T
        return by_row


def unseen_rows(
    judge: Judge, trained: Trained, X: Any, weight: np.ndarray | None, content: np.ndarray
) -> tuple[Unseen, list[int | None]]:
    """The predictions of each candidate's members for the rows that they did not see, and its joint number of epochs.

    The epoch that a member keeps is the best for these very rows. So what counts here is what it predicted after the
    epoch that the other folds choose. Rows of equal `content` (n,) are equal.
    """
    members, folds = trained.members, trained.folds
    weight = np.ones(len(content)) if weight is None else in_units(weight)
    epochs = [joint_epochs(each, [float(weight[fold.unseen].sum()) for fold in folds]) for each in members]
    all_rows = np.concatenate([fold.unseen for fold in folds])
    share = weight[all_rows] / np.bincount(all_rows)[all_rows]
    n_before = np.cumsum([0, *(len(fold.unseen) for fold in folds)])
    rows: list[np.ndarray] = []
    weights, places, outputs = [], [], []
    for k, fold in enumerate(folds):
        _, first, place = np.unique(content[fold.unseen], return_index=True, return_inverse=True)
        places.append(place + sum(len(each) for each in rows))
        rows.append(fold.unseen[first])
        weights.append(np.bincount(place, share[n_before[k] : n_before[k + 1]]))
        found: dict[int, np.ndarray] = {}
        for c, (chosen_epochs, records) in enumerate(zip(epochs, trained.records, strict=True)):
            record = records[k]
            if chosen_epochs is not None and record is not None and len(record) >= chosen_epochs[1][k]:
                found[c] = judge._output(members[c][k], record.of(chosen_epochs[1][k]))[first]
        others = {c: each[k] for c, each in enumerate(members) if c not in found}
        if others:
            found.update(zip(others, judge._outputs_of(others, select_rows(X, rows[-1])), strict=True))
        outputs.append(np.stack([found[c] for c in range(len(members))]).astype(np.float64))
    fold_of = np.repeat(np.arange(len(folds)), [len(each) for each in rows])
    total = np.concatenate(weights)
    together = np.concatenate(outputs, axis=1)
    unseen = Unseen(np.concatenate(rows), fold_of, total / total.mean(), together, all_rows, np.concatenate(places))
    return unseen, [None if each is None else each[0] for each in epochs]


def evaluate(judge: Judge, unseen: Unseen, epochs: list[int | None], y: np.ndarray, n_folds: int) -> Evaluation:
    """Weights and temperature by all rows, and the averages by those that are chosen on other folds."""
    y = y[unseen.rows]
    is_finite = np.isfinite(unseen.outputs).reshape(len(unseen.outputs), -1).all(axis=1)
    usable = is_finite if is_finite.any() else ~is_finite
    outputs = np.where(usable.reshape(-1, *[1] * (unseen.outputs.ndim - 1)), unseen.outputs, 0)

    def choose(rows: np.ndarray) -> np.ndarray:
        weights = np.zeros(len(outputs))  # of candidates that have diverged, too
        weights[usable] = judge._chosen_weights(outputs[usable][:, rows], y[rows], unseen.weight[rows])
        return weights

    choice = chosen(choose, unseen.fold, n_folds)
    averages = mixtures(outputs, choice.nested, unseen.fold)
    with_all = np.einsum("c,cn...->n...", choice.weights, outputs)
    temperature = judge._temperature(with_all, y, unseen.weight)
    calibrated = averages.copy()
    for k, weights in enumerate(choice.nested):
        others = np.flatnonzero(unseen.fold != k)
        if len(others):
            mixed = np.einsum("c,cn...->n...", weights, outputs[:, others])
            nested = judge._temperature(mixed, y[others], unseen.weight[others])
            own = unseen.fold == k
            calibrated[own] = judge._at_temperature(averages[own], nested)
    if unseen.weight @ judge._losses(calibrated, y) < unseen.weight @ judge._losses(averages, y):
        return Evaluation(unseen, choice, temperature, calibrated, epochs)
    return Evaluation(unseen, choice, 1.0, averages, epochs)  # rows that have no say in it are better off without
