"""Fitting the members of an ensemble: networks as one stack, everything else through joblib."""

from __future__ import annotations

import math
import os
import re
import warnings
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import takewhile
from typing import Any

import numpy as np
from joblib import Parallel, delayed
from sklearn import get_config

from skdl._callbacks_adapter import task_data
from skdl._interrupts import interrupted, to_the_end
from skdl._progress import labelled
from skdl._threads import n_threads
from skdl._warnings import Warned, collecting, warn
from skdl.engine import TrainingSpec
from skdl.ensemble._base import BaseEnsemble
from skdl.ensemble._foreign_members import Settings, fit_one
from skdl.ensemble._member_job import MemberJob
from skdl.ensemble._observers import Observers
from skdl.ensemble._sampling import select_rows
from skdl.execution.plan import rounds_of
from skdl.neural.encoded_data import EncodedData
from skdl.neural.refitting import train_fits
from skdl.neural.trainable import Trainable, trainable


def fit_members(
    jobs: Sequence[MemberJob],
    X: Any,
    y: np.ndarray,
    observers: Observers,
    *,
    classify: bool,
    row_weight: np.ndarray | None = None,
    n_jobs: int | None = None,
    max_time: float | None = None,
    first: int = 0,
) -> Members:
    """Fit unfitted members, and give each distinct warning once, with the number of members that it came from.

    Parameters
    ----------
    jobs : list of MemberJob
    X, y : validated data
    observers : Observers
        Of the fits.
    classify : bool
        Whether y holds labels, of which a sample may lack some.
    row_weight : array of shape (n,) or None
        Weights that the samples were drawn by: they count where all rows do, in the encoding of y of networks,
        and rows of weight zero are not looked at.
    n_jobs : int or None
    max_time : float or None
        Seconds after which networks begin no further epoch; None for what their own parameters say.
    first : int
        The number that the first of the jobs has for observers.

    Returns
    -------
    fitted : Members
        In the members' order.
    """
    fitted: dict[int, Any] = {}
    seconds: dict[int, float] = {}
    warned: list[list[Warned]] = [[] for _ in jobs]
    interrupt: KeyboardInterrupt | None = None
    networks = [i for i, job in enumerate(jobs) if job.is_stackable]
    if networks:
        chosen = {i: jobs[i] for i in networks}
        begun, interrupt, lists, passed = _train(chosen, X, y, observers, row_weight, n_jobs, max_time, first)
        for i, is_fitted, messages, each in zip(networks, begun, lists, passed, strict=True):
            warned[i] = messages
            if is_fitted:
                fitted[i], seconds[i] = jobs[i].member, each
    others = [i for i in range(len(jobs)) if i not in set(networks)]
    if others and interrupt is None:
        done: dict[int, tuple[Any, list[Warned], float]] = {}  # of those that are fitted in this process, as it goes
        here = Settings(get_config(), warnings.filters, os.getpid())
        try:
            with observers.fits() as tell:
                results = Parallel(n_jobs=n_jobs)(
                    delayed(fit_one)(
                        i, jobs[i - first], X, y, classify, here, done, observers.member(i), observers.label(i), tell
                    )
                    for i in (first + i for i in others)
                )
            done = {first + i: result for i, result in zip(others, results, strict=True)}
        except KeyboardInterrupt as error:
            interrupt = error
        for i, (member, messages, each) in done.copy().items():
            fitted[i - first], warned[i - first], seconds[i - first] = member, messages, each
    if interrupt is None:
        _warn(warned)
    return Members(len(jobs), fitted, interrupt, seconds)


@dataclass
class Members:
    """Members of an ensemble as their fit has left them: all of them fitted, unless it was interrupted.

    Parameters
    ----------
    n_members : int
    fitted : dict
        By their numbers.
    interrupt : KeyboardInterrupt or None
    seconds : dict
        That the fit of each took; of networks in a stack, their share.
    """

    n_members: int
    fitted: dict[int, Any]
    interrupt: KeyboardInterrupt | None
    seconds: dict[int, float]

    def as_far_as(self, owner: BaseEnsemble, least: int = 1) -> list[Any]:
        """The fitted members, up to the first that is not; the interrupt is raised where they are too few for a model.

        With later ones, a fit that goes on would give two members the same random numbers.
        """
        kept = [self.fitted[i] for i in takewhile(self.fitted.__contains__, range(self.n_members))]
        if self.interrupt is not None and len(kept) < least:
            note = f"{type(owner).__name__} was interrupted before its members were fitted, and is as it was before."
            raise interrupted(self.interrupt, note)
        return kept


def finish(
    owner: BaseEnsemble,
    store: Callable[[], None],
    interrupt: KeyboardInterrupt | None,
    observers: Observers | None = None,
) -> None:
    """Store the fitted ensemble, even if an interrupt comes meanwhile, which is then raised."""
    interrupt = to_the_end(store) or interrupt
    if observers is not None:
        try:
            observers.end()
        except KeyboardInterrupt as error:  # a callback's own, or one that came just now: hooks are called once
            interrupt = error
    if interrupt is not None:
        n = len(owner.estimators_)
        members = "1 member, which keeps what it" if n == 1 else f"{n} members, which keep what they"
        raise interrupted(
            interrupt,
            f"{type(owner).__name__} was interrupted and is fitted with {members} had learned by then. Call fit again "
            "for a complete training.",
        )


