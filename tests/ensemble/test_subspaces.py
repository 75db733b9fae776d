"""Bagging over columns, and the habits of a list of members: compared with scikit-learn and with lone fits."""

import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from plain import PLAIN
from scipy import sparse
from scipy.special import expit, softmax
from sklearn.base import BaseEstimator, clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from skdl import (
    BaggingClassifier,
    BaggingRegressor,
    EnsembleClassifier,
    MLPClassifier,
    MLPRegressor,
    SnapshotEnsembleRegressor,
    SoftmaxClassifier,
)
from skdl.execution import train_members
from skdl.neural import refitting
from skdl.neural.refitting import train_fits
from skdl.neural.trainable import trainable

pytestmark = pytest.mark.usefixtures("threads_for_the_smallest")

rng = np.random.default_rng(0)
X = rng.normal(size=(120, 6)).round(2)
Y = np.array(list("abc"))[np.digitize(X[:, 0] + X[:, 1], [-0.7, 0.7])]
REAL = X @ [1.0, 2.0, 3.0, 0.0, 0.0, -1.0]
MLP_C = MLPClassifier((6,), max_iter=3)
MLP_R = MLPRegressor((6,), max_iter=3)
NAMES = list("pqrstu")


@pytest.mark.parametrize(("max_features", "n"), [(1.0, 6), (0.5, 3), (4, 4), (0.01, 1), (0.34, 2)])
@pytest.mark.parametrize("bootstrap_features", [False, True])
def test_how_many_columns(max_features, n, bootstrap_features):
    ensemble = BaggingRegressor(
        LinearRegression(), 4, max_features=max_features, bootstrap_features=bootstrap_features, random_state=0
    )
    for columns, member in zip(ensemble.fit(X, REAL).estimators_features_, ensemble.estimators_, strict=True):
        assert len(columns) == member.n_features_in_ == n
        assert bootstrap_features or len(np.unique(columns)) == n
    assert ensemble.n_features_in_ == 6
    with pytest.raises(ValueError, match="max_features=7 must be at most the 6 columns"):
        ensemble.set_params(max_features=7).fit(X, REAL)


def test_every_column_is_as_likely():
    ensemble = BaggingRegressor(LinearRegression(), 300, max_features=2, random_state=0).fit(X, REAL)
    counts = np.bincount(np.concatenate(ensemble.estimators_features_), minlength=6)
    assert ((counts - 100) ** 2 / 100).sum() * 5 / 4 < 20.5  # chi2 of 5 degrees, 99.9 %, drawn without replacement


@pytest.mark.parametrize("bootstrap_features", [False, True])
@pytest.mark.parametrize(("bagging", "network", "y"), [
    (BaggingClassifier, MLP_C, Y), (BaggingRegressor, MLP_R, REAL), (BaggingClassifier, SoftmaxClassifier(), Y),
    (BaggingClassifier, clone(MLP_C).set_params(**PLAIN), Y),
])  # fmt: skip
def test_networks_of_columns_are_one_stack_and_equal_their_own_fits(
    bagging, network, y, bootstrap_features, monkeypatch
):
    calls = []
    monkeypatch.setattr(refitting, "train_members", lambda tasks, n: calls.append(tasks) or train_members(tasks, n))
    ensemble = bagging(network, 4, max_features=3, bootstrap_features=bootstrap_features, random_state=0).fit(X, y)
    assert len(calls) == (2 if network in (MLP_C, MLP_R) else 1)  # with a trial, and without one
    assert all(len({task.structure for task in tasks}) == 1 for tasks in calls)
    for member, rows, columns, output in zip(
        ensemble.estimators_, ensemble.estimators_samples_, ensemble.estimators_features_, ensemble.predict_members(X),
        strict=True,
    ):  # fmt: skip
        lone = clone(member)
        fit = trainable(lone)
        data = fit.prepare(X[:, columns], y, n_rows=len(rows))
        task = fit.spec(data, index=rows)
        [(task, outcome)] = train_fits([fit], [data], [task], rows=[rows])
        fit.store(task, data, outcome)
        answer = lone.predict_proba if y is Y else lone.predict
        assert_array_equal(output, answer(X[:, columns]))


