"""Normalizations against their formulas."""

import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning

from skdl import MLPClassifier, normalizations
from skdl.testing import check_estimator_members


@pytest.mark.parametrize(
    ("normalization", "axis"),
    [(normalizations.BatchNorm(), 1), (normalizations.LayerNorm(), 2), (normalizations.GroupNorm(1), 2)],
)
def test_normalization_is_its_formula(normalization, axis):
    rng = np.random.default_rng(0)
    x, gamma, beta = rng.normal(3, 5, (2, 20, 6)), rng.uniform(0.5, 2, (2, 1, 6)), rng.normal(size=(2, 1, 6))
    buffers = {name: np.repeat(value[None], 2, axis=0) for name, value in normalization.buffers(6).items()}
    y, _ = normalization.forward(x.copy(), training=True, gamma=gamma, beta=beta, **buffers)
    mean, variance = x.mean(axis=axis, keepdims=True), x.var(axis=axis, keepdims=True)
    assert_allclose(y, gamma * (x - mean) / np.sqrt(variance + 1e-5) + beta, rtol=1e-10, atol=1e-12)


def test_running_statistics_are_what_batch_normalization_predicts_with():
    rng = np.random.default_rng(0)
    normalization = normalizations.BatchNorm(0.8, epsilon=1e-3)
    one = np.ones((1, 1, 3))
    buffers = {"mean": np.zeros((1, 1, 3)), "variance": np.ones((1, 1, 3))}
    mean, variance = np.zeros(3), np.ones(3)
    for _ in range(4):
        x = rng.normal(2, 3, (1, 10, 3))
        normalization.forward(x.copy(), training=True, gamma=one, beta=0 * one, **buffers)
        mean = 0.8 * mean + 0.2 * x[0].mean(axis=0)
        variance = 0.8 * variance + 0.2 * x[0].var(axis=0)
    assert_allclose(buffers["mean"][0, 0], mean, rtol=1e-12)
    assert_allclose(buffers["variance"][0, 0], variance, rtol=1e-12)
    x = rng.normal(size=(1, 5, 3))
    y, _ = normalization.forward(x.copy(), training=False, gamma=one, beta=0 * one, **buffers)
    assert_allclose(y[0], (x[0] - mean) / np.sqrt(variance + 1e-3), rtol=1e-12)


def test_batch_normalization_of_one_row_takes_the_running_statistics():
    buffers = {"mean": np.full((1, 1, 2), 1.0), "variance": np.full((1, 1, 2), 4.0)}
    before = {name: value.copy() for name, value in buffers.items()}
    one = np.ones((1, 1, 2))
    y, _ = normalizations.BatchNorm().forward(
        np.full((1, 1, 2), 5.0), training=True, gamma=one, beta=0 * one, **buffers
    )
    assert_allclose(y, 2.0, rtol=1e-5)
    assert all(np.array_equal(buffers[name], before[name]) for name in buffers)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_fit_with_a_batch_of_one_row_says_so_once():
    X = np.random.default_rng(0).normal(size=(33, 2))
    mlp = MLPClassifier((4,), normalization="batch", batch_size=16, max_iter=5, random_state=0)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        mlp.fit(X, X[:, 0] > 0)
    assert sum("batch_size" in str(warning.message) for warning in caught) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        warnings.simplefilter("ignore", ConvergenceWarning)
        mlp.predict(X[:1])  # a row to predict is no batch
        mlp.set_params(batch_size=11).fit(X, X[:, 0] > 0)


def test_group_normalization_is_the_layers_of_each_group():
    rng = np.random.default_rng(0)
    x, dy = rng.normal(3, 5, (2, 2, 7, 6))
    gamma, beta = rng.uniform(0.5, 2, (2, 1, 6)), rng.normal(size=(2, 1, 6))
    y, backprop = normalizations.GroupNorm(3).forward(x.copy(), training=True, gamma=gamma, beta=beta)
    dx, gradients = backprop(dy.copy())
    for group in range(3):
        part = slice(2 * group, 2 * group + 2)
        arrays = {"gamma": gamma[..., part], "beta": beta[..., part]}
        expected, back = normalizations.LayerNorm().forward(x[..., part].copy(), training=True, **arrays)
        assert_allclose(y[..., part], expected, rtol=1e-12)
        expected_dx, expected_gradients = back(dy[..., part].copy())
        assert_allclose(dx[..., part], expected_dx, rtol=1e-9, atol=1e-15)
        for name in gradients:
            assert_allclose(gradients[name][..., part], expected_gradients[name], rtol=1e-12)


def test_groups_that_do_not_divide_the_units():
    X = np.random.default_rng(0).normal(size=(20, 2))
    mlp = MLPClassifier((10,), normalization=normalizations.GroupNorm(4))
    with pytest.raises(ValueError, match=r"n_groups=4 does not divide the 10 units.*\[1, 2, 5, 10\]"):
        mlp.fit(X, X[:, 0] > 0)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("normalization", normalizations.names())
def test_every_normalization_trains_and_stacks(normalization):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 3))
    y = X[:, 0] * X[:, 1] > 0
    mlp = MLPClassifier((20,), normalization=normalization, max_iter=60, tol=0, n_iter_no_change=60, random_state=0)
    assert mlp.set_params(optimizer__learning_rate=0.02).fit(X, y).score(X, y) > 0.85
    mlp.set_params(max_iter=2, hidden_layer_sizes=(6, 4), batch_size=64)
    check_estimator_members([clone(mlp).set_params(random_state=i) for i in range(3)], X, y)
