"""The gain of an average over its members, and their agreement.

With residuals e_j of the members and weights w_j that sum to one, the squared error of the average is a sum over pairs:

    E[(sum_j w_j e_j)^2] = sum_j w_j^2 E[e_j^2] + sum_{i != j} w_i w_j E[e_i e_j]

For k equal weights that is (1/k) E[e^2] + ((k - 1)/k) E[e_i e_j]. The first term falls with the number of members; the
second one stays, and only members whose errors are less alike make it smaller. All that is said here about squared
errors follows from the matrix of the E[e_i e_j].
"""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skdl._array import exponents_of
from skdl._typing import MatrixLike, VectorLike, WeightLike
from skdl._validation import in_units, validate_sample_weight
from skdl.ensemble._base import BaseEnsemble

if TYPE_CHECKING:
    import pandas as pd


def error_correlation(residuals: np.ndarray, weight: np.ndarray | None, known: np.ndarray | None = None) -> np.ndarray:
    """E[e_i e_j] / sqrt(E[e_i^2] E[e_j^2]) for each pair of members, over the rows that both have a residual of.

    Parameters
    ----------
    residuals : array of shape (k, n, C)
    weight : array of shape (n,) or None
    known : bool array of shape (k, n) or None
        Which residuals count; None for all.

    Returns
    -------
    correlation : array of shape (k, k)
        NaN for pairs without a common row, or without any error there.
    """
    share = np.ones(residuals.shape[1]) if weight is None else weight
    known = np.ones(residuals.shape[:2]) if known is None else known.astype(np.float64)
    units = np.ldexp(1.0, -exponents_of(residuals, axis=(1, 2)))  # of each member
    scaled = residuals * (known * np.sqrt(share) * units[:, None])[:, :, None]
    products = _products(scaled)
    squares = (scaled**2).sum(axis=2) @ known.T  # [i, j]: those of i, over the rows of both
    with np.errstate(divide="ignore", invalid="ignore"):
        correlation: np.ndarray = products / np.sqrt(squares * squares.T)
        return correlation


def decompose(residuals: np.ndarray, member_weight: np.ndarray, weight: np.ndarray | None) -> dict[str, float]:
    """The terms of the error of an average, see `EnsembleDiagnostics.error_decomposition`.

    Parameters
    ----------
    residuals : array of shape (k, n, C)
        Squares are summed over C.
    member_weight : array of shape (k,)
    weight : array of shape (n,) or None
    """
    w = member_weight / member_weight.sum()
    share = np.full(residuals.shape[1], 1 / residuals.shape[1]) if weight is None else weight / weight.sum()
    exponent = exponents_of(residuals)
    residuals = np.ldexp(residuals, -exponent)
    moments = _products(residuals * np.sqrt(share)[:, None])
    squares = np.diagonal(moments)
    variance = float(w**2 @ squares)
    covariance = float(w @ moments @ w) - variance if len(w) > 1 else 0.0
    average = float(share @ (np.tensordot(w, residuals, 1) ** 2).sum(axis=1))
    pairs = 1 - float(w @ w)
    terms = {
        "ensemble_error": average,
        "mean_member_error": float(w @ squares),
        "mean_error_product": covariance / pairs if pairs > 1e-12 else np.nan,
        "variance_term": variance,
        "covariance_term": covariance,
        "ambiguity": float(w @ squares) - average,
    }
    with np.errstate(over="ignore", under="ignore"):  # a square that no float is close to is infinite, or 0
        return {name: float(np.ldexp(term, 2 * exponent)) for name, term in terms.items()}


def _products(rows: np.ndarray) -> np.ndarray:
    """Sums over rows and columns of the products of each two members, (k, n, C) -> (k, k)."""
    flat = rows.reshape(len(rows), -1)
    products: np.ndarray = flat @ flat.T
    return products


