"""What is read of joblib and scikit-learn beside their documented interfaces: these fail when it changes."""

import joblib
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score, cross_validate, learning_curve

from skdl.parallel import backend
from skdl.parallel._joblib import calls_of, data_key_of
from skdl.parallel._scikit_learn import search_verbosity


@pytest.fixture
def submitted(monkeypatch):
    """The functions that joblib submits, and whether it was known after each whether all had been given."""
    functions, submit = [], backend.CallBackend.submit

    def watched(self, func, callback=None):
        functions.append(func)
        return submit(self, func, callback)

    monkeypatch.setattr(backend.CallBackend, "submit", watched)
    return functions


def test_the_calls_that_joblib_submits(submitted, stacked):
    first, second = np.arange(3), np.arange(3)
    arguments = [(first,), (second,), (first,), ([1, 2],)]
    with stacked(processes=False):
        joblib.Parallel()(joblib.delayed(sum)(*each) for each in arguments)
    assert [[call for call, *_ in calls_of(function)] for function in submitted] == [[sum]] * 4
    assert [calls_of(function)[0][1][0] is each[0] for function, each in zip(submitted, arguments, strict=True)] == [
        True
    ] * 4
    keys = [data_key_of(function) for function in submitted]
    assert keys == [(id(first),), (id(second),), (id(first),), ()]
    assert data_key_of(sum) == ()


def test_candidates_of_a_fold_are_given_the_same_arrays(submitted, stacked, iris):
    """The rows of each fold are drawn once, and by their arrays its tasks are known."""
    with stacked(processes=False):
        GridSearchCV(LogisticRegression(max_iter=500), {"C": [0.1, 1.0, 10.0]}, cv=4, refit=False).fit(*iris)
    assert len(submitted) == 12
    keys = [data_key_of(function) for function in submitted]
    assert len(set(keys)) == 4
    assert keys == keys[:4] * 3


@pytest.mark.parametrize("n_given", [3, 40])
def test_it_is_known_when_all_tasks_have_been_given(n_given, stacked, monkeypatch):
    known, retrieve = [], backend.CallBackend.retrieve_result_callback

    def watched(self, out):
        known.append(self._known_tasks())
        return retrieve(self, out)

    monkeypatch.setattr(backend.CallBackend, "retrieve_result_callback", watched)
    with stacked(processes=False):
        joblib.Parallel(pre_dispatch=10)(joblib.delayed(abs)(i) for i in range(n_given))
    assert known[-1] == n_given
    assert set(known) <= {None, n_given}


def test_how_verbose_a_search_is(submitted, stacked, iris):
    network = LogisticRegression(max_iter=500)
    with stacked(processes=False):
        for verbose, work in (
            (3, lambda: GridSearchCV(network, {"C": [0.1]}, cv=2, refit=False, verbose=3).fit(*iris)),
            (2, lambda: cross_validate(network, *iris, cv=2, verbose=2)),
            (0, lambda: cross_val_score(network, *iris, cv=2)),
            (1, lambda: learning_curve(network, *iris, cv=2, train_sizes=[0.9], verbose=1)),
            (0, lambda: joblib.Parallel()(joblib.delayed(cross_val_score)(network, *iris, verbose=5) for _ in "ab")),
        ):
            submitted.clear()
            work()
            assert search_verbosity(submitted[0]) == verbose
