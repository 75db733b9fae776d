"""Polynomial regression in several features."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.stats import loguniform
from sklearn.base import BaseEstimator, MultiOutputMixin, RegressorMixin

from skdl._constraints import Boolean, Integer, Real, check_params
from skdl._search_space import SearchSpaceMixin
from skdl._validation import names_of_features, validate_regression, validate_sample_weight, validate_X
from skdl.linear._monomials import ChebyshevProducts, Term, count_terms, exponents, list_terms, name_term
from skdl.linear._orthogonal import BLOCK_ELEMENTS, reduce_rows, solve
from skdl.linear.least_squares import used_rows

MAX_TERMS = 20_000


class PolynomialRegressor(RegressorMixin, MultiOutputMixin, SearchSpaceMixin, BaseEstimator):
    r"""Least squares on all monomials of the features up to a degree, computed in a basis of Chebyshev polynomials.

    With coefficients :math:`\theta_\beta` of the monomials of the features and the intercept :math:`b`, it minimises

    .. math::

        \frac{\sum_i w_i \, \big(y_i - p(x_i)\big)^2}{\sum_i w_i} + \frac{\alpha}{2} \sum_\beta \theta_\beta^2,
        \qquad p(x) = b + \sum_{1 \le |\beta| \le \mathrm{degree}} \theta_\beta \, x_1^{\beta_1} \cdots x_d^{\beta_d}

    Parameters
    ----------
    degree : int, default=2
        Largest sum of a term's exponents, in [1, inf). There may be at most 20000 terms.
    interaction_only : bool, default=False
        Whether to leave out all terms with an exponent above 1.
    alpha : float, default=0.0
        Strength of the penalty on the coefficients of the monomials, in [0, inf). It means what it means for
        scikit-learn's ``PolynomialFeatures`` followed by ``Ridge(alpha=a)``, with ``alpha = 2 * a / n_samples``: the
        units of the features matter, so scale them first. The intercept is never penalised.
    fit_intercept : bool, default=True
        Whether to estimate the constant term :math:`b`; without, the polynomial is 0 at the origin.

    Attributes
    ----------
    coef_ : ndarray of shape (n_terms,) or (n_outputs, n_terms)
        Coefficients of the monomials of the features as given, in the order of `powers_`.
    intercept_ : float or ndarray of shape (n_outputs,)
        The constant term :math:`b`; an array if `y` was two-dimensional.
    powers_ : ndarray of shape (n_terms, n_features)
        Exponent of each feature in each term, without the constant term.
    rank_ : int
        Number of independent terms on the samples. Below `n_terms` the coefficients without penalty are not
        determined by the data.
    n_features_in_ : int
        Number of features seen during `fit`.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features seen during `fit`, if X had names that are all strings.

    See Also
    --------
    skdl.linear.least_squares.LeastSquaresRegressor : The same on the features themselves.
    sklearn.preprocessing.PolynomialFeatures : The monomials as a transformer, ill-conditioned for high degrees and for
        features far from zero.

    Notes
    -----
    Each feature is mapped to [-1, 1] by its smallest and largest value, and the fit is done with products of Chebyshev
    polynomials, which stay nearly independent where powers become parallel. `predict` evaluates this form. Moving or
    scaling a feature therefore changes neither the fit nor the predictions. `coef_` and `intercept_` are obtained from
    it in long double and rounded at the end; far from the origin, a polynomial evaluated from them loses
    digits however exact they are. Prefer `predict`.

    With a penalty, the objective is still the one of the monomials: the quadratic form that the penalty becomes in the
    Chebyshev basis is added there. It is not invariant to moving a feature.

    If the terms depend on each other on the samples (`rank_` below `n_terms`) and `alpha` is 0, the solution is the one
    of minimum norm in the Chebyshev basis, so that it does not depend on the units of the features, and features
    that are constant get no terms. With `alpha` it is the unique minimum, and its limit for small `alpha` has the
    minimum norm in the monomials.

    Without an intercept, features are only scaled, by their largest absolute value, since the origin has a meaning.

    References
    ----------
    .. [1] L. N. Trefethen, "Approximation Theory and Approximation Practice", SIAM, 2019.

    Examples
    --------
    >>> import numpy as np
    >>> from skdl.linear.polynomial import PolynomialRegressor
    >>> x = np.linspace(1000.0, 1001.0, 50).reshape(-1, 1)
    >>> y = ((x - 1000.0) ** 3).ravel()
    >>> model = PolynomialRegressor(degree=3).fit(x, y)
    >>> print(round(model.score(x, y), 12), model.get_feature_names_out())
    1.0 ['x0' 'x0^2' 'x0^3']
    >>> print(model.coef_.round(4))
    [ 3.e+06 -3.e+03  1.e+00]
    """

    _constraints = {
        "degree": Integer(low=1),
        "interaction_only": Boolean(),
        "alpha": Real(low=0),
        "fit_intercept": Boolean(),
    }

    def __init__(
        self, degree: int = 2, *, interaction_only: bool = False, alpha: float = 0.0, fit_intercept: bool = True
    ):
        self.degree = degree
        self.interaction_only = interaction_only
        self.alpha = alpha
        self.fit_intercept = fit_intercept

    def _search_spaces(self) -> tuple[dict[str, Any], dict[str, Any]]:
        small = {"degree": [1, 2, 3, 4, 5]}
        return small, {"alpha": loguniform(1e-8, 1e1), "interaction_only": [False, True]}

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> PolynomialRegressor:
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
        """
        check_params(self, self._constraints)
        X, y = validate_regression(self, X, y)
        X, y, weight = used_rows(X, y, validate_sample_weight(sample_weight, X))
        terms = self._terms_of(X.shape[1])
        eps = np.finfo(X.dtype).eps

        centre, half = _to_unit_interval(X, eps, shift=self.fit_intercept)
        # A feature that never varies cannot have an effect; only a penalty on its powers says how to share theirs.
        varies = half > 0
        inner_terms = terms if self.alpha > 0 else [term for term in terms if varies[list(term)].all()]
        basis = ChebyshevProducts(inner_terms, centre, np.where(varies, half, 1.0))
        origin = np.zeros(len(inner_terms)) if self.fit_intercept else basis(np.zeros((1, X.shape[1])))[0]

        outputs = y.reshape(len(y), -1)
        reduction = reduce_rows(
            lambda part: basis(X[part]) - origin, outputs, weight, fit_intercept=bool(self.fit_intercept)
        )
        penalty = basis.to_monomials(np.eye(len(inner_terms)))[0].astype(np.float64) if self.alpha > 0 else None
        ridge = float(self.alpha) / 2 * reduction.weight
        inner_coef, rank = solve(reduction, ridge, penalty, noise=self.degree * eps)
        constant = reduction.y_mean - (reduction.x_mean + origin) @ inner_coef
        return self._store(terms, basis, inner_coef, constant, rank, X.dtype, one_output=y.ndim == 1)

    def _terms_of(self, n_features: int) -> list[Term]:
        n_terms = count_terms(n_features, self.degree, interaction_only=self.interaction_only)
        if n_terms > MAX_TERMS:
            advice = "a smaller degree" if self.interaction_only else "a smaller degree, interaction_only=True"
            raise ValueError(
                f"degree={self.degree} with {n_features} features gives {n_terms} terms; the limit is {MAX_TERMS}. "
                f"Use {advice} or fewer features."
            )
        return list_terms(n_features, self.degree, interaction_only=self.interaction_only)

    def _store(
        self,
        terms: list[Term],
        basis: ChebyshevProducts,
        inner_coef: np.ndarray,
        constant: np.ndarray,
        rank: int,
        dtype: np.dtype,
        *,
        one_output: bool,
    ) -> PolynomialRegressor:
        inner_raw, shift = basis.to_monomials(inner_coef)
        raw = np.zeros((len(terms), inner_coef.shape[1]), dtype=np.longdouble)
        position = {term: i for i, term in enumerate(terms)}
        raw[[position[term] for term in basis.terms]] = inner_raw
        intercept = constant + shift if self.fit_intercept else np.zeros_like(shift)
        with np.errstate(over="ignore"):  # a coefficient may be out of range where the polynomial is not
            coef, intercept = raw.astype(dtype), intercept.astype(dtype)
        self._terms, self._basis, self._inner_coef, self._constant = terms, basis, inner_coef, constant
        self._one_output = one_output
        self.coef_ = coef[:, 0].copy() if one_output else np.ascontiguousarray(coef.T)
        self.intercept_ = intercept[0] if one_output else intercept
        self.rank_ = rank
        return self

    @property
    def powers_(self) -> np.ndarray:
        """Exponent of each feature in each term."""
        if not hasattr(self, "coef_"):
            raise AttributeError("powers_ is known only after fit.")
        return exponents(self._terms, self.n_features_in_)

    def predict(self, X: Any) -> np.ndarray:
        """Evaluate the polynomial.

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
        prediction = np.empty((len(X), len(self._constant)))
        step = max(1, BLOCK_ELEMENTS // len(self._terms))
        for start in range(0, len(X), step):
            part = slice(start, start + step)
            prediction[part] = self._basis(X[part]) @ self._inner_coef + self._constant
        return (prediction[:, 0] if self._one_output else prediction).astype(X.dtype)

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Names of the terms, in the order of `coef_`.

        Parameters
        ----------
        input_features : array-like of str of shape (n_features,), default=None
            Names of the features. None takes `feature_names_in_`, or x0, x1, ... if X had no names.

        Returns
        -------
        names : ndarray of str objects of shape (n_terms,)
            Such as "x0", "x0^2", "x0 x1".
        """
        names = names_of_features(self, input_features)
        return np.array([name_term(term, names) for term in self._terms], dtype=object)


def _to_unit_interval(X: np.ndarray, eps: float, *, shift: bool) -> tuple[np.ndarray, np.ndarray]:
    """Middle and half width of each feature's range; the half width is 0 where rounding explains all of it."""
    low, high = X.min(axis=0).astype(np.float64), X.max(axis=0).astype(np.float64)
    if not shift:
        return np.zeros(X.shape[1]), np.maximum(-low, high)
    half = high / 2 - low / 2
    centre = low + half
    half[half <= eps * np.abs(centre)] = 0.0
    return centre, half
