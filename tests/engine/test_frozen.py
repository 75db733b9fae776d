"""Frozen layers: nothing moves them, and the rest is trained as if they were a part of the data."""

from copy import deepcopy
from dataclasses import replace

import numpy as np
import pytest
from nets import architecture, classification, member

from skdl import activations, encodings, normalizations, optimizers, penalties
from skdl.engine import Network
from skdl.engine import frozen as frozen_layers
from skdl.execution import train_members
from skdl.plugins import Activation
from skdl.testing import check_members

ROWS = classification(70, 5, 3, dtype=np.float64)
VALIDATION = classification(20, 5, 3, dtype=np.float64, seed=1)
ALL = ("input", "hidden_1", "hidden_2", "output")


def network(**changes):
    built = architecture(5, (6, 4), 3, **changes)
    return replace(built, input_scale=True, encoding=encodings.resolve("piecewise").with_params(n_bins=3))


def one(frozen=(), *, described=None, **changes):
    described = network() if described is None else described
    defaults = {"dtype": np.float64, "architecture": described, "frozen": frozen, "n_epochs": 4, "max_epochs": 4}
    return member(changes.pop("rows", ROWS), **{**defaults, **changes})


def arrays(spec, theta, buffers):
    """The arrays of each layer, one after the other."""
    built = Network([spec.architecture], spec.dtype)
    views, found = built.arrays(theta, buffers), []
    for layer in range(4):
        own = [array.ravel() for leaf in sorted(spec.architecture.leaves_of([layer])) for array in views[leaf].values()]
        found.append(np.concatenate(own) if own else np.zeros(0))
    return found


def trained(spec):
    [outcome] = train_members([replace(spec, generator=deepcopy(spec.generator))])
    return outcome


def initial(spec):
    return trained(replace(spec, n_epochs=0, frozen=()))


@pytest.mark.parametrize("optimizer", ["adamw", "sgd", "lbfgs"])
@pytest.mark.parametrize("frozen", [(0,), (0, 1), (0, 1, 2), (1,), (2,), (3,), (1, 3)])
def test_nothing_moves_frozen_layers(frozen, optimizer):
    options = {"normalization": "batch"} if optimizer == "lbfgs" else {"normalization": "batch", "dropout": 0.3}
    spec = one(
        frozen,
        described=network(**options),
        optimizer=optimizers.resolve(optimizer),
        penalty=penalties.resolve("l2" if optimizer == "lbfgs" else "max_norm").with_params(
            **({} if optimizer == "lbfgs" else {"limit": 0.01})
        ),
        batch_size=len(ROWS.X) if optimizer == "lbfgs" else 16,
        validation=VALIDATION,
        score=lambda raw: float(raw.mean()),
    )
    outcome, before = trained(spec), initial(spec)
    best = outcome.state.progress[0]
    for theta, buffers in (
        (outcome.state.theta, outcome.state.buffers),
        (outcome.theta, outcome.buffers),
        (best.best_theta, best.best_buffers),
    ):
        pairs = zip(arrays(spec, before.theta, before.buffers), arrays(spec, theta, buffers), strict=True)
        for layer, (old, new) in enumerate(pairs):
            if layer in frozen:
                np.testing.assert_array_equal(new, old)
            else:
                assert (new != old).any()
    assert all((outcome.state.optimizer_state[name] != 0).any() for name in spec.optimizer.state_names)


@pytest.mark.parametrize("frozen", [("input", "hidden_1"), ("input", "hidden_1", "hidden_2"), ("hidden_2",)])
@pytest.mark.parametrize(("activation", "normalization"), [("tanh", None), ("parametric", "layer")])
def test_the_rest_is_trained_as_with_a_rate_of_zero_for_what_is_frozen(frozen, activation, normalization):
    """The other way has the whole network in each step, and in its objective the penalty of frozen layers."""
    described = network(activation=activation, normalization=normalization)
    places = tuple(ALL.index(name) for name in frozen)
    changes = {
        "described": described,
        "optimizer": optimizers.resolve("adamw"),
        "validation": replace(VALIDATION, index=np.arange(3, 17)),
        "score": lambda raw: float(raw.mean()),
    }
    spec = one(places, **changes, learning_rate_factors={"bias": 0.5, "hidden_2": 0.5, "first_weight": 0.1})
    factors = {"bias": 0.5, "hidden_2": 0.5, "first_weight": 0.1} | dict.fromkeys(frozen, 0.0)
    masked = trained(one((), **changes, learning_rate_factors=factors))
    rest = trained(spec)
    np.testing.assert_allclose(rest.theta, masked.theta, rtol=1e-9, atol=1e-12)
    before = initial(spec)
    leaves = spec.architecture.leaves_of(places)
    weights = [
        view
        for leaf, each, view in Network([spec.architecture], np.float64).layout.placed(before.theta)
        if leaf in leaves and each.role == "weight"
    ]
    penalty = spec.alpha * sum(0.5 * (view**2).sum() for view in weights)
    for one_record, other in zip(rest.state.progress[0].history, masked.state.progress[0].history, strict=True):
        assert one_record["loss"] == pytest.approx(other["loss"] - penalty, rel=1e-9)
        for name in ("validation_loss", "validation_score"):
            assert one_record[name] == pytest.approx(other[name], rel=1e-9)


