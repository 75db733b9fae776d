"""Losses for events by the side that a score is on, rather than by probabilities."""

from __future__ import annotations

from skdl._array import Array, namespace, row_sum, weighted_sum
from skdl._protocols import Loss
from skdl._registry import register


@register("perceptron")
class Perceptron(Loss):
    """The distance of a score from zero where it is on the wrong side, with which a linear model is the perceptron.

    l(s, t) = sum_c t_c max(-s_c, 0) + (1 - t_c) max(s_c, 0),  dl/ds = (1 - t) [s >= 0] - t [s <= 0]

    With one row a batch, `SGD(1.0)` and no hidden layers, a step is Rosenblatt's: a row on the right side changes
    nothing, another one is added to the weights, or taken off. Where some line parts the classes, it ends on one.
    Scores have no scale, so that probabilities are the logistic function of them for want of better: take labels.

    Shape
    -----
    scores and targets (k, B, C), weight (k, B, 1) -> value (k,), gradient (k, B, C)

    References
    ----------
    F. Rosenblatt, "The perceptron: a probabilistic model for information storage and organization in the brain",
    Psychological Review 65, 1958.

    Examples
    --------
    >>> import numpy as np
    >>> from skdl.losses import Perceptron
    >>> scores, targets = np.array([[[-2.0], [3.0]]]), np.array([[[1.0], [1.0]]])
    >>> value, gradient = Perceptron().value_and_gradient(scores, targets, np.ones((1, 2, 1)))
    >>> value, gradient[0, :, 0]
    (array([2.]), array([-1.,  0.]))
    """

    task = "binary"

    def link(self, scores: Array) -> Array:
        """Sigmoid, whose half is at the score 0."""
        xp = namespace(scores)
        small = xp.exp(-xp.abs(scores))
        return xp.where(scores >= 0, 1.0, small) / (1 + small)

    def value_and_gradient(self, scores: Array, targets: Array, weight: Array) -> tuple[Array, Array]:
        xp = namespace(scores)
        others = 1 - targets
        gradient = others * (scores >= 0)
        gradient -= targets * (scores <= 0)
        gradient *= weight
        values = others * xp.maximum(scores, 0)
        values -= targets * xp.minimum(scores, 0)
        return weighted_sum(row_sum(values), weight), gradient
