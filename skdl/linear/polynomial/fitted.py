"""A polynomial that is fitted: its attributes, its values at rows, and the names of its terms."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skdl._typing import VectorLike
from skdl._warnings import warn
from skdl.linear.design import DesignMixin
from skdl.linear.likelihood import GaussianLikelihoodMixin
from skdl.linear.polynomial.basis import ChebyshevProducts
from skdl.linear.polynomial.evaluation import evaluate_terms
from skdl.linear.polynomial.fit import PolynomialFit
from skdl.linear.polynomial.rows import Rows, scale_rows
from skdl.linear.polynomial.terms import TermSet, list_blocks, list_powers, list_terms, name_term
from skdl.linear.set_coefficients import read_coefficients
from skdl.linear.solvers.scaling import scale_down
from skdl.neural._coefficients import fingerprint, is_edited

BLOCK_ELEMENTS = 2**17  # values of terms at a time in predict: 1 MiB, which stays in the cache


class FittedPolynomialMixin(GaussianLikelihoodMixin, DesignMixin):
    """What a fit of an estimator stores, and what is computed from it."""

    basis: str
    fit_intercept: bool
    coef_: np.ndarray
    intercept_: Any
    _terms: TermSet
    _basis: ChebyshevProducts
    _inner: np.ndarray
    _one_output: bool
    _sigma: np.ndarray

    def _store(self, fitted: PolynomialFit, terms: TermSet, dtype: np.dtype, *, one_output: bool) -> None:
        basis, found = fitted.basis, fitted.coef
        powers = list_powers(list_blocks(*terms), len(terms.caps))
        raw = np.zeros((len(powers), found.shape[1]))
        raw[(powers <= basis.caps).all(axis=1)] = found[:-1]
        with np.errstate(over="ignore"):  # a coefficient may be out of range where the polynomial is not
            coef, intercept = raw.astype(dtype), found[-1].astype(dtype)
        if self.basis == "monomial" and not self.fit_intercept:
            intercept = np.zeros_like(intercept)
        self._terms, self._basis, self._inner, self._one_output = terms, basis, fitted.inner, one_output
        self._family, self._exponents = self.basis, (fitted.x_exponent, fitted.y_exponent)
        self.coef_ = coef[:, 0].copy() if one_output else np.ascontiguousarray(coef.T)
        self.intercept_ = intercept[0] if one_output else intercept
        self._stored = fingerprint([self.coef_], [self.intercept_])
        if not (np.isfinite(coef).all() and np.isfinite(intercept).all()):
            warn(
                f"Some coefficients of this polynomial are out of the range of {dtype} and not finite in coef_. "
                "Predictions do not use them and are not affected. For finite coefficients, scale X and y first, or "
                "choose basis='chebyshev', whose coefficients do not depend on the units of X.",
            )
        self.powers_ = powers
        self.domain_ = fitted.domain
        self.rank_ = fitted.rank
        self._sigma = fitted.sigma

    def _noise(self) -> np.ndarray:
        check_is_fitted(self)
        if is_edited(self._stored, [self.coef_], [self.intercept_]):
            raise ValueError(
                "log_likelihood describes the coefficients that the last fit found, and coef_ or intercept_ was "
                "changed afterwards. Call fit again."
            )
        return self._sigma

    def _evaluated(self, X: Rows) -> np.ndarray:
        dtype, (x_exponent, y_exponent) = X.dtype, self._exponents
        edited = is_edited(self._stored, [self.coef_], [self.intercept_])
        inner = self._inner
        if edited:
            shape = (len(self.powers_), inner.shape[1])
            inner = np.vstack(read_coefficients(self.coef_, self.intercept_, *shape, one_output=self._one_output))
        blocks = list_blocks(*self._terms) if edited else []
        X = X if edited else scale_rows(X, x_exponent)
        prediction = np.empty((len(X), inner.shape[1]))
        step = max(256, BLOCK_ELEMENTS // len(inner))
        for start in range(0, len(X), step):
            part = slice(start, start + step)
            terms = evaluate_terms(self._family, blocks, self.domain_, X[part]) if edited else self._basis(X[part])
            prediction[part] = (inner[:-1].T @ terms).T + inner[-1]
        if not edited:
            prediction = scale_down(prediction, -y_exponent)
        return (prediction[:, 0] if self._one_output else prediction).astype(dtype)

    def get_feature_names_out(self, input_features: VectorLike | None = None) -> np.ndarray:
        """Names of the terms, in the order of `coef_`.

        Parameters
        ----------
        input_features : array-like of str of shape (n_features,), default=None
            Names of the features. None takes `feature_names_in_`, or x0, x1, ... if X had no names.

        Returns
        -------
        names : ndarray of str objects of shape (n_terms,)
            Such as "x0", "x0^2", "x0 x1"; "T1(x0)", "T2(x0)", "T1(x0) T1(x1)" for Chebyshev polynomials and P in
            place of T for Legendre polynomials, of the features as mapped to [-1, 1].
        """
        names = self.get_encoded_feature_names_out(input_features).tolist()
        letter = {"monomial": "", "chebyshev": "T", "legendre": "P"}[self.basis]
        terms = list_terms(list_blocks(*self._terms))
        return np.array([name_term(term, names, letter) for term in terms], dtype=object)
