"""Times of searches and of the ledger: they add up to the time that has passed."""

import time
from contextvars import copy_context

import joblib
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import GridSearchCV, cross_validate, learning_curve

from skdl import MLPClassifier
from skdl.execution import cost
from skdl.execution.stacker import stacking_with
from skdl.model_selection import SearchLedger
from skdl.parallel import backend
from skdl.parallel.meeting import Meeting
from skdl.parallel.tasks import Call, Task
from skdl.parallel.times import Timed, of_search

X, y = load_digits(return_X_y=True, as_frame=True)
NETWORK = MLPClassifier((16,), max_iter=20, batch_size=32, random_state=0)
GRID = {"alpha": [1e-4, 1e-3, 1e-2]}


def passed(work):
    begun = time.perf_counter()
    result = work()
    return time.perf_counter() - begun, result


def total(results, n_folds):
    return n_folds * (results["mean_fit_time"].sum() + results["mean_score_time"].sum())


def test_a_search(stacked):
    """And those of more epochs are longer."""
    search = GridSearchCV(NETWORK, {**GRID, "max_iter": [4, 40]}, cv=4, refit=False)
    with stacked(processes=False):
        seconds, _ = passed(lambda: search.fit(X, y))
    results = search.cv_results_
    assert 0.3 * seconds < total(results, 4) <= seconds
    longer = results["param_max_iter"] == 40
    assert np.median(results["mean_fit_time"][longer]) > 2 * np.median(results["mean_fit_time"][~longer])


def test_with_processes(stacked, monkeypatch):
    """Two of them take half of the time, and that is what the times add up to."""
    network = clone(NETWORK).set_params(max_iter=100, n_iter_no_change=None)
    search = GridSearchCV(network, GRID, cv=4, refit=False)
    joblib.Parallel(n_jobs=2)(joblib.delayed(clone(network).fit)(X, y) for _ in range(2))  # starts the processes
    monkeypatch.setattr(backend, "cpu_count", lambda: 2)
    monkeypatch.setattr(cost, "processes_worth", lambda seconds, at_most: at_most)
    monkeypatch.setattr(cost, "OTHER_THREADS_SHARE", np.inf)  # an earlier test's threads may still be busy
    with stacked():
        seconds, _ = passed(lambda: search.fit(X, y))
    assert 0.2 * seconds < total(search.cv_results_, 4) <= seconds


def test_searches_inside_of_cross_validation(stacked):
    search = GridSearchCV(NETWORK, GRID, cv=3)
    with stacked(processes=False):
        seconds, found = passed(lambda: cross_validate(search, X, y, cv=3))
    assert 0.3 * seconds < found["fit_time"].sum() + found["score_time"].sum() <= seconds


def test_other_models_have_their_own_times(stacked):
    forest = RandomForestClassifier(30, random_state=0)
    with stacked(processes=False):
        seconds, found = passed(lambda: cross_validate(forest, X, y, cv=3))
    assert 0.3 * seconds < found["fit_time"].sum() + found["score_time"].sum() <= seconds


def test_learning_curves(stacked):
    with stacked(processes=False):
        seconds, (*_, fit_times, score_times) = passed(lambda: learning_curve(NETWORK, X, y, cv=3, return_times=True))
    assert 0.3 * seconds < fit_times.sum() + score_times.sum() <= seconds


def test_the_ledger(stacked, tmp_path):
    ledger = SearchLedger(tmp_path / "ledger.jsonl")
    search = GridSearchCV(NETWORK, GRID, cv=4, refit=False)
    with stacked(processes=False):
        seconds, _ = passed(lambda: ledger.fit(search, X, y))
    recorded = ledger.results()
    assert 0.3 * seconds < recorded["fit_time"].sum() + recorded["score_time"].sum() <= seconds
    assert total(search.cv_results_, 4) == pytest.approx(recorded["fit_time"].sum() + recorded["score_time"].sum())


def test_results_of_others_stay_as_they_are(stacked):
    """A function of the user's may measure what it likes."""

    def own():
        NETWORK.fit(X, y)
        return {"fit_time": 1e9}

    with stacked(processes=False):
        assert joblib.Parallel()(joblib.delayed(own)() for _ in range(2)) == [{"fit_time": 1e9}] * 2
    assert not of_search(own)
    assert not of_search(joblib.parallel.BatchedCalls([(own, (), {})], None))
    assert not of_search(joblib.parallel.BatchedCalls([(cross_validate, (), {})], None))


def test_cross_validation_as_a_task(stacked):
    """Its times come in arrays, and are right already."""

    def work():
        return joblib.Parallel()(
            joblib.delayed(cross_validate)(NETWORK, X, y, cv=3, scoring="accuracy") for _ in range(2)
        )

    with stacked(processes=False):
        seconds, found = passed(work)
    assert 0.3 * seconds < sum(each["fit_time"].sum() + each["score_time"].sum() for each in found) <= seconds


def test_calls_in_one_batch_keep_what_they_measured():
    """It is not known which of them has waited."""
    meeting = Meeting(1, 1, 1, n_beside=2)
    task = Task(Call(meeting, None, copy_context()), sum, None, None, waited=1.0, trained=0.25)
    with stacking_with(task):
        assert Timed(lambda: [{"fit_time": 3.0, "score_time": 1.0}])() == [{"fit_time": 1.25, "score_time": 0.5}]
        assert Timed(lambda: [{"fit_time": 3.0}, {"fit_time": 2.0}])() == [{"fit_time": 3.0}, {"fit_time": 2.0}]
    assert Timed(lambda: [{"fit_time": 3.0}])() == [{"fit_time": 3.0}]
