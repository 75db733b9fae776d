"""Batch ensembles: copies that share weights against networks of their own, in stacks, and where rows judge them."""

from dataclasses import replace

import numpy as np
import pytest
from nets import architecture, classification, member, regression
from numpy.testing import assert_allclose, assert_array_equal

from skdl import losses, normalizations, optimizers
from skdl.engine import Dataset, Network, Objective
from skdl.engine.train import initial_state
from skdl.execution import train_members
from skdl.layers.batch_ensemble import BatchEnsembleMaps
from skdl.plugins import ForwardContext
from skdl.testing import check_members

pytestmark = pytest.mark.usefixtures("threads_for_the_smallest")

COPIES, D, WIDTHS, C = 3, 4, (5, 6), 2


def shared(rows, widths=WIDTHS, *, network=None, **changes):
    task = member(rows, widths, network=network, **changes)
    return replace(task, architecture=replace(task.architecture, maps=BatchEnsembleMaps(COPIES)))


def random_arrays(network, seed=0):
    rng = np.random.default_rng(seed)
    theta, buffers = rng.normal(size=(1, network.layout.size)), np.ones((1, network.buffer_layout.size))
    return network.arrays(theta, buffers)


def scores_of_copy(arrays, j, x):
    """One copy's scores, written out: weights are the shared ones times a matrix of rank one."""
    _, first, _, second, _, last = ({name: value[0] for name, value in named.items()} for named in arrays)
    for named in (first, second):
        weight = named["weight"] * np.outer(named["in_scale"][j], named["out_scale"][j])
        x = np.tanh(x @ weight + named["bias"][j])
    block = last["weight"][j * WIDTHS[-1] : (j + 1) * WIDTHS[-1]]
    return x @ block + last["bias"][j]


def test_a_copy_is_the_network_with_its_weights():
    network = Network([replace(architecture(D, WIDTHS, C), maps=BatchEnsembleMaps(COPIES))], np.float64)
    arrays, x = random_arrays(network), np.random.default_rng(1).normal(size=(7, D))
    scores = network.scores(x[None], arrays)
    assert scores.shape == (1, COPIES * 7, C)
    expected = np.concatenate([scores_of_copy(arrays, j, x) for j in range(COPIES)])
    assert_allclose(scores[0], expected, rtol=1e-12)
    both = network.predict_rows(network.blocks([Dataset(x, np.zeros((7, C)))]), arrays)  # a block, and then several
    assert_allclose(both[0], expected, rtol=1e-12)


def test_scores_of_many_blocks_come_copy_by_copy(monkeypatch):
    monkeypatch.setattr("skdl.engine.network.PREDICTION_ROWS", 3)
    network = Network([replace(architecture(D, WIDTHS, C), maps=BatchEnsembleMaps(COPIES))], np.float64)
    arrays, x = random_arrays(network), np.random.default_rng(1).normal(size=(7, D))
    expected = np.concatenate([scores_of_copy(arrays, j, x) for j in range(COPIES)])
    assert_allclose(
        network.predict_rows(network.blocks([Dataset(x, np.zeros((7, C)))]), arrays)[0], expected, rtol=1e-12
    )


def test_the_loss_is_the_mean_of_the_copies_losses():
    rows = regression(6, D, C, dtype=np.float64)
    task = shared(rows, loss=losses.SquaredError(), dtype=np.float64, alpha=0.0)
    network = Network([task.architecture], np.float64)
    objective, arrays = Objective(network, [task]), random_arrays(network)
    weight = np.random.default_rng(2).uniform(0, 1, 6)
    gradients = network.layout.views(np.empty((1, network.layout.size)))
    context = ForwardContext(training=True)
    found = objective.loss_and_gradient(
        rows.X[None], rows.targets[None].copy(), weight[None, :, None], arrays, gradients, context
    )
    squares = [
        weight @ ((scores_of_copy(arrays, j, rows.X) - rows.targets) ** 2).mean(axis=1) / 2 for j in range(COPIES)
    ]
    assert found[0] == pytest.approx(np.mean(squares), rel=1e-12)


def test_the_copies_begin_alike_but_for_signs_of_the_inputs_and_their_last_map():
    network = Network([replace(architecture(D, WIDTHS, C), maps=BatchEnsembleMaps(COPIES))], np.float64)
    theta, _ = network.initial([np.random.default_rng(0)])
    _, first, _, second, _, last = network.layout.views(theta)
    assert set(first["in_scale"].ravel()) == {-1.0, 1.0}
    for scale in (first["out_scale"], second["in_scale"], second["out_scale"]):
        assert (scale == 1).all()
    blocks = last["weight"].reshape(COPIES, WIDTHS[-1], C)
    assert len(np.unique(blocks)) == blocks.size
    plain = Network([architecture(D, WIDTHS, C)], np.float64)
    assert network.layout.size == theta.shape[1] == network_size(D, WIDTHS, C)
    assert replace(architecture(D, WIDTHS, C), maps=BatchEnsembleMaps(COPIES)).outline.n_parameters == theta.shape[1]
    assert architecture(D, WIDTHS, C).outline.n_parameters == plain.layout.size


