"""What ends a committee's training early, and what follows it: time, interrupts, callbacks, printed lines."""

import re

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.callback import ProgressBar
from sklearn.datasets import make_classification
from sklearn.ensemble import RandomForestClassifier
from sklearn.neighbors import KNeighborsClassifier

from skdl import TabularClassifier, _progress
from skdl.tabular import _training

X, Y = make_classification(120, 5, n_informative=3, n_classes=3, n_clusters_per_class=1, random_state=0)
SMALL = {"hidden_layer_sizes": (8,), "max_iter": 6, "batch_size": 16}
THREE = {"first": SMALL, "second": {**SMALL, "activation": "tanh"}, "third": {**SMALL, "alpha": 0.1}}


class Clock:
    """The time, which goes on by a step whenever somebody asks."""

    def __init__(self, step):
        self.now, self.step = 0.0, step

    def monotonic(self):
        self.now += self.step
        return self.now


def committee(portfolio=THREE, **params):
    return TabularClassifier(portfolio, **{"cv": 4, "random_state": 0, "refit": False, **params})


def test_a_limit_that_is_not_reached_changes_nothing():
    free, limited = committee().fit(X, Y), committee(time_limit=1e4).fit(X, Y)
    assert_array_equal(free.predict_proba(X), limited.predict_proba(X))
    assert_array_equal(free.feature_importances_, limited.feature_importances_)


def test_the_first_configuration_is_trained_whatever_the_limit(monkeypatch):
    model = committee(time_limit=1e-9, refit=True).fit(X, Y)
    assert model.weights_ == {"first": 1.0, "second": 0.0, "third": 0.0}
    assert {member.n_iter_ for member in model.estimators_} == {1}
    assert not model.refitted_
    assert np.isfinite(model.oof_predictions_).all()
    assert list(model.leaderboard_.index) == ["committee", "first"]


def test_configurations_are_trained_in_their_order_while_there_is_time(monkeypatch):
    """Of 10 seconds with 2 between two looks at the clock, two configurations are begun."""
    monkeypatch.setattr(_training, "time", Clock(2.0))
    monkeypatch.setattr("skdl.tabular._base.time", Clock(0.0))
    model = committee(time_limit=5.0).fit(X, Y)
    assert set(model.leaderboard_.index) == {"committee", "first", "second"}


def test_members_that_would_take_too_long_are_left_out(monkeypatch):
    members = [("knn", KNeighborsClassifier()), ("forest", RandomForestClassifier(5))]
    model = committee(members=members, time_limit=1e4).fit(X, Y)
    assert set(model.leaderboard_.index) == {"committee", *THREE, "knn", "forest"}
    monkeypatch.setattr(_training, "time", Clock(5.0))  # 5 seconds for a first member: three more, twice, are 30
    monkeypatch.setattr("skdl.tabular._base.time", Clock(0.0))
    model = committee(members=members[:1], time_limit=38.0).fit(X, Y)
    assert set(model.leaderboard_.index) == {"committee", *THREE}
    model = committee(members=members[:1], time_limit=1e3).fit(X, Y)
    assert set(model.leaderboard_.index) == {"committee", *THREE, "knn"}
    alone = committee(None, members=members[:1], time_limit=1e-9).fit(X, Y)
    assert alone.weights_ == {"knn": 1.0}
    assert np.isfinite(alone.predict_proba(X)).all()


@pytest.mark.parametrize("when", ["first epochs", "second configuration"])
def test_an_interrupt_keeps_what_is_trained(when, monkeypatch):
    """By the function that is told of epochs: the members of a stack end after it together."""
    from skdl.engine import epoch_end

    n, told, end = 0, (9 if when == "first epochs" else 35), epoch_end.end_epoch

    def interrupted(*args):
        nonlocal n
        n += 1
        reason = end(*args)
        return "interrupted" if n == told else reason

    monkeypatch.setattr("skdl.engine.train.end_epoch", interrupted)
    model = committee()
    with pytest.raises(KeyboardInterrupt) as info:
        model.fit(X, Y)
    assert "interrupted and is fitted with" in info.value.__notes__[0]
    assert_allclose(model.predict_proba(X).sum(axis=1), 1)
    assert np.isfinite(model.oof_predictions_).all()
    assert len(model.leaderboard_) >= 2


def test_an_interrupt_before_the_first_epoch_leaves_it_as_it_was(monkeypatch):
    def interrupted(*args):
        raise KeyboardInterrupt

    model = committee()
    monkeypatch.setattr("skdl.engine.train.Stack.epoch", interrupted)
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, Y)
    assert not hasattr(model, "estimators_")
    assert not hasattr(model, "n_features_in_")


def test_an_interrupt_while_members_are_refitted_keeps_those_on_the_folds(monkeypatch):
    fit = _training.Trainer.fit

    def interrupted(self, jobs, first, max_time=None):
        found = fit(self, jobs, first, max_time)
        if first:
            found.interrupt = KeyboardInterrupt()
        return found

    expected = committee().fit(X, Y)
    monkeypatch.setattr(_training.Trainer, "fit", interrupted)
    model = committee(refit=True)
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, Y)
    assert not model.refitted_
    assert_array_equal(model.predict_proba(X), expected.predict_proba(X))


def test_lines_say_how_far_the_members_are(capsys, monkeypatch):
    monkeypatch.setattr(_progress, "INTERVAL", 0.0)
    committee(verbose=1, members=[("forest", RandomForestClassifier(2))], refit=True).fit(X, Y)
    lines = capsys.readouterr().out.splitlines()
    assert all(line.startswith("[TabularClassifier] ") for line in lines)
    assert any(re.search(r"\d+ of 16 members done", line) for line in lines)
    assert re.search(r"\] \d+ members done", lines[-1])


def test_progress_bars_and_callbacks(capsys):
    quiet = committee().fit(X, Y)
    watched = committee().set_callbacks(ProgressBar()).fit(X, Y)
    assert "TabularClassifier" in capsys.readouterr().out
    assert_array_equal(watched.predict_proba(X), quiet.predict_proba(X))
