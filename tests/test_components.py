"""Every registered component keeps its family's contract, and computes what the literature says."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

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
        losses.Focal(0.0),
        losses.Focal(0.5),
        losses.Huber(0.1),
        losses.Quantile(0.9),
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
        schedules.StepDecay(1, gamma=0.1),
        schedules.InverseTime(2.0),
        schedules.Polynomial(0.5, end=0.1),
        schedules.Polynomial(2.0),
        schedules.Cosine(1),
        schedules.Cosine(2, growth=1.5, end=0.1),
        schedules.OneCycle(0.9, start=0.0, end=0.0),
        schedules.Warmup(schedules.Exponential(0.5), epochs=0.3),
        schedules.Warmup("one_cycle", epochs=100),
        schedules.Plateau(0.1, patience=1),
        initializers.Normal(2.0),
    ],
    ids=repr,
)
def test_contract_with_other_hyperparameters(component):
    check_component(component)


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
