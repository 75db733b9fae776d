"""Least squares on a sparse matrix with too many columns to be reduced to a triangle: only products with it."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from scipy.sparse.linalg import LinearOperator, lsmr
from sklearn.exceptions import ConvergenceWarning

from skdl._warnings import warn

MAX_ITER = 10_000
CONVERGED = {0, 1, 2, 4, 5}  # LSMR's `istop`: 3 and 6 are an ill-conditioned matrix, 7 is its limit of iterations


class LsmrSolution(NamedTuple):
    coef: np.ndarray  # (d, k)
    x_mean: np.ndarray  # (d,)
    y_mean: np.ndarray  # (k,)


def solve_lsmr(
    X: Any,
    y: np.ndarray,
    weight: np.ndarray | None,
    *,
    alpha: float | np.ndarray,
    prior: np.ndarray | None,
    fit_intercept: bool,
) -> LsmrSolution:
    """Minimise the weighted mean of (y - X w - b)^2 plus sum alpha / 2 (w - prior)^2; X is never centred nor copied.

    LSMR goes from the prior through combinations of the rows, hence to the solution nearest to it, as long as the
    columns stay as they are. A second run on what is left has columns of unit norm, so that small columns get their
    digits too.
    """
    n, d = X.shape
    weight = np.full(n, 1.0 / n) if weight is None else (weight / weight.max()) / (weight / weight.max()).sum()
    root, damp = np.sqrt(weight), np.sqrt(np.broadcast_to(np.asarray(alpha, dtype=np.float64) / 2, d))
    X_t = X.T.tocsr()
    columns = _SparseColumns(X_t, weight)
    x_mean, y_mean = np.zeros(d), np.zeros(y.shape[1])
    if fit_intercept:
        x_mean, y_mean = columns.mean(), weight @ y
    spread, size = columns.spread(x_mean), columns.spread(np.zeros(d))
    # What rounding alone may have left of a constant column is not a direction: such a column is out of both runs.
    varies = spread > 8 * np.finfo(X.dtype).eps * size
    norm = np.sqrt(spread**2 + damp**2)

    def operator(scale: np.ndarray) -> LinearOperator:
        """The centred matrix over the penalty's rows, with scaled columns."""

        def matvec(v: np.ndarray) -> np.ndarray:
            w = scale * np.ravel(v)
            return np.concatenate([root * (X @ w - x_mean @ w), damp * w])

        def rmatvec(u: np.ndarray) -> np.ndarray:
            u = np.ravel(u)
            top = root * u[:n]
            return np.asarray(scale * (X_t @ top - x_mean * top.sum() + damp * u[n:]))

        return LinearOperator((n + d, d), matvec=matvec, rmatvec=rmatvec, dtype=np.float64)

    plain = varies.astype(np.float64)
    scaled = np.divide(1.0, norm, out=np.zeros(d), where=varies)
    prior = np.zeros((d, y.shape[1])) if prior is None else prior
    coef = prior.copy()
    for output in range(y.shape[1]):
        right = np.concatenate([root * (y[:, output] - y_mean[output]), damp * prior[:, output]])
        for scale in (plain, scaled):
            left = right - operator(plain).matvec(coef[:, output])
            limits = {"atol": 1e-15, "btol": 1e-15, "conlim": 0, "maxiter": min(MAX_ITER, 4 * d)}
            step, stopped, *_ = lsmr(operator(scale), left, **limits)
            coef[:, output] += scale * step
        if stopped not in CONVERGED:
            warn(
                "Least squares on this large sparse X did not converge: its columns are nearly dependent. "
                "A positive alpha helps, and so does a dense X if it fits into memory.",
                ConvergenceWarning,
            )
    return LsmrSolution(coef, x_mean, y_mean)


class _SparseColumns:
    """Weighted means and root mean squares of sparse columns, without the cancellation of E[x^2] - E[x]^2."""

    def __init__(self, X_t: Any, weight: np.ndarray):
        stored = np.diff(X_t.indptr)
        self.n_columns = len(stored)
        self.column = np.repeat(np.arange(self.n_columns), stored)
        self.values = X_t.data.astype(np.float64)
        self.weight = weight[X_t.indices]
        self.of_zeros = np.where(stored < len(weight), 1.0 - self._sum(self.weight), 0.0).clip(0.0)

    def _sum(self, terms: np.ndarray) -> np.ndarray:
        return np.bincount(self.column, terms, self.n_columns)

    def mean(self) -> np.ndarray:
        rough = self._sum(self.weight * self.values)
        # The mean of what is left, so that the mean of a constant is this constant.
        return np.asarray(rough + self._sum(self.weight * (self.values - rough[self.column])) - self.of_zeros * rough)

    def spread(self, centre: np.ndarray) -> np.ndarray:
        squares = self.weight * (self.values - centre[self.column]) ** 2
        return np.asarray(np.sqrt(self._sum(squares) + self.of_zeros * centre**2))
