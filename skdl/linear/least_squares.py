"""Linear least squares, with an optional penalty on the squared norm of the coefficients."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse
from scipy.stats import loguniform
from sklearn.base import BaseEstimator, MultiOutputMixin, RegressorMixin

from skdl._constraints import Boolean, Real, check_params
from skdl._search_space import SearchSpaceMixin
from skdl._validation import validate_regression, validate_sample_weight, validate_X
from skdl.linear._iterative import solve_sparse
from skdl.linear._orthogonal import reduce_rows, solve

# A sparse X is reduced exactly, one dense block of rows after the other, if it has at most so many columns or entries.
DIRECT_COLUMNS = 2048
DIRECT_ELEMENTS = 2**24


class LeastSquaresRegressor(RegressorMixin, MultiOutputMixin, SearchSpaceMixin, BaseEstimator):
    r"""Linear regression by least squares, exact to rounding, with an optional L2 penalty.

    With coefficients :math:`\theta`, intercept :math:`b` and weights :math:`w_i` of the samples, it minimises the mean
    squared error plus half the squared norm:

    .. math::

        \frac{\sum_i w_i \, (y_i - x_i^\top \theta - b)^2}{\sum_i w_i} + \frac{\alpha}{2} \, \|\theta\|_2^2

    Parameters
    ----------
    alpha : float, default=0.0
        Strength of the penalty, in [0, inf). The intercept is never penalised. As the error is a mean, `alpha` does not
        have to grow with the number of samples: scikit-learn's ``Ridge(alpha=a)`` is ``alpha = 2 * a / n_samples``
        here (with weights, their sum in place of `n_samples`).
    fit_intercept : bool, default=True
        Whether to estimate the intercept :math:`b`; without, it is 0.

    Attributes
    ----------
    coef_ : ndarray of shape (n_features,) or (n_outputs, n_features)
        Coefficients :math:`\theta`, in X's precision; two-dimensional if `y` was.
    intercept_ : float or ndarray of shape (n_outputs,)
        Intercept :math:`b`; an array if `y` was two-dimensional.
    rank_ : int or None
        Rank of X, centred if an intercept is fitted. Below `n_features`, the coefficients without penalty are not
        determined by the data. None where X is sparse with more than 2048 columns (and not small): there the rank
        is not computed.
    n_features_in_ : int
        Number of features seen during `fit`.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features seen during `fit`, if X had names that are all strings.

    See Also
    --------
    skdl.linear.polynomial.PolynomialRegressor : Least squares on all monomials of the features.
    sklearn.linear_model.LinearRegression : Drops directions below `tol` of the largest one, so a feature in small
        units can be lost unless ``tol=0``.
    sklearn.linear_model.Ridge : The same penalty, on a sum rather than on a mean.

    Notes
    -----
    The matrix of centred rows is reduced to triangular form by Householder transformations, a block of rows at a time,
    so no product of X with itself squares its condition. Columns are compared in units of their own length, so that
    the scales of features play no role for what counts as dependent: that is a column (or combination of columns)
    that rounding the numbers in X could have made so. A constant feature is dependent on the intercept. Among
    solutions that fit equally well, the one with the smallest :math:`\|\theta\|_2` (in the units of X) is returned.

    Everything is computed in float64; float32 data get float32 coefficients and predictions. A weight of 2 equals
    two rows, a weight of 0 none.

    A sparse X is handled the same way, in blocks of rows. With more than 2048 columns, unless it is small, the
    iteration LSMR [2]_ takes over, which needs only products with X and, if badly conditioned, has fewer exact digits.

    References
    ----------
    .. [1] Å. Björck, "Numerical Methods for Least Squares Problems", SIAM, 1996.
    .. [2] D. C.-L. Fong and M. Saunders, "LSMR: An Iterative Algorithm for Sparse Least-Squares Problems",
       SIAM J. Sci. Comput. 33(5), 2011.

    Examples
    --------
    >>> import numpy as np
    >>> from skdl.linear.least_squares import LeastSquaresRegressor
    >>> X = np.array([[0.0, 1.0], [1.0, 0.0], [2.0, 2.0], [3.0, 1.0]])
    >>> y = X @ [2.0, -1.0] + 3.0
    >>> model = LeastSquaresRegressor().fit(X, y)
    >>> print(model.coef_.round(6), round(model.intercept_, 6), model.rank_)
    [ 2. -1.] 3.0 2
    >>> print(model.predict([[4.0, 4.0]]).round(6))
    [7.]

    A penalty shrinks the coefficients, not the intercept's freedom to follow the mean:

    >>> shrunk = LeastSquaresRegressor(alpha=10.0).fit(X, y)
    >>> print(shrunk.coef_.round(3), round(shrunk.predict(X).mean(), 6), round(y.mean(), 6))
    [ 0.361 -0.016] 5.0 5.0
    """

    _constraints = {"alpha": Real(low=0), "fit_intercept": Boolean()}

    def __init__(self, alpha: float = 0.0, *, fit_intercept: bool = True):
        self.alpha = alpha
        self.fit_intercept = fit_intercept

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    def _search_spaces(self) -> tuple[dict[str, Any], dict[str, Any]]:
        return {"alpha": loguniform(1e-6, 1e2)}, {"fit_intercept": [True, False]}

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> LeastSquaresRegressor:
        """Estimate the coefficients.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Features, finite numbers.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Targets, finite numbers.
        sample_weight : array-like of shape (n_samples,) or float, default=None
            Weights of the samples, not negative and not all zero; None means equal weights.

        Returns
        -------
        self : LeastSquaresRegressor
            The fitted estimator.
        """
        check_params(self, self._constraints)
        X, y = validate_regression(self, X, y, accept_sparse="csr")
        X, y, weight = used_rows(X, y, validate_sample_weight(sample_weight, X))
        outputs = y.reshape(len(y), -1)

        alpha = float(self.alpha)
        rank: int | None = None
        if sparse.issparse(X) and X.shape[1] > DIRECT_COLUMNS and X.shape[0] * X.shape[1] > DIRECT_ELEMENTS:
            coef, x_mean, y_mean = solve_sparse(X, outputs, weight, alpha=alpha, fit_intercept=self.fit_intercept)
        else:

            def rows(part: slice) -> np.ndarray:
                return X[part].toarray() if sparse.issparse(X) else X[part]

            reduction = reduce_rows(rows, outputs, weight, fit_intercept=self.fit_intercept)
            coef, rank = solve(reduction, alpha / 2 * reduction.weight, noise=np.finfo(X.dtype).eps)
            x_mean, y_mean = reduction.x_mean, reduction.y_mean
        return self._store(coef.astype(X.dtype), x_mean, y_mean, rank, one_output=y.ndim == 1)

    def _store(
        self, coef: np.ndarray, x_mean: np.ndarray, y_mean: np.ndarray, rank: int | None, *, one_output: bool
    ) -> LeastSquaresRegressor:
        # From the coefficients as they are stored, so that rounding them to float32 does not move the mean prediction.
        intercept = y_mean - x_mean @ coef
        self.coef_ = coef[:, 0] if one_output else np.ascontiguousarray(coef.T)
        self.intercept_ = coef.dtype.type(intercept[0]) if one_output else intercept.astype(coef.dtype)
        self.rank_ = rank
        return self

    def predict(self, X: Any) -> np.ndarray:
        """Predict the targets.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Features.

        Returns
        -------
        y_pred : ndarray of shape (n_samples,) or (n_samples, n_outputs)
            Predictions, in X's precision.
        """
        X = validate_X(self, X, accept_sparse="csr")
        return (X @ self.coef_.T + self.intercept_).astype(X.dtype, copy=False)


def used_rows(X: Any, y: np.ndarray, weight: np.ndarray | None) -> tuple[Any, np.ndarray, np.ndarray | None]:
    """Without the rows of weight zero, which then can influence nothing, not even by rounding."""
    if weight is None or (weight > 0).all():
        return X, y, weight
    used = weight > 0
    return X[used], y[used], weight[used]
