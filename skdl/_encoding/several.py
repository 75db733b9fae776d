"""Several labels a row: a multilabel indicator, or columns of labels."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from skdl._encoding.arrays import check_shape, is_nested, is_zero_one, listed
from skdl._encoding.labels import Labels


@dataclass(frozen=True)
class Indicator:
    """Any number of labels a row: a column of zeros and ones for each, with a sigmoid of its own.

    Parameters
    ----------
    n_labels : int
    dtype : str
        Type of the predictions, as NumPy writes it. (An encoding is part of files, in which no dtype object should be:
        one that is made up by a file can have NumPy take numbers for objects.)
    smoothing : float
        Label smoothing a: ones become 1 - a, zeros a.
    """

    n_labels: int
    dtype: str
    smoothing: float = 0.0
    binary: ClassVar[bool] = True

    @property
    def n_outputs(self) -> int:
        return self.n_labels

    @property
    def classes(self) -> np.ndarray:
        return np.arange(self.n_labels)

    def validate(self, y: np.ndarray) -> np.ndarray:
        check_shape(y, self.n_labels, "a multilabel indicator")
        if not is_zero_one(y):
            raise ValueError("y must hold 0 and 1 only: the training began with a multilabel indicator.")
        return y

    def encode(self, y: np.ndarray, dtype: Any) -> np.ndarray:
        ones = self.validate(y).astype(np.float64)
        return ((1 - self.smoothing) * ones + self.smoothing * (1 - ones)).astype(dtype, order="C")

    def strata(self, y: np.ndarray) -> np.ndarray | None:
        """Nothing: most combinations of labels are rare."""
        return None

    def probabilities(self, linked: np.ndarray) -> np.ndarray:
        """The probability of each label (n, n_labels)."""
        return linked

    def log_odds(self, scores: np.ndarray) -> np.ndarray:
        return scores

    def decode(self, scores: np.ndarray) -> np.ndarray:
        """One for each label that is more probable than not."""
        return (scores > 0).astype(self.dtype)

    def score(self, y: np.ndarray, scores: np.ndarray, weight: np.ndarray | None = None) -> float:
        return float(np.average(((scores > 0) == (y > 0)).all(axis=1), weights=weight))

    def class_weights(self, class_weight: Any, y: np.ndarray) -> np.ndarray:
        raise ValueError(
            "class_weight is not defined for a multilabel indicator, whose rows have any number of labels. "
            "Set class_weight=None, and give sample_weight where rows should count differently."
        )

    def check_declared(self, classes: Any, y: np.ndarray) -> None:
        if not np.array_equal(classes, self.classes):
            raise ValueError(
                f"y is a multilabel indicator (zeros and ones) with {self.n_labels} columns, whose classes are the "
                f"columns' numbers. Got classes={listed(classes)}. If each row has one class, give its probabilities "
                "as floats: y.astype(float)."
            )


class SideBySide:
    """Several outputs, each with columns of scores of its own."""

    outputs: tuple[Any, ...]

    @cached_property
    def sizes(self) -> tuple[int, ...]:
        """Columns of scores for each output."""
        return tuple(output.n_outputs for output in self.outputs)

    @property
    def n_outputs(self) -> int:
        return sum(self.sizes)

    def split(self, columns: np.ndarray) -> list[np.ndarray]:
        """The columns of each output."""
        return np.split(columns, np.cumsum(self.sizes)[:-1], axis=1)


@dataclass(frozen=True)
class Columns(SideBySide):
    """A label of each of several outputs a row: a softmax over the classes of each column.

    Parameters
    ----------
    outputs : tuple of Labels
    dtype : str
        Type of the predictions, as NumPy writes it.
    """

    outputs: tuple[Labels, ...]
    dtype: str
    binary: ClassVar[bool] = False

    @property
    def classes(self) -> list[np.ndarray]:
        return [output.classes for output in self.outputs]

    def validate(self, y: np.ndarray) -> np.ndarray:
        self.check_columns(y)
        for j, output in enumerate(self.outputs):
            try:
                output.codes(y[:, j])
            except ValueError as error:
                raise ValueError(f"Column {j} of y: {error}") from None
        return y

    def check_columns(self, y: np.ndarray) -> None:
        """Raise unless y has a column for each output, whatever is in them."""
        check_shape(y, len(self.outputs), "labels")

    def encode(self, y: np.ndarray, dtype: Any) -> np.ndarray:
        self.validate(y)
        return np.hstack([output.encode(y[:, j], dtype) for j, output in enumerate(self.outputs)])

    def strata(self, y: np.ndarray) -> np.ndarray | None:
        """Nothing: most combinations of labels are rare."""
        return None

    def probabilities(self, linked: np.ndarray) -> list[np.ndarray]:
        """Class probabilities (n, n_classes) of each output."""
        return self.split(linked)

    def log_odds(self, scores: np.ndarray) -> list[np.ndarray]:
        return [output.log_odds(part) for output, part in zip(self.outputs, self.split(scores), strict=True)]

    def decode(self, scores: np.ndarray) -> np.ndarray:
        """The most probable label of each output."""
        y = np.empty((len(scores), len(self.outputs)), self.dtype)
        for j, (output, part) in enumerate(zip(self.outputs, self.split(scores), strict=True)):
            y[:, j] = output.decode(part)
        return y

    def score(self, y: np.ndarray, scores: np.ndarray, weight: np.ndarray | None = None) -> float:
        return float(np.average((self.decode(scores) == y).all(axis=1), weights=weight))

    def class_weights(self, class_weight: Any, y: np.ndarray) -> np.ndarray:
        """The product of the outputs' weights."""
        n_outputs = len(self.outputs)
        each = [class_weight] * n_outputs if isinstance(class_weight, str) else class_weight
        if not isinstance(each, (list, tuple)) or len(each) != n_outputs:
            raise ValueError(
                f"For a y of {n_outputs} columns class_weight must be 'balanced' or a list of {n_outputs} dicts, one "
                f"for each column. Got {class_weight!r}."
            )
        weights = [self.outputs[j].class_weights(each[j], y[:, j]) for j in range(n_outputs)]
        product: np.ndarray = np.prod(weights, axis=0)
        return product

    def check_declared(self, classes: Any, y: np.ndarray) -> None:
        if not is_nested(classes) or len(classes) != len(self.outputs):
            raise ValueError(
                f"For a y of labels in {len(self.outputs)} columns, classes must be a list of as many arrays."
            )
        for j, (output, given) in enumerate(zip(self.outputs, classes, strict=True)):
            output.check_declared(given, y[:, j])
