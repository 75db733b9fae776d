"""Labels and reals as targets of a network, and its scores as predictions.

An encoding is fixed by the y of the first training and serves every later one. All have

    validate(y)            raises a ValueError for a y that is not of this kind, else gives it back
    encode(y, dtype)       targets (n, n_outputs)
    strata(y)              what a random split keeps the shares of, or None
    decode(scores)         predictions, in y's shape and types

and those of classes have moreover

    classes                the estimator's `classes_`
    probabilities(linked)  from what the loss's link makes of the scores
    log_odds(scores)       what `decision_function` gives
    class_weights(w, y)    weights of rows from weights of classes
    score(y, scores, w)    accuracy: the share of the rows in which all is right
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from skdl._labels import (
    check_probabilities,
    check_shape,
    is_nested,
    is_zero_one,
    listed,
    positions,
    unique_labels,
    weights_by_label,
)


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
        true, other = 1 - self.smoothing, self.smoothing / max(n_classes - 1, 1)
        if y.ndim == 1:
            targets = np.full((len(y), n_classes), other, dtype=dtype)
            targets[np.arange(len(y)), self.codes(y)] = true
        else:
            shares = self._shares(y)
            targets = (true * shares + other * (1 - shares)).astype(dtype)
        return np.ascontiguousarray(targets[:, 1:]) if self.binary else targets

    def strata(self, y: np.ndarray) -> np.ndarray | None:
        """The labels; those of probabilities only where each comes more than once, for nobody has chosen them."""
        if y.ndim == 1:
            return y
        codes = self.codes(y)
        return None if (np.bincount(codes) == 1).any() else codes

    def probabilities(self, linked: np.ndarray) -> np.ndarray:
        """Class probabilities (n, n_classes)."""
        return np.column_stack([1 - linked, linked]) if self.binary else linked

    def log_odds(self, scores: np.ndarray) -> np.ndarray:
        """Log probabilities up to a constant of the row; of two classes, the log odds of the second."""
        if len(self.classes) > 2:
            return scores
        return scores[:, 0] if self.binary else scores[:, 1] - scores[:, 0]

    def decode(self, scores: np.ndarray) -> np.ndarray:
        """The most probable label; of equals, the first."""
        return self.classes[self._decided(scores)]

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
        return by_class[codes] if shares is None else shares @ by_class

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
        shares = y.astype(np.float64)
        if self.columns is not None:
            shares = shares[:, np.argsort(self.columns)]
        return shares / shares.sum(axis=1, keepdims=True)


@dataclass(frozen=True)
class Indicator:
    """Any number of labels a row: a column of zeros and ones for each, with a sigmoid of its own.

    Parameters
    ----------
    n_labels : int
    dtype : dtype
        Type of the predictions.
    smoothing : float
        Label smoothing a: ones become 1 - a, zeros a.
    """

    n_labels: int
    dtype: Any
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


@dataclass(frozen=True)
class Columns:
    """A label of each of several outputs a row: a softmax over the classes of each column.

    Parameters
    ----------
    outputs : tuple of Labels
    dtype : dtype
        Type of the predictions.
    """

    outputs: tuple[Labels, ...]
    dtype: Any
    binary: ClassVar[bool] = False

    @cached_property
    def sizes(self) -> tuple[int, ...]:
        """Columns of scores for each output."""
        return tuple(output.n_outputs for output in self.outputs)

    @property
    def n_outputs(self) -> int:
        return sum(self.sizes)

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
        return self._split(linked)

    def log_odds(self, scores: np.ndarray) -> list[np.ndarray]:
        return [output.log_odds(part) for output, part in zip(self.outputs, self._split(scores), strict=True)]

    def decode(self, scores: np.ndarray) -> np.ndarray:
        """The most probable label of each output."""
        y = np.empty((len(scores), len(self.outputs)), self.dtype)
        for j, (output, part) in enumerate(zip(self.outputs, self._split(scores), strict=True)):
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
        return np.prod(weights, axis=0)

    def check_declared(self, classes: Any, y: np.ndarray) -> None:
        if not is_nested(classes) or len(classes) != len(self.outputs):
            raise ValueError(
                f"For a y of labels in {len(self.outputs)} columns, classes must be a list of as many arrays."
            )
        for j, (output, given) in enumerate(zip(self.outputs, classes, strict=True)):
            output.check_declared(given, y[:, j])

    def _split(self, columns: np.ndarray) -> list[np.ndarray]:
        return np.split(columns, np.cumsum(self.sizes)[:-1], axis=1)


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

    def validate(self, y: np.ndarray) -> np.ndarray:
        check_shape(y.reshape(len(y), -1), self.n_outputs, "targets")
        return y

    def encode(self, y: np.ndarray, dtype: Any) -> np.ndarray:
        columns = self.validate(y).reshape(len(y), -1)
        return np.ascontiguousarray((columns - self.shift) / self.scale, dtype=dtype)

    def strata(self, y: np.ndarray) -> np.ndarray | None:
        """Nothing: a random split takes reals as they come."""
        return None

    def decode(self, predictions: np.ndarray) -> np.ndarray:
        """Predictions in y's shape; the scale is undone by the folded last layer."""
        return predictions[:, 0] if self.flat else predictions
