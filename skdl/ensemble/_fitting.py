"""Fitting the members of an ensemble: networks as one stack, everything else through joblib."""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from itertools import takewhile
from typing import Any, NamedTuple

import numpy as np
from joblib import Parallel, delayed
from sklearn import config_context, get_config
from sklearn.base import clone
from sklearn.utils.validation import has_fit_parameter

from skdl._callbacks_adapter import MemberTask, task_data
from skdl._interrupts import interrupted, to_the_end
from skdl._progress import labelled
from skdl._threads import n_threads
from skdl._warnings import Warned, collecting, warn
from skdl.engine import train_members
from skdl.ensemble._following import Following, around
from skdl.ensemble._sampling import select_rows
from skdl.neural._base import BaseNetwork, Prepared
from skdl.neural._classifier import NetworkClassifier
from skdl.neural._endings import check_ending, ending_warning


def seeded(estimator: Any, seed: np.random.SeedSequence, *, keep: bool = False) -> Any:
    """A clone in which every `random_state` is a number from `seed`; with `keep`, only those that were None."""
    member = clone(estimator)
    params = member.get_params(deep=True)
    names = sorted(name for name in params if name == "random_state" or name.endswith("__random_state"))
    states = dict(zip(names, map(int, seed.generate_state(len(names))), strict=True))
    chosen = {name: state for name, state in states.items() if not keep or params[name] is None}
    return member.set_params(**chosen) if chosen else member


def check_takes_weight(estimator: Any, owner: Any) -> None:
    """Raise unless the estimator's fit takes `sample_weight`."""
    if not has_fit_parameter(estimator, "sample_weight"):
        raise ValueError(
            f"{type(owner).__name__} was given sample_weight, and the fit of its member {type(estimator).__name__} "
            "does not take it. Fit without it, or use members that take it."
        )


def is_stackable(estimator: Any) -> bool:
    """Whether an estimator is a network whose fit is the base's own, in parts that an ensemble can call."""
    return isinstance(estimator, BaseNetwork) and type(estimator).fit in (BaseNetwork.fit, NetworkClassifier.fit)


def fit_members(
    members: Sequence[Any],
    X: Any,
    y: np.ndarray,
    following: Following,
    *,
    weight: np.ndarray | None = None,
    row_weight: np.ndarray | None = None,
    samples: Sequence[np.ndarray | None] | None = None,
    alike: bool = False,
    n_jobs: int | None = None,
) -> Members:
    """Fit unfitted members, and give each distinct warning once, with the number of members that it came from.

    Parameters
    ----------
    members : list of estimators
    X, y : validated data
    following : Following
        Who follows the fits.
    weight : array of shape (n,) or None
        Weights that the members' fits take.
    row_weight : array of shape (n,) or None
        Weights that the samples were drawn by: they count where all rows do, in the encoding of y.
    samples : list of int arrays or None
        Rows of each member, with repetitions; None for all.
    alike : bool
        Whether the members differ in their random state only, so that one preparation serves all.
    n_jobs : int or None

    Returns
    -------
    fitted : Members
        In the members' order.
    """
    samples = [None] * len(members) if samples is None else samples
    fitted: dict[int, Any] = {}
    warned: list[list[Warned]] = [[] for _ in members]
    interrupt: KeyboardInterrupt | None = None
    networks = [i for i, member in enumerate(members) if is_stackable(member)]
    if networks:
        chosen = {i: (members[i], samples[i]) for i in networks}
        begun, interrupt, lists = _train(chosen, X, y, following, weight, row_weight, alike, n_jobs)
        for i, is_fitted, messages in zip(networks, begun, lists, strict=True):
            warned[i] = messages
            if is_fitted:
                fitted[i] = members[i]
    others = [i for i in range(len(members)) if i not in set(networks)]
    if others and interrupt is None:
        done: dict[int, tuple[Any, list[Warned]]] = {}  # of those that are fitted in this process, as it goes
        here = Settings(get_config(), warnings.filters, os.getpid())
        try:
            with following.fits() as tell:
                results = Parallel(n_jobs=n_jobs)(
                    delayed(_fit_one)(
                        i,
                        members[i],
                        X,
                        y,
                        weight,
                        samples[i],
                        here,
                        done,
                        following.member(i),
                        following.label(i),
                        tell,
                    )
                    for i in others
                )
            done = dict(zip(others, results, strict=True))
        except KeyboardInterrupt as error:
            interrupt = error
        for i, (member, messages) in done.copy().items():
            fitted[i], warned[i] = member, messages
    if interrupt is None:
        _warn(warned)
    return Members(list(members), fitted, interrupt)


@dataclass
class Members:
    """Members of an ensemble as their fit has left them: all of them fitted, unless it was interrupted."""

    members: list[Any]
    fitted: dict[int, Any]
    interrupt: KeyboardInterrupt | None

    def as_far_as(self, owner: Any, least: int = 1) -> list[Any]:
        """The fitted members, up to the first that is not; the interrupt is raised where they are too few for a model.

        With later ones, a fit that goes on would give two members the same random numbers.
        """
        kept = [self.fitted[i] for i in takewhile(self.fitted.__contains__, range(len(self.members)))]
        if self.interrupt is not None and len(kept) < least:
            note = f"{type(owner).__name__} was interrupted before its members were fitted, and is as it was before."
            raise interrupted(self.interrupt, note)
        return kept


