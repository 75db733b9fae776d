"""Losses of networks fit what they are for, and a plateau lowers the learning rate."""

import numpy as np
import pytest
from plain import PLAIN
from sklearn.datasets import make_classification

from skdl import MLPClassifier, MLPRegressor
from skdl.losses import Quantile
from skdl.optimizers import SGD, Adam
from skdl.schedules import Plateau

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def test_a_plateau_lowers_the_rate_and_a_resumed_fit_remembers_it():
    X, y = make_classification(100, 6, flip_y=0.4, random_state=0)
    params = {"schedule": Plateau(patience=2, gamma=0.5), "optimizer": Adam(0.05), "random_state": 0}
    data = {"X_val": X[:40], "y_val": y[:40]}
    whole = MLPClassifier((10,), max_iter=40, n_iter_no_change=40, **params).fit(X[40:], y[40:], **data)
    history = whole.history_
    factors = [params["schedule"].epoch_factor(history["validation_loss"][:i].tolist()) for i in range(len(history))]
    assert min(factors) < 0.5
    np.testing.assert_allclose(history["learning_rate"], 0.05 * np.array(factors), rtol=1e-6)
    parts = MLPClassifier((10,), max_iter=15, n_iter_no_change=40, warm_start=True, **params)
    parts.fit(X[40:], y[40:], **data).set_params(max_iter=25).fit(X[40:], y[40:], **data)
    np.testing.assert_array_equal(parts._training.state.theta, whole._training.state.theta)


def test_losses_fit_what_they_are_for():
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, (800, 1))
    params = {"hidden_layer_sizes": (20,), "activation": "tanh", "batch_size": 50, "max_iter": 120, "random_state": 0}
    noise = rng.exponential(1.0, len(x))
    y = 1000 + 50 * (x[:, 0] + noise)
    high = MLPRegressor(loss=Quantile(0.9), **params).fit(x, y)
    np.testing.assert_allclose((y < high.predict(x)).mean(), 0.9, atol=0.02)
    middle = MLPRegressor(loss="absolute_error", **params).fit(x, y)
    np.testing.assert_allclose((y < middle.predict(x)).mean(), 0.5, atol=0.04)
    counts = rng.poisson(np.exp(1 + x[:, 0]))
    rates = MLPRegressor(loss="poisson", **params).fit(x, counts).predict(x)
    np.testing.assert_allclose(rates, np.exp(1 + x[:, 0]), rtol=0.25)
    with pytest.raises(ValueError, match="Poisson loss needs targets of 0 or more"):
        MLPRegressor(loss="poisson", **params).fit(x, -y)


def test_squared_error_of_a_classifier_is_that_of_its_probabilities():
    X, y = make_classification(80, 4, random_state=0)
    params = {"hidden_layer_sizes": (5,), "max_iter": 5, "random_state": 0}
    one, two = (MLPClassifier(loss=loss, **params).fit(X, y) for loss in ("squared_error", "brier"))
    np.testing.assert_array_equal(one.coefs_[0], two.coefs_[0])
    first = MLPClassifier(
        loss="squared_error", optimizer=SGD(1e-12), batch_size=80, alpha=0, **PLAIN, **{**params, "max_iter": 1}
    )
    expected = ((np.eye(2)[y] - first.initialize(X, y).predict_proba(X)) ** 2).sum(axis=1).mean() / 2
    np.testing.assert_allclose(first.fit(X, y).loss_, expected, rtol=1e-6)
