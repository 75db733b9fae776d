"""Other losses than the squared error: what they mean for a linear model, and the solver of each."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning

from skdl._warnings import warn
from skdl.linear.least_squares.problem import Problem, Solution
from skdl.linear.least_squares.solve import solution_from_coefficients
from skdl.linear.solvers.huber import solve_huber
from skdl.linear.solvers.linear_program import solve_quantile
from skdl.linear.solvers.qr import rank_threshold

LOSSES = ("squared_error", "absolute_error", "huber", "quantile")
BY_PROGRAM = ("absolute_error", "quantile")
NEAR_GRADIENT, NEAR_GAP = 1e-10, 1e-10  # above which a warning tells of it


def check_loss(estimator: Any, name: str, l1_share: float) -> None:
    """Raise for parameters that do not go with another loss than the squared error."""
    loss = f"loss={estimator.loss!r}"
    if not (isinstance(estimator.solver, str) and estimator.solver == "auto"):
        raise ValueError(f"{loss} has a solver of its own: leave solver at 'auto'. Got solver={estimator.solver!r}.")
    penalised = np.any(np.asarray(estimator.alpha) != 0)
    if name in BY_PROGRAM and penalised and l1_share != 1:
        raise ValueError(
            f"{loss} is minimised by linear programming, and goes with penalty='l1' only. Got alpha > 0 with "
            f"penalty={estimator.penalty!r}: choose penalty='l1', or loss='huber' with a small delta."
        )
    if name == "huber" and penalised and l1_share:
        raise ValueError(f"{loss} goes with penalty='l2' only. Got penalty={estimator.penalty!r} with alpha > 0.")
    if estimator.positive and (name == "huber" or estimator.prior is not None):
        raise ValueError(
            f"positive=True does not go with {loss}{'' if name == 'huber' else ' and a prior'}. Leave one of them out."
        )


def solve_loss(problem: Problem, loss: Any, name: str) -> Solution:
    """A minimum of the mean loss plus the penalty, each output by itself."""
    problem.check()
    setting, (n, d), k = problem.setting, problem.X.shape, problem.y.shape[1]
    weight = np.ones(n) if problem.weight is None else problem.weight
    x_mean = np.zeros(d)
    # In one order, so that the last bits do not depend on how a frame keeps its columns.
    X = problem.X.astype(np.float64) if problem.is_sparse else np.array(problem.X, dtype=np.float64, order="C")
    if not problem.is_sparse and setting.fit_intercept:
        x_mean = weight @ X / problem.total
        X = X - x_mean
        x_mean_size = np.abs(problem.X).max(axis=0)
        X[:, np.abs(X).max(axis=0) <= x_mean_size * rank_threshold(d, setting.noise)] = 0.0  # constant columns
    prior = np.zeros((d, k)) if setting.prior is None else setting.prior
    coef, intercept, gap = np.zeros((d, k)), np.zeros(k), np.full(k, np.nan)
    for output in range(k):
        y = problem.targets[:, output]
        if name == "huber":
            solved = _by_newton(X, y, weight / problem.total, loss.delta, setting, prior[:, output])
            coef[:, output], intercept[output] = solved
        else:
            start = prior[:, output]
            factor, quantile = (2.0, 0.5) if name == "absolute_error" else (1.0, loss.quantile)
            found = solve_quantile(
                X,
                y - X @ start,
                weight,
                quantile,
                np.broadcast_to(np.asarray(setting.l1) / factor, d),
                fit_intercept=setting.fit_intercept,
                positive=setting.positive,
            )
            coef[:, output], intercept[output] = found.coef + start, found.intercept
            gap[output] = factor * found.gap
            mean = np.abs(y - X @ coef[:, output] - intercept[output]) @ weight / problem.total
            if found.problem or gap[output] > NEAR_GAP * max(mean, np.finfo(float).tiny):
                said = found.problem or f"it ended {gap[output]:.2g} above a bound of the minimum (dual_gap_)"
                warn(f"The linear program of loss={name!r} was not solved: {said} Scale X and y.", ConvergenceWarning)
    solver = "newton" if name == "huber" else "linear_program"
    solution = solution_from_coefficients(problem, coef, x_mean, intercept, solver=solver)
    return solution._replace(gap=None if name == "huber" else gap)


def _by_newton(
    X: Any, y: np.ndarray, weight: np.ndarray, delta: float, setting: Any, prior: np.ndarray
) -> tuple[np.ndarray, float]:
    """Coefficients and intercept, in units in which columns and targets are of size one."""
    d = X.shape[1]
    size = np.sqrt(X.multiply(X).T @ weight) if sparse.issparse(X) else np.sqrt(weight @ X**2)
    used = np.flatnonzero(size)
    unit, y_unit = np.frexp(size[used])[1], int(np.frexp(np.abs(y).max(initial=0.0))[1])
    ones = np.ones((len(y), int(setting.fit_intercept)))
    own = X[:, used]
    if sparse.issparse(own):
        own = sparse.hstack([own @ sparse.diags_array(np.ldexp(1.0, -unit)), ones], "csr")
    else:
        own = np.hstack([np.ldexp(own, -unit), ones])
    alpha = np.zeros(own.shape[1])
    alpha[: used.size] = np.ldexp(np.broadcast_to(np.asarray(setting.alpha), d)[used], -2 * unit)
    start = np.zeros(own.shape[1])
    start[: used.size] = np.ldexp(prior[used], unit - y_unit)
    found, gradient = solve_huber(own, np.ldexp(y, -y_unit), weight, float(np.ldexp(delta, -y_unit)), alpha, start)
    if gradient > NEAR_GRADIENT:
        warn(
            f"The search for the minimum of loss='huber' ended with a gradient of {gradient:.2g} of its terms. Scale X "
            "and y, or choose a larger delta.",
            ConvergenceWarning,
        )
    found = np.ldexp(found, y_unit)
    coef = np.array(prior)
    coef[used] = np.ldexp(found[: used.size], -unit)
    return coef, float(found[used.size]) if setting.fit_intercept else 0.0
