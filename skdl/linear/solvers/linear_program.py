"""Quantile regression and least absolute deviations as a linear program.

It minimises, for rows x_i with targets y_i and weights w_i that sum to one,

    P(v, b) = sum_i w_i rho(y_i - x_i v - b) + sum_j l1_j |v_j|,   rho(r) = max(q r, (q - 1) r)

where v_j >= 0 if so asked. The dual program has a bounded variable a_i for each row, and few equations:

    max sum_i a_i y_i,   w_i (q - 1) <= a_i <= w_i q,   sum_i a_i = 0,   |sum_i a_i x_ij| <= l1_j

SciPy's HiGHS solves it; its multipliers are v and b. A linear program has its minimum at a vertex: as many rows as
there are unknowns are met exactly. So what the program's tolerances leave is removed by solving for these rows, and the
gap P - D, a sum of terms that are not negative, is computed from the rows themselves.

R. Koenker, G. Bassett, "Regression quantiles", Econometrica 46, 1978.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from scipy import sparse
from scipy.linalg import lstsq
from scipy.optimize import linprog

TOLERANCE = 1e-10  # the smallest that HiGHS takes
MET = 1e-8  # of a residual or coefficient that counts as zero, in units of the targets' typical size
MAX_SOLUTIONS = 8
MANY_ROWS, SAMPLE, FIRST_SHARE = 10_000, 2_500, 0.15  # of which the rest are far from the solution of a sample


class QuantileFit(NamedTuple):
    coef: np.ndarray  # (d,)
    intercept: float
    gap: float
    problem: str  # what the solver said where it found no optimum, else ""


class _Program(NamedTuple):
    X: Any  # (n, m) the columns, then ones if an intercept is fitted
    y: np.ndarray
    weight: np.ndarray
    quantile: float
    l1: np.ndarray  # (m,)
    positive: np.ndarray  # (m,) of bool

    def terms(self, v: np.ndarray, a: np.ndarray) -> tuple[float, float]:
        """The primal objective, and the gap to the dual one.

        What rounding leaves of the dual's equations counts with the size of the coefficients that it stands by, or with
        the unit of the targets.
        """
        residual, products, q = self.y - self.X @ v, self.X.T @ a, self.quantile
        losses = self.weight * np.maximum(q * residual, (q - 1) * residual)
        penalties = self.l1 * np.abs(v)
        gap = np.maximum(losses - a * residual, 0.0).sum() + np.maximum(penalties - products * v, 0.0).sum()
        beyond = np.maximum(np.where(self.positive, products, np.abs(products)) - self.l1, 0.0)
        return float(losses.sum() + penalties.sum()), float(gap + beyond @ (np.abs(v) + 1))


def solve_quantile(
    X: Any, y: np.ndarray, weight: np.ndarray, quantile: float, l1: np.ndarray, *, fit_intercept: bool, positive: bool
) -> QuantileFit:
    """A minimum for an array or sparse matrix X (n, d)."""
    d = X.shape[1]
    size = abs(X).max(axis=0).toarray().ravel() if sparse.issparse(X) else np.abs(X).max(axis=0)
    unit = np.where(size > 0, np.frexp(size)[1], 0)
    ones = np.ones((len(y), int(fit_intercept)))
    if sparse.issparse(X):
        columns = sparse.hstack([X @ sparse.diags_array(np.ldexp(1.0, -unit)), ones], "csr")
    else:
        columns = np.hstack([np.ldexp(X, -unit), ones])
    middle = float(np.median(y)) if fit_intercept else 0.0
    away = np.abs(y - middle)
    scale = int(np.frexp(np.median(away[away > 0]))[1]) if away.any() else 0
    m = columns.shape[1]
    l1 = np.concatenate([np.ldexp(l1, -unit), np.zeros(m - d)])
    bounded = np.arange(m) < d if positive else np.zeros(m, dtype=bool)
    program = _Program(columns, np.ldexp(y - middle, -scale), weight / weight.sum(), quantile, l1, bounded)
    v, gap, problem = _solve(program)
    coef = np.ldexp(v, scale)
    intercept = float(coef[d] + middle) if fit_intercept else 0.0
    return QuantileFit(np.ldexp(coef[:d], -unit), intercept, float(np.ldexp(gap, scale)), problem)


def _solve(program: _Program) -> tuple[np.ndarray, float, str]:
    """The solution, refined: each program is that of the residuals of the one before, in their own unit.

    Of many rows, a sample gives a first solution. Rows that are far from it keep their sides, and are at their bounds;
    the program is that of the others. The gap, which is of all rows, tells whether this was right.
    """
    n = len(program.y)
    v, gap, best, problem = np.zeros(program.X.shape[1]), np.inf, np.inf, ""
    at, share = v, 1.0
    if n > MANY_ROWS:
        sample = slice(None, None, n // SAMPLE)
        weight = program.weight[sample] / program.weight[sample].sum()
        at, share = _solve(program._replace(X=program.X[sample], y=program.y[sample], weight=weight))[0], FIRST_SHARE
    for _ in range(MAX_SOLUTIONS):
        found, a, problem = _optimum(program, at, share)
        if problem and share == 1.0:
            break
        for candidate in () if problem else (found, _at_vertex(program, found)):
            dual = _balanced(program, candidate, a)
            value, of_candidate = program.terms(candidate, dual)
            if of_candidate < gap:
                best, v, gap = value, candidate, of_candidate
        if not problem and (gap <= 1e-13 * best or (share == 1.0 and (at == v).all())):
            break
        if problem or gap > 1e-9 * best:
            share = min(1.0, 4 * share)
        at = v if np.isfinite(gap) else at
    return v, gap, problem if not np.isfinite(gap) else ""


def _optimum(program: _Program, at: np.ndarray, share: float) -> tuple[np.ndarray, np.ndarray, str]:
    """The solution by HiGHS of the program for what is left at a point, for this share of the rows, the nearest."""
    X, y, weight, q, l1, positive = program
    m, residual = X.shape[1], y - X @ at
    near: Any = slice(None)
    a = np.where(residual > 0, weight * q, weight * (q - 1))
    if share < 1:
        near = np.flatnonzero(np.abs(residual) <= np.quantile(np.abs(residual), share))
    a[near] = 0.0
    right = -(X.T @ a)
    X, residual, weight = X[near], residual[near], weight[near]
    scale = float(np.median(np.abs(residual[residual != 0]))) if residual.any() else 1.0
    scale = 2.0 ** np.frexp(scale)[1]
    # max a'y = max a'residual + s'at, where s = X'a
    cost = -np.concatenate([residual, at]) / scale
    equations = sparse.hstack([sparse.csr_array(X.T), -sparse.eye_array(m)], "csc")
    low = np.concatenate([weight * (q - 1), np.where(positive, -np.inf, -l1)])
    bounds = np.column_stack([low, np.concatenate([weight * q, l1])])
    unit = 1.0 / weight.mean()  # so that the tolerances are relative to the bounds
    options = {"primal_feasibility_tolerance": TOLERANCE, "dual_feasibility_tolerance": TOLERANCE}
    found = linprog(cost, A_eq=equations, b_eq=right * unit, bounds=bounds * unit, method="highs-ds", options=options)
    if found.x is None or found.status not in (0, 4):
        return at, a, str(found.message)
    v = at - found.eqlin.marginals * scale
    v = np.where(positive, np.maximum(v, 0.0), v)
    a[near] = np.clip(found.x[: len(weight)] / unit, low[: len(weight)], weight * q)
    return v, a, ""


def _at_vertex(program: _Program, v: np.ndarray) -> np.ndarray:
    """The point next to this one that meets the rows it nearly meets, with coefficients of exactly zero."""
    can_be_zero = (program.l1 > 0) | program.positive
    v = np.where(can_be_zero & (np.abs(v) <= MET), 0.0, v)
    used = np.flatnonzero((v != 0) | ~can_be_zero)
    residual = program.y - program.X @ v
    met = np.flatnonzero(np.abs(residual) <= MET)
    if used.size and met.size:
        rows = _dense(program.X[met][:, used])
        v = v.copy()
        v[used] += lstsq(rows, residual[met], check_finite=False)[0]
    return v


def _balanced(program: _Program, v: np.ndarray, a: np.ndarray) -> np.ndarray:
    """The dual point of this one: at a bound for each row that is not met, and balanced by those that are."""
    X, _, weight, q, l1, positive = program
    residual = program.y - X @ v
    far = np.abs(residual) > MET
    a = np.where(far, np.where(residual > 0, weight * q, weight * (q - 1)), a)
    met = np.flatnonzero(~far)
    products = X.T @ a
    held = np.flatnonzero((v != 0) | ((l1 == 0) & ~positive))
    if met.size and held.size:
        wanted = l1[held] * np.sign(v[held])
        a[met] += lstsq(_dense(X[met][:, held]).T, wanted - products[held], check_finite=False)[0]
    return np.clip(a, weight * (q - 1), weight * q)


def _dense(matrix: Any) -> np.ndarray:
    return matrix.toarray() if sparse.issparse(matrix) else np.asarray(matrix)
