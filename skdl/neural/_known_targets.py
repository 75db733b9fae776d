"""The loss of targets of which some are not known."""

from __future__ import annotations

import numpy as np

from skdl._array import Array
from skdl._protocols import Loss


class KnownTargets(Loss):
    """A loss in which targets that are NaN count nothing.

    l(s, t) = loss(s, t'),  with t' = s where t is NaN, else t

    Parameters
    ----------
    loss : Loss
        One that is zero where scores equal targets, such as the squared error.

    Shape
    -----
    scores and targets (k, B, C), weight (k, B, 1) -> value (k,), gradient (k, B, C)

    Examples
    --------
    >>> import numpy as np
    >>> from skdl.losses import SquaredError
    >>> from skdl.neural._known_targets import KnownTargets
    >>> scores, targets, weight = np.ones((1, 1, 2)), np.array([[[-1.0, np.nan]]]), np.ones((1, 1, 1))
    >>> KnownTargets(SquaredError()).value_and_gradient(scores, targets, weight)
    (array([1.]), array([[[1., 0.]]]))
    """

    def __init__(self, loss: Loss):
        self.loss = loss

    def value_and_gradient(self, scores: Array, targets: Array, weight: Array) -> tuple[Array, Array]:
        unknown = np.isnan(targets)
        if not unknown.any():
            return self.loss.value_and_gradient(scores, targets, weight)
        value, gradient = self.loss.value_and_gradient(scores, np.where(unknown, scores, targets), weight)
        gradient[unknown] = 0
        return value, gradient
