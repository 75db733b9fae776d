"""Newton steps that take back the rounding errors of a polynomial fit.

`refine_exactly` serves the coefficients of monomials, which are small differences of large Chebyshev coefficients: it
computes residuals and gradients of the design with 32 digits, and so leaves coefficients that are exact to far more
than float64 holds, for the data as they are. Its cost is about a thousand operations of float64 for each number of the
design.

`refine_penalised` serves penalised fits whose Gram matrix is not well-conditioned, in float64.
"""

from __future__ import annotations

import numpy as np
from scipy import sparse
from scipy.linalg import solve_triangular

from skdl.linear.polynomial.problem import Problem, Solution
from skdl.linear.solvers.blocks import DesignBlocks
from skdl.linear.solvers.double_double import DoubleDouble
from skdl.linear.solvers.gram import Gram
from skdl.linear.solvers.reduction import EPS, triangle_of

BLOCK_ELEMENTS = 2**13  # numbers of the design at a time, in 32 digits
MAX_PASSES = 4
MAX_CHANGE = 0.01  # a larger correction belies the triangle


def refine_exactly(problem: Problem, solution: Solution) -> DoubleDouble:
    """The coefficients (m + 1, k), the constant last, of a problem of full rank and without penalty."""
    basis, X, y, weight, fit_intercept, _, _ = problem
    m, k = basis.n_terms, y.shape[1]
    total, mean, triangle = problem.total, solution.mean, solution.triangle
    assert triangle is not None
    step_rows = max(1, BLOCK_ELEMENTS // (m + 1))
    origin = DoubleDouble(np.zeros((m, 1)))
    if not fit_intercept:
        basis.write(np.zeros((1, X.shape[1])), origin)

    def gradient(whole: DoubleDouble) -> np.ndarray:
        """Products of the terms, the constant last, with the residuals."""
        found = DoubleDouble(np.zeros((m + 1, k)))
        for start in range(0, len(X), step_rows):
            part = slice(start, start + step_rows)
            values = DoubleDouble(np.ones((m + 1, len(y[part]))))
            basis.write(X[part], values[:m])
            if not fit_intercept:
                values[:m] = values[:m] - origin
                values[m] = 0.0
            for output in range(k):
                residual = y[part, output] - (values * whole[:, output, None]).sum(axis=0)
                if weight is not None:
                    residual = residual * weight[part]
                found[:, output] = found[:, output] + (values * residual).sum(axis=1)
        return found.hi

    whole = DoubleDouble(np.vstack([solution.coef, solution.constant]))
    last = MAX_CHANGE
    for _ in range(MAX_PASSES):
        g = gradient(whole)
        step = _solve_normal(triangle, g[:m] - mean[:, None] * g[m] if fit_intercept else g[:m])
        constant = g[m] / total - mean @ step if fit_intercept else np.zeros(k)
        change = _relative_change(step, whole.hi[:m])
        if not change < last:
            break
        whole = whole + np.vstack([step, constant])
        if change * solution.rate < EPS**2:
            break
        last = change
    if not fit_intercept:
        whole[m] = -(whole[:m] * origin).sum(axis=0)
    return whole


def refine_penalised(
    gram: Gram,
    blocks: DesignBlocks,
    triangle: np.ndarray,
    coef: np.ndarray,
    ridge: float,
    penalised: sparse.csc_array,
    *,
    centred: bool,
) -> np.ndarray | None:
    """The coefficients (m, k) that minimise the sum of squares plus ridge |penalised c|^2; None if out of reach."""
    m, k = blocks.d, blocks.k
    normal = triangle_of(np.vstack([triangle, np.sqrt(ridge) * penalised.toarray()]))
    x_mean, y_mean = gram.mean[:m], gram.mean[m:]
    first, wrong = 0.0, 1.0
    for _ in range(MAX_PASSES):
        residual = np.vstack([-coef, np.eye(k), x_mean @ coef - y_mean])

        def add(x: np.ndarray, y: np.ndarray, total: np.ndarray, residual: np.ndarray = residual) -> None:
            r = x @ residual[:m] + y @ residual[m:]
            total[:m] += x.T @ r
            total[m:] += y.T @ r

        [products] = blocks.sum(add, (blocks.width, k))
        gradient = products[:m] - np.multiply.outer(x_mean, products[-1]) if centred else products[:m]
        step = _solve_normal(normal, gradient - ridge * (penalised.T @ (penalised @ coef)))
        change = _relative_change(step, coef)
        if not change < MAX_CHANGE:
            return None
        coef = coef + step
        # The first correction says how wrong the triangle is, and hence what it leaves of every later error.
        first = first or change
        wrong = change * first
        if wrong < 4 * EPS:
            break
    return coef


def _solve_normal(triangle: np.ndarray, gradient: np.ndarray) -> np.ndarray:
    step = solve_triangular(triangle, gradient, trans="T", check_finite=False)
    return np.asarray(solve_triangular(triangle, step, check_finite=False))


def _relative_change(step: np.ndarray, coef: np.ndarray) -> float:
    largest = np.abs(coef).max(axis=0)
    return float((np.abs(step).max(axis=0) / np.where(largest > 0, largest, 1.0)).max())
