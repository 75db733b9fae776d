"""Least squares with absolute values in the objective: coordinate descent, an active set, and a duality gap.

For one target t and columns R it minimises

    P(v) = 1/2 |t - R v|^2 + sum_j h_j(v_j),   h_j(v) = l1_j |v| + 1/2 l2_j v^2  where v >= low_j, else infinite.

Sweeps over the coefficients find which of them are at a kink (zero, or their bound). The others, whose signs are then
known, solve linear equations; where a solution would cross a kink, the coefficient that comes first stops there,
exactly. Every step lowers P and there are finitely many sets, so that this ends in the minimum and not only near it.
Only columns that are not at a kink, or want to leave it, are in the equations: a working set that grows.

By Fenchel's inequality P(v) >= D(s) = s't - 1/2 |s|^2 - sum_j h_j*(R_j's) for every s. With the residual for s, shrunk
until the right side is finite, the gap P - D bounds how far v is from the minimum.

J. Friedman, T. Hastie, R. Tibshirani, "Regularization paths for generalized linear models via coordinate descent",
J. Stat. Softw. 33(1), 2010. H. Lee, A. Battle, R. Raina, A. Y. Ng, "Efficient sparse coding algorithms", NIPS 2006 (the
active set). M. Massias, A. Gramfort, J. Salmon, "Celer", ICML 2018 (working sets and gaps).
"""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

import numpy as np
from scipy import sparse
from scipy.linalg import cho_factor, cho_solve, eigh

from skdl.linear.solvers.reduction import EPS

SWEEPS = 20  # between two solutions of the equations
FIRST_COLUMNS = 200  # of the working set, which then grows by as many, or by the number that it used
MAX_ROUNDS = 200
ROUNDING = 64 * EPS  # relative, of a product of a column with the residual
FLAT = 1e-8  # share of a column's square that makes no difference


