"""Activations with a kink, or a bend, at zero, that pass positive numbers as they are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from skdl._array import Array, column_sum, namespace, rectify
from skdl._constraints import Boolean, Real
from skdl._protocols import NO_GRADIENTS, Activation, Backprop, Gradients
from skdl._registry import register


@register("relu")
class ReLU(Activation):
    """The rectified linear unit.

    f(x) = max(x, 0),  f'(x) = 1 where x > 0, else 0

    Shape
    -----
    (k, B, n) -> (k, B, n)

    References
    ----------
    V. Nair, G. E. Hinton, "Rectified linear units improve restricted Boltzmann machines", ICML 2010.

    Examples
    --------
    >>> from skdl.activations import ReLU
    >>> ReLU()([-1.0, 2.0])
    array([0., 2.])
    """

    initializer = "he_uniform"

    @staticmethod
    def rule(x: Any) -> Any:
        return np.maximum(x, 0)

    @staticmethod
    def derivative(y: Any) -> Any:
        return y > 0  # the gradient is multiplied by it: choosing by unpredictable signs is about 10x slower


@register("leaky_relu")
class LeakyReLU(Activation):
    """A rectifier that lets a fraction of the negative part through, so that no unit dies.

    f(x) = max(x, 0) + alpha min(x, 0),  f'(x) = 1 where x > 0, else alpha

    Parameters
    ----------
    alpha : float, default=0.01
        Slope for negative x, in [0, 1).

    Shape
    -----
    (k, B, n) -> (k, B, n)

    References
    ----------
    A. L. Maas, A. Y. Hannun, A. Y. Ng, "Rectifier nonlinearities improve neural network acoustic models", ICML 2013.

    Examples
    --------
    >>> from skdl.activations import LeakyReLU
    >>> LeakyReLU(alpha=0.1)([-1.0, 2.0])
    array([-0.1,  2. ])
    """

    initializer = "he_uniform"
    constraints = {"alpha": Real(0, 1, open_high=True)}
    per_member = ("alpha",)

    def __init__(self, alpha: float = 0.01):
        self.alpha = alpha

    @staticmethod
    def rule(x: Any, alpha: Any) -> Any:
        return np.maximum(x, x * alpha)

    @staticmethod
    def derivative(y: Any, alpha: Any) -> Any:
        return (y > 0) * (1 - alpha) + alpha


@register("prelu")
class PReLU(Activation):
    """A leaky rectifier whose slope for negative x is learned.

    f(x) = max(x, 0) + a min(x, 0),  f'(x) = 1 where x > 0, else a,  df/da = min(x, 0)

    Parameters
    ----------
    alpha : float, default=0.25
        Initial value of the learned slope a.
    shared : bool, default=False
        Whether all units of a layer share one slope, or each learns its own.

    Shape
    -----
    (k, B, n) -> (k, B, n); learned alpha (k, 1, n), or (k, 1, 1) when shared

    References
    ----------
    K. He, X. Zhang, S. Ren, J. Sun, "Delving deep into rectifiers", ICCV 2015.

    Examples
    --------
    >>> from skdl.activations import PReLU
    >>> PReLU()([-1.0, 2.0])
    array([-0.25,  2.  ])
    """

    initializer = "he_uniform"
    constraints = {"alpha": Real(), "shared": Boolean()}

    def __init__(self, alpha: float = 0.25, *, shared: bool = False):
        self.alpha = alpha
        self.shared = shared

    def parameters(self, n_units: int) -> Mapping[str, Array]:
        return {"alpha": np.full((1, 1 if self.shared else n_units), float(self.alpha))}

    def forward(self, x: Array, *, alpha: Array) -> tuple[Array, Backprop]:
        positive = rectify(x.copy())
        negative = x
        negative -= positive
        y = negative * alpha
        y += positive

        def backprop(dy: Array) -> tuple[Array, Gradients]:
            dalpha = column_sum(dy * negative)
            if self.shared:
                dalpha = namespace(dalpha).sum(dalpha, axis=-1, keepdims=True)
            slope = (positive > 0) * (1 - alpha)
            slope += alpha
            dy *= slope
            return dy, {"alpha": dalpha}

        return y, backprop


def _exponential_unit(x: Array, alpha: Any, scale: float) -> tuple[Array, Backprop]:
    """The function y = scale (max(x, 0) + alpha (exp(min(x, 0)) - 1)) and its adjoint; x is used up."""
    y = rectify(x.copy())
    mask = y > 0
    x -= y
    bend = namespace(x).expm1(x)  # 0 where x > 0
    bend *= alpha
    y += bend
    if scale != 1:
        y *= scale

    def backprop(dy: Array) -> tuple[Array, Gradients]:
        slope = bend  # alpha exp(x) = bend + alpha for x <= 0, and 1 = alpha + (1 - alpha) for x > 0
        slope += alpha
        slope += mask * (1 - alpha)
        dy *= slope
        if scale != 1:
            dy *= scale
        return dy, NO_GRADIENTS

    return y, backprop


@register("elu")
class ELU(Activation):
    """The exponential linear unit, which bends smoothly to a bound for negative x, so that means stay near zero.

    f(x) = x where x > 0, else alpha (exp(x) - 1),  f'(x) = 1 where x > 0, else alpha exp(x)

    The form max(x, alpha (exp(x) - 1)) is the same function only for x <= 0 and alpha <= 1: above zero exp(x) - 1 is
    the larger one.

    Parameters
    ----------
    alpha : float, default=1.0
        Minus the limit for negative x, in [0, inf).

    Shape
    -----
    (k, B, n) -> (k, B, n)

    References
    ----------
    D.-A. Clevert, T. Unterthiner, S. Hochreiter, "Fast and accurate deep network learning by exponential linear units
    (ELUs)", ICLR 2016.

    Examples
    --------
    >>> from skdl.activations import ELU
    >>> ELU(alpha=2.0)([-1e4, 0.0, 1e4])
    array([-2.e+00,  0.e+00,  1.e+04])
    """

    initializer = "he_uniform"
    constraints = {"alpha": Real(0)}
    per_member = ("alpha",)

    def __init__(self, alpha: float = 1.0):
        self.alpha = alpha

    def forward(self, x: Array) -> tuple[Array, Backprop]:
        return _exponential_unit(x, self.alpha, 1.0)


@register("selu")
class SELU(Activation):
    """The self-normalizing unit: an exponential linear unit that draws means to 0 and variances to 1 over layers.

    f(x) = lambda x where x > 0, else lambda alpha (exp(x) - 1),  lambda = 1.0507...,  alpha = 1.6733...

    The two numbers make mean 0 and variance 1 the stable fixed point, for weights of variance 1 / n_in.

    Shape
    -----
    (k, B, n) -> (k, B, n)

    References
    ----------
    G. Klambauer, T. Unterthiner, A. Mayr, S. Hochreiter, "Self-normalizing neural networks", NeurIPS 2017.

    Examples
    --------
    >>> from skdl.activations import SELU
    >>> SELU()([-1e4, 0.0, 1.0]).round(4)
    array([-1.7581,  0.    ,  1.0507])
    """

    initializer = "xavier"

    def forward(self, x: Array) -> tuple[Array, Backprop]:
        return _exponential_unit(x, _ALPHA, _LAMBDA)


_ALPHA, _LAMBDA = 1.6732632423543772, 1.0507009873554805  # equation 14 of the paper
