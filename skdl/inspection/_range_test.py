"""The learning rate range test: a short training whose rate grows, step by step, until the loss does."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from sklearn.base import clone
from sklearn.pipeline import Pipeline

from skdl._typing import MatrixLike, VectorLike
from skdl._warnings import collecting
from skdl.ensemble._sampling import select_rows
from skdl.inspection._fitted import named
from skdl.inspection._style import QUIET, color, dots, line, panel

FEWEST_STEPS = 10
TOO_FAR = 4.0  # times the fall so far, above the minimum, at which the test ends


@dataclass(frozen=True)
class LearningRateRange:
    """The result of a learning rate range test.

    Attributes
    ----------
    rates : array of shape (n_steps,)
        The learning rate of each step that was taken, growing geometrically.
    losses : array of shape (n_steps,)
        The loss of the step's batch before the step; infinite in a step that diverged.
    smoothed : array of shape (n_steps,)
        Their exponential average, of finite ones.
    steepest : float
        The rate around which the smoothed loss falls most over half a decade of rates.
    diverged : float
        The rate of the first step, past the minimum of the smoothed loss, at which it lies above its start (that after
        ten steps); infinite where no rate of the range was too high.
    suggestion : float
        A tenth of `diverged`, at most; else `steepest`.
    """

    rates: np.ndarray
    losses: np.ndarray
    smoothed: np.ndarray
    steepest: float
    diverged: float
    suggestion: float


def learning_rate_range(
    estimator: Any,
    X: MatrixLike,
    y: VectorLike,
    *,
    low: float = 1e-5,
    high: float = 100.0,
    n_steps: int = 140,
    smoothing: float = 0.9,
) -> LearningRateRange:
    """Let the learning rate of a new network grow from step to step, and see where its loss falls and diverges.

    A clone of the estimator is initialised, and takes one step on each of `n_steps` batches, the i-th with the rate
    low (high / low)^(i / (n_steps - 1)) in the place of its schedule. Low rates leave the loss as it is, good ones let
    it fall, too high ones let it rise. The losses l_i are smoothed to s_i = m_i / (1 - b^i) with
    m_i = b m_(i-1) + (1 - b) l_i. The test ends early where the loss is not finite, or lies above its minimum by four
    times of what it was in the beginning.

    The suggestion is the rate of the steepest fall, but at most a tenth of the one at which the loss is above its start
    again. It is a rate to begin with; where a schedule lets the rate fall, a few times more may be better.

    Parameters
    ----------
    estimator : estimator
        A network of skdl with a first-order optimizer, such as MLPClassifier, or a pipeline that ends in one; fitted or
        not. It stays as it is.
    X : {array-like, sparse matrix, frame} of shape (n_samples, n_features)
        Training rows.
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        Their targets.
    low, high : float, default=1e-5 and 100
        The first and the last rate, 0 < low < high.
    n_steps : int, default=140
        Steps, at least 10. If the rows do not suffice, they come again in another order.
    smoothing : float, default=0.9
        b, in [0, 1): 0 smooths nothing.

    Returns
    -------
    found : LearningRateRange

    Raises
    ------
    TypeError
        If the estimator cannot be trained step by step.
    ValueError
        If it has a full-batch optimizer, which finds its steps by itself.

    References
    ----------
    L. N. Smith, "Cyclical learning rates for training neural networks", WACV, 2017.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skdl import MLPClassifier
    >>> from skdl.inspection import learning_rate_range
    >>> X, y = load_digits(return_X_y=True)
    >>> found = learning_rate_range(MLPClassifier((32,), optimizer="sgd", encoding=None, random_state=0), X, y)
    >>> bool(0.02 < found.suggestion < 2 and found.diverged < 100)
    True
    """
    if not (0 < low < high < math.inf and n_steps >= FEWEST_STEPS and 0 <= smoothing < 1):
        raise ValueError(
            f"learning_rate_range needs 0 < low < high, n_steps of at least {FEWEST_STEPS}, and smoothing in [0, 1). "
            f"Got low={low}, high={high}, n_steps={n_steps}, smoothing={smoothing}."
        )
    network, X = _prepared(estimator, X, y)
    y = y if hasattr(y, "iloc") else np.asarray(y)
    settings = network._settings()
    if settings.optimizer.full_batch:
        raise ValueError(
            f"optimizer={settings.optimizer!r} finds its steps by itself and has no learning rate. Choose a "
            "first-order one, such as optimizer='sgd' or 'adam'."
        )
    n_rows = X.shape[0] if hasattr(X, "shape") else len(X)
    batch_size = settings.batch_rows(n_rows)
    network.set_params(schedule="constant", batch_size=batch_size, verbose=0)
    rates = low * (high / low) ** (np.arange(n_steps) / (n_steps - 1))
    batches = _batches(n_rows, batch_size, network._generator())
    losses: list[float] = []
    with collecting():  # of divergence, which is looked for
        network.initialize(X, y)
        for rate, rows in zip(rates, batches, strict=False):
            losses.append(_step(network, select_rows(X, rows), select_rows(y, rows), float(rate)))
            if _is_too_far(smoothed(losses, smoothing)):
                break
    return _found(rates[: len(losses)], np.array(losses), smoothing)


def _prepared(estimator: Any, X: Any, y: Any) -> tuple[Any, Any]:
    """A clone of the network in an estimator, and rows as it takes them."""
    if isinstance(estimator, Pipeline):
        X = clone(estimator[:-1]).fit_transform(X, y) if len(estimator) > 1 else X
        estimator = estimator[-1]
    if not (hasattr(estimator, "_settings") and hasattr(estimator, "initialize") and hasattr(estimator, "partial_fit")):
        raise TypeError(
            f"{type(estimator).__name__} is not trained step by step. Give a network, such as MLPClassifier, or a "
            "pipeline that ends in one."
        )
    return clone(estimator), X


def _batches(n_rows: int, size: int, generator: np.random.Generator) -> Iterator[np.ndarray]:
    """Rows of one step after the other, in an order that is new when all have come; only whole batches."""
    while True:
        order = generator.permutation(n_rows)
        for start in range(0, n_rows - size + 1, size):
            yield order[start : start + size]


def _step(network: Any, X: Any, y: Any, rate: float) -> float:
    """Take one step; the loss before it, or infinity."""
    done = network.n_iter_
    network.set_params(optimizer__learning_rate=rate).partial_fit(X, y)
    return float(network.loss_) if network.n_iter_ > done else math.inf


def smoothed(losses: Sequence[float] | np.ndarray, smoothing: float) -> np.ndarray:
    """The exponential average of the losses, without the bias of its start at zero."""
    mean, averages = 0.0, []
    for i, loss in enumerate(losses, 1):
        mean = smoothing * mean + (1 - smoothing) * float(loss)
        averages.append(mean / (1 - smoothing**i))
    return np.array(averages)


def _is_too_far(smooth: np.ndarray) -> bool:
    if len(smooth) <= FEWEST_STEPS or not np.isfinite(smooth[-1]):
        return not np.isfinite(smooth[-1])
    least, start = smooth.min(), smooth[FEWEST_STEPS - 1]
    return bool(smooth[-1] > least + TOO_FAR * max(start - least, abs(start)))


def _found(rates: np.ndarray, losses: np.ndarray, smoothing: float) -> LearningRateRange:
    """What the losses say; the average of the first ten is the start, for a single batch says little."""
    smooth = smoothed(losses, smoothing)
    first = min(FEWEST_STEPS, len(losses)) - 1
    least = first + int(np.argmin(smooth[first:]))
    above = np.flatnonzero(~(smooth[least:] <= smooth[first])) if least > first else np.arange(0)
    diverged = float(rates[least + above[0]]) if len(above) else math.inf
    # Falls over half a decade: those from step to step are noise.
    width = max(1, round(0.25 / math.log10(rates[1] / rates[0]))) if len(rates) > 1 else 1
    places = np.arange(first, least + 1)
    falls = smooth[np.maximum(places - width, first)] - smooth[np.minimum(places + width, least)]
    steepest = float(rates[places[int(np.argmax(falls))]])
    return LearningRateRange(rates, losses, smooth, steepest, diverged, min(steepest, diverged / 10))


class LearningRateRangeDisplay:
    """The loss over the learning rate, in range tests of one or several networks.

    Parameters
    ----------
    ranges : dict
        From names to a `LearningRateRange`.

    Attributes
    ----------
    ax_ : Axes
        After `plot`.
    figure_ : Figure

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skdl import MLPClassifier
    >>> from skdl.inspection import LearningRateRangeDisplay
    >>> X, y = load_digits(return_X_y=True)
    >>> networks = {name: MLPClassifier((32,), optimizer=name, random_state=0) for name in ("sgd", "adam")}
    >>> display = LearningRateRangeDisplay.from_estimator(networks, X, y)
    >>> display.ranges["adam"].suggestion < display.ranges["sgd"].suggestion
    True
    """

    def __init__(self, *, ranges: Mapping[str, LearningRateRange]):
        self.ranges = ranges

    @classmethod
    def from_estimator(cls, estimator: Any, X: MatrixLike, y: VectorLike, *, ax: Any = None, **options: Any) -> Self:
        """Run the range test.

        Parameters
        ----------
        estimator : estimator, list of estimators, or dict from names to estimators
        X, y : array-like
            Rows and targets, see `learning_rate_range`.
        ax : Axes, array of Axes or None, default=None
            As in `plot`, which draws at once.
        **options : dict
            Its other parameters.

        Returns
        -------
        display : LearningRateRangeDisplay
        """
        found = {name: learning_rate_range(each, X, y, **options) for name, each in named(estimator).items()}
        return cls(ranges=found).plot(ax)

    def plot(self, ax: Any = None) -> Self:
        """Draw the losses of the steps, pale, their average, and a mark at the suggestion.

        Parameters
        ----------
        ax : Axes or None, default=None
            None for a new figure.

        Returns
        -------
        display : LearningRateRangeDisplay
            Itself.
        """
        self.figure_, self.ax_ = panel(ax)
        several = len(self.ranges) > 1
        top = []
        for i, (name, found) in enumerate(self.ranges.items()):
            finite = np.isfinite(found.losses)
            self.ax_.plot(found.rates[finite], found.losses[finite], color=color(i), alpha=0.35, linewidth=0.8)
            label = name if several else "average"
            self.ax_.plot(found.rates[finite], found.smoothed[finite], label=label, **line(i))
            at = float(np.interp(math.log(found.suggestion), np.log(found.rates), found.smoothed))
            words = f"{name}: {found.suggestion:.2g}" if several else f"suggestion: {found.suggestion:.2g}"
            self.ax_.plot([found.suggestion], [at], **dots(i), markersize=8, label=words)
            if math.isfinite(found.diverged):
                words = "_" if several else f"above its start: {found.diverged:.2g}"
                self.ax_.axvline(found.diverged, color=color(i) if several else QUIET, linestyle=":", label=words)
            top.append(float(found.smoothed[0]))
        low = min(float(found.smoothed.min()) for found in self.ranges.values())
        room = max(top) - low or abs(low) or 1.0
        self.ax_.set_ylim(low - 0.2 * room, max(top) + 0.6 * room)  # what diverges leaves the picture
        self.ax_.set_xscale("log")
        self.ax_.set_xlabel("learning rate")
        self.ax_.set_ylabel("loss of a batch")
        self.ax_.legend(fontsize="small")
        return self
