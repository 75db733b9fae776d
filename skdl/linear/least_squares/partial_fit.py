"""Incremental least squares: `partial_fit`, and the checks that new rows go with those of earlier calls."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from sklearn.utils.metaestimators import available_if

from skdl._interrupts import whole
from skdl._typing import MatrixLike, VectorLike, WeightLike
from skdl.linear.least_squares.input import read_problem
from skdl.linear.least_squares.problem import Problem, Solution
from skdl.linear.least_squares.solve import reduction_of, require_rows_seen, solve_reduction
from skdl.linear.set_coefficients import read_coefficients
from skdl.linear.solvers.reduction import merge
from skdl.neural._coefficients import is_edited


def _sums_suffice(estimator: Any) -> bool:
    """Whether sums over rows are all that a fit needs of them; an unknown loss is the business of the fit."""
    try:
        name = estimator._loss_name()
    except ValueError:
        return True
    if name != "squared_error":
        raise AttributeError(
            f"partial_fit needs loss='squared_error', which sums over rows are enough for. Got {estimator.loss!r}: "
            "call fit with all rows."
        )
    return True


class PartialFitMixin:
    """`partial_fit` of an estimator whose last fit is `_solution`, and `_network` where an optimizer trained it."""

    _solution: Solution
    _network: Any
    _one_output: bool
    _stored: str
    _check_parameters: Any
    _is_direct: Any
    _fit_by_optimizer: Any
    _store: Any
    coef_: np.ndarray
    intercept_: Any
    solver: Any
    solver_: str

    @available_if(_sums_suffice)
    @whole
    def partial_fit(self, X: MatrixLike, y: VectorLike, sample_weight: WeightLike | None = None) -> Self:
        """Estimate the coefficients from these rows and all rows of the calls before.

        Direct solvers keep exact sufficient statistics, so that several calls give what one fit on all rows gives; they
        go on from `fit`, too. An optimizer trains one epoch on these rows, from `coef_` and `intercept_` as they are,
        whoever has set them. Direct solvers would forget such a change, and refuse it.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Features, finite numbers.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Targets, finite numbers.
        sample_weight : array-like of shape (n_samples,) or float, default=None
            Weights of the samples, not negative and not all zero, in one unit for all calls; None means 1.

        Returns
        -------
        self : LeastSquaresRegressor
            The fitted estimator.
        """
        first = not hasattr(self, "_solution")
        self._check_parameters()
        problem, one_output = read_problem(self, X, y, sample_weight, reset=first)
        if not first:
            self._check_goes_on(problem, one_output=one_output)
        if not self._is_direct():
            fitted: Self = self._fit_by_optimizer(problem, one_output=one_output, partial=True)
            return fitted
        reduction, setting, dtype = reduction_of(problem), problem.setting, problem.X.dtype
        known = None if first else self._solution
        if known is not None and known.reduction is not None:
            reduction = merge(known.reduction, reduction, fit_intercept=setting.fit_intercept)
            setting = setting._replace(noise=max(setting.noise, known.setting.noise))
            dtype = np.result_type(dtype, self.coef_.dtype)
        with np.errstate(all="ignore"):  # of coefficients out of range, `_store` tells
            solution = solve_reduction(reduction, setting, self.solver)
            require_rows_seen(problem, solution.rank, self.solver)
        self._store(solution, problem, dtype, one_output=one_output)
        return self

    def _check_goes_on(self, problem: Problem, *, one_output: bool) -> None:
        """Raise if these rows do not go with those of earlier calls."""
        known, advice = self._solution, "Call fit to start anew."
        if self._is_direct() and known.reduction is None:
            raise ValueError(
                f"partial_fit cannot continue from a fit with solver_={self.solver_!r}, which keeps no statistics of "
                "the rows. Start with partial_fit instead of fit."
            )
        if not self._is_direct() and self._network is None:
            raise ValueError(f"partial_fit cannot continue with an optimizer from solver_={self.solver_!r}. {advice}")
        if known.setting.fit_intercept != problem.setting.fit_intercept:
            raise ValueError(f"fit_intercept has changed since the last call. {advice}")
        if self._one_output != one_output or known.coef.shape[1] != problem.y.shape[1]:
            before = "one dimension" if self._one_output else f"{known.coef.shape[1]} columns"
            raise ValueError(f"y had {before} in the last call, and must have the same now. {advice}")
        if is_edited(self._stored, [self.coef_], [self.intercept_]):
            self._take_over_public()

    def _take_over_public(self) -> None:
        """Continue from coefficients that were set after the last call."""
        if self._is_direct():
            raise ValueError(
                "coef_ or intercept_ was changed after the last call, and partial_fit would forget that: a direct "
                "solver computes them anew from the statistics of all rows. To shrink them towards given ones, "
                "set `prior` and `alpha`; a solver such as 'adam' continues from given ones."
            )
        shape = self._solution.coef.shape
        coef, intercept = read_coefficients(self.coef_, self.intercept_, *shape, one_output=self._one_output)
        if intercept.any() and not self._solution.setting.fit_intercept:
            raise ValueError("With fit_intercept=False, intercept_ must stay zero.")
        self._network.coefs_, self._network.intercepts_ = [coef], [intercept]
