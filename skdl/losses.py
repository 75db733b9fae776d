"""Losses: each takes raw scores, owns the link to predictions, and gives value and gradient in one call.

The value is a weighted sum over the rows of a batch; with weights 1 / B it is their mean.
"""

from __future__ import annotations

from skdl._array import Array, matmul, namespace, row_max, row_sum, transpose
from skdl._protocols import Loss
from skdl._registry import losses

__all__ = ["BinaryCrossEntropy", "CrossEntropy", "Loss", "SquaredError", "names", "register", "resolve"]

register, resolve, names = losses.register, losses.resolve, losses.names


def weighted_sum(rows: Array, weight: Array) -> Array:
    """Each member's weighted sum over rows, (k, B, 1) -> (k,): a product, the same alone and in a stack."""
    return matmul(transpose(weight), rows)[:, 0, 0]


@register("cross_entropy")
class CrossEntropy(Loss):
    """The negative log likelihood of class probabilities given by the softmax of the scores.

    l(s, t) = -sum_c t_c log p_c = log sum_c exp(s_c) - sum_c t_c s_c,  p = softmax(s),  dl/ds = p - t

    The rows of t sum to one. The largest score is subtracted first, so that no exponential overflows.

    Shape
    -----
    scores and targets (k, B, C), weight (k, B, 1) -> value (k,), gradient (k, B, C)

    References
    ----------
    C. M. Bishop, "Pattern Recognition and Machine Learning", 2006, section 4.3.4.

    Examples
    --------
    >>> import numpy as np
    >>> from skdl.losses import CrossEntropy
    >>> CrossEntropy().link(np.array([[0.0, np.log(3.0)]]))
    array([[0.25, 0.75]])
    """

    task = "classification"

    def link(self, scores: Array) -> Array:
        """Softmax of the last axis."""
        xp = namespace(scores)
        p = xp.exp(scores - xp.max(scores, axis=-1, keepdims=True))
        p /= xp.sum(p, axis=-1, keepdims=True)
        return p

    def value_and_gradient(self, scores: Array, targets: Array, weight: Array) -> tuple[Array, Array]:
        xp = namespace(scores)
        scores -= row_max(scores)
        p = xp.exp(scores)
        total = row_sum(p)
        scores *= targets
        rows = xp.log(total)
        rows -= row_sum(scores)
        p /= total
        p -= targets
        p *= weight
        return weighted_sum(rows, weight), p


@register("binary_cross_entropy")
class BinaryCrossEntropy(Loss):
    """The negative log likelihood of independent events, one a column, with sigmoid probabilities.

    l(s, t) = sum_c max(s_c, 0) - s_c t_c + log(1 + exp(-|s_c|)),  p = 1 / (1 + exp(-s)),  dl/ds = p - t

    Shape
    -----
    scores and targets (k, B, C), weight (k, B, 1) -> value (k,), gradient (k, B, C)

    References
    ----------
    C. M. Bishop, "Pattern Recognition and Machine Learning", 2006, section 4.3.2.

    Examples
    --------
    >>> import numpy as np
    >>> from skdl.losses import BinaryCrossEntropy
    >>> BinaryCrossEntropy().link(np.array([[-1e4, 0.0, 1e4]]))
    array([[0. , 0.5, 1. ]])
    """

    task = "binary"

    def link(self, scores: Array) -> Array:
        """Sigmoid, exact to the last digits in both tails."""
        xp = namespace(scores)
        small = xp.exp(-xp.abs(scores))
        return xp.where(scores >= 0, 1.0, small) / (1 + small)

    def value_and_gradient(self, scores: Array, targets: Array, weight: Array) -> tuple[Array, Array]:
        xp = namespace(scores)
        gradient = self.link(scores)
        gradient -= targets
        gradient *= weight
        values = xp.log1p(xp.exp(-xp.abs(scores)))
        values += xp.maximum(scores, 0)
        scores *= targets
        values -= scores
        return weighted_sum(row_sum(values), weight), gradient


@register("squared_error")
class SquaredError(Loss):
    """Half the mean square of the errors, with the identity as link.

    l(s, t) = 1 / (2 C) sum_c (s_c - t_c)^2,  dl/ds = (s - t) / C

    It is the negative log likelihood of a normal distribution of fixed width, up to a constant.

    Shape
    -----
    scores and targets (k, B, C), weight (k, B, 1) -> value (k,), gradient (k, B, C)

    References
    ----------
    C. M. Bishop, "Pattern Recognition and Machine Learning", 2006, section 3.1.1.

    Examples
    --------
    >>> import numpy as np
    >>> from skdl.losses import SquaredError
    >>> scores, targets, weight = np.array([[[3.0]]]), np.array([[[1.0]]]), np.ones((1, 1, 1))
    >>> SquaredError().value_and_gradient(scores, targets, weight)
    (array([2.]), array([[[2.]]]))
    """

    def value_and_gradient(self, scores: Array, targets: Array, weight: Array) -> tuple[Array, Array]:
        n_outputs = scores.shape[-1]
        scores -= targets
        rows = row_sum(scores * scores)
        rows *= 0.5 / n_outputs
        scores *= weight
        scores *= 1 / n_outputs
        return weighted_sum(rows, weight), scores
