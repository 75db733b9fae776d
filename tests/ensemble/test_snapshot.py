"""Snapshot ensembles: each member equals a fit of its own, one training, its early ends, errors."""

import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdl import (
    MLPClassifier,
    MLPRegressor,
    SnapshotEnsembleClassifier,
    SnapshotEnsembleRegressor,
    SoftmaxClassifier,
    callbacks,
)
from skdl._progress import EpochLines
from skdl.ensemble import snapshot as module
from skdl.optimizers import Adam
from skdl.schedules import Cosine

rng = np.random.default_rng(0)
X = rng.normal(size=(120, 4))
Y_CLASS = np.array(["a", "b", "c"])[np.digitize(X[:, 0] + X[:, 1], [-0.7, 0.7])]
Y_REAL = X[:, 0] * X[:, 1] + 3 * X[:, 2] + 100
Y_TWO = np.column_stack([Y_REAL, X[:, 3]])
MLP_C = MLPClassifier((6,), batch_size=32, max_iter=9)
MLP_R = MLPRegressor((6,), batch_size=32, max_iter=9)
CASES = [
    (SnapshotEnsembleClassifier, MLP_C, Y_CLASS),
    (SnapshotEnsembleClassifier, clone(MLP_C).set_params(normalization="batch", dropout=0.2), Y_CLASS),
    (SnapshotEnsembleClassifier, clone(MLP_C).set_params(class_weight="balanced"), Y_CLASS),
    (SnapshotEnsembleRegressor, MLP_R, Y_REAL),
    (SnapshotEnsembleRegressor, clone(MLP_R).set_params(optimizer="sgd"), Y_TWO),
]


@pytest.mark.parametrize("weight", [None, rng.uniform(0.5, 2, 120)], ids=["equal", "weighted"])
@pytest.mark.parametrize(("ensemble", "network", "y"), CASES)
def test_a_member_equals_its_own_fit(ensemble, network, y, weight):
    fitted = ensemble(network, 3, random_state=1).fit(X, y, weight)
    assert [member.n_iter_ for member in fitted.estimators_] == [3, 6, 9]
    for j, member in enumerate(fitted.estimators_):
        assert member.get_params()["schedule__cycle"] == 3
        parameters = {"schedule": Cosine(cycle=3), "max_iter": 3 * (j + 1), "random_state": member.random_state}
        lone = clone(network).set_params(**parameters, early_stopping=False).fit(X, y, weight)
        for one, other in zip(member.coefs_ + member.intercepts_, lone.coefs_ + lone.intercepts_, strict=True):
            assert_array_equal(one, other)
        assert_array_equal(member.predict(X), clone(member).fit(X, y, weight).predict(X))
        assert member.loss_curve_ == lone.loss_curve_
    assert len({member.coefs_[0].tobytes() for member in fitted.estimators_}) == 3
    outputs = fitted.predict_members(X)
    average = fitted.predict_proba(X) if y is Y_CLASS else fitted.predict(X)
    assert_allclose(average, outputs.mean(axis=0), rtol=1e-6)


def test_the_rate_falls_to_nothing_and_starts_anew():
    network = clone(MLP_C).set_params(optimizer=Adam(learning_rate=0.01))
    fitted = SnapshotEnsembleClassifier(network, 3, random_state=0).fit(X, Y_CLASS)
    rates = fitted.estimators_[-1].history_["learning_rate"].to_numpy().reshape(3, 3)
    last_step = (1 + np.cos(np.pi * np.array([3, 7, 11]) / 12)) / 2  # of four a batch, twelve a cycle
    assert_allclose(rates, 0.01 * np.stack([last_step] * 3), rtol=1e-6)


def test_one_training(monkeypatch):
    calls = []
    train = module.train_members
    monkeypatch.setattr(module, "train_members", lambda members: calls.append(members) or train(members))
    SnapshotEnsembleClassifier(MLP_C, 3, random_state=0).fit(X, Y_CLASS)
    [[member]] = calls
    assert member.n_epochs == 9


@pytest.mark.parametrize(("cycle", "n_estimators", "epochs"), [(2, 4, [2, 4, 6, 8]), ("auto", 2, [4, 8])])
def test_length_of_cycles(cycle, n_estimators, epochs):
    fitted = SnapshotEnsembleRegressor(MLP_R, n_estimators, cycle=cycle, random_state=0).fit(X, Y_REAL)
    assert [member.n_iter_ for member in fitted.estimators_] == epochs
    short = SnapshotEnsembleRegressor(MLP_R, 12, random_state=0).fit(X, Y_REAL)  # of nine epochs: one each
    assert [member.n_iter_ for member in short.estimators_] == list(range(1, 13))


def test_a_member_goes_on():
    first, second, _ = SnapshotEnsembleClassifier(MLP_C, 3, random_state=0).fit(X, Y_CLASS).estimators_
    for _ in range(3):
        first.partial_fit(X, Y_CLASS)
    assert_array_equal(first.coefs_[0], second.coefs_[0])


