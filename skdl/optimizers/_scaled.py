"""Rules that scale each parameter's step by the size of its own past gradients."""

from __future__ import annotations

from typing import Any

import numpy as np

from skdl._protocols import FirstOrderOptimizer
from skdl._registry import register
from skdl.optimizers._common import DECAY, POSITIVE


@register("adagrad")
class AdaGrad(FirstOrderOptimizer):
    """Steps that shrink with the sum of a parameter's squared gradients, so that rare inputs keep long ones.

    s <- s + g^2,  d = g / (sqrt(s) + epsilon)

    Parameters
    ----------
    learning_rate : float, default=0.01
        In (0, inf).
    epsilon : float, default=1e-8
        Added to the root (outside of it), in (0, inf). A form sqrt(v + e), with it inside, divides by as much at v = 0
        where epsilon = sqrt(e).
    clip_norm : float or None, default=None
        Largest norm of a gradient, in (0, inf); a longer one is scaled down to it. None for no limit.
    clip_value : float or None, default=None
        Largest absolute value of a gradient's component, in (0, inf). None for no limit.

    Shape
    -----
    gradient (k, P) -> direction (k, P); state `squares` (k, P)

    References
    ----------
    J. Duchi, E. Hazan, Y. Singer, "Adaptive subgradient methods for online learning and stochastic optimization", JMLR
    12, 2011.

    Examples
    --------
    >>> from skdl import MLPClassifier
    >>> MLPClassifier(optimizer="adagrad").set_params(optimizer__learning_rate=0.1)
    MLPClassifier(optimizer=AdaGrad(learning_rate=0.1))
    """

    state_names = ("squares",)
    constraints = {**FirstOrderOptimizer.constraints, "epsilon": POSITIVE}
    per_member = ("learning_rate", "epsilon")

    def __init__(
        self,
        learning_rate: float = 0.01,
        *,
        epsilon: float = 1e-8,
        clip_norm: float | None = None,
        clip_value: float | None = None,
    ):
        super().__init__(learning_rate, clip_norm=clip_norm, clip_value=clip_value)
        self.epsilon = epsilon

    @staticmethod
    def rule(g: Any, squares: Any, epsilon: Any) -> Any:
        squares = squares + g * g
        return g / (np.sqrt(squares) + epsilon), squares


@register("rmsprop")
class RMSProp(FirstOrderOptimizer):
    """Steps scaled by the root of a running mean of a parameter's squared gradients, with momentum on request.

    s <- rho s + (1 - rho) g^2,  v <- momentum v + g / (sqrt(s) + epsilon),  d = v

    Parameters
    ----------
    learning_rate : float, default=0.001
        In (0, inf).
    rho : float, default=0.9
        Decay of the mean square, in [0, 1).
    momentum : float, default=0.0
        Share of the velocity v that is kept, in [0, 1).
    epsilon : float, default=1e-8
        Added to the root (outside of it), in (0, inf). A form sqrt(v + e), with it inside, divides by as much at v = 0
        where epsilon = sqrt(e).
    clip_norm : float or None, default=None
        Largest norm of a gradient, in (0, inf); a longer one is scaled down to it. None for no limit.
    clip_value : float or None, default=None
        Largest absolute value of a gradient's component, in (0, inf). None for no limit.

    Shape
    -----
    gradient (k, P) -> direction (k, P); state `square` and `velocity` (k, P)

    References
    ----------
    T. Tieleman, G. Hinton, "Lecture 6.5: rmsprop", Coursera: Neural networks for machine learning, 2012; with momentum
    A. Graves, "Generating sequences with recurrent neural networks", 2013, there with the mean gradient subtracted and
    epsilon inside the root.

    Examples
    --------
    >>> from skdl import MLPClassifier
    >>> MLPClassifier(optimizer="rmsprop").set_params(optimizer__momentum=0.9)
    MLPClassifier(optimizer=RMSProp(momentum=0.9))
    """

    state_names = ("square", "velocity")
    constraints = {**FirstOrderOptimizer.constraints, "rho": DECAY, "momentum": DECAY, "epsilon": POSITIVE}
    per_member = ("learning_rate", "rho", "momentum", "epsilon")

    def __init__(
        self,
        learning_rate: float = 0.001,
        *,
        rho: float = 0.9,
        momentum: float = 0.0,
        epsilon: float = 1e-8,
        clip_norm: float | None = None,
        clip_value: float | None = None,
    ):
        super().__init__(learning_rate, clip_norm=clip_norm, clip_value=clip_value)
        self.rho = rho
        self.momentum = momentum
        self.epsilon = epsilon

    @staticmethod
    def rule(g: Any, square: Any, velocity: Any, rho: Any, momentum: Any, epsilon: Any) -> Any:
        square = square * rho + g * g * (1 - rho)
        velocity = velocity * momentum + g / (np.sqrt(square) + epsilon)
        return velocity, square, velocity
