"""Linear least squares, with an optional penalty on the coefficients."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from sklearn.base import MultiOutputMixin

from skdl import _registry
from skdl._constraints import NONE, ArrayLike, Boolean, Integer, OneOf, RandomState, Real
from skdl._estimator import RootEstimator
from skdl._interrupts import whole
from skdl._scores import RegressorScore
from skdl._search_space import SearchSpaceMixin
from skdl._slots import SlotMixin
from skdl._table_input import CONSTRAINTS as TABLES
from skdl._typing import (
    CategoricalLike,
    LossLike,
    MatrixLike,
    OptimizerLike,
    PenaltyLike,
    PriorLike,
    RandomStateLike,
    VectorLike,
    WeightLike,
)
from skdl.linear.least_squares.fitted import FittedMixin
from skdl.linear.least_squares.gradient_solver import GradientSolverMixin
from skdl.linear.least_squares.input import read_problem
from skdl.linear.least_squares.partial_fit import PartialFitMixin
from skdl.linear.least_squares.robust import solve_loss
from skdl.linear.least_squares.solve import solve_problem
from skdl.linear.least_squares.summary import SummaryMixin
from skdl.linear.likelihood import GaussianLikelihoodMixin


class LeastSquaresRegressor(
    FittedMixin,
    PartialFitMixin,
    GradientSolverMixin,
    RegressorScore,
    MultiOutputMixin,
    SummaryMixin,
    GaussianLikelihoodMixin,
    SearchSpaceMixin,
    SlotMixin,
    RootEstimator,
):
    r"""Linear regression by least squares, exact to rounding, with an optional penalty (L2, L1 or both).

    With coefficients :math:`\theta`, intercept :math:`b` and weights :math:`w_i` of the samples, it minimises the mean
    squared error plus a penalty :math:`R` on the distance of the coefficients to given ones, zero by default:

    .. math::

        \frac{\sum_i w_i \, (y_i - x_i^\top \theta - b)^2}{\sum_i w_i}
        + \sum_j \alpha_j \, R(\theta_j - \pi_j),
        \qquad R(v) = \tfrac{1}{2} v^2 \ \text{(L2)},\ |v| \ \text{(L1)}

    Parameters
    ----------
    alpha : float or array-like of shape (n_features,), default=0.0
        Strength of the penalty, in [0, inf): one number, or one for each column of X (of shape (1, n_features) where y
        has as many columns, which leaves no doubt). The intercept is never penalised. As
        the error is a mean, `alpha` does not have to grow with the number of samples: scikit-learn's
        ``Ridge(alpha=a)`` is ``alpha = 2 * a / n_samples`` here (with weights, their sum in place of `n_samples`), and
        its ``Lasso(alpha=a)`` and ``ElasticNet(alpha=a)``, which halve the error, are ``alpha = 2 * a``.
    penalty : str or Penalty, default="l2"
        "l2", "l1" (the lasso, which makes coefficients exactly zero) or "elastic_net", whose share of L1 is
        ``penalty__l1_ratio``, as for ``penalty=skdl.penalties.ElasticNet(0.9)``. An optimizer as solver takes "l2".
    loss : str or Loss, default="squared_error"
        What is averaged in place of the square of the error e: "absolute_error", \|e\| (least absolute deviations, a
        conditional median); "quantile", max(q e, (q - 1) e) with ``loss__quantile`` for q, as for
        ``loss=skdl.losses.Quantile(0.9)``; "huber", e^2 up to \|e\| = delta, then 2 delta \|e\| - delta^2, with
        ``loss__delta`` in the units of y. See Notes for what goes with them.
    fit_intercept : bool, default=True
        Whether to estimate the intercept :math:`b`; without, it is 0.
    positive : bool, default=False
        Whether no coefficient may be negative. The intercept may be. An optimizer as solver does not do that.
    prior : array-like of shape (n_features,) or (n_outputs, n_features), default=None
        Coefficients :math:`\pi` that the penalty draws to, rather than to zero. Without a penalty, they decide where
        the data do not.
    solver : {"auto", "cholesky", "qr", "svd"} or str or Optimizer, default="auto"
        How the minimum is found. All direct solvers find the same one, see Notes; "auto" is the fastest way that is
        exact for the data at hand. The name or an instance of an optimizer (`skdl.optimizers`, such as "sgd",
        "adam" or "lbfgs") goes down the gradient of the same objective instead, as networks are trained, from
        zero, on standardised columns.
    max_iter : int, default=100
        Epochs of an optimizer, at least 1.
    batch_size : int or "auto", default="auto"
        Rows in a step of an optimizer, at least 1; ``len(X)`` is plain gradient descent. "auto" is a 32nd of the rows,
        at least 32 and at most 128.
    random_state : int, RandomState instance or None, default=None
        The order of the rows that an optimizer sees. Direct solvers use no random numbers.
    categorical_features : "from_dtype", None, or array-like of bool, int or str, default="from_dtype"
        Columns of X that hold categories: "from_dtype" takes those of a frame with categories, strings or objects; a
        list has their names, their numbers or a bool for each.
    missing : {"auto", "encode", "error"}, default="auto"
        Missing cells: "auto" takes them in frames, where NaN in an array is an error; "encode" takes them in both,
        "error" in neither.

    Attributes
    ----------
    coef_ : ndarray of shape (n_features,) or (n_outputs, n_features)
        Coefficients :math:`\theta`, in X's precision; two-dimensional if `y` was. Of a table there are more than
        columns, with the names that `get_encoded_feature_names_out` gives.
    intercept_ : float or ndarray of shape (n_outputs,)
        Intercept :math:`b`; an array if `y` was two-dimensional.
    rank_ : int or None
        Rank of X, centred if an intercept is fitted. Below `n_features`, the coefficients without penalty are not
        determined by the data. None where it is not computed: with "lsmr", optimizers and other losses.
    solver_ : str
        Solver that ran: "cholesky", "qr", "svd", "dual" (Cholesky for more features than samples), "lsmr" (the
        iteration for a large sparse X), "nnls" (with `positive`, where a coefficient would be negative),
        "coordinate_descent" (for a penalty with L1), "linear_program" (for the absolute error and quantiles), "newton"
        (for Huber's loss) or the name of an optimizer's class.
    dual_gap_ : float, ndarray of shape (n_outputs,) or None
        By how much the objective may at most be above its minimum, by convex duality, with "coordinate_descent" and
        "linear_program"; for other solvers None.
    singular_ : ndarray of shape (min(n_samples, n_features),)
        Singular values of X, centred if an intercept is fitted, with rows multiplied by the root of their weights.
        Computed when it is asked for; not there where no triangle is kept: with "dual", "lsmr" and optimizers.
    condition_number_ : float
        Largest singular value of X over the smallest, for columns that are centred (if an intercept is fitted) and
        have unit length; infinite where `rank_` is below `n_features`, NaN where the rank is unknown. Computed when
        it is asked for.
    residual_std_ : float or ndarray of shape (n_outputs,)
        Estimated standard deviation of the noise, with n_samples - rank_ - 1 degrees of freedom (n_samples - rank_
        without intercept). NaN, with a warning, where these are not positive or a penalty is used.
    r2_ : float or ndarray of shape (n_outputs,)
        Coefficient of determination on the training data; without an intercept, relative to zero and not to the mean.
        NaN, with a warning, for a constant target.
    n_iter_ : int
        Epochs of an optimizer; 1 for direct solvers.
    loss_curve_ : list of float or None
        The objective after each epoch of an optimizer, in units of the targets' variance and averaged over outputs.
    n_features_in_ : int
        Number of features seen during `fit`.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features seen during `fit`, if X had names that are all strings.
    image_shape_ : tuple of int
        Height, width and, where there is a third axis, channels, where X held images (n_samples, height, width) or
        (n_samples, height, width, channels), which are rows of height * width * channels numbers.

    See Also
    --------
    skdl.PolynomialRegressor : Least squares on all monomials of the features.
    sklearn.linear_model.LinearRegression : Drops directions below `tol` of the largest one, so a feature in small
        units can be lost unless ``tol=0``.
    sklearn.linear_model.Ridge : The same penalty, on a sum rather than on a mean.

    Notes
    -----
    What differs from scikit-learn's estimator is in one table of docs/migration.md.

    Columns are compared in units of their own length, so that scales play no role for what counts as dependent: that is
    a column (or combination of columns) that rounding the numbers in X could have made so. A constant feature is
    dependent on the intercept. Among solutions that fit equally well, the one with the smallest
    :math:`\|\theta - \pi\|_2` (in the units of X) is returned.

    The solvers differ in speed:

    - "cholesky" factorises the products of the centred columns, or with more features than samples those of the rows,
      which takes one pass over X. Products have the squared condition of X, so an estimate of it decides: up to a
      reciprocal of 1e-3 the relative error is at most about 1e-12; down to 1e-8 passes over the residuals bring it
      to what QR without refinement would have; beyond that, "qr" runs.
    - "qr" reduces blocks of rows by Householder transformations [1]_. Where the coefficients are determined, they are
      then refined with residuals in twice the precision: usually they are the floats nearest to the exact solution.
    - "svd" is the same with the singular value decomposition of the triangle that QR leaves.
    - `positive` makes any of them go on, from the triangle of X, to the active set of Lawson and Hanson [3]_ where a
      coefficient would be negative.
    - A penalty with L1 is minimised on that triangle by coordinate descent, which finds the coefficients that are zero,
      and linear equations for the others [4]_. `dual_gap_` proves it: it is about 1e-16 of the targets' mean square.
      Where columns depend on each other, the lasso may have several minima, and one of them is returned.
    - "auto" is "qr" for up to 16384 numbers in X and "cholesky" above. A sparse X is taken in blocks of rows in all of
      them. With more than 2048 columns, unless it is small, the iteration LSMR [2]_ takes over, which needs only
      products with X and, if badly conditioned, has fewer exact digits.

    With another loss the model is the same, and outliers in y count for less. All of them are minimised exactly, by
    solvers of their own: the absolute error and quantiles by a linear program, whose optimum meets as many rows as it
    has coefficients that are not zero (of several optima it is one such), and Huber's loss by Newton's method, until
    the gradient is zero up to rounding [5]_. An L1 penalty goes with the first two, L2 with Huber's; weights, tables,
    sparse X and `prior` with all; `positive` with the first two without `prior`; `partial_fit` and standard errors with
    none. For normal noise of standard deviation s, ``delta=1.345 * s`` loses 5 % of the efficiency of least squares;
    outliers leave 1.48 times the median absolute residual of loss="absolute_error" a good estimate of s.

    Everything is computed in float64; float32 data get float32 coefficients and predictions. A weight of 2 equals
    two rows, a weight of 0 none, also in `summary`: weights that say something else than how often a row counts should
    be scaled to a sum of n_samples before standard errors are read.

    The categories of a column become indicators. Without a penalty the first category, in the order of their values, is
    the reference and has none: the coefficient "color_red" is the difference of red to it, and `summary` has its
    standard error. With `alpha` all categories have an indicator, so that the penalty treats them alike; without an
    intercept, those of the first such column have. Of more than 50 values the rare ones share one category, and missing
    cells are one of their own. A missing number counts as the mean of the others, and the flag "age_missing", 1 in
    such rows, has a coefficient if there were any in `fit`. In later rows, what `fit` has not seen counts as average: a
    value as the shares of the categories, a missing number as the mean. The columns of such a table are found by their
    names, in any order, and its matrix is sparse.

    References
    ----------
    .. [1] Å. Björck, "Numerical Methods for Least Squares Problems", SIAM, 1996.
    .. [2] D. C.-L. Fong and M. Saunders, "LSMR: An Iterative Algorithm for Sparse Least-Squares Problems",
       SIAM J. Sci. Comput. 33(5), 2011.
    .. [3] C. L. Lawson and R. J. Hanson, "Solving Least Squares Problems", SIAM, 1995.
    .. [4] J. Friedman, T. Hastie and R. Tibshirani, "Regularization Paths for Generalized Linear Models via Coordinate
       Descent", J. Stat. Softw. 33(1), 2010.
    .. [5] R. Koenker, "Quantile Regression", 2005, and P. J. Huber, "Robust Estimation of a Location Parameter", Annals
       of Mathematical Statistics 35, 1964.

    Examples
    --------
    >>> import numpy as np
    >>> from skdl import LeastSquaresRegressor
    >>> X = np.array([[0.0, 1.0], [1.0, 0.0], [2.0, 2.0], [3.0, 1.0]])
    >>> y = X @ [2.0, -1.0] + 3.0
    >>> model = LeastSquaresRegressor().fit(X, y)
    >>> print(model.coef_.round(6), round(model.intercept_, 6), model.rank_)
    [ 2. -1.] 3.0 2

    A penalty shrinks the coefficients, not the intercept's freedom to follow the mean:

    >>> shrunk = LeastSquaresRegressor(alpha=10.0).fit(X, y)
    >>> print(shrunk.coef_.round(3), round(shrunk.predict(X).mean(), 6), round(y.mean(), 6))
    [ 0.361 -0.016] 5.0 5.0

    One on the absolute values (the lasso) makes some of them exactly zero:

    >>> lasso = LeastSquaresRegressor(alpha=2.0, penalty="l1").fit(X, y)
    >>> print(lasso.coef_.round(3), lasso.solver_, lasso.dual_gap_ < 1e-14)
    [1. 0.] coordinate_descent True

    The absolute error hardly notices a wrong target, where the squared error follows it:

    >>> wrong = np.array([2.0, 5.0, 5.0, 80.0])
    >>> models = [LeastSquaresRegressor(loss=loss).fit(X[:, :1], wrong) for loss in ("squared_error", "absolute_error")]
    >>> print([model.coef_.round(3).tolist() for model in models])
    [[23.4], [3.0]]

    How sure one may be of the coefficients:

    >>> from sklearn.datasets import load_diabetes
    >>> data, target = load_diabetes(return_X_y=True, as_frame=True)
    >>> model = LeastSquaresRegressor().fit(data[["bmi", "bp"]], target)
    >>> print(model.summary().round(1))
               coefficient  standard_error     t  p_value  lower_95  upper_95
    intercept        152.1             2.9  53.3      0.0     146.5     157.7
    bmi              790.4            65.4  12.1      0.0     661.9     918.9
    bp               402.2            65.4   6.2      0.0     273.7     530.7

    A table with categories, the first of which is the reference, and missing numbers:

    >>> import pandas as pd
    >>> cars = pd.DataFrame({"age": [1.0, 2.0, None, 4.0, 5.0], "fuel": ["gas", "oil", "oil", "gas", "oil"]})
    >>> model = LeastSquaresRegressor().fit(cars, [9.0, 7.0, 7.5, 6.0, 4.0])
    >>> print(dict(zip(model.get_encoded_feature_names_out(), model.coef_.round(3).tolist())))
    {'age': -1.0, 'age_missing': 1.5, 'fuel_oil': -1.0}
    """

    _slots = {"solver": _registry.optimizers, "penalty": _registry.penalties, "loss": _registry.losses}
    _auto = {}
    _constraints = {
        "alpha": Real(low=0) | ArrayLike(),
        "fit_intercept": Boolean(),
        "positive": Boolean(),
        "prior": NONE | ArrayLike(),
        "max_iter": Integer(1),
        "batch_size": OneOf("auto") | Integer(1),
        "random_state": RandomState(),
        **TABLES,
    }

    def __init__(
        self,
        alpha: VectorLike = 0.0,
        *,
        penalty: PenaltyLike = "l2",
        loss: LossLike = "squared_error",
        fit_intercept: bool = True,
        positive: bool = False,
        prior: PriorLike | None = None,
        solver: OptimizerLike = "auto",
        max_iter: int = 100,
        batch_size: int | str = "auto",
        random_state: RandomStateLike | None = None,
        categorical_features: CategoricalLike | None = "from_dtype",
        missing: str = "auto",
    ):
        self.alpha = alpha
        self.penalty = penalty
        self.loss = loss
        self.fit_intercept = fit_intercept
        self.positive = positive
        self.prior = prior
        self.solver = solver
        self.max_iter = max_iter
        self.batch_size = batch_size
        self.random_state = random_state
        self.categorical_features = categorical_features
        self.missing = missing

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    @whole
    def fit(self, X: MatrixLike, y: VectorLike, sample_weight: WeightLike | None = None) -> Self:
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
        self._check_parameters()
        problem, one_output = read_problem(self, X, y, sample_weight, reset=True)
        if self._is_direct():
            loss = self._loss_name()
            with np.errstate(all="ignore"):  # of coefficients out of range, `_store` tells
                if loss == "squared_error":
                    solution = solve_problem(problem, self.solver)
                else:
                    solution = solve_loss(problem, self._resolve("loss"), loss)
            self._store(solution, problem, problem.X.dtype, one_output=one_output)
            return self
        fitted: Self = self._fit_by_optimizer(problem, one_output=one_output, partial=False)
        return fitted
