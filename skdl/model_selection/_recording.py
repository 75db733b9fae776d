"""Substitutes for the estimator and the scoring of a search, which skip the fits that a ledger has.

A search does three things with an estimator of which it knows nothing else: it sets a candidate's parameters, fits it
to a fold's training rows, and hands it to the scorer, with the test rows first and the training rows next. So two
stand-ins see all there is to record, without any private function of the search: `RecordedEstimator` puts off a fit
that the ledger has, and `RecordedScorer` answers with the recorded score. A scorer that has to compute is given the
user's own fitted estimator, and the search the numbers that it would have had without a ledger.

A search is given scores and nothing else, so that no number can be mistaken for one. The times of the original fits
come back beside them, see `_reports`. An error of the ledger's own, as of a full disk, is not the estimator's:
a search takes every `Exception` in a task for one and goes on with `error_score`, so it is carried past (`Stopped`).
"""

from __future__ import annotations

import contextlib
import inspect
import itertools
import numbers
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sklearn.base import clone
from sklearn.utils import get_tags

from skdl._callbacks_adapter import callbacks_of
from skdl._warnings import warn
from skdl.execution.stacker import clock
from skdl.model_selection._identity import data_digest, digest, readable
from skdl.model_selection._records import Snapshot, append, finished
from skdl.model_selection._reports import Report, Run
from skdl.model_selection._schema import names_of


@dataclass(frozen=True)
class Recording:
    """The data that all fits of one search share.

    Parameters
    ----------
    ledger : Snapshot
        The file, and what of it was there when the search began.
    scoring : str
        Digest of the scorers.
    data : str
        Digest of the whole data set, for people to tell records apart.
    n_rows : int
        Rows of the whole data set.
    train_scores : bool
        Whether the scores on the training rows are wanted, too.
    metrics : tuple of str, None or False
        The names of the scores, None for a single score without a name; False where the scoring alone knows them.
    run : Run
        Where the times of the fits are collected.
    """

    ledger: Snapshot
    scoring: str
    data: str
    n_rows: int
    train_scores: bool
    metrics: tuple[str, ...] | bool | None
    run: Run

    def known(self, task: str, training_rows: str) -> dict[str, dict[str, Any]]:
        """The records that will do for a fit, by their test rows."""
        records = finished(self.ledger).get((task, training_rows), {})
        return {
            rows: each
            for rows, each in records.items()
            if (not self.train_scores or "train_score" in each) and self.metrics in (False, names_of(each))
        }


class Stopped(BaseException):
    """Carries an error of the ledger's own out of a task."""

    def __init__(self, error: Exception):
        super().__init__(error)
        self.error = error


@contextlib.contextmanager
def of_the_ledger() -> Iterator[None]:
    """Let an error through that the search would otherwise take for the estimator's."""
    try:
        yield
    except Exception as error:
        raise Stopped(error) from error


class RecordedFit:
    """One fit and its scores: looked up, or else computed and appended to the ledger.

    `place` is the fit's number in the search, in the order in which the search takes its results.
    """

    def __init__(self, estimator: Any, recording: Recording, parameters: dict[str, Any], place: int):
        self.estimator, self.recording, self.parameters, self.place = estimator, recording, parameters, place
        self.places = itertools.count()  # of the clones of this one
        self.fit_time: float | None = None
        self.tested = False
        self.record: dict[str, Any] | None = None

    def fit(self, X: Any, *y: Any, **params: Any) -> None:
        """Fit now, or when a scorer asks for it if the ledger has this fit."""
        self.data = (X, y, params)
        with of_the_ledger():
            self.task = digest([self.estimator, self.recording.scoring])
            self.candidate = digest(self.parameters)
            self.training_rows = data_digest(X, y, params)
            self.known = self.recording.known(self.task, self.training_rows)
        self.callbacks = callbacks_of(self.estimator)
        # All rows are those of the refit (or of odd folds): the search will look into that estimator.
        if not self.known or n_rows(X) == self.recording.n_rows:
            self.fitted()

    def fitted(self) -> Any:
        """The user's own estimator, fitted."""
        if self.fit_time is None:
            X, y, params = self.data
            if callbacks_of(self.estimator) != self.callbacks:  # put off: the search has taken its own back
                self.estimator.set_callbacks(*self.callbacks)
            begin = clock()
            try:
                self.estimator.fit(X, *y, **params)
            except Exception as error:
                self._append({"error": f"{type(error).__name__}: {error}", "fit_time": _seconds(begin)})
                raise
            self.fit_time = _seconds(begin)
        return self.estimator

    def score(self, scorer: Callable[..., Any], X: Any, *y: Any, **params: Any) -> Any:
        """The score on the test rows first, then that on the training rows, if it is wanted."""
        if self.tested and X is self.data[0]:
            return self._training_score(scorer, X, *y, **params)
        self.tested = True
        with of_the_ledger():
            test_rows = data_digest(X, y, params)
        self.record = self.known.get(test_rows)
        if self.record is not None:
            return self._reported(self.record["test_score"])
        estimator, begin = self.fitted(), clock()
        score = _map(_number, scorer(estimator, X, *y, **params))
        if not _is_complete(score):
            return score
        self.record = {
            "test_score": score,
            "fit_time": self.fit_time,
            "score_time": _seconds(begin),
            "n_test_rows": n_rows(X),
            "test_rows": test_rows,
        }
        if not self.recording.train_scores:
            self._append(self.record)
        return self._reported(score)

    def _training_score(self, scorer: Callable[..., Any], X: Any, *y: Any, **params: Any) -> Any:
        if self.record is not None and "train_score" in self.record:
            return _map(float, self.record["train_score"])
        score = _map(_number, scorer(self.fitted(), X, *y, **params))
        if self.record is not None and _is_complete(score):
            self._append(self.record | {"train_score": score})
        return score

    def _reported(self, score: Any) -> Any:
        """The score as floats; the first of them, it may be, takes a report along."""
        assert self.record is not None
        score = _map(float, score)
        times = self.record["fit_time"], self.record["score_time"]
        report = Report(self.candidate, score, *times)
        if not isinstance(score, dict):
            return self.recording.run.reported(score, self.place, report)
        name = next(iter(score))
        return {**score, name: self.recording.run.reported(score[name], self.place, report)}

    def _append(self, outcome: dict[str, Any]) -> None:
        record = {
            "parameters": self.parameters,
            **outcome,
            "n_training_rows": n_rows(self.data[0]),
            "finished": datetime.now(UTC).isoformat(timespec="seconds"),
            "estimator": type(self.estimator).__name__,
            "data": self.recording.data,
            "training_rows": self.training_rows,
            "task": self.task,
        }
        with of_the_ledger():
            append(self.recording.ledger.path, readable(record))


