"""From what a user gives to what a network trains on: checked, encoded, and in the precision of the training."""

from __future__ import annotations

from typing import Any

import numpy as np

from skdl._slots import SlotMixin
from skdl._validation import check_alike, in_units, validate_sample_weight
from skdl.neural._description import Description
from skdl.neural._tasks import Prepared


class Preparation(Description, SlotMixin):
    """The border of a fit: what lies behind it trusts the data."""

    dtype: str
    batch_size: Any

    def _prepare(
        self,
        X: Any,
        y: Any,
        sample_weight: Any,
        validation: tuple[Any, Any, Any] = (None, None, None),
        *,
        reset: bool = True,
        classes: Any = None,
        n_rows: int | None = None,
        drawn_by: np.ndarray | None = None,
    ) -> Prepared:
        """Checked and encoded data, of which a member will train on `n_rows` rows (None for all).

        Where members train on samples of the rows, `drawn_by` are the weights that these were drawn by: they count in
        the encoding of y, and rows of weight zero are not looked at.
        """
        if validation[0] is not None:
            check_alike(X, validation[0])
        X, y, weight = self._check_data(X, y, sample_weight, reset=reset)
        weight = None if weight is None else in_units(weight)
        counts = weight if drawn_by is None else drawn_by
        encoding = self._encoding_of(X, y, counts, classes) if reset else self._encoding_now(y, counts)
        kept = None if counts is None or counts.all() else np.flatnonzero(counts)
        weight = self._with_class_weight(y, weight, encoding, kept)
        if reset:
            n_weighted = X.shape[0] if weight is None else int(np.count_nonzero(weight))
            dtype = self._training_dtype(X.dtype, n_rows or n_weighted)
        else:
            dtype = self._training.dtype
        judged = self._prepare_validation(*validation, encoding, dtype)
        targets = self._targets(y, encoding, dtype, weight if drawn_by is None else drawn_by)
        return Prepared(X, y, targets, weight, encoding, dtype, judged, drawn_by)

    def _targets(self, y: np.ndarray, encoding: Any, dtype: Any, weight: np.ndarray | None) -> np.ndarray:
        """Y as the loss takes it; what rows of weight zero hold does not matter."""
        with np.errstate(over="ignore"):
            targets = encoding.encode(y, dtype)
        self._loss(encoding).check_targets(targets if weight is None else targets[weight > 0])
        return targets

    def _prepare_validation(self, X: Any, y: Any, sample_weight: Any, encoding: Any, dtype: Any) -> Prepared | None:
        """The user's own validation rows, held to the columns and labels of the training rows."""
        if X is None and y is None and sample_weight is None:
            return None
        if X is None or y is None:
            raise ValueError("Validation data needs both X_val and y_val.")
        X, y, _ = self._check_data(X, y, None, reset=False)
        weight = validate_sample_weight(sample_weight, X)
        if weight is not None:
            kept = np.flatnonzero(weight)
            X, y, weight = X[kept], y[kept], in_units(weight[kept])
        return Prepared(X, y, self._targets(y, encoding, dtype, weight), weight, encoding, dtype)

    def _training_dtype(self, dtype: Any, n_rows: int) -> np.dtype:
        """float32 for mini-batches; X's precision where each step sees all rows, for little is gained by less."""
        if self.dtype != "auto":
            return np.dtype(self.dtype)
        whole = self._resolve("optimizer").full_batch or self._batch_size(n_rows) >= n_rows
        return np.dtype(dtype if whole else np.float32)

    def _batch_size(self, n_rows: int) -> int:
        if self._resolve("optimizer").full_batch:
            return n_rows
        return min(200 if self.batch_size == "auto" else self.batch_size, n_rows)
