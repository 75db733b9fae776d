"""Arrays of labels, probabilities and indicators: what is in them, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import repeat
from typing import Any

import numpy as np

SUM_TOLERANCE = 1e-6  # of a row of probabilities; a few roundings of their type where that is more
MOST_LISTED = 20


def unique_labels(y: Any) -> np.ndarray:
    """The labels, sorted; labels that have no common order are a ValueError."""
    y = np.asarray(y)
    try:
        return np.unique(_distinct(y) if y.dtype == object else y)
    except TypeError:
        raise mixed_labels({type(label) for label in y.flat}) from None


def mixed_labels(kinds: Iterable[type]) -> ValueError:
    """The error for labels of several types."""
    names = ", ".join(sorted(kind.__name__ for kind in kinds))
    return ValueError(
        f"y has labels of different types ({names}), which have no common order. Make them of one type, such as "
        "y.astype(str), and give missing ones a label of their own."
    )


def _distinct(y: np.ndarray) -> np.ndarray:
    """The different objects in y: to sort all of them takes 20 times as long as to hash them."""
    try:
        found = set(y.ravel().tolist())
    except TypeError:  # not hashable
        return y
    return np.fromiter(found, dtype=object, count=len(found))


def positions(y: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """The position of each label in the sorted `classes`; a label that is not there is a ValueError."""
    kinds = {y.dtype.kind, classes.dtype.kind}
    if kinds <= set("biuf") or (len(kinds) == 1 and "O" not in kinds):
        codes = np.minimum(np.searchsorted(classes, y), len(classes) - 1)
        unknown = classes[codes] != y
    else:  # to hash objects takes half of the time of comparing them, and some cannot be compared
        codes = _hashed_positions(y.tolist(), classes.tolist())
        unknown = codes < 0
    if unknown.any():
        new = dict.fromkeys(y[unknown].tolist())
        raise ValueError(f"y has labels that are not among the classes {listed(classes)}: {listed(new)}")
    return codes


def _hashed_positions(labels: Sequence[Any], classes: Sequence[Any]) -> np.ndarray:
    """The position of each label, -1 for one that is not a class."""
    place = {label: i for i, label in enumerate(classes)}
    return np.fromiter(map(place.get, labels, repeat(-1)), np.intp, len(labels))


def weights_by_label(weights: Mapping[Any, float], classes: np.ndarray) -> np.ndarray:
    """The weight of each class; 1 for a class that has none, unless there is one for another label."""
    labels = classes.tolist()
    left_out = [label for label in labels if label not in weights]
    strange = [label for label in weights if label not in set(labels)]
    if left_out and strange:
        raise ValueError(
            f"class_weight has weights for {listed(strange)}, which are not classes, and lacks {listed(left_out)}, "
            "which are."
        )
    return np.array([weights.get(label, 1.0) for label in labels], dtype=np.float64)


def check_probabilities(y: np.ndarray, n_classes: int) -> None:
    """Raise unless the rows of y are probabilities of so many classes."""
    check_shape(y, n_classes, "class probabilities")
    if y.dtype.kind not in "biuf":
        raise ValueError(f"Class probabilities must be real numbers. Got y of type {y.dtype}.")
    outside = (y < 0) | (y > 1)
    if outside.any():
        row = int(outside.any(axis=1).argmax())
        raise ValueError(
            f"Unknown label type: y is a matrix of real numbers, and row {row} does not hold class probabilities, "
            f"which lie in [0, 1]: {listed(y[row])}. Divide counts or percentages by their sums. A regression target "
            "needs a regressor."
        )
    sums = y.sum(axis=1, dtype=np.float64)
    tolerance = SUM_TOLERANCE if y.dtype.kind != "f" else max(SUM_TOLERANCE, 8 * float(np.finfo(y.dtype).eps))
    wrong = np.abs(sums - 1) > tolerance
    if wrong.any():
        row = int(wrong.argmax())
        raise ValueError(
            f"The class probabilities of a row of y must sum to one. Row {row} sums to {sums[row]:.7g}, with "
            f"{wrong.sum()} of {len(y)} rows wrong. If they are rounded, divide them by their sums; if y is a "
            "multilabel indicator, make it of integers: y.astype(int)."
        )


def check_shape(y: np.ndarray, n_columns: int, what: str) -> None:
    """Raise unless y has so many columns."""
    if y.ndim != 2 or y.shape[1] != n_columns:
        raise ValueError(f"y must have {n_columns} columns, of {what}. Got an array of shape {y.shape}.")


def is_zero_one(y: np.ndarray) -> bool:
    """True if there is nothing but zeros and ones."""
    return y.dtype.kind == "b" or (y.dtype.kind in "iuf" and bool(((y == 0) | (y == 1)).all()))


def lies_between(y: np.ndarray) -> bool:
    """True if there are floats between zero and one."""
    return y.dtype.kind == "f" and bool(((y > 0) & (y < 1)).any())


def check_declaration(classes: Any, y: Any = None) -> None:
    """Raise unless `classes` is array-like, and not one number for each row of y: those would be weights.

    The labels of y themselves, row by row, are no weights, and neither are as many different numbers as rows, if y's
    labels are among them.
    """
    if isinstance(classes, (str, bytes)) or not (hasattr(classes, "__len__") and hasattr(classes, "__getitem__")):
        raise ValueError(f"classes must be an array of labels, or a list of these. Got {classes!r}.")
    if y is None or is_nested(classes):
        return
    given, labels = typed(np.asarray(classes)), np.asarray(y)
    labels = typed(labels[:, 0] if labels.ndim == 2 and labels.shape[1] == 1 else labels)
    if labels.ndim != 1 or len(given) != len(labels) or given.dtype.kind not in "biuf":
        return
    values = set(given.tolist())
    are_floats = given.dtype.kind == "f" and labels.dtype.kind != "f"
    if are_floats or not set(labels.tolist()) <= values or (len(values) < len(given) and (given != labels).any()):
        raise ValueError(
            f"classes are the labels that may come, each of them once, and {listed(given)} has a number for each row "
            "of y. Give weights of rows as sample_weight=: the third argument of partial_fit is classes."
        )


def check_several(y: np.ndarray, name: str) -> None:
    """Raise for the first rows of a training batch by batch, if they hold one label only."""
    if y.ndim == 1 and len(y) and (y == y[0]).all():
        raise ValueError(
            f"The first rows that {name} sees by partial_fit hold one class only, {listed(y[:1])}, and no others "
            "could be learned later. Give all labels that will ever occur as classes=."
        )


def is_nested(classes: Any) -> bool:
    """True if there is an array of classes for each of several columns, rather than one array."""
    return not isinstance(classes, str) and all(np.ndim(part) == 1 for part in classes)


def typed(column: np.ndarray) -> np.ndarray:
    """Labels that came among columns of other types in a type of their own."""
    return np.array(column.tolist()) if column.dtype == object and len(column) else column


def listed(labels: Iterable[Any]) -> str:
    """Labels as text, the first of many."""
    labels = labels.tolist() if isinstance(labels, np.ndarray) else list(labels)
    more = len(labels) - MOST_LISTED
    return str(labels) if more <= 0 else f"{str(labels[:MOST_LISTED])[:-1]}, ... {more} more]"
