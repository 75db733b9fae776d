"""Gradient descent, plain and with velocity."""

from __future__ import annotations

from typing import Any

from skdl._protocols import FirstOrderOptimizer
from skdl._registry import register
from skdl.optimizers._common import DECAY


@register("sgd")
class SGD(FirstOrderOptimizer):
    """Stochastic gradient descent.

    d = g

    Parameters
    ----------
    learning_rate : float, default=0.1
        In (0, inf).
    clip_norm : float or None, default=None
        Largest norm of a gradient, in (0, inf); a longer one is scaled down to it. None for no limit.
    clip_value : float or None, default=None
        Largest absolute value of a gradient's component, in (0, inf). None for no limit.

    Shape
    -----
    gradient (k, P) -> direction (k, P); no state

    References
    ----------
    H. Robbins, S. Monro, "A stochastic approximation method", Annals of Mathematical Statistics 22, 1951.

    Examples
    --------
    >>> from skdl import MLPClassifier
    >>> MLPClassifier(optimizer="sgd").set_params(optimizer__clip_norm=1.0)
    MLPClassifier(optimizer=SGD(clip_norm=1.0))
    """

    def __init__(self, learning_rate: float = 0.1, *, clip_norm: float | None = None, clip_value: float | None = None):
        super().__init__(learning_rate, clip_norm=clip_norm, clip_value=clip_value)

    @staticmethod
    def rule(g: Any) -> Any:
        return g


@register("momentum")
class Momentum(FirstOrderOptimizer):
    """Gradient descent with momentum: a velocity that remembers the last steps (the heavy ball).

    v <- momentum v + g,  d = v

    With u = -learning_rate v this is u <- momentum u - learning_rate g, theta <- theta + u, as long as the learning
    rate stays the same; a schedule here scales the whole velocity at once.

    Parameters
    ----------
    learning_rate : float, default=0.01
        In (0, inf). Steps in one direction add up to 1 / (1 - momentum) times as much.
    momentum : float, default=0.9
        Share of the velocity that is kept, in [0, 1).
    clip_norm : float or None, default=None
        Largest norm of a gradient, in (0, inf); a longer one is scaled down to it. None for no limit.
    clip_value : float or None, default=None
        Largest absolute value of a gradient's component, in (0, inf). None for no limit.

    Shape
    -----
    gradient (k, P) -> direction (k, P); state `velocity` (k, P)

    References
    ----------
    B. T. Polyak, "Some methods of speeding up the convergence of iteration methods", USSR Computational Mathematics and
    Mathematical Physics 4, 1964.

    Examples
    --------
    >>> from skdl import MLPClassifier
    >>> from skdl.optimizers import Momentum
    >>> MLPClassifier(optimizer=Momentum(learning_rate=0.1))
    MLPClassifier(optimizer=Momentum(learning_rate=0.1))
    """

    state_names = ("velocity",)
    constraints = {**FirstOrderOptimizer.constraints, "momentum": DECAY}
    per_member = ("learning_rate", "momentum")

    def __init__(
        self,
        learning_rate: float = 0.01,
        *,
        momentum: float = 0.9,
        clip_norm: float | None = None,
        clip_value: float | None = None,
    ):
        super().__init__(learning_rate, clip_norm=clip_norm, clip_value=clip_value)
        self.momentum = momentum

    @staticmethod
    def rule(g: Any, velocity: Any, momentum: Any) -> Any:
        velocity = velocity * momentum + g
        return velocity, velocity


@register("nesterov")
class Nesterov(FirstOrderOptimizer):
    """Gradient descent with momentum and a look ahead: the gradient is taken where the velocity leads.

    v <- momentum v + g,  d = g + momentum v

    This is the change-of-variables form: the parameters of the model are those looked ahead at. The state holds
    momentum v, which is all that is needed of it.

    Parameters
    ----------
    learning_rate : float, default=0.01
        In (0, inf). Steps in one direction add up to 1 / (1 - momentum) times as much.
    momentum : float, default=0.9
        Share of the velocity that is kept, in [0, 1).
    clip_norm : float or None, default=None
        Largest norm of a gradient, in (0, inf); a longer one is scaled down to it. None for no limit.
    clip_value : float or None, default=None
        Largest absolute value of a gradient's component, in (0, inf). None for no limit.

    Shape
    -----
    gradient (k, P) -> direction (k, P); state `velocity` (k, P)

    References
    ----------
    I. Sutskever, J. Martens, G. Dahl, G. Hinton, "On the importance of initialization and momentum in deep learning",
    ICML 2013; Y. Bengio, N. Boulanger-Lewandowski, R. Pascanu, "Advances in optimizing recurrent networks", ICASSP
    2013, section 3.5.

    Examples
    --------
    >>> from skdl import MLPRegressor
    >>> MLPRegressor(optimizer="nesterov").set_params(optimizer__momentum=0.95)
    MLPRegressor(optimizer=Nesterov(momentum=0.95))
    """

    state_names = ("velocity",)
    constraints = {**FirstOrderOptimizer.constraints, "momentum": DECAY}
    per_member = ("learning_rate", "momentum")

    def __init__(
        self,
        learning_rate: float = 0.01,
        *,
        momentum: float = 0.9,
        clip_norm: float | None = None,
        clip_value: float | None = None,
    ):
        super().__init__(learning_rate, clip_norm=clip_norm, clip_value=clip_value)
        self.momentum = momentum

    @staticmethod
    def rule(g: Any, velocity: Any, momentum: Any) -> Any:
        ahead = (velocity + g) * momentum
        return g + ahead, ahead