@pytest.mark.parametrize("bootstrap_features", [False, True])
@pytest.mark.parametrize("kind", ["array", "csr", "pandas", "polars"])
def test_other_members_are_fitted_to_their_rows_and_columns(kind, bootstrap_features):
    table = {"array": X, "csr": sparse.csr_array(X), "pandas": pd.DataFrame(X, columns=NAMES)}
    table["polars"] = pl.from_pandas(table["pandas"])
    tree = DecisionTreeClassifier(max_depth=3)
    params = {"max_features": 3, "bootstrap_features": bootstrap_features, "oob_score": True, "random_state": 0}
    ensemble = BaggingClassifier(tree, 30, **params).fit(table[kind], Y)
    outputs = ensemble.predict_members(table[kind])
    total, count = np.zeros((120, 3)), np.zeros((120, 1))
    for member, rows, columns, output in zip(
        ensemble.estimators_, ensemble.estimators_samples_, ensemble.estimators_features_, outputs, strict=True
    ):
        lone = clone(member).fit(X[rows][:, columns], Y[rows])
        assert_array_equal(output, lone.predict_proba(X[:, columns]))
        unseen = np.setdiff1d(np.arange(120), rows)
        total[unseen] += output[unseen]
        count[unseen] += 1
    assert_allclose(ensemble.oob_decision_function_, total / count)


@pytest.mark.parametrize("to_frame", [lambda frame: frame, pl.from_pandas], ids=["pandas", "polars"])
@pytest.mark.parametrize("member", [MLP_C, DecisionTreeClassifier(max_depth=2)], ids=["network", "tree"])
def test_members_learn_the_names_of_their_columns(to_frame, member):
    frame = to_frame(pd.DataFrame(X, columns=NAMES))
    ensemble = BaggingClassifier(member, 5, max_features=3, random_state=0).fit(frame, Y)
    for fitted, columns in zip(ensemble.estimators_, ensemble.estimators_features_, strict=True):
        assert fitted.feature_names_in_.tolist() == [NAMES[j] for j in columns]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        probabilities = ensemble.predict_proba(frame)
    with pytest.warns(UserWarning, match="valid feature names") as told:
        assert_array_equal(ensemble.predict_proba(X), probabilities)
    assert len(told) == 1
    twice = BaggingClassifier(member, 5, max_features=6, bootstrap_features=True, random_state=0).fit(frame, Y)
    for fitted, columns in zip(twice.estimators_, twice.estimators_features_, strict=True):
        names = fitted.feature_names_in_.tolist()
        assert len(set(names)) == 6
        assert [name.split("_")[0] for name in names] == [NAMES[j] for j in columns]


def test_all_columns_change_no_bit_and_a_longer_ensemble_keeps_its_members():
    plain = BaggingClassifier(MLP_C, 3, random_state=0).fit(X, Y)
    assert_array_equal(plain.estimators_features_, [np.arange(6)] * 3)
    halves = BaggingClassifier(MLP_C, 3, max_features=0.5, random_state=0).fit(X, Y)
    assert_array_equal(halves.estimators_samples_, plain.estimators_samples_)
    grown = BaggingClassifier(MLP_C, 1, max_features=0.5, warm_start=True, random_state=0).fit(X, Y)
    grown.set_params(n_estimators=3).fit(X, Y)
    assert_array_equal(grown.estimators_features_, halves.estimators_features_)
    assert_array_equal(grown.predict_members(X), halves.predict_members(X))
    jobs = BaggingClassifier(MLP_C, 3, max_features=0.5, n_jobs=2, random_state=0).fit(X, Y)
    assert_array_equal(jobs.predict_members(X), halves.predict_members(X))


@pytest.mark.parametrize("y", [Y, np.where(Y == "a", "a", "b")], ids=["three", "two"])
@pytest.mark.parametrize("member", [SVC(), make_pipeline(StandardScaler(), SVC())], ids=["margins", "pipeline"])
def test_decision_function_is_the_mean_of_margins(member, y):
    ensemble = BaggingClassifier(member, 4, max_features=4, random_state=0).fit(X, y)
    pairs = list(zip(ensemble.estimators_, ensemble.estimators_features_, strict=True))
    expected = np.mean([fitted.decision_function(X[:, columns]) for fitted, columns in pairs], axis=0)
    assert_allclose(ensemble.decision_function(X), expected)


