"""The gradient of the whole objective, mean loss plus penalty, against central differences in float64."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from nets import architecture, member, penalty_of, regression

from skdl import activations, encodings, layers, losses, normalizations, penalties
from skdl._protocols import Activation
from skdl.engine import Network
from skdl.engine.full_batch import FullObjective
from skdl.engine.objective import Objective
from skdl.engine.train import initial_state
from skdl.layers.batch_ensemble import BatchEnsembleMaps
from skdl.layers.dense import OrdinaryMaps
from skdl.plugins import ForwardContext
from skdl.testing import check_gradient

K, B, D, C = 2, 6, 3, 3


class Learned(Activation):
    """x sigma(a x) with learned a for each unit and a learned shift for all: parameters of both shapes."""

    def parameters(self, n_units):
        return {"a": np.ones((1, n_units)), "shift": np.full((1, 1), 0.1)}

    def forward(self, x, a, shift):
        sigma = 1 / (1 + np.exp(-a * x))

        def backprop(dy):
            da = dy * x * x * sigma * (1 - sigma)
            dx = dy * (sigma + a * x * sigma * (1 - sigma))
            return dx, {"a": da.sum(axis=1, keepdims=True), "shift": dy.sum(axis=(1, 2), keepdims=True)}

        return x * sigma + shift, backprop


def targets_of(loss, rng):
    if loss.task == "classification":
        return rng.dirichlet(np.ones(C), (K, B))
    return rng.uniform(size=(K, B, C)) if loss.task == "binary" else rng.normal(size=(K, B, C))


def check_objective(
    networks, *, loss="cross_entropy", penalty="l2", alphas=(0.3, 0.05), prior=None, seed=0, training=True
):
    """Compare each parameter's gradient for K members at a random point, with buffers and masks that start anew."""
    rng = np.random.default_rng(seed)
    loss = losses.resolve(loss)
    network = Network(networks, np.float64)
    objective = Objective(
        network,
        [
            SimpleNamespace(
                architecture=each,
                loss=loss,
                penalty=penalty_of(penalty),
                alpha=alpha,
                prior=prior,
                rows=None,
                dtype=np.float64,
            )
            for each, alpha in zip(networks, alphas, strict=True)
        ],
    )
    theta, buffers = network.initial([np.random.default_rng(seed + i) for i in range(K)])
    theta += rng.normal(0, 0.2, theta.shape)
    x, targets, weight = rng.normal(size=(K, B, D)), targets_of(loss, rng), rng.uniform(0.05, 0.3, (K, B, 1))
    gradient = np.full_like(theta, np.nan)  # whatever is not written shows
    views = network.layout.views(gradient)

    def value(flat):
        generators = [np.random.default_rng(100 + i) for i in range(K)]
        arrays = network.arrays(flat, buffers.copy())
        context = ForwardContext(training=training, generators=generators)
        part = objective.loss_and_gradient(x.copy(), targets.copy(), weight.copy(), arrays, views, context)
        return float((part + objective.penalty_value(flat)).sum())

    value(theta)
    objective.add_penalty_gradient(theta, gradient, smooth=False)
    found = [{name: array.copy() for name, array in named.items()} for named in network.layout.views(gradient)]
    for leaf, spec in network.layout.entries:

        def along(array, leaf=leaf, spec=spec):
            flat = theta.copy()
            network.layout.views(flat)[leaf][spec.name][...] = array
            return value(flat)

        at = network.layout.views(theta)[leaf][spec.name]
        check_gradient(along, found[leaf][spec.name], at, name=f"{spec.name} of leaf {leaf}")


@pytest.mark.parametrize("loss", losses.names())
@pytest.mark.parametrize("normalization", [None, *normalizations.names()])
def test_every_loss_and_normalization(loss, normalization):
    networks = [architecture(D, (4, 6), C, activation="swish", normalization=normalization)] * K
    check_objective(networks, loss=loss)


@pytest.mark.parametrize("normalization", [None, *normalizations.names()])
@pytest.mark.parametrize("activation", activations.names())
def test_every_activation_and_normalization_with_one_mask(activation, normalization):
    networks = [
        architecture(D, (4, 6), C, activation=activation, normalization=normalization, dropout=p) for p in (0.3, 0.5)
    ]
    check_objective(networks)


@pytest.mark.parametrize("normalization", [None, *normalizations.names()])
def test_learned_parameters_of_an_activation(normalization):
    check_objective([architecture(D, (4, 6), C, activation=Learned(), normalization=normalization, dropout=0.2)] * K)


@pytest.mark.parametrize("normalization", normalizations.names())
def test_with_running_statistics(normalization):
    """At prediction a normalization stands on its buffers, and so does its gradient."""
    check_objective([architecture(D, (4, 6), C, normalization=normalization)] * K, training=False)


@pytest.mark.parametrize("penalty", penalties.names())
@pytest.mark.parametrize("alphas", [(0.3, 0.05), (0.0, 0.5), (0.0, 0.0)])
def test_every_penalty(penalty, alphas):
    check_objective([architecture(D, (4,), C)] * K, penalty=penalty, alphas=alphas)


