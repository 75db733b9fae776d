"""Penalties on the weights, added to the mean loss times the estimator's `alpha`; intercepts are never penalised."""

from __future__ import annotations

from skdl._array import Array, namespace
from skdl._protocols import Penalty
from skdl._registry import penalties

__all__ = ["L1", "L2", "Penalty", "names", "register", "resolve"]

register, resolve, names = penalties.register, penalties.resolve, penalties.names


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

    def value(self, weights: Array) -> Array:
        return namespace(weights).sum(weights * weights, axis=-1) * 0.5

    def gradient(self, weights: Array) -> Array:
        return weights


@register("l1")
class L1(Penalty):
    """The sum of the absolute weights (lasso), which draws small ones to zero.

    R(w) = sum_j |w_j|,  with the subgradient sign(w)

    Shape
    -----
    weights (k, W) -> value (k,), gradient (k, W)

    References
    ----------
    R. Tibshirani, "Regression shrinkage and selection via the lasso", JRSS B 58, 1996.

    Examples
    --------
    >>> import numpy as np
    >>> from skdl.penalties import L1
    >>> L1().value(np.array([[3.0, -4.0]]))
    array([7.])
    """

    def value(self, weights: Array) -> Array:
        xp = namespace(weights)
        return xp.sum(xp.abs(weights), axis=-1)

    def gradient(self, weights: Array) -> Array:
        return namespace(weights).sign(weights)
