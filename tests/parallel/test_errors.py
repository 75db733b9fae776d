"""Errors and interruptions belong to their own task, and leave nothing behind."""

import multiprocessing
import os
import signal
import threading
import time
import warnings
from dataclasses import replace

import joblib
import numpy as np
import pytest
from numpy.testing import assert_array_equal
from plain import PLAIN
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.exceptions import FitFailedWarning
from sklearn.model_selection import GridSearchCV, cross_validate

from skdl import MLPClassifier
from skdl.parallel import requests

MLP = MLPClassifier((4,), max_iter=3, batch_size=16, random_state=0, **PLAIN)


def weights(network):
    return [array.tobytes() for array in (*network.coefs_, *network.intercepts_)]


class Listening(MLPClassifier):
    """A network whose epochs are followed by a function, which may raise."""

    def __init__(
        self, listener=None, hidden_layer_sizes=(4,), max_iter=3, batch_size=16, alpha=1e-4, n_iter_no_change=None
    ):
        super().__init__(
            hidden_layer_sizes,
            max_iter=max_iter,
            batch_size=batch_size,
            alpha=alpha,
            n_iter_no_change=n_iter_no_change,
            random_state=0,
            **PLAIN,
        )
        self.listener = listener

    def _report(self, record):
        return bool(self.listener and self.listener(record))

    def _spec(self, *args, **options):
        return replace(super()._spec(*args, **options), report=self._report)


def network(listener=None, **changes):
    return Listening(listener, **changes)


def fails(record):
    raise OSError(f"no room in epoch {record['epoch']}")


def fails_late(record):
    if record["epoch"] == 3:
        raise OSError("no room in epoch 3")


def stops(record):
    return record["epoch"] == 2


def interrupts(record):
    if record["epoch"] == 2:
        raise KeyboardInterrupt


def fit_all(networks, X, y, **settings):
    """Fit networks in tasks; gives the fitted ones, or their errors."""

    def task(one):
        try:
            return one.fit(X, y)
        except Exception as error:
            return error

    with joblib.parallel_config(**settings):
        return joblib.Parallel()(joblib.delayed(task)(clone(one)) for one in networks)


def test_a_callback_that_raises(iris, stacks):
    networks = [network(), network(fails), network(alpha=0.1), network(fails_late), network(stops)]
    expected = fit_all(networks, *iris, backend="sequential")
    found = fit_all(networks, *iris, backend="skdl")
    assert stacks == [[5]]
    for i in (0, 2, 4):
        assert weights(found[i]) == weights(expected[i])
    for i in (1, 3):
        assert isinstance(found[i], OSError)
        assert str(found[i]) == str(expected[i])
    assert found[4].n_iter_ == 2


def test_a_callback_that_interrupts_its_own_fit(iris):
    """It is as if the user had interrupted: the call ends at once, and nothing takes the fit for a finished one."""
    networks = [network(), network(interrupts), network(alpha=0.1)]
    for backend in ("sequential", "threading", "skdl"):
        with pytest.raises(KeyboardInterrupt):
            fit_all(networks, *iris, backend=backend)


def test_a_scorer_that_raises(iris, stacks):
    def broken(estimator, X, y):
        raise OSError("no score")

    networks = [
        MLPClassifier((4,), max_iter=3, early_stopping=True, scoring=scoring, random_state=0)
        for scoring in ("f1_macro", broken, "f1_macro")
    ]
    expected = fit_all(networks, *iris, backend="sequential")
    found = fit_all(networks, *iris, backend="skdl")
    assert stacks == [[3]]
    assert weights(found[0]) == weights(found[2]) == weights(expected[0])
    assert isinstance(found[1], OSError)


