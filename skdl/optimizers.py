"""Optimizers: rules that turn gradients into directions, elementwise for all members of a stack at once.

A rule gives a direction d; the learning rate, its schedule and the sign are applied in one place, by the engine:
theta <- theta - learning_rate * factor * d. With g the gradient of the batch's mean loss plus penalty:
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from skdl._array import Array, divide, namespace, sqrt
from skdl._constraints import Boolean, Integer, Real
from skdl._protocols import Optimizer
from skdl._registry import optimizers

__all__ = ["LBFGS", "SGD", "Adam", "Optimizer", "names", "register", "resolve"]

register, resolve, names = optimizers.register, optimizers.resolve, optimizers.names

_RATE = Real(0, open_low=True)
_DECAY = Real(0, 1, open_high=True)


@register("sgd")
class SGD(Optimizer):
    """Stochastic gradient descent with momentum.

    v <- momentum v + g,  d = v;  with Nesterov's look-ahead d = g + momentum v

    Parameters
    ----------
    learning_rate : float, default=0.01
        In (0, inf).
    momentum : float, default=0.9
        Share of the last step's velocity that is kept, in [0, 1); 0 is plain gradient descent.
    nesterov : bool, default=False
        Whether to take the gradient's part of the step from where the velocity leads (in the change-of-variables form).

    Shape
    -----
    gradient (k, P) -> direction (k, P); state `velocity` (k, P)

    References
    ----------
    I. Sutskever, J. Martens, G. Dahl, G. Hinton, "On the importance of initialization and momentum in deep learning",
    ICML 2013.

    Examples
    --------
    >>> from skdl import MLPClassifier
    >>> from skdl.optimizers import SGD
    >>> MLPClassifier(optimizer=SGD(learning_rate=0.1, nesterov=True))
    MLPClassifier(optimizer=SGD(learning_rate=0.1, nesterov=True))
    """

    slots = ("velocity",)
    _constraints = {"learning_rate": _RATE, "momentum": _DECAY, "nesterov": Boolean()}
    _per_member = ("learning_rate", "momentum")

    def __init__(self, learning_rate: float = 0.01, *, momentum: float = 0.9, nesterov: bool = False):
        self.learning_rate = learning_rate
        self.momentum = momentum
        self.nesterov = nesterov

    def direction(self, gradient: Array, state: Mapping[str, Array], step: Array) -> Array:
        velocity = state["velocity"]
        velocity *= self.momentum
        velocity += gradient
        if not self.nesterov:
            return velocity.copy()
        gradient += velocity * self.momentum
        return gradient


@register("adam")
class Adam(Optimizer):
    """Adaptive moments: each parameter's step is scaled by the root of its mean squared gradient.

    m <- beta_1 m + (1 - beta_1) g,  v <- beta_2 v + (1 - beta_2) g^2,
    d = m / (1 - beta_1^t) / (sqrt(v / (1 - beta_2^t)) + epsilon),  in step t = 1, 2, ...

    The state holds m / (1 - beta_1) and v / (1 - beta_2): the constants are taken out of the arrays, where they would
    cost two passes over all the parameters, into the two numbers that scale the step.

    Parameters
    ----------
    learning_rate : float, default=0.001
        In (0, inf).
    beta_1, beta_2 : float, default=0.9 and 0.999
        Decay of the first and the second moment, in [0, 1).
    epsilon : float, default=1e-8
        Added to the root, in (0, inf).

    Shape
    -----
    gradient (k, P) -> direction (k, P); state `first` and `second` (k, P)

    References
    ----------
    D. P. Kingma, J. Ba, "Adam: a method for stochastic optimization", ICLR 2015.

    Examples
    --------
    >>> from skdl import MLPClassifier
    >>> MLPClassifier().set_params(optimizer__learning_rate=0.01)
    MLPClassifier(optimizer=Adam(learning_rate=0.01))
    """

    slots = ("first", "second")
    _constraints = {"learning_rate": _RATE, "beta_1": _DECAY, "beta_2": _DECAY, "epsilon": _RATE}
    _per_member = ("learning_rate", "beta_1", "beta_2", "epsilon")

    def __init__(
        self, learning_rate: float = 0.001, *, beta_1: float = 0.9, beta_2: float = 0.999, epsilon: float = 1e-8
    ):
        self.learning_rate = learning_rate
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon

    def direction(self, gradient: Array, state: Mapping[str, Array], step: Array) -> Array:
        xp = namespace(gradient)
        first, second = state["first"], state["second"]
        first *= self.beta_1
        first += gradient
        second *= self.beta_2
        gradient *= gradient
        second += gradient
        # sqrt(root^2 second) + epsilon = root (sqrt(second) + epsilon / root)
        root = xp.sqrt((1 - self.beta_2) / (1 - self.beta_2**step))
        d = sqrt(second, out=gradient)
        d += self.epsilon / root
        divide(first, d, out=d)
        d *= (1 - self.beta_1) / ((1 - self.beta_1**step) * root)
        return d


@register("lbfgs")
class LBFGS(Optimizer):
    """Limited-memory BFGS on the objective of all rows, for small data and smooth objectives.

    Steps are -H g with an inverse Hessian H that is estimated from the last steps and gradients, found by a line search
    that satisfies the Wolfe conditions. There is no learning rate, schedule or batch.

    Parameters
    ----------
    memory : int, default=10
        Number of past steps that H is estimated from, at least 1.

    Shape
    -----
    theta (P,) -> theta (P,)

    References
    ----------
    D. C. Liu, J. Nocedal, "On the limited memory BFGS method for large scale optimization", Mathematical Programming
    45, 1989; run by scipy.optimize.minimize.

    Examples
    --------
    >>> from skdl import SoftmaxClassifier
    >>> SoftmaxClassifier().set_params(optimizer__memory=20)
    SoftmaxClassifier(optimizer=LBFGS(memory=20))
    """

    full_batch = True
    _constraints = {"memory": Integer(1)}

    def __init__(self, memory: int = 10):
        self.memory = memory

    def minimize(
        self,
        function: Callable[[np.ndarray], tuple[float, np.ndarray]],
        theta: np.ndarray,
        *,
        max_iter: int,
        tol: float,
        report: Callable[[np.ndarray, float], bool],
    ) -> tuple[np.ndarray, bool]:
        from scipy.optimize import minimize

        def callback(intermediate_result):
            if report(intermediate_result.x, float(intermediate_result.fun)):
                raise StopIteration

        result = minimize(
            function,
            theta,
            method="L-BFGS-B",
            jac=True,
            callback=callback,
            # ftol=0: only the gradient decides; maxfun as a bound that a failing line search meets.
            options={"maxcor": self.memory, "maxiter": max_iter, "maxfun": 20 * max_iter, "gtol": tol, "ftol": 0.0},
        )
        return result.x, bool(abs(result.jac).max(initial=0.0) <= tol)
