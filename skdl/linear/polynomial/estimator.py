"""Polynomial regression in several features."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
from sklearn.base import MultiOutputMixin

from skdl._constraints import Boolean, Integer, OneOf, Real, check_params
from skdl._estimator import RootEstimator
from skdl._interrupts import whole
from skdl._scores import RegressorScore
from skdl._search_space import LogUniform, SearchSpaceMixin
from skdl._typing import MatrixLike, VectorLike, WeightLike
from skdl._validation import (
    names_of_features,
    validate_regression,
    validate_sample_weight,
    validate_X,
    warn_of_overflow,
)
from skdl._warnings import warn
from skdl.linear.least_squares.input import drop_zero_weights
from skdl.linear.polynomial.degrees import DegreeOfEachColumn, read_degree
from skdl.linear.polynomial.evaluation import evaluate_terms
from skdl.linear.polynomial.fit import PolynomialFit, fit_polynomial
from skdl.linear.polynomial.terms import list_blocks, list_powers, list_terms, name_term
from skdl.linear.set_coefficients import read_coefficients
from skdl.linear.solvers.scaling import scale_down
from skdl.neural._coefficients import fingerprint, is_edited

BLOCK_ELEMENTS = 2**17  # values of terms at a time in predict: 1 MiB, which stays in the cache


class PolynomialRegressor(RegressorScore, MultiOutputMixin, SearchSpaceMixin, RootEstimator):
    r"""Least squares on all monomials of the features up to a degree, exact to rounding whatever the features' units.

    With coefficients :math:`\theta_\beta` of the monomials of the features and the intercept :math:`b`, it minimises

    .. math::

        \frac{\sum_i w_i \, \big(y_i - p(x_i)\big)^2}{\sum_i w_i} + \frac{\alpha}{2} \sum_\beta \theta_\beta^2,
        \qquad p(x) = b + \sum_{1 \le |\beta| \le \mathrm{degree}} \theta_\beta \, x_1^{\beta_1} \cdots x_d^{\beta_d}

    Parameters
    ----------
    degree : int, list of int or dict of str to int, default=2
        Largest sum of a term's exponents, in [1, inf). A list (one entry for each column of X) or a dict (one for each
        column's name) says the largest exponent of each column, in [0, 1000], where 0 leaves the column out; the sum
        of a term's exponents is then at most the largest entry. So ``[3, 1]`` has the terms x0, x1, x0^2, x0 x1, x0^3
        and x0^2 x1, but neither x1^2 nor x0^3 x1, and ``[p, p]`` is the same as ``p``. There may be at most 20000
        terms. A tuple is refused, as PolynomialFeatures means something else by it.
    interaction_only : bool, default=False
        Whether to leave out all terms with an exponent above 1; the largest sum of exponents stays as `degree` has it.
    basis : {"monomial", "chebyshev", "legendre"}, default="monomial"
        Polynomials that `coef_` and `intercept_` are coefficients of. The fit and the predictions are the same for all
        three. Chebyshev and Legendre polynomials are those of :math:`z_j \in [-1, 1]`, to which `domain_` of feature j
        is mapped, as by ``numpy.polynomial.Chebyshev(..., domain=model.domain_[j])``; with several features, their
        products, where `powers_` has the degree in each feature. Unlike monomials, they stay far from parallel, so that
        their coefficients can be compared with each other.
    alpha : float, default=0.0
        Strength of the penalty on the coefficients of the monomials, in [0, inf), whatever `basis` is. It means what
        it means for scikit-learn's ``PolynomialFeatures`` followed by ``Ridge(alpha=a)``, with
        ``alpha = 2 * a / n_samples``: the units of the features matter, so scale them first. The intercept is never
        penalised.
    fit_intercept : bool, default=True
        Whether to estimate the constant term :math:`b`; without, the polynomial is 0 at the origin.

    Attributes
    ----------
    coef_ : ndarray of shape (n_terms,) or (n_outputs, n_terms)
        Coefficients in the `basis`, in the order of `powers_`, without the constant term.
    intercept_ : float or ndarray of shape (n_outputs,)
        Coefficient of the constant in the `basis`; an array if `y` was two-dimensional.
    powers_ : ndarray of shape (n_terms, n_features)
        Exponent (or degree) of each feature in each term.
    domain_ : ndarray of shape (n_features, 2)
        Smallest and largest value of each feature, the interval of its Chebyshev or Legendre polynomials; for a
        constant feature one around its value, and without intercept the smallest one that is symmetric about 0.
    rank_ : int
        Number of independent terms on the samples. Below `n_terms` the coefficients without penalty are not
        determined by the data.
    n_features_in_ : int
        Number of features seen during `fit`.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features seen during `fit`, if X had names that are all strings.

    See Also
    --------
    skdl.LeastSquaresRegressor : The same on the features themselves.
    sklearn.preprocessing.PolynomialFeatures : The monomials as a transformer, ill-conditioned for high degrees and for
        features far from zero.

    Notes
    -----
    What differs from scikit-learn's estimator is in one table of docs/migration.md.

    The fit is done with products of Chebyshev polynomials of the features, mapped to [-1, 1] by their range or, if
    there are several, by their mean and standard deviation: these products stay nearly independent where powers become
    parallel [1]_. `predict` evaluates this form. Moving or scaling a feature therefore changes neither the fit nor the
    predictions. The coefficients of monomials are differences of much larger numbers, which are computed with 32
    digits; and if so few digits of the fit are left that they would have less than 13 (less than 6 if samples times
    terms are more than 2^14), the fit itself is refined to more digits than float64 holds, unless samples times terms
    are more than 2^18. Far from the origin, a polynomial evaluated from them loses digits however exact they are:
    prefer `predict`. Coefficients out of float64's range are not finite, which is warned of.

    The matrix of terms is never stored: blocks of it are computed where they are used, and memory is that of a few
    matrices of n_terms x n_terms and one block. Where the terms are too close to dependence for this, blocks are
    reduced by orthogonal transformations, which takes a few times longer.

    With a penalty, the objective is still the one of the monomials: the quadratic form that the penalty becomes in the
    Chebyshev basis is added there. It is not invariant to moving a feature.

    If the terms depend on each other on the samples (`rank_` below `n_terms`) and `alpha` is 0, the solution is the one
    of minimum norm in the basis of the fit, so that it does not depend on the units of the features, and features
    that are constant get no terms. With `alpha` it is the unique minimum, and its limit for small `alpha` has the
    minimum norm in the monomials.

    Without an intercept, features are only scaled, since the origin has a meaning. In the Chebyshev and Legendre bases
    `intercept_` is then what makes the polynomial 0 there.

    References
    ----------
    .. [1] L. N. Trefethen, "Approximation Theory and Approximation Practice", SIAM, 2019.

    Examples
    --------
    >>> import numpy as np
    >>> from skdl import PolynomialRegressor
    >>> x = np.linspace(1000.0, 1001.0, 50).reshape(-1, 1)
    >>> y = ((x - 1000.0) ** 3).ravel()
    >>> model = PolynomialRegressor(degree=3).fit(x, y)
    >>> print(round(model.score(x, y), 12), model.get_feature_names_out())
    1.0 ['x0' 'x0^2' 'x0^3']
    >>> print(model.coef_.round(4))
    [ 3.e+06 -3.e+03  1.e+00]

    A degree for each column, here cubic in the first and linear in the second:

    >>> X = np.column_stack([np.linspace(-2, 2, 40), np.tile([0.0, 1.0, 2.0, 5.0], 10)])
    >>> model = PolynomialRegressor(degree=[3, 1]).fit(X, X[:, 0] ** 3 - X[:, 0] * X[:, 1])
    >>> print(model.get_feature_names_out())
    ['x0' 'x1' 'x0^2' 'x0 x1' 'x0^3' 'x0^2 x1']
    >>> print(model.coef_.round(6) + 0.0)
    [ 0.  0.  0. -1.  1.  0.]

    Chebyshev coefficients, as NumPy has them:

    >>> model = PolynomialRegressor(degree=3, basis="chebyshev").fit(x, y)
    >>> fitted = np.polynomial.Chebyshev.fit(x.ravel(), y, 3)
    >>> print(np.allclose(fitted.coef, [model.intercept_, *model.coef_]), model.domain_)
    True [[1000. 1001.]]
    """

    _constraints = {
        "degree": Integer(low=1) | DegreeOfEachColumn(),
        "interaction_only": Boolean(),
        "basis": OneOf("monomial", "chebyshev", "legendre"),
        "alpha": Real(low=0),
        "fit_intercept": Boolean(),
    }

    def __init__(
        self,
        degree: int | Sequence[int] | Mapping[str, int] = 2,
        *,
        interaction_only: bool = False,
        basis: str = "monomial",
        alpha: float = 0.0,
        fit_intercept: bool = True,
    ):
        self.degree = degree
        self.interaction_only = interaction_only
        self.basis = basis
        self.alpha = alpha
        self.fit_intercept = fit_intercept

    def _search_spaces(self) -> tuple[dict[str, Any], dict[str, Any]]:
        small = {"degree": [1, 2, 3, 4, 5]}
        return small, {"alpha": LogUniform(1e-8, 1e1), "interaction_only": [False, True]}

    @whole
    def fit(self, X: MatrixLike, y: VectorLike, sample_weight: WeightLike | None = None) -> Self:
        """Estimate the polynomial.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Features, finite numbers.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Targets, finite numbers.
        sample_weight : array-like of shape (n_samples,) or float, default=None
            Weights of the samples, not negative and not all zero; None means equal weights.

        Returns
        -------
        self : PolynomialRegressor
            The fitted estimator.

        Raises
        ------
        ValueError
            If there would be more than 20000 terms or an exponent above 1000, `degree` does not fit X's columns, or the
            penalty on monomials is out of float64's range.
        """
        check_params(self, self._constraints)
        X, y = validate_regression(self, X, y)
        X, y, weight = drop_zero_weights(X, y, validate_sample_weight(sample_weight, X))
        caps, degree = read_degree(self)
        fitted = fit_polynomial(
            X,
            y.reshape(len(y), -1),
            weight,
            caps=caps,
            degree=degree,
            family=self.basis,
            alpha=float(self.alpha),
            fit_intercept=bool(self.fit_intercept),
        )
        return self._store(fitted, caps, X.dtype, one_output=y.ndim == 1)

    def _store(
        self, fitted: PolynomialFit, caps: list[int], dtype: np.dtype, *, one_output: bool
    ) -> PolynomialRegressor:
        basis, found = fitted.basis, fitted.coef
        powers = list_powers(list_blocks(caps, basis.degree), len(caps))
        raw = np.zeros((len(powers), found.shape[1]))
        raw[(powers <= basis.caps).all(axis=1)] = found[:-1]
        with np.errstate(over="ignore"):  # a coefficient may be out of range where the polynomial is not
            coef, intercept = raw.astype(dtype), found[-1].astype(dtype)
        if self.basis == "monomial" and not self.fit_intercept:
            intercept = np.zeros_like(intercept)
        self._caps, self._basis, self._inner, self._one_output = caps, basis, fitted.inner, one_output
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
        return self

    def predict(self, X: MatrixLike) -> np.ndarray:
        """Evaluate the polynomial.

        It is evaluated in the form that it was fitted in, which is more exact than from `coef_` and `intercept_`; where
        these have been changed after the fit, it is evaluated from them.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Features.

        Returns
        -------
        y_pred : ndarray of shape (n_samples,) or (n_samples, n_outputs)
            Predictions, in X's precision.
        """
        X = validate_X(self, X)
        with np.errstate(over="ignore", invalid="ignore"):
            return warn_of_overflow(self, X, self._evaluated(X))

    def _evaluated(self, X: np.ndarray) -> np.ndarray:
        dtype, (x_exponent, y_exponent) = X.dtype, self._exponents
        edited = is_edited(self._stored, [self.coef_], [self.intercept_])
        inner = self._inner
        if edited:
            shape = (len(self.powers_), inner.shape[1])
            inner = np.vstack(read_coefficients(self.coef_, self.intercept_, *shape, one_output=self._one_output))
        X = X if edited else scale_down(X, x_exponent)
        prediction = np.empty((len(X), inner.shape[1]))
        step = max(256, BLOCK_ELEMENTS // len(inner))
        for start in range(0, len(X), step):
            part = slice(start, start + step)
            if edited:
                terms = evaluate_terms(self._family, self._caps, self._basis.degree, self.domain_, X[part])
            else:
                terms = self._basis(X[part])
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
        names = names_of_features(self, input_features)
        letter = {"monomial": "", "chebyshev": "T", "legendre": "P"}[self.basis]
        terms = list_terms(list_blocks(self._caps, self._basis.degree))
        return np.array([name_term(term, names, letter) for term in terms], dtype=object)
