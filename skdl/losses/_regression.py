"""Losses for real targets and for counts."""

from __future__ import annotations

import numpy as np

from skdl._array import Array, namespace, row_sum, weighted_sum
from skdl._constraints import Real
from skdl._protocols import Loss
from skdl._registry import register


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
        squares = scores * scores
        rows = squares if n_outputs == 1 else row_sum(squares)
        rows *= 0.5 / n_outputs
        scores *= weight
        if n_outputs > 1:
            scores *= 1 / n_outputs
        return weighted_sum(rows, weight), scores


@register("absolute_error")
class AbsoluteError(Loss):
    """The mean absolute error, whose best constant is the median: outliers count by their sign alone.

    l(s, t) = 1 / C sum_c |s_c - t_c|,  dl/ds = sign(s - t) / C  (0 where they are equal)

    Shape
    -----
    scores and targets (k, B, C), weight (k, B, 1) -> value (k,), gradient (k, B, C)

    References
    ----------
    P. J. Huber, E. M. Ronchetti, "Robust statistics", 2nd edition, 2009, chapter 3.

    Examples
    --------
    >>> import numpy as np
    >>> from skdl.losses import AbsoluteError
    >>> scores, targets, weight = np.array([[[3.0]]]), np.array([[[1.0]]]), np.ones((1, 1, 1))
    >>> AbsoluteError().value_and_gradient(scores, targets, weight)
    (array([2.]), array([[[1.]]]))
    """

    def value_and_gradient(self, scores: Array, targets: Array, weight: Array) -> tuple[Array, Array]:
        xp, share = namespace(scores), 1 / scores.shape[-1]
        scores -= targets
        rows = row_sum(xp.abs(scores))
        rows *= share
        gradient = xp.sign(scores)
        gradient *= weight
        gradient *= share
        return weighted_sum(rows, weight), gradient


@register("huber")
class Huber(Loss):
    """The squared error of small errors and the absolute error of large ones.

    l(s, t) = 1 / C sum_c h(s_c - t_c),  h(e) = e^2 / 2 where |e| <= delta, else delta (|e| - delta / 2),
    dl/ds = min(max(s - t, -delta), delta) / C

    Parameters
    ----------
    delta : float, default=1.0
        Largest error that is squared, in (0, inf), in units of the targets that the network sees: with standardised
        targets, in their standard deviations. `LeastSquaresRegressor` sees them in their own units.

    Shape
    -----
    scores and targets (k, B, C), weight (k, B, 1) -> value (k,), gradient (k, B, C)

    References
    ----------
    P. J. Huber, "Robust estimation of a location parameter", Annals of Mathematical Statistics 35, 1964.

    Examples
    --------
    >>> import numpy as np
    >>> from skdl.losses import Huber
    >>> scores, targets, weight = np.array([[[3.0], [1.5]]]), np.ones((1, 2, 1)), np.ones((1, 2, 1))
    >>> Huber().value_and_gradient(scores, targets, weight)
    (array([1.625]), array([[[1. ],
            [0.5]]]))
    """

    constraints = {"delta": Real(0, open_low=True)}
    per_member = ("delta",)

    def __init__(self, delta: float = 1.0):
        self.delta = delta

    def value_and_gradient(self, scores: Array, targets: Array, weight: Array) -> tuple[Array, Array]:
        xp, share = namespace(scores), 1 / scores.shape[-1]
        error = scores
        error -= targets
        gradient = xp.minimum(xp.maximum(error, -self.delta), self.delta)
        error -= 0.5 * gradient
        error *= gradient  # h(e) = c (e - c / 2) with the bounded error c
        rows = row_sum(error)
        rows *= share
        gradient *= weight
        gradient *= share
        return weighted_sum(rows, weight), gradient


