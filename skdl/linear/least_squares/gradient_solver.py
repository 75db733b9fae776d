"""Least squares by gradient descent: the engine that trains networks, on the same objective."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from scipy import sparse

from skdl import _registry
from skdl._interrupts import interrupted
from skdl.linear.design import encoded_names
from skdl.linear.least_squares.problem import Problem, Solution
from skdl.linear.least_squares.solve import solution_from_coefficients
from skdl.neural._settings import Settings
from skdl.neural.mlp_regressor import MLPRegressor

TOL = 1e-8  # of the gradient, for optimizers that see all rows at once; for others, all epochs are run


class GradientSolverMixin:
    """The training of a least-squares estimator whose `solver` is an optimizer."""

    _network: LinearNetwork | None
    _store: Any
    solver: Any
    batch_size: int | str
    max_iter: int
    random_state: Any
    n_iter_: int

    def _fit_by_optimizer(self, problem: Problem, *, one_output: bool, partial: bool) -> Any:
        """The estimator, fitted; or the interrupt that ended the training early, for `whole` to raise."""
        solution, network, stopped = solve_by_optimizer(
            problem,
            getattr(self, "_network", None) if partial else None,
            names=encoded_names(self) if hasattr(self, "feature_names_in_") else None,
            partial=partial,
            optimizer=self.solver,
            batch_size=self.batch_size,
            max_iter=self.max_iter,
            random_state=self.random_state,
        )
        self._store(solution, problem, problem.X.dtype, one_output=one_output, network=network)
        if not stopped:
            return self
        epochs = f"{self.n_iter_} epoch{'s' * (self.n_iter_ != 1)}"
        return interrupted(
            None,
            f"LeastSquaresRegressor was interrupted after {epochs} and is fitted, with the coefficients of the last "
            "one. partial_fit continues from there.",
        )


class LinearNetwork(MLPRegressor):
    """A network without hidden layers, whose penalty is on the coefficients for X as it is."""

    _auto = {
        **MLPRegressor._auto,
        "schedule": lambda: _registry.schedules.resolve("cosine").with_params(end=0.03),
    }
    _names: Any = None

    @property
    def _column_names(self) -> Any:
        return self._names

    def _settings(self) -> Settings:
        return replace(
            super()._settings(),
            name="LeastSquaresRegressor",
            rate_parameter="solver__learning_rate",
            penalises_raw=True,
            drops_constants=False,
        )


def solve_by_optimizer(
    problem: Problem, network: LinearNetwork | None, *, names: Any, partial: bool, **options: Any
) -> tuple[Solution, LinearNetwork, bool]:
    """Train a new network on the rows of the problem; or with `partial` an epoch more, if it is given.

    The last of the results is whether it was interrupted, after one epoch or more. `names` are those of X's columns, or
    None, and `options` are parameters of the network: optimizer, batch_size, max_iter and random_state.
    """
    X, y, weight, setting = problem.X, problem.y, problem.weight, problem.setting
    d, k = X.shape[1], y.shape[1]
    problem.check()
    if not setting.fit_intercept:
        # For the rows and their negatives the best intercept is 0, and the best coefficients are as without one.
        X = sparse.vstack([X, -X], format="csr") if problem.is_sparse else np.concatenate([X, -X])
        y, weight = np.concatenate([y, -y]), None if weight is None else np.concatenate([weight, weight])
        if options["batch_size"] != "auto":
            options["batch_size"] *= 2
    if network is None:
        network = LinearNetwork(
            (),
            initializer="zeros",
            alpha=setting.alpha / (2 * k),  # the engine's objective is half the mean over outputs
            prior=None if setting.prior is None else [setting.prior],
            dtype="float64",
            tol=TOL,
            early_stopping=False,
            **options,
        )
    network._names = names
    stopped = False
    try:
        (network.partial_fit if partial else network.fit)(X, y, weight)
    except KeyboardInterrupt:
        stopped = hasattr(network, "coefs_")
        if not stopped:
            raise
    coef, intercept = network.coefs_[0].astype(np.float64), network.intercepts_[0].astype(np.float64)
    if not setting.fit_intercept:
        intercept = np.zeros(k)
    solver = type(network._resolve("optimizer")).__name__
    solution = solution_from_coefficients(problem, coef, np.zeros(d), intercept, solver=solver)
    if partial:  # of the rows before, nothing is known
        unknown = np.full(k, np.nan)
        solution = solution._replace(rss=unknown, tss=unknown)
    return solution, network, stopped
