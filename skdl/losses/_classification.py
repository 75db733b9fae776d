"""Losses for classes and for events, whose targets are probabilities."""

from __future__ import annotations

import numpy as np

from skdl._array import Array, column_sum, namespace, row_max, row_sum, weighted_sum
from skdl._constraints import Real
from skdl._protocols import Loss
from skdl._registry import register
from skdl.losses._loops import are_in_order, gradient_loop, largest_loop


def softmax(scores: Array) -> Array:
    """Probabilities from scores of shape (..., C), which stay as they are."""
    xp = namespace(scores)
    p = xp.exp(scores - xp.max(scores, axis=-1, keepdims=True))
    p /= xp.sum(p, axis=-1, keepdims=True)
    return p


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
        return softmax(scores)

    def value_and_gradient(self, scores: Array, targets: Array, weight: Array) -> tuple[Array, Array]:
        # With the classes before the rows, which is the order in memory of scores in training.
        s, t, w = scores.mT, targets.mT, weight.mT
        in_order = are_in_order(s, t, w)
        if in_order:
            largest_loop().run(s, np.empty((len(s), s.shape[2]), s.dtype))
        else:
            s -= row_max(scores).mT
        p = np.exp(s)
        total = column_sum(p)
        loop = gradient_loop(s.dtype)
        (loop.run if in_order else loop.by_numpy)(s, t, p, total, w)  # s is s t then
        rows = np.log(total)
        rows -= column_sum(s)
        return weighted_sum(rows.mT, weight), p.mT


@register("binary_cross_entropy")
class BinaryCrossEntropy(Loss):
    """The negative log likelihood of independent events, one for each column, with sigmoid probabilities.

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
        return self._link(scores, self._smaller(scores))

    def value_and_gradient(self, scores: Array, targets: Array, weight: Array) -> tuple[Array, Array]:
        xp, smaller = namespace(scores), self._smaller(scores)
        gradient = self._link(scores, smaller)
        gradient -= targets
        gradient *= weight
        values = xp.log1p(smaller)
        values += xp.maximum(scores, 0)
        scores *= targets
        values -= scores
        return weighted_sum(row_sum(values), weight), gradient

    def _smaller(self, scores: Array) -> Array:
        """The smaller one of exp(s) and exp(-s), which does not overflow."""
        xp = namespace(scores)
        return xp.exp(-xp.abs(scores))

    def _link(self, scores: Array, smaller: Array) -> Array:
        return namespace(scores).where(scores >= 0, 1.0, smaller) / (1 + smaller)


@register("focal")
class Focal(Loss):
    """The cross entropy with less weight on rows that are classified well already.

    l(s, t) = -sum_c t_c (1 - p_c)^gamma log p_c,  p = softmax(s),
    dl/ds_c = h_c - p_c sum_j h_j,  h_c = t_c (1 - p_c)^gamma (gamma p_c log(p_c) / (1 - p_c) - 1)

    The rows of t sum to one, and need not be certain; gamma = 0 is the cross entropy. Its probabilities are less sure
    than the frequencies of the classes, for it is not a proper scoring rule. To weigh classes use `class_weight`.

    Parameters
    ----------
    gamma : float, default=2.0
        Exponent of the weight (1 - p)^gamma that a row of probability p has, in [0, inf).

    Shape
    -----
    scores and targets (k, B, C), weight (k, B, 1) -> value (k,), gradient (k, B, C)

    References
    ----------
    T.-Y. Lin, P. Goyal, R. Girshick, K. He, P. Dollar, "Focal loss for dense object detection", ICCV 2017.

    Examples
    --------
    >>> import numpy as np
    >>> from skdl.losses import CrossEntropy, Focal
    >>> def value(loss, score):
    ...     scores, targets = np.array([[[score, 0.0]]]), np.array([[[1.0, 0.0]]])
    ...     return loss.value_and_gradient(scores, targets, np.ones((1, 1, 1)))[0].round(4).item()
    >>> [(value(CrossEntropy(), score), value(Focal(), score)) for score in (-2.0, 2.0)]
    [(2.1269, 1.6501), (0.1269, 0.0018)]
    """

    task = "classification"
    constraints = {"gamma": Real(0)}
    per_member = ("gamma",)

    def __init__(self, gamma: float = 2.0):
        self.gamma = gamma

    def link(self, scores: Array) -> Array:
        """Softmax of the last axis."""
        return softmax(scores)

    def value_and_gradient(self, scores: Array, targets: Array, weight: Array) -> tuple[Array, Array]:
        xp = namespace(scores)
        scores -= row_max(scores)
        p = xp.exp(scores)
        total = row_sum(p)
        p /= total
        log_p = scores
        log_p -= xp.log(total)
        rest = xp.maximum(-xp.expm1(log_p), np.finfo(p.dtype).tiny)  # 1 - p without its rounding
        # By logarithms: NumPy's power computes a lone member's exponent of 2 by another path than a stack's.
        share = xp.exp(self.gamma * xp.log(rest))
        share *= targets
        rows = -row_sum(share * log_p)
        log_p /= rest
        log_p *= p
        log_p *= self.gamma
        log_p -= 1
        share *= log_p
        share -= p * row_sum(share)
        share *= weight
        return weighted_sum(rows, weight), share


@register("brier")
class Brier(Loss):
    """Half the squared error of softmax probabilities (half the Brier score).

    l(s, t) = 1/2 sum_c (p_c - t_c)^2,  p = softmax(s),  dl/ds_c = p_c (e_c - sum_j e_j p_j),  e = p - t

    It is bounded, so that wrong labels do little harm, but learns badly: where the softmax is sure of the wrong class,
    its factor p_c, or e_c less its mean, is nearly 0 for every c, and the gradient vanishes just where the error is
    largest. The cross entropy's gradient p - t is largest there; see the example.

    Shape
    -----
    scores and targets (k, B, C), weight (k, B, 1) -> value (k,), gradient (k, B, C)

    References
    ----------
    G. W. Brier, "Verification of forecasts expressed in terms of probability", Monthly Weather Review 78, 1950;
    P. Golik, P. Doetsch, H. Ney, "Cross-entropy vs. squared error training", Interspeech 2013.

    Examples
    --------
    The class is the second one. The surer the scores are of the first, the smaller the gradient that would change them,
    where the cross entropy's goes to 1:

    >>> import numpy as np
    >>> from skdl.losses import Brier, CrossEntropy
    >>> def gradient(loss, score):
    ...     scores, targets = np.array([[[score, 0.0]]]), np.array([[[0.0, 1.0]]])
    ...     return f"{loss.value_and_gradient(scores, targets, np.ones((1, 1, 1)))[1][0, 0, 0]:.4f}"
    >>> [gradient(Brier(), score) for score in (0.0, 5.0, 10.0)]
    ['0.2500', '0.0132', '0.0001']
    >>> [gradient(CrossEntropy(), score) for score in (0.0, 5.0, 10.0)]
    ['0.5000', '0.9933', '1.0000']
    """

    task = "classification"

    def link(self, scores: Array) -> Array:
        """Softmax of the last axis."""
        return softmax(scores)

    def value_and_gradient(self, scores: Array, targets: Array, weight: Array) -> tuple[Array, Array]:
        scores -= row_max(scores)
        p = namespace(scores).exp(scores)
        p /= row_sum(p)
        error = p - targets
        rows = row_sum(error * error)
        rows *= 0.5
        error -= row_sum(error * p)
        error *= p
        error *= weight
        return weighted_sum(rows, weight), error