def finish(
    owner: Any, store: Callable[[], None], interrupt: KeyboardInterrupt | None, following: Following | None = None
) -> None:
    """Write what the fitted members make of an ensemble, though an interrupt comes, which is then raised."""
    interrupt = to_the_end(store) or interrupt
    if following is not None:
        try:
            following.end()
        except KeyboardInterrupt as error:  # a callback's own, or one that came just now: hooks are called once
            interrupt = error
    if interrupt is not None:
        raise interrupted(
            interrupt,
            f"{type(owner).__name__} was interrupted and is fitted, with {len(owner.estimators_)} members as far as "
            "they have come.",
        )


def _train(
    chosen: Mapping[int, tuple[BaseNetwork, np.ndarray | None]],
    X: Any,
    y: np.ndarray,
    following: Following,
    weight: np.ndarray | None,
    row_weight: np.ndarray | None,
    alike: bool,
    n_jobs: int | None,
) -> tuple[list[bool], KeyboardInterrupt | None, list[list[Warned]]]:
    """Whether each network is fitted, the interrupt if there was one, and what each warns of.

    The networks are given by their numbers, each with its rows.
    """
    networks = [network for network, _ in chosen.values()]
    first, tasks, encodings, warned = networks[0], [], [], []
    data: Prepared | None = None
    for i, (network, rows) in chosen.items():
        with collecting() as messages:
            if data is None or not alike:
                network._check_parameters()
                # The first one's X is checked and C-ordered already: the others look at it without a copy.
                data = _prepared(network, X if data is None else data.X, y, weight, row_weight, rows)
            for name in ("n_features_in_", "feature_names_in_"):
                if hasattr(first, name):
                    setattr(network, name, getattr(first, name))
            with labelled(following.label(i)):
                task = network._member(data, network._generator(), n_epochs=network._max_iter(), index=rows)
        own = partial(_of_rows, rows)  # computed for callbacks that ask for it
        given = task_data(partial(own, X), partial(own, y), None if weight is None else own(weight))
        tasks.append(following.network(i, network, task, given, partial(network._results_at, task, data.encoding)))
        encodings.append(data.encoding)
        warned.append(messages)
    outcomes = train_members(tasks, n_threads(n_jobs))
    stopped = any(outcome.reason == "interrupted" for outcome in outcomes)
    # A search that begins at its minimum has no epoch, and is at its end.
    begun = [outcome.state.progress[0].epoch > 0 or not stopped for outcome in outcomes]

    def store() -> None:
        for network, task, encoding, outcome, messages, is_begun in zip(
            networks, tasks, encodings, outcomes, warned, begun, strict=True
        ):
            if is_begun:
                check_ending(network, outcome)
                network._store(task, encoding, outcome)
                warning = ending_warning(network, outcome)
                messages += [] if warning is None else [(type(warning), str(warning))]

    interrupt = to_the_end(store)
    for i, is_begun in zip(chosen, begun, strict=True):
        if is_begun or not stopped:
            following.end_of(i)
    return begun, KeyboardInterrupt() if interrupt is None and stopped else interrupt, warned


def _of_rows(rows: np.ndarray | None, data: Any) -> Any:
    """The rows of a member."""
    return data if rows is None else select_rows(data, rows)


def _prepared(
    network: BaseNetwork,
    X: Any,
    y: np.ndarray,
    weight: np.ndarray | None,
    row_weight: np.ndarray | None,
    rows: np.ndarray | None,
) -> Prepared:
    data = network._prepare(X, y, weight, n_rows=None if rows is None else len(rows))
    if row_weight is None:
        return data
    encoding = network._encoding_of(data.X, data.y, row_weight, None)
    return replace(data, encoding=encoding, targets=network._targets(data.y, encoding, data.dtype))


class Settings(NamedTuple):
    """What holds where an ensemble is fitted, for members that are fitted elsewhere."""

    config: dict[str, Any]
    filters: Any
    process: int


def _fit_one(
    i: int,
    member: Any,
    X: Any,
    y: np.ndarray,
    weight: np.ndarray | None,
    rows: np.ndarray | None,
    here: Settings,
    done: dict[int, tuple[Any, list[Warned]]],
    task: MemberTask | None,
    label: str,
    tell: Callable[[int], None] | None,
) -> tuple[Any, list[Warned]]:
    if rows is not None:
        X, y = select_rows(X, rows), y[rows]
        weight = None if weight is None else weight[rows]
    outside = _filters_of(here), config_context(**here.config)
    with outside[0], outside[1], collecting() as messages, labelled(label), around(task, member):
        member.fit(X, y) if weight is None else member.fit(X, y, sample_weight=weight)
    done[i] = member, messages
    if tell is not None:
        tell(i)
    return member, messages


@contextmanager
def _filters_of(here: Settings) -> Iterator[None]:
    """The filters of warnings, in another process; in this one, whose threads share them, they are as they are."""
    if here.process == os.getpid():
        yield
        return
    with warnings.catch_warnings():
        warnings.filters = here.filters
        yield


def _warn(warned: Sequence[Sequence[Warned]]) -> None:
    """One warning for all that differ in numbers only."""
    counts: dict[tuple[type[Warning], str], int] = {}
    texts: dict[tuple[type[Warning], str], str] = {}
    for messages in warned:
        for kind, text in {(category, re.sub(r"\d+", "#", message)): message for category, message in messages}.items():
            counts[kind] = counts.get(kind, 0) + 1
            texts.setdefault(kind, text)
    for kind, count in counts.items():
        warn(f"{count} of {len(warned)} members: {texts[kind]}", kind[0], stacklevel=5)
