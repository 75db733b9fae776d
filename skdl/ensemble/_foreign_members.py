"""Members that are not networks of skdl: fitted one by one, by joblib, on samples that may lack a class."""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from sklearn import config_context
from sklearn.base import clone
from sklearn.dummy import DummyClassifier

from skdl._callbacks_adapter import MemberTask
from skdl._progress import labelled
from skdl._warnings import Warned, collecting, warn
from skdl.ensemble._base import tags_of
from skdl.ensemble._member_job import MemberJob
from skdl.ensemble._observers import around
from skdl.ensemble._routing import takes_weight
from skdl.ensemble._sampling import select_rows


class Settings(NamedTuple):
    """The settings of the process that fits an ensemble, for members that are fitted in others."""

    config: dict[str, Any]
    filters: Any
    process: int


def fit_one(
    i: int,
    job: MemberJob,
    X: Any,
    y: np.ndarray,
    classify: bool,
    here: Settings,
    done: dict[int, tuple[Any, list[Warned], float]],
    followed: MemberTask | None,
    label: str,
    tell: Callable[[int], None] | None,
) -> tuple[Any, list[Warned], float]:
    """A fitted member, its warnings and the seconds it took, which are put into `done` as well."""
    started = time.perf_counter()
    outside = _filters_of(here), config_context(**here.config)
    with outside[0], outside[1], collecting() as messages, labelled(label), around(followed, job.member):
        member = _fit(job, job.table(X), y, classify)
    done[i] = found = member, messages, time.perf_counter() - started
    if tell is not None:
        tell(i)
    return found


def _fit(job: MemberJob, X: Any, y: np.ndarray, classify: bool) -> Any:
    if not classify or job.rows is None:
        return job.fit(X, y)
    labels = np.unique(y[job.rows])
    try:
        member = job.fit(X, y)
        if len(labels) == 1:  # which some learn, and then fail to predict
            answer = member.predict_proba if hasattr(member, "predict_proba") else member.predict
            answer(select_rows(X, job.rows[:1]))
        return member
    except Exception as error:
        if isinstance(error, TypeError) or len(labels) == len(np.unique(y)):
            raise
        member = _fit_with_counts(job, X, y)
        return _constant(job, X, y, labels, error) if member is None else member


def _fit_with_counts(job: MemberJob, X: Any, y: np.ndarray) -> Any:
    """The member fitted to all rows, with the times that each was drawn as weights; None if it does not take that.

    So it knows that there are other classes: some learn only two or more, or labels 0, 1, ... without a gap.
    """
    if job.rows is None or not takes_weight(job.member) or _takes_distances(job.member):
        return None  # of distances, the table has columns for the drawn rows alone
    counts = np.bincount(job.rows, minlength=len(y)).astype(np.float64)
    weight = counts if job.weight is None else counts * job.weight
    try:
        return replace(job, member=clone(job.member), rows=None, weight=weight).fit(X, y)
    except Exception:  # the error of the drawn rows is told
        return None


def _takes_distances(member: object) -> bool:
    tags = tags_of(member)
    return tags is not None and tags.input_tags.pairwise


def _constant(job: MemberJob, X: Any, y: np.ndarray, labels: np.ndarray, error: Exception) -> Any:
    """A substitute for a member that cannot learn a sample of one class: it predicts that class."""
    if len(labels) > 1:
        raise error
    warn(
        f"the sample has rows of class {labels.tolist()[0]!r} alone, which {type(job.member).__name__} does not learn "
        f"({error}): the member predicts this class. More rows of the others, or a larger max_samples, would help."
    )
    return replace(job, member=DummyClassifier(strategy="prior"), weight=None, params={}).fit(X, y)


@contextmanager
def _filters_of(here: Settings) -> Iterator[None]:
    """The filters of warnings, in another process; in this one, whose threads share them, they are as they are."""
    if here.process == os.getpid():
        yield
        return
    with warnings.catch_warnings():
        warnings.filters = here.filters
        yield
