"""Factors of a network's raw scores, found on rows that it has not learned: temperature and shrinkage.

A network is sure of what it has learned by heart, and says too much of rows that it has not seen. One factor undoes
most of that.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

LEAST, MOST = 0.05, 2.0  # of 1 / temperature
RANDOM_ROWS, ROWS_AS_SAID = 1.0, 20.0  # of the prior, chosen on tables of 75 to 900 rows
MOST_STEPS = 60


@dataclass(frozen=True)
class Temperature:
    """The factor b = 1 / temperature of all scores with the least mean cross entropy of softmax(b s).

    minimise  sum_i w_i (log sum_c exp(b s_ic) - b sum_c t_ic s_ic)  over b in [0.05, 2]

    which is convex. Scores of one column are log odds: those of two classes, the first of which has the score 0. To the
    n rows (with weights, (sum w)^2 / sum w^2) others are added in thought, as a prior: one that may have any label, for
    rows that are all right prove no certainty (compare Platt's scaling), and 20 whose labels are as likely as the
    network says, which hold b near 1 where rows are few: t = (n t_given + 1 / C + 20 softmax(s)) / (n + 21).

    Parameters
    ----------
    targets : array of shape (n, C)
        Class probabilities.
    weight : array of shape (n,)
        Weights of the rows.

    References
    ----------
    C. Guo et al., "On calibration of modern neural networks", ICML, 2017; J. Platt, "Probabilistic outputs for support
    vector machines", in Advances in Large Margin Classifiers, 2000.
    """

    targets: np.ndarray
    weight: np.ndarray

    def __call__(self, raw: np.ndarray) -> np.ndarray:
        """The factors (C,) of raw scores (n, C)."""
        scores, targets = raw.astype(np.float64), self.targets.astype(np.float64)
        if scores.shape[1] == 1:
            scores, targets = _of_two(scores, 0.0), _of_two(targets, 1 - targets)
        scores -= scores.max(axis=1, keepdims=True)
        share = _shares(self.weight)
        n_rows, said = 1 / (share**2).sum(), _softmax(scores)
        targets = n_rows * targets + RANDOM_ROWS / targets.shape[1] + ROWS_AS_SAID * said
        targets /= n_rows + RANDOM_ROWS + ROWS_AS_SAID
        true = float(share @ (targets * scores).sum(axis=1))

        def slopes(b: float) -> tuple[float, float]:
            """The first and the second derivative."""
            p = _softmax(b * scores)
            mean = (p * scores).sum(axis=1)
            variance = (p * (scores - mean[:, None]) ** 2).sum(axis=1)
            return float(share @ mean) - true, float(share @ variance)

        return np.full(raw.shape[1], _root(slopes, LEAST, MOST))


@dataclass(frozen=True)
class Shrinkage:
    """The factor s in [0, 1] of each output with the least mean squared error of s f, for targets of mean 0.

    s = sum_i w_i f_i y_i / sum_i w_i f_i^2,  cut to [0, 1]

    Parameters
    ----------
    targets : array of shape (n, C)
        Standardised targets.
    weight : array of shape (n,)
        Weights of the rows.
    """

    targets: np.ndarray
    weight: np.ndarray

    def __call__(self, raw: np.ndarray) -> np.ndarray:
        """The factors (C,) of raw scores (n, C)."""
        scores = raw.astype(np.float64)
        share = _shares(self.weight)
        scale = np.abs(scores).max(axis=0, initial=0.0)  # so that no square overflows
        scores /= np.where(scale > 0, scale, 1.0)
        square = share @ scores**2
        found = share @ (scores * self.targets) / np.where(square > 0, square, 1.0)
        factors = found / np.where(scale > 0, scale, 1.0)
        return np.where(square > 0, np.clip(factors, 0.0, 1.0), 1.0)


@dataclass(frozen=True)
class TaskScaling:
    """The factors of the raw scores of several tasks, each found by itself.

    Parameters
    ----------
    parts : tuple of (slice, mask, Temperature or Shrinkage)
        A task's columns of scores, the rows that have a label of it, and what finds its factors on these.
    targets : array of shape (n, C)
        The targets of all tasks, NaN where there is none.
    """

    parts: tuple[tuple[slice, np.ndarray, Temperature | Shrinkage], ...]
    targets: np.ndarray

    def __call__(self, raw: np.ndarray) -> np.ndarray:
        """The factors (C,) of raw scores (n, C); 1 for a task without a part."""
        factors = np.ones(raw.shape[1])
        for columns, there, scaling in self.parts:
            factors[columns] = scaling(raw[there, columns])
        return factors


Scaling = Temperature | Shrinkage | TaskScaling


def scaled(
    output_map: tuple[np.ndarray, np.ndarray] | None, factors: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray] | None:
    """The map of scores by these factors, and then by scale and shift."""
    if factors is None:
        return output_map
    if output_map is None:
        return factors, np.zeros(len(factors))
    scale, shift = output_map
    return scale * factors, shift


def _shares(weight: np.ndarray) -> np.ndarray:
    """Weights that sum to one; of equal ones in the bits of weights of one."""
    relative = weight / weight.max()
    shares: np.ndarray = relative / relative.sum()
    return shares


def _of_two(second: np.ndarray, first: np.ndarray | float) -> np.ndarray:
    columns = np.empty((len(second), 2))
    columns[:, :1], columns[:, 1:] = first, second
    return columns


def _softmax(scores: np.ndarray) -> np.ndarray:
    """Probabilities of scores whose largest is zero in each row."""
    p: np.ndarray = np.exp(scores)
    p /= p.sum(axis=1, keepdims=True)
    return p


def _root(slopes: Callable[[float], tuple[float, float]], low: float, high: float) -> float:
    """Where the first of the `slopes` is zero, which rises with the second; 1 where both are zero everywhere.

    They are steps of Newton, each of which stays between the brackets or halves them.
    """
    b = 1.0
    if slopes(low)[0] > 0:
        return low
    if slopes(high)[0] < 0:
        return high
    for _ in range(MOST_STEPS):
        slope, curvature = slopes(b)
        if slope > 0:
            high = b
        else:
            low = b
        step = slope / curvature if curvature > 0 else np.inf if slope else 0.0
        after = b - step
        if not low < after < high:
            after = b if slope == 0 else (low + high) / 2
        if abs(after - b) <= 1e-12 * b:
            return after
        b = after
    return b