def test_an_end_before_the_last_cycle(monkeypatch):
    with pytest.warns(ConvergenceWarning, match=r"ended after 1 of 9 epochs: the ensemble has 1 of 3 members") as told:
        fitted = SnapshotEnsembleRegressor(clone(MLP_R).set_params(max_time=1e-9), 3).fit(X, Y_REAL)
    assert told[-1].filename == __file__
    assert fitted.predict_members(X).shape == (1, 120)
    usual = Cosine.epoch_factor
    monkeypatch.setattr(Cosine, "epoch_factor", lambda self, losses: usual(self, losses) * 1e30 ** (len(losses) == 7))
    diverging = SnapshotEnsembleRegressor(clone(MLP_R).set_params(optimizer="sgd"), 3, random_state=0)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        fitted = diverging.fit(X, Y_REAL)
    assert ["The loss became" in str(warning.message) for warning in told] == [True, False]
    assert "ended after 7 of 9 epochs: the ensemble has 2 of 3 members" in str(told[1].message)
    assert np.isfinite(fitted.predict(X)).all()


@pytest.mark.parametrize(("epoch", "n", "kept"), [
    (5, 1, "1 member, which keeps what it"), (7, 2, "2 members, which keep what they")
])  # fmt: skip
def test_an_interrupt_keeps_the_members_that_there_are(epoch, n, kept, monkeypatch):
    def interrupt(self, record, reason):
        if record is not None and record["epoch"] == epoch:
            raise KeyboardInterrupt

    monkeypatch.setattr(EpochLines, "__call__", interrupt)
    network = clone(MLP_C).set_params(verbose=1)
    ensemble = SnapshotEnsembleClassifier(network, 3, random_state=0)
    with pytest.raises(KeyboardInterrupt) as told:
        ensemble.fit(X, Y_CLASS)
    assert told.value.__notes__ == [
        f"SnapshotEnsembleClassifier was interrupted and is fitted with {kept} had learned by then. Call fit again for "
        "a complete training."
    ]
    assert [member.n_iter_ for member in ensemble.estimators_] == [3, 6][:n]
    assert ensemble.predict_proba(X).shape == (120, 3)


def test_verbose_reports_every_epoch(capsys):
    SnapshotEnsembleClassifier(clone(MLP_C).set_params(verbose=1), 3, random_state=0).fit(X, Y_CLASS)
    assert len(capsys.readouterr().out.splitlines()) == 9


def test_random_state():
    same = [SnapshotEnsembleClassifier(MLP_C, 2, random_state=3).fit(X, Y_CLASS).predict_proba(X) for _ in range(2)]
    other = SnapshotEnsembleClassifier(MLP_C, 2, random_state=4).fit(X, Y_CLASS).predict_proba(X)
    assert_array_equal(same[0], same[1])
    assert not np.array_equal(same[0], other)
    assert MLP_C.get_params() == clone(MLP_C).get_params()


def test_in_a_pipeline_a_search_a_frame_and_a_pickle():
    frame = pd.DataFrame(X, columns=list("pqrs"))
    fitted = SnapshotEnsembleClassifier(MLP_C, 2, random_state=0).fit(frame, pd.Series(Y_CLASS))
    assert list(fitted.feature_names_in_) == list(fitted.estimators_[0].feature_names_in_) == list("pqrs")
    assert_array_equal(pickle.loads(pickle.dumps(fitted)).predict_proba(frame), fitted.predict_proba(frame))
    assert fitted.predict_uncertainty(frame).shape == (120, 3)
    assert fitted.error_decomposition(frame, Y_CLASS)["ambiguity"] > 0
    network = clone(MLP_C).set_params(max_iter=40, batch_size=16)
    pipeline = make_pipeline(StandardScaler(), SnapshotEnsembleClassifier(network, random_state=0))
    grid = {"snapshotensembleclassifier__n_estimators": [1, 3], "snapshotensembleclassifier__estimator__alpha": [0, 1]}
    assert GridSearchCV(pipeline, grid, cv=2, error_score="raise").fit(frame, Y_CLASS).best_score_ > 0.5


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"n_estimators": 0}, r"'n_estimators' .* an int in the range \[1, inf"),
        ({"cycle": 0}, "'cycle' .* 'auto' or an int in the range"),
        ({"estimator": MLP_R}, "which is not a classifier"),
        ({"estimator": LogisticRegression()}, "one training of a multilayer perceptron of skdl"),
        ({"estimator": SoftmaxClassifier(optimizer="adam")}, "one training of a multilayer perceptron of skdl"),
        ({"estimator": clone(MLP_C).set_callbacks(callbacks.EarlyStopping())}, "without callbacks"),
        ({"estimator": MLPClassifier(optimizer="lbfgs")}, "restarts the learning rate, and optimizer='lbfgs' has none"),
        ({"estimator": MLPClassifier(early_stopping=True)}, "Leave early_stopping='auto'"),
        ({"estimator": MLPClassifier(schedule="constant")}, "Leave schedule='auto' in its estimator. Got 'constant'"),
        ({"estimator": MLPClassifier(n_iter_no_change=3)}, "Leave n_iter_no_change=None"),
        ({"estimator": MLPClassifier(alpha=-1)}, "'alpha' parameter of MLPClassifier"),
    ],
)
def test_bad_parameters(params, message):
    ensemble = SnapshotEnsembleClassifier(**{"estimator": MLP_C, **params})
    with pytest.raises(ValueError, match=message):
        ensemble.fit(X, Y_CLASS)
    assert not hasattr(ensemble, "estimators_")
