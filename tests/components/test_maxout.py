"""Maxout: the largest of several affine functions, against NumPy, ReLU networks and the moments of normal numbers."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from plain import PLAIN
from scipy import integrate, stats

from skdl import EnsembleRegressor, MLPClassifier, MLPRegressor
from skdl.activations import Maxout, ReLU
from skdl.engine import Network
from skdl.initializers import Orthogonal

RNG = np.random.default_rng(0)
X = RNG.normal(3, 2, (60, 4))
Y = np.sin(X[:, 0]) * X[:, 1]


@pytest.mark.parametrize("n_pieces", [2, 3, 5])
def test_it_is_the_largest_piece_of_each_unit(n_pieces):
    x = RNG.normal(size=(2, 7, n_pieces * 3))
    y, backprop = Maxout(n_pieces).forward(x.copy())
    pieces = x.reshape(2, 7, n_pieces, 3)
    assert_array_equal(y, pieces.max(axis=2))
    dy = RNG.normal(size=y.shape)
    dx, _ = backprop(dy.copy())
    expected = np.zeros_like(pieces)
    np.put_along_axis(expected, pieces.argmax(axis=2)[:, :, None], dy[:, :, None], axis=2)
    assert_array_equal(dx, expected.reshape(x.shape))


def test_of_equal_pieces_the_first_learns():
    _, backprop = Maxout(3).forward(np.array([[[1.0, 2.0, 2.0]]]))
    assert backprop(np.array([[[5.0]]]))[0].tolist() == [[[0.0, 5.0, 0.0]]]


def test_relu_is_maxout_with_a_piece_of_zero():
    z, dy = RNG.normal(size=(2, 3, 5, 4))
    relu, relu_backprop = ReLU().forward(z.copy())
    y, backprop = Maxout().forward(np.concatenate([np.zeros_like(z), z], axis=-1))
    assert_array_equal(y, relu)
    assert_array_equal(backprop(dy.copy())[0][..., 4:], relu_backprop(dy.copy())[0])
    for_relu = MLPRegressor((6,), activation="relu", max_iter=2, random_state=0, **PLAIN).fit(X, Y)
    maxout = MLPRegressor((6,), activation="maxout", max_iter=2, random_state=0, **PLAIN).fit(X, Y)
    (hidden, output), (hidden_bias, output_bias) = for_relu.coefs_, for_relu.intercepts_
    maxout.coefs_ = [np.hstack([hidden, np.zeros_like(hidden)]), output]
    maxout.intercepts_ = [np.hstack([hidden_bias, np.zeros_like(hidden_bias)]), output_bias]
    assert_allclose(maxout.predict(X), for_relu.predict(X), rtol=1e-12)


@pytest.mark.parametrize("normalization", [None, "batch", "layer"])
def test_predictions_are_those_of_its_coefficients(normalization):
    """Two layers by hand; a normalization of statistics is folded into the pieces, that of rows has gamma 1, beta 0."""
    mlp = MLPRegressor((5, 3), activation="maxout", normalization=normalization, random_state=0, max_iter=3, **PLAIN)
    mlp.set_params(activation__n_pieces=3)
    if normalization == "layer":
        mlp.initialize(X, Y)
    else:
        mlp.fit(X, Y)
    assert [coef.shape for coef in mlp.coefs_] == [(4, 15), (5, 9), (3, 1)]
    h = X
    for coef, intercept in zip(mlp.coefs_[:-1], mlp.intercepts_[:-1], strict=True):
        z = h @ coef + intercept
        if normalization == "layer":
            z = (z - z.mean(axis=1, keepdims=True)) / np.sqrt(z.var(axis=1, keepdims=True) + 1e-5)
        h = z.reshape(len(X), 3, -1).max(axis=1)
    assert_allclose(mlp.predict(X), (h @ mlp.coefs_[-1] + mlp.intercepts_[-1])[:, 0], rtol=1e-6)


def test_each_piece_has_initial_weights_of_its_own():
    orthogonal = MLPRegressor((3,), activation=Maxout(4), initializer=Orthogonal(), standardize=False, **PLAIN)
    weights = orthogonal.initialize(X, Y).coefs_[0]
    for piece in np.split(weights, 4, axis=1):
        assert_allclose(piece.T @ piece, np.eye(3), atol=1e-6)
    wide = MLPRegressor((50,), activation="maxout", initializer="glorot_normal", standardize=False, random_state=0)
    weights = wide.set_params(**PLAIN).initialize(RNG.normal(size=(5, 400)), np.arange(5.0)).coefs_[0]
    assert weights.shape == (400, 100)
    assert weights.var() == pytest.approx(2 / 450, rel=0.02)  # fan-out counts units
    driven = MLPRegressor((3,), activation="maxout", initializer="data_driven", random_state=0, **PLAIN).initialize(
        X, Y
    )
    z = X @ driven.coefs_[0] + driven.intercepts_[0]
    assert z.shape[1] == 6
    assert_allclose(z.std(axis=0), 1, rtol=1e-5)


def test_two_pieces_keep_the_mean_square_of_normal_numbers():
    """The density of the larger one is 2 phi Phi; so 1 / n_in is the variance that keeps what flows forward."""
    square = integrate.quad(lambda x: x * x * 2 * stats.norm.pdf(x) * stats.norm.cdf(x), -np.inf, np.inf)[0]
    assert square == pytest.approx(1, abs=1e-9)
    architecture = MLPRegressor((400,), activation="maxout", **PLAIN)._architecture(500, 1)
    network = Network([architecture], np.float64)
    theta, buffers = network.initial([np.random.default_rng(0)])
    arrays = network.arrays(theta, buffers)
    z = RNG.normal(size=(300, 500)) @ arrays[0]["weight"][0]
    assert (Maxout()(z) ** 2).mean() == pytest.approx(1, rel=0.03)


def test_other_blocks_and_ensembles():
    with pytest.raises(ValueError, match=r"hidden layer 1, Maxout\(\), takes 2 numbers .* ResidualBlock\(\)"):
        MLPRegressor((4, 4), activation="maxout", layer=["dense", "residual"]).fit(X, Y)
    mixed = MLPClassifier((4, 4), activation=["maxout", "tanh"], layer=["dense", "residual"], max_iter=2)
    assert mixed.fit(X, Y > 0).coefs_[0].shape[1] == 8
    member = MLPRegressor((4,), activation="maxout", random_state=0, max_iter=2, **PLAIN)
    ensemble = EnsembleRegressor(estimator=member, n_estimators=2, share="batch_ensemble", random_state=0).fit(X, Y)
    assert np.isfinite(ensemble.predict(X)).all()