@pytest.mark.filterwarnings("ignore:One or more of the test scores are non-finite")
def test_a_member_that_diverges(iris, stacks):
    """It has learned nothing and counts as failed; the others are as they are without it."""
    rates = {"optimizer__learning_rate": [1e-2, 1e30, 1e-1]}
    search = GridSearchCV(MLP, rates, cv=5, refit=False).set_params(estimator__optimizer="sgd")
    with pytest.warns(FitFailedWarning, match="(?s)5 fits failed out of a total of 15.*has learned nothing"):
        expected = clone(search).fit(*iris).cv_results_
    with joblib.parallel_config(backend="skdl"), pytest.warns(FitFailedWarning, match="(?s)5 fits.*learned nothing"):
        search.fit(*iris)
    assert stacks == [[15]]
    assert np.isnan(expected["mean_test_score"]).tolist() == [False, True, False]
    for name in ("mean_test_score", "split3_test_score", "std_test_score", "rank_test_score"):
        assert_array_equal(search.cv_results_[name], expected[name])
    rates["optimizer__learning_rate"].remove(1e30)
    sane = GridSearchCV(search.estimator, rates, cv=5, refit=False).fit(*iris).cv_results_
    assert_array_equal(search.cv_results_["mean_test_score"][[0, 2]], sane["mean_test_score"])


def test_a_component_that_raises_in_the_stack(iris, stacks, monkeypatch):
    """Whose error it is shows when each is trained alone; the others are as if nothing had been."""
    train, calls = requests.train_group, []

    def fragile(members, *arguments):
        calls.append(len(members))
        if any(member.alpha == 0.5 for member in members):
            members[0].generator.random(7)  # as far as a training may have come
            raise MemoryError("no room")
        return train(members, *arguments)

    networks = [clone(MLP).set_params(alpha=alpha) for alpha in (0.1, 0.5, 0.2)]
    expected = fit_all(networks, *iris, backend="sequential")
    monkeypatch.setattr(requests, "train_group", fragile)
    found = fit_all(networks, *iris, backend="skdl")
    assert calls == [3, 1, 1, 1]
    assert weights(found[0]) == weights(expected[0])
    assert weights(found[2]) == weights(expected[2])
    assert isinstance(found[1], MemoryError)


def test_error_score(iris, stacks):
    search = GridSearchCV(MLP, {"alpha": [1e-4, -1.0, 1e-2]}, cv=3, refit=False)
    warnings.filterwarnings("ignore", "One or more of the test scores")  # pytest puts the filters back
    with pytest.warns(FitFailedWarning):
        expected = clone(search).fit(*iris).cv_results_
    with joblib.parallel_config(backend="skdl"), pytest.warns(FitFailedWarning, match="3 fits failed out of a total"):
        search.fit(*iris)
    assert [sum(sizes) for sizes in stacks] == [6]
    assert_array_equal(search.cv_results_["mean_test_score"], expected["mean_test_score"])
    with joblib.parallel_config(backend="skdl"), pytest.raises(ValueError, match="alpha"):
        search.set_params(error_score="raise").fit(*iris)


def test_the_error_of_a_task_shows_where_it_comes_from():
    def deep():
        raise ValueError("too deep")

    with joblib.parallel_config(backend="skdl"), pytest.raises(ValueError, match="too deep") as caught:
        joblib.Parallel()(joblib.delayed(deep)() for _ in range(3))
    assert "in deep" in caught.value.__notes__[0]


class Slow(ClassifierMixin, BaseEstimator):
    """An estimator without a network, that takes its time."""

    def fit(self, X, y):
        time.sleep(0.05)
        self.classes_ = np.unique(y)
        return self

    def predict(self, X):
        return np.zeros(len(X), int)


def test_tasks_without_a_network(iris, stacks):
    expected = cross_validate(Slow(), *iris, cv=3)["test_score"]
    with joblib.parallel_config(backend="skdl"):
        found = cross_validate(Slow(), *iris, cv=3)["test_score"]
    assert stacks == []
    assert_array_equal(found, expected)


ENDLESS = {"max_iter": 10**7, "n_iter_no_change": None}


