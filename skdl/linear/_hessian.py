"""Variables of a softmax regression that starts near its minimum, as along a path of alphas: by the Hessian there.

Böhning's bound is the Hessian at zero up to a constant. Where classes are told apart already, rows that are sure of
their class have no curvature left, and the Hessian of the cross entropy at the start,

    H = sum_i w_i (diag(p_i) - p_i p_i') kron z_i z_i',    z_i = [x_i, 1],    sum_i w_i = 1,

is far from it. In variables u = L'theta with L L' = H + alpha I, L-BFGS begins with Newton's step, and takes a fraction
of the iterations. A share of the bound is added, so that a start far from the minimum, where H vanishes, does no harm.

H has a row for each weight of each class. Where that is too much, the blocks of H that hold the weights of one class,

    H_c = sum_i w_i p_ic (1 - p_ic) z_i z_i',

cost K times less, and leave out what one class's weights have to do with another's. For penalties with kinks, whose
bounds allow no more than a scale for each weight, the diagonal serves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from scipy.linalg import blas, solve_triangular
from scipy.special import softmax

from skdl.linear._bohning import (
    MOST_COLUMNS,
    OF_BOUND,
    ROWS_PER_COLUMN,
    Diagonal,
    factor_of,
    share,
    spread_rows,
)
from skdl.linear._row_blocks import RowBlocks

MOST_VARIABLES = 1000
LEAST_SAMPLE = 2048  # rows; twice as many cost twice the time, and save no iterations
MOST_ELEMENTS = 2**23  # of all blocks: 64 MiB
COST = 50  # evaluations of the objective that H may cost, in multiplications (which are cheaper there)
LEAST_EVALUATION = 2**19  # multiplications, below which an evaluation costs no less
BLOCK_ROWS, BLOCK_ELEMENTS = 256, 2**20


def hessian_to_use(n_rows: int, n_columns: int, n_classes: int) -> str | None:
    """The Hessian ("hessian") or its blocks ("blocks"), whichever is worth its price."""
    size, sample = (n_columns + 1) * n_classes, _sample_size(n_rows, n_columns)
    affordable = COST * max(2 * n_rows * size, LEAST_EVALUATION)
    if size <= MOST_VARIABLES and sample * size**2 <= affordable:
        return "hessian"
    of_blocks = size * (n_columns + 1)
    return "blocks" if of_blocks <= MOST_ELEMENTS and sample * of_blocks <= affordable else None


class Hessian(Diagonal):
    """The variables u = L'theta of the Hessian at a point."""

    def __init__(self, blocks: RowBlocks, alpha: np.ndarray, n_biases: int, theta: np.ndarray):
        super().__init__(blocks, alpha)
        n_classes = self.shape[1]
        size = _sample_size(blocks.n, self.shape[0])
        matrix, gram = _hessian(blocks, size, *self.each(theta))
        by_class = matrix.reshape(len(gram), n_classes, len(gram), n_classes)
        for c in range(n_classes):
            by_class[:, c, :, c] += OF_BOUND * share(n_classes) * gram
        own = np.append(np.repeat(alpha, n_classes), np.zeros(n_biases))
        # A column that the sample happens to miss gets that share of its bound, from all rows.
        bound = np.append(np.repeat(self.root[:, 0] ** 2, n_classes), np.full(n_biases, share(n_classes)))
        self.factor = factor_of(matrix, OF_BOUND * bound, own, np.dtype(np.float64))

    def point(self, theta: np.ndarray) -> np.ndarray:
        return np.asarray(self.factor.T @ theta)

    def theta(self, point: np.ndarray) -> np.ndarray:
        return np.asarray(solve_triangular(self.factor, point, trans="T", lower=True, check_finite=False))

    def slope(self, gradient: np.ndarray) -> np.ndarray:
        return np.asarray(solve_triangular(self.factor, gradient, lower=True, check_finite=False))


