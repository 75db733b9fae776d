"""Least squares in rational arithmetic: the float64 data taken as exact, solved without any rounding."""

from fractions import Fraction

import numpy as np


def designs():
    """Full rank and less, tall and wide, units and offsets that are far apart."""
    rng = np.random.default_rng(0)
    u, v = rng.integers(-9, 9, (2, 12, 1))
    return {
        "full rank": rng.normal(size=(12, 4)),
        "wide": rng.normal(size=(6, 9)),
        "wide, scales from 1e-7 to 1e7": rng.normal(size=(5, 9)) * 10.0 ** rng.integers(-7, 8, 9),
        "scales 1e7 and 1": rng.normal(size=(12, 2)) * [1e7, 1.0],
        "copies at several scales": np.hstack([u * 1e7, u, u + v, v * 2.0**-23, rng.integers(0, 9, (12, 2))]),
        "all levels of a category": np.hstack([np.eye(3)[np.arange(12) % 3], rng.normal(size=(12, 1)) * 1e7]),
        "constant columns": np.hstack([np.full((12, 1), 0.1), rng.normal(size=(12, 2)), np.zeros((12, 1))]),
        "only constants": np.full((5, 3), 0.3),
        "offset 1e6": rng.normal(size=(12, 3)) + 1e6,
        "one sample": rng.normal(size=(1, 3)),
    }


def fractions(values):
    return [Fraction(float(value)) if not isinstance(value, Fraction) else value for value in values]


def exact_least_squares(X, y, alpha=0.0, weight=None, fit_intercept=True):
    """Coefficients, intercept and rank of the minimum-norm solution, rounded only at the end."""
    coef, intercept, rank = exact_solution(X, y, alpha, weight, fit_intercept)
    return np.array([float(c) for c in coef]), float(intercept), rank


def exact_solution(X, y, alpha=0.0, weight=None, fit_intercept=True):
    X, y = [fractions(row) for row in X], fractions(y)
    weight = fractions(np.ones(len(y)) if weight is None else weight)
    n, d, total = len(X), len(X[0]), sum(weight)
    x_mean, y_mean = [Fraction(0)] * d, Fraction(0)
    if fit_intercept:
        x_mean = [sum(weight[i] * X[i][j] for i in range(n)) / total for j in range(d)]
        y_mean = sum(w * v for w, v in zip(weight, y, strict=True)) / total
    rows = [[value - mean for value, mean in zip(row, x_mean, strict=True)] for row in X]
    basis = _row_space([row for row, w in zip(rows, weight, strict=True) if w])
    # Every solution of minimum norm is a combination of rows; its coordinates there are the unknowns.
    inside = [[dot(row, b) for b in basis] for row in rows]
    rank = len(basis)
    left = [
        [
            sum(weight[i] * inside[i][s] * inside[i][t] for i in range(n))
            + Fraction(alpha) * total / 2 * dot(basis[s], basis[t])
            for t in range(rank)
        ]
        for s in range(rank)
    ]
    right = [sum(weight[i] * inside[i][s] * (y[i] - y_mean) for i in range(n)) for s in range(rank)]
    coordinates = _solve(left, right)
    coef = [sum(c * b[j] for c, b in zip(coordinates, basis, strict=True)) for j in range(d)]
    return coef, y_mean - dot(x_mean, coef), rank


def dot(a, b):
    return sum((x * y for x, y in zip(a, b, strict=True)), Fraction(0))


def _row_space(rows):
    basis = []
    for column in range(len(rows[0])):
        pivot = next((row for row in rows if row[column]), None)
        if pivot is None:
            continue
        basis.append(pivot)
        rest = [row for row in rows if row is not pivot]
        rows = [[a - row[column] / pivot[column] * b for a, b in zip(row, pivot, strict=True)] for row in rest]
        if not rows:
            break
    return basis


def _solve(left, right):
    rows = [[*a, b] for a, b in zip(left, right, strict=True)]
    for i in range(len(rows)):
        pivot = next(r for r in range(i, len(rows)) if rows[r][i])
        rows[i], rows[pivot] = rows[pivot], rows[i]
        rows[i] = [value / rows[i][i] for value in rows[i]]
        for r, row in enumerate(rows):
            if r != i and row[i]:
                rows[r] = [a - row[i] * b for a, b in zip(row, rows[i], strict=True)]
    return [row[-1] for row in rows]
