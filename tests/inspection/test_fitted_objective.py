"""The objective of a fitted network on rows: central differences, and the loss that scikit-learn computes."""

import pickle

import numpy as np
import pytest
from sklearn.datasets import load_digits, load_wine
from sklearn.metrics import log_loss

from skdl import MLPClassifier, MLPRegressor, SoftmaxClassifier
from skdl.inspection._objective import FittedObjective

X, y = load_digits(n_class=4, return_X_y=True)
NETWORKS = {
    "default": MLPClassifier((6, 5), max_iter=4, random_state=0),
    "batch": MLPClassifier(
        (6, 5), normalization="batch", dropout=0.2, early_stopping=False, max_iter=3, random_state=0
    ),
    "penalty": MLPClassifier((6,), alpha=0.5, penalty="l2", optimizer="adam", max_iter=3, random_state=0),
    "regressor": MLPRegressor((6,), loss="huber", max_iter=4, random_state=0),
    "softmax": SoftmaxClassifier(optimizer="lbfgs", tol=0.1),
}


@pytest.mark.parametrize("kind", NETWORKS)
def test_the_gradient_is_that_of_the_value_and_nothing_changes(kind):
    network = NETWORKS[kind].fit(X, y)
    before = pickle.dumps(network)
    objective = FittedObjective(network, X[:70], y[:70])
    assert pickle.dumps(network) == before
    rng = np.random.default_rng(0)
    theta = objective.theta + 0.05 * rng.normal(size=objective.theta.shape)
    along = rng.normal(size=theta.shape)
    _, gradient = objective(theta)
    h = 1e-5
    change = (objective(theta + h * along)[0] - objective(theta - h * along)[0]) / (2 * h)
    assert gradient @ along == pytest.approx(change, rel=1e-4)
    assert objective(theta)[0] == objective(theta)[0]  # nothing is drawn at random, no statistic moves on


def test_the_value_is_the_log_loss_plus_the_penalty():
    rows, labels = load_wine(return_X_y=True)
    network = SoftmaxClassifier(alpha=0.01, standardize=False, dtype="float64").fit(rows, labels)
    value, gradient = FittedObjective(network, rows, labels)(FittedObjective(network, rows, labels).theta)
    expected = log_loss(labels, network.predict_proba(rows)) + 0.01 * (network.coef_**2).sum() / 2
    assert value == pytest.approx(expected, rel=1e-6)
    assert np.abs(gradient).max() < 1e-3


def test_the_weights_are_those_that_predict_and_weights_of_rows_count():
    options = {"encoding": None, "standardize": False, "alpha": 0.0, "optimizer": "adam", "label_smoothing": 0.0}
    network = MLPClassifier((8,), early_stopping=True, max_iter=8, n_iter_no_change=np.inf, random_state=1, **options)
    network.fit(X, y)
    objective = FittedObjective(network, X, y)
    assert objective(objective.theta)[0] == pytest.approx(log_loss(y, network.predict_proba(X)), rel=1e-4)
    weight = np.where(np.arange(len(y)) < 100, 2.0, 1.0)
    weighted = FittedObjective(network, X, y, weight)
    expected = log_loss(y, network.predict_proba(X), sample_weight=weight)
    assert weighted(weighted.theta)[0] == pytest.approx(expected, rel=1e-4)
    network.coefs_ = [2 * coef for coef in network.coefs_]  # set by hand
    doubled = FittedObjective(network, X, y)
    assert doubled(doubled.theta)[0] == pytest.approx(log_loss(y, network.predict_proba(X)), rel=1e-4)


def test_the_parameters_are_told_by_layer():
    network = MLPClassifier((6, 5), max_iter=2, random_state=0, early_stopping=False).fit(X, y)
    places = list(FittedObjective(network, X, y).parameters())
    assert sum(place.stop - place.start for _, _, place, _ in places) == network.n_parameters_
    sizes = {(layer, role): place.stop - place.start for layer, role, place, _ in places}
    assert sizes["hidden_2", "weight"] == 30
    assert sizes["output", "bias"] == 4
    assert ("input", "scale") in sizes
