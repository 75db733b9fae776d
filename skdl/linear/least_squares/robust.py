"""Other losses than the squared error: what they mean for a linear model, and the solver of each."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from scipy import sparse
from scipy.linalg import qr
from sklearn.exceptions import ConvergenceWarning

from skdl._warnings import warn
from skdl.linear.least_squares.problem import Problem, Setting, Solution
from skdl.linear.least_squares.solve import DIRECT_ELEMENTS, solution_from_coefficients, solve_unconstrained
from skdl.linear.solvers.huber import solve_huber
from skdl.linear.solvers.linear_program import solve_quantile
from skdl.linear.solvers.qr import rank_threshold
from skdl.linear.solvers.reduction import EPS, column_norms

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
    setting, (n, d) = problem.setting, problem.X.shape
    solver = "newton" if name == "huber" else "linear_program"
    if not problem.is_sparse or n * d <= DIRECT_ELEMENTS:
        # In one order, so that the last bits do not depend on how a frame keeps its columns.
        rows = problem.X.toarray() if problem.is_sparse else problem.X
        X = np.array(rows, dtype=np.float64, order="C")
        if not setting.penalised and not setting.positive:
            basis = _orthonormal(X, setting)
            coef, intercept, gap = _solve_outputs(basis, problem, np.zeros((basis.shape[1], problem.y.shape[1])), loss)
            # The coefficients of X are those that give the same values, by the exact ways of least squares.
            of_values = replace(problem, X=X, y=basis @ coef + intercept, weight=None)
            found = solve_unconstrained(of_values, "auto")
            solution = solution_from_coefficients(problem, found.coef, found.x_mean, found.y_mean, solver=solver)
            return solution._replace(intercept=found.intercept, gap=gap)
        x_mean = _centre(X, problem)
    else:
        X, x_mean = problem.X.astype(np.float64), np.zeros(d)
    prior = np.zeros((d, problem.y.shape[1])) if setting.prior is None else setting.prior
    coef, intercept, gap = _solve_outputs(X, problem, prior, loss)
    return solution_from_coefficients(problem, coef, x_mean, intercept, solver=solver)._replace(gap=gap)


def _centre(X: np.ndarray, problem: Problem) -> np.ndarray:
    """Subtract the means from the columns, in place, where an intercept is fitted; constant columns become zero."""
    if not problem.setting.fit_intercept:
        return np.zeros(X.shape[1])
    size = np.abs(X).max(axis=0)
    mean = np.asarray((np.ones(len(X)) if problem.weight is None else problem.weight) @ X / problem.total)
    X -= mean
    X[:, np.abs(X).max(axis=0) <= size * rank_threshold(X.shape[1], problem.setting.noise)] = 0.0
    return mean


def _orthonormal(X: np.ndarray, setting: Setting) -> np.ndarray:
    """Orthonormal columns (n, rank) of the same span as those of X, less their means where an intercept is fitted.

    Without a penalty a loss depends on the span alone, and solvers that know nothing of conditions see the best one.
    """
    centred = X - X.mean(axis=0) if setting.fit_intercept else X
    q, r, _ = qr(centred / column_norms(X), mode="economic", pivoting=True, check_finite=False)
    rank = int(np.count_nonzero(np.abs(np.diagonal(r)) > rank_threshold(X.shape[1], setting.noise)))
    return np.ascontiguousarray(q[:, :rank])


def _solve_outputs(
    X: Any, problem: Problem, prior: np.ndarray, loss: Any
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Coefficients (d, k) and intercepts (k,) for columns X, and the duality gaps of a linear program."""
    setting, coef = problem.setting, np.zeros(prior.shape)
    weight = np.ones(len(problem.y)) if problem.weight is None else problem.weight
    intercept, gap = np.zeros(prior.shape[1]), np.zeros(prior.shape[1])
    is_huber = hasattr(loss, "delta")
    for output, start in enumerate(prior.T):
        y = problem.targets[:, output]
        if is_huber:
            share = weight / problem.total
            coef[:, output], intercept[output] = _by_newton(X, y, share, loss.delta, setting, start)
            continue
        factor, quantile = (1.0, loss.quantile) if hasattr(loss, "quantile") else (2.0, 0.5)
        l1 = np.broadcast_to(np.asarray(setting.l1) / factor, len(start))
        options = {"fit_intercept": setting.fit_intercept, "positive": setting.positive}
        found = solve_quantile(X, y - X @ start, weight, quantile, l1, **options)
        coef[:, output], intercept[output] = found.coef + start, found.intercept
        gap[output] = factor * found.gap
        middle = np.median(y) if setting.fit_intercept else 0.0
        size = float(np.abs(y - middle) @ weight) / problem.total
        if found.problem or gap[output] > NEAR_GAP * size + 8 * EPS * np.abs(y).max():
            said = found.problem or f"it ended {gap[output]:.2g} above a bound of the minimum (dual_gap_)."
            warn(f"The linear program of the quantile was not solved: {said} Scale X and y.", ConvergenceWarning)
    return coef, intercept, None if is_huber else gap


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
