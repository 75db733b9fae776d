"""Weighted means of the members' predictions, one member after the other.

A mean lies between the smallest and the largest of what it averages, and a rounded sum over rounded weights may not.
Kept there, equal answers have exactly themselves for a mean; all others keep their bits.
"""

from __future__ import annotations

from typing import Any

import numpy as np


class RunningMean:
    """The mean of arrays that come one after the other, without holding them.

    Parameters
    ----------
    weights : array of shape (k,)
        Their weights, in this order, at least 0 with a positive sum.
    """

    def __init__(self, weights: np.ndarray) -> None:
        self._sum_of_weights = float(weights.sum())
        # A power of two, which changes no bit, and with which no sum of k numbers leaves the range of floats.
        self._unit = float(np.ldexp(1.0, -np.frexp(self._sum_of_weights)[1]))
        self._total: Any = None
        self._smallest: Any = None
        self._largest: Any = None

    def add(self, weight: float, values: np.ndarray) -> None:
        part = weight * self._unit * values
        if self._total is None:
            self._total, self._smallest, self._largest = part, values, values
        else:
            with np.errstate(invalid="ignore"):  # of infinities of both signs
                self._total = self._total + part
            self._smallest = np.minimum(self._smallest, values)
            self._largest = np.maximum(self._largest, values)

    def result(self) -> np.ndarray:
        mean: np.ndarray = np.clip(self._total / (self._sum_of_weights * self._unit), self._smallest, self._largest)
        return mean
