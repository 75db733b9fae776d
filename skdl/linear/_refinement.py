"""The last digits of least squares: residuals in twice the precision, corrections in ordinary precision.

However good a method is, rounding in float64 moves its solution by eps times the condition of the rows, or times its
square where the residuals are large. Iterative refinement [1]_ takes this back. The residuals r = y - b - X w and the
gradient X' W r are computed in about twice the precision, in which nothing cancels that float64 data hold; the normal
equations with a triangle R from QR turn them into a correction, which needs a few digits only. Each pass multiplies the
error by about eps times the condition, so that one or two passes leave the float64 that is nearest to the exact
solution for the data as they are.

Products in twice the precision are made of ordinary ones [2]_: each factor is cut into parts of so few bits that
products of parts, and sums of these, are integers below 2^53 in a common unit, and hence exact in any order of
summation. BLAS does the work.

References
----------
.. [1] Å. Björck, "Iterative refinement of linear least squares solutions", BIT 7, 1967.
.. [2] K. Ozaki, T. Ogita, S. Oishi, S. M. Rump, "Error-free transformations of matrix multiplication by using fast
   routines of matrix multiplication and its applications", Numer. Algorithms 59, 2012.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from scipy.linalg import solve_triangular

from skdl.linear._double_double import DoubleDouble

EPS = np.finfo(np.float64).eps
BLOCK_ELEMENTS = 2**14  # of the rows, of which a dozen temporary arrays are made within the cache
MOST_ROWS = 2**13  # of a block: more terms in a sum leave fewer bits for each part
KEPT_ELEMENTS = 2**17  # rows of so many numbers are cut into parts only once
MAX_PASSES = 5
MAX_CHANGE = 0.1  # a first correction of this relative size says that the triangle is of no use


class Refined(NamedTuple):
    coef: np.ndarray  # (d, k)
    intercept: np.ndarray  # (k,)
    rss: np.ndarray  # (k,) residual sums of squares, weighted


def refine(
    rows: Callable[[slice], np.ndarray],
    y: np.ndarray,
    weight: np.ndarray | None,
    coef: np.ndarray,
    *,
    triangle: np.ndarray,
    x_mean: np.ndarray,
    y_mean: np.ndarray,
    x_norm: np.ndarray,
    total: float,
    fit_intercept: bool,
    penalty: np.ndarray | None = None,
    prior: np.ndarray | float = 0.0,
) -> Refined | None:
    """The minimum of sum_i w_i (y_i - x_i w - b)^2 + sum_j penalty_j (w_j - prior_j)^2 from a first guess `coef`.

    None where the corrections do not shrink: then the columns are too close to dependence for float64.

    Parameters
    ----------
    rows : callable
        Gives the rows of a slice, exactly.
    triangle : array of shape (d, d)
        R with R'R the Gram matrix of the centred columns, plus the penalty.
    x_norm : array of shape (d,)
        Lengths of the columns before centring.
    total : float
        Sum of the weights.
    """
    d, k = coef.shape
    # Columns and targets are scaled by powers of two, which is exact, so that all of them are of the size of one.
    x_unit = _power_of_two(x_norm / np.sqrt(total))
    y_unit = _power_of_two(np.abs(y).max(axis=0))
    w = DoubleDouble(coef * (x_unit[:, None] / y_unit))
    x_mean, y_mean = x_mean / x_unit, y_mean / y_unit
    b = DoubleDouble(y_mean - x_mean @ w.hi if fit_intercept else np.zeros(k))
    root, pull = triangle / x_unit, None if penalty is None else penalty / x_unit**2
    goal = prior * (x_unit[:, None] / y_unit)
    step = max(1, min(BLOCK_ELEMENTS // (d + 1), MOST_ROWS))
    starts = range(0, len(y), step)

    @lru_cache(maxsize=None if len(y) * (d + 1) <= KEPT_ELEMENTS else 0)
    def parts_of(start: int) -> tuple[np.ndarray, np.ndarray]:
        block = rows(slice(start, start + step)) / x_unit
        block = np.hstack([block, np.ones((len(block), 1))])
        return _parts(block, len(block.T)), _parts(np.ascontiguousarray(block.T), len(block))

    def residual_products() -> tuple[DoubleDouble, np.ndarray]:
        """[X, 1]' W r and r' W r, where r are the residuals of all rows."""
        gradient, rss = DoubleDouble(np.zeros((d + 1, k))), np.zeros(k)
        solution = DoubleDouble(np.vstack([w.hi, b.hi]), np.vstack([w.lo, b.lo]))
        for start in starts:
            part = slice(start, start + step)
            across, down = parts_of(start)
            r = y[part] / y_unit - _product(across, solution)
            weighted = r if weight is None else r * weight[part, None]
            gradient = gradient + _product(down, weighted)
            rss += np.einsum("ij,ij->j", r.hi, weighted.hi)
        return gradient, rss

    first = 0.0
    for _ in range(MAX_PASSES):
        gradient, rss = residual_products()
        sums = gradient[d] if fit_intercept else DoubleDouble(np.zeros(k))
        x_r = gradient[:d] - sums * x_mean[:, None]
        slope = x_r if pull is None else x_r - (w - goal) * pull[:, None]
        correction = solve_triangular(root, slope.hi, trans="T", check_finite=False)
        correction = solve_triangular(root, correction, check_finite=False)
        # What the corrections take away, so that the residuals need not be computed once more.
        rss -= np.sum(correction * (2 * x_r.hi - slope.hi), axis=0) + sums.hi**2 / total
        if pull is not None:
            rss -= pull @ correction**2
        w = w + correction
        b = b + (sums.hi / total - x_mean @ correction if fit_intercept else 0.0)
        change = float(_relative(np.linalg.norm(correction, axis=0), np.linalg.norm(w.hi, axis=0), 2.0**-26).max())
        if not change < MAX_CHANGE:
            return None
        # The first correction says what factor the next one has to the last one.
        first = first or max(change, EPS)
        if (_relative(np.abs(correction), np.abs(w.hi), EPS) * first < EPS / 8).all():
            break
    with np.errstate(over="ignore"):
        return Refined(w.hi * (y_unit / x_unit[:, None]), b.hi * y_unit, np.maximum(rss, 0.0) * y_unit**2)


def _relative(change: np.ndarray, size: np.ndarray, least: float) -> np.ndarray:
    return np.asarray(change / np.maximum(size, least))  # columns and targets are of the size of one


def _power_of_two(size: np.ndarray) -> np.ndarray:
    """The least power of two above each size; 1 for 0."""
    return np.ldexp(1.0, np.frexp(np.where(size > 0, size, 0.5))[1])


def _parts(matrix: np.ndarray, n_terms: int) -> np.ndarray:
    """Three matrices, one below the other, with sum `matrix` (n, p): two of few bits a row, and what is left.

    Few means that sums of `n_terms` = p products of parts with parts as short have no more than 53 bits.
    """
    bits = (53 - n_terms.bit_length()) // 2
    exponent = np.frexp(np.abs(matrix).max(axis=1, initial=0.0))[1][:, None]
    parts = []
    for cut in (bits, 2 * bits):
        shift = np.ldexp(1.5, 52 + exponent - cut)  # adding it rounds to multiples of 2^(exponent - cut)
        part = (matrix + shift) - shift
        matrix = matrix - part
        parts.append(part)
    return np.vstack([*parts, matrix])


def _product(parts: np.ndarray, right: DoubleDouble) -> DoubleDouble:
    """The product of the matrix that was cut into `parts` with `right` (p, k)."""
    k = right.shape[1]
    cut = _parts(np.ascontiguousarray(right.hi.T), len(right.hi))
    cut[2 * k :] += right.lo.T
    products = (parts @ cut.T).reshape(3, -1, 3, k)
    # The product of the i-th and the j-th part is about 2^-20 (i + j) of the whole; those of the first two are exact.
    small = products[0, :, 2] + products[1, :, 1] + products[2, :, 0] + products[1, :, 2] + products[2, :, 1]
    return DoubleDouble(products[0, :, 0]) + products[0, :, 1] + products[1, :, 0] + (small + products[2, :, 2])
