"""Optimizers against the loops of their papers, in float64."""

from itertools import pairwise

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import optimize

from skdl import MLPClassifier, optimizers
from skdl._compiled.numpy_code import BLOCK


def run(optimizer, gradients):
    """The directions for a list of gradients of shape (P,)."""
    state = {name: np.zeros((1, len(gradients[0]))) for name in optimizer.state_names}
    return np.array(
        [
            optimizer.direction(gradient[None].copy(), state, np.array([[float(t)]]))[0]
            for t, gradient in enumerate(gradients, start=1)
        ]
    )


GRADIENTS = np.random.default_rng(0).normal(size=(30, 5)) * np.array([1e-3, 0.1, 1.0, 10.0, 1e3])


@pytest.mark.parametrize(("beta_1", "beta_2", "epsilon"), [(0.9, 0.999, 1e-8), (0.5, 0.9, 0.1), (0.0, 0.0, 1e-3)])
def test_adam_is_algorithm_1_of_its_paper(beta_1, beta_2, epsilon):
    found = run(optimizers.Adam(beta_1=beta_1, beta_2=beta_2, epsilon=epsilon), GRADIENTS)
    m, v = np.zeros(5), np.zeros(5)
    for t, g in enumerate(GRADIENTS, start=1):
        m = beta_1 * m + (1 - beta_1) * g
        v = beta_2 * v + (1 - beta_2) * g**2
        m_hat = m / (1 - beta_1**t)
        v_hat = v / (1 - beta_2**t)
        assert_allclose(found[t - 1], m_hat / (np.sqrt(v_hat) + epsilon), rtol=1e-12)


def test_adam_without_bias_correction():
    found, m, v = run(optimizers.Adam(bias_correction=False), GRADIENTS), np.zeros(5), np.zeros(5)
    for d, g in zip(found, GRADIENTS, strict=True):
        m = 0.9 * m + 0.1 * g
        v = 0.999 * v + 0.001 * g**2
        assert_allclose(d, m / (np.sqrt(v) + 1e-8), rtol=1e-12)
    assert_allclose(
        np.abs(found[0, 1:]), 0.1 / np.sqrt(0.001), rtol=1e-3
    )  # the first step is 3.2 times the learning rate


def test_adamw_is_adam_beside_its_decay():
    assert np.array_equal(run(optimizers.AdamW(weight_decay=0.5), GRADIENTS), run(optimizers.Adam(), GRADIENTS))
    assert optimizers.AdamW().weight_decay == 0.01
    rules = [optimizers.resolve(name) for name in optimizers.names() if name != "adamw"]
    assert all(rule.full_batch or rule.weight_decay == 0 for rule in rules)


@pytest.mark.parametrize(("beta_1", "beta_2", "epsilon"), [(0.9, 0.999, 1e-8), (0.5, 0.9, 0.1), (0.0, 0.0, 1e-3)])
def test_nadam_is_dozats_with_a_constant_decay(beta_1, beta_2, epsilon):
    found = run(optimizers.NAdam(beta_1=beta_1, beta_2=beta_2, epsilon=epsilon), GRADIENTS)
    m, v = np.zeros(5), np.zeros(5)
    for t, g in enumerate(GRADIENTS, start=1):
        m = beta_1 * m + (1 - beta_1) * g
        v = beta_2 * v + (1 - beta_2) * g**2
        m_hat = beta_1 * m / (1 - beta_1 ** (t + 1)) + (1 - beta_1) * g / (1 - beta_1**t)
        assert_allclose(found[t - 1], m_hat / (np.sqrt(v / (1 - beta_2**t)) + epsilon), rtol=1e-11)


def test_sgd_is_the_gradient():
    assert np.array_equal(run(optimizers.SGD(), GRADIENTS), GRADIENTS)


@pytest.mark.parametrize("momentum", [0.0, 0.5, 0.9])
def test_momentum_is_polyaks_heavy_ball(momentum):
    found, rate = run(optimizers.Momentum(momentum=momentum), GRADIENTS), 0.1
    step = np.zeros(5)
    for d, g in zip(found, GRADIENTS, strict=True):
        step = momentum * step - rate * g  # theta_{t+1} = theta_t - rate g + momentum (theta_t - theta_{t-1})
        assert_allclose(-rate * d, step, rtol=1e-12)


@pytest.mark.parametrize("momentum", [0.0, 0.5, 0.9])
def test_nesterov_takes_the_gradient_where_the_velocity_leads(momentum):
    """On f = 1/2 theta' A theta: v' = mu v - rate grad(theta + mu v), theta' = theta + v', at phi = theta + mu v."""
    A, rate = np.diag(np.linspace(0.5, 2, 5)), 0.1
    optimizer = optimizers.Nesterov(rate, momentum=momentum)
    theta, v = np.ones(5), np.zeros(5)
    phi, state = np.ones((1, 5)), {"velocity": np.zeros((1, 5))}
    for t in range(1, 30):
        v = momentum * v - rate * A @ (theta + momentum * v)
        theta = theta + v
        phi = phi - rate * optimizer.direction(phi @ A, state, np.array([[float(t)]]))
        assert_allclose(phi[0], theta + momentum * v, rtol=1e-12)


