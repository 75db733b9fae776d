"""Normalizations, between a layer's affine map and its activation."""

from __future__ import annotations

import numpy as np

from skdl._array import Array, matmul, namespace, transpose
from skdl._constraints import OneOf, Real
from skdl._protocols import Backprop, Gradients, Normalization
from skdl._registry import normalizations

__all__ = ["Batch", "Layer", "Normalization", "names", "register", "resolve"]

register, resolve, names = normalizations.register, normalizations.resolve, normalizations.names


def row_sum(x: Array) -> Array:
    """(k, B, n) -> (k, 1, n): a product with a row of ones, 3 to 9 times faster than a sum over the middle axis."""
    return matmul(transpose(namespace(x).ones((1, x.shape[1], 1), dtype=x.dtype)), x)


@register("batch")
class Batch(Normalization):
    """Batch normalization: each unit is standardised over the rows of the batch, then scaled and shifted.

    y = gamma (x - mean_B(x)) / sqrt(var_B(x) + epsilon) + beta

    At prediction, mean and variance are running averages r <- momentum r + (1 - momentum) batch, which are used in
    training too when a batch has one row only (its variance says nothing).

    Parameters
    ----------
    momentum : float, default=0.9
        Share of the running averages that each batch keeps, in [0, 1).
    epsilon : float, default=1e-5
        Added to the variance, in (0, inf).
    statistics : {"running", "population"}, default="running"
        What prediction uses: the running averages, or the exact mean and variance over all training rows with the final
        weights, computed by one more pass over the rows for each normalization after the fit.

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
    MLPClassifier(normalization=Batch(momentum=0.99))
    """

    folds = True
    _constraints = {
        "momentum": Real(0, 1, open_high=True),
        "epsilon": Real(0, open_low=True),
        "statistics": OneOf("running", "population"),
    }
    _per_member = ("momentum", "epsilon")

    def __init__(self, momentum: float = 0.9, *, epsilon: float = 1e-5, statistics: str = "running"):
        self.momentum = momentum
        self.epsilon = epsilon
        self.statistics = statistics

    @property
    def from_population(self) -> bool:
        """Whether the statistics are those of all training rows."""
        return self.statistics == "population"

    def fold(self, *, gamma: Array, beta: Array, mean: Array, variance: Array) -> tuple[Array, Array]:
        scale = gamma / namespace(variance).sqrt(variance + self.epsilon)
        return scale, beta - mean * scale

    def settle(self, moments: tuple[Array, Array], **arrays: Array) -> None:
        arrays["mean"][...], arrays["variance"][...] = moments

    def parameters(self, n_units: int) -> dict[str, Array]:
        return {"gamma": np.ones((1, n_units)), "beta": np.zeros((1, n_units))}

    def buffers(self, n_units: int) -> dict[str, Array]:
        return {"mean": np.zeros((1, n_units)), "variance": np.ones((1, n_units))}

    def forward(
        self, x: Array, *, training: bool, gamma: Array, beta: Array, mean: Array, variance: Array
    ) -> tuple[Array, Backprop]:
        xp, n_rows = namespace(x), x.shape[1]
        over_rows = training and n_rows > 1
        if over_rows:
            batch_mean = row_sum(x) / n_rows
            x -= batch_mean
            batch_variance = row_sum(x * x) / n_rows
            for running, new in ((mean, batch_mean), (variance, batch_variance)):
                running *= self.momentum
                running += (1 - self.momentum) * new
        else:
            x -= mean
            batch_variance = variance
        inverse_std = 1 / xp.sqrt(batch_variance + self.epsilon)
        x *= inverse_std
        normalized = x
        y = normalized * gamma
        y += beta

        def backprop(dy: Array) -> tuple[Array, Gradients]:
            gradients = {"gamma": row_sum(dy * normalized), "beta": row_sum(dy)}
            if over_rows:  # mean and variance depend on x as well
                dy -= gradients["beta"] / n_rows
                dy -= normalized * (gradients["gamma"] / n_rows)
            dy *= gamma * inverse_std
            return dy, gradients

        return y, backprop


@register("layer")
class Layer(Normalization):
    """Layer normalization: each row is standardised over the units of the layer, then scaled and shifted.

    y = gamma (x - mean_n(x)) / sqrt(var_n(x) + epsilon) + beta

    Parameters
    ----------
    epsilon : float, default=1e-5
        Added to the variance, in (0, inf).

    Shape
    -----
    (k, B, n) -> (k, B, n); learned gamma, beta (k, 1, n)

    References
    ----------
    J. L. Ba, J. R. Kiros, G. E. Hinton, "Layer normalization", 2016.

    Examples
    --------
    >>> from skdl import MLPRegressor
    >>> MLPRegressor(normalization="layer")
    MLPRegressor(normalization='layer')
    """

    _constraints = {"epsilon": Real(0, open_low=True)}
    _per_member = ("epsilon",)

    def __init__(self, epsilon: float = 1e-5):
        self.epsilon = epsilon

    def parameters(self, n_units: int) -> dict[str, Array]:
        return {"gamma": np.ones((1, n_units)), "beta": np.zeros((1, n_units))}

    def forward(self, x: Array, *, training: bool, gamma: Array, beta: Array) -> tuple[Array, Backprop]:
        xp = namespace(x)
        x -= xp.mean(x, axis=-1, keepdims=True)
        inverse_std = 1 / xp.sqrt(xp.mean(x * x, axis=-1, keepdims=True) + self.epsilon)
        x *= inverse_std
        normalized = x
        y = normalized * gamma
        y += beta

        def backprop(dy: Array) -> tuple[Array, Gradients]:
            gradients = {"gamma": row_sum(dy * normalized), "beta": row_sum(dy)}
            dy *= gamma
            dx = dy - xp.mean(dy, axis=-1, keepdims=True)
            dx -= normalized * xp.mean(dy * normalized, axis=-1, keepdims=True)
            dx *= inverse_std
            return dx, gradients

        return y, backprop
