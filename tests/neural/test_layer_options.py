"""Depth, both forms of dropout, and batch normalization that is folded into the weights."""

import numpy as np
import pytest
from plain import PLAIN
from sklearn.datasets import make_regression

from skdl import MLPRegressor
from skdl.engine import Network
from skdl.normalizations import BatchNorm

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.fixture(scope="module")
def reals():
    return make_regression(60, 5, noise=3.0, random_state=0)


def test_depth_repeats_a_width(reals):
    X, y = reals
    mlp = MLPRegressor(7, depth=3, encoding=None, max_iter=1).fit(X, y)
    assert [coef.shape for coef in mlp.coefs_] == [(5, 7), (7, 7), (7, 7), (7, 1)]
    with pytest.raises(ValueError, match="depth=2 repeats one width"):
        MLPRegressor((7, 7), depth=2).fit(X, y)


def test_both_forms_of_dropout_have_the_same_expected_output():
    """A linear network: the mean over masks is exact, and prediction is the network without them, scaled or not."""
    X, y = make_regression(50, 4, random_state=0)
    params = {"hidden_layer_sizes": (500,), "activation": "identity", "dropout": 0.4, "random_state": 0, **PLAIN}
    inverted = MLPRegressor(**params).initialize(X, y)
    standard = MLPRegressor(**params, dropout_mode="standard").initialize(X, y)
    weights = inverted.coefs_[0] @ inverted.coefs_[1]
    np.testing.assert_allclose(inverted.predict(X), (X @ weights)[:, 0] + inverted.predict(0 * X), rtol=1e-9)
    np.testing.assert_allclose(
        standard.predict(X) - y.mean(), 0.6 * (inverted.predict(X) - y.mean()), rtol=1e-9, atol=1e-9 * np.ptp(y)
    )


def test_dropped_inputs_in_the_standard_mode_are_scaled_about_their_mean():
    """Scores of the network in training on standardised rows, as inputs are scaled down at prediction."""
    X, y = make_regression(60, 3, random_state=0)
    X = X + 5
    params = {"hidden_layer_sizes": (4,), "input_dropout": 0.4, "dropout_mode": "standard", "dtype": "float64"}
    mlp = MLPRegressor(**params, **PLAIN, max_iter=2, random_state=0).fit(X, y)
    training = mlp._training
    network = Network([training.architecture], np.float64)
    rows = 0.6 * (X - training.shift) * training.scale
    hidden, _, last = network.layout.views(training.state.theta)[1:]
    h = rows @ hidden["weight"][0] + hidden["bias"][0]
    scores = np.where(h > 0, h, 0.01 * h) @ last["weight"][0] + last["bias"][0]
    expected = scores[:, 0] * training.encoding.scale + training.encoding.shift
    np.testing.assert_allclose(mlp.predict(X), expected, rtol=1e-9)


@pytest.mark.parametrize("statistics", ["running", "population"])
def test_batch_normalization_is_folded_and_exact_on_request(statistics):
    """Written out: each hidden layer standardised by the statistics that the training rows have in it."""
    X, y = make_regression(90, 5, n_targets=2, noise=1.0, random_state=0)
    weight = np.random.default_rng(0).uniform(0.2, 2, len(y))
    params = {"hidden_layer_sizes": (6, 4), "activation": "relu", "batch_size": 30, "max_iter": 5, "random_state": 0}
    params |= {**PLAIN, "dtype": "float64"}
    mlp = MLPRegressor(normalization=BatchNorm(statistics=statistics), **params).fit(X, y, sample_weight=weight)
    training = mlp._training
    network = Network([training.architecture], np.float64)
    named = network.arrays(training.state.theta, training.state.buffers)
    h = (X - training.shift) * training.scale
    for i, layer in enumerate(network.leaves):
        arrays = {name: value[0] for name, value in named[i].items()}
        if "weight" in arrays:
            h = h @ arrays["weight"] + arrays["bias"]
        elif "gamma" in arrays:
            mean, variance = arrays["mean"], arrays["variance"]
            if statistics == "population":
                mean = np.average(h, axis=0, weights=weight)
                variance = np.average((h - mean) ** 2, axis=0, weights=weight)
            h = arrays["gamma"] * (h - mean) / np.sqrt(variance + 1e-5) + arrays["beta"]
        else:
            h = np.maximum(h, 0)
        assert layer is network.leaves[i]
    encoding = training.encoding
    np.testing.assert_allclose(mlp.predict(X), h * encoding.scale + encoding.shift, rtol=1e-9)
    by_hand = np.maximum(np.maximum(X @ mlp.coefs_[0] + mlp.intercepts_[0], 0) @ mlp.coefs_[1] + mlp.intercepts_[1], 0)
    np.testing.assert_allclose(mlp.predict(X), by_hand @ mlp.coefs_[2] + mlp.intercepts_[2], rtol=1e-9)
