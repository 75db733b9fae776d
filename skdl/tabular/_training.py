"""Training of a committee's members: on the folds, within a time, and once more on all rows."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from skdl._interrupts import interrupted
from skdl._threads import n_threads
from skdl.ensemble._fitting import Members, fit_members
from skdl.ensemble._member_job import MemberJob, ScoreRecord
from skdl.ensemble._observers import Observers
from skdl.tabular._candidates import Candidate
from skdl.tabular._folds import Fold


@dataclass(frozen=True)
class Trainer:
    """Trains members of one committee.

    Parameters
    ----------
    X, y, weight : validated data
    entropy : int
        What all seeds come from.
    observers : Observers
    classify : bool
    n_jobs : int or None
    ends : float or None
        When no further epoch, and no further member, is to begin, by `time.monotonic`.
    """

    X: Any
    y: np.ndarray
    weight: np.ndarray | None
    entropy: int
    observers: Observers
    classify: bool
    n_jobs: int | None
    ends: float | None

    @property
    def n_outputs(self) -> int:
        """Outputs of a network, at most."""
        return len(np.unique(self.y)) if self.classify else int(np.prod(self.y.shape[1:]))

    def seconds_left(self) -> float | None:
        """The time that is left; None where it has no end."""
        return None if self.ends is None else self.ends - time.monotonic()

    def fit(self, jobs: Sequence[MemberJob], first: int, max_time: float | None = None) -> Members:
        """Fit members, the first of which has this number."""
        return fit_members(
            jobs,
            self.X,
            self.y,
            self.observers,
            classify=self.classify,
            n_jobs=self.n_jobs,
            max_time=max_time,
            first=first,
        )


@dataclass
class Found:
    """Members that are fitted, by their numbers, the time they took, and the interrupt if there was one."""

    fitted: dict[int, Any] = field(default_factory=dict)
    seconds: dict[int, float] = field(default_factory=dict)
    interrupt: KeyboardInterrupt | None = None

    def take(self, members: Members, first: int) -> None:
        self.fitted.update({first + i: member for i, member in members.fitted.items()})
        self.seconds.update({first + i: passed for i, passed in members.seconds.items()})
        self.interrupt = members.interrupt


@dataclass(frozen=True)
class Trained:
    """The candidates that have a member for each fold.

    Parameters
    ----------
    candidates : list of Candidate
    members : list of lists
        Of each candidate, one a fold.
    records : list of lists of ScoreRecord or None
        What networks predicted after each epoch.
    seconds : list of float
        That each candidate's members took.
    folds : list of Fold
    interrupt : KeyboardInterrupt or None
    """

    candidates: list[Candidate]
    members: list[list[Any]]
    records: list[list[ScoreRecord | None]]
    seconds: list[float]
    folds: list[Fold]
    interrupt: KeyboardInterrupt | None


def trained_on_folds(trainer: Trainer, candidates: Sequence[Candidate], folds: Sequence[Fold], owner: str) -> Trained:
    """Train a member of each candidate on each fold, as far as there is time.

    All networks are trained in one call, those of one structure as one stack. With a limit of time candidates follow
    each other: those that join first, as they are quick or are left out, then the configurations in their order.
    """
    jobs = {each.number: each.jobs(folds, trainer.weight, trainer.entropy, trainer.n_outputs) for each in candidates}
    found = Found()
    if trainer.ends is None:
        found.take(trainer.fit([job for each in candidates for job in jobs[each.number]], 0), 0)
    else:
        for candidate in sorted(candidates, key=lambda each: each.is_network):
            if found.interrupt is None:
                _within_time(trainer, candidate, jobs[candidate.number], found)
    numbers = {each.number: [each.number * len(folds) + k for k in range(len(folds))] for each in candidates}
    complete = [each for each in candidates if all(i in found.fitted for i in numbers[each.number])]
    if not complete:  # an interrupt in the first of them
        complete = [each for each in candidates if any(i in found.fitted for i in numbers[each.number])][:1]
        if not complete and found.interrupt is None:
            raise ValueError(
                f"{owner} has learned nothing: all of its networks diverged in the first epoch. Lower the learning "
                "rate (optimizer__learning_rate) of its configurations."
            )
        if not complete:
            note = f"{owner} was interrupted before its members were fitted, and is as it was before."
            raise interrupted(found.interrupt, note)
    begun = [k for k in range(len(folds)) if numbers[complete[0].number][k] in found.fitted]
    return Trained(
        complete,
        [[found.fitted[numbers[each.number][k]] for k in begun] for each in complete],
        [[jobs[each.number][k].record for k in begun] for each in complete],
        [sum(found.seconds[numbers[each.number][k]] for k in begun) for each in complete],
        [folds[k] for k in begun],
        found.interrupt,
    )


def _within_time(trainer: Trainer, candidate: Candidate, jobs: Sequence[MemberJob], found: Found) -> None:
    """Train a candidate's members, if it is the first one or there is time for it."""
    left, first = trainer.seconds_left(), candidate.number * len(jobs)
    assert left is not None
    if found.fitted and left <= 0:
        return
    if candidate.is_network:
        found.take(trainer.fit(jobs, first, max(left, 1e-9)), first)
        return
    [job, *others] = jobs
    started = time.monotonic()
    tried = trainer.fit([job], first)
    passed = time.monotonic() - started
    found.take(tried, first)
    left -= passed
    rounds = -(-len(others) // n_threads(trainer.n_jobs))
    if found.interrupt is None and 2 * rounds * passed <= left:
        found.take(trainer.fit(others, first + 1), first + 1)


def refitted(
    trainer: Trainer, trained: Trained, chosen: Sequence[int], n_epochs: Mapping[int, int | None], kept: np.ndarray
) -> tuple[dict[int, list[Any]] | None, KeyboardInterrupt | None]:
    """Members of the chosen candidates that learn all rows; None where there is no time for them, or an interrupt.

    They are expected to take as long as those on the folds.
    """
    left = trainer.seconds_left()
    if left is not None and sum(trained.seconds[c] for c in chosen) > left * n_threads(trainer.n_jobs):
        return None, None
    jobs = [
        trained.candidates[c].refit_jobs(len(trained.folds), n_epochs[c], kept, trainer.weight, trainer.entropy)
        for c in chosen
    ]
    first = trainer.observers.more(sum(map(len, jobs)))
    found = trainer.fit([job for of_one in jobs for job in of_one], first)
    if found.interrupt is not None or len(found.fitted) < found.n_members:
        return None, found.interrupt
    members = iter(found.fitted[i] for i in range(found.n_members))
    return {c: [next(members) for _ in of_one] for c, of_one in zip(chosen, jobs, strict=True)}, None
