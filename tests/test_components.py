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
        activations.Maxout(3),
        activations.PReLU(-0.1, shared=True),
        activations.ELU(0.3),
        activations.Swish(0.5),
        activations.Parametric("mish"),
        activations.Parametric(activations.LeakyReLU(0.3), share=-0.5),
        activations.Swish(2.0, learned=True),
        activations.Swish(learned=True, shared=False),
        losses.Focal(0.0),
        losses.Focal(0.5),
        losses.Huber(0.1),
        losses.Quantile(0.9),
        normalizations.BatchNorm(0.5, epsilon=0.1),
        normalizations.BatchNorm(statistics="population"),
        normalizations.LayerNorm(epsilon=0.1),
        normalizations.GroupNorm(1, epsilon=0.1),
        normalizations.GroupNorm(4),
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
        schedules.CosLog(1),
        schedules.FlatCos(0.0, end=0.1),
        schedules.Plateau(0.1, patience=1),
        initializers.Normal(2.0),
        initializers.Orthogonal(0.5),
    ],
    ids=repr,
)
def test_contract_with_other_hyperparameters(component):
    check_component(component)


def test_penalties():
    weights = np.array([[3.0, -4.0, 0.0], [1.0, 1.0, -1.0]])
    assert_allclose(penalties.L2().value(weights), [12.5, 1.5])
    assert_allclose(penalties.L2().gradient(weights), weights)
    assert_allclose(penalties.L1().value(weights), [7.0, 3.0])
    assert_allclose(penalties.L1().gradient(weights), np.sign(weights))
