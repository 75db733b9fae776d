"""A training curve in words: whether the learning rate was too high, too low or good; over- or underfitting."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

FEWEST_EPOCHS = 5  # that are judged
SMALL_FALL = 0.2  # of a loss that has hardly left its start, as a share of it
STRAIGHT = 0.5  # of the fall of the first half, what the second half of a straight curve falls at least
LOUD = 0.05  # mean step of an oscillating loss, as a share of its level
QUIET_LEVEL = 0.02  # of the start, below which oscillations do not matter
RISE = 0.05  # of the validation loss over its minimum, as a share of it, that is overfitting
CLOSE = 0.1  # of the validation loss over the training loss, as a share of it, that is no gap
HIGH = 0.5  # of the start: a training loss above it is high


class Verdict(NamedTuple):
    """What a training curve says.

    Attributes
    ----------
    learning_rate : {"too high", "too low", "good", "unknown"}
    fit : {"overfitting", "underfitting", "good", "unknown"}
    reasons : tuple of two str
        A sentence for each of the two.
    """

    learning_rate: str
    fit: str
    reasons: tuple[str, str]

    def __str__(self) -> str:
        rate, fit = self.reasons
        return f"Learning rate {self.learning_rate}: {rate} {self.fit_words.capitalize()}: {fit}"

    @property
    def fit_words(self) -> str:
        """`fit` as words that stand by themselves."""
        return {"good": "good fit", "unknown": "over- or underfitting unknown"}.get(self.fit, self.fit)


def training_verdict(
    loss: Any, validation_loss: Any = None, learning_rate: Any = None, *, diverged: bool = False
) -> Verdict:
    """Say what a curve of losses tells of the learning rate, and of over- and underfitting.

    With L_1 ... L_T the training losses of the epochs, and "the end" the mean of the last tenth of them, the learning
    rate is

    - *too high*, if the training diverged, the end lies above L_1, or the loss oscillates: in the second half of the
      epochs its rises make up for half of its falls or more, its mean step is more than 5 % of its median, and this
      is more than 2 % of L_1 (steps in which the learning rate itself rises, as in cycles, are not looked at);
    - *too low*, if the end lies less than 20 % below L_1 and the curve is still straight: by the unit of learning rate,
      the second half of the epochs falls at least half as much as the first half; or if it does not move at all (by
      less than 0.1 % of L_1);
    - *good* otherwise.

    With V the validation losses, smoothed over a tenth of the epochs that have any, the fit is

    - *overfitting*, if V ends more than 5 % above its minimum and above the training loss, which has fallen since that;
    - *underfitting*, if the training loss is high, above L_1 / 2, and its curve still straight; or if it is one of
      both, and V at most 10 % above it at the end;
    - *good* otherwise; of a training whose rate is too high it is not judged.

    The shares are of absolute values, for losses below zero. Fewer than five epochs are not judged. What a curve cannot
    tell: a high loss may be all that noise allows; and a rate that blows up the weights within the first epoch may
    leave a large loss that falls from there, with no unit that learns any more.

    Parameters
    ----------
    loss : array-like of shape (n_epochs,)
        Of the training rows.
    validation_loss : array-like of shape (n_epochs,), default=None
        NaN in epochs without.
    learning_rate : array-like of shape (n_epochs,), default=None
        Of each epoch; None for a constant one, NaN for an optimizer that has none.
    diverged : bool, default=False
        Whether the training ended since the loss became infinite or NaN.

    Returns
    -------
    verdict : Verdict
        Its `str` is a sentence for each of the two.

    Examples
    --------
    >>> from skdl.inspection import training_verdict
    >>> print(training_verdict([2.9, 2.88, 2.86, 2.84, 2.82, 2.80], [2.91, 2.89, 2.87, 2.85, 2.83, 2.81]))
    Learning rate too low: after 6 epochs the loss is 3.4 % below its start and falls straight on; raise it. \