@pytest.mark.parametrize("y", [Y, np.where(Y == "a", "a", "b")], ids=["three", "two"])
@pytest.mark.parametrize("member", [LogisticRegression(), MLP_C, SoftmaxClassifier()])
def test_decision_function_agrees_with_the_probabilities(member, y):
    ensemble = BaggingClassifier(member, 4, max_features=4, random_state=0).fit(X, y)
    mean, scores = ensemble.predict_members(X).mean(axis=0), ensemble.decision_function(X)
    if y is Y:
        assert_allclose(softmax(scores, axis=1), mean, rtol=1e-6)
    else:
        assert_allclose(expit(scores), mean[:, 1], rtol=1e-6)
    assert not hasattr(BaggingClassifier(DecisionTreeClassifier()), "decision_function")


def test_a_list_of_members():
    template = LinearRegression()
    for ensemble in (
        BaggingRegressor(template, 4, random_state=0),
        SnapshotEnsembleRegressor(MLPRegressor((3,), max_iter=4), 4, random_state=0),
    ):
        with pytest.raises(NotFittedError):
            len(ensemble)
        with pytest.raises(NotFittedError):
            ensemble[0]
        ensemble.fit(X, REAL)
        assert len(ensemble) == 4
        assert ensemble[1] is ensemble.estimators_[1]
        assert ensemble[-2:] == ensemble.estimators_[-2:]
        assert list(ensemble) == ensemble.estimators_
    bagging = BaggingRegressor(template, 2, random_state=0).fit(X, REAL)
    assert bagging.estimator_ is template
    assert type(BaggingClassifier(n_estimators=1).fit(X[:40], Y[:40]).estimator_) is MLPClassifier


class Plain:
    """No base class of scikit-learn: parameters, fit and predict."""

    def __init__(self, bias=0.0):
        self.bias = bias

    def get_params(self, deep=True):
        return {"bias": self.bias}

    def set_params(self, **params):
        vars(self).update(params)
        return self

    def fit(self, X, y):
        self.values_, counts = np.unique(y, return_counts=True)
        self.shares_ = counts / counts.sum()
        return self

    def predict(self, X):
        return np.full(len(X), self.values_[self.shares_.argmax()])


class PlainWithProbabilities(Plain):
    def predict_proba(self, X):
        return np.tile(self.shares_, (len(X), 1))


class WithoutMixin(BaseEstimator):
    def fit(self, X, y):
        self.line_ = LogisticRegression().fit(X, y)
        self.classes_ = self.line_.classes_
        return self

    def predict(self, X):
        return self.line_.predict(X)

    def predict_proba(self, X):
        return self.line_.predict_proba(X)


@pytest.mark.parametrize(
    "member", [Plain(), PlainWithProbabilities(), WithoutMixin(), make_pipeline(StandardScaler(), WithoutMixin())]
)
def test_members_without_a_mixin(member):
    bagging = BaggingClassifier(member, 3, random_state=0).fit(X, Y)
    assert bagging.predict_proba(X).shape == (120, 3)
    named = EnsembleClassifier([("own", member), ("usual", LogisticRegression())], voting="hard").fit(X, Y)
    assert set(named.predict(X)) <= set("abc")
    with pytest.raises(ValueError, match="which is not a classifier"):
        BaggingClassifier(LinearRegression()).fit(X, Y)
    numbers = BaggingRegressor(Plain(), 3, random_state=0).fit(X, np.round(REAL))
    assert numbers.predict(X).shape == (120,)


def test_frames_whose_columns_have_no_names_stay_frames():
    frame = pd.DataFrame(X)  # columns 0, 1, ...
    first = FunctionTransformer(lambda table: table[[0, 2]].to_numpy())
    ensemble = BaggingClassifier(make_pipeline(first, LogisticRegression()), 3, random_state=0).fit(frame, Y)
    for output, rows in zip(ensemble.predict_members(frame), ensemble.estimators_samples_, strict=True):
        lone = LogisticRegression().fit(X[rows][:, [0, 2]], Y[rows])
        assert_array_equal(output, lone.predict_proba(X[:, [0, 2]]))
