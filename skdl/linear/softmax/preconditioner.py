"""Variables in which the objective of a softmax regression has nearly the same curvature in all directions.

The cross entropy's Hessian is the mean of (diag(p_i) - p_i p_i') kron x_i x_i'. Whatever the weights, it is at most

    1/2 (I - 11'/K) kron X'X / n    (Böhning's bound),    and at W = 0 it is    1/K (I - 11'/K) kron X'X / n:

most of what makes it badly conditioned is the Gram matrix of the rows, which does not change in the search. With the
Cholesky factor L of

    c X'X / n + alpha I = L L',    u = L'W,    df/du = L^-1 df/dW

the Hessian by u is near a multiple of the identity, and L-BFGS, which estimates the rest from few steps, needs several
times fewer iterations: in W's own variables this is L-BFGS with (c X'X/n + alpha I)^-1 as its first inverse Hessian.
Any c > 0 does; c weighs the loss against the penalty. Its share of the diagonal at W = 0 is (1 - 1/K) / K; a fit that
becomes sure of its rows has less, down to a tenth. A third of it is never far off, and was best on MNIST.

Rows are a means here, not the data: some 32 times as many as columns estimate the Gram matrix well enough. A column
that the sample happens to miss gets its curvature on the diagonal, from all rows.

Where the matrix costs more than it saves, its diagonal takes its place.

A penalty with kinks, lambda |w|, is searched with w = w+ - w- and both parts at least zero, where lambda (w+ + w-) is
smooth: the bounds hold coefficients at exactly zero.

References
----------
D. Böhning, "Multinomial logistic regression algorithm", Annals of the Institute of Statistical Mathematics 44, 1992.
R. H. Byrd, P. Lu, J. Nocedal, C. Zhu, "A limited memory algorithm for bound constrained optimization", SIAM J. Sci.
Comput. 16, 1995.
"""

from __future__ import annotations

from functools import reduce

import numpy as np
from scipy.linalg import LinAlgError, blas, cholesky, lapack

from skdl.linear.softmax.row_blocks import RowBlocks

ROWS_PER_COLUMN = 32  # of the sample; 8 need a third more iterations, all no fewer
LEAST_SAMPLE = 4096
FEWEST_PER_COLUMN = 8
COST = 150  # evaluations of the objective that the Gram matrix may cost, in multiplications (which are cheaper there)
MOST_COLUMNS = 5000
MISSED = 0.25  # share of a column's curvature below which the sample has missed it
BOUND_SHARE = 0.01  # share of the bound that is added to a curvature that is known, which may vanish
GROUPS = 4  # of rows in the Gram matrix, added in order


def gram_sample_size(n_rows: int, n_columns: int, n_classes: int) -> int:
    """Rows of the sample for the Gram matrix; 0 where it is not worth its price."""
    affordable = COST * n_rows * n_classes // n_columns
    size = min(n_rows, max(ROWS_PER_COLUMN * n_columns, LEAST_SAMPLE), affordable)
    worth = n_columns <= min(n_rows, MOST_COLUMNS) and size >= min(n_rows, FEWEST_PER_COLUMN * n_columns)
    return size if worth else 0


def gram_weight(n_classes: int) -> float:
    """The factor c of the Gram matrix."""
    n_classes = max(n_classes, 2)
    return (1 - 1 / n_classes) / (3 * n_classes)


