"""Predictions held to the range of the training targets."""

import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.metrics import r2_score

import skdl
from skdl import BaggingRegressor, EnsembleRegressor, MLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
rng = np.random.default_rng(0)
X = rng.normal(size=(100, 3))
Y = np.c_[3 * X[:, 0] - 7, X[:, 1] * X[:, 2] + 1e3]
FAR = np.r_[100 * X, X]
CLIPPED = MLPRegressor(  # whose inputs are as they are, so that far ones are far
    (8,), activation="identity", encoding=None, clip_predictions=True, max_iter=5, random_state=0
)


def unclipped(network):
    return clone(network).set_params(clip_predictions=False)


@pytest.mark.parametrize("y", [Y, Y[:, 0]])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_predictions_end_at_the_smallest_and_the_largest_target(y, dtype):
    network = clone(CLIPPED).set_params(early_stopping=False).fit(X.astype(dtype), y.astype(dtype))
    free = unclipped(network).fit(X.astype(dtype), y.astype(dtype))
    found, expected = network.predict(FAR.astype(dtype)), free.predict(FAR.astype(dtype))
    low, high = y.astype(dtype).min(axis=0), y.astype(dtype).max(axis=0)
    np.testing.assert_array_equal(found, np.clip(expected, low, high))
    assert found.dtype == expected.dtype == dtype
    assert (found.min(axis=0) == low).all()  # exactly: some are outside
    assert (found.max(axis=0) == high).all()
    np.testing.assert_array_equal(network.y_min_, np.atleast_1d(low))
    np.testing.assert_array_equal(network.y_max_, np.atleast_1d(high))
    assert np.isinf(free.y_min_).all()
    for got, due in zip(network.coefs_, free.coefs_, strict=True):
        np.testing.assert_array_equal(got, due)  # training has no part in it


def test_rows_of_weight_zero_are_absent():
    weight = (Y[:, 0] < -5).astype(float)
    network = clone(CLIPPED).fit(X, Y[:, 0], sample_weight=weight)
    assert network.y_max_ == Y[weight > 0, 0].max()
    np.testing.assert_array_equal(
        network.predict(FAR), clone(CLIPPED).fit(X[weight > 0], Y[weight > 0, 0]).predict(FAR)
    )


def test_later_targets_widen_the_range():
    network = clone(CLIPPED).partial_fit(X[:50], np.clip(Y[:50], -8, 1e3))
    network.partial_fit(X[50:], np.maximum(Y[50:], -8))
    np.testing.assert_array_equal(network.y_min_, [-8, np.minimum(Y[:50, 1], 1e3).min().clip(max=Y[50:, 1].min())])
    assert network.y_max_[0] == Y[50:, 0].max()
    whole = clone(CLIPPED).set_params(early_stopping=False).fit(X, Y)
    steps = clone(CLIPPED)
    for _ in range(5):
        steps.partial_fit(X, Y)
    np.testing.assert_array_equal(steps.predict(FAR), whole.predict(FAR))


def test_files_keep_the_range(tmp_path):
    import skops.io

    network = clone(CLIPPED).fit(X, Y)
    expected = network.predict(FAR)
    network.save_checkpoint(tmp_path / "clipped.npz")
    np.testing.assert_array_equal(clone(CLIPPED).load_checkpoint(tmp_path / "clipped.npz").predict(FAR), expected)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(network)).predict(FAR), expected)
    loaded = skops.io.loads(skops.io.dumps(network), trusted=skdl.trusted_types())
    np.testing.assert_array_equal(loaded.predict(FAR), expected)


@pytest.mark.parametrize(
    "ensemble",
    [BaggingRegressor(CLIPPED, 3), EnsembleRegressor(estimator=CLIPPED, n_estimators=3, share="batch_ensemble")],
)
def test_members_of_ensembles_are_clipped_one_by_one(ensemble):
    y = Y[:, 0]
    fitted = clone(ensemble).set_params(random_state=0).fit(X, y)
    free = clone(ensemble).set_params(random_state=0, estimator=unclipped(CLIPPED)).fit(X, y)
    members = free.predict_members(FAR)
    assert (members.max(axis=1) > y.max()).all()
    np.testing.assert_array_equal(fitted.predict_members(FAR), np.clip(members, y.min(), y.max()))
    np.testing.assert_allclose(fitted.predict(FAR), np.clip(members, y.min(), y.max()).mean(axis=0), rtol=1e-12)


@pytest.mark.parametrize("scoring", [None, "r2"])
def test_validation_scores_are_those_of_what_is_predicted(scoring):
    network = clone(CLIPPED).set_params(scoring=scoring, dtype="float64", n_iter_no_change=np.inf)
    network.set_params(early_stopping=False).fit(X, Y, X_val=FAR, y_val=np.r_[Y, Y])
    predicted = network.predict(FAR)
    assert network.best_validation_score_ == pytest.approx(r2_score(np.r_[Y, Y], predicted))


def test_a_link_comes_first():
    counts = rng.poisson(np.exp(X[:, 0])).astype(float)
    network = clone(CLIPPED).set_params(loss="poisson").fit(X, counts)
    free = unclipped(network).fit(X, counts)
    np.testing.assert_array_equal(network.predict(X * 5), np.clip(free.predict(X * 5), counts.min(), counts.max()))
