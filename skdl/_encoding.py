"""Labels and reals as targets of a network, and its scores as predictions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Labels:
    """Class labels as rows of probabilities.

    Parameters
    ----------
    classes : array of shape (n_classes,)
        Sorted labels.
    binary : bool
        Whether two classes are one column, the probability of the second, rather than two.
    smoothing : float
        Label smoothing a: the true class gets 1 - a, each other class a / (n_classes - 1).
    """

    classes: np.ndarray
    binary: bool
    smoothing: float = 0.0

    @property
    def n_outputs(self) -> int:
        return 1 if self.binary else len(self.classes)

    def codes(self, y: np.ndarray) -> np.ndarray:
        """The position of each label in `classes`; a label that is not there is a ValueError."""
        codes = np.minimum(np.searchsorted(self.classes, y), len(self.classes) - 1)
        unknown = self.classes[codes] != y
        if unknown.any():
            raise ValueError(
                f"y has labels that are not among the classes {self.classes.tolist()}: {np.unique(y[unknown]).tolist()}"
            )
        return codes

    def encode(self, y: np.ndarray, dtype: Any) -> np.ndarray:
        """Targets of shape (n, n_outputs)."""
        n_classes = len(self.classes)
        other = self.smoothing / max(n_classes - 1, 1)
        targets = np.full((len(y), n_classes), other, dtype=dtype)
        targets[np.arange(len(y)), self.codes(y)] = 1 - self.smoothing
        return np.ascontiguousarray(targets[:, 1:]) if self.binary else targets

    def strata(self, y: np.ndarray) -> np.ndarray | None:
        """What a random split keeps the shares of."""
        return y

    def probabilities(self, linked: np.ndarray) -> np.ndarray:
        """Class probabilities (n, n_classes) from what the loss's link makes of the scores."""
        return np.column_stack([1 - linked, linked]) if self.binary else linked

    def decode(self, scores: np.ndarray) -> np.ndarray:
        """The most probable label; of equals, the first."""
        codes = (scores[:, 0] > 0).astype(np.intp) if self.binary else scores.argmax(axis=1)
        return self.classes[codes]


@dataclass(frozen=True)
class Reals:
    """Real targets, standardised inside of the network.

    Parameters
    ----------
    shift, scale : arrays of shape (n_outputs,)
        The network learns (y - shift) / scale.
    flat : bool
        Whether y came with one dimension, and predictions leave so.
    """

    shift: np.ndarray
    scale: np.ndarray
    flat: bool

    @property
    def n_outputs(self) -> int:
        return len(self.shift)

    def encode(self, y: np.ndarray, dtype: Any) -> np.ndarray:
        """Targets of shape (n, n_outputs)."""
        return np.ascontiguousarray((y.reshape(len(y), -1) - self.shift) / self.scale, dtype=dtype)

    def strata(self, y: np.ndarray) -> np.ndarray | None:
        """Nothing: a random split takes reals as they come."""
        return None

    def decode(self, predictions: np.ndarray) -> np.ndarray:
        """Predictions in y's shape; the scale is undone by the folded last layer."""
        return predictions[:, 0] if self.flat else predictions
