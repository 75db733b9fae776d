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
from skdl._table_input import CONSTRAINTS as TABLES
from skdl._table_input import learn_table
from skdl._typing import CategoricalLike, MatrixLike, VectorLike, WeightLike
from skdl._validation import validate_regression, validate_sample_weight, warn_of_overflow
from skdl.linear.design import Design, column_means
from skdl.linear.least_squares.input import drop_zero_weights
from skdl.linear.polynomial.degrees import DegreeOfEachColumn, read_degree
from skdl.linear.polynomial.fit import fit_polynomial
from skdl.linear.polynomial.fitted import FittedPolynomialMixin
from skdl.linear.polynomial.rows import as_rows


class PolynomialRegressor(FittedPolynomialMixin, RegressorScore, MultiOutputMixin, SearchSpaceMixin, RootEstimator):
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
    categorical_features : "from_dtype", None, or array-like of bool, int or str, default="from_dtype"
        Columns of X that hold categories: "from_dtype" takes those of a frame with categories, strings or objects; a
        list has their names, their numbers or a bool for each.
    missing : {"auto", "encode", "error"}, default="auto"
        Missing cells: "auto" takes them in frames, where NaN in an array is an error; "encode" takes them in both,
        "error" in neither.

    Attributes
    ----------
    coef_ : ndarray of shape (n_terms,) or (n_outputs, n_terms)
        Coefficients in the `basis`, in the order of `powers_`, without the constant term.
    intercept_ : float or ndarray of shape (n_outputs,)
        Coefficient of the constant in the `basis`; an array if `y` was two-dimensional.
    powers_ : ndarray of shape (n_terms, n_features)
        Exponent (or degree) of each feature in each term; of a table, of each of its encoded columns, see Notes.
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

    The categories of a table's column become indicators, in blocks of rows; without a penalty for all but the first
    category, the reference, with `alpha` for all. A term has at most one indicator of a column, in the first power, and
    any product with powers of numbers and indicators of other columns within `degree`: with 2, a slope for each
    category, "age color_red", and the combinations of two columns of categories. So `degree` may be a dict with 1 for
    such a column, or 0 to leave it out. A missing number counts as the mean of the others and has a flag,
    "age_missing", if there were any in `fit`. Rare, missing and unseen categories are as in LeastSquaresRegressor, and
    `get_encoded_feature_names_out` names all encoded columns.

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
        **TABLES,
    }

    def __init__(
        self,
        degree: int | Sequence[int] | Mapping[str, int] = 2,
        *,
        interaction_only: bool = False,
        basis: str = "monomial",
        alpha: float = 0.0,
        fit_intercept: bool = True,
        categorical_features: CategoricalLike | None = "from_dtype",
        missing: str = "auto",
    ):
        self.degree = degree
        self.interaction_only = interaction_only
        self.basis = basis
        self.alpha = alpha
        self.fit_intercept = fit_intercept
        self.categorical_features = categorical_features
        self.missing = missing

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
        X, table = learn_table(self, X, sample_weight)
        X, y = validate_regression(self, X, y, **table)
        X, y, weight = drop_zero_weights(X, y, validate_sample_weight(sample_weight, X))
        self._make_design(X, weight, self.alpha, has_level=True)
        terms = read_degree(self, self._design)
        X = as_rows(self._in_design(X))
        fitted = fit_polynomial(
            X,
            y.reshape(len(y), -1),
            weight,
            terms=terms,
            family=self.basis,
            alpha=float(self.alpha),
            fit_intercept=bool(self.fit_intercept),
        )
        self._store(fitted, terms, X.dtype, one_output=y.ndim == 1)
        if self._needs_averages():
            self._design = Design.of_numbers(column_means(X, weight))
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
        X = as_rows(self._rows_of(X))
        with np.errstate(over="ignore", invalid="ignore"):
            return warn_of_overflow(self, X, self._evaluated(X))
