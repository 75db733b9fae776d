"""Fits that go on from another one, along a path of alphas and from far away, and the Hessian that they search by."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.datasets import load_breast_cancer, load_digits, load_wine, make_classification

from skdl import SoftmaxClassifier
from skdl.engine.train import initial_state
from skdl.linear.softmax.hessian import hessian_diagonal
from skdl.linear.softmax.preconditioner import BOUND_SHARE, gram_weight
from skdl.neural._fit import NetworkFit

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("load", [load_wine, load_breast_cancer])
@pytest.mark.parametrize("params", [{}, {"standardize": False}, {"penalty": "l1"}, {"fit_intercept": False}], ids=str)
def test_along_a_path_of_alphas_each_takes_few_iterations(params, load):
    X, y = load(return_X_y=True)
    path, before, cold, warm = SoftmaxClassifier(warm_start=True, **params), 0, [], []
    for alpha in np.geomspace(1e-1, 1e-4, 20):
        path.set_params(alpha=alpha).fit(X, y)
        warm.append(path.n_iter_ - before)
        before = path.n_iter_
        lone = SoftmaxClassifier(alpha=alpha, **params).fit(X, y)
        cold.append(lone.n_iter_)
        assert path.loss_ == pytest.approx(lone.loss_, abs=1e-5)
    assert path.solver_ == ("lbfgs (split)" if "penalty" in params else "lbfgs (hessian)")
    assert sum(warm) < 0.5 * sum(cold), (warm, cold)


@pytest.mark.parametrize("load", [load_digits, lambda return_X_y: made(5000, 50, 5)], ids=["digits", "made"])
@pytest.mark.parametrize("standardize", [True, False])
def test_a_path_with_many_variables(load, standardize):
    X, y = load(return_X_y=True)
    path, before, cold, warm = SoftmaxClassifier(warm_start=True, standardize=standardize), 0, [], []
    for alpha in np.geomspace(1e-1, 1e-4, 15):
        path.set_params(alpha=alpha).fit(X, y)
        warm.append(path.n_iter_ - before)
        before = path.n_iter_
        lone = SoftmaxClassifier(alpha=alpha, standardize=standardize).fit(X, y)
        cold.append(lone.n_iter_)
        assert path.loss_ <= lone.loss_ + 1e-5
    assert path.solver_ == "lbfgs (hessian)"
    assert sum(warm) < 0.4 * sum(cold), (warm, cold)


@pytest.mark.parametrize(("penalty", "share"), [("l2", 0.9), ("l1", 0.7)])
def test_a_path_with_sparse_columns(penalty, share):
    """Of which a sample of rows sees few entries."""
    X = sparse.random(10000, 800, 0.01, format="csr", random_state=0)
    rng = np.random.default_rng(0)
    y = np.argmax(X @ rng.normal(size=(800, 4)) + 0.3 * rng.normal(size=(10000, 4)), axis=1)
    path, cold = SoftmaxClassifier(warm_start=True, penalty=penalty), 0
    for alpha in np.geomspace(1e-2, 1e-4, 5):
        path.set_params(alpha=alpha).fit(X, y)
        cold += SoftmaxClassifier(alpha=alpha, penalty=penalty).fit(X, y).n_iter_
    assert path.n_iter_ < share * cold


def test_a_path_ends_at_the_minimum_of_a_lone_fit():
    X, y = load_digits(return_X_y=True)
    path = SoftmaxClassifier(warm_start=True, tol=1e-8)
    for alpha in (1e-1, 1e-2, 1e-3):
        path.set_params(alpha=alpha).fit(X, y)
    lone = SoftmaxClassifier(1e-3, tol=1e-8).fit(X, y)
    assert path.loss_ == pytest.approx(lone.loss_, rel=1e-10)
    np.testing.assert_allclose(path.coef_ * X.std(axis=0), lone.coef_ * X.std(axis=0), atol=1e-4)


def made(n_samples, n_features, n_classes):
    return make_classification(n_samples, n_features, n_informative=20, n_classes=n_classes, random_state=0)


@pytest.mark.parametrize("fit_intercept", [False, True])
def test_the_hessian_is_that_of_central_differences(fit_intercept):
    X, y, weight = RNG.normal(size=(60, 3)) * [1, 5, 0.1] + 1, RNG.integers(0, 3, 60), RNG.uniform(0.5, 2, 60)
    softmax = SoftmaxClassifier(0.1, warm_start=True, fit_intercept=fit_intercept).fit(X, y, weight)
    fit = NetworkFit(softmax)
    member = fit.spec(fit.prepare(X, y, weight), go_on=True, n_epochs=5)
    function = member.function(member, initial_state(member))
    assert member.function.name == "hessian"
    theta, h = softmax._training.state.theta[0], 1e-5

    def gradient(theta):
        function.evaluate(function.point(theta))
        return function.gradient[0]

    hessian = np.array([(gradient(theta + h * e) - gradient(theta - h * e)) / (2 * h) for e in np.eye(len(theta))])
    weights = theta[:9].reshape(3, 3)
    z = np.column_stack([(X - function.blocks.shift) * function.blocks.scale, *[np.ones(60)] * fit_intercept])
    bound = np.kron((z * (weight / weight.sum())[:, None]).T @ z, np.eye(3)) * gram_weight(3) * BOUND_SHARE
    for c, factor in enumerate(function.preconditioner.factors):
        np.testing.assert_allclose(factor @ factor.T, (hessian + bound)[c::3, c::3], atol=1e-7)
    known = hessian_diagonal(function.blocks, theta)
    own = np.append(np.full(weights.size, 0.1), np.zeros(3 * fit_intercept))
    np.testing.assert_allclose(known + own, hessian.diagonal(), atol=1e-7)
    function.close()


def test_a_warm_start_from_far_away_comes_to_the_minimum():
    X, y = load_wine(return_X_y=True)
    softmax = SoftmaxClassifier(warm_start=True).fit(X, y)
    loss, coef = softmax.loss_, softmax.coef_.copy()
    for factor in (-1.0, 30.0, 1000.0):
        softmax.coef_ = factor * coef
        softmax.fit(X, y)
        assert softmax.solver_ == "lbfgs (hessian)"
        assert softmax.loss_ == pytest.approx(loss, abs=1e-6)
        # A gradient of at most tol leaves an error of at most tol / alpha in the flattest direction.
        np.testing.assert_allclose(softmax.coef_ * X.std(axis=0), coef * X.std(axis=0), atol=0.01)


def test_a_warm_start_on_other_rows_comes_to_their_minimum():
    X, y = load_wine(return_X_y=True)
    softmax = SoftmaxClassifier(0.01, warm_start=True, tol=1e-7).fit(X[::2] * 0.1 + 3, y[::2])
    other = SoftmaxClassifier(0.01, tol=1e-7).fit(X, y)
    np.testing.assert_allclose(softmax.fit(X, y).coef_ * X.std(axis=0), other.coef_ * X.std(axis=0), atol=1e-5)
