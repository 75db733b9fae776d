"""Activations: the elementwise functions between layers, each with its derivative under it."""

from __future__ import annotations

from skdl._array import Array, namespace, rectify
from skdl._constraints import Real
from skdl._protocols import NO_GRADIENTS, Activation, Backprop, Gradients
from skdl._registry import activations

__all__ = ["Activation", "Identity", "LeakyReLU", "ReLU", "Sigmoid", "Tanh", "names", "register", "resolve"]

register, resolve, names = activations.register, activations.resolve, activations.names


@register("identity")
class Identity(Activation):
    """The identity, for layers that stay linear.

    f(x) = x,  f'(x) = 1

    Shape
    -----
    (k, B, n) -> (k, B, n)

    Examples
    --------
    >>> from skdl.activations import Identity
    >>> Identity()([-1.0, 2.0])
    array([-1.,  2.])
    """

    def forward(self, x: Array) -> tuple[Array, Backprop]:
        return x, lambda dy: (dy, NO_GRADIENTS)


@register("sigmoid")
class Sigmoid(Activation):
    """The logistic function, with values in (0, 1).

    f(x) = 1 / (1 + exp(-x)) = (1 + tanh(x / 2)) / 2,  f'(x) = f(x) (1 - f(x))

    The form by tanh never overflows.

    Shape
    -----
    (k, B, n) -> (k, B, n)

    References
    ----------
    D. E. Rumelhart, G. E. Hinton, R. J. Williams, "Learning representations by back-propagating errors", Nature 323,
    1986.

    Examples
    --------
    >>> from skdl.activations import Sigmoid
    >>> Sigmoid()([-1e4, 0.0, 1e4])
    array([0. , 0.5, 1. ])
    """

    def forward(self, x: Array) -> tuple[Array, Backprop]:
        x *= 0.5
        y = namespace(x).tanh(x)
        y += 1
        y *= 0.5

        def backprop(dy: Array) -> tuple[Array, Gradients]:
            slope = 1 - y
            slope *= y
            dy *= slope
            return dy, NO_GRADIENTS

        return y, backprop


@register("tanh")
class Tanh(Activation):
    """The hyperbolic tangent, with values in (-1, 1).

    f(x) = tanh(x),  f'(x) = 1 - f(x)^2

    Shape
    -----
    (k, B, n) -> (k, B, n)

    References
    ----------
    Y. LeCun, L. Bottou, G. B. Orr, K.-R. Mueller, "Efficient BackProp", 1998, section 4.4.

    Examples
    --------
    >>> from skdl.activations import Tanh
    >>> Tanh()([-1e4, 0.0, 1e4])
    array([-1.,  0.,  1.])
    """

    def forward(self, x: Array) -> tuple[Array, Backprop]:
        y = namespace(x).tanh(x)

        def backprop(dy: Array) -> tuple[Array, Gradients]:
            slope = y * y
            slope -= 1
            dy *= slope
            dy *= -1
            return dy, NO_GRADIENTS

        return y, backprop


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

    def forward(self, x: Array) -> tuple[Array, Backprop]:
        y = rectify(x)

        def backprop(dy: Array) -> tuple[Array, Gradients]:
            dy *= y > 0  # a product with the mask: choosing by unpredictable signs is about 10x slower
            return dy, NO_GRADIENTS

        return y, backprop


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
    _constraints = {"alpha": Real(0, 1, open_high=True)}
    _per_member = ("alpha",)

    def __init__(self, alpha: float = 0.01):
        self.alpha = alpha

    def forward(self, x: Array) -> tuple[Array, Backprop]:
        y = namespace(x).maximum(x, x * self.alpha)

        def backprop(dy: Array) -> tuple[Array, Gradients]:
            slope = (y > 0) * (1 - self.alpha)
            slope += self.alpha
            dy *= slope
            return dy, NO_GRADIENTS

        return y, backprop
