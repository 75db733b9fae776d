"""The identity, and the bounded activations."""

from __future__ import annotations

from typing import Any

from skdl._array import Array, namespace
from skdl._protocols import NO_GRADIENTS, Activation, Backprop, Gradients
from skdl._registry import register


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


@register("threshold")
class Threshold(Activation):
    """The neuron of McCulloch and Pitts, which fires or does not.

    f(x) = 1 where x > 0, else 0,  f'(x) = 0

    Its derivative is zero wherever it has one, so that no gradient comes to the weights below: they stay as they were
    drawn, and only the layers above learn. This is why the units of networks are smooth; a sigmoid of k x is a
    threshold in the limit of a large k. A network without hidden layers with the loss "perceptron" learns a single
    such neuron.

    Shape
    -----
    (k, B, n) -> (k, B, n)

    References
    ----------
    W. S. McCulloch, W. Pitts, "A logical calculus of the ideas immanent in nervous activity", Bulletin of Mathematical
    Biophysics 5, 1943.

    Examples
    --------
    >>> from skdl.activations import Threshold
    >>> Threshold()([-1.0, 0.0, 2.0])
    array([0., 0., 1.])
    """

    initializer = "glorot_uniform"

    @staticmethod
    def rule(x: Any) -> Any:
        return x > 0

    @staticmethod
    def derivative(y: Any) -> Any:
        return 0
