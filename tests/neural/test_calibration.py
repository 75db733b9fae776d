"""Factors of the raw scores: against scipy's minimisation, and what they do to rows that were not seen."""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from plain import FULLY_PLAIN, PLAIN
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax
from sklearn.base import clone
from sklearn.datasets import make_classification
from sklearn.metrics import log_loss

from skdl import MLPClassifier, MLPRegressor, SoftmaxClassifier
from skdl.neural._calibration import LEAST, MOST, Shrinkage, Temperature
from skdl.optimizers import SGD

rng = np.random.default_rng(0)


def labels_of(scores, temperature):
    """Labels with the probabilities that scores have at a temperature."""
    return (scores / temperature + rng.gumbel(size=scores.shape)).argmax(axis=1)


@pytest.mark.parametrize("n_classes", [2, 5])
@pytest.mark.parametrize("temperature", [0.7, 1.0, 3.0])
@pytest.mark.parametrize("weighted", [False, True])
def test_the_temperature_has_the_least_cross_entropy(n_classes, temperature, weighted):
    scores = 4 * rng.normal(size=(300, n_classes))
    targets = np.eye(n_classes)[labels_of(scores, temperature)]
    weight = rng.integers(1, 4, 300).astype(float) if weighted else np.ones(300)

    def loss(b):
        log_p = log_softmax(b * scores, axis=1)
        n_rows = weight.sum() ** 2 / (weight**2).sum()  # and more, as the docstring says
        labels = n_rows * targets + 1 / n_classes + 20 * softmax(scores, axis=1)
        return -weight @ (labels * log_p).sum(axis=1) / weight.sum()

    expected = minimize_scalar(loss, bounds=(LEAST, MOST), method="bounded", options={"xatol": 1e-10}).x
    found = Temperature(targets, weight)(scores)
    assert_allclose(found, np.full(n_classes, expected), rtol=1e-6)
    if n_classes == 2:  # one column of log odds
        assert_allclose(Temperature(targets[:, 1:], weight)(scores[:, 1:] - scores[:, :1]), found[:1], rtol=1e-12)
    assert_allclose(Temperature(targets, weight)(scores + rng.normal(size=(300, 1))), found, rtol=1e-9)
    if weighted:
        more = np.concatenate([targets, targets[:9]]), np.concatenate([3 * weight, np.zeros(9)])
        assert_allclose(Temperature(*more)(np.concatenate([scores, -scores[:9]])), found, rtol=1e-9)


def test_temperatures_at_the_ends_and_of_nothing():
    scores = np.array([[3.0, 0.0], [0.0, 2.0], [5.0, 1.0]])
    right, wrong, weight = np.eye(2)[[0, 1, 0]], np.eye(2)[[1, 0, 1]], np.ones(3)
    assert_array_equal(Temperature(right, weight)(scores / 1000), [MOST, MOST])
    assert (Temperature(right, weight)(3 * scores) < 1).all()  # three rows do not prove odds of 1 to 1000
    assert (Temperature(wrong, weight)(scores) > 0.4).all()  # nor that there is nothing to know
    many = np.tile(scores, (100, 1)), np.ones(300)
    assert_array_equal(Temperature(np.tile(wrong, (100, 1)), many[1])(many[0]), [LEAST, LEAST])
    assert_array_equal(Temperature(right, weight)(np.zeros((3, 2))), [1.0, 1.0])
    huge = Temperature(right, weight)(scores.astype(np.float32) * np.float32(1e30))
    assert np.isfinite(huge).all()


def test_the_shrinkage_has_the_least_squares():
    y = rng.normal(size=(200, 4))
    scores = np.column_stack([2 * y[:, 0] + rng.normal(size=200), -y[:, 1], 0.5 * y[:, 2], np.zeros(200)])
    weight = rng.uniform(0.1, 2, 200)
    found = Shrinkage(y, weight)(scores)
    expected = minimize_scalar(lambda s: weight @ (y[:, 0] - s * scores[:, 0]) ** 2, bounds=(0, 1), method="bounded").x
    assert_allclose(found, [expected, 0.0, 1.0, 1.0], atol=1e-5)
    assert_allclose(Shrinkage(1e200 * y, weight)(1e200 * scores), found, rtol=1e-12)


X, Y = make_classification(600, 20, n_informative=3, flip_y=0.3, random_state=0)


@pytest.mark.parametrize("stopping", [True, "refit"])
@pytest.mark.parametrize("labels", [Y, np.array(["a", "b", "c"])[Y + (X[:, 0] > 1)]], ids=["binary", "three"])
def test_probabilities_of_new_rows_are_better_at_the_temperature(stopping, labels):
    params = {"early_stopping": stopping, "validation_fraction": 0.3, "max_iter": 30, "random_state": 0}
    if stopping is True:
        params |= {"n_iter_no_change": np.inf, "scoring": "accuracy"}
    losses = [
        log_loss(labels[300:], MLPClassifier(**params, calibrate=on).fit(X[:300], labels[:300]).predict_proba(X[300:]))
        for on in (True, False)
    ]
    mlp = MLPClassifier(**params, calibrate=True).fit(X[:300], labels[:300])
    assert losses[0] < losses[1]
    assert mlp.temperature_ > 1
    assert MLPClassifier(**params, calibrate=False).fit(X, labels).temperature_ == 1