def interrupt(record):
    if record["epoch"] == 3:
        os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.parametrize("nested", [False, True])
def test_keyboard_interrupt(nested, iris):
    """It reaches the user at once, although fits wait that would go on for hours; the threads end (see conftest)."""
    search = GridSearchCV(network(interrupt, **ENDLESS), {"alpha": [1e-4, 1e-3]}, cv=3)
    before = warnings.filters
    with joblib.parallel_config(backend="skdl"), pytest.raises(KeyboardInterrupt):
        cross_validate(search, *iris, cv=2) if nested else search.fit(*iris)
    assert warnings.filters is before
    with joblib.parallel_config(backend="skdl"):  # and all is as it was
        assert len(cross_validate(MLP, *iris, cv=3)["test_score"]) == 3


def test_an_error_ends_the_fits_that_wait(iris, tmp_path):
    """All of them: they are long, and not too long to wait for the task that raises."""

    def task(i):
        if i == 3:
            raise ValueError("no")
        clone(MLP).set_params(max_iter=10**5, n_iter_no_change=None).fit(*iris)
        (tmp_path / str(i)).touch()

    with joblib.parallel_config(backend="skdl"), pytest.raises(ValueError, match="no"):
        joblib.Parallel()(joblib.delayed(task)(i) for i in range(5))
    assert not list(tmp_path.iterdir())


def test_an_error_ends_the_fits_in_training(iris):
    """Those of a call inside a task, whose caller takes its error and goes on."""

    def inner(i):
        if i:
            return clone(MLP).set_params(**ENDLESS).fit(*iris)
        network(stops).fit(*iris)
        raise ValueError("no")

    def outer(i):
        if i:
            return clone(MLP).fit(*iris).n_iter_
        with pytest.raises(ValueError, match="no"):
            joblib.Parallel()(joblib.delayed(inner)(i) for i in range(3))
        return clone(MLP).fit(*iris).n_iter_

    # The two stacks of the first round end together: the endless ones have to be interrupted from outside.
    watch = threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT))
    watch.start()
    with joblib.parallel_config(backend="skdl"), pytest.raises(KeyboardInterrupt):
        joblib.Parallel()(joblib.delayed(outer)(i) for i in range(2))
    watch.join()


def test_timeout(iris):
    def task(i):
        return clone(MLP).set_params(**ENDLESS).fit(*iris)

    with joblib.parallel_config(backend="skdl"), pytest.raises(multiprocessing.TimeoutError):
        joblib.Parallel(timeout=0.1)(joblib.delayed(task)(i) for i in range(3))


def test_no_more_threads(iris, stacks, monkeypatch):
    """Where the system gives only so many threads, fewer fits wait for each other."""
    start = threading.Thread.start

    def limited(self):
        if self.name == "skdl" and sum(thread.name == "skdl" for thread in threading.enumerate()) >= 4:
            raise RuntimeError("can't start new thread")
        start(self)

    monkeypatch.setattr(threading.Thread, "start", limited)
    search = GridSearchCV(MLP, {"alpha": [1e-4, 1e-3]}, cv=5, refit=False)
    expected = clone(search).fit(*iris).cv_results_["mean_test_score"]
    with joblib.parallel_config(backend="skdl"):
        found = search.fit(*iris).cv_results_["mean_test_score"]
    assert_array_equal(found, expected)
    assert sum(sum(sizes) for sizes in stacks) == 10
    assert max(map(sum, stacks)) <= 4


def test_not_one_thread(monkeypatch):
    def none(self):
        raise RuntimeError("can't start new thread")

    with joblib.parallel_config(backend="skdl"):
        parallel = joblib.Parallel()
        monkeypatch.setattr(threading.Thread, "start", none)
        with pytest.raises(RuntimeError, match="can't start new thread"):
            parallel(joblib.delayed(abs)(i) for i in range(3))
