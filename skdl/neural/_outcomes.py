"""The report on the end of a training: an error, the note on an interrupt, or a warning."""

from __future__ import annotations

import math

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from skdl._interrupts import interrupted
from skdl._warnings import Warned
from skdl.engine import TrainingResult
from skdl.neural._phases import by_cycles
from skdl.neural._settings import Settings


def check_outcome(settings: Settings, outcome: TrainingResult) -> None:
    """Raise for a training without a complete epoch, in this fit or in those that it went on from.

    Weights that no data have touched are not a model. What was trained for some epochs keeps those when it diverges.
    """
    if outcome.state.progress[0].epoch > 0:
        return
    name, epoch = settings.name, settings.epoch_word
    if outcome.stop_reason == "diverged":
        raise ValueError(
            f"{name} has learned nothing: the loss became infinite or NaN in the first {epoch}. {_remedy(settings)}"
        )
    if outcome.stop_reason == "interrupted":
        raise interrupted(None, f"{name} was interrupted before its first {epoch} had ended, and is as it was before.")


def interrupt_note(settings: Settings, outcome: TrainingResult) -> str:
    """The note on the KeyboardInterrupt of a training that has kept some epochs."""
    progress = outcome.state.progress[0]
    kept = "the best" if progress.best_theta is not None else "the last"
    epochs = f"{progress.epoch} {settings.epoch_word}{'s' * (progress.epoch != 1)}"
    part = ("", " of its trial", " on all rows")[progress.phase]
    return (
        f"{settings.name} was interrupted after {epochs}{part} and is fitted, with "
        f"{kept} of their weights. With warm_start=True, fit brings this training to its end; partial_fit adds to it."
    )


def _remedy(settings: Settings) -> str:
    """Advice against divergence; not what is chosen already."""
    scaled = settings.scales_columns
    if settings.optimizer.full_batch:
        return "Give a larger alpha, or other initial weights (random_state)." if scaled else "Set standardize=True."
    return f"Lower the learning rate ({settings.rate_parameter}){'' if scaled else ', or set standardize=True'}."


def _more_precision(settings: Settings, outcome: TrainingResult) -> str:
    """Advice for a search that has stalled; not what is chosen already."""
    advice = ["a larger tol"]
    if outcome.state.theta.dtype != np.float64:
        advice.append("dtype='float64'")
    if not settings.scales_columns:
        advice.append("standardize=True")
    return f"Use {' or '.join(advice)}."


def outcome_warning(settings: Settings, outcome: TrainingResult, *, incremental: bool = False) -> Warned | None:
    """The category and the text of the warning for the way a training ended; None where all is well.

    A training of one epoch, `incremental`, has no end to come to.
    """
    if incremental and outcome.stop_reason != "diverged":
        return None
    full_batch = settings.optimizer.full_batch
    if outcome.stop_reason == "max_iter":
        is_planned = settings.n_iter_no_change in (None, math.inf) or (settings.refits and by_cycles(settings))
        if is_planned and not full_batch:
            return _undefined_score(settings, outcome)  # nothing else was to end the training
        advice = f"Maximum iterations (max_iter={settings.max_iter}) reached, and the training has not converged yet."
        if full_batch:
            advice += " Increase max_iter, or tol, the largest component of the gradient that counts as zero."
        else:
            advice += (
                " Increase max_iter or the learning rate, or accept the result: tol decides what counts as progress."
            )
        return ConvergenceWarning, advice
    if outcome.stop_reason == "stalled":
        return ConvergenceWarning, (
            f"The search found no better point, with a gradient still above tol={settings.tol}: the precision of the "
            f"data allows no more. {_more_precision(settings, outcome)}"
        )
    if outcome.stop_reason == "diverged":
        return ConvergenceWarning, (
            f"The loss became infinite or NaN in {settings.epoch_word} {outcome.state.progress[0].epoch + 1}; the last "
            f"finite weights are kept. {_remedy(settings)}"
        )
    return _undefined_score(settings, outcome)


def _undefined_score(settings: Settings, outcome: TrainingResult) -> Warned | None:
    """The warning for validation rows on which the score was not defined in any epoch."""
    progress = outcome.state.progress[0]
    if progress.by_score or progress.first_score is None or not math.isnan(progress.first_score):
        return None
    name = settings.default_scoring if settings.scoring is None else f"scoring={settings.scoring!r}"
    return UserWarning, (
        f"The score of the validation rows ({name}) is not defined: their loss has decided which epoch is best. Set "
        'scoring="loss" to choose that, or give more rows.'
    )
