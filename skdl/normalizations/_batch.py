"""Batch normalization."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from skdl._array import Array, column, column_sum
from skdl._compiled import Loop, source_of
from skdl._constraints import OneOf, Real
from skdl._protocols import Backprop, Gradients, Normalization
from skdl._registry import register

ONE_ROW = (
    "Batch normalization had a batch of one row, which has no variance: it used the running statistics instead. "
    "Choose a batch_size that leaves no single row, or another normalization, such as 'layer'."
)


@register("batch")
class BatchNorm(Normalization):
    """Batch normalization: each unit is standardised over the rows of the batch, then scaled and shifted.

    y = gamma (x - mean_B(x)) / sqrt(var_B(x) + epsilon) + beta

    At prediction, mean and variance are running averages r <- momentum r + (1 - momentum) batch, which are used in
    training too, with a warning, when a batch has one row only (its variance says nothing).

    Parameters
    ----------
    momentum : float, default=0.9
        Share of the running averages that each batch keeps, in [0, 1).
    epsilon : float, default=1e-5
        Added to the variance, in (0, inf).
    statistics : {"running", "population"}, default="running"
        Statistics used at prediction: the running averages, or the exact mean and variance over all training rows with
        the final weights, computed by one more pass over the rows for each normalization after the fit.

    Shape
    -----
    (k, B, n) -> (k, B, n); learned gamma, beta and running mean, variance (k, 1, n)

    References
    ----------
    S. Ioffe, C. Szegedy, "Batch normalization", ICML 2015.

    Examples
    --------
    >>> from skdl import MLPClassifier
    >>> MLPClassifier(normalization="batch").set_params(normalization__momentum=0.99)
    MLPClassifier(normalization=BatchNorm(momentum=0.99))
    """

    folds = True
    constraints = {
        "momentum": Real(0, 1, open_high=True),
        "epsilon": Real(0, open_low=True),
        "statistics": OneOf("running", "population"),
    }
    per_member = ("momentum", "epsilon")
    one_row_warning = ONE_ROW

    def __init__(self, momentum: float = 0.9, *, epsilon: float = 1e-5, statistics: str = "running"):
        self.momentum = momentum
        self.epsilon = epsilon
        self.statistics = statistics

    @property
    def from_population(self) -> bool:
        """True if the statistics are those of all training rows."""
        return self.statistics == "population"

    def fold(self, *, gamma: Array, beta: Array, mean: Array, variance: Array) -> tuple[Array, Array]:
        scale = gamma / np.sqrt(variance + self.epsilon)
        return scale, beta - mean * scale

    def set_statistics(self, moments: tuple[Array, Array], **arrays: Array) -> None:
        arrays["mean"][...], arrays["variance"][...] = moments

    def parameters(self, n_units: int) -> dict[str, Array]:
        return {"gamma": np.ones((1, n_units)), "beta": np.zeros((1, n_units))}

    def buffers(self, n_units: int) -> dict[str, Array]:
        return {"mean": np.zeros((1, n_units)), "variance": np.ones((1, n_units))}

    def forward(
        self, x: Array, *, training: bool, gamma: Array, beta: Array, mean: Array, variance: Array
    ) -> tuple[Array, Backprop]:
        over_rows = training and x.shape[1] > 1
        x = np.ascontiguousarray(x)
        if over_rows:
            y, inverse_std = self._standardized(x, gamma, beta, mean, variance)
        else:
            inverse_std = 1 / np.sqrt(variance + self.epsilon)
            x -= mean
            x *= inverse_std
            y = x * gamma
            y += beta
        normalized = x

        def backprop(dy: Array) -> tuple[Array, Gradients]:
            dy = np.ascontiguousarray(dy)
            gradients = {"gamma": column_sum(dy * normalized), "beta": column_sum(dy)}
            if over_rows:  # mean and variance depend on x as well
                _adjoint_loop(dy.dtype).run(dy, normalized, gamma, inverse_std, gradients["gamma"], gradients["beta"])
            else:
                dy *= gamma * inverse_std
            return dy, gradients

        return y, backprop

    def _standardized(self, x: Array, gamma: Array, beta: Array, mean: Array, variance: Array) -> tuple[Array, Array]:
        """Standardise x in place by its rows; returns y and the inverse of the deviation. The averages run on."""
        momentum, epsilon = (column(number, 3, x.dtype) for number in (self.momentum, self.epsilon))
        sums, y = column_sum(x), np.empty_like(x)
        _centering_loop(x.dtype).run(x, sums, y)
        sums_of_squares = column_sum(y)
        _scaling_loop(x.dtype).run(x, y, sums, sums_of_squares, gamma, beta, mean, variance, momentum, epsilon)
        return y, sums_of_squares


@lru_cache(maxsize=8)
def _centering_loop(dtype: Any) -> Loop:
    """(x, sums, squares): the sums become means, x its distance from them."""
    real = f"{np.dtype(dtype).name}[:,:,::1]"
    return Loop(_center_by_numpy, source_of(_center), [f"void({real}, {real}, {real})"])


def _center_by_numpy(x: Array, sums: Array, squares: Array) -> None:
    sums /= x.shape[1]
    x -= sums
    np.multiply(x, x, squares)


def _center(x: Array, sums: Array, squares: Array) -> None:
    n_rows = x.dtype.type(x.shape[1])
    for j in range(x.shape[0]):
        means = sums[j, 0]
        for i in range(means.size):
            means[i] = means[i] / n_rows
        for r in range(x.shape[1]):
            x_r, squares_r = x[j, r], squares[j, r]
            for i in range(x_r.size):
                distance = x_r[i] - means[i]
                x_r[i] = distance
                squares_r[i] = distance * distance


@lru_cache(maxsize=8)
def _scaling_loop(dtype: Any) -> Loop:
    """(x, y, means, sums of squares, gamma, beta, running mean and variance, momentum, epsilon).

    The running averages go on, the sums become the inverse of the deviation, x the standardised, and y is made of it.
    """
    real = np.dtype(dtype).name
    whole, view = f"{real}[:,:,::1]", f"Array({real}, 3, 'A', readonly=True)"
    types = [whole] * 4 + [view] * 2 + [f"{real}[:,:,:]"] * 2 + [view] * 2
    return Loop(_scale_by_numpy, source_of(_scale), [f"void({', '.join(types)})"])


def _scale_by_numpy(
    x: Array,
    y: Array,
    means: Array,
    inverse_std: Array,
    gamma: Array,
    beta: Array,
    running_mean: Array,
    running_variance: Array,
    momentum: Array,
    epsilon: Array,
) -> None:
    inverse_std /= x.shape[1]
    share = 1 - momentum
    running_mean *= momentum
    running_mean += share * means
    running_variance *= momentum
    running_variance += share * inverse_std
    inverse_std += epsilon
    np.sqrt(inverse_std, inverse_std)
    np.divide(1, inverse_std, inverse_std)
    x *= inverse_std
    np.multiply(x, gamma, y)
    y += beta


def _scale(
    x: Array,
    y: Array,
    means: Array,
    inverse_std: Array,
    gamma: Array,
    beta: Array,
    running_mean: Array,
    running_variance: Array,
    momentum: Array,
    epsilon: Array,
) -> None:
    one, n_rows = x.dtype.type(1), x.dtype.type(x.shape[1])
    slopes, shifts = np.empty(x.shape[2], x.dtype), np.empty(x.shape[2], x.dtype)  # side by side, as the others are
    for j in range(x.shape[0]):
        kept = momentum[min(j, momentum.shape[0] - 1), 0, 0]
        added = epsilon[min(j, epsilon.shape[0] - 1), 0, 0]
        scales = inverse_std[j, 0]
        for i in range(scales.size):
            variance = scales[i] / n_rows
            running_mean[j, 0, i] = running_mean[j, 0, i] * kept + (one - kept) * means[j, 0, i]
            running_variance[j, 0, i] = running_variance[j, 0, i] * kept + (one - kept) * variance
            scales[i] = one / np.sqrt(variance + added)
            slopes[i], shifts[i] = gamma[j, 0, i], beta[j, 0, i]
        for r in range(x.shape[1]):
            x_r, y_r = x[j, r], y[j, r]
            for i in range(x_r.size):
                normalized = x_r[i] * scales[i]
                x_r[i] = normalized
                y_r[i] = normalized * slopes[i] + shifts[i]


@lru_cache(maxsize=8)
def _adjoint_loop(dtype: Any) -> Loop:
    """(dy, normalized, gamma, inverse_std, dgamma, dbeta): dy becomes dx."""
    real = np.dtype(dtype).name
    whole, view = f"{real}[:,:,::1]", f"Array({real}, 3, 'A', readonly=True)"
    return Loop(_adjoint_by_numpy, source_of(_adjoint), [f"void({whole}, {whole}, {view}, {whole}, {whole}, {whole})"])


def _adjoint_by_numpy(
    dy: Array, normalized: Array, gamma: Array, inverse_std: Array, dgamma: Array, dbeta: Array
) -> None:
    n_rows = dy.shape[1]
    dy -= dbeta / n_rows
    dy -= normalized * (dgamma / n_rows)
    dy *= gamma * inverse_std


def _adjoint(dy: Array, normalized: Array, gamma: Array, inverse_std: Array, dgamma: Array, dbeta: Array) -> None:
    n_rows = dy.dtype.type(dy.shape[1])
    shifts, slopes = np.empty(dy.shape[2], dy.dtype), np.empty(dy.shape[2], dy.dtype)
    scales = np.empty(dy.shape[2], dy.dtype)
    for j in range(dy.shape[0]):
        for i in range(scales.size):
            shifts[i], slopes[i] = dbeta[j, 0, i] / n_rows, dgamma[j, 0, i] / n_rows
            scales[i] = gamma[j, 0, i] * inverse_std[j, 0, i]
        for r in range(dy.shape[1]):
            dy_r, normalized_r = dy[j, r], normalized[j, r]
            for i in range(dy_r.size):
                dy_r[i] = (dy_r[i] - shifts[i] - normalized_r[i] * slopes[i]) * scales[i]
