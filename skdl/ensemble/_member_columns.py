"""The members' predictions as columns: features for a next step of a Pipeline, such as a stacking model."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import numpy as np
from sklearn.base import TransformerMixin
from sklearn.utils.validation import check_is_fitted

from skdl._typing import MatrixLike, VectorLike
from skdl.ensemble._named_members import is_dropped


class MemberColumns(TransformerMixin):
    """`transform`, with a block of columns for each member, and their names."""

    estimators_: list[Any]
    named_estimators_: Any
    predict_members: Any

    @abstractmethod
    def _columns(self, outputs: np.ndarray) -> np.ndarray:
        """The columns of `transform` from the result of `predict_members`."""

    @abstractmethod
    def _width(self) -> int | None:
        """Columns of a member; None for one that needs no number in its name."""

    def transform(self, X: MatrixLike) -> np.ndarray:
        """The members' predictions of each row, side by side.

        Parameters
        ----------
        X : {array-like, sparse matrix, frame} of shape (n_samples, n_features)
            Rows, as the members take them.

        Returns
        -------
        columns : array of shape (n_samples, n_members * width)
            Of a classifier the class probabilities, width n_classes, or with `voting="hard"` the position of the
            predicted label in `classes_`; with `flatten_transform=False` the probabilities as they come from
            `predict_members`, of shape (n_members, n_samples, n_classes). Of a regressor the predictions, width
            n_outputs. Columns of one member stand together. `set_output(transform="pandas")` gives them names.
        """
        return self._columns(self.predict_members(X))

    def get_feature_names_out(self, input_features: VectorLike | None = None) -> np.ndarray:
        """Names of the columns that `transform` gives: the class, the member, and the class or output in it.

        Parameters
        ----------
        input_features : ignored
            Only there as other transformers have it.

        Returns
        -------
        names : array of str
            Those of members that were made of `estimator` end like `mlpclassifier-1_0`: of the first member.
        """
        check_is_fitted(self)
        kind, width = type(self).__name__.lower(), self._width()
        numbers = [""] if width is None else [str(i) for i in range(width)]
        names = [name for name, member in self.named_estimators_.items() if not is_dropped(member)]
        if not names:
            names = [f"{type(member).__name__.lower()}-{j + 1}" for j, member in enumerate(self.estimators_)]
            numbers = numbers if width is None else [f"_{i}" for i in numbers]
        return np.array([f"{kind}_{name}{i}" for name in names for i in numbers], dtype=object)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = []
        return tags


def side_by_side(outputs: np.ndarray) -> np.ndarray:
    """The predictions of k members for n rows, (k, n) or (k, n, width), as columns (n, k) or (n, k width)."""
    columns = outputs.T if outputs.ndim == 2 else np.moveaxis(outputs, 0, 1).reshape(outputs.shape[1], -1)
    return np.ascontiguousarray(columns)
