"""Members with early_stopping="refit": two stacks, of the trials and of the trainings on all rows of each member."""

import re

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.callback import ProgressBar
from sklearn.datasets import make_classification

from skdl import (
    BaggingClassifier,
    BaggingRegressor,
    EnsembleClassifier,
    EnsembleRegressor,
    MLPClassifier,
    MLPRegressor,
    SnapshotEnsembleClassifier,
)
from skdl.execution import train_members
from skdl.neural import refitting
from skdl.neural.refitting import train_fits
from skdl.neural.trainable import trainable
from skdl.schedules import Cosine
from skdl.testing import check_estimator_members

X, Y = make_classification(150, 5, n_informative=4, n_redundant=0, random_state=0)
REALS = X[:, 0] + 0.5 * np.random.default_rng(0).normal(size=150)
SMALL = {"hidden_layer_sizes": (6,), "early_stopping": "refit", "max_iter": 12, "batch_size": 20}
SMALL["validation_fraction"] = 0.1
pytestmark = pytest.mark.filterwarnings("ignore:.*Maximum iterations")
CLASSIFIER, REGRESSOR = MLPClassifier(**SMALL, schedule=Cosine(cycle=3)), MLPRegressor(**SMALL, n_iter_no_change=1)


@pytest.fixture
def stacks(monkeypatch):
    calls = []
    monkeypatch.setattr(refitting, "train_members", lambda tasks, *n: calls.append(tasks) or train_members(tasks, *n))
    return calls


def test_members_of_stacks_are_their_lone_fits():
    check_estimator_members([clone(CLASSIFIER).set_params(random_state=i, alpha=10.0**-i) for i in range(4)], X, Y)
    check_estimator_members([clone(REGRESSOR).set_params(random_state=i) for i in range(4)], X, REALS)


@pytest.mark.parametrize("n_jobs", [1, 2])
@pytest.mark.parametrize(("network", "y"), [(CLASSIFIER, Y), (REGRESSOR, REALS)], ids=["classifier", "regressor"])
def test_each_member_equals_its_own_fit(network, y, n_jobs, stacks):
    kind = EnsembleClassifier if network is CLASSIFIER else EnsembleRegressor
    ensemble = kind(estimator=network, n_estimators=3, random_state=0, n_jobs=n_jobs).fit(X, y)
    assert [len(tasks) for tasks in stacks] == [3, 3]
    assert {task.rows.n for task in stacks[0]} == {135}
    assert {task.rows.n for task in stacks[1]} == {150}
    for member, second in zip(ensemble.estimators_, stacks[1], strict=True):
        alone = clone(member).fit(X, y)
        assert_array_equal(member.predict(X), alone.predict(X))
        assert_array_equal(member.coefs_[-1], alone.coefs_[-1])
        assert member.validation_scores_ == alone.validation_scores_
        assert second.n_epochs == member.n_iter_ == member.best_epoch_


@pytest.mark.parametrize(("network", "y"), [(CLASSIFIER, Y), (REGRESSOR, REALS)], ids=["classifier", "regressor"])
def test_a_sample_validates_by_rows_that_it_holds_once_and_learns_all(network, y, stacks):
    kind = BaggingClassifier if network is CLASSIFIER else BaggingRegressor
    bagging = kind(network, 4, random_state=0).fit(X, y)
    trials, seconds = stacks
    for trial, second, sample in zip(trials, seconds, bagging.estimators_samples_, strict=True):
        rows, counts = np.unique(sample, return_counts=True)
        assert np.isin(trial.validation.index, rows[counts == 1]).all()
        assert not np.isin(trial.validation.index, trial.rows.index).any()
        learned_and_not = np.concatenate([trial.rows.index, trial.validation.index])
        assert_array_equal(np.sort(learned_and_not), np.sort(sample))  # nothing out of the bag
        assert_array_equal(np.sort(second.rows.index), np.sort(sample))
        assert second.validation is None
    assert bagging.score(X, y) > 0.5


