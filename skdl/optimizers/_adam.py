"""Adaptive moments: Adam, with decoupled weight decay, and with Nesterov's look ahead.

The state holds m / (1 - beta_1) and v / (1 - beta_2): the constants are taken out of the arrays, where they would cost
two passes over all the parameters, into the few numbers that scale the step.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from skdl._array import Array, namespace
from skdl._constraints import Boolean, Real
from skdl._protocols import FirstOrderOptimizer
from skdl._registry import register
from skdl.optimizers._common import DECAY, POSITIVE

MOMENTS = {**FirstOrderOptimizer.constraints, "beta_1": DECAY, "beta_2": DECAY, "epsilon": POSITIVE}
NUMBERS = ("learning_rate", "beta_1", "beta_2", "epsilon")


class _Moments(FirstOrderOptimizer):
    """The moments and the step of Adam and AdamW."""

    state_names = ("first", "second")
    beta_1: Any
    beta_2: Any
    epsilon: Any
    bias_correction = True

    def numbers(self, step: Array) -> Mapping[str, Array]:
        xp = namespace(step)
        known_1, known_2 = 1, 1  # the share of a mean's weights that has seen gradients
        if self.bias_correction:
            known_1, known_2 = 1 - self.beta_1**step, 1 - self.beta_2**step
        # sqrt(root^2 second) + epsilon = root (sqrt(second) + epsilon / root)
        root = xp.sqrt(xp.asarray((1 - self.beta_2) / known_2, dtype=step.dtype))
        return {"added": self.epsilon / root, "scale": (1 - self.beta_1) / (known_1 * root)}

    @staticmethod
    def rule(g: Any, first: Any, second: Any, beta_1: Any, beta_2: Any, added: Any, scale: Any) -> Any:
        first = first * beta_1 + g
        second = second * beta_2 + g * g
        return first / (np.sqrt(second) + added) * scale, first, second


@register("adam")
class Adam(_Moments):
    """Adaptive moments: each parameter's step is scaled by the root of its mean squared gradient.

    m <- beta_1 m + (1 - beta_1) g,  v <- beta_2 v + (1 - beta_2) g^2,
    d = m / (1 - beta_1^t) / (sqrt(v / (1 - beta_2^t)) + epsilon),  in step t = 1, 2, ...

    Without bias correction d = m / (sqrt(v) + epsilon), whose first steps are too long by up to
    (1 - beta_1) / sqrt(1 - beta_2), 3.2 with the defaults.

    Parameters
    ----------
    learning_rate : float, default=0.001
        In (0, inf).
    beta_1, beta_2 : float, default=0.9 and 0.999
        Decay of the first and the second moment, in [0, 1).
    epsilon : float, default=1e-8
        Added to the root (outside of it), in (0, inf). A form sqrt(v + e), with it inside, divides by as much at v = 0
        where epsilon = sqrt(e).
    bias_correction : bool, default=True
        Whether to divide the moments by the weight of the gradients seen so far.
    clip_norm : float or None, default=None
        Largest norm of a gradient, in (0, inf); a longer one is scaled down to it. None for no limit.
    clip_value : float or None, default=None
        Largest absolute value of a gradient's component, in (0, inf). None for no limit.

    Shape
    -----
    gradient (k, P) -> direction (k, P); state `first` and `second` (k, P)

    References
    ----------
    D. P. Kingma, J. Ba, "Adam: a method for stochastic optimization", ICLR 2015.

    Examples
    --------
    >>> from skdl import MLPClassifier
    >>> MLPClassifier(optimizer="adam").set_params(optimizer__learning_rate=0.1)
    MLPClassifier(optimizer=Adam(learning_rate=0.1))
    """

    constraints = {**MOMENTS, "bias_correction": Boolean()}
    per_member = NUMBERS

    def __init__(
        self,
        learning_rate: float = 0.001,
        *,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        bias_correction: bool = True,
        clip_norm: float | None = None,
        clip_value: float | None = None,
    ):
        super().__init__(learning_rate, clip_norm=clip_norm, clip_value=clip_value)
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.bias_correction = bias_correction


@register("adamw")
class AdamW(_Moments):
    """Adam with weight decay beside the gradient, where the second moment does not divide it.

    d as Adam's;  theta <- theta - learning_rate * factor * (d + weight_decay theta)

    The decay is the engine's, for weights only, never for intercepts. It acts beside the estimator's penalty `alpha`,
    which belongs to the objective: with AdamW set `alpha=0`.

    Parameters
    ----------
    learning_rate : float, default=0.001
        In (0, inf).
    weight_decay : float, default=0.01
        Share of a weight that is taken off, times the learning rate, in each step, in [0, inf).
    beta_1, beta_2 : float, default=0.9 and 0.999
        Decay of the first and the second moment, in [0, 1).
    epsilon : float, default=1e-8
        Added to the root (outside of it), in (0, inf). A form sqrt(v + e), with it inside, divides by as much at v = 0
        where epsilon = sqrt(e).
    clip_norm : float or None, default=None
        Largest norm of a gradient, in (0, inf); a longer one is scaled down to it. None for no limit.
    clip_value : float or None, default=None
        Largest absolute value of a gradient's component, in (0, inf). None for no limit.

    Shape
    -----
    gradient (k, P) -> direction (k, P); state `first` and `second` (k, P)

    References
    ----------
    I. Loshchilov, F. Hutter, "Decoupled weight decay regularization", ICLR 2019.

    Examples
    --------
    >>> from skdl import MLPClassifier
    >>> MLPClassifier(optimizer="adamw", alpha=0.0).set_params(optimizer__weight_decay=0.1)
    MLPClassifier(alpha=0.0, optimizer=AdamW(weight_decay=0.1))
    """

    constraints = {**MOMENTS, "weight_decay": Real(0)}
    per_member = (*NUMBERS, "weight_decay")

    def __init__(
        self,
        learning_rate: float = 0.001,
        *,
        weight_decay: float = 0.01,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        clip_norm: float | None = None,
        clip_value: float | None = None,
    ):
        super().__init__(learning_rate, clip_norm=clip_norm, clip_value=clip_value)
        self.weight_decay = weight_decay
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon


@register("nadam")
class NAdam(FirstOrderOptimizer):
    """Adam whose first moment looks one step ahead, as Nesterov's momentum does.

    m <- beta_1 m + (1 - beta_1) g,  v <- beta_2 v + (1 - beta_2) g^2,
    m' = beta_1 m / (1 - beta_1^(t+1)) + (1 - beta_1) g / (1 - beta_1^t),
    d = m' / (sqrt(v / (1 - beta_2^t)) + epsilon),  in step t = 1, 2, ...

    The decay beta_1 is the same in all steps; the paper's schedule of it is left out.

    Parameters
    ----------
    learning_rate : float, default=0.001
        In (0, inf).
    beta_1, beta_2 : float, default=0.9 and 0.999
        Decay of the first and the second moment, in [0, 1).
    epsilon : float, default=1e-8
        Added to the root (outside of it), in (0, inf). A form sqrt(v + e), with it inside, divides by as much at v = 0
        where epsilon = sqrt(e).
    clip_norm : float or None, default=None
        Largest norm of a gradient, in (0, inf); a longer one is scaled down to it. None for no limit.
    clip_value : float or None, default=None
        Largest absolute value of a gradient's component, in (0, inf). None for no limit.

    Shape
    -----
    gradient (k, P) -> direction (k, P); state `first` and `second` (k, P)

    References
    ----------
    T. Dozat, "Incorporating Nesterov momentum into Adam", ICLR 2016 workshop.

    Examples
    --------
    >>> from skdl import MLPRegressor
    >>> MLPRegressor(optimizer="nadam").set_params(optimizer__beta_1=0.95)
    MLPRegressor(optimizer=NAdam(beta_1=0.95))
    """

    state_names = ("first", "second")
    constraints = MOMENTS
    per_member = NUMBERS

    def __init__(
        self,
        learning_rate: float = 0.001,
        *,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        clip_norm: float | None = None,
        clip_value: float | None = None,
    ):
        super().__init__(learning_rate, clip_norm=clip_norm, clip_value=clip_value)
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon

    def numbers(self, step: Array) -> Mapping[str, Array]:
        root = namespace(step).sqrt((1 - self.beta_2) / (1 - self.beta_2**step))
        return {
            "share_first": (1 - self.beta_1) * self.beta_1 / ((1 - self.beta_1 ** (step + 1)) * root),
            "share_gradient": (1 - self.beta_1) / ((1 - self.beta_1**step) * root),
            "added": self.epsilon / root,
        }

    @staticmethod
    def rule(
        g: Any,
        first: Any,
        second: Any,
        beta_1: Any,
        beta_2: Any,
        share_first: Any,
        share_gradient: Any,
        added: Any,
    ) -> Any:
        first = first * beta_1 + g
        second = second * beta_2 + g * g
        return (g * share_gradient + first * share_first) / (np.sqrt(second) + added), first, second
