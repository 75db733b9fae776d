"""The objective as the docstrings state it: computed again from public attributes, and compared with scikit-learn's."""

import numpy as np
import pytest
from plain import PLAIN
from scipy.special import log_softmax
from sklearn.neural_network import MLPClassifier as TheirClassifier
from sklearn.neural_network import MLPRegressor as TheirRegressor

from skdl import MLPClassifier, MLPRegressor
from skdl.optimizers import SGD

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

rng = np.random.default_rng(0)
X = rng.normal(size=(90, 4)) * [1, 10, 1e-2, 1e3] + [0, 5, 1, -1e3]
Y = np.column_stack([X[:, 0] * 100 + 7, np.sin(X[:, 1]), 1e-3 * rng.normal(size=90)])
LABELS = np.digitize(X[:, 0] + X[:, 1] / 10, [-0.5, 1])
WEIGHT = rng.uniform(0, 3, 90) * (rng.random(90) > 0.1)
FULL = {"optimizer": "lbfgs", "max_iter": 15, "activation": "tanh", "dtype": "float64", "random_state": 0, **PLAIN}


def scores_of(coefs, intercepts, X):
    for coef, intercept in zip(coefs[:-1], intercepts[:-1], strict=True):
        X = np.tanh(X @ coef + intercept)
    return X @ coefs[-1] + intercepts[-1]


def penalised(mlp, target_scale=1.0):
    """The weights W' that the penalty acts on, by the formula of the notes."""
    weights = [coef.copy() for coef in mlp.coefs_]
    weights[0] *= mlp.X_scale_[:, None]
    weights[-1] /= target_scale
    return weights


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("hidden", [(), (5,), (5, 4)])
@pytest.mark.parametrize("standardize", [True, False])
@pytest.mark.parametrize("standardize_target", [True, False])
@pytest.mark.parametrize("y", [Y, Y[:, 0]], ids=["three", "one"])
def test_the_objective_of_a_regressor(y, standardize_target, standardize, hidden, weighted):
    weight = WEIGHT if weighted else np.ones(90)
    mlp = MLPRegressor(hidden, alpha=0.3, standardize=standardize, standardize_target=standardize_target, **FULL)
    mlp.fit(X, y, weight if weighted else None)
    if standardize_target:
        kept = np.average(y.reshape(90, -1), weights=weight, axis=0)
        np.testing.assert_allclose(mlp.y_mean_, kept, rtol=1e-12, atol=1e-15)
        deviation = np.sqrt(np.average((y.reshape(90, -1) - kept) ** 2, weights=weight, axis=0))
        np.testing.assert_allclose(mlp.y_scale_, deviation, rtol=1e-12)
    targets = (y.reshape(90, -1) - mlp.y_mean_) / mlp.y_scale_
    scores = (scores_of(mlp.coefs_, mlp.intercepts_, X) - mlp.y_mean_) / mlp.y_scale_
    loss = np.average((scores - targets) ** 2, weights=weight, axis=0).mean() / 2
    penalty = 0.3 / 2 * sum((w**2).sum() for w in penalised(mlp, mlp.y_scale_))
    assert mlp.loss_ == pytest.approx(loss + penalty, rel=1e-9)


@pytest.mark.parametrize("hidden", [(), (5, 4)])
@pytest.mark.parametrize("standardize", [True, False])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_the_objective_of_a_classifier(n_classes, standardize, hidden):
    y = np.minimum(LABELS, n_classes - 1)
    mlp = MLPClassifier(hidden, alpha=0.03, standardize=standardize, **FULL).fit(X, y, WEIGHT)
    if standardize:
        mean = np.average(X, weights=WEIGHT, axis=0)
        np.testing.assert_allclose(mlp.X_mean_, mean, rtol=1e-12)
        deviation = np.sqrt(np.average((X - mean) ** 2, weights=WEIGHT, axis=0))
        np.testing.assert_allclose(mlp.X_scale_, deviation, rtol=1e-9)
    scores = scores_of(mlp.coefs_, mlp.intercepts_, X)
    if n_classes == 2:
        losses = np.logaddexp(0, np.where(y, -1, 1) * scores[:, 0])
    else:
        losses = -log_softmax(scores, axis=1)[np.arange(90), y]
    penalty = 0.03 / 2 * sum((w**2).sum() for w in penalised(mlp))
    assert mlp.loss_ == pytest.approx(np.average(losses, weights=WEIGHT) + penalty, rel=1e-9)


