"""After each epoch: whether a member goes on."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

from skdl._array import Array
from skdl.engine.evaluation import Validated
from skdl.engine.state import Progress
from skdl.engine.training_spec import TrainingSpec

RECORD = ("epoch", "loss", "validation_loss", "validation_score", "learning_rate", "gradient_norm", "seconds")


def gain(column: str | None, value: float) -> float:
    """A value of a record's column as what is to grow: scores are, all else is to fall."""
    return value if column == "validation_score" else -value


def end_epoch(member: TrainingSpec, progress: Progress, *found: Any) -> str | None:
    """Write an epoch into `progress`; return the reason to stop, or None. See `record_epoch` for what was `found`."""
    reason = record_epoch(member, progress, *found)
    try:
        if member.watch is not None:
            member.watch(None if reason == "diverged" else progress.history[-1], reason)
    except KeyboardInterrupt:
        return "interrupted"  # the epoch is complete, and counts
    return reason


def record_epoch(
    member: TrainingSpec,
    progress: Progress,
    loss: float,
    validation: Validated | None,
    weights: Callable[[], tuple[Array, Array]],
    record: dict[str, Any],
) -> str | None:
    """The reason to stop after an epoch, or None; it is written into `progress`.

    `validation` is the loss and the score of the validation rows, and the factors of their raw scores. The epoch's
    record has the entries named in `RECORD`, None where this training has no such value; the last three are the
    caller's. It is kept in `progress.history` and given to the member's report.

    What decides is the validation score where there is one, else the training loss: an epoch counts as progress when it
    gains more than `tol` on the best so far. A score that has been the same in every epoch, or undefined (NaN), decides
    nothing yet: then the validation loss does. `weights()` copies the present weights, to be kept with the factors when
    they are the best by the column that `progress.kept_by` names; of epochs that are equally good, the last is kept:
    scores of few rows tie often, and later weights have been trained for longer, at a lower rate where that falls.
    Epochs that are not judged count for nothing, but as epochs that went by without progress; and to one whose factors
    are all zero there is no patience to lose: it has learned nothing yet.

    In the second training of two, after a trial, the epochs' validation columns are those of the trial, so that a
    schedule that reacts to them is the same.
    """
    validation_loss, score, factors = (None, None, None) if validation is None else validation
    if not math.isfinite(loss) or score == -math.inf:
        return "diverged"
    progress.epoch, progress.loss, progress.seen = progress.epoch + 1, loss, progress.seen + member.rows.n
    found = {"epoch": progress.epoch, "loss": loss, "validation_loss": validation_loss, "validation_score": score}
    if progress.trial:
        before = progress.trial[progress.epoch - 1]
        found |= {name: before[name] for name in ("validation_loss", "validation_score")}
    record = {**found, **record}
    progress.history.append(record)
    if member.is_judged(progress.epoch):
        if score is None or validation_loss is None:
            criterion = -loss
        else:
            progress.take_score(score)
            criterion = score if progress.by_score else -validation_loss
        has_begun = factors is None or bool(factors.any())  # else nothing of what it says is of use so far
        has_gained = criterion > progress.best + member.tol
        progress.waited = 0 if has_gained else progress.waited + has_begun * member.since_judged(progress.epoch)
        if criterion > progress.best:
            progress.best = criterion
        value = None if progress.kept_by is None else record[progress.kept_by]
        value = criterion if value is not None and progress.kept_by == "validation_score" else value
        if value is not None and gain(progress.kept_by, value) >= progress.kept:
            progress.kept, progress.kept_epoch = gain(progress.kept_by, value), progress.epoch
            progress.best_theta, progress.best_buffers = weights()
            progress.factors = factors
    if member.abandoned is not None and member.abandoned():
        return "stopped"
    try:
        if member.report is not None and member.report(record):
            return "stopped"
    except KeyboardInterrupt:
        return "interrupted"  # the epoch is complete and its record was handed out: it counts
    if member.patience is not None and progress.waited > member.patience:
        return "converged"
    if progress.epoch >= progress.first_epoch + member.n_epochs:
        return "max_iter"
    late = member.max_time is not None and time.monotonic() - progress.started >= member.max_time
    return "max_time" if late else None
