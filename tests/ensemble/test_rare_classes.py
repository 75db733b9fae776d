"""Samples that lack a class: whatever a member makes of them, the ensemble is fitted."""

import warnings

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import SVC, LinearSVC
from sklearn.tree import DecisionTreeClassifier

from skdl import BaggingClassifier, BaggingRegressor, KNNClassifier, MLPClassifier, SoftmaxClassifier

rng = np.random.default_rng(0)
X = rng.normal(size=(200, 4))
RARE = np.where(np.arange(200) < 4, "rare", "usual")  # a bag of 200 rows lacks the rare class with probability 0.018
SINGLE = np.where(np.arange(200) < 1, "rare", "usual")  # and this one with 0.37
THREE = np.where(np.arange(200) < 1, "a", np.where(X[:, 0] > 0, "b", "c"))


def lacks_some(seed):
    samples = BaggingClassifier(GaussianNB(), 6, random_state=seed).fit(X, SINGLE).estimators_samples_
    return 2 <= sum(0 in rows for rows in samples) <= 4


SEED = next(filter(lacks_some, range(20)))  # with some bags that lack the class, and some that do not


class NoWeights(LogisticRegression):
    def fit(self, X, y):
        return super().fit(X, y)


class Positions(ClassifierMixin, BaseEstimator):
    """Takes labels 0, 1, ... without a gap only, as some libraries of boosted trees do."""

    def fit(self, X, y, sample_weight=None):
        labels = np.unique(y)
        if not np.array_equal(labels, np.arange(len(labels))):
            raise ValueError(f"Invalid classes {labels}")
        self.classes_, self.weight_ = labels, np.ones(len(y)) if sample_weight is None else sample_weight
        self.shares_ = np.bincount(y, self.weight_) / self.weight_.sum()
        return self

    def predict_proba(self, X):
        return np.tile(self.shares_, (len(X), 1))

    def predict(self, X):
        return self.classes_[self.predict_proba(X).argmax(axis=1)]


@pytest.mark.parametrize(
    "member",
    [LogisticRegression(), NoWeights(), SVC(), LinearSVC(), LinearDiscriminantAnalysis(), KNeighborsClassifier(3),
     DecisionTreeClassifier(max_depth=2), GaussianNB(), KNNClassifier(3), SoftmaxClassifier(),
     MLPClassifier((3,), max_iter=15)],
    ids=lambda member: type(member).__name__,
)  # fmt: skip
@pytest.mark.parametrize("y", [SINGLE, THREE], ids=["two", "three"])
def test_members_of_any_kind(member, y):
    ensemble = BaggingClassifier(member, 6, random_state=SEED)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"\d of 6 members: the sample has rows of class")
        ensemble.fit(X, y)
    lacking = [0 not in rows for rows in ensemble.estimators_samples_]
    assert any(lacking)
    assert not all(lacking)
    members = ensemble.predict_members(X)
    assert members.shape == (6, 200, len(np.unique(y)))
    assert_allclose(members.sum(axis=2), 1, rtol=1e-6)
    learned_by_rows = not isinstance(member, (SoftmaxClassifier, MLPClassifier))
    for fitted, lacks, rows, output in zip(
        ensemble.estimators_, lacking, ensemble.estimators_samples_, members, strict=True
    ):
        if lacks and learned_by_rows:
            assert (output[:, 0] < 0.01).all()
        if type(fitted) is DummyClassifier:
            assert lacks
            assert (output[:, 1] == 1).all()
        elif learned_by_rows and not (lacks and len(fitted.classes_) == len(ensemble.classes_)):
            lone = clone(fitted).fit(X[rows], y[rows])  # the drawn rows, as they are
            assert_array_equal(lone.predict(X), fitted.predict(X))
    assert np.mean(ensemble.predict(X) == y) > 0.6
    if hasattr(ensemble, "decision_function"):
        scores = ensemble.decision_function(X)
        assert scores.shape == ((200,) if y is SINGLE else (200, 3))
        assert np.isfinite(scores).all()