def test_scales_without_spread_or_standardisation():
    constant = np.column_stack([X, np.full(90, 3.0)])
    mlp = MLPRegressor((5,), **FULL).fit(constant, np.column_stack([Y[:, 0], np.full(90, 2.0)]))
    assert mlp.X_scale_[4] == mlp.y_scale_[1] == 0
    assert (mlp.X_mean_[4], mlp.y_mean_[1]) == (3, 2)
    plain = MLPRegressor((5,), standardize=False, standardize_target=False, **FULL).fit(X / 1e3, Y)
    np.testing.assert_array_equal(plain.X_mean_, 0)
    np.testing.assert_array_equal(plain.X_scale_, 1)
    np.testing.assert_array_equal(plain.y_scale_, 1)
    with pytest.raises(AttributeError):
        MLPRegressor().X_scale_  # noqa: B018


def their_loss(peer, coefs, intercepts, X, y):
    """scikit-learn's own objective and gradient of the first weights, at the weights given."""
    peer.fit(X, y)
    peer.coefs_ = [coef.astype(np.float64) for coef in coefs]
    peer.intercepts_ = [intercept.astype(np.float64) for intercept in intercepts]
    peer.set_params(learning_rate_init=1e-8, solver="sgd", momentum=0, batch_size=len(X), shuffle=False)
    before = [coef.copy() for coef in peer.coefs_]
    del peer._optimizer  # which has the rate of the first fit
    peer.partial_fit(X, y)
    return peer.loss_, (before[0] - peer.coefs_[0]) / 1e-8


@pytest.mark.parametrize("k", [1, 3])
def test_alpha_of_scikit_learn_in_our_terms(k):
    """At the same weights its loss, and its steps, are ours with the alpha that the notes give."""
    inputs = (X - X.mean(axis=0)) / X.std(axis=0)
    targets = ((Y - Y.mean(axis=0)) / Y.std(axis=0))[:, :k]
    ours = {"standardize": False, "standardize_target": False, "schedule": "constant"}
    ours |= {"activation": "tanh", "dtype": "float64", "batch_size": 90, "max_iter": 1, "random_state": 0}
    for network, peer_class, y in (
        (MLPRegressor, TheirRegressor, targets if k > 1 else targets[:, 0]),
        (MLPClassifier, TheirClassifier, LABELS if k > 1 else LABELS > 1),
    ):
        params = {name: value for name, value in ours.items() if network is MLPRegressor or "target" not in name}
        n_steps = k if network is MLPRegressor else 1  # its steps of k targets are those of their sum
        alpha, rate = 40.0, 1e-8
        mlp = network((5,), alpha=alpha / 90, optimizer=SGD(rate), **params).initialize(inputs, y)
        start = [coef.copy() for coef in mlp.coefs_], [each.copy() for each in mlp.intercepts_]
        peer = peer_class(
            hidden_layer_sizes=(5,), activation="tanh", solver="sgd", alpha=alpha, random_state=0, max_iter=1
        )
        loss, gradient = their_loss(peer, *start, inputs, y)
        assert mlp.partial_fit(inputs, y).loss_ == pytest.approx(loss, rel=1e-7)
        mlp = network((5,), alpha=alpha / (90 * n_steps), optimizer=SGD(rate), **params)
        mlp.initialize(inputs, y).partial_fit(inputs, y)
        steps = (start[0][0] - mlp.coefs_[0]) / rate
        np.testing.assert_allclose(n_steps * steps, gradient, rtol=1e-4, atol=1e-5)
