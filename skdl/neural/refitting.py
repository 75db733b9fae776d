"""The training of fits in all of their phases: what a fit calls, and an ensemble for all of its members."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from skdl.engine import TrainingResult, TrainingSpec
from skdl.execution import train_members
from skdl.neural.encoded_data import EncodedData
from skdl.neural.trainable import Trainable

Observe = Callable[[int, TrainingSpec], TrainingSpec]
Trained = tuple[TrainingSpec, TrainingResult]


def train_fits(
    fits: Sequence[Trainable],
    data: Sequence[EncodedData],
    members: Sequence[TrainingSpec],
    n_threads: int = 1,
    *,
    rows: Sequence[np.ndarray | None] | None = None,
    observe: Observe = lambda i, member: member,
) -> list[Trained]:
    """Train the members of several fits together, and then those a second time that ask for it, together again.

    Parameters
    ----------
    fits, data, members : sequences
        The fits, the data of each, and the task that each has made of them.
    n_threads : int
    rows : sequence of int arrays or None
        The rows that each fit was given; None for all.
    observe : callable
        From the number of a fit and its second task to the same with observers.

    Returns
    -------
    trained : list of pairs
        For each fit the task and the outcome that are to be stored. Where a second training was broken off before its
        first epoch had ended, they are those of the first one.
    """
    outcomes = train_members(members, n_threads)
    due = {i: n for i, fit in enumerate(fits) if (n := fit.epochs_of_second(outcomes[i]))}
    trained = list(zip(members, outcomes, strict=True))
    second: list[TrainingSpec] = []
    results: list[TrainingResult] = []
    broken_off = any(outcome.stop_reason == "interrupted" for outcome in outcomes)
    try:
        for i, n_epochs in due.items() if not broken_off else ():
            index = None if rows is None else rows[i]
            second.append(observe(i, fits[i].second(data[i], outcomes[i], n_epochs, index=index)))
        results = train_members(second, n_threads) if second else []
    except KeyboardInterrupt:  # between the two
        results = []
    for i, outcome in enumerate(outcomes):
        if i not in due and outcome.stop_reason != "interrupted" and outcome.state.progress[0].phase == 1:
            outcome.state.progress[0].end_phases()  # nothing follows, now or later
    for j, (i, n_epochs) in enumerate(due.items()):
        if results and results[j].state.progress[0].epoch:
            trained[i] = second[j], results[j]
        else:
            reason, progress = results[j].stop_reason if results else "interrupted", outcomes[i].state.progress[0]
            progress.chosen = n_epochs
            if reason != "interrupted":
                progress.end_phases()
            trained[i] = members[i], replace(outcomes[i], stop_reason=reason)
    return [
        (member, replace(outcome, stop_reason=fit.stop_reason(outcome)))
        for fit, (member, outcome) in zip(fits, trained, strict=True)
    ]