class EnsembleDiagnostics(BaseEnsemble):
    """Diagnostics of an ensemble: its error split by members, and the correlation of their errors."""

    _error_name: str
    _member_correlation: np.ndarray

    @abstractmethod
    def _residuals(self, outputs: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Targets less the members' outputs, (k, n, ...) -> (k, n, C); their squares, summed over C, are the errors."""

    def error_decomposition(self, X: MatrixLike, y: VectorLike, sample_weight: WeightLike | None = None) -> pd.Series:
        """Split the error of the average into the members' own errors and what these have in common.

        With e_j the residuals of member j and w_j its weight in the average (1/k for k equal ones), the mean squared
        error (of class probabilities: the Brier score, summed over the classes) of the average is

            E[(sum_j w_j e_j)^2] = sum_j w_j^2 E[e_j^2] + sum_{i != j} w_i w_j E[e_i e_j]

        which for equal weights is (1/k) E[e^2] + ((k-1)/k) E[e_i e_j]. On rows that the members were trained on, both
        terms are too small: use rows that they have not seen.

        Parameters
        ----------
        X : {array-like, sparse matrix, frame} of shape (n_samples, n_features)
            Rows, as the members take them.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Their targets.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each row in the means.

        Returns
        -------
        terms : pandas.Series
            `ensemble_error`, that of the average; `mean_member_error`, sum_j w_j E[e_j^2]; `mean_error_product`,
            E[e_i e_j] over pairs of different members, weighted by w_i w_j (NaN where there are none);
            `variance_term` and `covariance_term`, which sum to `ensemble_error`; `ambiguity`, the members' mean squared
            distance from the average, by which `ensemble_error` is below `mean_member_error`. Of several outputs it is
            the mean.

        References
        ----------
        A. Krogh, J. Vedelsby, "Neural network ensembles, cross validation, and active learning", NeurIPS, 1994;
        N. Ueda, R. Nakano, "Generalization error of ensemble estimators", ICNN, 1996.
        """
        import pandas as pd  # here, since importing it takes longer than importing skdl

        residuals, weight = self._residuals_on(X, y, sample_weight)
        return pd.Series(decompose(residuals, self._member_weights(), weight), name=self._error_name)

    @property
    def member_correlation_(self) -> np.ndarray:
        """The correlation of the members' errors on rows that fit has kept from them, see `member_correlation`."""
        check_is_fitted(self)
        if "_member_correlation" not in self.__dict__:
            raise AttributeError(
                f"This {type(self).__name__} has seen all of its rows in training, where errors say little. "
                f"{self._unseen_by} Or call member_correlation(X, y) with rows of your own."
            )
        return self._member_correlation

    def member_correlation(self, X: MatrixLike, y: VectorLike, sample_weight: WeightLike | None = None) -> np.ndarray:
        """The correlation of the errors of each two members.

        rho_ij = E[e_i e_j] / sqrt(E[e_i^2] E[e_j^2]), of residuals e_j. Means are not subtracted: a bias that members
        share is an error that no average takes away. With equal errors s^2 of all members, the average of k has
        s^2 (1 + (k-1) rho) / k, which falls to rho s^2.

        Parameters
        ----------
        X : {array-like, sparse matrix, frame} of shape (n_samples, n_features)
            Rows that the members have not seen, as they take them.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Their targets.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each row in the means.

        Returns
        -------
        correlation : array of shape (n_members, n_members)
            In [-1, 1], with ones on the diagonal; NaN for members without any error.
        """
        return error_correlation(*self._residuals_on(X, y, sample_weight))

    def _residuals_on(self, X: Any, y: Any, sample_weight: Any) -> tuple[np.ndarray, np.ndarray | None]:
        X = self._checked(X)
        y = self._check_targets(X, y, multi_output=True)
        weight = validate_sample_weight(sample_weight, X)
        residuals = self._residuals(np.stack(list(self._outputs(X))), y)
        return residuals, None if weight is None else in_units(weight)
