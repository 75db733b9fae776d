"""The variables of a softmax search: near a multiple of the identity, from a sample of rows, where it pays off."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse
from sklearn.datasets import load_breast_cancer, load_iris, make_classification

from skdl import SoftmaxClassifier
from skdl.engine.train import initial_state
from skdl.linear.softmax.preconditioner import golden_ratio_sample, gram_sample_size, gram_weight
from skdl.neural._fit import NetworkFit

RNG = np.random.default_rng(0)
IRIS = load_iris(return_X_y=True)


def function_of(classifier, X, y, weight=None, name=None, index=None):
    """What a full-batch optimizer minimises."""
    fit = NetworkFit(classifier)
    member = fit.spec(fit.prepare(X, y, weight), n_epochs=5, index=index)
    search = member.function if name is None else replace(member.function, name=name)
    return search(member, initial_state(member))


def test_the_hessian_is_near_a_multiple_of_the_identity():
    """At zero, by the variables: I - 11'/K times a constant, whatever the correlations and units of the columns."""
    X = RNG.normal(size=(500, 6)) @ RNG.normal(size=(6, 6)) * np.geomspace(1e-3, 1e3, 6)
    y, n_classes = RNG.integers(0, 3, 500), 3
    function = function_of(SoftmaxClassifier(alpha=1e-20), X, y)
    size, h = 6 * n_classes, 1e-4
    slopes = [(function.evaluate(h * e)[1] - function.evaluate(-h * e)[1]) / (2 * h) for e in np.eye(size + n_classes)]
    hessian = np.array(slopes)[:size, :size]
    between = np.eye(n_classes) - 1 / n_classes
    expected = np.kron(np.eye(6), between) / n_classes / gram_weight(n_classes)
    np.testing.assert_allclose(hessian, expected, atol=1e-5)
    function.close()


def test_a_sample_of_rows_is_nearly_all_of_them(monkeypatch):
    X, y = make_classification(3000, 10, n_informative=5, n_redundant=3, random_state=0)
    exact = SoftmaxClassifier(tol=1e-7).fit(X, y)
    monkeypatch.setattr("skdl.linear.softmax.preconditioner.LEAST_SAMPLE", 200)
    assert gram_sample_size(3000, 10, 2) == 320
    sampled = SoftmaxClassifier(tol=1e-7).fit(X, y)
    assert sampled.n_iter_ <= exact.n_iter_ + 5
    np.testing.assert_allclose(sampled.coef_, exact.coef_, atol=1e-4)
    plain = function_of(SoftmaxClassifier(), X, y, name="diagonal")
    assert plain.preconditioner.weight_scale.shape == (10, 1)
    plain.close()


def test_a_column_that_the_sample_misses_keeps_its_curvature(monkeypatch):
    monkeypatch.setattr("skdl.linear.softmax.preconditioner.LEAST_SAMPLE", 40)
    X, y = RNG.normal(size=(4000, 2)), RNG.integers(0, 2, 4000)
    X[:, 1] = 0
    missed = np.setdiff1d(np.arange(4000), golden_ratio_sample(4000, 64))[:20]
    X[missed, 1] = 1
    function = function_of(SoftmaxClassifier(alpha=1e-6), X, y)
    diagonal = (function.preconditioner.factor**2).sum(axis=1)
    np.testing.assert_allclose(diagonal, gram_weight(2), rtol=0.3)
    function.close()


def test_equal_and_constant_columns_without_penalty():
    X = np.repeat(RNG.normal(size=(100, 2)), 2, axis=1)
    X = np.hstack([X, np.ones((100, 1))])
    y = (X[:, 0] + RNG.normal(size=100) > 0).astype(int)
    softmax = SoftmaxClassifier(alpha=0.0).fit(X, y)
    assert softmax.solver_ == "lbfgs (bohning)"
    peer = SoftmaxClassifier(alpha=0.0).fit(X[:, [0, 2]], y)
    np.testing.assert_allclose(softmax.predict_proba(X), peer.predict_proba(X[:, [0, 2]]), atol=1e-4)


@pytest.mark.parametrize(
    ("n", "d", "n_classes", "worth"),
    [(60000, 784, 10, True), (200000, 54, 7, True), (100, 101, 3, False), (10**6, 5001, 100, False),
     (10**6, 5000, 100, True), (60000, 5000, 10, False), (150, 4, 3, True)],
)  # fmt: skip
def test_where_the_gram_matrix_is_worth_its_price(n, d, n_classes, worth):
    size = gram_sample_size(n, d, n_classes)
    assert (size > 0) == worth
    assert size <= n


def test_solver_says_what_ran():
    X, y = IRIS
    assert SoftmaxClassifier().fit(X, y).solver_ == "lbfgs (bohning)"
    assert SoftmaxClassifier().fit(sparse.csr_array(X), y).solver_ == "lbfgs (diagonal)"
    assert SoftmaxClassifier().fit(RNG.normal(size=(150, 151)), y).solver_ == "lbfgs (diagonal)"
    assert SoftmaxClassifier(penalty="l1").fit(X, y).solver_ == "lbfgs (split)"
    assert SoftmaxClassifier(penalty="l1", alpha=0.0, tol=1e-3).fit(X, y).solver_ == "lbfgs (bohning)"
    assert SoftmaxClassifier(optimizer="adam", tol=1e-2).fit(X, y).solver_ == "adam"


def test_it_takes_several_times_fewer_iterations():
    X, y = load_breast_cancer(return_X_y=True)
    params = {"alpha": 1e-3, "tol": 1e-6, "standardize": False}
    softmax = SoftmaxClassifier(**params).fit(X, y)
    diagonal = SoftmaxClassifier(**params).fit(sparse.csr_array(X), y)
    assert 3 * softmax.n_iter_ < diagonal.n_iter_
    np.testing.assert_allclose(softmax.loss_, diagonal.loss_, rtol=1e-7)