def test_own_validation_rows_scale_a_network_that_learns_all_others():
    params = {**PLAIN, "hidden_layer_sizes": (30,), "max_iter": 20, "n_iter_no_change": np.inf, "random_state": 0}
    params["label_smoothing"] = 0.0
    given = {"X_val": X[400:], "y_val": Y[400:]}
    plain = MLPClassifier(**params, scoring="loss").fit(X[:400], Y[:400], **given)
    scaled = MLPClassifier(**params, scoring="loss", calibrate=True).fit(X[:400], Y[:400], **given)
    assert scaled.loss_curve_ == plain.loss_curve_
    assert max(scaled.validation_scores_) > max(plain.validation_scores_)
    assert_allclose(-max(scaled.validation_scores_), log_loss(Y[400:], scaled.predict_proba(X[400:])), rtol=1e-5)
    raw = scaled.decision_function(X) * scaled.temperature_  # of the epoch that was kept
    at = [log_loss(Y[400:], 1 / (1 + np.exp(-b * raw[400:]))) for b in (0.7, 1.0, 1.4) / np.array(scaled.temperature_)]
    assert at[1] == min(at)


def test_noise_is_predicted_by_its_mean():
    X, y = rng.normal(size=(600, 8)), 5 + rng.normal(size=600)
    for seed in range(3):
        params = {**FULLY_PLAIN, "early_stopping": "refit", "validation_fraction": 0.25, "batch_size": 32}
        mlp = MLPRegressor(**params, random_state=seed).fit(X[:300], y[:300])
        assert -0.05 < mlp.score(X[300:], y[300:]) < 0.05
        assert 0 <= mlp.shrinkage_[0] < 0.3
        assert abs(mlp.predict(X).mean() - 5) < 0.2
    two = MLPRegressor((20,), **{**params, "max_iter": 10}, random_state=0)
    two.fit(X, np.column_stack([y, X[:, 0]]))
    assert two.shrinkage_[0] < 0.9 < two.shrinkage_[1]


def test_smoothed_labels_are_calibrated_as_they_are():
    mlp = MLPClassifier((30,), early_stopping="refit", label_smoothing=0.2, max_iter=10, random_state=0).fit(
        X, X[:, 0] > 0
    )
    assert mlp.temperature_ < 1


@pytest.mark.parametrize(
    ("network", "y"),
    [
        (MLPRegressor(loss="huber"), X[:, 0]),
        (MLPRegressor(standardize_target=False), X[:, 0]),
        (MLPRegressor(loss="poisson"), np.abs(X[:, 0])),
        (MLPClassifier(), np.column_stack([Y, 1 - Y, X[:, 0] > 0]).astype(int)),
        (MLPClassifier(), np.column_stack([Y.astype(str), (X[:, 0] > 0).astype(str)])),
    ],
    ids=["huber", "raw target", "poisson", "multilabel", "columns"],
)
def test_what_has_no_scaling_is_left_as_it_is(network, y):
    network.set_params(hidden_layer_sizes=(5,), max_iter=3, early_stopping="refit", random_state=0).fit(X, y)
    assert np.all(getattr(network, "temperature_", 1.0) == 1.0)
    assert np.all(getattr(network, "shrinkage_", 1.0) == 1.0)
    with pytest.raises(ValueError, match=r"calibrate=True has no effect here.*calibrate='auto'"):
        network.set_params(calibrate=True).fit(X, y)


@pytest.mark.parametrize("labels", [Y, np.array(["a", "b", "c"])[Y + (X[:, 0] > 1)]], ids=["binary", "three"])
def test_labels_are_smoothed_where_probabilities_are_calibrated(labels):
    """Elsewhere nothing would make up for it: the loss of one step of no length is of what it learns."""
    params = {"batch_size": 600, "schedule": "constant", "optimizer": SGD(1e-30), "alpha": 0.0, "dtype": "float64"}
    mlp = MLPClassifier((5,), **params, max_iter=1, random_state=0)

    def loss_learned(**changes):
        return clone(mlp).set_params(**changes).fit(X, labels).loss_

    smooth = loss_learned(early_stopping="refit", label_smoothing=0.05)
    sharp = loss_learned(early_stopping="refit", label_smoothing=0.0)
    assert smooth != sharp
    assert loss_learned() == smooth
    assert loss_learned(early_stopping="refit") == smooth
    assert loss_learned(calibrate=False) == sharp
    assert loss_learned(early_stopping=False) == loss_learned(early_stopping=False, label_smoothing=0.0)
    fitted = clone(mlp).fit(X, labels)
    assert fitted.temperature_ != 1
    for method in ("partial_fit", "fit"):  # trainings that go on have no trial
        again = getattr(pickle.loads(pickle.dumps(fitted)).set_params(warm_start=True), method)(X, labels)
        assert_allclose(again.loss_, log_loss(labels, again.predict_proba(X)), rtol=1e-9)


def test_calibrate_needs_rows_to_go_by():
    with pytest.raises(ValueError, match="calibrate=True has no effect without validation rows"):
        MLPClassifier((3,), early_stopping=False, calibrate=True).fit(X, Y)
    MLPClassifier((3,), early_stopping=False, calibrate=False, max_iter=1).fit(X, Y)
    assert not hasattr(SoftmaxClassifier().fit(X, Y, X_val=X, y_val=Y), "temperature_")