def test_norms_of_the_gradient_are_those_of_what_is_trained():
    """A clipped step is as long in the output layer as if the layers below were the data."""
    clipped = optimizers.resolve("sgd").with_params(learning_rate=1.0, clip_norm=1e-3)
    spec = one((0, 1, 2), optimizer=clipped, alpha=0.0, batch_size=70, n_epochs=1)
    outcome, before = trained(spec), initial(spec)
    step = np.linalg.norm(outcome.theta - before.theta)
    assert step == pytest.approx(1e-3, rel=1e-9)
    assert trained(one((), optimizer=clipped, alpha=0.0, batch_size=70, n_epochs=1)).theta == pytest.approx(
        before.theta, abs=1e-3
    )


class Counting(Activation):
    """tanh, which counts the rows that it sees."""

    def __init__(self, seen=None):
        self.seen = seen

    def forward(self, x):
        self.seen.append(x.shape[1])
        y = np.tanh(x)
        return y, lambda dy: (dy * (1 - y**2), {})


@pytest.mark.parametrize(("dropout", "passes"), [(0.0, 1), (0.2, 4)])
def test_frozen_layers_are_computed_once_where_nothing_in_them_is_random(dropout, passes):
    seen = []
    described = replace(network(), activations=(Counting(seen), activations.resolve("tanh")))
    described = replace(described, dropouts=(0.0, dropout, 0.0))
    outcome = trained(one((0, 1), described=described, rows=replace(ROWS, index=np.r_[5:60, 5:10])))
    rows = 55 if passes == 1 else 60  # those that are there twice are computed once
    assert sum(seen) == passes * rows
    assert len(outcome.state.progress[0].history) == 4


def test_values_of_very_many_rows_are_computed_in_each_epoch(monkeypatch):
    seen = []
    described = replace(network(), activations=(Counting(seen), activations.resolve("tanh")))
    once = trained(one((0, 1), described=described))
    assert sum(seen) == 70
    monkeypatch.setattr(frozen_layers, "MOST_NUMBERS", 80 * 6 - 1)  # of 5 batches of 16, and 6 units
    often = trained(one((0, 1), described=described))
    assert sum(seen) == 70 + 4 * 70
    np.testing.assert_allclose(often.theta, once.theta, rtol=1e-9)


@pytest.mark.parametrize(("optimizer", "dropout"), [("adam", 0.0), ("adam", 0.2), ("lbfgs", 0.0)])
def test_members_of_a_stack_end_as_alone(optimizer, dropout):
    rng = np.random.default_rng(0)
    described = network(normalization="batch", dropout=dropout)
    width = 5 * described.encoding.width
    dense = 3 if dropout else 2  # the leaf over the encoding, the scale and the inputs' dropout
    taken = [{dense: {"weight": rng.normal(size=(width, 6)), "bias": np.ones((1, 6))}} for _ in range(2)]
    members = [
        one(
            (0, 1),
            described=described,
            taken=each,
            seed=i % 2,
            dtype=np.float32,
            optimizer=optimizers.resolve(optimizer),
            batch_size=60 if optimizer == "lbfgs" else 16,
            rows=replace(ROWS, index=np.arange(i % 2, 60 + i % 2)),
        )
        for i, each in enumerate([None, *taken, taken[1]])
    ]
    check_members(members)
    outcome = trained(members[1])
    weights = Network([described], np.float32).arrays(outcome.theta, outcome.buffers)[dense]["weight"][0]
    np.testing.assert_array_equal(weights, taken[0][dense]["weight"].astype(np.float32))


@pytest.mark.parametrize("frozen", [(), (0, 1), (3,)])
def test_what_was_pruned_stays_zero(frozen):
    gone = np.arange(24).reshape(6, 4) % 3 == 0
    spec = one(frozen, pruned={4: {"weight": gone}}, taken={4: {"weight": np.where(gone, 0, 1.0)}}, dtype=np.float32)
    outcome = trained(spec)
    state = outcome.state
    on = trained(one(frozen, dtype=np.float32, state=state, seed=3))  # a mask is kept with the state
    for each in (outcome, on):
        [weight] = Network([spec.architecture], np.float32).layout.views(each.theta)[4]["weight"]
        np.testing.assert_array_equal(weight == 0, gone)
    check_members([one(frozen, dtype=np.float32, state=state), one(frozen, dtype=np.float32, state=on.state)])


def test_running_statistics_stay_and_are_used():
    """A frozen batch normalization is the fixed map that it is at prediction."""
    described = network(normalization="batch")
    spec = one((0, 1, 2), described=described)
    statistics = {3: {"mean": np.full((1, 6), 0.3), "variance": np.full((1, 6), 4.0)}}
    names = set(Network([described], np.float64).buffer_layout.views(initial(spec).buffers)[3])
    statistics = {3: {name: statistics[3][name] for name in names}}
    outcome = trained(replace(spec, taken=statistics))
    built = Network([described], np.float64)
    for name, value in statistics[3].items():
        np.testing.assert_array_equal(built.arrays(outcome.theta, outcome.buffers)[3][name][0], value)
    population = replace(
        described, normalizations=(normalizations.resolve("batch").with_params(statistics="population"),) * 2
    )
    kept = trained(one((0, 1, 2), described=population, taken=statistics))
    np.testing.assert_array_equal(
        arrays(spec, kept.theta, kept.buffers)[1], arrays(spec, outcome.theta, outcome.buffers)[1]
    )
