"""Layer and group normalization."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from skdl._array import Array, column, column_sum, row_sum
from skdl._compiled import Loop, source_of
from skdl._constraints import Integer, Real
from skdl._protocols import Backprop, Gradients, Normalization
from skdl._registry import register


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
    k, n_rows, n_units = shape = x.shape
    parts, own = (k, n_rows * n_groups, n_units // n_groups), (k, n_groups, n_units // n_groups)  # of rows, of gamma
    x = np.ascontiguousarray(x).reshape(parts)
    y = np.empty_like(x)
    _centering_loop(x.dtype).run(x, row_sum(x), y)
    inverse_std = row_sum(y)
    slopes = gamma.reshape(own)
    _scaling_loop(x.dtype).run(x, y, inverse_std, slopes, beta.reshape(own), column(epsilon, 3, x.dtype))
    normalized = x

    def backprop(dy: Array) -> tuple[Array, Gradients]:
        dy = np.ascontiguousarray(dy)
        products = dy * normalized.reshape(shape)
        gradients = {"gamma": column_sum(products), "beta": column_sum(dy)}
        sums, sums_of_products = (_weighted_row_sum(each, slopes) for each in (dy, products))
        dx = dy.reshape(parts)
        _adjoint_loop(dy.dtype).run(dx, normalized, slopes, inverse_std, sums, sums_of_products)
        return dx.reshape(shape), gradients

    return y.reshape(shape), backprop


def _weighted_row_sum(x: Array, weight: Array) -> Array:
    """(k, B, n), (k, g, n / g) -> (k, B g, 1), the sum of each row over each group of units, by a product."""
    k, n_groups, size = weight.shape
    grouped = x.reshape(k, -1, n_groups, size).swapaxes(1, 2)
    return np.matmul(grouped, weight[..., None]).swapaxes(1, 2).reshape(k, -1, 1)


@lru_cache(maxsize=8)
def _centering_loop(dtype: Any) -> Loop:
    """(x, sums, squares): x becomes its distance from the mean of its row."""
    real = f"{np.dtype(dtype).name}[:,:,::1]"
    return Loop(_center_by_numpy, source_of(_center), [f"void({real}, {real}, {real})"])


def _center_by_numpy(x: Array, sums: Array, squares: Array) -> None:
    x -= sums / x.shape[2]
    np.multiply(x, x, out=squares)


def _center(x: Array, sums: Array, squares: Array) -> None:
    n_units = x.dtype.type(x.shape[2])
    for j in range(x.shape[0]):
        for r in range(x.shape[1]):
            x_r, squares_r, mean = x[j, r], squares[j, r], sums[j, r, 0] / n_units
            for i in range(x_r.size):
                distance = x_r[i] - mean
                x_r[i] = distance
                squares_r[i] = distance * distance


@lru_cache(maxsize=8)
def _scaling_loop(dtype: Any) -> Loop:
    """(x, y, sums of squares, gamma, beta, epsilon), with gamma and beta (k, g, n / g).

    The sums become the inverse of the deviation, x the standardised, and y is made of it.
    """
    real = np.dtype(dtype).name
    whole, view = f"{real}[:,:,::1]", f"Array({real}, 3, 'A', readonly=True)"
    return Loop(_scale_by_numpy, source_of(_scale), [f"void({', '.join([whole] * 3 + [view] * 3)})"])


def _scale_by_numpy(x: Array, y: Array, inverse_std: Array, gamma: Array, beta: Array, epsilon: Array) -> None:
    inverse_std /= x.shape[2]
    inverse_std += epsilon
    np.sqrt(inverse_std, out=inverse_std)
    np.divide(1, inverse_std, out=inverse_std)
    x *= inverse_std
    rows = (len(x), -1, *gamma.shape[1:])
    y = y.reshape(rows)
    np.multiply(x.reshape(rows), gamma[:, None], out=y)
    y += beta[:, None]


def _scale(x: Array, y: Array, inverse_std: Array, gamma: Array, beta: Array, epsilon: Array) -> None:
    one, n_units = x.dtype.type(1), x.dtype.type(x.shape[2])
    slopes, shifts = np.empty(gamma.shape[1:], x.dtype), np.empty(gamma.shape[1:], x.dtype)
    for j in range(x.shape[0]):
        slopes[...], shifts[...] = gamma[j], beta[j]
        added = epsilon[min(j, epsilon.shape[0] - 1), 0, 0]
        for r in range(x.shape[1]):
            scale = one / np.sqrt(inverse_std[j, r, 0] / n_units + added)
            inverse_std[j, r, 0] = scale
            x_r, y_r = x[j, r], y[j, r]
            slopes_r, shifts_r = slopes[r % gamma.shape[1]], shifts[r % gamma.shape[1]]
            for i in range(x_r.size):
                normalized = x_r[i] * scale
                x_r[i] = normalized
                y_r[i] = normalized * slopes_r[i] + shifts_r[i]


@lru_cache(maxsize=8)
def _adjoint_loop(dtype: Any) -> Loop:
    """(dy, normalized, gamma, inverse_std, sums, sums of products), the sums those of dy gamma: dy becomes dx."""
    real = np.dtype(dtype).name
    whole, view = f"{real}[:,:,::1]", f"Array({real}, 3, 'A', readonly=True)"
    types = [whole] * 2 + [view] + [whole] * 3
    return Loop(_adjoint_by_numpy, source_of(_adjoint), [f"void({', '.join(types)})"])


def _adjoint_by_numpy(
    dy: Array, normalized: Array, gamma: Array, inverse_std: Array, sums: Array, sums_of_products: Array
) -> None:
    n_units = dy.shape[2]
    rows = dy.reshape(len(dy), -1, *gamma.shape[1:])
    rows *= gamma[:, None]
    dy -= sums / n_units
    dy -= normalized * (sums_of_products / n_units)
    dy *= inverse_std


def _adjoint(
    dy: Array, normalized: Array, gamma: Array, inverse_std: Array, sums: Array, sums_of_products: Array
) -> None:
    n_units = dy.dtype.type(dy.shape[2])
    slopes = np.empty(gamma.shape[1:], dy.dtype)
    for j in range(dy.shape[0]):
        slopes[...] = gamma[j]
        for r in range(dy.shape[1]):
            scale, shift, slope = inverse_std[j, r, 0], sums[j, r, 0] / n_units, sums_of_products[j, r, 0] / n_units
            dy_r, normalized_r, slopes_r = dy[j, r], normalized[j, r], slopes[r % gamma.shape[1]]
            for i in range(dy_r.size):
                dy_r[i] = (dy_r[i] * slopes_r[i] - shift - normalized_r[i] * slope) * scale
