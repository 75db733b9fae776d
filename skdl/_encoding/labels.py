"""One label a row, or its class probabilities."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from skdl._encoding.arrays import check_probabilities, listed, positions, unique_labels, weights_by_label


@dataclass(frozen=True)
class Labels:
    """One label a row, or its class probabilities, as rows of probabilities.

    Parameters
    ----------
    classes : array of shape (n_classes,)
        Sorted labels.
    binary : bool
        Whether two classes are one column, the probability of the second, rather than two.
    smoothing : float
        Label smoothing a: a target t of n_classes becomes (1 - a) t + a (1 - t) / (n_classes - 1).
    columns : array of shape (n_classes,) or None
        What the columns of a y of probabilities stand for, in their order; None for `classes`.
    """

    classes: np.ndarray
    binary: bool
    smoothing: float = 0.0
    columns: np.ndarray | None = None

    @property
    def n_outputs(self) -> int:
        return 1 if self.binary else len(self.classes)

    def validate(self, y: np.ndarray) -> np.ndarray:
        self.codes(y)
        return y

    def codes(self, y: np.ndarray) -> np.ndarray:
        """The position of each label in `classes`, of probabilities that of the largest; of equals, the first."""
        return positions(y, self.classes) if y.ndim == 1 else self._shares(y).argmax(axis=1)

    def encode(self, y: np.ndarray, dtype: Any) -> np.ndarray:
        n_classes = len(self.classes)
        smoothing = self.smoothing if n_classes > 1 else 0.0  # a class alone has nothing to share with
        true, other = 1 - smoothing, smoothing / max(n_classes - 1, 1)
        if y.ndim == 1:
            targets = np.full((len(y), n_classes), other, dtype=dtype)
            targets[np.arange(len(y)), self.codes(y)] = true
        else:
            shares = self._shares(y)
            targets = (true * shares + other * (1 - shares)).astype(dtype)
        return np.ascontiguousarray(targets[:, 1:]) if self.binary else targets

    def strata(self, y: np.ndarray) -> np.ndarray:
        """The labels, of probabilities the most probable."""
        return y if y.ndim == 1 else self.codes(y)

    def probabilities(self, linked: np.ndarray) -> np.ndarray:
        """Class probabilities (n, n_classes)."""
        return np.column_stack([1 - linked, linked]) if self.binary else linked

    def log_odds(self, scores: np.ndarray) -> np.ndarray:
        """Log probabilities up to a constant of the row; of two classes, the log odds of the second."""
        if len(self.classes) > 2:
            return scores
        if len(self.classes) == 1:
            return np.zeros_like(scores)  # the logarithm of 1
        return scores[:, 0] if self.binary else scores[:, 1] - scores[:, 0]

    def decode(self, scores: np.ndarray) -> np.ndarray:
        """The most probable label; of equals, the first."""
        labels: np.ndarray = self.classes[self._decided(scores)]
        return labels

    def _decided(self, scores: np.ndarray) -> np.ndarray:
        return (scores[:, 0] > 0).astype(np.intp) if self.binary else scores.argmax(axis=1)

    def score(self, y: np.ndarray, scores: np.ndarray, weight: np.ndarray | None = None) -> float:
        return float(np.average(self._decided(scores) == self.codes(y), weights=weight))

    def class_weights(self, class_weight: Any, y: np.ndarray) -> np.ndarray:
        """The weight of each row: of its label, or the expectation over its probabilities."""
        if not (isinstance(class_weight, Mapping) or class_weight == "balanced"):
            raise ValueError(f"class_weight must be a dict or 'balanced' for this y. Got {class_weight!r}.")
        shares = None if y.ndim == 1 else self._shares(y)
        codes = self.codes(y) if shares is None else np.empty(0, np.intp)
        if isinstance(class_weight, Mapping):
            by_class = weights_by_label(class_weight, self.classes)
        else:
            counts = np.bincount(codes, minlength=len(self.classes)) if shares is None else shares.sum(axis=0)
            present = counts > 0
            by_class = np.zeros(len(counts))
            by_class[present] = len(y) / (present.sum() * counts[present])
        weights: np.ndarray = by_class[codes] if shares is None else shares @ by_class
        return weights

    def check_declared(self, classes: Any, y: np.ndarray) -> None:
        """Raise where `classes`, given in a later call, are not those of the first."""
        given = np.asarray(classes)
        order = self.classes if self.columns is None else self.columns
        same = np.array_equal(given, order) if y.ndim == 2 else np.array_equal(unique_labels(given), self.classes)
        if not same:
            raise ValueError(f"classes={listed(given)} differ from those before: {listed(order)}.")

    def check_names(self, names: np.ndarray) -> None:
        """Raise where the columns of a frame have the classes' names in another order than the first y had."""
        order = (self.classes if self.columns is None else self.columns).tolist()
        if set(names.tolist()) == set(order) and names.tolist() != order:
            raise ValueError(f"The columns of y are {listed(names)}, in another order than the classes: {order}.")

    def _shares(self, y: np.ndarray) -> np.ndarray:
        """Checked probabilities, in the order of `classes`; their sums, which may be rounded, are made one."""
        check_probabilities(y, len(self.classes))
        shares: np.ndarray = y.astype(np.float64)
        if self.columns is not None:
            shares = shares[:, np.argsort(self.columns)]
        shares /= shares.sum(axis=1, keepdims=True)
        return shares
