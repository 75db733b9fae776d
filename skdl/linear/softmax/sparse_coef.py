"""Coefficients that are kept as a sparse matrix, where a penalty has made most of them zero."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from scipy import sparse
from sklearn.utils.validation import check_is_fitted

from skdl._validation import warn_of_overflow


class SparseCoefMixin:
    """Methods of a linear estimator with `coef_` (n_outputs, n_features) that keep it as a sparse matrix."""

    coef_: Any
    intercept_: np.ndarray

    def sparsify(self) -> Self:
        """Keep `coef_` as a sparse matrix, which takes less memory and time where more than about half of it is zero.

        Predictions stay the same up to rounding. The next training makes `coef_` dense again.

        Returns
        -------
        self : estimator
            The fitted estimator.
        """
        check_is_fitted(self)
        self.coef_ = sparse.csr_array(self.coef_)
        return self

    def densify(self) -> Self:
        """Keep `coef_` as an array again.

        Returns
        -------
        self : estimator
            The fitted estimator.
        """
        check_is_fitted(self)
        self.coef_ = self._dense_coef()
        return self

    def _dense_coef(self) -> Any:
        return self.coef_.toarray() if sparse.issparse(self.coef_) else self.coef_

    def _sparse_scores(self, X: Any) -> np.ndarray:
        """Scores (n, n_outputs) of checked rows, by a sparse `coef_`."""
        with np.errstate(over="ignore", invalid="ignore"):
            product = X @ self.coef_.T.astype(X.dtype)
            dense = product.toarray() if sparse.issparse(product) else product
            scores = np.asarray(dense + np.asarray(self.intercept_, X.dtype))
        return warn_of_overflow(self, X, scores)
