"""Activations against formulas of NumPy and SciPy in float64, and published values."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from plain import PLAIN
from scipy import integrate, special
from sklearn.base import clone

from skdl import MLPClassifier, activations
from skdl._array import normal_cdf
from skdl.testing import check_estimator_members

X = np.linspace(-6, 6, 241)
NAMES = activations.names()
ELEMENTWISE = [name for name in NAMES if activations.resolve(name).n_pieces == 1]  # others: test_maxout.py


def test_every_activation_is_here():
    assert sorted(ACTIVATIONS) == ELEMENTWISE


ACTIVATIONS = {
    "identity": lambda x: x,
    "sigmoid": special.expit,
    "tanh": np.tanh,
    "relu": lambda x: np.maximum(0, x),
    "leaky_relu": lambda x: np.where(x > 0, x, 0.01 * x),
    "prelu": lambda x: np.where(x > 0, x, 0.25 * x),
    "elu": lambda x: np.where(x > 0, x, np.expm1(x)),
    "selu": lambda x: 1.0507009873554804934 * np.where(x > 0, x, 1.6732632423543772848 * np.expm1(x)),
    "softplus": lambda x: np.logaddexp(0, x),
    "swish": lambda x: x * special.expit(x),
    "gelu": lambda x: x * special.ndtr(x),
    "mish": lambda x: x * np.tanh(np.logaddexp(0, x)),
    "threshold": lambda x: np.heaviside(x, 0.0),
    "parametric": lambda x: ACTIVATIONS["selu"](x),
}


@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_activation_is_its_formula(name, dtype):
    x = X.astype(dtype)
    found, eps = activations.resolve(name)(x), np.finfo(dtype).eps
    assert found.dtype == dtype
    assert_allclose(found, ACTIVATIONS[name](x.astype(np.float64)), rtol=4 * eps, atol=2 * eps)


def test_activation_slope_at_the_kink():
    for activation, slope in ((activations.ReLU(), 0.0), (activations.LeakyReLU(0.2), 0.2)):
        _, backprop = activation.forward(np.zeros((1, 1, 1)))
        assert backprop(np.ones((1, 1, 1)))[0] == slope


def test_activation_takes_what_numpy_takes():
    sigmoid = activations.Sigmoid()
    assert sigmoid(0) == 0.5
    assert sigmoid([0, 0]).dtype == np.float64
    assert sigmoid(np.zeros((2, 3, 4), np.float32)).shape == (2, 3, 4)


LIMITS = {  # f and f' at -1e4, f and f' at 1e4
    "identity": (-1e4, 1.0, 1e4, 1.0),
    "sigmoid": (0.0, 0.0, 1.0, 0.0),
    "tanh": (-1.0, 0.0, 1.0, 0.0),
    "relu": (0.0, 0.0, 1e4, 1.0),
    "leaky_relu": (-100.0, 0.01, 1e4, 1.0),
    "prelu": (-2500.0, 0.25, 1e4, 1.0),
    "elu": (-1.0, 0.0, 1e4, 1.0),
    "selu": (-1.7580993408473766, 0.0, 10507.009873554805, 1.0507009873554805),
    "softplus": (0.0, 0.0, 1e4, 1.0),
    "swish": (0.0, 0.0, 1e4, 1.0),
    "gelu": (0.0, 0.0, 1e4, 1.0),
    "mish": (0.0, 0.0, 1e4, 1.0),
    "threshold": (0.0, 0.0, 1.0, 0.0),
    "parametric": (-1.7580993408473766, 0.0, 10507.009873554805, 1.0507009873554805),
}


@pytest.mark.parametrize("name", ELEMENTWISE)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_limits_are_exact(name, dtype):
    activation = activations.resolve(name)
    learned = {key: value[None].astype(dtype) for key, value in activation.parameters(2).items()}
    y, backprop = activation.forward(np.array([[[-1e4, 1e4]]], dtype), **learned)
    y = y.copy()
    slope, _ = backprop(np.ones((1, 1, 2), dtype))
    low, low_slope, high, high_slope = LIMITS[name]
    assert_allclose(y[0, 0], [low, high], rtol=2 * np.finfo(dtype).eps)
    assert_allclose(slope[0, 0], [low_slope, high_slope], rtol=2 * np.finfo(dtype).eps)


@pytest.mark.parametrize("name", ELEMENTWISE)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_number_does_not_feel_where_it_stands(name, dtype):
    """Neither the ends of vectorised loops nor an array's length show in a result, forward or back."""
    activation = activations.resolve(name)
    rng = np.random.default_rng(0)
    x, dy = rng.normal(0, 3, (2, 1, 1, 301)).astype(dtype)

    def both(part):
        learned = {key: value[None, :, :1].astype(dtype) for key, value in activation.parameters(1).items()}
        y, backprop = activation.forward(x[..., part].copy(), **learned)
        y = y.copy()
        return y, backprop(dy[..., part].copy())[0]

    whole = both(slice(None))
    for start in (0, 1, 7, 100, 288):
        for length in (1, 3, 9, 13):
            part = slice(start, start + length)
            for found, expected in zip(both(part), whole, strict=True):
                assert found.tobytes() == expected[..., part].tobytes()