def network_size(d, widths, c):
    """Numbers of a batch ensemble, counted by hand: shared weights, three vectors a layer and copy, own last maps."""
    a, b = widths
    return d * a + COPIES * (d + 2 * a) + a * b + COPIES * (a + 2 * b) + COPIES * (b + 1) * c


def test_a_batch_ensemble_of_one_hidden_unit_by_hand():
    """One SGD step, against derivatives written out for a scalar network."""
    x, t = 0.7, 0.3
    rows = Dataset(np.array([[x]]), np.array([[t]]))
    task = shared(
        rows,
        (1,),
        loss=losses.SquaredError(),
        optimizer=optimizers.SGD(learning_rate=0.1),
        dtype=np.float64,
        alpha=0.0,
        n_epochs=1,
        max_epochs=1,
    )
    network = Network([task.architecture], np.float64)
    before = network.layout.views(initial_state(replace(task, generator=np.random.default_rng(0))).theta)
    W, r = before[1]["weight"].item(), before[1]["in_scale"][0, :, 0]
    v = before[3]["weight"][0, :, 0]
    hidden = np.tanh(x * r * W)
    error = (hidden * v - t) / COPIES
    inner = error * v * (1 - hidden**2)
    [outcome] = train_members([replace(task, generator=np.random.default_rng(0))])
    after = network.layout.views(outcome.theta)
    assert after[1]["weight"].item() == pytest.approx(W - 0.1 * (inner * r * x).sum(), rel=1e-12)
    assert_allclose(after[1]["in_scale"][0, :, 0], r - 0.1 * inner * W * x, rtol=1e-12)
    assert_allclose(after[1]["out_scale"][0, :, 0], 1 - 0.1 * inner * x * r * W, rtol=1e-12)
    assert_allclose(after[1]["bias"][0, :, 0], -0.1 * inner, rtol=1e-12)
    assert_allclose(after[3]["weight"][0, :, 0], v - 0.1 * error * hidden, rtol=1e-12)
    assert_allclose(after[3]["bias"][0, :, 0], -0.1 * error, rtol=1e-12)


@pytest.mark.parametrize("n_threads", [1, 2])
@pytest.mark.parametrize("network", [{}, {"normalization": "batch"}, {"normalization": "layer", "dropout": 0.3}])
def test_a_stack_of_batch_ensembles_changes_no_bit(network, n_threads):
    rows, judges = classification(40, D, 3), classification(11, D, 3, seed=5)
    score = lambda raw: -float((raw**2).mean())  # noqa: E731
    tasks = [
        shared(rows, network=network, seed=seed, alpha=10.0**-seed, validation=judges, score=score) for seed in range(4)
    ]
    check_members([*tasks, member(rows, WIDTHS, network=network)], n_threads)


def test_rows_that_judge_see_all_copies():
    rows, judges = regression(30, D, C), regression(9, D, C, seed=3)
    seen = []
    task = shared(
        rows,
        loss=losses.SquaredError(),
        validation=judges,
        score=lambda raw: seen.append(raw.copy()) or 0.0,
        n_epochs=1,
    )
    [outcome] = train_members([task])
    network = Network([task.architecture], np.float32)
    arrays = network.arrays(outcome.theta, outcome.buffers)
    expected = network.scores(judges.X[None], arrays)[0]
    assert_array_equal(seen[0], expected)
    targets = np.concatenate([judges.targets] * COPIES)
    [record] = outcome.state.progress[0].history
    assert record["validation_loss"] == pytest.approx(((expected - targets) ** 2).mean() / 2, rel=1e-5)


def test_exact_statistics_are_those_of_all_copies():
    rows = regression(50, D, C, dtype=np.float64)
    norm = normalizations.resolve("batch").with_params(statistics="population")
    task = shared(rows, (5,), dtype=np.float64, n_epochs=2, loss=losses.SquaredError())
    task = replace(task, architecture=replace(task.architecture, normalizations=(norm,)))
    [outcome] = train_members([task])
    network = Network([task.architecture], np.float64)
    arrays = network.arrays(outcome.theta, outcome.buffers)
    first = {name: value[0] for name, value in arrays[1].items()}
    inputs = np.concatenate(
        [
            rows.X @ (first["weight"] * np.outer(first["in_scale"][j], first["out_scale"][j])) + first["bias"][j]
            for j in range(COPIES)
        ]
    )
    assert_allclose(arrays[2]["mean"][0, 0], inputs.mean(axis=0), rtol=1e-10)
    assert_allclose(arrays[2]["variance"][0, 0], inputs.var(axis=0), rtol=1e-10)


def test_with_a_full_batch_optimizer():
    rows = regression(40, D, C, dtype=np.float64)
    task = shared(
        rows,
        (5,),
        loss=losses.SquaredError(),
        optimizer=optimizers.resolve("lbfgs"),
        dtype=np.float64,
        batch_size=40,
        n_epochs=60,
        max_epochs=60,
    )
    [outcome] = train_members([task])
    history = [record["loss"] for record in outcome.state.progress[0].history]
    assert history[-1] < 0.2 * history[0]
