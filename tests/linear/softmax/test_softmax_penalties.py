"""Penalties with kinks: coefficients that are exactly zero, against saga and the conditions of an optimum."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.datasets import load_digits, load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import scale

from skdl import SoftmaxClassifier
from skdl.penalties import L1, ElasticNet

RNG = np.random.default_rng(0)
IRIS = load_iris(return_X_y=True)


@pytest.mark.parametrize("alpha", [0.1, 0.01, 0.001])
def test_l1_is_that_of_saga(alpha):
    X, y = IRIS
    X = scale(X)
    softmax = SoftmaxClassifier(alpha=alpha, penalty="l1", tol=1e-9).fit(X, y)
    peer = LogisticRegression(C=1 / (alpha * len(y)), l1_ratio=1, solver="saga", tol=1e-12, max_iter=100_000).fit(X, y)
    np.testing.assert_allclose(softmax.coef_, peer.coef_, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(softmax.coef_ == 0, np.abs(peer.coef_) < 1e-8)
    assert (softmax.coef_ == 0).any()


def test_l1_meets_the_conditions_of_an_optimum():
    """In X's own units, with one alpha a feature, a prior and weights: the subgradient, in formulas of the test's."""
    X, y = load_digits(return_X_y=True)
    X, y = X[:, X.std(axis=0) > 0.5], y
    weight = RNG.uniform(0.5, 2, len(y))
    alpha = np.geomspace(1e-3, 1e-2, X.shape[1])
    prior = RNG.normal(size=(10, X.shape[1])) * 0.01
    softmax = SoftmaxClassifier(alpha=alpha, penalty="l1", prior=prior, standardize=False, tol=1e-8, max_iter=5000)
    softmax.fit(X, y, weight)
    residual = (softmax.predict_proba(X) - np.eye(10)[y]) * (weight / weight.sum())[:, None]
    gradient, away = residual.T @ X, softmax.coef_ - prior
    at_prior = np.abs(away) < 1e-12
    assert 0.2 < at_prior.mean() < 0.99
    np.testing.assert_allclose((gradient + alpha * np.sign(away))[~at_prior], 0, atol=1e-6)
    assert (np.abs(gradient) <= alpha + 1e-6)[at_prior].all()
    np.testing.assert_allclose(residual.sum(axis=0), 0, atol=1e-7)


def test_elastic_net_is_that_of_saga_in_any_units():
    X, y = IRIS
    X = scale(X) * [1, 3, 1, 0.3]
    softmax = SoftmaxClassifier(alpha=0.02, penalty=ElasticNet(0.3), standardize=False, tol=1e-8).fit(X, y)
    peer = LogisticRegression(C=1 / (0.02 * len(y)), solver="saga", l1_ratio=0.3, tol=1e-12, max_iter=200_000).fit(X, y)
    np.testing.assert_allclose(softmax.coef_, peer.coef_, atol=1e-6)
    assert softmax.solver_ == "lbfgs (split)"


def test_a_strong_l1_leaves_the_shares_of_the_classes():
    X, y = IRIS
    softmax = SoftmaxClassifier(alpha=10.0, penalty=L1(), tol=1e-8).fit(X, y, sample_weight=1.0 + (y == 1))
    assert not softmax.coef_.any()
    np.testing.assert_allclose(softmax.predict_proba(X[:1]), [[0.25, 0.5, 0.25]], atol=1e-6)


def test_l1_in_float32_and_sparse():
    X, y = load_digits(return_X_y=True)
    exact = SoftmaxClassifier(alpha=0.01, penalty="l1", tol=1e-7).fit(X, y)
    for convert in (lambda X: X.astype(np.float32), sparse.csr_array):
        other = SoftmaxClassifier(alpha=0.01, penalty="l1", tol=1e-6).fit(convert(X), y)
        np.testing.assert_allclose(other.coef_, exact.coef_, atol=5e-4)
        assert other.loss_ == pytest.approx(exact.loss_, rel=1e-7)