@register("quantile")
class Quantile(Loss):
    """The pinball loss, whose best constant is a quantile.

    l(s, t) = 1 / C sum_c max(q (t_c - s_c), (1 - q) (s_c - t_c)),
    dl/ds = -q / C where s < t, (1 - q) / C where s > t, 0 where they are equal

    Parameters
    ----------
    quantile : float, default=0.5
        The share q of targets that lie below the prediction, in (0, 1); 0.5 is half the absolute error.

    Shape
    -----
    scores and targets (k, B, C), weight (k, B, 1) -> value (k,), gradient (k, B, C)

    References
    ----------
    R. Koenker, G. Bassett, "Regression quantiles", Econometrica 46, 1978.

    Examples
    --------
    >>> import numpy as np
    >>> from skdl.losses import Quantile
    >>> scores, targets, weight = np.array([[[3.0], [0.0]]]), np.ones((1, 2, 1)), np.ones((1, 2, 1))
    >>> Quantile(0.75).value_and_gradient(scores, targets, weight)
    (array([1.25]), array([[[ 0.25],
            [-0.75]]]))
    """

    constraints = {"quantile": Real(0, 1, open_low=True, open_high=True)}
    per_member = ("quantile",)

    def __init__(self, quantile: float = 0.5):
        self.quantile = quantile

    def validate(self) -> Quantile:
        if np.ndim(self.quantile):
            raise ValueError(
                f"A quantile loss learns one quantile. Got quantile={self.quantile!r}. For several fit a network for "
                "each, [MLPRegressor(loss=Quantile(q)).fit(X, y) for q in quantiles]."
            )
        return super().validate()

    def value_and_gradient(self, scores: Array, targets: Array, weight: Array) -> tuple[Array, Array]:
        share = 1 / scores.shape[-1]
        error = scores
        error -= targets
        gradient = (error > 0) * (1 - self.quantile)
        gradient = gradient.astype(error.dtype, copy=False)
        gradient -= (error < 0) * self.quantile
        error *= gradient
        rows = row_sum(error)
        rows *= share
        gradient *= weight
        gradient *= share
        return weighted_sum(rows, weight), gradient


@register("poisson")
class Poisson(Loss):
    """The negative log likelihood of counts, up to a constant, with the exponential as link.

    l(s, t) = 1 / C sum_c exp(s_c) - t_c s_c,  mean = exp(s),  dl/ds = (exp(s) - t) / C

    Above a score of 30, which is a mean of 10^13, the exponential goes on as a straight line in the loss, and as a
    constant in mean and gradient: so everything stays finite in float32.

    Shape
    -----
    scores and targets (k, B, C), weight (k, B, 1) -> value (k,), gradient (k, B, C)

    Raises
    ------
    ValueError
        By `check_targets`, for targets below zero or above 10^13.

    References
    ----------
    P. McCullagh, J. A. Nelder, "Generalized linear models", 2nd edition, 1989, chapter 6.

    Examples
    --------
    >>> import numpy as np
    >>> from skdl.losses import Poisson
    >>> scores, targets, weight = np.zeros((1, 1, 1)), np.array([[[3.0]]]), np.ones((1, 1, 1))
    >>> Poisson().value_and_gradient(scores, targets, weight)
    (array([1.]), array([[[-2.]]]))
    >>> Poisson().check_targets(np.array([[1.0], [-1.0]]))
    Traceback (most recent call last):
        ...
    ValueError: The Poisson loss needs targets of 0 or more; the smallest is -1.
    """

    link_name = "exp"
    standardizes = False

    def link(self, scores: Array) -> Array:
        """The mean, exp(s), up to 10^13."""
        xp = namespace(scores)
        return xp.exp(xp.minimum(scores, _LARGEST_LOG_MEAN))

    def unlink(self, predictions: np.ndarray) -> np.ndarray:
        """The logarithm; of zero a score whose exponential is zero in any precision."""
        means = np.asarray(predictions, np.float64)
        return np.where(means > 0, np.log(np.where(means > 0, means, 1.0)), _LOG_OF_ZERO)

    def check_targets(self, targets: np.ndarray) -> None:
        """Raise a ValueError for targets below zero, or above the largest mean."""
        smallest = targets.min(initial=0.0)
        if smallest < 0:
            raise ValueError(f"The Poisson loss needs targets of 0 or more; the smallest is {smallest:g}.")
        largest = targets.max(initial=0.0)
        if largest > _LARGEST_MEAN:
            raise ValueError(
                f"The Poisson loss learns means up to {_LARGEST_MEAN:.0e}; the largest target is {largest:g}. Divide y "
                "by a constant."
            )

    def value_and_gradient(self, scores: Array, targets: Array, weight: Array) -> tuple[Array, Array]:
        xp, share = namespace(scores), 1 / scores.shape[-1]
        gradient = self.link(scores)
        beyond = xp.maximum(scores - _LARGEST_LOG_MEAN, 0)
        beyond += 1
        beyond *= gradient
        scores *= targets
        beyond -= scores
        rows = row_sum(beyond)
        rows *= share
        gradient -= targets
        gradient *= weight
        gradient *= share
        return weighted_sum(rows, weight), gradient


_LARGEST_LOG_MEAN = 30.0
_LARGEST_MEAN = 1e13
_LOG_OF_ZERO = -1000.0
