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
MAX_SOLUTIONS = 4


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
        """The primal objective, and the gap to the dual one."""
        residual, q = self.y - self.X @ v, self.quantile
        losses = self.weight * np.maximum(q * residual, (q - 1) * residual)
        penalties = self.l1 * np.abs(v)
        gap = np.maximum(losses - a * residual, 0.0).sum() + np.maximum(penalties - (self.X.T @ a) * v, 0.0).sum()
        return float(losses.sum() + penalties.sum()), float(gap)


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
    """The solution, refined: each program is that of the residuals of the one before, in their own unit."""
    best, v, gap = np.inf, np.zeros(program.X.shape[1]), np.inf
    at, problem = v, ""
    for _ in range(MAX_SOLUTIONS):
        found, a, problem = _optimum(program, at)
        if problem:
            break
        for candidate in (found, _at_vertex(program, found)):
            dual = _balanced(program, candidate, a)
            value, of_candidate = program.terms(candidate, dual)
            if of_candidate < gap:
                best, v, gap = value, candidate, of_candidate
        if gap <= 1e-13 * best or (at == v).all():
            break
        at = v
    return v, gap, problem if not np.isfinite(gap) else ""


def _optimum(program: _Program, at: np.ndarray) -> tuple[np.ndarray, np.ndarray, str]:
    """The solution by HiGHS of the program for what is left at a point."""
    X, y, weight, q, l1, positive = program
    n, m = X.shape
    residual = y - X @ at
    scale = float(np.median(np.abs(residual[residual != 0]))) if residual.any() else 1.0
    scale = 2.0 ** np.frexp(scale)[1]
    # max a'y = max a'residual + s'at, where s = X'a
    cost = -np.concatenate([residual, at]) / scale
    equations = sparse.hstack([sparse.csr_array(X.T), -sparse.eye_array(m)], "csc")
    low = np.concatenate([weight * (q - 1), np.where(positive, -np.inf, -l1)])
    bounds = np.column_stack([low, np.concatenate([weight * q, l1])])
    unit = 1.0 / weight.mean()  # so that the tolerances are relative to the bounds
    options = {"primal_feasibility_tolerance": TOLERANCE, "dual_feasibility_tolerance": TOLERANCE}
    found = linprog(cost, A_eq=equations, b_eq=np.zeros(m), bounds=bounds * unit, method="highs-ds", options=options)
    if found.x is None or found.status not in (0, 4):
        return at, np.zeros(n), str(found.message)
    v = at - found.eqlin.marginals * scale
    v = np.where(positive, np.maximum(v, 0.0), v)
    return v, np.clip(found.x[:n] / unit, low[:n], weight * q), ""


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
    X, _, weight, q, l1, _ = program
    residual = program.y - X @ v
    far = np.abs(residual) > MET
    a = np.where(far, np.where(residual > 0, weight * q, weight * (q - 1)), a)
    met = np.flatnonzero(~far)
    products = X.T @ a
    held = np.flatnonzero((v != 0) | (l1 == 0))
    if met.size and held.size:
        wanted = l1[held] * np.sign(v[held])
        a[met] += lstsq(_dense(X[met][:, held]).T, wanted - products[held], check_finite=False)[0]
    return np.clip(a, weight * (q - 1), weight * q)


def _dense(matrix: Any) -> np.ndarray:
    return matrix.toarray() if sparse.issparse(matrix) else np.asarray(matrix)
