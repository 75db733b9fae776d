"""Weights of rows and of members on any scale: what ratios decide has the bits that it has for ordinary weights."""

import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from skdl import BaggingClassifier, BaggingRegressor, EnsembleClassifier, EnsembleRegressor, MLPClassifier, MLPRegressor

rng = np.random.default_rng(0)
X = rng.normal(size=(60, 3))
Y = np.array(["a", "b"])[(X[:, 0] > 0).astype(int)]
REAL = X[:, 0] * 3 + 1
COUNTS = rng.integers(0, 4, 60).astype(float)
MLP = MLPClassifier((4,), max_iter=3)
LARGEST = 2.0**1021  # times 3 is below the largest float; the sum of the weights is not


@pytest.mark.parametrize("scale", [LARGEST, 2.0**-1060, 2.0**25], ids=["largest", "subnormal", "3e7"])
@pytest.mark.parametrize("max_samples", [40, None])
@pytest.mark.parametrize(("bagging", "member", "y"), [
    (BaggingClassifier, MLP, Y), (BaggingClassifier, DecisionTreeClassifier(), Y),
    (BaggingRegressor, MLPRegressor((4,), max_iter=3), REAL), (BaggingRegressor, DecisionTreeRegressor(), REAL),
])  # fmt: skip
def test_a_power_of_two_changes_no_bit_of_a_bag(scale, max_samples, bagging, member, y):
    ordinary = bagging(member, 3, max_samples=max_samples, oob_score=True, random_state=0)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*in the bag of every member")
        wild = clone(ordinary).fit(X, y, COUNTS * scale)
        ordinary.fit(X, y, COUNTS)
    assert_array_equal(wild.estimators_samples_, ordinary.estimators_samples_)
    assert_array_equal(wild.predict_members(X), ordinary.predict_members(X))
    assert wild.oob_score_ == ordinary.oob_score_
    assert np.isfinite(wild.oob_score_)
    assert_array_equal(wild.member_correlation_, ordinary.member_correlation_)
    assert_array_equal(wild.error_decomposition(X, y, COUNTS * scale), ordinary.error_decomposition(X, y, COUNTS))


@pytest.mark.parametrize("weight", [1e308, 3e7, 101.0])
def test_weights_of_another_scale_are_no_counts(weight):
    ensemble = BaggingRegressor(DecisionTreeRegressor(), 3, max_samples=0.5, random_state=0)
    with pytest.warns(UserWarning, match=r"The fraction of the 60 rows is used instead.*or None") as told:
        ensemble.fit(X, REAL, np.full(60, weight))
    assert len(told) == 1
    assert told[0].filename == __file__
    plain = BaggingRegressor(DecisionTreeRegressor(), 3, max_samples=0.5, random_state=0).fit(X, REAL)
    assert_array_equal(ensemble.estimators_samples_, plain.estimators_samples_)


def test_counts_up_to_a_hundred_a_row_are_counts():
    few = rng.integers(50, 100, 12)
    weighted = BaggingRegressor(DecisionTreeRegressor(), 2, random_state=0).fit(X[:12], REAL[:12], few)
    rows = np.repeat(np.arange(12), few)
    repeated = BaggingRegressor(DecisionTreeRegressor(), 2, random_state=0).fit(X[rows], REAL[rows])
    for one, other in zip(weighted.estimators_samples_, repeated.estimators_samples_, strict=True):
        assert_array_equal(one, rows[other])


def test_no_weights_are_the_rows_that_have_none():
    weight = np.where(np.arange(60) % 3 == 0, 0.0, 0.25)
    bagged = BaggingRegressor(DecisionTreeRegressor(), 2, max_samples=None, random_state=0).fit(X, REAL, weight)
    kept = np.flatnonzero(weight)
    alone = BaggingRegressor(DecisionTreeRegressor(), 2, max_samples=None, random_state=0).fit(X[kept], REAL[kept])
    assert_array_equal(bagged.estimators_samples_, kept[np.array(alone.estimators_samples_)])


@pytest.mark.parametrize("weight", [np.array([-1.0] * 60), np.full(60, np.nan), np.full(60, np.inf), np.zeros(60)])
@pytest.mark.parametrize("ensemble", [BaggingClassifier(MLP, 2), EnsembleClassifier(estimator=MLP, n_estimators=2)])
def test_what_are_no_weights(ensemble, weight):
    with pytest.raises(ValueError, match="sample_weight"):
        clone(ensemble).fit(X, Y, weight)


@pytest.mark.parametrize("scale", [2.0**1022, 2.0**-1070], ids=["largest", "subnormal"])
def test_member_weights_on_any_scale(scale):
    weights = np.array([1.0, 3.0, 2.0])
    members = {"estimator": MLP, "n_estimators": 3, "random_state": 0}
    wild = EnsembleClassifier(**members, weights=weights * scale).fit(X, Y)
    ordinary = EnsembleClassifier(**members, weights=weights).fit(X, Y)
    assert_array_equal(wild.predict_proba(X), ordinary.predict_proba(X))
    assert_allclose(wild.predict_proba(X), np.average(wild.predict_members(X), axis=0, weights=weights), rtol=1e-12)
    assert_array_equal(wild.predict_uncertainty(X), ordinary.predict_uncertainty(X))
    assert_array_equal(wild.error_decomposition(X, Y), ordinary.error_decomposition(X, Y))
    members["estimator"] = MLPRegressor((4,), max_iter=3)
    wild = EnsembleRegressor(**members, weights=weights * scale).fit(X, REAL)
    ordinary = EnsembleRegressor(**members, weights=weights).fit(X, REAL)
    assert_array_equal(wild.predict(X), ordinary.predict(X))
    assert_array_equal(wild.predict_uncertainty(X), ordinary.predict_uncertainty(X))


@pytest.mark.parametrize("choice", ["validation", "greedy"])
def test_chosen_weights_of_members_by_rows_on_any_scale(choice):
    members = [(f"m{j}", clone(MLP).set_params(random_state=j).fit(X, Y)) for j in range(3)]
    ensembles = [
        EnsembleClassifier(members, prefit=True, weights=choice).fit(X, Y, sample_weight=COUNTS * scale)
        for scale in (1.0, LARGEST)
    ]
    assert_array_equal(ensembles[1].weights_, ensembles[0].weights_)


@pytest.mark.parametrize("scale", [LARGEST, 2.0**-1060], ids=["largest", "subnormal"])
def test_scores_by_weights_on_any_scale(scale):
    classifier = BaggingClassifier(MLP, 2, random_state=0).fit(X, Y)
    assert classifier.score(X, Y, COUNTS * scale) == classifier.score(X, Y, COUNTS)
    assert_allclose(classifier.score(X, Y, COUNTS), np.average(classifier.predict(X) == Y, weights=COUNTS))
    regressor = BaggingRegressor(MLPRegressor((4,), max_iter=3), 2, random_state=0).fit(X, REAL)
    assert regressor.score(X, REAL, COUNTS * scale) == regressor.score(X, REAL, COUNTS)
    with pytest.raises(ValueError, match="sample_weight"):
        classifier.score(X, Y, -COUNTS)