class Kinks(NamedTuple):
    """The terms h_j of the coefficients, each (d,)."""

    l1: np.ndarray
    l2: np.ndarray
    low: np.ndarray  # -inf where there is no bound

    def of(self, part: Any) -> Kinks:
        return Kinks(self.l1[part], self.l2[part], self.low[part])

    def slopes(self, v: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The least and the largest slope of h_j less that of its square, at v_j."""
        least = np.where(v > 0, self.l1, -self.l1)
        return np.where(v == self.low, -np.inf, least), np.where(v < 0, -self.l1, self.l1)

    def violation(self, v: np.ndarray, products: np.ndarray) -> np.ndarray:
        """How far the columns' products with the residual are from the slopes that an optimum asks for."""
        least, largest = self.slopes(v)
        pull = products - self.l2 * v
        return np.asarray(np.maximum(np.maximum(pull - largest, least - pull), 0.0))

    def value(self, v: np.ndarray) -> float:
        return float(self.l1 @ np.abs(v) + 0.5 * (self.l2 @ (v * v)))

    def conjugate(self, z: np.ndarray) -> np.ndarray:
        """h_j*(z_j), the largest of z v - h_j(v); of a z_j beyond the slopes that its value at the kinks."""
        soft = np.sign(z) * np.maximum(np.abs(z) - self.l1, 0.0)
        best = np.divide(soft, self.l2, out=np.zeros_like(z), where=self.l2 > 0)
        low = np.isfinite(self.low)
        bound = np.where(low, self.low, 0.0)
        best = np.where(low & (self.l2 > 0), np.maximum(best, bound), best)
        at_bound = z * bound - self.l1 * np.abs(bound)
        flat = np.where(low & (bound > 0), at_bound, np.maximum(at_bound, 0.0))
        return np.where(self.l2 > 0, z * best - self.l1 * np.abs(best) - 0.5 * self.l2 * best**2, flat)


class Columns(Protocol):
    """The columns R (m, d)."""

    norms: np.ndarray

    def take(self, part: np.ndarray) -> np.ndarray: ...

    def products(self, residual: np.ndarray) -> np.ndarray: ...


class DenseColumns:
    """Those of an array."""

    def __init__(self, matrix: np.ndarray):
        self.matrix, self.norms = matrix, np.linalg.norm(matrix, axis=0)

    def take(self, part: np.ndarray) -> np.ndarray:
        return self.matrix[:, part]

    def products(self, residual: np.ndarray) -> np.ndarray:
        return np.asarray(self.matrix.T @ residual)


class SparseColumns:
    """Those of a sparse matrix less their means, times the roots of the rows' weights; only some are ever dense."""

    def __init__(self, X: Any, mean: np.ndarray, root: np.ndarray):
        self.X, self.mean, self.root = sparse.csc_array(X), mean, root
        squares = self.X.multiply(self.X).T @ root**2 - 2 * mean * (self.X.T @ root**2) + mean**2 * (root @ root)
        self.norms = np.sqrt(np.maximum(squares, 0.0))

    def take(self, part: np.ndarray) -> np.ndarray:
        return np.asarray((self.X[:, part].toarray() - self.mean[part]) * self.root[:, None])

    def products(self, residual: np.ndarray) -> np.ndarray:
        weighted = residual * self.root
        return np.asarray(self.X.T @ weighted - self.mean * weighted.sum())


def solve_kinks(columns: Columns, target: np.ndarray, kinks: Kinks) -> tuple[np.ndarray, float]:
    """The minimum v (d,) of P for one target (m,), and the duality gap there."""
    v = np.maximum(0.0, kinks.low)
    size = float(np.linalg.norm(target))
    chosen = np.flatnonzero(v)
    part, gram = chosen, np.zeros((0, 0))
    residual = target - columns.take(chosen) @ v[chosen]
    best, stalled = np.inf, 0
    for _ in range(MAX_ROUNDS):
        products = columns.products(residual)
        # What rounding leaves of a product: the residual is a difference of numbers as large as the target.
        tolerance = ROUNDING * columns.norms * (size + float(columns.norms[chosen] @ np.abs(v[chosen])))
        violation = kinks.violation(v, products)
        worst = float((violation / np.maximum(tolerance, np.finfo(float).tiny)).max(initial=0.0))
        if worst <= 1.0:
            break
        stalled = 0 if worst < 0.5 * best else stalled + 1
        best = min(best, worst)
        if stalled > 5:
            break
        wanted = np.union1d(_worst(violation, tolerance, max(FIRST_COLUMNS, chosen.size)), np.flatnonzero(v))
        if not np.isin(wanted, part).all() or not part.size:
            part = wanted
            own = columns.take(part)
            gram = own.T @ own
        v[part] = _solve_part(gram, products[part], v[part], kinks.of(part), tolerance[part])
        chosen = np.flatnonzero(v)
        residual = target - columns.take(chosen) @ v[chosen]
    return v, _gap(columns, target, residual, v, kinks)


def _worst(violation: np.ndarray, tolerance: np.ndarray, count: int) -> np.ndarray:
    """The columns that are furthest from an optimum, at most so many."""
    found = np.flatnonzero(violation > tolerance)
    if found.size > count:
        found = found[np.argpartition(-violation[found], count)[:count]]
    return found


def _solve_part(
    gram: np.ndarray, products: np.ndarray, v: np.ndarray, kinks: Kinks, tolerance: np.ndarray
) -> np.ndarray:
    """The minimum over some coefficients from v, where the columns' products with the residual are `products`."""
    v, q = v.copy(), products.copy()
    for _ in range(MAX_ROUNDS):
        for _ in range(SWEEPS):
            before = v != 0
            _sweep(gram, q, v, kinks)
            if ((v != 0) == before).all():
                break
        _solve_free(gram, q, v, kinks, tolerance)
        if (kinks.violation(v, q) <= tolerance).all():
            break
    return v


def _sweep(gram: np.ndarray, q: np.ndarray, v: np.ndarray, kinks: Kinks) -> None:
    """Minimise over one coefficient after the other, in place."""
    diagonal = gram.diagonal()
    for j in np.flatnonzero((v != 0) | (kinks.violation(v, q) > 0)):
        curvature = diagonal[j] + kinks.l2[j]
        if curvature <= 0:
            continue
        z = q[j] + diagonal[j] * v[j]
        new = max(np.copysign(max(abs(z) - kinks.l1[j], 0.0), z) / curvature, kinks.low[j]) + 0.0
        if new != v[j]:
            q -= gram[j] * (new - v[j])
            v[j] = new


def _solve_free(gram: np.ndarray, q: np.ndarray, v: np.ndarray, kinks: Kinks, tolerance: np.ndarray) -> None:
    """Solve for the coefficients that are at no kink, in place; those that would cross one stop there."""
    while (free := np.flatnonzero((v != kinks.low) & ((v != 0) | (kinks.l1 == 0)))).size:
        at, own = v[free], kinks.of(free)
        right = q[free] - own.l2 * at - own.l1 * np.sign(at)
        matrix = gram[np.ix_(free, free)] + np.diag(own.l2)
        step, falling = newton_directions(matrix, right, tolerance[free])
        if falling is not None:
            way = _ways_to_kinks(at, falling, own)
            if np.isfinite(way.min()):  # else only rounding says that the objective falls for ever
                _move(gram, q, v, free, falling, way, float(way.min()), own)
                continue
        way = _ways_to_kinks(at, step, own)
        length = min(1.0, float(way.min()))
        _move(gram, q, v, free, step, way, length, own)
        if length == 1.0:
            break


def _ways_to_kinks(v: np.ndarray, step: np.ndarray, kinks: Kinks) -> np.ndarray:
    """How often the step goes into the way of each coefficient to its next kink, infinite where there is none."""
    way, stop = np.full(len(v), np.inf), _next_kink(v, step, kinks)
    there = np.isfinite(stop) & (step != 0)
    way[there] = (stop[there] - v[there]) / step[there]
    return way


def _next_kink(v: np.ndarray, step: np.ndarray, kinks: Kinks) -> np.ndarray:
    zero = (kinks.l1 > 0) & (v * step < 0) & (kinks.low <= 0)
    return np.where(zero, 0.0, np.where(step < 0, kinks.low, np.inf))


def _move(
    gram: np.ndarray,
    q: np.ndarray,
    v: np.ndarray,
    free: np.ndarray,
    step: np.ndarray,
    way: np.ndarray,
    length: float,
    kinks: Kinks,
) -> None:
    """Go a step of this length from v, in place, exactly onto the kinks that it reaches."""
    new = np.where(way <= length, _next_kink(v[free], step, kinks), v[free] + length * step)
    q -= gram[:, free] @ (new - v[free])
    v[free] = new


def newton_directions(
    matrix: np.ndarray, right: np.ndarray, tolerance: np.ndarray
) -> tuple[np.ndarray, np.ndarray | None]:
    """The step to the minimum of a quadratic, the shortest one for dependent columns.

    For these, the second is a step along which the quadratic falls for ever, or None if there is none.
    """
    diagonal = matrix.diagonal()
    scale = 1.0 / np.sqrt(np.where(diagonal > 0, diagonal, 1.0))
    scaled = matrix * np.multiply.outer(scale, scale)
    try:
        factor = cho_factor(scaled, check_finite=False)
        if factor[0].diagonal().min() > 1e-7:
            return np.asarray(scale * cho_solve(factor, scale * right, check_finite=False)), None
    except np.linalg.LinAlgError:
        pass
    values, vectors = eigh(scaled, check_finite=False)
    parts = vectors.T @ (scale * right)
    null = values <= len(values) * EPS * max(values[-1], 1.0)
    falling = np.where(null, parts, 0.0)
    step = scale * (vectors @ np.where(null, 0.0, parts / np.where(null, 1.0, values)))
    if np.abs(falling).max() > float(np.linalg.norm(scale * tolerance)):
        return step, scale * (vectors @ falling)
    return step, None


def _gap(columns: Columns, target: np.ndarray, residual: np.ndarray, v: np.ndarray, kinks: Kinks) -> float:
    products = columns.products(residual)
    size = ROUNDING * columns.norms * (np.linalg.norm(target) + columns.norms @ np.abs(v))
    # Without a square, h* is finite only for slopes of h: the residual shrinks until all products are such slopes. With
    # a square that hardly counts, h* of rounding is large: it may be better to do so, too.
    at_slope = (kinks.l1 == 0) & (products <= size) & ((products >= -size) | np.isfinite(kinks.low))
    beyond = np.where(np.isfinite(kinks.low), products, np.abs(products))
    far = ~at_slope & (beyond > kinks.l1)
    primal = 0.5 * float(residual @ residual) + kinks.value(v)
    bound = 0.0
    for flat in (kinks.l2 == 0, kinks.l2 <= FLAT * columns.norms**2):
        share = float((kinks.l1[far & flat] / beyond[far & flat]).min(initial=1.0))
        dual = share * residual
        value = float(dual @ target) - 0.5 * float(dual @ dual) - float(kinks.conjugate(share * products).sum())
        bound = max(bound, value)
    return max(primal - bound, 0.0)