class ClassBlocks(Diagonal):
    """The variables u_c = L_c'theta_c of the Hessian's blocks at a point, one for each class."""

    def __init__(self, blocks: RowBlocks, alpha: np.ndarray, n_biases: int, theta: np.ndarray):
        super().__init__(blocks, alpha)
        n_classes = self.shape[1]
        matrices, gram = _class_blocks(blocks, _sample_size(blocks.n, self.shape[0]), *self.each(theta))
        own, bound = alpha, self.root[:, 0] ** 2
        if n_biases:
            own, bound = np.append(own, 0.0), np.append(bound, share(n_classes))
        gram *= OF_BOUND * share(n_classes)
        double = np.dtype(np.float64)
        self.factors = [np.asfortranarray(factor_of(each + gram, OF_BOUND * bound, own, double)) for each in matrices]

    def point(self, theta: np.ndarray) -> np.ndarray:
        return self._by_class(blas.dtrmv, theta, trans=1)

    def theta(self, point: np.ndarray) -> np.ndarray:
        return self._by_class(blas.dtrsv, point, trans=1)

    def slope(self, gradient: np.ndarray) -> np.ndarray:
        return self._by_class(blas.dtrsv, gradient, trans=0)

    def _by_class(self, product: Callable[..., np.ndarray], theta: np.ndarray, trans: int) -> np.ndarray:
        """A product of each class's factor with its weights and its bias, which are a column of the array."""
        columns = theta.reshape(-1, len(self.factors)).T
        found = [product(L, x, lower=1, trans=trans) for L, x in zip(self.factors, columns, strict=True)]
        return np.column_stack(found).ravel()


def curvature_at(blocks: RowBlocks, theta: np.ndarray) -> np.ndarray | None:
    """The diagonal of the Hessian at theta, (P,), from a sample of rows; None for too many columns."""
    d, n_classes = blocks.n_columns, len(blocks.targets)
    if d > MOST_COLUMNS:
        return None
    weight, bias = theta[: d * n_classes].reshape(d, n_classes), theta[d * n_classes :]
    of_weight, of_bias = np.zeros(weight.shape), np.zeros(n_classes)
    for x, p, share_of in _sampled(blocks, min(blocks.n, LEAST_SAMPLE), weight, bias):
        uncertain = p * (1 - p) * share_of[:, None]
        of_weight += (x * x).T @ uncertain
        of_bias += uncertain.sum(axis=0)
    return np.append(of_weight, of_bias[: len(bias)])


def _sample_size(n_rows: int, n_columns: int) -> int:
    return min(n_rows, max(ROWS_PER_COLUMN * n_columns, LEAST_SAMPLE))


def _hessian(blocks: RowBlocks, size: int, weight: np.ndarray, bias: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The Hessian for weights (d, K) and biases (K,) or (0,), and the Gram matrix of the rows z, from a sample."""
    n_columns, n_classes = len(weight) + bool(len(bias)), weight.shape[1]
    outer = np.zeros((n_columns * n_classes,) * 2, order="F")
    weighted = np.zeros((n_classes, n_columns, n_columns))
    for x, p, share_of in _sampled(blocks, size, weight, bias):
        z = np.column_stack([x, np.ones(len(x))]) if len(bias) else x
        for c in range(n_classes):
            weighted[c] += (z * (share_of * p[:, c])[:, None]).T @ z
        products = z[:, :, None] * (p * np.sqrt(share_of)[:, None])[:, None, :]
        outer = blas.dsyrk(1.0, products.reshape(len(z), -1).T, beta=1.0, c=outer, lower=1, overwrite_c=1)
    matrix = np.negative(np.tril(outer), order="C")
    by_class = matrix.reshape(n_columns, n_classes, n_columns, n_classes)
    for c in range(n_classes):
        by_class[:, c, :, c] += weighted[c]
    return matrix, weighted.sum(axis=0)


def _class_blocks(
    blocks: RowBlocks, size: int, weight: np.ndarray, bias: np.ndarray
) -> tuple[list[np.ndarray], np.ndarray]:
    """The Hessian's blocks, one for each class, and the Gram matrix of the rows z, in lower triangles."""
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
    index = np.arange(blocks.n) if size == blocks.n else spread_rows(blocks.n, size)
    share_of = blocks.weight[index] / (blocks.weight[index].sum() or 1.0)
    step = max(1, min(BLOCK_ROWS, BLOCK_ELEMENTS // blocks.n_columns))
    for start in range(0, len(index), step):
        part = index[start : start + step]
        x = np.empty((len(part), blocks.n_columns))
        blocks.standardised(part, x)
        scores = x @ weight + (bias if len(bias) else 0.0)
        yield x, softmax(scores, axis=1), share_of[start : start + step]
