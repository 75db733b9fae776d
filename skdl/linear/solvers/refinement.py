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

from skdl.linear.solvers.double_double import DoubleDouble, two_sum
from skdl.linear.solvers.reduction import EPS, column_norms

BLOCK_ELEMENTS = 2**14  # of the rows, of which a dozen temporary arrays are made within the cache
MOST_ROWS = 2**13  # of a block: more terms in a sum leave fewer bits for each part
KEPT_ELEMENTS = 2**17  # rows of so many numbers are cut into parts only once
MAX_PASSES = 5
CAUTION = 2.0**20
MAX_CHANGE = 0.1  # a first correction of this relative size says that the triangle is useless


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
    x_mean_rest: np.ndarray | float,
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
    x_mean, y_mean : arrays of shape (d,) and (k,)
        The means, rounded; zero without intercept.
    x_mean_rest : array of shape (d,) or 0
        What rounding took from `x_mean`.
    total : float
        Sum of the weights.
    """
    d, k = coef.shape
    # Columns and targets are scaled by powers of two, which is exact, so that all of them are of the size of one.
    x_unit = _power_of_two(column_norms(triangle) / np.sqrt(total))
    y_unit = _power_of_two(np.abs(y - y_mean).max(axis=0))
    unit = y_unit / x_unit[:, None]
    w, b, goal = DoubleDouble(coef / unit), DoubleDouble(np.zeros(k)), prior / unit
    rest = x_mean_rest / x_unit  # of the columns' means, when x_mean is taken away
    root, pull = triangle / x_unit, None if penalty is None else penalty / x_unit**2
    step = max(1, min(BLOCK_ELEMENTS // (d + 1), MOST_ROWS))
    starts = range(0, len(y), step)

    @lru_cache(maxsize=None if len(y) * (d + 1) <= KEPT_ELEMENTS else 0)
    def parts_of(start: int) -> tuple[np.ndarray, np.ndarray, DoubleDouble]:
        part = slice(start, start + step)
        # Less their means, columns far from zero lose nothing: what rounding takes is kept.
        x, x_rest = two_sum(rows(part) / x_unit, -x_mean / x_unit)
        x, x_rest = (np.hstack([block, np.full((len(block), 1), value)]) for block, value in ((x, 1.0), (x_rest, 0.0)))
        targets = DoubleDouble(*two_sum(y[part] / y_unit, -y_mean / y_unit))
        return _parts(x, x_rest), _parts(np.ascontiguousarray(x.T), x_rest.T), targets

    def residual_products() -> tuple[DoubleDouble, np.ndarray]:
        """[X, 1]' W r and r' W r, where r are the residuals of all rows."""
        gradient, rss = DoubleDouble(np.zeros((d + 1, k))), np.zeros(k)
        solution = DoubleDouble(np.vstack([w.hi, b.hi]), np.vstack([w.lo, b.lo]))
        for start in starts:
            across, down, targets = parts_of(start)
            r = targets - _product(across, solution)
            weighted = r if weight is None else r * weight[start : start + step, None]
            gradient = gradient + _product(down, weighted)
            rss += np.einsum("ij,ij->j", r.hi, weighted.hi)
        return gradient, rss

    factor = 0.0
    for _ in range(MAX_PASSES):
        gradient, rss = residual_products()
        sums = gradient[d].hi * float(fit_intercept)
        x_r = gradient[:d] - np.multiply.outer(rest, sums)
        slope = x_r if pull is None else x_r - (w - goal) * pull[:, None]
        correction = solve_triangular(root, slope.hi, trans="T", check_finite=False)
        correction = solve_triangular(root, correction, check_finite=False)
        # What the corrections take away, so that the residuals need not be computed once more.
        rss -= np.sum(correction * (2 * x_r.hi - slope.hi), axis=0) + sums**2 / total
        if pull is not None:
            rss -= pull @ correction**2
        w, b = w + correction, b + (sums / total - rest @ correction)
        change = float(_relative(np.linalg.norm(correction, axis=0), np.linalg.norm(w.hi, axis=0), 2.0**-26).max())
        if not change < MAX_CHANGE:
            return None
        # How wrong the first guess was says what a pass leaves of an error, but for a factor that depends on the data.
        factor = factor or CAUTION * max(change, EPS)
        if (_relative(np.abs(correction), np.abs(w.hi), EPS) * factor < EPS / 8).all():
            break
    intercept = b + y_mean / y_unit - (w * (x_mean / x_unit)[:, None]).sum(axis=0)
    with np.errstate(over="ignore", invalid="ignore"):  # sums of squares may be out of range where nothing else is
        return Refined(w.hi * unit, intercept.hi * y_unit, np.maximum(rss, 0.0) * y_unit * y_unit)


def _relative(change: np.ndarray, size: np.ndarray, least: float) -> np.ndarray:
    return np.asarray(change / np.maximum(size, least))  # columns and targets are of the size of one


def _power_of_two(size: np.ndarray) -> np.ndarray:
    """The least power of two above each size; 1 for 0."""
    return np.ldexp(1.0, np.frexp(np.where(size > 0, size, 0.5))[1])


def _parts(matrix: np.ndarray, rest: np.ndarray) -> np.ndarray:
    """Three matrices, one below the other, with sum `matrix + rest` (n, p): two of few bits a row, and what is left.

    Few means that sums of p products of parts with parts as short have no more than 53 bits.
    """
    bits = (53 - matrix.shape[1].bit_length()) // 2
    exponent = np.frexp(np.abs(matrix).max(axis=1, initial=0.0))[1][:, None]
    parts = []
    for cut in (bits, 2 * bits):
        shift = np.ldexp(1.5, 52 + exponent - cut)  # adding it rounds to multiples of 2^(exponent - cut)
        part = (matrix + shift) - shift
        matrix = matrix - part
        parts.append(part)
    return np.vstack([*parts, matrix + rest])


def _product(parts: np.ndarray, right: DoubleDouble) -> DoubleDouble:
    """The product of the matrix that was cut into `parts` with `right` (p, k)."""
    k = right.shape[1]
    cut = _parts(np.ascontiguousarray(right.hi.T), right.lo.T)
    products = (parts @ cut.T).reshape(3, -1, 3, k)
    # The product of the i-th and the j-th part is about 2^-20 (i + j) of the whole; those of the first two are exact.
    small = products[0, :, 2] + products[1, :, 1] + products[2, :, 0] + products[1, :, 2] + products[2, :, 1]
    product: DoubleDouble = DoubleDouble(products[0, :, 0]) + products[0, :, 1] + products[1, :, 0]
    product = product + (small + products[2, :, 2])
    return product
