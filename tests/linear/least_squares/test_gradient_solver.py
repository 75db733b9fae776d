"""Least squares by the optimizers of networks."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse

from skdl import LeastSquaresRegressor, optimizers


@pytest.fixture
def rng():
    return np.random.default_rng(9)


@pytest.mark.parametrize("alpha", [0.0, 0.5])
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_gradient_descent_finds_the_same_minimum(alpha, fit_intercept, rng):
    X = rng.normal(size=(100, 3)) * [1.0, 100.0, 0.01] + [0.0, 50.0, 1.0]
    y = X @ [1.0, -0.02, 30.0] + rng.normal(size=100) + 4
    solver = optimizers.Momentum(learning_rate=0.1)
    model = LeastSquaresRegressor(
        alpha, fit_intercept=fit_intercept, solver=solver, batch_size=100, max_iter=3000, random_state=0
    ).fit(X, y)
    expected = LeastSquaresRegressor(alpha, fit_intercept=fit_intercept).fit(X, y)
    assert_allclose(model.predict(X), expected.predict(X), atol=1e-5)
    assert model.solver_ == "Momentum"
    assert model.n_iter_ == len(model.loss_curve_) == 3000
    if fit_intercept:  # in units of the variance
        residual = y - expected.predict(X)
        objective = np.mean(residual**2) + alpha / 2 * np.sum(expected.coef_**2)
        assert_allclose(model.loss_curve_[-1], objective / np.var(y), rtol=1e-6)


def test_several_outputs_and_sparse_rows_by_an_optimizer(rng):
    X, Y = sparse.random(80, 5, 0.5, format="csr", random_state=0), rng.normal(size=(80, 2)) * [1.0, 50.0]
    model = LeastSquaresRegressor(0.01, solver="lbfgs", max_iter=500).fit(X, Y)
    assert_allclose(model.coef_, LeastSquaresRegressor(0.01).fit(X, Y).coef_, rtol=1e-5, atol=1e-6)
    assert model.coef_.shape == (2, 5)


def test_random_state_repeats_an_optimizer(rng):
    X, y = rng.normal(size=(300, 3)), rng.normal(size=300)
    one, two, other = (LeastSquaresRegressor(solver="sgd", max_iter=3, random_state=s).fit(X, y) for s in (1, 1, 2))
    assert_array_equal(one.coef_, two.coef_)
    assert (one.coef_ != other.coef_).any()
