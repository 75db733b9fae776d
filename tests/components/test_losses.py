"""Losses against NumPy, SciPy and scikit-learn in float64."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import special
from sklearn.metrics import brier_score_loss, log_loss, mean_pinball_loss, mean_poisson_deviance

from skdl import losses
from skdl.testing import check_gradient


def scores_and_targets(kind, seed=0):
    rng = np.random.default_rng(seed)
    scores = rng.normal(0, 3, (1, 50, 4))
    if kind == "labels":
        return scores, np.eye(4)[rng.integers(4, size=50)][None]
    if kind == "soft":
        return scores, rng.dirichlet(np.ones(4), (1, 50))
    return scores, rng.normal(size=scores.shape)


def evaluate(loss, scores, targets, weight=None):
    n_rows = scores.shape[1]
    weight = np.full((1, n_rows, 1), 1 / n_rows) if weight is None else weight
    value, gradient = loss.value_and_gradient(scores.copy(), targets, weight)
    return value[0], gradient


@pytest.mark.parametrize("kind", ["labels", "soft"])
def test_cross_entropy(kind):
    scores, targets = scores_and_targets(kind)
    loss = losses.CrossEntropy()
    value, gradient = evaluate(loss, scores, targets)
    assert value == pytest.approx(-(targets * special.log_softmax(scores, axis=-1)).sum(axis=-1).mean(), rel=1e-13)
    assert_allclose(gradient, (special.softmax(scores, axis=-1) - targets) / 50, atol=1e-16)
    assert_allclose(loss.link(scores), special.softmax(scores, axis=-1), rtol=1e-14)


def test_cross_entropy_is_scikit_learns_log_loss():
    scores, targets = scores_and_targets("labels")
    weight = np.random.default_rng(1).uniform(size=50)
    loss = losses.CrossEntropy()
    value, _ = evaluate(loss, scores, targets, (weight / weight.sum())[None, :, None])
    expected = log_loss(targets[0].argmax(axis=1), loss.link(scores)[0], sample_weight=weight)
    assert value == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("kind", ["labels", "soft"])
def test_binary_cross_entropy(kind):
    scores, targets = scores_and_targets(kind)
    loss = losses.BinaryCrossEntropy()
    value, gradient = evaluate(loss, scores, targets)
    rows = -(targets * special.log_expit(scores) + (1 - targets) * special.log_expit(-scores))
    assert value == pytest.approx(rows.sum(axis=-1).mean(), rel=1e-13)
    assert_allclose(gradient, (special.expit(scores) - targets) / 50, atol=1e-16)
    assert_allclose(loss.link(scores), special.expit(scores), rtol=1e-14)


def test_binary_cross_entropy_of_one_column_is_scikit_learns_log_loss():
    rng = np.random.default_rng(0)
    scores, truth = rng.normal(0, 2, (1, 40, 1)), rng.integers(2, size=40)
    loss = losses.BinaryCrossEntropy()
    value, _ = evaluate(loss, scores, truth[None, :, None].astype(float))
    assert value == pytest.approx(log_loss(truth, loss.link(scores)[0, :, 0]), rel=1e-12)


def test_probabilities_are_exact_in_the_tail():
    """1 - p would have lost the small probability long before."""
    assert_allclose(losses.BinaryCrossEntropy().link(np.array([-40.0, -700.0])), np.exp([-40.0, -700.0]), rtol=1e-15)
    small = losses.CrossEntropy().link(np.array([[0.0, 700.0]]))[0, 0]
    assert small == pytest.approx(np.exp(-700.0), rel=1e-14)


def test_certain_and_wrong_scores():
    """The loss of a row that is as wrong as can be is the distance of the scores, not infinity."""
    scores = np.array([[[1e4, -1e4]]], np.float32)
    for loss, expected in ((losses.CrossEntropy(), 2e4), (losses.BinaryCrossEntropy(), 2e4)):
        value, gradient = evaluate(loss, scores, np.array([[[0.0, 1.0]]], np.float32), np.ones((1, 1, 1), np.float32))
        assert value == np.float32(expected)
        assert_allclose(gradient, [[[1.0, -1.0]]])


def test_squared_error():
    scores, targets = scores_and_targets("reals")
    value, gradient = evaluate(losses.SquaredError(), scores, targets)
    assert value == pytest.approx(((scores - targets) ** 2).mean() / 2, rel=1e-13)
    assert_allclose(gradient, (scores - targets) / scores.size, rtol=1e-13)
    assert np.array_equal(losses.SquaredError().link(scores), scores)


@pytest.mark.parametrize("kind", ["labels", "soft"])
@pytest.mark.parametrize("gamma", [0.0, 0.5, 1.0, 2.0, 5.0])
def test_focal(kind, gamma):
    scores, targets = scores_and_targets(kind)
    loss = losses.Focal(gamma)
    value, gradient = evaluate(loss, scores, targets)
    p = special.softmax(scores, axis=-1)
    rows = -(targets * (1 - p) ** gamma * special.log_softmax(scores, axis=-1)).sum(axis=-1)
    assert value == pytest.approx(rows.mean(), rel=1e-12)
    check_gradient(lambda s: evaluate(loss, s, targets)[0], gradient, scores)
    if gamma == 0:
        assert_allclose(gradient, evaluate(losses.CrossEntropy(), scores, targets)[1], atol=1e-16)


def test_focal_of_sure_rows():
    """Right ones count nothing, wrong ones as in the cross entropy."""
    scores = np.array([[[1e4, -1e4]]], np.float32)
    one = np.ones((1, 1, 1), np.float32)
    for gamma in (0.0, 0.5, 2.0):
        value, gradient = evaluate(losses.Focal(gamma), scores, np.array([[[1.0, 0.0]]], np.float32), one)
        assert value == 0
        assert_allclose(gradient, 0, atol=1e-18)
        value, gradient = evaluate(losses.Focal(gamma), scores, np.array([[[0.0, 1.0]]], np.float32), one)
        assert value == 2e4
        assert_allclose(gradient, [[[1.0, -1.0]]])


def test_brier_is_half_of_scikit_learns_score():
    scores, targets = scores_and_targets("labels")
    loss = losses.Brier()
    value, gradient = evaluate(loss, scores, targets)
    expected = brier_score_loss(targets[0].argmax(axis=1), special.softmax(scores[0], axis=-1), scale_by_half=False)
    assert value == pytest.approx(expected / 2, rel=1e-12)
    check_gradient(lambda s: evaluate(loss, s, targets)[0], gradient, scores)


def test_brier_learns_nothing_where_it_is_sure_of_the_wrong_class():
    scores, targets, one = np.array([[[20.0, 0.0]]]), np.array([[[0.0, 1.0]]]), np.ones((1, 1, 1))
    value, gradient = evaluate(losses.Brier(), scores, targets, one)
    assert value == pytest.approx(1.0)
    assert np.abs(gradient).max() < 1e-8
    assert np.abs(evaluate(losses.CrossEntropy(), scores, targets, one)[1]).min() > 1 - 1e-8


def test_absolute_error():
    scores, targets = scores_and_targets("reals")
    value, gradient = evaluate(losses.AbsoluteError(), scores, targets)
    assert value == pytest.approx(np.abs(scores - targets).mean(), rel=1e-13)
    assert_allclose(gradient, np.sign(scores - targets) / scores.size, rtol=1e-13)
    assert not evaluate(losses.AbsoluteError(), targets, targets)[1].any()


@pytest.mark.parametrize("delta", [0.01, 1.0, 3.0, 100.0])
def test_huber(delta):
    scores, targets = scores_and_targets("reals")
    value, gradient = evaluate(losses.Huber(delta), scores, targets)
    assert value == pytest.approx(special.huber(delta, scores - targets).mean(), rel=1e-13)
    check_gradient(lambda s: evaluate(losses.Huber(delta), s, targets)[0], gradient, scores)


@pytest.mark.parametrize("quantile", [0.1, 0.5, 0.95])
def test_quantile_is_scikit_learns_pinball_loss(quantile):
    scores, targets = scores_and_targets("reals")
    value, gradient = evaluate(losses.Quantile(quantile), scores, targets)
    assert value == pytest.approx(mean_pinball_loss(targets[0], scores[0], alpha=quantile), rel=1e-13)
    check_gradient(lambda s: evaluate(losses.Quantile(quantile), s, targets)[0], gradient, scores)
    assert not evaluate(losses.Quantile(quantile), targets, targets)[1].any()


def test_the_best_constant_of_a_quantile():
    targets = np.random.default_rng(0).exponential(size=(1, 99, 1))
    constants = np.sort(targets.ravel())
    values = [evaluate(losses.Quantile(0.9), np.full_like(targets, c), targets)[0] for c in constants]
    assert np.argmin(values) == 89  # 90 of 99 numbers are not above it


def test_poisson_is_half_the_deviance():
    scores = np.random.default_rng(0).normal(0, 2, (1, 50, 2))
    counts = np.random.default_rng(1).poisson(3.0, scores.shape).astype(float)
    loss = losses.Poisson()
    value, gradient = evaluate(loss, scores, counts)
    best = (counts - special.xlogy(counts, counts)).mean()  # of a mean that is the count itself
    half = np.mean([mean_poisson_deviance(counts[0, :, c], loss.link(scores)[0, :, c]) for c in range(2)]) / 2
    assert value - best == pytest.approx(half, rel=1e-12)
    assert_allclose(gradient, (np.exp(scores) - counts) / scores.size, rtol=1e-12, atol=1e-18)
    assert_allclose(loss.link(scores), np.exp(scores), rtol=1e-15)


def test_poisson_goes_on_as_a_line():
    loss, one = losses.Poisson(), np.ones((1, 1, 1))
    high = [evaluate(loss, np.array([[[score]]]), one, one) for score in (30.0, 31.0, 1e4)]
    assert np.diff([value for value, _ in high]) == pytest.approx(np.array([1.0, 9969.0]) * (np.exp(30.0) - 1))
    assert all(gradient == np.exp(30.0) - 1 for _, gradient in high)
    assert loss.link(np.array([1e4], np.float32)) == np.exp(np.float32(30))


def test_targets_that_a_loss_refuses():
    with pytest.raises(ValueError, match=r"0 or more; the smallest is -0.5"):
        losses.Poisson().check_targets(np.array([[1.0, -0.5]]))
    for name in losses.names():
        losses.resolve(name).check_targets(np.array([[0.0], [3.0]]))
        assert losses.resolve(name).standardizes == (name != "poisson")


def test_the_perceptron_learns_by_rosenblatts_rule():
    """Step by step the weights of scikit-learn's Perceptron, which counts a score of zero as an error too."""
    from sklearn.datasets import load_iris
    from sklearn.linear_model import Perceptron

    from skdl import MLPClassifier
    from skdl.optimizers import SGD

    X, y = load_iris(return_X_y=True)
    X, y = X[:100], y[:100]
    order = np.random.default_rng(0).permutation(100)
    X, y = X[order], y[order]
    theirs = Perceptron(shuffle=False, tol=None, max_iter=3).fit(X, y)
    ours = MLPClassifier(
        (), loss="perceptron", optimizer=SGD(1.0), schedule="constant", initializer="zeros", alpha=0.0, max_iter=3,
        batch_size=1, shuffle=False, standardize=False, early_stopping=False, dtype="float64", encoding=None,
    ).fit(X, y)  # fmt: skip
    assert_allclose(ours.coefs_[0][:, 0], theirs.coef_[0], rtol=1e-12)
    assert_allclose(ours.intercepts_[0], theirs.intercept_, rtol=1e-12)
    assert ours.score(X, y) == 1.0
