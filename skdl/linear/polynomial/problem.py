"""The least-squares problem of a polynomial, in the basis that is safe to compute with, and its solution."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy import sparse

from skdl.linear.polynomial.basis import ChebyshevProducts
from skdl.linear.polynomial.rows import Rows


class Problem(NamedTuple):
    """Minimise sum_i w_i (y_i - f(x_i))^2 / sum_i w_i + alpha / 2 |penalised c|^2 over f = b + sum_j c_j basis_j.

    Without an intercept, b is what makes f zero at the origin of x.
    """

    basis: ChebyshevProducts
    X: Rows
    y: np.ndarray  # (n, k)
    weight: np.ndarray | None  # (n,), positive, the largest 1
    fit_intercept: bool
    alpha: float
    penalised: sparse.csc_array | None  # (m, m), None where alpha is 0

    @property
    def total(self) -> float:
        return float(len(self.X) if self.weight is None else self.weight.sum())


class Solution(NamedTuple):
    """A minimum, and the statistics by which it can be refined."""

    coef: np.ndarray  # (m, k)
    constant: np.ndarray  # (k,) b
    rank: int  # of the products on the samples
    triangle: np.ndarray | None  # R with R'R the Gram matrix of the centred products, where alpha is 0
    mean: np.ndarray  # (m,) of the products on the samples
    rss: np.ndarray  # (k,) weighted residual sums of squares
    rate: float  # what a Newton step with the triangle leaves of an error; `coef` is as exact or better
