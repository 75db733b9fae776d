"""Averages of what is equal are exactly that, and others lie between what they average."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.dummy import DummyRegressor

from skdl import (
    BaggingRegressor,
    EnsembleRegressor,
    KNNRegressor,
    LeastSquaresRegressor,
    MLPRegressor,
    SnapshotEnsembleRegressor,
)
from skdl.ensemble._running_mean import RunningMean

rng = np.random.default_rng(0)
X = rng.normal(size=(120, 4))
CONSTANT = np.full(120, 0.1)
NETWORK = MLPRegressor((4,), max_iter=3, random_state=0)
COUNTS = pytest.mark.parametrize("k", [3, 7, 10])


def check_exact(model):
    """A constant target, alone and beside one that is not."""
    fitted = model.fit(X, CONSTANT)
    assert_array_equal(fitted.predict(X + 0.1), CONSTANT)
    assert fitted.score(X + 0.1, CONSTANT) == 1
    if hasattr(model, "predict_uncertainty"):
        assert not fitted.predict_uncertainty(X + 0.1).to_numpy().any()
    assert getattr(fitted, "oob_score_", 1) == 1
    both = model.fit(X, np.column_stack([X[:, 0], CONSTANT]))
    assert_array_equal(both.predict(X + 0.1)[:, 1], CONSTANT)


@COUNTS
def test_constant_targets_of_ensembles(k):
    check_exact(BaggingRegressor(NETWORK, k, random_state=0))
    check_exact(EnsembleRegressor(estimator=LeastSquaresRegressor(), n_estimators=k))
    check_exact(EnsembleRegressor(estimator=LeastSquaresRegressor(), n_estimators=k, weights=[0.1] * k))
    check_exact(EnsembleRegressor(estimator=NETWORK, n_estimators=k, share="batch_ensemble", random_state=0))
    check_exact(SnapshotEnsembleRegressor(NETWORK, k))


def test_constant_targets_out_of_bag():
    bagging = BaggingRegressor(LeastSquaresRegressor(), 30, oob_score=True, random_state=0)
    check_exact(bagging)
    assert_array_equal(bagging.oob_prediction_[:, 1], CONSTANT)


@COUNTS
@pytest.mark.parametrize("weights", ["uniform", "distance", lambda d: d * (np.arange(d.shape[1]) > 0)])
def test_constant_targets_of_neighbours(k, weights):
    check_exact(KNNRegressor(k, weights=weights))


def test_neighbours_without_votes_have_no_say():
    y = np.array([7.0, 0.1, 0.1, 0.1])
    model = KNNRegressor(4, weights=lambda d: d).fit([[0.0], [1.0], [2.0], [4.0]], y)
    assert model.predict([[0.0]]) == [0.1]


def test_a_mean_that_stands_in_for_votes_is_exact():
    model = KNNRegressor(3, weights=np.zeros_like).fit(X[:7], CONSTANT[:7])
    with pytest.warns(UserWarning, match="votes of weight zero"):
        assert_array_equal(model.predict(X), CONSTANT)


def test_ordinary_means_keep_their_bits():
    values, weights = rng.normal(size=(5, 100)), rng.random(5)
    mean, total = RunningMean(weights), 0
    for weight, each in zip(weights, values, strict=True):
        mean.add(float(weight), each)
        total = total + float(weight) * each
    assert_array_equal(mean.result(), total / float(weights.sum()))
    assert_allclose(mean.result(), np.average(values, axis=0, weights=weights), rtol=1e-13)


def members(*constants):
    return [(f"m{j}", DummyRegressor(strategy="constant", constant=c)) for j, c in enumerate(constants)]


def test_huge_means_and_members_that_are_not_numbers():
    """The mean of what is infinite is infinite, and of what is no number none."""
    huge = EnsembleRegressor(members(1.7e308, 1.5e308, 1.6e308)).fit(X, CONSTANT)
    assert_allclose(huge.predict(X), 1.6e308, rtol=1e-15)
    for value in (np.inf, -np.inf, np.nan):
        for order in ([1.0, value, 2.0], [value, 1.0, 2.0]):
            mean = RunningMean(np.ones(3))
            for each in order:
                mean.add(1.0, np.array([each, 5.0]))
            assert_array_equal(mean.result(), [value, 5.0])


def test_float32_stays_float32():
    mean = RunningMean(np.ones(3))
    for _ in range(3):
        mean.add(1.0, np.full(4, 0.1, np.float32))
    assert mean.result().dtype == np.float32
    assert_array_equal(mean.result(), np.float32(0.1))
