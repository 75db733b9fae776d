"""Members of other libraries, which take numbers: a frame with categories and missing cells as they can take it."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, clone

from skdl._estimator import available_if
from skdl.ensemble._base import tags_of
from skdl.tables import TableSchema, is_table

MOST_ONE_HOT = 50  # categories of a column: of more, the most frequent ones but one have columns of their own
MOST_CODES = 254  # that scikit-learn's boosting takes


def for_tables(estimator: Any, X: Any) -> Any:
    """The estimator, or where it cannot take the frame X a `TableMember` of it.

    skdl's own estimators take frames, and pipelines are to do what their first steps do.
    """
    if not is_table(X):
        return estimator
    core = estimator
    while getattr(core, "estimator", None) is not None:
        core = core.estimator
    if hasattr(core, "steps") or type(core).__module__.startswith("skdl."):
        return estimator
    if TableSchema.fit(X, missing="encode").columns is None:
        return estimator
    return TableMember(estimator)


class TableMember(BaseEstimator):
    """An estimator of numbers that learns a frame with categories and missing cells.

    One with `categorical_features="from_dtype"`, as scikit-learn's boosting, gets columns of categories. For all others
    there is a column of zeros and ones for each category. Missing numbers stay where the estimator takes them; else
    their column's mean takes their place, beside a column that is one where they are missing.

    Parameters
    ----------
    estimator : estimator
    """

    estimator_: Any
    _schema: TableSchema
    _means: np.ndarray

    def __init__(self, estimator: Any):
        self.estimator = estimator

    @property
    def _by_dtype(self) -> bool:
        choice = getattr(self.estimator, "categorical_features", None)
        return isinstance(choice, str) and choice == "from_dtype"

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Learn the frame's columns, and fit the estimator to them as numbers."""
        most = MOST_CODES if self._by_dtype else MOST_ONE_HOT
        self._schema = TableSchema.fit(X, sample_weight, missing="encode", max_categories=most)
        matrix = self._schema.transform(X)
        weight = np.ones(len(matrix)) if sample_weight is None else np.asarray(sample_weight, dtype=np.float64)
        known = np.isfinite(matrix)
        share = known * weight[:, None]
        self._means = (np.where(known, matrix, 0) * share).sum(axis=0) / np.maximum(share.sum(axis=0), 1e-300)
        given = {} if sample_weight is None else {"sample_weight": sample_weight}
        self.estimator_ = clone(self.estimator).fit(self._numbers(matrix), y, **given)
        if hasattr(self.estimator_, "classes_"):
            self.classes_ = self.estimator_.classes_
        return self

    def predict(self, X: Any) -> Any:
        """What the estimator predicts."""
        return self.estimator_.predict(self._numbers(self._schema.transform(X)))

    @available_if(lambda self: hasattr(self.estimator, "predict_proba"))
    def predict_proba(self, X: Any) -> Any:
        """Class probabilities by the estimator."""
        return self.estimator_.predict_proba(self._numbers(self._schema.transform(X)))

    def _numbers(self, matrix: np.ndarray) -> Any:
        """The schema's matrix as the estimator takes it."""
        kinds = self._schema.columns
        if kinds is None:
            return matrix
        if self._by_dtype:
            import pandas as pd

            frame = pd.DataFrame(matrix)
            for j, n in enumerate(kinds.n_categories):
                if n:  # the code of unseen values, 0, becomes a missing one
                    frame[j] = pd.Categorical.from_codes(matrix[:, j].astype(np.intp) - 1, pd.RangeIndex(1, n + 1))
            return frame
        keeps_missing = tags_of(self.estimator).input_tags.allow_nan
        parts = []
        for j, (n, has_missing) in enumerate(zip(kinds.n_categories, kinds.has_missing, strict=True)):
            column = matrix[:, j]
            if n:
                parts.append((column[:, None] == np.arange(1, n + 1)).astype(matrix.dtype))
            elif keeps_missing:
                parts.append(column[:, None])
            else:
                holes = np.isnan(column)
                parts.append(np.where(holes, self._means[j], column)[:, None])
                parts += [holes[:, None].astype(matrix.dtype)] if has_missing else []
        return np.concatenate(parts, axis=1)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        inner = tags_of(self.estimator)
        tags.estimator_type = inner.estimator_type
        tags.input_tags.allow_nan = tags.input_tags.categorical = True
        return tags
