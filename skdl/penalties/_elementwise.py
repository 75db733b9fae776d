"""Penalties that are sums over the weights, or over the activations."""

from __future__ import annotations

from typing import Any

from skdl._array import Array, namespace
from skdl._constraints import Real
from skdl._protocols import Penalty
from skdl._registry import register


@register("l2")
class L2(Penalty):
    """Half the squared norm of the weights (ridge, weight decay), which shrinks them all.

    R(w) = 1/2 sum_j w_j^2,  dR/dw = w

    Shape
    -----
    weights (k, W) -> value (k,), gradient (k, W)

    References
    ----------
    A. E. Hoerl, R. W. Kennard, "Ridge regression", Technometrics 12, 1970.

    Examples
    --------
    >>> import numpy as np
    >>> from skdl.penalties import L2
    >>> L2().value(np.array([[3.0, 4.0]]))
    array([12.5])
    """

    degree = 2

    def value(self, weights: Array) -> Array:
        return namespace(weights).sum(weights * weights, axis=-1) * 0.5

    @staticmethod
    def derivative(weight: Any) -> Any:
        return weight


@register("l1")
class L1(Penalty):
    """The sum of the absolute weights (lasso), which makes small ones exactly zero.

    R(w) = sum_j |w_j|,  with the subgradient sign(w)

    A subgradient alone jumps about the zeros. First-order training takes the subgradient of least norm (at zero: that
    of the loss, drawn towards zero by alpha) and lets no step cross zero: a weight that would stops there, exactly,
    and leaves only when the loss's gradient exceeds alpha. This is right for every optimizer, also for those that
    scale each weight's step by itself, for which a common soft threshold has other fixed points than the objective.

    Shape
    -----
    weights (k, W) -> value (k,), gradient (k, W)

    References
    ----------
    R. Tibshirani, "Regression shrinkage and selection via the lasso", JRSS B 58, 1996. G. Andrew, J. Gao, "Scalable
    training of L1-regularized log-linear models", ICML 2007 (the steps).

    Examples
    --------
    >>> import numpy as np
    >>> from skdl.penalties import L1
    >>> L1().value(np.array([[3.0, -4.0]]))
    array([7.])
    """

    l1_weight = 1.0
    degree = 1

    def value(self, weights: Array) -> Array:
        xp = namespace(weights)
        return xp.sum(xp.abs(weights), axis=-1)

    def gradient(self, weights: Array) -> Array:
        return namespace(weights).sign(weights)

    def smooth_gradient(self, weights: Array) -> Array:
        return namespace(weights).zeros_like(weights)


@register("elastic_net")
class ElasticNet(Penalty):
    """A mixture of `l1` and `l2`: it makes weights zero, and keeps those of correlated inputs together.

    R(w) = l1_ratio sum_j |w_j| + (1 - l1_ratio) / 2 sum_j w_j^2

    Parameters
    ----------
    l1_ratio : float, default=0.5
        Share of `l1`, in [0, 1].

    Shape
    -----
    weights (k, W) -> value (k,), gradient (k, W)

    References
    ----------
    H. Zou, T. Hastie, "Regularization and variable selection via the elastic net", JRSS B 67, 2005.

    Examples
    --------
    >>> import numpy as np
    >>> from skdl.penalties import ElasticNet
    >>> ElasticNet(l1_ratio=0.5).value(np.array([[3.0, -4.0]]))
    array([9.75])
    """

    constraints = {"l1_ratio": Real(0, 1)}
    per_member = ("l1_ratio",)

    def __init__(self, l1_ratio: float = 0.5):
        self.l1_ratio = l1_ratio

    @property
    def l1_weight(self) -> Any:
        """The factor of sum_j |w_j|, which is `l1_ratio`."""
        return self.l1_ratio

    def value(self, weights: Array) -> Array:
        xp = namespace(weights)
        rows = self.l1_ratio * xp.abs(weights) + (1 - self.l1_ratio) * 0.5 * (weights * weights)
        return xp.sum(rows, axis=-1)

    def gradient(self, weights: Array) -> Array:
        return self.l1_ratio * namespace(weights).sign(weights) + self.derivative(weights, self.l1_ratio)

    @staticmethod
    def derivative(weight: Any, l1_ratio: Any) -> Any:
        """Of the part without kinks."""
        return (1 - l1_ratio) * weight


@register("activity_l1")
class ActivityL1(L1):
    """The mean absolute activation of the hidden units, which makes representations sparse.

    R = sum over hidden layers and units of the mean over rows of |h|,  with the subgradient sign(h)

    Shape
    -----
    activations (k, N) -> value (k,), gradient (k, N)

    References
    ----------
    X. Glorot, A. Bordes, Y. Bengio, "Deep sparse rectifier neural networks", AISTATS 2011, section 3.

    Examples
    --------
    >>> from skdl import MLPClassifier
    >>> MLPClassifier(penalty="activity_l1", alpha=1e-4)
    MLPClassifier(alpha=0.0001, penalty='activity_l1')
    """

    l1_weight = 0.0
    on_activations = True
