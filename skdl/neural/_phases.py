"""Two trainings in one fit: a trial, whose validation rows choose a number of epochs, and as many on all rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from skdl.engine import Progress, TrainingResult
from skdl.neural._settings import Settings
from skdl.neural._training import Training

ENDS = ("converged", "max_iter", "max_time", "stalled")  # of a trial that has chosen


def may_try(before: Training | None, *, resume: bool) -> bool:
    """True if a fit sets rows apart for a trial: a new one, or one that has not come further, or ended there."""
    return before is None or (resume and before.state.progress[0].kept_by is not None)


def is_first(before: Training | None, *, resume: bool) -> bool:
    """True if a fit is the first of its training, which the schedule's cycles are those of."""
    if before is None:
        return True
    progress = before.state.progress[0]
    return (progress.first_epoch if resume else progress.epoch) == 0


def left_of(broken_off: Training, n_epochs: int, *, stopping: bool) -> tuple[int, bool]:
    """The epochs of the present training of a fit that was broken off, and whether anything may end it before."""
    progress = broken_off.state.progress[0]
    if progress.phase == 2:
        return min(n_epochs, progress.chosen), False
    return 0 if progress.chosen else n_epochs, stopping


def judged_epochs(settings: Settings) -> Sequence[int]:
    """The epochs of a new training that validation may choose; a range where it may be any, of perhaps millions."""
    if settings.optimizer.full_batch:
        return range(1, settings.max_iter + 1)
    return settings.schedule.annealed_epochs(settings.max_iter)


def by_cycles(settings: Settings) -> bool:
    """True if these are some of all epochs."""
    judged = judged_epochs(settings)
    return len(judged) < judged[-1]


def trial_time(settings: Settings) -> float | None:
    """The seconds of a trial, of which the second training takes as many and more, for it has more rows."""
    if settings.max_time is None:
        return None
    learned = 1 - settings.validation_fraction
    return settings.max_time * learned / (1 + learned)


def epochs_chosen(outcome: TrainingResult) -> int:
    """The epochs of the second training that follows this outcome; 0 if none does.

    One that a callback has ended, or that has diverged, is the last one: nobody wants it to go on.
    """
    progress = outcome.state.progress[0]
    if progress.phase != 1 or outcome.stop_reason not in ENDS:
        return 0
    return progress.chosen or progress.kept_epoch or progress.epoch


def second_progress(outcome: TrainingResult, n_epochs: int) -> Progress:
    """The record that the second training begins with; its time counts from the beginning of the trial."""
    before = outcome.state.progress[0]
    return Progress(
        phase=2, chosen=n_epochs, factors=before.factors, trial=list(before.history), started=before.started
    )


def second_stream(generator: np.random.Generator) -> np.random.Generator:
    """Random numbers of the second training: the stream's second child, whatever was drawn or spawned before."""
    seed: Any = generator.bit_generator.seed_seq
    return np.random.default_rng(np.random.SeedSequence(seed.entropy, spawn_key=(*seed.spawn_key, 1)))


def reason_of_both(settings: Settings, outcome: TrainingResult) -> str:
    """What has ended a fit: where its second training came to its end, what has ended the trial."""
    progress = outcome.state.progress[0]
    if progress.phase != 2 or outcome.stop_reason != "max_iter":
        return outcome.stop_reason
    return "max_iter" if len(progress.trial) >= judged_epochs(settings)[-1] else "converged"
