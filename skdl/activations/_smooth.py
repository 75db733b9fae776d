"""Rectifiers that are rounded off at zero."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from skdl._array import Array, column_sum, namespace, normal_cdf, rectify
from skdl._constraints import Boolean, Real
from skdl._protocols import NO_GRADIENTS, Activation, Backprop, Gradients
from skdl._registry import register


@register("softplus")
class Softplus(Activation):
    """A smooth rectifier, the integral of the logistic function; never negative.

    f(x) = log(1 + exp(x)) = max(x, 0) + log(1 + exp(-|x|)),  f'(x) = 1 / (1 + exp(-x)) = 1 - exp(-f(x))

    Shape
    -----
    (k, B, n) -> (k, B, n)

    References
    ----------
    C. Dugas, Y. Bengio, F. Belisle, C. Nadeau, R. Garcia, "Incorporating second-order functional knowledge for better
    option pricing", NIPS 2000.

    Examples
    --------
    >>> from skdl.activations import Softplus
    >>> Softplus()([-1e4, 0.0, 1e4])
    array([0.00000000e+00, 6.93147181e-01, 1.00000000e+04])
    """

    initializer = "he_uniform"

    def forward(self, x: Array) -> tuple[Array, Backprop]:
        xp = namespace(x)
        y = xp.log1p(xp.exp(-xp.abs(x)))
        y += rectify(x)

        def backprop(dy: Array) -> tuple[Array, Gradients]:
            dy *= -xp.expm1(-y)
            return dy, NO_GRADIENTS

        return y, backprop


@register("swish")
class Swish(Activation):
    """The sigmoid-weighted unit (with beta = 1 also SiLU), between the identity / 2 and the rectifier.

    f(x) = x s(beta x),  s(z) = 1 / (1 + exp(-z)),
    f'(x) = s(beta x) + beta f(x) (1 - s(beta x)),  df/dbeta = x f(x) (1 - s(beta x))

    Parameters
    ----------
    beta : float, default=1.0
        Sharpness, in [0, inf): 0 is x / 2, infinity the rectifier. The initial value where it is learned.
    learned : bool, default=False
        Whether beta is learned.
    shared : bool, default=True
        Whether all units of a layer share one learned beta, or each learns its own.

    Shape
    -----
    (k, B, n) -> (k, B, n); where it is learned, beta (k, 1, 1), or (k, 1, n) when not shared

    References
    ----------
    P. Ramachandran, B. Zoph, Q. V. Le, "Searching for activation functions", 2017.

    Examples
    --------
    >>> from skdl.activations import Swish
    >>> Swish()([-1.0, 0.0, 1.0]).round(4)
    array([-0.2689,  0.    ,  0.7311])
    """

    initializer = "he_uniform"
    constraints = {"beta": Real(0), "learned": Boolean(), "shared": Boolean()}

    def __init__(self, beta: float = 1.0, *, learned: bool = False, shared: bool = True):
        self.beta = beta
        self.learned = learned
        self.shared = shared

    def parameters(self, n_units: int) -> Mapping[str, Array]:
        return {"beta": np.full((1, 1 if self.shared else n_units), float(self.beta))} if self.learned else {}

    def forward(self, x: Array, *, beta: Any = None) -> tuple[Array, Backprop]:
        sharpness = beta if self.learned else self.beta
        s = _logistic(x * sharpness)
        y = x * s

        def backprop(dy: Array) -> tuple[Array, Gradients]:
            rest = 1 - s
            rest *= y
            gradients = NO_GRADIENTS
            if self.learned:
                dbeta = x * rest
                dbeta *= dy
                dbeta = column_sum(dbeta)
                gradients = {"beta": namespace(x).sum(dbeta, axis=-1, keepdims=True) if self.shared else dbeta}
            rest *= sharpness
            rest += s
            dy *= rest
            return dy, gradients

        return y, backprop


def _logistic(z: Array) -> Array:
    """1 / (1 + exp(-z)), exact to the last digits in both tails; z is used up."""
    xp = namespace(z)
    small = xp.exp(-xp.abs(z))
    # The numerator is 1 for z >= 0 and exp(z) else, without choosing by unpredictable signs.
    numerator = xp.maximum(small, z >= 0)
    small += 1
    numerator /= small
    return numerator


@register("gelu")
class GELU(Activation):
    """The Gaussian error linear unit: x times the probability that a standard normal number is below it.

    f(x) = x Phi(x) = x (1 + erf(x / sqrt(2))) / 2,  f'(x) = Phi(x) + x phi(x)

    This is the exact form, without the approximation by tanh; in float32 to its precision.

    Shape
    -----
    (k, B, n) -> (k, B, n)

    References
    ----------
    D. Hendrycks, K. Gimpel, "Gaussian error linear units (GELUs)", 2016.

    Examples
    --------
    >>> from skdl.activations import GELU
    >>> GELU()([-1.0, 0.0, 1.0]).round(4)
    array([-0.1587,  0.    ,  0.8413])
    """

    initializer = "he_uniform"

    def forward(self, x: Array) -> tuple[Array, Backprop]:
        cdf = normal_cdf(x)
        y = x * cdf

        def backprop(dy: Array) -> tuple[Array, Gradients]:
            slope = x * x
            slope *= -0.5
            slope = namespace(x).exp(slope)
            slope *= _DENSITY_AT_0
            slope *= x
            slope += cdf
            dy *= slope
            return dy, NO_GRADIENTS

        return y, backprop


_DENSITY_AT_0 = (2 * np.pi) ** -0.5


@register("mish")
class Mish(Activation):
    """A smooth rectifier with a small dip below zero, gated by its own softplus.

    f(x) = x tanh(log(1 + exp(x))) = x t / (t + 2),  t = n (n + 2),  n = exp(x),
    f'(x) = t / (t + 2) + 4 x n (1 + n) / (t + 2)^2

    Shape
    -----
    (k, B, n) -> (k, B, n)

    References
    ----------
    D. Misra, "Mish: a self regularized non-monotonic activation function", BMVC 2020.

    Examples
    --------
    >>> from skdl.activations import Mish
    >>> Mish()([-1.0, 0.0, 1.0]).round(4)
    array([-0.3034,  0.    ,  0.8651])
    """

    initializer = "he_uniform"

    def forward(self, x: Array) -> tuple[Array, Backprop]:
        xp = namespace(x)
        n = xp.exp(xp.minimum(x, _GATE_OPEN))
        t = n + 2
        t *= n
        below = t + 2
        t /= below
        gate = t
        y = x * gate

        def backprop(dy: Array) -> tuple[Array, Gradients]:
            slope = n + 1
            slope *= n
            slope /= below
            slope /= below
            slope *= x
            slope *= 4
            slope += gate
            dy *= slope
            return dy, NO_GRADIENTS

        return y, backprop


_GATE_OPEN = 40.0  # from here on the gate is 1, and n^2 is still a number in float32
