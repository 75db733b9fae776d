"""Variables of a softmax regression that starts near its minimum, as along a path of alphas: by the Hessian there.

Böhning's bound is the Hessian at zero up to a constant. Where classes are told apart already, rows that are sure of
their class have no curvature left, and the Hessian of the cross entropy at the start,

    H = sum_i w_i (diag(p_i) - p_i p_i') kron z_i z_i',    z_i = [x_i, 1],    sum_i w_i = 1,

is far from it. Its blocks that hold the weights of one class,

    H_c = sum_i w_i p_ic (1 - p_ic) z_i z_i',

cost K^2 times less than the whole, and L-BFGS soon finds what one class's weights have to do with another's: in the
variables u_c = L_c'theta_c with L_c L_c' = H_c + alpha I, it takes a fraction of the iterations.

The loss does not depend on the mean of theta over the classes. H has no curvature there, and its blocks do: left in u,
the mean would be a direction that only the penalty curves, and take more iterations than all others. So u is of theta
less the mean, and the mean is a variable by itself.

A share of the bound is added to the blocks, so that a start far from the minimum, where H vanishes, does no harm.

For penalties with kinks, whose bounds allow no more than a scale for each weight, H's diagonal serves. For others, in
place of blocks that are too much, it does not: scales that are not those of all classes mix in the mean, too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from scipy.linalg import blas
from scipy.special import softmax

from skdl.linear.softmax.preconditioner import (
    BOUND_SHARE,
    DiagonalPreconditioner,
    golden_ratio_sample,
    gram_weight,
    regularised_cholesky,
)
from skdl.linear.softmax.row_blocks import RowBlocks

# Rows of the sample; twice as many cost twice the time, and save few iterations.
ROWS_PER_COLUMN, LEAST_SAMPLE = 16, 2048
MOST_ELEMENTS = 2**23  # of all blocks: 64 MiB
COST = 50  # evaluations of the objective that the blocks may cost, in multiplications (which are cheaper there)
LEAST_EVALUATION = 2**19  # multiplications, below which an evaluation costs no less
BLOCK_ROWS, BLOCK_ELEMENTS = 256, 2**20


def hessian_pays_off(n_rows: int, n_columns: int, n_classes: int, entries: float) -> bool:
    """True if the Hessian's blocks save more time than they cost, for rows with so many entries in all."""
    size = (n_columns + 1) ** 2 * n_classes
    affordable = COST * max(2 * entries * n_classes, LEAST_EVALUATION)
    return size <= MOST_ELEMENTS and _sample_size(n_rows, n_columns) * size <= affordable


class HessianPreconditioner(DiagonalPreconditioner):
    """The variables u_c of the Hessian's blocks at a point, class after class, and the mean over the classes."""

    def __init__(self, blocks: RowBlocks, alpha: np.ndarray, n_biases: int, theta: np.ndarray):
        super().__init__(blocks, alpha)
        n_classes = self.shape[1]
        matrices, gram = _hessian(blocks, _sample_size(blocks.n, self.shape[0]), *self.unpack(theta))
        own, bound = alpha, self.weight_scale[:, 0] ** 2
        if n_biases:
            own, bound = np.append(own, 0.0), np.append(bound, gram_weight(n_classes))
        gram *= BOUND_SHARE * gram_weight(n_classes)
        # A column that the sample happens to miss gets that share of its bound, from all rows.
        factors = (
            regularised_cholesky(each + gram, BOUND_SHARE * bound, own, np.dtype(np.float64)) for each in matrices
        )
        self.factors = [np.asfortranarray(factor) for factor in factors]
        self.of_mean = np.sqrt(np.where(own > 0, n_classes * own, 1.0))

    def point(self, theta: np.ndarray) -> np.ndarray:
        each = theta.reshape(-1, len(self.factors))
        mean = each.mean(axis=1)
        return np.append(self._by_class(blas.dtrmv, each - mean[:, None], trans=1), mean * self.of_mean)

    def theta(self, point: np.ndarray) -> np.ndarray:
        size = len(self.of_mean)
        each = self._by_class(blas.dtrsv, point[:-size].reshape(size, -1), trans=1)
        return np.asarray((each - (each.mean(axis=1) - point[-size:] / self.of_mean)[:, None]).ravel())

    def transform_gradient(self, gradient: np.ndarray) -> np.ndarray:
        each = gradient.reshape(-1, len(self.factors))
        mean = each.mean(axis=1)
        by_class = self._by_class(blas.dtrsv, each - mean[:, None], trans=0)
        return np.append(by_class, len(self.factors) * mean / self.of_mean)

    def _by_class(self, product: Callable[..., np.ndarray], each: np.ndarray, trans: int) -> np.ndarray:
        """The products (d + 1, K) of each class's factor with its column, which holds its weights and its bias."""
        found = [product(L, x, lower=1, trans=trans) for L, x in zip(self.factors, each.T, strict=True)]
        return np.column_stack(found)


