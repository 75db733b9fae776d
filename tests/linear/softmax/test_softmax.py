"""Softmax regression against scikit-learn's logistic regression, which has the same minimum."""

import numpy as np
import pytest
from sklearn.datasets import load_digits, load_iris, make_classification
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import scale

from skdl import SoftmaxClassifier

TIGHT = {"tol": 1e-7, "max_iter": 5000, "standardize": False}


@pytest.mark.parametrize("C", [0.1, 10.0])
def test_it_is_multinomial_logistic_regression(C):
    X, y = load_iris(return_X_y=True)
    peer = LogisticRegression(C=C, solver="newton-cholesky", tol=1e-12).fit(X, y)
    softmax = SoftmaxClassifier(alpha=1 / (C * len(y)), **TIGHT).fit(X, y)
    # A gradient of at most tol leaves an error of at most tol / alpha in the flattest direction.
    np.testing.assert_allclose(softmax.coef_, peer.coef_, atol=TIGHT["tol"] * C * len(y))
    np.testing.assert_allclose(softmax.predict_proba(X), peer.predict_proba(X), atol=1e-5 * C)


def test_two_classes_have_two_rows_that_are_opposite():
    X, y = make_classification(100, 4, random_state=0)
    softmax = SoftmaxClassifier(alpha=0.01, **TIGHT).fit(X, y)
    assert softmax.coef_.shape == (2, 4)
    np.testing.assert_allclose(softmax.coef_.sum(axis=0), 0, atol=1e-8)
    # The penalty of two opposite rows w/2, -w/2 is half that of the one row w.
    peer = LogisticRegression(C=2 / (0.01 * len(y)), tol=1e-10, max_iter=10000).fit(X, y)
    np.testing.assert_allclose(softmax.coef_[1] - softmax.coef_[0], peer.coef_[0], rtol=1e-5)
    np.testing.assert_allclose(softmax.decision_function(X), peer.decision_function(X), rtol=1e-4, atol=1e-6)


def test_weights_are_repetitions():
    X, y = load_iris(return_X_y=True)
    weight = np.random.default_rng(0).integers(0, 3, len(y))
    twice = np.repeat(np.arange(len(y)), weight)
    weighted = SoftmaxClassifier(alpha=0.01, **TIGHT).fit(X, y, sample_weight=weight)
    repeated = SoftmaxClassifier(alpha=0.01, **TIGHT).fit(X[twice], y[twice])
    np.testing.assert_allclose(weighted.coef_, repeated.coef_, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "nesterov", "adam", "nadam"])
def test_first_order_optimizers_come_to_the_same_minimum(optimizer):
    X, y = load_iris(return_X_y=True)
    X = scale(X)
    exact = SoftmaxClassifier(alpha=0.05, **TIGHT).fit(X, y)
    params = {"batch_size": len(y), "max_iter": 3000, "tol": 0.0, "n_iter_no_change": 3000, "schedule": "cosine"}
    rate = 0.5 if optimizer == "sgd" else 0.1  # without momentum the flat directions need a larger step
    softmax = SoftmaxClassifier(alpha=0.05, optimizer=optimizer, **params).set_params(optimizer__learning_rate=rate)
    with pytest.warns(ConvergenceWarning, match="max_iter"):
        softmax.fit(X, y)
    np.testing.assert_allclose(softmax.coef_, exact.coef_, atol=1e-3)


def test_alpha_and_prior_by_feature():
    """Columns divided by the roots of their factors, and a prior that is the solution itself."""
    X, y = load_iris(return_X_y=True)
    alpha = np.array([0.01, 0.1, 0.3, 0.05])
    softmax = SoftmaxClassifier(alpha=alpha, **TIGHT).fit(X, y)
    plain = SoftmaxClassifier(alpha=1.0, **TIGHT).fit(X / np.sqrt(alpha), y)
    np.testing.assert_allclose(softmax.coef_, plain.coef_ / np.sqrt(alpha), rtol=1e-5, atol=1e-7)
    free = SoftmaxClassifier(alpha=0.001, **TIGHT).fit(X, y)
    held = SoftmaxClassifier(alpha=1e4, prior=free.coef_, **TIGHT).fit(X, y)
    np.testing.assert_allclose(held.coef_, free.coef_, atol=1e-4)


def test_one_iteration_says_that_it_has_not_converged():
    with pytest.warns(ConvergenceWarning, match="max_iter=1"):
        SoftmaxClassifier(max_iter=1).fit(*load_iris(return_X_y=True))


def test_a_search_that_can_go_no_further_says_so():
    with pytest.warns(ConvergenceWarning, match="found no better point"):
        SoftmaxClassifier(tol=0.0, alpha=0.01).fit(*load_iris(return_X_y=True))


def test_digits():
    X, y = load_digits(return_X_y=True)
    softmax = SoftmaxClassifier(alpha=1e-3).fit(X[:1200], y[:1200])
    assert softmax.coef_.shape == (10, 64)
    assert softmax.score(X[1200:], y[1200:]) > 0.9
    assert softmax.coef_.dtype == np.float64
    assert SoftmaxClassifier(alpha=1e-3).fit(X.astype(np.float32), y).coef_.dtype == np.float32