@pytest.mark.parametrize("penalty", ["l2", "l1", "elastic_net"])
def test_a_penalty_towards_given_weights_with_an_alpha_each(penalty):
    rng = np.random.default_rng(5)
    size = D * 4 + 4 * C
    alphas, prior = rng.uniform(0.01, 0.5, (K, size)), rng.normal(size=size)
    check_objective([architecture(D, (4,), C)] * K, penalty=penalty, alphas=alphas, prior=prior)


@pytest.mark.parametrize("normalization", [None, "batch"])
@pytest.mark.parametrize("widths", [(4,), (4, 2, 4), (5, 4, 2, 4, 5)])
def test_tied_weights(widths, normalization):
    """Each has the gradient of both maps, and each penalty once."""
    network = replace(architecture(D, widths, C, activation="swish", normalization=normalization), tied=True)
    untied = replace(network, tied=False).outline
    weights = sum(np.prod(shape) for shape in untied.coefficients)
    assert network.outline.n_parameters == untied.n_parameters - weights // 2
    assert network.outline.coefficients == untied.coefficients
    check_objective([network] * K, loss="squared_error")


def test_a_penalty_on_activations():
    networks = [
        replace(architecture(D, (4, 6), C, activation="tanh"), activity=penalties.ActivityL1(), activity_alpha=alpha)
        for alpha in (0.3, 0.05)
    ]
    check_objective(networks, alphas=(0.0, 0.0))


@pytest.mark.parametrize("normalization", [None, *normalizations.names()])
@pytest.mark.parametrize("widths", [(4, 6), (4,), ()])
def test_copies_that_share_weights(widths, normalization):
    """A batch ensemble: every scaling of every copy, and a loss that is the mean of the copies' losses."""
    for loss in ("cross_entropy", "squared_error"):
        networks = [
            replace(architecture(D, widths, C, normalization=normalization, dropout=0.2), maps=BatchEnsembleMaps(3))
        ] * K
        check_objective(networks, loss=loss)


def test_copies_with_learned_activations_and_a_penalty_on_activations():
    network = replace(architecture(D, (4, 6), C, activation=Learned()), maps=BatchEnsembleMaps(2))
    check_objective([network] * K)
    check_objective([replace(network, activity=penalties.ActivityL1(), activity_alpha=0.3)] * K, alphas=(0.0, 0.0))


@pytest.mark.parametrize("normalization", [None, "batch", "layer"])
@pytest.mark.parametrize("encoding", [None, encodings.Periodic(2, sigma=0.5, n_units=2)])
@pytest.mark.parametrize("maps", [OrdinaryMaps(), BatchEnsembleMaps(2)])
def test_residual_blocks_and_encodings(normalization, encoding, maps):
    """The first layer's gradient too: below a dense layer that is not the first one anything may be learned."""
    plain = architecture(D, (4, 4), C, activation="swish", normalization=normalization, dropout=0.2)
    for blocks in (("residual", "residual"), ("dense", "residual")):
        network = replace(plain, blocks=tuple(map(layers.resolve, blocks)), encoding=encoding, maps=maps)
        check_objective([network] * K, loss="squared_error")


def test_linear_network():
    check_objective([architecture(D, (), C)] * K)


def test_members_with_different_hyperparameters():
    networks = [architecture(D, (4,), C, activation=activations.LeakyReLU(alpha)) for alpha in (0.05, 0.4)]
    check_objective(networks)


@pytest.mark.parametrize("normalization", [None, "layer", "batch"])
def test_objective_of_all_rows_over_blocks(normalization, monkeypatch):
    """A full-batch objective sums blocks of rows; statistics over a batch are those of all rows."""
    monkeypatch.setattr("skdl.engine.full_batch.BLOCK_ROWS", 4)
    rows = regression(11, D, C, dtype=np.float64)
    task = member(
        rows, (4,), network={"normalization": normalization}, loss=losses.SquaredError(), dtype=np.float64, alpha=0.2
    )
    function = FullObjective(task, initial_state(task))
    theta = function.state.theta[0] + np.random.default_rng(0).normal(0, 0.2, function.state.theta.shape[1])
    check_gradient(lambda at: function(at)[0], lambda at: function(at)[1].copy(), theta)


def test_value_of_all_rows_is_the_mean_of_the_formula(monkeypatch):
    monkeypatch.setattr("skdl.engine.full_batch.BLOCK_ROWS", 4)
    rows = regression(11, D, C, dtype=np.float64)
    task = member(rows, (), loss=losses.SquaredError(), dtype=np.float64, alpha=0.2)
    function = FullObjective(task, initial_state(task))
    W, b = np.random.default_rng(0).normal(size=(D, C)), np.arange(C) / 10
    value, _ = function(np.concatenate([W.ravel(), b]))
    errors = rows.X @ W + b - rows.targets
    assert value == pytest.approx((errors**2).mean() / 2 + 0.2 * (W**2).sum() / 2, rel=1e-13)
