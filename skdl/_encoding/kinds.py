"""The kinds of y: a label a row, class probabilities, a multilabel indicator, or columns of labels."""

from __future__ import annotations

from typing import Any

import numpy as np

from skdl._encoding.arrays import (
    check_probabilities,
    is_nested,
    is_zero_one,
    lies_between,
    listed,
    typed,
    unique_labels,
)
from skdl._encoding.labels import Labels
from skdl._encoding.several import Columns, Indicator

Encoding = Labels | Indicator | Columns


def encoding_of_labels(y: np.ndarray, classes: Any = None, *, binary: bool = False, smoothing: float = 0.0) -> Encoding:
    """The encoding of y as targets. A y of several columns is

    - columns of labels, when `classes` is a list of arrays;
    - a multilabel indicator, when it holds integers or bools that are all 0 or 1;
    - class probabilities, when it holds floats, and some lie between 0 and 1 or `classes` is given;
    - a multilabel indicator, when it holds floats that are all 0 or 1, and some row does not sum to one (where every
      row does, it might be either: an error);
    - columns of labels in all other cases.

    Parameters
    ----------
    y : array of shape (n,) or (n, n_columns)
    classes : array, list of arrays or None
        The labels that a caller declared.
    binary : bool
        Whether the loss takes one column for two classes.
    smoothing : float
        Label smoothing.
    """
    if y.ndim == 1:
        return _labels(y, classes, binary, smoothing)
    if classes is None or not is_nested(classes):
        if y.dtype.kind in "biu" and is_zero_one(y):
            encoding = Indicator(y.shape[1], y.dtype.str, smoothing)
            if classes is not None:
                encoding.check_declared(classes, y)
            return encoding
        if y.dtype.kind == "f":
            if classes is not None or lies_between(y):
                return _probabilities(y, classes, binary, smoothing)
            if is_zero_one(y):
                if (y.sum(axis=1) == 1).all():
                    raise ValueError(
                        "y is a matrix of floats with a single 1.0 in each row, which may be class probabilities or a "
                        "multilabel indicator. For class probabilities give classes=, the class of each column; for an "
                        "indicator make y of integers: y.astype(int)."
                    )
                return Indicator(y.shape[1], y.dtype.str, smoothing)
            if (y != np.floor(y)).any():
                check_probabilities(y, y.shape[1])  # which says what they are instead
    return _columns(y, classes, smoothing)


def _labels(y: np.ndarray, classes: Any, binary: bool, smoothing: float) -> Labels:
    if classes is not None and is_nested(classes):
        raise ValueError("y has one label in each row, and classes must be one array of labels. Got a list of arrays.")
    known = unique_labels(y if classes is None else classes)
    return Labels(known, binary and len(known) == 2, smoothing)


def _probabilities(y: np.ndarray, classes: Any, binary: bool, smoothing: float) -> Labels:
    n_classes = y.shape[1]
    columns = np.arange(n_classes) if classes is None else np.asarray(classes)
    if columns.shape != (n_classes,):
        raise ValueError(
            f"y has {n_classes} columns of class probabilities, and classes must name each. Got {listed(columns)}."
        )
    known = unique_labels(columns)
    if len(known) < n_classes:
        raise ValueError(f"The columns of y stand for different classes. Got classes={listed(columns)}.")
    check_probabilities(y, n_classes)
    return Labels(known, binary and n_classes == 2, smoothing, None if np.array_equal(columns, known) else columns)


def _columns(y: np.ndarray, classes: Any, smoothing: float) -> Columns:
    n_columns = y.shape[1]
    if classes is not None and (not is_nested(classes) or len(classes) != n_columns):
        raise ValueError(
            f"y has labels in {n_columns} columns, and classes must be a list of {n_columns} arrays, one for each."
        )
    outputs = []
    for j in range(n_columns):
        try:
            known = unique_labels(y[:, j] if classes is None else np.asarray(classes[j]))
            outputs.append(_labels(y[:, j], typed(known), False, smoothing))
        except ValueError as error:
            raise ValueError(f"Column {j} of y: {error}") from None
    return Columns(tuple(outputs), y.dtype.str)