@pytest.mark.parametrize("epsilon", [1e-8, 0.1])
def test_adagrad_divides_by_the_root_of_all_squares(epsilon):
    found = run(optimizers.AdaGrad(epsilon=epsilon), GRADIENTS)
    roots = np.sqrt(np.cumsum(GRADIENTS**2, axis=0))
    assert_allclose(found, GRADIENTS / (roots + epsilon), rtol=1e-12)


@pytest.mark.parametrize(("rho", "momentum", "epsilon"), [(0.9, 0.0, 1e-8), (0.99, 0.9, 1e-8), (0.0, 0.5, 0.1)])
def test_rmsprop_is_the_lectures_with_momentum_on_the_scaled_gradient(rho, momentum, epsilon):
    found = run(optimizers.RMSProp(rho=rho, momentum=momentum, epsilon=epsilon), GRADIENTS)
    square, velocity = np.zeros(5), np.zeros(5)
    for d, g in zip(found, GRADIENTS, strict=True):
        square = rho * square + (1 - rho) * g**2
        velocity = momentum * velocity + g / (np.sqrt(square) + epsilon)
        assert_allclose(d, velocity, rtol=1e-12)


FIRST_ORDER = [name for name in optimizers.names() if not optimizers.resolve(name).full_batch]


@pytest.mark.parametrize("name", FIRST_ORDER)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_parameter_does_not_feel_where_it_stands(name, dtype):
    """Neither blocks nor the ends of vectorised loops show in the result."""
    optimizer = type(optimizers.resolve(name)).stacked([optimizers.resolve(name)], 2, dtype)
    rng = np.random.default_rng(0)
    gradients = rng.normal(size=(3, 1, BLOCK + 37)).astype(dtype)

    def directions(part):
        state = {name: np.zeros_like(gradients[0][:, part]) for name in optimizer.state_names}
        return [
            optimizer.direction(g[:, part].copy(), state, np.full((1, 1), t + 1, dtype))
            for t, g in enumerate(gradients)
        ]

    whole = directions(slice(None))
    for start, stop in ((0, 1), (3, 20), (BLOCK - 5, BLOCK + 8), (BLOCK + 36, BLOCK + 37)):
        for part, all_of_it in zip(directions(slice(start, stop)), whole, strict=True):
            assert np.array_equal(part, all_of_it[:, start:stop])


@pytest.mark.parametrize("name", FIRST_ORDER)
def test_limits_of_the_gradient_are_hyperparameters(name):
    optimizer = optimizers.resolve(name)
    assert (optimizer.clip_norm, optimizer.clip_value) == (None, None)
    limited = optimizer.with_params(clip_norm=1.0, clip_value=0.5).validate()
    assert limited.structure != optimizer.structure  # None is no number of a column
    for wrong in (0.0, -1.0, np.inf, True):
        with pytest.raises(ValueError, match="clip_norm"):
            optimizer.with_params(clip_norm=wrong).validate()


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("name", FIRST_ORDER)
def test_every_rule_trains_a_network(name):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 3))
    y = X[:, 0] * X[:, 1] > 0
    optimizer = optimizers.resolve(name).with_params(learning_rate=0.1 if name in ("sgd", "adagrad") else 0.02)
    mlp = MLPClassifier((16,), optimizer=optimizer, max_iter=100, n_iter_no_change=100, tol=0, random_state=0)
    assert mlp.fit(X, y).score(X, y) > 0.85


def test_lbfgs_finds_what_scipy_finds():
    """The same problem by scipy's BFGS, which keeps the whole matrix, and by the normal equations."""
    rng = np.random.default_rng(0)
    root = rng.normal(size=(8, 8))
    A, b = root @ root.T + np.eye(8), rng.normal(size=8)

    def function(theta):
        return float(theta @ A @ theta / 2 - b @ theta), A @ theta - b

    values = []
    theta, converged = optimizers.LBFGS().minimize(
        function, np.zeros(8), max_iter=500, tol=1e-6, report=lambda theta, value: values.append(value)
    )
    assert converged
    assert_allclose(theta, np.linalg.solve(A, b), atol=2e-6)  # the eigenvalues of A are at least one
    assert np.abs(A @ theta - b).max() <= 1e-6
    with np.errstate(all="warn"):
        scipys = optimize.minimize(function, np.zeros(8), jac=True, method="BFGS", options={"gtol": 1e-8})
    assert_allclose(theta, scipys.x, atol=2e-6)
    assert all(later <= earlier for earlier, later in pairwise(values))


def test_lbfgs_that_runs_out_has_not_converged():
    theta, converged = optimizers.LBFGS().minimize(
        lambda x: (float(optimize.rosen(x)), optimize.rosen_der(x)),
        np.array([-1.2, 1.0]),
        max_iter=3,
        tol=1e-8,
        report=lambda theta, value: False,
    )
    assert not converged
    assert optimize.rosen(theta) < optimize.rosen(np.array([-1.2, 1.0]))
