"""Fits that tasks ask for: how many may wait, and their training as stacks, in which each has what is its own."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace
from functools import partial
from threading import Event
from typing import Any, NamedTuple

import numpy as np
from sklearn import config_context, get_config

from skdl._progress import Watch, together
from skdl.engine import State, TrainingResult, TrainingSpec
from skdl.execution.cost import bytes_of, is_enough, seconds_of
from skdl.execution.executor import train_group
from skdl.execution.plan import calls_back, groups_of
from skdl.execution.processes import take_generator
from skdl.execution.shared_data import with_shared_rows
from skdl.parallel.jobs import Task
from skdl.parallel.reports import Reports


class FitRequest:
    """Members that one task asks for together, and later their outcomes, or the error that it gets.

    Parameters
    ----------
    task : Task
        When it is given up, the training ends with the epoch.
    members : list of TrainingSpec
    reports : Reports or None
        What says how far the call is.
    """

    def __init__(self, task: Task, members: Sequence[TrainingSpec], reports: Reports | None = None):
        self.task = task
        config = get_config()
        watches = [None] * len(members) if reports is None else reports.watches(members, task.trials)
        self.jobs = [
            IsolatedJob(member, config, lambda: task.call.cancelled, watch)
            for member, watch in zip(members, watches, strict=True)
        ]
        self.n_bytes = bytes_of(members)
        self.estimate = sum(map(seconds_of, members))  # of the seconds that its training takes

    @property
    def may_leave(self) -> bool:
        """True if another process can train it: nothing of it calls back, and it wants no threads of BLAS.

        Of two trainings in a fit, the second stays where the first was: they are one network in the reports.
        """
        members = [job.member for job in self.jobs]
        return not any(calls_back(own) or own.threads_blas or own.phase == 2 for own in members)

    @property
    def seconds(self) -> float:
        """Seconds of the training, as a share of those of all that were trained together."""
        outcomes = [job.outcome for job in self.jobs if job.outcome is not None]
        return float(sum(record["seconds"] for outcome in outcomes for record in epochs_of(outcome)))

    def end(self, outcomes: Sequence[TrainingResult]) -> None:
        """Take what another process has made of it."""
        for job, outcome in zip(self.jobs, outcomes, strict=True):
            take_generator(job.member, outcome)
            job.end(outcome)

    def result(self) -> list[TrainingResult]:
        for job in self.jobs:
            if job.error is not None:
                raise job.error
        return [job.outcome for job in self.jobs]


class IsolatedJob:
    """The training of a member beside others, which its own callbacks and scores cannot end.

    They run in the threads that train, with the configuration of scikit-learn that the fit was called under. An error
    in one of them ends this member alone.

    Parameters
    ----------
    member : TrainingSpec
    config : dict
        Configuration of scikit-learn.
    is_over : callable
    watch : callable or None
        What follows it besides.
    """

    outcome: Any = None
    error: BaseException | None = None

    def __init__(
        self, member: TrainingSpec, config: dict[str, Any], is_over: Callable[[], bool], watch: Watch | None = None
    ):
        self.member, self._config, self._is_over, self._watch_too = member, config, is_over, watch
        self._interrupted = False
        self._seed = member.generator.bit_generator.state

    def member_beside_others(self) -> TrainingSpec:
        """The member to train."""
        own = self.member
        return replace(
            own,
            begin=None if own.begin is None else self._begin,
            report=self._report if calls_back(own) else None,
            score=None if own.score is None else partial(self._call, own.score, instead=-np.inf),
            watch=together(None if own.watch is None else self._watch, self._watch_too),
            abandoned=self._is_over,
        )

    def member_again(self) -> TrainingSpec:
        """The same, to be trained anew."""
        self.member.generator.bit_generator.state = self._seed
        self.error, self._interrupted = None, False
        return self.member_beside_others()

    def end(self, outcome: TrainingResult) -> None:
        """Take the outcome."""
        self.outcome = replace(outcome, stop_reason="interrupted") if self._interrupted else outcome

    def _begin(self, copy: Callable[[], State]) -> None:
        if not self._ends:
            self._call(self.member.begin, copy, instead=None)

    def _report(self, record: dict[str, Any]) -> bool:
        if not self._ends and self.member.report is not None:
            stop = self._call(self.member.report, record, instead=True)
            return stop or self._ends
        return self._ends

    def _watch(self, record: dict[str, Any] | None, reason: str | None) -> None:
        own: Any = self.member.watch
        self._call(partial(own, record), reason, instead=None)

    @property
    def _ends(self) -> bool:
        return self.error is not None or self._interrupted

    def _call(self, function: Any, argument: Any, *, instead: Any) -> Any:
        try:
            with config_context(**self._config):
                return function(argument)
        except KeyboardInterrupt:  # a callback's own: a user's goes to the main thread
            self._interrupted = True
        except BaseException as error:
            self.error = error
        return instead


class StackLimits(NamedTuple):
    """Limits of what waits for one training: it is lost where a search is killed, and memory has to hold it.

    Parameters
    ----------
    members : int
    n_bytes : int
        Of rows and parameters.
    n_threads : int
        That train, see `cost.is_enough`.
    """

    members: int
    n_bytes: int
    n_threads: int

    def admit(self, waiting: Sequence[FitRequest], data_key: Hashable) -> bool:
        """True if a further fit, on this data, should join those that wait.

        Where there is no room for all, those on the same data are trained together: what is half of a training does not
        wait for other data.
        """
        n_members = sum(len(request.jobs) for request in waiting)
        n_bytes = sum(request.n_bytes for request in waiting)
        seconds = sum(request.estimate for request in waiting)
        keys = {request.task.data_key for request in waiting}
        part = 0.5 if data_key not in keys and len(keys) < len(waiting) else 1.0
        enough = is_enough(n_members, seconds, self.n_threads, part)
        return n_members < self.members and n_bytes < part * self.n_bytes and not enough


def train_requests(requests: Sequence[FitRequest], n_threads: int, n_parallel: int = 1) -> list[int]:
    """Train the members of all requests, those of one structure together; returns the sizes of the stacks.

    Of the time it takes, a part in `n_parallel` counts: as many trainings of one call run side by side.
    """
    everybody = [job for request in requests for job in request.jobs]
    sizes = []
    for indices in groups_of([job.member for job in everybody]):
        group = [everybody[i] for i in indices]
        try:
            _train(group, n_threads, n_parallel)
            sizes.append(len(group))
        except BaseException:  # a component's own, or memory that does not suffice: whose it is shows alone
            for job in group:
                _train_alone(job)
            sizes += [1] * len(group)
    return sizes


def _train(group: Sequence[IsolatedJob], n_threads: int, n_parallel: int) -> None:
    begun = time.perf_counter()
    members = with_shared_rows([job.member_beside_others() for job in group])
    outcomes = train_group(members, n_threads, Event())
    _share_time(outcomes, (time.perf_counter() - begun) / n_parallel)
    for job, outcome in zip(group, outcomes, strict=True):
        job.end(outcome)


def _share_time(outcomes: Sequence[TrainingResult], seconds: float) -> None:
    """Scale the seconds of all epochs so that they add up to those that have passed: threads trained side by side."""
    counted = sum(record["seconds"] for outcome in outcomes for record in epochs_of(outcome))
    for outcome in outcomes:
        progress = outcome.state.progress[0]
        progress.history[progress.first_epoch :] = [
            {**record, "seconds": record["seconds"] * (seconds / counted)} for record in epochs_of(outcome)
        ]


def epochs_of(outcome: TrainingResult) -> list[dict[str, Any]]:
    """The records of the epochs that have just been trained."""
    progress = outcome.state.progress[0]
    return progress.history[progress.first_epoch :]


def _train_alone(job: IsolatedJob) -> None:
    try:
        [outcome] = train_group([job.member_again()], 1, Event())
        job.end(outcome)
    except BaseException as error:
        job.error = error