class DiagonalPreconditioner:
    """Each parameter times the root of its curvature: of the bound, or as it is `known`, an array (P,)."""

    lower: np.ndarray | None = None

    def __init__(self, blocks: RowBlocks, alpha: np.ndarray, known: np.ndarray | None = None):
        c = gram_weight(len(blocks.targets))
        self.mean_squares = blocks.mean_squares()
        self.shape = (blocks.n_columns, len(blocks.targets))
        curvature, of_bias = (c * self.mean_squares)[:, None], np.full(1, c)
        if known is not None:
            of_weights, of_biases = self.unpack(known)
            curvature, of_bias = of_weights + BOUND_SHARE * curvature, of_biases + BOUND_SHARE * of_bias
        curvature = curvature + alpha[:, None]
        self.weight_scale = np.sqrt(np.where(curvature > 0, curvature, 1.0))
        self.bias_scale = np.sqrt(of_bias)

    def unpack(self, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Weights (d, K) and biases (K,) of a flat array."""
        d, n_classes = self.shape
        return theta[: d * n_classes].reshape(self.shape), theta[d * n_classes :]

    def point(self, theta: np.ndarray) -> np.ndarray:
        """The variables of parameters (P,)."""
        weight, bias = self.unpack(theta)
        return np.concatenate([(weight * self.weight_scale).ravel(), bias * self.bias_scale])

    def theta(self, point: np.ndarray) -> np.ndarray:
        """The parameters (P,) of variables."""
        weight, bias = self.unpack(point)
        return np.concatenate([(weight / self.weight_scale).ravel(), bias / self.bias_scale])

    def transform_gradient(self, gradient: np.ndarray) -> np.ndarray:
        """The gradient by the variables, from that by the parameters."""
        return self.theta(gradient)

    def excess(self, point: np.ndarray) -> float:
        """The difference of the value that is minimised from the objective, at least 0."""
        return 0.0


class SplitPreconditioner(DiagonalPreconditioner):
    """The diagonal one, with each weight's difference from the prior in two parts, a positive and a negative one."""

    def __init__(
        self,
        blocks: RowBlocks,
        alpha: np.ndarray,
        known: np.ndarray | None,
        kink: np.ndarray,
        prior: np.ndarray,
        n_biases: int,
    ):
        super().__init__(blocks, alpha, known)
        self.prior = np.concatenate([prior, np.zeros(n_biases)])
        self.kink = (kink.reshape(self.shape) / self.weight_scale).ravel()
        self.lower = np.concatenate([np.zeros(2 * self.kink.size), np.full(n_biases, -np.inf)])

    def point(self, theta: np.ndarray) -> np.ndarray:
        point = super().point(theta - self.prior)
        part, bias = point[: self.kink.size], point[self.kink.size :]
        return np.concatenate([np.maximum(part, 0), np.maximum(-part, 0), bias])

    def theta(self, point: np.ndarray) -> np.ndarray:
        positive, negative, bias = self._parts(point)
        return np.asarray(super().theta(np.concatenate([positive - negative, bias])) + self.prior)

    def transform_gradient(self, gradient: np.ndarray) -> np.ndarray:
        slope = super().theta(gradient)
        part, bias = slope[: self.kink.size], slope[self.kink.size :]
        return np.concatenate([self.kink + part, self.kink - part, bias])

    def excess(self, point: np.ndarray) -> float:
        positive, negative, _ = self._parts(point)
        return 2 * float(self.kink @ np.minimum(positive, negative))

    def _parts(self, point: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        size = self.kink.size
        return point[:size], point[size : 2 * size], point[2 * size :]


class BohningPreconditioner(DiagonalPreconditioner):
    """The variables u = L'W of the Gram matrix of a sample of rows.

    Each evaluation solves with L twice: of few columns, scipy's own checks would take four times as long as LAPACK.
    """

    def __init__(self, blocks: RowBlocks, alpha: np.ndarray):
        super().__init__(blocks, alpha)
        size = gram_sample_size(blocks.n, *self.shape)
        self.factor = regularised_cholesky(
            gram_weight(self.shape[1]) * _gram(blocks, size), self.weight_scale[:, 0] ** 2, alpha, blocks.dtype
        )

    def point(self, theta: np.ndarray) -> np.ndarray:
        weight, bias = self.unpack(theta)
        return np.concatenate([(self.factor.T @ weight).ravel(), bias * self.bias_scale])

    def theta(self, point: np.ndarray) -> np.ndarray:
        weight, bias = self.unpack(point)
        weight, _ = lapack.dtrtrs(self.factor, weight, lower=1, trans=1)
        return np.concatenate([weight.ravel(), bias / self.bias_scale])

    def transform_gradient(self, gradient: np.ndarray) -> np.ndarray:
        weight, bias = self.unpack(gradient)
        weight, _ = lapack.dtrtrs(self.factor, weight, lower=1)
        return np.concatenate([weight.ravel(), bias / self.bias_scale])


def _gram(blocks: RowBlocks, size: int) -> np.ndarray:
    """The weighted mean of x x' over a sample of standardised rows, of shape (d, d), in its lower triangle."""
    index = np.arange(blocks.n) if size == blocks.n else golden_ratio_sample(blocks.n, size)
    weight = blocks.weight[index]
    root = np.sqrt(weight / (weight.sum() or 1.0)).astype(blocks.dtype)
    syrk = blas.ssyrk if blocks.dtype == np.float32 else blas.dsyrk

    def group(places: np.ndarray) -> np.ndarray:
        out = np.empty((min(len(places), 1024), blocks.n_columns), blocks.dtype)
        total = np.zeros((blocks.n_columns,) * 2, blocks.dtype, order="F")
        for start in range(0, len(places), len(out)):
            part = places[start : start + len(out)]
            x = out[: len(part)]
            blocks.standardised(index[part], x)
            x *= root[part][:, None]
            total = syrk(1.0, x.T, beta=1.0, c=total, lower=1, overwrite_c=1)
        return total

    groups = np.array_split(np.arange(len(index)), min(GROUPS, len(index)))
    return reduce(np.add, blocks.map(group, groups)).astype(np.float64)


def golden_ratio_sample(n_rows: int, size: int) -> np.ndarray:
    """About `size` rows, spread evenly by multiples of the golden ratio, which meet no period of the data."""
    return np.unique((np.arange(1, size + 1) * ((np.sqrt(5) - 1) / 2) % 1 * n_rows).astype(np.intp))


def regularised_cholesky(matrix: np.ndarray, diagonal: np.ndarray, alpha: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """The lower Cholesky factor of the matrix with alpha added, `diagonal` being that of all rows.

    Only what is far below it is raised: more on the diagonal would hide that columns depend on each other. What
    rounding takes from a semidefinite matrix is put back there, too, as little as it takes.
    """
    own = matrix.diagonal() + alpha
    missing = np.where(own < MISSED * diagonal, diagonal - own, 0.0)
    ridge = np.finfo(dtype).eps * max(diagonal.max(), np.finfo(np.float64).tiny)
    while True:
        np.fill_diagonal(matrix, own + missing + ridge)
        try:
            return np.asarray(cholesky(matrix, lower=True, check_finite=False))
        except LinAlgError:
            ridge *= 100.0