def hessian_diagonal(blocks: RowBlocks, theta: np.ndarray) -> np.ndarray:
    """The diagonal of the Hessian at theta, (P,), from all rows: a sample of sparse ones would miss columns."""
    d, n_classes = blocks.n_columns, len(blocks.targets)
    weight, bias = theta[: d * n_classes].reshape(d, n_classes), theta[d * n_classes :]
    folded, shifted = blocks.fold(weight, bias if len(bias) else np.zeros(n_classes))

    def uncertain(x: Any, part: slice) -> np.ndarray:
        p = softmax(x @ folded + shifted, axis=1)
        return np.asarray(p * (1 - p) * blocks.weight[part][:, None])

    of_weight, of_bias = blocks.sums_of_squares(uncertain)
    return np.append(np.maximum(of_weight, 0.0).T.ravel(), of_bias[: len(bias)])


def _sample_size(n_rows: int, n_columns: int) -> int:
    return min(n_rows, max(ROWS_PER_COLUMN * n_columns, LEAST_SAMPLE))


def _hessian(blocks: RowBlocks, size: int, weight: np.ndarray, bias: np.ndarray) -> tuple[list[np.ndarray], np.ndarray]:
    """The Hessian's blocks, one for each class, and the Gram matrix of the rows z, in lower triangles, from a sample.

    The weights are (d, K), the biases (K,) or (0,).
    """
    n_columns, n_classes = len(weight) + bool(len(bias)), weight.shape[1]
    totals = [np.zeros((n_columns, n_columns), order="F") for _ in range(n_classes + 1)]
    for x, p, share_of in _sampled(blocks, size, weight, bias):
        z = np.column_stack([x, np.ones(len(x))]) if len(bias) else x
        roots = np.sqrt(share_of[:, None] * np.column_stack([p * (1 - p), np.ones(len(x))]))
        for total, root in zip(totals, roots.T, strict=True):
            blas.dsyrk(1.0, (z * root[:, None]).T, beta=1.0, c=total, lower=1, overwrite_c=1)
    return totals[:-1], totals[-1]


def _sampled(
    blocks: RowBlocks, size: int, weight: np.ndarray, bias: np.ndarray
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Standardised rows, their probabilities and their shares of all weight, block by block of a sample."""
    index = np.arange(blocks.n) if size == blocks.n else golden_ratio_sample(blocks.n, size)
    share_of = blocks.weight[index] / (blocks.weight[index].sum() or 1.0)
    step = max(1, min(BLOCK_ROWS, BLOCK_ELEMENTS // blocks.n_columns))
    for start in range(0, len(index), step):
        part = index[start : start + step]
        x = np.empty((len(part), blocks.n_columns))
        blocks.standardised(part, x)
        scores = x @ weight + (bias if len(bias) else 0.0)
        yield x, softmax(scores, axis=1), share_of[start : start + step]
