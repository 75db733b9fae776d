"""Statistics of a least-squares fit from its residuals: standard errors, tests, intervals.

With s^2 = RSS / (n - p) for p estimated parameters, the covariance of the coefficients is s^2 G^-1, where G is the Gram
matrix of the centred columns, and the intercept b = mean(y) - mean(x) w has the variance s^2 (1/n + mean(x)' G^-1
mean(x)). Of G = R'R only the triangle R is needed. Weights count rows: n is their sum.

Where columns depend on each other, only those coefficients are determined that are the same in all solutions: those of
columns that no others combine to. Their unit vector is orthogonal to each v with X v = 0, for centred columns X. Their
variance is that of the regression on any columns that span the others.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import stats
from scipy.linalg import qr, solve_triangular, svdvals
from sklearn.exceptions import NotFittedError, UndefinedMetricWarning

from skdl._warnings import warn
from skdl.linear.least_squares.problem import Setting, Solution
from skdl.linear.solvers.qr import rank_threshold
from skdl.linear.solvers.reduction import EPS, Reduction
from skdl.linear.solvers.scaling import safe_norms
from skdl.neural._coefficients import is_edited

if TYPE_CHECKING:
    import pandas as pd

OTHER_LOSSES = ("newton", "linear_program")  # solvers of losses that are not the squared error
COLUMNS = ("coefficient", "standard_error", "t", "p_value", "lower_95", "upper_95")


class SummaryMixin:
    """Statistics of an estimator whose last fit is `_solution`, computed when they are asked for."""

    get_encoded_feature_names_out: Callable[[], np.ndarray]

    _solution: Solution
    _one_output: bool
    _stored: str
    coef_: np.ndarray
    intercept_: Any

    @property
    def condition_number_(self) -> float:
        """Largest over smallest singular value of the centred columns, scaled to unit length."""
        solution = self._checked_solution("condition_number_")
        if solution.rank is None:
            return np.nan
        if solution.reduction is None or solution.rank < len(solution.coef):
            return np.inf
        factor = solution.reduction.factor
        values = svdvals(factor / safe_norms(factor), check_finite=False)
        return float(values[0] / values[-1])

    @property
    def singular_(self) -> np.ndarray:
        """Singular values of the columns, centred if an intercept is fitted; weights multiply rows by their root."""
        solution = self._checked_solution("singular_")
        if solution.reduction is None:
            raise AttributeError(f"singular_ is not known with solver_={solution.solver!r}, which keeps no triangle.")
        factor, d = solution.reduction.factor, len(solution.coef)
        values = svdvals(factor, check_finite=False) * np.sqrt(solution.unit)
        # Fewer rows than columns are dependent when they are centred, which the triangle leaves out.
        missing = len(factor) < d and solution.setting.fit_intercept
        return np.append(values, 0.0) if missing else values

    @property
    def r2_(self) -> Any:
        """1 - RSS / TSS on the training data."""
        solution = self._checked_solution("r2_", of_coefficients=True)
        rounding = 8 * EPS * np.ldexp(solution.y_mean, -np.asarray(solution.y_exponent))
        defined = solution.tss > solution.total * rounding**2  # more than a constant's
        if not defined.all():
            _warn("r2_ is not defined for a target that is constant, nor after partial_fit with an optimizer")
        with np.errstate(all="ignore"):
            return self._shaped(np.where(defined, 1.0 - solution.rss / solution.tss, np.nan))

    @property
    def residual_std_(self) -> Any:
        """Estimated standard deviation of the noise."""
        solution = self._checked_solution("residual_std_", of_coefficients=True)
        df, why = _degrees_of_freedom(solution)
        if why:
            _warn(f"residual_std_ is not defined {why}")
        with np.errstate(all="ignore"):
            return self._shaped(np.ldexp(np.sqrt(solution.rss * (solution.unit / df)), solution.y_exponent))

    def _noise(self) -> np.ndarray:
        solution = self._checked_solution("log_likelihood", of_coefficients=True)
        if solution.solver in OTHER_LOSSES:
            raise ValueError("log_likelihood is that of normal noise, which loss='squared_error' belongs to.")
        rounding = 8 * EPS * np.sqrt(solution.tss / solution.total)
        sigma = np.sqrt(solution.rss / solution.total)
        return np.asarray(np.ldexp(np.where(sigma > rounding, sigma, 0.0), solution.y_exponent))

    def summary(self) -> pd.DataFrame:
        """Coefficients with standard errors, t statistics, p-values and 95 % confidence intervals.

        They hold if the noise is normal with one variance for all rows. Weights count rows: a row of weight 2 is two
        observations.

        Returns
        -------
        summary : DataFrame
            One row for the intercept (if one is fitted) and each feature, with the columns `coefficient`,
            `standard_error`, `t`, `p_value` (two-sided, that the coefficient is 0), `lower_95` and `upper_95`. If y had
            two dimensions, the index has a level `output` before the `term`. The intercept's row is "intercept", or
            "(intercept)" where a feature has this name. NaN, with a warning, where the statistics are not defined: with
            a penalty, without degrees of freedom, where the solver does not compute the rank, and for coefficients that
            the data do not determine. These are those of constant columns, whose share the intercept has, and of
            columns that depend on each other; of all the columns of a dummy variable whose sum is one, and then of the
            intercept, too: leave one of them out, and its coefficients are the differences to this one.

        Raises
        ------
        ValueError
            If `coef_` or `intercept_` was changed after the last fit: the statistics are those of its coefficients.
        """
        import pandas as pd  # here, since importing it takes longer than importing skdl

        solution = self._checked_solution("summary", of_coefficients=True)
        df, why = _degrees_of_freedom(solution)
        d, k = solution.coef.shape
        terms = self.get_encoded_feature_names_out().tolist()
        estimates = np.asarray(self.coef_, dtype=np.float64).reshape(k, d)
        if solution.setting.fit_intercept:
            terms = [_unused_name(terms), *terms]
            estimates = np.column_stack([np.reshape(self.intercept_, k), estimates])
        errors = np.full(estimates.shape, np.nan)
        if not why:
            noise = np.ldexp(
                np.sqrt(solution.rss / df), solution.y_exponent
            )  # in units of the weights, as the triangle is
            unscaled = _unscaled_errors(solution)
            errors = np.multiply.outer(noise, unscaled)
            if np.isnan(unscaled).any():
                free = ", ".join(str(term) for term, each in zip(terms, unscaled, strict=True) if np.isnan(each))
                why = f"for {free}, which the data do not determine (rank_={solution.rank} of {d}): columns are "
                why += "constant or depend on each other; drop some, or combine them"
        if why:
            _warn(f"Standard errors, t, p-values and intervals are not defined {why}")
        with np.errstate(all="ignore"):
            t = estimates / errors
        half = errors * stats.t.ppf(0.975, df)
        p_value = 2 * stats.t.sf(np.abs(t), df)
        values = np.stack([estimates, errors, t, p_value, estimates - half, estimates + half], axis=-1)
        index = pd.Index(terms)
        if not self._one_output:
            index = pd.MultiIndex.from_product([range(k), terms], names=["output", "term"])
        return pd.DataFrame(values.reshape(-1, len(COLUMNS)), index=index, columns=list(COLUMNS))

    def _checked_solution(self, name: str, *, of_coefficients: bool = False) -> Solution:
        """The last solution; for what is a statistic of its coefficients, only while `coef_` still holds them."""
        if not hasattr(self, "_solution"):
            raise NotFittedError(f"{name} is available only after fit.")
        if of_coefficients and is_edited(self._stored, [self.coef_], [self.intercept_]):
            kind = AttributeError if name.endswith("_") else ValueError
            raise kind(
                f"{name} describes the coefficients that the last fit found, and coef_ or intercept_ was changed "
                "afterwards. Call fit again; score(X, y) rates the changed coefficients."
            )
        return self._solution

    def _shaped(self, values: np.ndarray) -> Any:
        return float(values[0]) if self._one_output else values


def _degrees_of_freedom(solution: Solution) -> tuple[float, str]:
    """The number of rows minus the number of parameters, and ""; or NaN, and the reason."""
    if solution.setting.positive:
        return np.nan, "with positive=True, whose estimates are not normal"
    if solution.setting.penalised:
        return np.nan, "with a penalty (alpha > 0), which trades variance for bias"
    if solution.solver in OTHER_LOSSES:
        return np.nan, "for another loss than the squared error"
    if solution.rank is None:
        return np.nan, f"with solver_={solution.solver!r}, which does not compute the rank"
    n, p = solution.total * solution.unit, solution.rank + int(solution.setting.fit_intercept)
    if n - p <= 1e-9 * p:  # a sum of weights that count rows is exact, or nearly
        return np.nan, f"without degrees of freedom: {n:g} rows (the sum of the weights) for {p} parameters"
    return n - p, ""


def _unscaled_errors(solution: Solution) -> np.ndarray:
    """Standard errors for noise of variance 1; NaN for what the data do not determine."""
    reduction = solution.reduction
    assert reduction is not None  # else the rank is unknown, or no degrees of freedom are left
    d = reduction.factor.shape[1]
    if solution.rank != d:
        return _rank_deficient_errors(reduction, solution.setting)
    length = safe_norms(reduction.factor)
    inverse = solve_triangular(reduction.factor[:d] / length, np.eye(d), check_finite=False)
    errors = np.linalg.norm(inverse, axis=1) / length
    if not solution.setting.fit_intercept:
        return np.asarray(errors)
    of_mean = np.linalg.norm(inverse.T @ (reduction.x_mean / length))
    return np.concatenate([[np.hypot(1 / np.sqrt(reduction.weight), of_mean)], errors])


def _rank_deficient_errors(reduction: Reduction, setting: Setting) -> np.ndarray:
    """Standard errors where columns depend on each other; NaN for coefficients that the data do not determine."""
    scale, d = reduction.x_norm, len(reduction.x_norm)
    threshold = rank_threshold(d, setting.noise)
    columns = reduction.factor / scale
    r, order = qr(columns, mode="r", pivoting=True, check_finite=False)
    rank = int(np.count_nonzero(np.abs(np.diagonal(r)) > threshold))
    basic, dependent = order[:rank], order[rank:]
    inverse = solve_triangular(r[:rank, :rank], np.hstack([np.eye(rank), r[:rank, rank:]]), check_finite=False)
    null = np.zeros((d, d - rank))  # columns v with X v = 0
    null[basic], null[dependent] = -inverse[:, rank:], np.eye(d - rank)
    tolerance = np.sqrt(threshold)
    null[np.abs(null) <= tolerance] = 0.0
    errors = np.full(d, np.nan)
    errors[basic] = np.linalg.norm(inverse[:, :rank], axis=1) / scale[basic]
    errors[(null != 0).any(axis=1)] = np.nan
    if not setting.fit_intercept:
        return errors
    of_mean = inverse[:, :rank].T @ (reduction.x_mean / scale)[basic]
    error = np.hypot(1 / np.sqrt(reduction.weight), np.linalg.norm(of_mean))
    varying = null[:, np.linalg.norm(columns, axis=0)[dependent] > threshold]
    shares = np.sqrt(reduction.weight) * np.abs((reduction.x_mean / scale) @ varying)
    return np.concatenate([[np.nan if (shares > tolerance).any() else error], errors])


def _unused_name(names: list[str]) -> str:
    """The intercept's name, which no feature has."""
    name = "intercept"
    while name in names:
        name = f"({name})"
    return name


def _warn(text: str) -> None:
    warn(f"{text}. Values that are not defined are NaN.", UndefinedMetricWarning)
