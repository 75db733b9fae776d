"""Least squares from one pass over the rows: the Gram matrix of centred columns, its Cholesky factor, and refinement.

With the rows' columns x and targets y, the matrix C = sum_i w_i [x_i, y_i, 1]' [x_i, y_i, 1] is all that least squares
needs. It costs one symmetric product of the x and a thin one with the y and ones, block by block of a size that stays
in the cache. The ones give the sums s, so that C - s s' / sum w is the Gram matrix of the exactly centred columns.
Rows should come roughly centred, for what the subtraction cancels is lost.

The Gram matrix G has the squared condition of the rows, so everything that follows is there to notice when that hurts:

- columns are brought to unit length first, so that their units play no role;
- LAPACK estimates the condition of the scaled G; together with what centring cancelled it gives the `safety`, to which
  the first solution's error is inversely proportional. Below MIN_SAFETY nothing is returned: the caller takes QR;
- below REFINE_SAFETY, or where the residual sum of squares cancelled, further passes compute the residuals of the rows
  themselves, the gradient X'r, and the correction G^-1 X'r. Each shrinks the error by about as much as the first
  solution was wrong, until it is that of a backward stable method. A pass that does not shrink it ends in QR, too.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import NamedTuple

import numpy as np
from scipy.linalg import cho_solve, lapack, solve_triangular

from skdl._threads import one_blas_thread
from skdl.linear.solvers.blocks import WIDE, DesignBlocks
from skdl.linear.solvers.double_double import two_sum
from skdl.linear.solvers.reduction import EPS, Reduction
from skdl.linear.solvers.syrk import rank_k_update

MIN_SAFETY = 1e-8
REFINE_SAFETY = 1e-3
MAX_PASSES = 4
MAX_CHANGE = 0.01  # a larger correction belies the estimated condition
CANCELLED = 1e-6  # share of the targets' squares below which their residuals are summed from the rows
NEGLIGIBLE = 1e-6  # share of the targets' length that fitted values need for digits of their own
TILE = 128  # columns of a matrix taken at a time, so that they stay in the cache
SMALLEST, LARGEST = 1e-250, 1e250  # sums of squares outside of this range lost digits to underflow, or overflowed


class Gram(NamedTuple):
    """Cross products of the columns [x, y], centred or not."""

    products: np.ndarray  # (d + k, d + k)
    mean: np.ndarray  # (d + k,) of the rows as they were written; zero where they are not centred
    squares: np.ndarray  # (d + k,) sums of squares of the rows as they were written
    weight: float  # of all rows

    @property
    def is_finite(self) -> bool:
        """True if every number of the rows was finite, and no square overflowed."""
        return bool(np.isfinite(self.squares).all())


def accumulate(blocks: DesignBlocks, *, centred: bool) -> Gram:
    """The Gram matrix in one pass; `centred` is about the weighted mean, exactly."""
    [total] = blocks.sum(_add_products, (blocks.width, blocks.width))
    products, sums, weight = total[:-1, :-1], total[:-1, -1].copy(), float(total[-1, -1])
    squares = products.diagonal().copy()
    mean = np.zeros(len(sums))
    if centred:
        with np.errstate(all="ignore"):
            mean = sums / weight
            for start in range(0, len(sums), TILE):
                stop = start + TILE
                products[:stop, start:stop] -= np.multiply.outer(mean[:stop], sums[start:stop])
    mirror(products)
    return Gram(products, mean, squares, weight)


def _add_products(x: np.ndarray, y: np.ndarray, total: np.ndarray) -> None:
    """The upper triangle of [x, y]' [x, y]."""
    d = x.shape[1]
    rank_k_update(x, total[:d, :d])
    total[:d, d:] += (y.T @ x).T  # this way round both are read as they lie in memory
    total[d:, d:] += y.T @ y


def mirror(products: np.ndarray) -> None:
    """Copy the upper triangle, which is all that a symmetric product gives, below."""
    for i in range(0, len(products), TILE):
        here = slice(i, i + TILE)
        tile = products[here, here]
        tile[...] = np.triu(tile) + np.triu(tile, 1).T
        products[i + TILE :, here] = products[here, i + TILE :].T


class GramSolution(NamedTuple):
    coef: np.ndarray  # (d, k)
    rss: np.ndarray  # (k,) residual sums of squares, weighted
    reduction: Reduction
    safety: float  # the error of `coef` before refinement was about EPS / safety
    n_passes: int  # over the rows, for refinement


