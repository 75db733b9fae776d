"""Fitting the members of an ensemble: networks as one stack, everything else through joblib."""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.utils.parallel import Parallel, delayed
from sklearn.utils.validation import has_fit_parameter

from skdl._threads import n_threads
from skdl.engine import train_members
from skdl.ensemble._sampling import select_rows
from skdl.neural._base import BaseNetwork, Prepared
from skdl.neural._classifier import NetworkClassifier

Warned = tuple[type[Warning], str]


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
    """Whether an estimator is a network whose fit is the base's own, in parts that an ensemble can call.

    Callbacks follow a fit of their own estimator: networks that have any are fitted one by one.
    """
    own = isinstance(estimator, BaseNetwork) and type(estimator).fit in (BaseNetwork.fit, NetworkClassifier.fit)
    return own and not estimator._has_callbacks


def fit_members(
    members: Sequence[Any],
    X: Any,
    y: np.ndarray,
    *,
    weight: np.ndarray | None = None,
    row_weight: np.ndarray | None = None,
    samples: Sequence[np.ndarray | None] | None = None,
    alike: bool = False,
    n_jobs: int | None = None,
) -> list[Any]:
    """Fit unfitted members, and give each distinct warning once, with the number of members that it came from.

    Parameters
    ----------
    members : list of estimators
    X, y : validated data
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
    fitted : list of estimators
        In the members' order.
    """
    samples = [None] * len(members) if samples is None else samples
    fitted: list[Any] = list(members)
    warned: list[list[Warned]] = [[] for _ in members]
    networks = [i for i, member in enumerate(members) if is_stackable(member)]
    if networks:
        rows = [samples[i] for i in networks]
        lists = _train([members[i] for i in networks], X, y, weight, row_weight, rows, alike, n_jobs)
        for i, messages in zip(networks, lists, strict=True):
            warned[i] = messages
    others = [i for i in range(len(members)) if i not in set(networks)]
    if others:
        results = Parallel(n_jobs=n_jobs)(delayed(_fit_one)(members[i], X, y, weight, samples[i]) for i in others)
        for i, (member, messages) in zip(others, results, strict=True):
            fitted[i], warned[i] = member, messages
    _warn(warned)
    return fitted


def _train(
    networks: Sequence[BaseNetwork],
    X: Any,
    y: np.ndarray,
    weight: np.ndarray | None,
    row_weight: np.ndarray | None,
    samples: Sequence[np.ndarray | None],
    alike: bool,
    n_jobs: int | None,
) -> list[list[Warned]]:
    first, tasks, encodings, warned = networks[0], [], [], []
    data: Prepared | None = None
    for network, rows in zip(networks, samples, strict=True):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            if data is None or not alike:
                network._check_parameters()
                # The first one's X is checked and C-ordered already: the others look at it without a copy.
                data = _prepared(network, X if data is None else data.X, y, weight, row_weight, rows)
            for name in ("n_features_in_", "feature_names_in_"):
                if hasattr(first, name):
                    setattr(network, name, getattr(first, name))
            tasks.append(network._member(data, network._generator(), n_epochs=network._max_iter(), index=rows))
        encodings.append(data.encoding)
        warned.append(_messages(caught))
    outcomes = train_members(tasks, n_threads(n_jobs))
    for network, task, encoding, outcome, messages in zip(networks, tasks, encodings, outcomes, warned, strict=True):
        network._store(task, encoding, outcome)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            network._warn_of(outcome)
        messages += _messages(caught)
    return warned


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
    return replace(data, encoding=encoding, targets=encoding.encode(data.y, data.dtype))


def _fit_one(
    member: Any, X: Any, y: np.ndarray, weight: np.ndarray | None, rows: np.ndarray | None
) -> tuple[Any, list[Warned]]:
    if rows is not None:
        X, y = select_rows(X, rows), y[rows]
        weight = None if weight is None else weight[rows]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        member.fit(X, y) if weight is None else member.fit(X, y, sample_weight=weight)
    return member, _messages(caught)


def _messages(caught: Sequence[warnings.WarningMessage]) -> list[Warned]:
    return [(item.category, str(item.message)) for item in caught]


def _warn(warned: Sequence[Sequence[Warned]]) -> None:
    """One warning for all that differ in numbers only."""
    counts: dict[tuple[type[Warning], str], int] = {}
    texts: dict[tuple[type[Warning], str], str] = {}
    for messages in warned:
        for kind, text in {(category, re.sub(r"\d+", "#", message)): message for category, message in messages}.items():
            counts[kind] = counts.get(kind, 0) + 1
            texts.setdefault(kind, text)
    for kind, count in counts.items():
        warnings.warn(f"{count} of {len(warned)} members: {texts[kind]}", kind[0], stacklevel=4)
