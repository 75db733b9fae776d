"""Normalizations, between a layer's affine map and its activation."""

from __future__ import annotations

from typing import Any

import numpy as np

from skdl._array import Array, column_sum, namespace
from skdl._constraints import Integer, OneOf, Real
from skdl._protocols import Backprop, Gradients, Normalization
from skdl._registry import normalizations, register

__all__ = ["BatchNorm", "GroupNorm", "LayerNorm", "names", "resolve"]

resolve, names = normalizations.resolve, normalizations.names


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
        scale = gamma / namespace(variance).sqrt(variance + self.epsilon)
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
        xp, n_rows = namespace(x), x.shape[1]
        over_rows = training and n_rows > 1
        if over_rows:
            batch_mean = column_sum(x) / n_rows
            x -= batch_mean
            batch_variance = column_sum(x * x) / n_rows
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
            gradients = {"gamma": column_sum(dy * normalized), "beta": column_sum(dy)}
            if over_rows:  # mean and variance depend on x as well
                dy -= gradients["beta"] / n_rows
                dy -= normalized * (gradients["gamma"] / n_rows)
            dy *= gamma * inverse_std
            return dy, gradients

        return y, backprop


@register("layer")
class LayerNorm(Normalization):
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

    constraints = {"epsilon": Real(0, open_low=True)}
    per_member = ("epsilon",)

    def __init__(self, epsilon: float = 1e-5):
        self.epsilon = epsilon

    def parameters(self, n_units: int) -> dict[str, Array]:
        return {"gamma": np.ones((1, n_units)), "beta": np.zeros((1, n_units))}

    def forward(self, x: Array, *, training: bool, gamma: Array, beta: Array) -> tuple[Array, Backprop]:
        return _over_units(x, 1, self.epsilon, gamma, beta)


@register("group")
class GroupNorm(Normalization):
    """Group normalization: each row is standardised over groups of neighbouring units, then scaled and shifted.

    y = gamma (x - mean_G(x)) / sqrt(var_G(x) + epsilon) + beta,  with G the group of the unit

    One group is layer normalization.

    Parameters
    ----------
    n_groups : int, default=2
        Number of groups, at least 1; it must divide the number of units. Where a text gives the size s of a group, it
        is n / s.
    epsilon : float, default=1e-5
        Added to the variance, in (0, inf).

    Shape
    -----
    (k, B, n) -> (k, B, n); learned gamma, beta (k, 1, n)

    Raises
    ------
    ValueError
        In `fit`, when `n_groups` does not divide the units of a layer.

    References
    ----------
    Y. Wu, K. He, "Group normalization", ECCV 2018.

    Examples
    --------
    >>> from skdl import MLPClassifier
    >>> MLPClassifier(normalization="group").set_params(normalization__n_groups=4)
    MLPClassifier(normalization=GroupNorm(n_groups=4))
    >>> from skdl.normalizations import GroupNorm
    >>> GroupNorm(n_groups=4).parameters(10)
    Traceback (most recent call last):
        ...
    ValueError: Group normalization: n_groups=4 does not divide the 10 units of a layer. Choose one of [1, 2, 5, 10].
    """

    constraints = {"n_groups": Integer(1), "epsilon": Real(0, open_low=True)}
    per_member = ("epsilon",)

    def __init__(self, n_groups: int = 2, *, epsilon: float = 1e-5):
        self.n_groups = n_groups
        self.epsilon = epsilon

    def parameters(self, n_units: int) -> dict[str, Array]:
        if n_units % self.n_groups:
            divisors = [n for n in range(1, n_units + 1) if n_units % n == 0]
            raise ValueError(
                f"Group normalization: n_groups={self.n_groups} does not divide the {n_units} units of a layer. "
                f"Choose one of {divisors}."
            )
        return {"gamma": np.ones((1, n_units)), "beta": np.zeros((1, n_units))}

    def forward(self, x: Array, *, training: bool, gamma: Array, beta: Array) -> tuple[Array, Backprop]:
        return _over_units(x, self.n_groups, self.epsilon, gamma, beta)


def _over_units(x: Array, n_groups: int, epsilon: Any, gamma: Array, beta: Array) -> tuple[Array, Backprop]:
    """Standardise each row over each group of units; x is used up."""
    xp, shape = namespace(x), x.shape
    grouped = (*shape[:-1], n_groups, shape[-1] // n_groups)

    def mean(values: Array) -> Array:
        return xp.mean(values, axis=-1)  # (k, B, g): epsilon's column has as many axes

    x = x.reshape(grouped)
    x -= mean(x)[..., None]
    inverse_std = (1 / xp.sqrt(mean(x * x) + epsilon))[..., None]
    x *= inverse_std
    normalized = x
    y = normalized.reshape(shape) * gamma
    y += beta

    def backprop(dy: Array) -> tuple[Array, Gradients]:
        gradients = {"gamma": column_sum(dy * normalized.reshape(shape)), "beta": column_sum(dy)}
        dy *= gamma
        dy = dy.reshape(grouped)
        dx = dy - mean(dy)[..., None]
        dx -= normalized * mean(dy * normalized)[..., None]
        dx *= inverse_std
        return dx.reshape(shape), gradients

    return y, backprop