def solve_gram(
    gram: Gram,
    blocks: DesignBlocks,
    *,
    centred: bool,
    penalty: np.ndarray | None = None,
    prior: np.ndarray | float = 0.0,
    offset: np.ndarray | float = 0.0,
    threshold: float = 0.0,
) -> GramSolution | None:
    """Coefficients that minimise sum_i w_i |y_i - x_i w - b|^2 + (w - prior)' penalty (w - prior), or None if unsafe.

    Parameters
    ----------
    gram : Gram
        Of these blocks, by `accumulate` or in any other way.
    penalty : array of shape (d,) or (d, d), or None
        A diagonal, or a symmetric matrix that is positive semidefinite.
    prior : array of shape (d, k) or 0
    offset : array of shape (d + k,) or 0
        What the columns, as the blocks have them, lack: the rough centre that `fill` and the targets leave out.
    threshold : float
        If columns (with offset) of unit length may be closer to dependence than this, None is returned.
    """
    d = blocks.d
    x, right, tss = gram.products[:d, :d], gram.products[:d, d:], gram.products.diagonal()[d:]
    centred_squares = gram.products.diagonal()
    if not (gram.is_finite and (centred_squares > SMALLEST).all() and (gram.squares < LARGEST).all()):
        return None
    length = np.sqrt(centred_squares[:d])
    scale = 1.0 / length
    factor, rcond = factorise(x, scale)
    safety = rcond * (centred_squares / gram.squares).min()
    mean, mean_rest = two_sum(gram.mean, np.broadcast_to(offset, gram.mean.shape))
    x_norm = np.hypot(length, np.sqrt(gram.weight) * mean[:d])
    if safety < MIN_SAFETY or np.sqrt(rcond) * (length / x_norm).min() < 4 * threshold:
        return None
    normal, normal_scale = factor, scale
    if penalty is not None:
        matrix = x + (np.diag(penalty) if penalty.ndim == 1 else penalty)
        normal_scale = 1.0 / np.sqrt(matrix.diagonal())
        normal, normal_rcond = factorise(matrix, normal_scale)
        if normal_rcond < MIN_SAFETY:
            return None

    def pull(coef: np.ndarray) -> np.ndarray:
        """Half the gradient of the penalty."""
        if penalty is None:
            return np.zeros_like(coef)
        return penalty[:, None] * (coef - prior) if penalty.ndim == 1 else penalty @ (coef - prior)

    def step_of(gradient: np.ndarray) -> np.ndarray:
        scaled = cho_solve((normal, False), normal_scale[:, None] * gradient, check_finite=False)
        return np.asarray(normal_scale[:, None] * scaled)

    at, x_r = np.zeros_like(right), right  # a point, and the products of the columns with the residuals there
    with _without_numpy_threads(d):
        coef = step_of(right - pull(at))
        rss = tss - np.einsum("ij,ij->j", coef, 2 * right - x @ coef)
    n_passes = 0
    if safety < REFINE_SAFETY or (rss < CANCELLED * tss).any():
        first, wrong = 0.0, 1.0
        while wrong > 4 * EPS and n_passes < MAX_PASSES:
            n_passes += 1
            at = coef
            x_r, rss = _residual_products(gram, blocks, at, centred=centred)
            step = step_of(x_r - pull(at))
            coef = at + step
            rss = rss - np.einsum("ij,ij->j", step, 2 * x_r - x @ step)
            # Coefficients near zero cannot be exact relative to themselves: their error is one of the targets' size.
            size = np.maximum(np.linalg.norm(length[:, None] * coef, axis=0), NEGLIGIBLE * np.sqrt(tss))
            change = float((np.linalg.norm(length[:, None] * step, axis=0) / size).max())
            if not change < MAX_CHANGE:
                return None
            # The first correction says how wrong the factor is, and hence what it leaves of every later error.
            first = first or change
            wrong = change * first
    rss = np.maximum(rss, 0.0)
    root = np.zeros((d + 1, d), order="F")
    np.divide(factor, scale, out=root[:d])
    with _without_numpy_threads(d):
        target = root[:d] @ at + solve_triangular(factor, scale[:, None] * x_r, trans="T", check_finite=False)
    reduction = Reduction(
        root,
        np.vstack([target, np.sqrt(rss)]),
        mean[:d],
        mean[d:],
        x_norm,
        gram.weight,
        mean_rest=mean_rest,
    )
    return GramSolution(coef, rss, reduction, safety, n_passes)


def _without_numpy_threads(d: int) -> AbstractContextManager[None]:
    """Around products by NumPy: its threads would wait for those of SciPy that just factorised and still spin."""
    return one_blas_thread() if d >= WIDE else nullcontext()


def factorise(matrix: np.ndarray, scale: np.ndarray) -> tuple[np.ndarray, float]:
    """Upper Cholesky factor of the scaled matrix, and an estimate of its reciprocal condition; 0 if it has none."""
    scaled, norm = np.empty(matrix.shape, order="F"), 0.0
    for start in range(0, len(matrix), TILE):
        tile = scaled[:, start : start + TILE]
        np.multiply(matrix[:, start : start + TILE], scale[start : start + TILE], out=tile)
        tile *= scale[:, None]
        norm = max(norm, float(np.abs(tile).sum(axis=0).max()))
    factor, info = lapack.dpotrf(scaled, overwrite_a=True)
    if info != 0:
        return factor, 0.0
    return factor, float(lapack.dpocon(factor, norm)[0])


def _residual_products(
    gram: Gram, blocks: DesignBlocks, coef: np.ndarray, *, centred: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Products of the (centred) columns with the residuals of the rows themselves, and the residuals' squares."""
    d, k = blocks.d, blocks.k
    intercept = gram.mean[d:] - gram.mean[:d] @ coef
    rest = np.vstack([np.eye(k), -intercept])

    def add(x: np.ndarray, y: np.ndarray, x_r: np.ndarray, sums: np.ndarray) -> None:
        r = y @ rest - x @ coef
        x_r += x.T @ r
        sums[0] += y[:, k] @ r
        sums[1] += np.einsum("ij,ij->j", r, r)

    x_r, (sums, rss) = blocks.sum(add, (d, k), (2, k))
    if centred:
        x_r = x_r - np.multiply.outer(gram.mean[:d], sums)
        rss = rss - sums**2 / gram.weight
    return x_r, rss