Underfitting: the training loss (2.8) is high and still falls.
    >>> training_verdict([1.5, 0.6, 0.4, 0.3, 0.2, 0.1], [0.8, 0.5, 0.4, 0.5, 0.6, 0.7])[:2]
    ('good', 'overfitting')
    """
    losses = np.asarray(loss, np.float64).reshape(-1)
    rates = np.ones(len(losses)) if learning_rate is None else np.asarray(learning_rate, np.float64).reshape(-1)
    has_rate = not len(rates) or bool(np.isfinite(rates).any())
    rates = np.where(np.isfinite(rates), rates, 1.0)
    validation = np.full(len(losses), np.nan)
    if validation_loss is not None:
        validation = np.asarray(validation_loss, np.float64).reshape(-1)
    if not len(losses) == len(rates) == len(validation):
        raise ValueError(
            f"loss, validation_loss and learning_rate must have one number an epoch. Got {len(losses)}, "
            f"{len(validation)} and {len(rates)} numbers."
        )
    rate, why_rate = "unknown", "the optimizer finds its steps by itself."
    if has_rate:
        rate, why_rate = _of_rate(losses, rates, diverged)
    if rate == "too high":
        return Verdict(rate, "unknown", (why_rate, "that of a training with a lower rate will tell."))
    fit, why_fit = _of_fit(losses, rates, validation)
    return Verdict(rate, fit, (why_rate, why_fit))


def _of_rate(losses: np.ndarray, rates: np.ndarray, diverged: bool) -> tuple[str, str]:
    if diverged or not np.isfinite(losses).all():
        return "too high", "the training diverged; lower it, for example to a tenth."
    n_epochs = len(losses)
    if n_epochs < FEWEST_EPOCHS:
        return "unknown", f"fewer than {FEWEST_EPOCHS} epochs say too little."
    start, end = losses[0], _end(losses)
    if end > start + 1e-3 * abs(start):
        return "too high", f"the loss ends at {end:.3g}, above its start of {start:.3g}; lower it."
    if _oscillates(losses, rates):
        return "too high", f"the loss oscillates around {np.median(losses[n_epochs // 2 :]):.3g}; lower it."
    share = (start - end) / max(abs(start), np.finfo(float).tiny)
    if share < 1e-3:
        return "too low", "the loss does not move; raise it, for example tenfold."
    if share < SMALL_FALL and _is_straight(losses, rates):
        return "too low", (
            f"after {n_epochs} epochs the loss is {100 * share:.2g} % below its start and falls straight on; raise it."
        )
    return "good", f"the loss falls from {start:.3g} to {end:.3g}."


def _of_fit(losses: np.ndarray, rates: np.ndarray, validation: np.ndarray) -> tuple[str, str]:
    if len(losses) < FEWEST_EPOCHS:
        return "unknown", f"fewer than {FEWEST_EPOCHS} epochs say too little."
    known = np.flatnonzero(np.isfinite(validation))
    start, end, straight = losses[0], _end(losses), _is_straight(losses, rates)
    is_high = end > start - (1 - HIGH) * abs(start)
    if is_high and straight:
        return "underfitting", f"the training loss ({end:.3g}) is high and still falls."
    if not len(known):
        return "unknown", "without validation rows nothing tells learning from learning by heart."
    smooth = _smoothed(validation[known])
    best, last = int(smooth.argmin()), float(smooth[-1])
    epoch = known[best]
    if last > max(smooth[best] + RISE * abs(smooth[best]), end) and end < losses[epoch]:
        return "overfitting", (
            f"since epoch {epoch + 1} the validation loss has risen from {smooth[best]:.3g} to {last:.3g}, while the "
            f"training loss fell to {end:.3g}."
        )
    if last <= end + CLOSE * abs(end) and (is_high or straight):
        how = "still fall" if straight else "high: the network learns too little, or noise allows no more"
        return "underfitting", (f"losses of training ({end:.3g}) and validation ({last:.3g}) are close, and {how}.")
    return "good", f"the validation loss comes to {last:.3g}, with {end:.3g} in training."


def _end(losses: np.ndarray) -> float:
    return float(losses[-max(1, len(losses) // 10) :].mean())


def _smoothed(values: np.ndarray) -> np.ndarray:
    """Means of the last tenth of the values up to each one; of the first ones, of what there is."""
    width = max(1, len(values) // 10)
    sums = np.cumsum(np.concatenate([np.zeros(width), values]))
    smooth: np.ndarray = (sums[width:] - sums[:-width]) / np.minimum(np.arange(1, len(values) + 1), width)
    return smooth


def _oscillates(losses: np.ndarray, rates: np.ndarray) -> bool:
    half = len(losses) // 2
    steps, level = np.diff(losses)[half - 1 :], float(np.median(losses[half:]))
    steps = steps[~(np.diff(rates)[half - 1 :] > 1e-9 * rates.max())]
    if not len(steps) or abs(level) <= QUIET_LEVEL * abs(losses[0]):
        return False
    rises, falls = steps[steps > 0].sum(), -steps[steps < 0].sum()
    return bool(rises > 0 and rises >= falls / 2 and np.abs(steps).mean() > LOUD * abs(level))


def _is_straight(losses: np.ndarray, rates: np.ndarray) -> bool:
    """True if a unit of learning rate brings at least half as much in the second half as in the first one."""
    half = len(losses) // 2
    first, second = losses[0] - losses[half], losses[half] - losses[-1]
    given = rates[1 : half + 1].sum(), rates[half + 1 :].sum()  # an epoch's loss is the mean over its steps
    return bool(first > 0 and given[1] > 0 and second / given[1] >= STRAIGHT * first / given[0])
