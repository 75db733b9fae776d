"""A bound on the weights into a unit."""

from __future__ import annotations

from skdl._array import Array, namespace
from skdl._constraints import Real
from skdl._protocols import Penalty
from skdl._registry import register


@register("max_norm")
class MaxNorm(Penalty):
    """A bound on the norm of each unit's incoming weights, kept by scaling them back after every step.

    R = 0 where ||W[:, j]|| <= limit for every unit j, else infinite; `alpha` does not matter.

    Parameters
    ----------
    limit : float, default=3.0
        Largest norm, in (0, inf), of the weights for standardised inputs (and targets).

    Shape
    -----
    weights (k, n_in, n_out) -> projected in place

    References
    ----------
    N. Srivastava, G. Hinton, A. Krizhevsky, I. Sutskever, R. Salakhutdinov, "Dropout", JMLR 15, 2014.

    Examples
    --------
    >>> import numpy as np
    >>> from skdl.penalties import MaxNorm
    >>> weight = np.array([[[3.0, 0.3], [4.0, 0.4]]])
    >>> MaxNorm(limit=1.0).project(weight)
    >>> weight
    array([[[0.6, 0.3],
            [0.8, 0.4]]])
    """

    projects = True
    constraints = {"limit": Real(0, open_low=True)}
    per_member = ("limit",)

    def __init__(self, limit: float = 3.0):
        self.limit = limit

    def value(self, weights: Array) -> Array:
        xp = namespace(weights)
        return xp.zeros(weights.shape[0], dtype=weights.dtype)

    def gradient(self, weights: Array) -> Array:
        return namespace(weights).zeros_like(weights)

    def project(self, weight: Array) -> None:
        xp = namespace(weight)
        norms = xp.sqrt(xp.sum(weight * weight, axis=-2, keepdims=True))
        limit = xp.asarray(self.limit, dtype=weight.dtype).reshape(-1, 1, 1)
        weight *= limit / xp.maximum(norms, limit)
