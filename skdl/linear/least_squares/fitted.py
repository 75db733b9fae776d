"""Least squares that is fitted: its attributes, and the columns that its coefficients belong to."""

from __future__ import annotations

from typing import Any

import numpy as np

from skdl import _registry
from skdl._constraints import check_params
from skdl._search_space import LogUniform
from skdl._typing import MatrixLike
from skdl._validation import warn_of_overflow
from skdl.linear.design import Design, DesignMixin, column_means
from skdl.linear.least_squares.input import check_coefficients
from skdl.linear.least_squares.problem import Problem, Solution
from skdl.linear.least_squares.robust import BY_PROGRAM, LOSSES, check_loss
from skdl.neural._coefficients import fingerprint

SOLVED = ("l2", "l1", "elastic_net")
DIRECT = ("auto", "cholesky", "qr", "svd")


class FittedMixin(DesignMixin):
    """The parameters of a fit, checked, and what it stores."""

    _constraints: Any
    _resolve: Any
    solver: Any
    penalty: Any
    loss: Any
    positive: bool
    coef_: np.ndarray
    intercept_: Any
    _solution: Solution

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "_solution")

    def _search_spaces(self) -> tuple[dict[str, Any], dict[str, Any]]:
        penalised = self._loss_name() not in BY_PROGRAM or self._l1_share() == 1
        return {"alpha": LogUniform(1e-6, 1e2)} if penalised else {}, {"fit_intercept": [True, False]}

    def _is_direct(self) -> bool:
        return isinstance(self.solver, str) and self.solver in DIRECT

    def _check_parameters(self) -> None:
        check_params(self, self._constraints)
        penalty = self._resolve("penalty")
        if type(penalty) not in {type(_registry.penalties.resolve(name)) for name in SOLVED}:
            raise ValueError(
                f"LeastSquaresRegressor takes penalty='l2', 'l1' or 'elastic_net'. Got {self.penalty!r}, which "
                "MLPRegressor((), penalty=...), the same model trained by an optimizer, takes."
            )
        name = self._loss_name()
        if name != "squared_error":
            check_loss(self, name, self._l1_share())
        if not self._is_direct():
            try:
                self._resolve("solver")
            except ValueError as error:
                raise type(error)(f"{error} Direct solvers are {', '.join(map(repr, DIRECT))}.") from None
            if self.positive:
                raise ValueError(f"positive=True needs a direct solver, such as 'auto'. Got solver={self.solver!r}.")
            if np.any(penalty.l1_weight):
                raise ValueError(
                    f"penalty={self.penalty!r} needs a direct solver, such as 'auto'. Got solver={self.solver!r}; "
                    "an optimizer goes with penalty='l2'."
                )

    def predict(self, X: MatrixLike) -> np.ndarray:
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
        X = self._rows_of(X, accept_sparse="csr")
        with np.errstate(over="ignore", invalid="ignore"):
            predicted = (X @ self.coef_.T + self.intercept_).astype(X.dtype, copy=False)
        return warn_of_overflow(self, X, predicted)

    def _loss_name(self) -> str:
        """The loss by its name, whether it was given so or as an instance."""
        loss = self._resolve("loss")
        found = [name for name in LOSSES if type(_registry.losses.resolve(name)) is type(loss)]
        if not found:
            raise ValueError(
                f"LeastSquaresRegressor takes the losses {', '.join(map(repr, LOSSES))}. Got {self.loss!r}, which "
                "MLPRegressor((), loss=...), the same model trained by an optimizer, takes."
            )
        return found[0]

    def _l1_share(self) -> float:
        """The share of alpha that is of the absolute values."""
        return float(self._resolve("penalty").l1_weight)

    def _store(
        self, solution: Solution, problem: Problem, dtype: np.dtype, *, one_output: bool, network: Any = None
    ) -> None:
        with np.errstate(over="ignore"):
            coef, intercept = solution.coef.astype(dtype), solution.intercept
        check_coefficients(self, problem, coef, dtype)
        if self._needs_averages():
            self._design = Design.of_numbers(_means(solution, problem))
        if intercept is None or dtype != np.float64:
            # From the coefficients as they are stored, so that rounding them to float32 keeps the mean prediction.
            intercept = solution.y_mean - solution.x_mean @ coef
        self._solution, self._network, self._one_output = solution, network, one_output
        self.coef_ = coef[:, 0].copy() if one_output else np.ascontiguousarray(coef.T)
        self.intercept_ = dtype.type(intercept[0]) if one_output else intercept.astype(dtype)
        self._stored = fingerprint([self.coef_], [self.intercept_])
        self.rank_, self.solver_ = solution.rank, solution.solver
        self.dual_gap_ = solution.gap if solution.gap is None or not one_output else float(solution.gap[0])
        self.n_iter_ = 1 if network is None else network.n_iter_
        self.loss_curve_ = None if network is None else [2 * loss for loss in network.loss_curve_]


def _means(solution: Solution, problem: Problem) -> np.ndarray:
    """Means of the columns, which missing numbers of later rows count as."""
    centred = problem.setting.fit_intercept and solution.reduction is not None
    return solution.x_mean if centred else column_means(problem.X, problem.weight)