@pytest.mark.parametrize("seed", range(10))
def test_four_rows_of_two_hundred(seed):
    ensemble = BaggingClassifier(LogisticRegression(), 50, oob_score=True, random_state=seed).fit(X, RARE)
    lacking = [not np.isin(np.arange(4), rows).any() for rows in ensemble.estimators_samples_]
    for fitted, lacks, rows in zip(ensemble.estimators_, lacking, ensemble.estimators_samples_, strict=True):
        assert fitted.classes_.tolist() == ["rare", "usual"]
        if lacks:  # all rows, weighted by the times that each was drawn
            lone = clone(fitted).fit(X, RARE, sample_weight=np.bincount(rows, minlength=200))
            assert_array_equal(lone.coef_, fitted.coef_)
    assert ensemble.oob_decision_function_.shape == (200, 2)
    assert_allclose(ensemble.oob_decision_function_.sum(axis=1), 1)


def test_what_a_member_cannot_learn_is_said_once():
    with pytest.warns(UserWarning, match="of 6 members: the sample has rows of class 'usual' alone, which SVC") as told:
        ensemble = BaggingClassifier(SVC(), 6, random_state=SEED).fit(X, SINGLE)
    assert len(told) == 1
    constant = [member for member in ensemble.estimators_ if isinstance(member, DummyClassifier)]
    assert str(told[0].message).startswith(f"{len(constant)} of 6 members: ")
    assert told[0].filename == __file__
    lacking = sum(0 not in rows for rows in ensemble.estimators_samples_)
    assert len(constant) == lacking


def test_labels_without_a_gap():
    codes = np.where(np.arange(200) < 1, 1, np.where(X[:, 0] > 0, 0, 2))
    ensemble = BaggingClassifier(Positions(), 6, random_state=SEED).fit(X, codes)
    for output, rows in zip(ensemble.predict_members(X), ensemble.estimators_samples_, strict=True):
        assert_allclose(output[0], np.bincount(codes[rows], minlength=3) / 200)


class ReturnsNothing(DecisionTreeClassifier):
    def fit(self, X, y):
        super().fit(X, y)


def test_what_a_fit_returns_does_not_matter():
    ensemble = BaggingClassifier(ReturnsNothing(max_depth=2), 6, random_state=SEED).fit(X, SINGLE)
    assert {type(member) for member in ensemble.estimators_} == {ReturnsNothing}


def test_errors_of_members_are_not_hidden():
    with pytest.raises(ValueError, match="'C' parameter of LogisticRegression"):
        BaggingClassifier(LogisticRegression(C=-1), 6, random_state=SEED).fit(X, SINGLE)
    with pytest.raises(ValueError, match="NaN"):
        BaggingClassifier(LogisticRegression(), 6, random_state=SEED).fit(np.where(X > 2, np.nan, X), SINGLE)
    with pytest.raises(ValueError, match="at least 2 classes"):
        BaggingClassifier(LogisticRegression(), 3).fit(X, ["usual"] * 200)


def test_few_rows_a_member():
    labels = np.array(["a", "b"])[(X[:, 0] > 0).astype(int)]
    ensemble = BaggingClassifier(LogisticRegression(), 40, max_samples=2, random_state=0).fit(X, labels)
    assert ensemble.score(X, labels) > 0.7
    regressor = BaggingRegressor(LinearRegression(), 5, max_samples=1, random_state=0).fit(X, X[:, 0])
    drawn = [X[rows, 0] for rows in regressor.estimators_samples_]
    assert_allclose(regressor.predict(X[:1]), np.mean(drawn))


def test_a_frame_with_weights_and_a_pipeline_of_its_own():
    frame = pd.DataFrame(X, columns=list("abcd"))
    weight = np.where(np.arange(200) < 1, 0.5, 1.0)
    ensemble = BaggingClassifier(LogisticRegression(), 6, max_samples=None, random_state=SEED)
    ensemble.fit(frame, SINGLE, sample_weight=weight)
    assert [member.feature_names_in_.tolist() for member in ensemble.estimators_] == [list("abcd")] * 6
    assert ensemble.predict_proba(frame).shape == (200, 2)
