"""Every registered component keeps its family's contract, and computes what the literature says."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import special
from sklearn.metrics import log_loss

from skdl import activations, initializers, losses, normalizations, optimizers, penalties, schedules
from skdl._registry import REGISTRIES
from skdl.testing import check_component


@pytest.mark.parametrize(
    ("family", "name"), [(family, name) for family, registry in REGISTRIES.items() for name in registry.names()]
)
def test_contract(family, name):
    check_component(REGISTRIES[family].get(name))


@pytest.mark.parametrize(
    "component",
    [
        activations.LeakyReLU(0.3),
        activations.PReLU(-0.1, shared=True),
        activations.ELU(0.3),
        activations.Swish(0.5),
        activations.Swish(2.0, learned=True),
        activations.Swish(learned=True, shared=False),
        normalizations.Batch(0.5, epsilon=0.1),
        normalizations.Layer(epsilon=0.1),
        optimizers.SGD(0.05, clip_norm=1.0),
        optimizers.Momentum(0.05, momentum=0.0),
        optimizers.Nesterov(0.05, momentum=0.5),
        optimizers.AdaGrad(0.1, epsilon=0.1),
        optimizers.RMSProp(0.01, rho=0.0, momentum=0.9, epsilon=0.1),
        optimizers.Adam(bias_correction=False),
        optimizers.AdamW(0.1, weight_decay=1.0, beta_1=0.5),
        optimizers.NAdam(0.1, beta_1=0.0),
        optimizers.Adam(0.1, beta_1=0.5, beta_2=0.9, epsilon=0.1),
        optimizers.LBFGS(3),
        schedules.Exponential(0.5),
        initializers.Normal(2.0),
    ],
    ids=repr,
)
def test_contract_with_other_hyperparameters(component):
    check_component(component)


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


def test_schedules():
    step = np.arange(12.0)[None]
    options = {"steps_per_epoch": 3, "max_epochs": 4}
    assert np.array_equal(np.broadcast_to(schedules.Constant().factor(step, **options), (1, 12)), np.ones((1, 12)))
    assert_allclose(schedules.Exponential(0.9).factor(step, **options), [np.repeat(0.9 ** np.arange(4), 3)], rtol=1e-15)


VARIANCES = {
    "zeros": lambda n_in, n_out: 0.0,
    "normal": lambda n_in, n_out: 0.01**2,
    "xavier": lambda n_in, n_out: 1 / n_in,
    "glorot_normal": lambda n_in, n_out: 2 / (n_in + n_out),
    "glorot_uniform": lambda n_in, n_out: 2 / (n_in + n_out),
    "he_normal": lambda n_in, n_out: 2 / n_in,
    "he_uniform": lambda n_in, n_out: 2 / n_in,
}


@pytest.mark.parametrize("name", VARIANCES)
@pytest.mark.parametrize(("n_in", "n_out"), [(400, 100), (100, 400)])
def test_initializer_has_its_variance(name, n_in, n_out):
    draws = initializers.resolve(name).draw(np.random.default_rng(0), n_in, n_out)
    variance = VARIANCES[name](n_in, n_out)
    n = draws.size
    # Five standard errors of a sample's mean and variance (a normal distribution's; a uniform one's is less).
    assert abs(draws.mean()) <= 5 * np.sqrt(variance / n)
    assert abs(draws.var() - variance) <= 5 * variance * np.sqrt(2 / n)
    if name.endswith("uniform"):
        bound = np.sqrt(3 * variance)
        assert 0.999 * bound < np.abs(draws).max() <= bound
    elif variance:
        assert np.abs(draws).max() > 3.5 * np.sqrt(variance)  # a normal distribution has tails


def test_penalties():
    weights = np.array([[3.0, -4.0, 0.0], [1.0, 1.0, -1.0]])
    assert_allclose(penalties.L2().value(weights), [12.5, 1.5])
    assert_allclose(penalties.L2().gradient(weights), weights)
    assert_allclose(penalties.L1().value(weights), [7.0, 3.0])
    assert_allclose(penalties.L1().gradient(weights), np.sign(weights))


@pytest.mark.parametrize(("normalization", "axis"), [(normalizations.Batch(), 1), (normalizations.Layer(), 2)])
def test_normalization_is_its_formula(normalization, axis):
    rng = np.random.default_rng(0)
    x, gamma, beta = rng.normal(3, 5, (2, 20, 6)), rng.uniform(0.5, 2, (2, 1, 6)), rng.normal(size=(2, 1, 6))
    buffers = {name: np.repeat(value[None], 2, axis=0) for name, value in normalization.buffers(6).items()}
    y, _ = normalization.forward(x.copy(), training=True, gamma=gamma, beta=beta, **buffers)
    mean, variance = x.mean(axis=axis, keepdims=True), x.var(axis=axis, keepdims=True)
    assert_allclose(y, gamma * (x - mean) / np.sqrt(variance + 1e-5) + beta, rtol=1e-10, atol=1e-12)


def test_running_statistics_are_what_batch_normalization_predicts_with():
    rng = np.random.default_rng(0)
    normalization = normalizations.Batch(0.8, epsilon=1e-3)
    one = np.ones((1, 1, 3))
    buffers = {"mean": np.zeros((1, 1, 3)), "variance": np.ones((1, 1, 3))}
    mean, variance = np.zeros(3), np.ones(3)
    for _ in range(4):
        x = rng.normal(2, 3, (1, 10, 3))
        normalization.forward(x.copy(), training=True, gamma=one, beta=0 * one, **buffers)
        mean = 0.8 * mean + 0.2 * x[0].mean(axis=0)
        variance = 0.8 * variance + 0.2 * x[0].var(axis=0)
    assert_allclose(buffers["mean"][0, 0], mean, rtol=1e-12)
    assert_allclose(buffers["variance"][0, 0], variance, rtol=1e-12)
    x = rng.normal(size=(1, 5, 3))
    y, _ = normalization.forward(x.copy(), training=False, gamma=one, beta=0 * one, **buffers)
    assert_allclose(y[0], (x[0] - mean) / np.sqrt(variance + 1e-3), rtol=1e-12)


def test_batch_normalization_of_one_row_takes_the_running_statistics():
    buffers = {"mean": np.full((1, 1, 2), 1.0), "variance": np.full((1, 1, 2), 4.0)}
    before = {name: value.copy() for name, value in buffers.items()}
    one = np.ones((1, 1, 2))
    y, _ = normalizations.Batch().forward(np.full((1, 1, 2), 5.0), training=True, gamma=one, beta=0 * one, **buffers)
    assert_allclose(y, 2.0, rtol=1e-5)
    assert all(np.array_equal(buffers[name], before[name]) for name in buffers)
