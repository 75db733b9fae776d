"""Attributes that scikit-learn's networks have, and the conversion of their parameters."""

import numpy as np
import pytest
from sklearn.datasets import make_regression
from sklearn.neural_network import MLPClassifier as PeerClassifier
from sklearn.neural_network import MLPRegressor as PeerRegressor

from skdl import MLPClassifier, MLPRegressor, SoftmaxClassifier
from skdl.optimizers import SGD

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
X, Y = make_regression(60, 4, n_targets=3, noise=2.0, random_state=0)
X, Y = X + 1, Y / 50
LABELS = np.digitize(Y[:, 0], [-0.5, 0.5])


@pytest.mark.parametrize(("hidden", "y"), [((5, 3), Y), ((5,), Y[:, 0]), ((), LABELS), ((4,), LABELS > 0)])
def test_counts_and_names_are_those_of_scikit_learn(hidden, y):
    regression = y.dtype == float
    ours, theirs = (MLPRegressor, PeerRegressor) if regression else (MLPClassifier, PeerClassifier)
    peer = theirs(hidden_layer_sizes=hidden, max_iter=3, batch_size=20, random_state=0).fit(X, y)
    mlp = ours(hidden, max_iter=3, batch_size=20, early_stopping=False, random_state=0).fit(X, y)
    for name in ("n_layers_", "n_outputs_", "out_activation_", "t_"):
        assert getattr(mlp, name) == getattr(peer, name), name
    assert mlp.best_validation_score_ is None


def test_other_links_have_their_names():
    counts = np.round(np.exp(Y[:, 0]))
    assert MLPRegressor((3,), loss="poisson", max_iter=2).fit(X, counts).out_activation_ == "exp"
    assert MLPClassifier((3,), loss="brier", max_iter=2).fit(X, LABELS > 0).out_activation_ == "softmax"
    softmax = SoftmaxClassifier().fit(X, LABELS)
    assert (softmax.out_activation_, softmax.n_layers_, softmax.n_outputs_) == ("softmax", 2, 3)


def test_rows_seen_add_up_over_calls_and_not_over_rows_set_apart():
    mlp = MLPRegressor((3,), max_iter=2, schedule="constant", warm_start=True, early_stopping=True, random_state=0)
    assert mlp.fit(X, Y).t_ == 2 * 51  # without 15 % of 60
    assert mlp.partial_fit(X[:7], Y[:7], X_val=X[7:], y_val=Y[7:]).t_ == 2 * 51 + 7
    assert mlp.fit(X, Y).t_ == 4 * 51 + 7
    by_default = MLPRegressor((3,), max_iter=2, random_state=0).fit(X, Y)  # the rows of the training that predicts
    assert by_default.t_ == by_default.n_iter_ * 60


def test_the_best_validation_score():
    mlp = MLPRegressor((8,), early_stopping=True, max_iter=30, random_state=0).fit(X, Y[:, 0])
    assert mlp.best_validation_score_ == max(mlp.validation_scores_)
    validated = MLPRegressor((8,), max_iter=5, random_state=0, early_stopping=False)
    validated.fit(X, Y[:, 0], X_val=X[:20], y_val=Y[:20, 0])
    assert validated.best_validation_score_ == pytest.approx(validated.score(X[:20], Y[:20, 0]), rel=1e-5)


def test_without_an_end_by_progress():
    params = {"tol": 10.0, "max_iter": 15, "random_state": 0}  # no epoch gains so much
    for validation in ({"early_stopping": False}, {"early_stopping": True}):
        endless = MLPRegressor((3,), n_iter_no_change=np.inf, **validation, **params).fit(X, Y)
        assert endless.n_iter_ == 15
        assert MLPRegressor((3,), n_iter_no_change=2, **validation, **params).fit(X, Y).n_iter_ == 4
    assert (
        SoftmaxClassifier(optimizer="sgd", n_iter_no_change=np.inf, max_iter=40, tol=10.0).fit(X, LABELS).n_iter_ == 40
    )


@pytest.mark.parametrize("n_outputs", [1, 3])
def test_the_conversion_from_scikit_learn(n_outputs):
    """Steps of plain descent: the learning rate times k, and alpha over rows of a batch times k."""
    y, n, k = Y[:, :n_outputs], len(X), n_outputs
    rate, alpha = 0.02, 3.0
    peer = PeerRegressor(
        hidden_layer_sizes=(5,), activation="tanh", solver="sgd", learning_rate_init=rate, momentum=0.0, alpha=alpha,
        batch_size=n, shuffle=False, random_state=0,
    )  # fmt: skip
    y_peer = y if k > 1 else y[:, 0]
    peer.partial_fit(X, y_peer)
    mlp = MLPRegressor(
        (5,), activation="tanh", optimizer=SGD(learning_rate=rate * k), schedule="constant", alpha=alpha / (n * k),
        batch_size=n, standardize=False, standardize_target=False, dtype="float64",
    ).initialize(X, y_peer)  # fmt: skip
    mlp.coefs_, mlp.intercepts_ = [c.copy() for c in peer.coefs_], [b.copy() for b in peer.intercepts_]
    for _ in range(4):
        peer.partial_fit(X, y_peer)
        mlp.partial_fit(X, y_peer)
    for found, due in zip((*mlp.coefs_, *mlp.intercepts_), (*peer.coefs_, *peer.intercepts_), strict=True):
        np.testing.assert_allclose(found, due, rtol=1e-10)


def test_the_conversion_from_scikit_learn_for_classes():
    n, rate, alpha = len(X), 0.05, 3.0
    peer = PeerClassifier(
        hidden_layer_sizes=(5,), activation="tanh", solver="sgd", learning_rate_init=rate, momentum=0.0, alpha=alpha,
        batch_size=n, shuffle=False, random_state=0,
    ).partial_fit(X, LABELS, classes=[0, 1, 2])  # fmt: skip
    mlp = MLPClassifier(
        (5,), activation="tanh", optimizer=SGD(learning_rate=rate), schedule="constant", alpha=alpha / n, batch_size=n,
        standardize=False, dtype="float64",
    ).initialize(X, LABELS)  # fmt: skip
    mlp.coefs_, mlp.intercepts_ = [c.copy() for c in peer.coefs_], [b.copy() for b in peer.intercepts_]
    for _ in range(4):
        peer.partial_fit(X, LABELS)
        mlp.partial_fit(X, LABELS)
    for found, due in zip((*mlp.coefs_, *mlp.intercepts_), (*peer.coefs_, *peer.intercepts_), strict=True):
        np.testing.assert_allclose(found, due, rtol=1e-10)
