"""Priors, an alpha for each feature, penalties with exact zeros, and the penalty on activities."""

import numpy as np
import pytest
from plain import PLAIN
from sklearn.datasets import make_classification, make_regression
from sklearn.linear_model import ElasticNet as SklearnElasticNet
from sklearn.linear_model import Ridge

from skdl import MLPClassifier, MLPRegressor
from skdl.optimizers import SGD, Adam
from skdl.penalties import ElasticNet

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.fixture(scope="module")
def reals():
    return make_regression(60, 5, noise=3.0, random_state=0)


def test_regression_goes_towards_a_prior(reals):
    """Ridge towards p is ridge of the residuals of p, plus p."""
    X, y = reals
    prior, alpha = np.array([10.0, -5.0, 0.0, 3.0, 80.0]), 0.3
    params = {"optimizer": "lbfgs", "tol": 1e-10, "max_iter": 1000, "standardize": False, "standardize_target": False}
    mlp = MLPRegressor((), alpha=alpha, prior=prior[:, None], **params).fit(X, y)
    ridge = Ridge(alpha=alpha * len(y), tol=1e-12).fit(X, y - X @ prior)
    np.testing.assert_allclose(mlp.coefs_[0][:, 0], ridge.coef_ + prior, rtol=1e-7)


def test_a_strong_prior_is_met_in_the_units_of_the_coefficients(reals):
    X, y = reals
    X, y = X * [1, 10, 1e-3, 1e3, 1] + 5, 1e4 + 100 * y
    prior = np.array([[1.0], [2.0], [-300.0], [0.1], [5.0]])
    mlp = MLPRegressor((), alpha=1e9, prior=[prior], optimizer="lbfgs", tol=1e-3, max_iter=1000).fit(X, y)
    np.testing.assert_allclose(mlp.coefs_[0], prior, rtol=1e-5)


def test_one_alpha_a_feature(reals):
    """Ridge with factors a_j is ridge of the columns divided by the roots of a_j."""
    X, y = reals
    alpha = np.array([0.01, 0.1, 1.0, 3.0, 0.5])
    params = {"optimizer": "lbfgs", "tol": 1e-10, "max_iter": 1000, "standardize": False, "standardize_target": False}
    mlp = MLPRegressor((), alpha=alpha, **params).fit(X, y)
    ridge = Ridge(alpha=len(y), tol=1e-12).fit(X / np.sqrt(alpha), y)
    np.testing.assert_allclose(mlp.coefs_[0][:, 0], ridge.coef_ / np.sqrt(alpha), rtol=1e-6)
    with pytest.raises(ValueError, match="array of 5 such"):
        MLPRegressor(alpha=[1.0, 2.0]).fit(X, y)
    with pytest.raises(ValueError, match=r"shape \(5, 100\)"):
        MLPRegressor((100,), prior=np.ones((3, 2))).fit(X, y)


@pytest.mark.parametrize("optimizer", [SGD(0.3), Adam(0.01)])
@pytest.mark.parametrize(("penalty", "ratio"), [("l1", 1.0), (ElasticNet(0.7), 0.7)])
def test_l1_ends_at_the_lasso_with_its_exact_zeros(optimizer, penalty, ratio):
    X, y = make_regression(100, 12, n_informative=4, noise=10.0, random_state=0)
    y = y / y.std()
    params = {"batch_size": 100, "max_iter": 4000, "n_iter_no_change": 4000, "tol": 0.0, "standardize": False}
    mlp = MLPRegressor(
        (), penalty=penalty, alpha=0.1, optimizer=optimizer, standardize_target=False, random_state=0, **params
    ).fit(X, y)
    lasso = SklearnElasticNet(alpha=0.1, l1_ratio=ratio, tol=1e-12, max_iter=10000).fit(X, y)
    assert (lasso.coef_ == 0).sum() >= 4
    np.testing.assert_array_equal(mlp.coefs_[0][:, 0] == 0, lasso.coef_ == 0)
    np.testing.assert_allclose(mlp.coefs_[0][:, 0], lasso.coef_, atol=1e-5)


def test_full_batch_optimizers_refuse_kinks(reals):
    with pytest.raises(ValueError, match="has kinks"):
        MLPRegressor(penalty="l1", optimizer="lbfgs").fit(*reals)


def test_activity_penalty_makes_hidden_units_silent():
    X, y = make_classification(200, 10, random_state=0)
    active = {}
    for alpha in (0.0, 0.01):
        params = {**PLAIN, "optimizer": Adam(0.01), "max_iter": 300, "random_state": 0}
        mlp = MLPClassifier((30,), penalty="activity_l1", alpha=alpha, **params).fit(X, y)
        active[alpha] = (np.maximum(X @ mlp.coefs_[0] + mlp.intercepts_[0], 0) > 1e-3).mean()
    assert active[0.01] < 0.6 * active[0.0]