@pytest.mark.parametrize(("kind", "y"), [(BaggingClassifier, Y), (BaggingRegressor, REALS)])
def test_a_member_has_a_trial_by_default_and_knows_nothing_out_of_its_bag(kind, y, stacks):
    """What its fit makes of the rows out of its bag is that of any others there: they may be anything."""
    bagging = kind(n_estimators=3, random_state=0).fit(X, y)
    assert [len(tasks) for tasks in stacks] == [3, 3]
    for task, sample in zip(stacks[0], bagging.estimators_samples_, strict=True):
        rows, counts = np.unique(sample, return_counts=True)
        assert len(task.validation.index) == 23
        assert np.isin(task.validation.index, rows[counts == 1]).all()
        assert not np.isin(task.validation.index, task.rows.index).any()
    first, out = bagging.estimators_[0], np.setdiff1d(np.arange(150), bagging.estimators_samples_[0])
    other = X.copy()
    other[out] = np.random.default_rng(1).normal(size=(len(out), 5)) * 100
    alone = trainable(clone(first))
    data = alone.prepare(other, y, n_rows=150)
    [(task, outcome)] = train_fits([alone], [data], [alone.spec(data, index=(rows := bagging.estimators_samples_[0]))],
                                   rows=[rows])  # fmt: skip
    alone.store(task, data, outcome)
    assert_array_equal(alone.network.predict(X), first.predict(X))
    few = kind(n_estimators=3, max_samples=39, random_state=0).fit(X, y)
    assert all(member.validation_scores_ is None for member in few.estimators_)


def test_samples_without_a_row_to_spare_are_all_learned():
    y = np.arange(6) % 2
    bagging = BaggingClassifier(MLPClassifier(**{**SMALL, "batch_size": "auto"}), 8, random_state=0).fit(X[:6], y)
    without = [member for member in bagging.estimators_ if member.validation_scores_ is None]
    assert len(without) > 0
    assert all(member.n_iter_ == 12 for member in without)


def test_members_that_share_weights_are_trained_on_all_rows_after_a_trial(stacks):
    ensemble = EnsembleClassifier(estimator=CLASSIFIER, n_estimators=3, share="batch_ensemble", random_state=0)
    ensemble.fit(X, Y)
    [trial], [second] = stacks
    assert (trial.rows.n, second.rows.n, second.validation) == (135, 150, None)
    for member in ensemble.estimators_:
        assert len(member.validation_scores_) == 4
        assert second.n_epochs == member.n_iter_ == member.best_epoch_
    assert len({member.temperature_ for member in ensemble.estimators_}) == 1
    assert ensemble.estimators_[0].temperature_ != 1
    few = EnsembleClassifier(estimator=clone(CLASSIFIER).set_params(batch_size="auto"), n_estimators=2)
    few.set_params(share="batch_ensemble", random_state=0).fit(X[:2], [0, 1])
    assert few.estimators_[0].validation_scores_ is None
    plain = clone(ensemble).set_params(estimator__calibrate=False).fit(X, Y)
    assert plain.estimators_[0].temperature_ == 1
    stopped = clone(ensemble).set_params(estimator__calibrate=True, estimator__early_stopping=True).fit(X, Y)
    assert stopped.estimators_[0].temperature_ == stopped.estimators_[2].temperature_ != 1
    with pytest.raises(ValueError, match=r"Leave early_stopping='auto' in its estimator. Got 'refit'"):
        SnapshotEnsembleClassifier(MLPClassifier(**SMALL), 2).fit(X, Y)


def test_members_report_both_trainings(capsys):
    bar = ProgressBar()
    EnsembleClassifier(estimator=CLASSIFIER, n_estimators=2, random_state=0, verbose=1).set_callbacks(bar).fit(X, Y)
    assert re.search(r"2 members done", capsys.readouterr().out)


def test_an_interrupt_in_the_trials_ends_all():
    class Interrupt:
        def setup(self, estimator, context): ...
        def teardown(self, estimator, context): ...
        def on_fit_task_begin(self, estimator, context): ...
        def on_fit_task_end(self, estimator, context):
            if context.task_name == "epoch" and context.task_id == 4:
                raise KeyboardInterrupt

    network = clone(REGRESSOR).set_callbacks(Interrupt())
    ensemble = EnsembleRegressor(estimator=network, n_estimators=2, random_state=0)
    with pytest.raises(KeyboardInterrupt):
        ensemble.fit(X, REALS)
    assert np.isfinite(ensemble.predict(X)).all()
