"""Least squares whose penalty has absolute values: from the triangle of the rows, or from a large sparse matrix."""

from __future__ import annotations

import numpy as np

from skdl._warnings import warn
from skdl.linear.least_squares.problem import Problem, Setting
from skdl.linear.solvers.coordinate_descent import (
    ROUNDING,
    Columns,
    DenseColumns,
    Kinks,
    SparseColumns,
    solve_kinks,
)
from skdl.linear.solvers.qr import rank_threshold
from skdl.linear.solvers.reduction import Reduction, column_norms

# Gap, relative to the objective without coefficients, above which a warning tells of it, whatever l1; and where an l1
# close to rounding makes the gap larger, at most this.
NEAR, LARGEST_SHARE = 1e-10, 1e-4
EXPONENT_LIMIT = 900


def lasso_of_reduction(reduction: Reduction, setting: Setting) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients (d, k) from sufficient statistics, and the duality gaps (k,) of the objective.

    Columns that rounding alone may have made of constant ones are left out: they explain nothing.
    """
    d = len(reduction.x_norm)
    any_row = reduction.factor.any(axis=0)  # False for a single row, which centring leaves nothing of
    own = column_norms(reduction.factor) * any_row if any_row.any() else np.zeros(d)
    varies = own > reduction.x_norm * rank_threshold(d, setting.noise)
    unit = np.where(varies, np.frexp(own)[1], 0)
    factor = np.ldexp(reduction.factor, -unit) * varies
    return _solve(DenseColumns(factor), unit, reduction.target, reduction.weight, setting, varies)


def lasso_of_rows(problem: Problem) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Coefficients, gaps, and the means of the columns and targets, of a sparse problem too large for a triangle."""
    X, y, total = problem.X.astype(np.float64), problem.targets, problem.total
    weight = np.ones(len(y)) if problem.weight is None else problem.weight
    unit = np.frexp(abs(X).max(axis=0).toarray().ravel())[1]
    X = X.tocsc(copy=True)
    X.data = np.ldexp(X.data, -np.repeat(unit, np.diff(X.indptr)))
    x_mean, y_mean = np.zeros(X.shape[1]), np.zeros(y.shape[1])
    if problem.setting.fit_intercept:
        x_mean, y_mean = X.T @ weight / total, weight @ y / total
    root = np.sqrt(weight)
    columns = SparseColumns(X, x_mean, root)
    size = np.sqrt(X.multiply(X).T @ weight)
    varies = columns.norms > size * np.sqrt(X.shape[1]) * 2**-26  # squares were subtracted
    target = root[:, None] * (y - y_mean)
    coef, gap = _solve(columns, unit, target, total, problem.setting, varies)
    return coef, gap, np.ldexp(x_mean, unit), y_mean


def _solve(
    columns: Columns, unit: np.ndarray, target: np.ndarray, total: float, setting: Setting, varies: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The solution for columns in units of two to the power `unit`, each target in a unit of its own, too."""
    (_, k), d = target.shape, len(unit)
    prior = np.zeros((d, k)) if setting.prior is None else setting.prior
    prior = np.ldexp(prior, unit[:, None])
    l1, l2 = (np.broadcast_to(np.asarray(each) * total / 2, d) for each in (setting.l1, setting.alpha))
    coef, gap = np.zeros((d, k)), np.zeros(k)
    for output in range(k):
        start = prior[:, output]
        used = np.flatnonzero(start * varies)
        own = target[:, output] - columns.take(used) @ start[used]
        exponent = int(np.clip(np.frexp(np.abs(own).max(initial=0.0))[1], -EXPONENT_LIMIT, EXPONENT_LIMIT))
        own = np.ldexp(own, -exponent)
        low = -np.ldexp(start, -exponent) if setting.positive else np.full(d, -np.inf)
        kinks = Kinks(_in_range(np.ldexp(l1, -unit - exponent)), _in_range(np.ldexp(l2, -2 * unit)), low)
        # A column that is left out has no share in the fit, and a bound of zero slope keeps it where it is.
        found = np.maximum(0.0, low)
        moved = np.flatnonzero(varies)
        found[moved], half = solve_kinks(_Some(columns, moved), own, kinks.of(moved))
        coef[:, output] = np.ldexp(np.ldexp(found, exponent) + start, -unit)
        gap[output] = 2 / total * np.ldexp(half, 2 * exponent)
        near = max(NEAR, _rounding(columns.norms[moved] * np.linalg.norm(own), kinks.l1[moved]))
        if half > near * max(float(own @ own) / 2, np.finfo(float).tiny):
            warn(
                f"Coordinate descent ended {gap[output]:.2g} above a bound of the objective's minimum (dual_gap_): "
                "columns of X depend on each other too closely. Leave some of them out, or choose "
                "penalty='elastic_net'.",
            )
    return coef, gap


def _rounding(products: np.ndarray, l1: np.ndarray) -> float:
    """What rounding leaves of a gap: the share of l1 that it is of a column's products with the residual."""
    return float(np.max(ROUNDING * products[l1 > 0] / l1[l1 > 0], initial=0.0).clip(max=LARGEST_SHARE))


def _in_range(values: np.ndarray) -> np.ndarray:
    return np.minimum(values, 1e200)


class _Some:
    """Some of the columns."""

    def __init__(self, columns: Columns, part: np.ndarray):
        self.columns, self.part, self.norms = columns, part, columns.norms[part]

    def take(self, part: np.ndarray) -> np.ndarray:
        return self.columns.take(self.part[part])

    def products(self, residual: np.ndarray) -> np.ndarray:
        return self.columns.products(residual)[self.part]
