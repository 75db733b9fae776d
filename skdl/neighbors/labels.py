"""The labels of each column of y, and their shares of the votes."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.multiclass import check_classification_targets

from skdl._constraints import Real
from skdl._encoding.arrays import is_zero_one, positions, typed, unique_labels
from skdl._warnings import in_turn
from skdl.neighbors.votes import scale_to_one


class LabelColumn(NamedTuple):
    """A column of y: its labels, sorted, the label of each row, the class weights and the shares of all rows."""

    classes: np.ndarray
    codes: np.ndarray
    weight: np.ndarray
    priors: np.ndarray

    def vote_shares(self, indices: np.ndarray, votes: np.ndarray) -> tuple[np.ndarray, int]:
        """Each label's share of the votes of the rows `indices`, and how many queries got none and take the priors."""
        (n_queries, _), n_classes = indices.shape, self.classes.size
        cells = np.arange(n_queries)[:, None] * n_classes + self.codes[indices]
        shares = np.bincount(cells.ravel(), votes.ravel(), n_queries * n_classes).reshape(n_queries, n_classes)
        shares *= self.weight
        none = shares.sum(axis=1) == 0
        shares[none] = self.priors
        return shares / shares.sum(axis=1, keepdims=True), int(none.sum())


def label_columns(y: np.ndarray, votes: np.ndarray, class_weight: Any, declared: Any) -> list[LabelColumn]:
    """The columns of y, with their labels.

    `declared` are the labels that may come, a list of them for several columns. None stands for those of y, or for 0
    and 1 in each column where y is a multilabel indicator: a label that no row has is one still.
    """
    if y.ndim == 1:
        if isinstance(class_weight, (list, tuple)):
            raise ValueError("For y with one column, class_weight must be a dict. Got a list.")
        return [label_column(y, declared, class_weight, votes)]
    n_columns = y.shape[1]
    each = [class_weight] * n_columns if class_weight is None or isinstance(class_weight, str) else class_weight
    if not isinstance(each, (list, tuple)) or len(each) != n_columns:
        raise ValueError(
            f"For y with {n_columns} columns, class_weight must be 'balanced' or a list of {n_columns} dicts, one for "
            f"each column. Got {class_weight!r}."
        )
    if declared is None:
        is_indicator = y.dtype.kind in "biu" and is_zero_one(y)
        declared = [np.arange(2).astype(y.dtype) if is_indicator else None] * n_columns
    elif not isinstance(declared, (list, tuple)) or len(declared) != n_columns:
        raise ValueError(f"For y with {n_columns} columns, classes must be a list with an array of labels for each.")
    columns = [typed(column) for column in y.T]
    for column in columns:
        in_turn(check_classification_targets)(column)
    return [label_column(*arguments, votes) for arguments in zip(columns, declared, each, strict=True)]


def label_column(labels: np.ndarray, declared: Any, class_weight: Any, votes: np.ndarray) -> LabelColumn:
    classes = unique_labels(labels if declared is None else declared)
    codes = positions(labels, classes)
    weight = label_weights(class_weight, classes, codes, votes)
    totals = np.bincount(codes, weights=votes, minlength=classes.size) * weight
    if not totals.sum() > 0:
        raise ValueError("class_weight must not be zero for all training rows that have a weight.")
    return LabelColumn(classes, codes, weight, totals / totals.sum())


def label_weights(class_weight: Any, classes: np.ndarray, codes: np.ndarray, votes: np.ndarray) -> np.ndarray:
    weight = np.zeros(classes.size)
    if isinstance(class_weight, str):  # "balanced"; a class without any weight has no votes to balance
        voting = votes > 0
        present = np.unique(codes[voting])
        weight[present] = compute_class_weight(
            class_weight, classes=present, y=codes[voting], sample_weight=votes[voting]
        )
        return scale_to_one(weight)
    values = list((class_weight or {}).values())
    if not all(Real(low=0).accepts(value) for value in values):
        raise ValueError(f"class_weight must hold finite values in the range [0, inf). Got {values}.")
    return scale_to_one(compute_class_weight(class_weight or None, classes=classes, y=classes[codes]))


def append_labels(before: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The labels of earlier calls and of this one."""
    if before.shape[1:] != y.shape[1:]:
        raise ValueError(f"y must have the same columns as in earlier calls, {before.shape[1:]}. Got {y.shape[1:]}.")
    if (before.dtype.kind in "biuf") != (y.dtype.kind in "biuf"):
        raise ValueError(f"y must hold labels of one type. Got {y.dtype} after {before.dtype}.")
    return np.concatenate([before, y])