def test_normal_distribution_function():
    x = np.linspace(-15, 15, 100_001)
    assert np.array_equal(normal_cdf(x), special.ndtr(x))
    single = normal_cdf(x.astype(np.float32))
    expected = special.ndtr(x.astype(np.float32).astype(np.float64))
    assert single.dtype == np.float32
    assert_allclose(single, expected, rtol=0, atol=3e-7)
    small = (x > -5) & (x < 0)
    assert_allclose(single[small], expected[small], rtol=1e-6)
    assert normal_cdf(np.zeros(1, np.float32)) == 0.5
    assert normal_cdf(np.array([-1e4, 1e4], np.float32)).tolist() == [0, 1]


def test_self_normalizing_fixed_point():
    """Normal numbers of mean 0 and variance 1 come out with the same (Klambauer et al., equation 14), by quadrature."""
    for power, expected in ((1, 0.0), (2, 1.0)):

        def integrand(x, power=power):
            return activations.SELU()(x)[0] ** power * np.exp(-x * x / 2) / np.sqrt(2 * np.pi)

        moment = sum(integrate.quad(integrand, *ends)[0] for ends in ((-20, 0), (0, 20)))
        assert moment == pytest.approx(expected, abs=1e-12)


def test_initializers_that_auto_takes():
    he = {"relu", "leaky_relu", "prelu", "elu", "swish", "gelu", "mish", "softplus"}
    for name in NAMES:
        expected = (
            "he_uniform" if name in he else "xavier" if name in ("selu", "parametric", "maxout") else "glorot_uniform"
        )
        assert activations.resolve(name).initializer == expected


@pytest.mark.parametrize("shared", [False, True])
def test_prelu_learns_its_slopes(shared):
    x = np.array([[[-1.0, 2.0], [-3.0, -4.0]]])
    activation = activations.PReLU(0.5, shared=shared)
    initial = activation.parameters(2)["alpha"]
    assert initial.shape == ((1, 1) if shared else (1, 2))
    y, backprop = activation.forward(x, alpha=initial[None])
    assert y.tolist() == [[[-0.5, 2.0], [-1.5, -2.0]]]
    dx, gradients = backprop(np.ones((1, 2, 2)))
    assert dx.tolist() == [[[0.5, 1.0], [0.5, 0.5]]]
    assert gradients["alpha"].tolist() == ([[[-8.0]]] if shared else [[[-4.0, -4.0]]])


@pytest.fixture(scope="module")
def product():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 3))
    return X, (X[:, 0] * X[:, 1] > 0).astype(int)


def test_parametric_mixes_an_activation_with_the_identity():
    for inner in ("mish", "tanh", activations.LeakyReLU(0.3)):
        activation = activations.Parametric(inner, share=0.3)
        assert_allclose(activation(X), 0.7 * X + 0.3 * activations.resolve(inner)(X), rtol=1e-14, atol=1e-15)
        assert activation.initializer == activations.resolve(inner).initializer
    assert activations.Parametric("relu", share=0.0)([-2.0, 3.0]).tolist() == [-2.0, 3.0]
    changed = activations.Parametric(activations.LeakyReLU()).set_params(activation__alpha=0.5)
    assert changed([-2.0]).tolist() == [-1.0]
    for wrong in ("prelu", "parametric", "maxout", "nothing", activations.Swish(learned=True), 3):
        with pytest.raises(
            ValueError, match="must be the name of an elementwise activation without learned parameters"
        ):
            activations.Parametric(wrong).validate()


TRAINED = [*NAMES, activations.Parametric("mish"), activations.Swish(learned=True), activations.PReLU(shared=True)]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("activation", TRAINED, ids=str)
def test_every_activation_trains_a_network(activation, product):
    params = {"max_iter": 80, "tol": 0, "n_iter_no_change": 80, "random_state": 0, **PLAIN}
    mlp = MLPClassifier((20,), activation=activation, **params).set_params(optimizer__learning_rate=0.05)
    mlp.fit(*product)
    if activation == "identity":
        assert mlp.score(*product) < 0.7  # no line tells these classes apart
    elif activation == "threshold":  # no gradient comes through: units stay as they were drawn, but for the decay
        drawn = clone(mlp).initialize(*product).coefs_[0]
        shrunk = mlp.coefs_[0] / drawn
        assert_allclose(shrunk, shrunk.mean(), rtol=1e-4)
        assert 0 < shrunk.mean() < 1
    else:
        assert mlp.score(*product) > 0.85


@pytest.mark.parametrize("activation", TRAINED, ids=str)
def test_members_of_a_stack_equal_their_lone_fits(activation, product):
    members = [
        MLPClassifier((7, 5), activation=activation, max_iter=2, batch_size=64, random_state=i) for i in range(3)
    ]
    check_estimator_members(members, *product)