class RecordedEstimator:
    """Stands in for an estimator, to a search: whatever it does not do itself, that estimator does.

    Attributes, too, are those of the estimator, got and set, so that callbacks and metadata requests find their place.
    """

    def __init__(self, estimator: Any, recording: Recording, parameters: dict[str, Any] | None = None, place: int = -1):
        object.__setattr__(self, "_recorded", RecordedFit(estimator, recording, parameters or {}, place))

    def __getattr__(self, name: str) -> Any:
        if name == "_recorded" or (name.startswith("__") and name.endswith("__")):
            raise AttributeError(name)
        return getattr(self._recorded.estimator, name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._recorded.estimator, name, value)

    def __delattr__(self, name: str) -> None:
        delattr(self._recorded.estimator, name)

    def __reduce__(self) -> Any:
        recorded = self._recorded
        return type(self), (recorded.estimator, recorded.recording, recorded.parameters, recorded.place)

    def __repr__(self) -> str:
        return repr(self._recorded.estimator)

    def __sklearn_clone__(self) -> RecordedEstimator:
        recorded = self._recorded  # a search makes one clone for each fit, in the order of its results
        place = next(recorded.places)
        return type(self)(clone(recorded.estimator), recorded.recording, recorded.parameters, place)

    def __sklearn_tags__(self) -> Any:
        return get_tags(self._recorded.estimator)

    def set_params(self, **params: Any) -> RecordedEstimator:
        self._recorded.estimator.set_params(**params)
        self._recorded.parameters = self._recorded.parameters | params
        return self

    def fit(self, X: Any, *y: Any, **params: Any) -> RecordedEstimator:
        self._recorded.fit(X, *y, **params)
        return self


class RecordedScorer:
    """Stands in for a scorer, to a search.

    Parameters
    ----------
    scorer : callable
        As `sklearn.metrics.check_scoring` returns it.
    error_score : float or "raise"
        Takes the place of the score of each metric that fails.
    """

    def __init__(self, scorer: Callable[..., Any], error_score: Any):
        self.scorer, self.error_score = scorer, error_score

    def __call__(self, estimator: RecordedEstimator, X: Any, *y: Any, **params: Any) -> Any:
        score = estimator._recorded.score(self.scorer, X, *y, **params)
        if isinstance(score, dict):  # of several metrics, one that fails is the text of its error
            for name, error in score.items():
                if isinstance(error, str):
                    score[name] = self.error_score
                    message = f"Scoring failed: {name} will be set to {self.error_score}. Details:\n{error}"
                    warn(message)
        return score

    def __getattr__(self, name: str) -> Any:
        if name == "scorer" or (name.startswith("__") and name.endswith("__")):
            raise AttributeError(name)
        return getattr(self.scorer, name)

    @property
    def __signature__(self) -> inspect.Signature:
        return inspect.signature(self.scorer)

    def __repr__(self) -> str:
        return repr(self.scorer)


def n_rows(X: Any) -> int:
    return X.shape[0] if hasattr(X, "shape") else len(X)


def _map(function: Callable[[Any], Any], score: Any) -> Any:
    """A function of the score, or of each score by name."""
    return {name: function(each) for name, each in score.items()} if isinstance(score, dict) else function(score)


def _is_complete(score: Any) -> bool:
    """True for a number for each metric; one that failed has the text of its error."""
    return all(isinstance(each, float) for each in (score.values() if isinstance(score, dict) else [score]))


def _number(score: Any) -> Any:
    """A score as a float; what is none stays as it is, for the search to complain of."""
    if hasattr(score, "item"):
        with contextlib.suppress(ValueError):
            score = score.item()
    return float(score) if isinstance(score, numbers.Real) else score


def _seconds(begin: float) -> float:
    return max(0.0, clock() - begin)