def _train(
    chosen: Mapping[int, MemberJob],
    X: Any,
    y: np.ndarray,
    observers: Observers,
    row_weight: np.ndarray | None,
    n_jobs: int | None,
    max_time: float | None,
    number: int,
) -> tuple[list[bool], KeyboardInterrupt | None, list[list[Warned]], list[float]]:
    """A flag for each network that is fitted, the interrupt if there was one, and the warnings and seconds of each.

    The networks are given by their numbers.
    """
    numbers = list(chosen)
    first_member = next(iter(chosen.values())).member
    fits: list[Trainable] = []
    prepared: list[EncodedData] = []
    members: list[TrainingSpec] = []
    warned: list[list[Warned]] = []
    whole: EncodedData | None = None  # what was made of all columns
    by_recipe: dict[Hashable, EncodedData] = {}
    for i, job in chosen.items():
        with collecting() as messages:
            fit = trainable(job.member)
            known = None if job.columns is not None else by_recipe.get(job.recipe)
            if known is not None:
                data = known
            else:
                fit.check_validation_effects()
                # The first one's X is checked and C-ordered already: the others look at it without a copy.
                like = whole if job.columns is None else None
                n_rows = None if job.rows is None else len(job.rows)
                data = fit.prepare(job.table(X), y, job.weight, n_rows=n_rows, drawn_by=row_weight, like=like)
                if job.columns is None:
                    whole = data
                    if job.recipe is not None:
                        by_recipe[job.recipe] = data
            if job.columns is None:
                take_columns(job.member, first_member)
            with labelled(observers.label(number + i)):
                member = fit.spec(data, index=job.rows, validation_index=job.validation, stopping=job.stopping)
        own = partial(_of_rows, job.rows)  # computed for callbacks that ask for it
        weight = None if job.weight is None else own(job.weight)
        given = task_data(partial(_own_table, job, X), partial(own, y), weight)
        member = member if job.training is None else job.training(member)
        member = member if job.record is None else job.record.taken(member)
        members.append(observers.network(number + i, fit, member, given, partial(fit.attributes_at, member, data)))
        fits.append(fit)
        prepared.append(data)
        warned.append(messages)
    if max_time is not None:
        each = max_time / rounds_of(members, n_threads(n_jobs))
        members = [replace(member, max_time=min(each, member.max_time or math.inf)) for member in members]

    def observe(j: int, member: TrainingSpec) -> TrainingSpec:
        limit = members[j].max_time if max_time is not None else member.max_time
        seen = partial(fits[j].attributes_at, member, prepared[j])
        if member.watch is not None:  # its lines say whose they are, as those of the trial
            with labelled(observers.label(number + numbers[j])):
                member = replace(member, watch=fits[j].epoch_lines(member.n_epochs, member.progress))
        return observers.second(number + numbers[j], replace(member, max_time=limit), seen)

    trained = train_fits(
        fits, prepared, members, n_threads(n_jobs), rows=[job.rows for job in chosen.values()], observe=observe
    )
    outcomes = [outcome for _, outcome in trained]
    stopped = any(outcome.stop_reason == "interrupted" for outcome in outcomes)
    # A search that begins at its minimum has no epoch, and is at its end.
    begun = [outcome.state.progress[0].epoch > 0 or not stopped for outcome in outcomes]

    def store() -> None:
        for j, (fit, job, (member, outcome), data, messages) in enumerate(
            zip(fits, chosen.values(), trained, prepared, warned, strict=True)
        ):
            if not begun[j]:
                continue
            try:
                fit.check_outcome(outcome)
            except ValueError as error:
                if job.is_needed:
                    raise
                begun[j] = False
                messages.append((UserWarning, f"{error} It is left out."))
                continue
            fit.store(member, data, outcome)
            if job.record is not None:
                job.record.end(partial(fit.decoded, data))
            # With rows of another member to stop by, or a number of epochs that is known, the last one is no sign.
            expected = outcome.stop_reason == "max_iter" and (job.validation is not None or not job.stopping)
            warning = None if expected else fit.warning(outcome)
            messages += [] if warning is None else [warning]

    interrupt = to_the_end(store)
    for i, is_begun in zip(chosen, begun, strict=True):
        if is_begun:
            observers.end_of(number + i)
    if interrupt is None and stopped:
        interrupt = KeyboardInterrupt()
    return begun, interrupt, warned, [outcome.state.progress[0].seconds for outcome in outcomes]


def _of_rows(rows: np.ndarray | None, data: Any) -> Any:
    """The rows of a member."""
    return data if rows is None else select_rows(data, rows)


def _own_table(job: MemberJob, X: Any) -> Any:
    """The rows and columns of a member."""
    return _of_rows(job.rows, job.table(X))


def take_columns(network: object, first: object) -> None:
    """The columns' number and names as another member has learned them."""
    for name in ("n_features_in_", "feature_names_in_", "image_shape_"):
        if hasattr(first, name):
            setattr(network, name, getattr(first, name))


def _warn(warned: Sequence[Sequence[Warned]]) -> None:
    """One warning for all that differ in numbers only."""
    counts: dict[tuple[type[Warning], str], int] = {}
    texts: dict[tuple[type[Warning], str], str] = {}
    for messages in warned:
        for kind, text in {(category, re.sub(r"\d+", "#", message)): message for category, message in messages}.items():
            counts[kind] = counts.get(kind, 0) + 1
            texts.setdefault(kind, text)
    for kind, count in counts.items():
        warn(f"{count} of {len(warned)} members: {texts[kind]}", kind[0])
