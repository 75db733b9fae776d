"""Regression by Huber's loss: Newton's method with the rows in the quadratic part as active set, exact to rounding.

It minimises, for rows x_i with targets y_i and weights w_i that sum to one,

    F(v) = sum_i w_i h(y_i - x_i v) + 1/2 sum_j alpha_j (v_j - prior_j)^2,   h(r) = r^2 for |r| <= delta, else
    2 delta |r| - delta^2

which is convex, and quadratic as long as no residual crosses delta. A Newton step that crosses none ends in the exact
minimum. On the way its length is the exact minimum along the step, found by sorting the crossings, so that F falls in
every step. The threshold comes down to delta from the largest residual, each solution being the start of the next.

K. Madsen, H. B. Nielsen, "Finite algorithms for robust linear regression", BIT 30, 1990.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse

from skdl.linear.solvers.coordinate_descent import newton_directions
from skdl.linear.solvers.reduction import EPS

FALL = 0.25  # of the threshold, from one solution to the next
BLEND = 1e-3  # share of the reweighted squares that bounds the step where too few rows are in the quadratic part
MAX_STEPS = 500


def solve_huber(
    X: Any, y: np.ndarray, weight: np.ndarray, delta: float, alpha: np.ndarray, prior: np.ndarray
) -> tuple[np.ndarray, float]:
    """The minimum v (d,) for an array or sparse matrix X, and its largest gradient, relative to its terms."""
    v = np.zeros(X.shape[1])
    threshold = FALL * float(np.abs(y).max(initial=0.0))
    while threshold > delta:
        v, _ = _solve(X, y, weight, threshold, alpha, prior, v, MAX_STEPS // 20)
        threshold *= FALL
    return _solve(X, y, weight, delta, alpha, prior, v, MAX_STEPS)


def _solve(
    X: Any,
    y: np.ndarray,
    weight: np.ndarray,
    delta: float,
    alpha: np.ndarray,
    prior: np.ndarray,
    v: np.ndarray,
    max_steps: int,
) -> tuple[np.ndarray, float]:
    sizes, best, ratio = abs(X).T @ weight, np.inf, np.inf
    kept, stalled = v, 0
    for _ in range(max_steps):
        residual = y - X @ v
        bounded = np.clip(residual, -delta, delta)
        pull = 2 * (X.T @ (weight * bounded)) - alpha * (v - prior)
        # What rounding leaves of a gradient of zero, from that of the residuals and of their sum.
        size = 2 * sizes * delta + 2 * abs(X).T @ (weight * (np.abs(residual) < delta) * np.abs(y))
        size += alpha * np.abs(v - prior)
        ratio = float((np.abs(pull) / np.maximum(size, np.finfo(float).tiny)).max(initial=0.0))
        if ratio < best:
            kept, stalled, best = v, 0, ratio
        else:
            stalled += 1
        if ratio <= 8 * EPS or stalled > 50:
            break
        step = _step(X, weight, residual, delta, alpha, pull, 8 * EPS * size)
        v = v + _length(X @ step, residual, weight, delta, alpha, v - prior, step) * step
    return kept, best


def _step(
    X: Any,
    weight: np.ndarray,
    residual: np.ndarray,
    delta: float,
    alpha: np.ndarray,
    pull: np.ndarray,
    rounding: np.ndarray,
) -> np.ndarray:
    inner = np.abs(residual) <= delta
    hessian = _gram(X, weight * inner) + np.diag(alpha)
    step, falling = newton_directions(hessian, pull, rounding)
    if falling is None:
        return step
    # Rows in the quadratic part do not determine all coefficients: all rows, reweighted, do.
    shares = np.minimum(1.0, delta / np.maximum(np.abs(residual), np.finfo(float).tiny))
    return newton_directions(hessian + BLEND * _gram(X, weight * shares), pull, rounding)[0]


def _gram(X: Any, weight: np.ndarray) -> np.ndarray:
    used = np.flatnonzero(weight)
    rows = X[used]
    if sparse.issparse(rows):
        return np.asarray((2 * rows.T @ (sparse.diags_array(weight[used]) @ rows)).toarray())
    return np.asarray(2 * rows.T @ (weight[used, None] * rows))


def _length(
    move: np.ndarray,
    residual: np.ndarray,
    weight: np.ndarray,
    delta: float,
    alpha: np.ndarray,
    away: np.ndarray,
    step: np.ndarray,
) -> float:
    """The length of a step after which F is least: the root of its slope, which is linear between crossings."""
    moving = move != 0
    q, r = move[moving], residual[moving]
    ends = np.sort(np.stack([(r - delta) / q, (r + delta) / q]), axis=0)
    curvature = 2 * weight[moving] * q**2
    slope = float(-2 * (weight * move) @ np.clip(residual, -delta, delta) + (alpha * away) @ step)
    base = float((alpha * step) @ step)
    at = np.concatenate([ends[0], ends[1]])
    change = np.concatenate([curvature, -curvature])
    inside = (ends[0] <= 0) & (ends[1] > 0)
    later = at > 0
    order = np.argsort(at[later], kind="stable")
    at, change = at[later][order], change[later][order]
    curvatures = np.maximum(np.concatenate([[base + curvature[inside].sum()], change]).cumsum(), base)
    lengths = np.diff(np.concatenate([[0.0], at]))
    slopes = slope + np.concatenate([[0.0], np.cumsum(curvatures[:-1] * lengths)])
    first = int(np.argmax(np.append(slopes[1:], np.inf) >= 0))
    start = 0.0 if first == 0 else float(at[first - 1])
    if curvatures[first] <= 0:
        return start or 1.0
    length = start - float(slopes[first] / curvatures[first])
    # A step that crosses nothing is Newton's, whose length is one.
    return 1.0 if first == 0 and abs(length - 1.0) < 1e-6 else length
