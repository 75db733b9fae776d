"""Stacking never changes a result: member i of a stack equals its lone fit, bit for bit."""

from dataclasses import replace
from threading import Event

import numpy as np
import pytest
from nets import architecture, classification, member, penalty_of, regression
from scipy import sparse

from skdl import activations, losses, normalizations, optimizers, penalties, schedules
from skdl.engine.batches import Batches
from skdl.engine.train import train_stack
from skdl.execution import cost, train_members
from skdl.execution.plan import groups_of
from skdl.layers.batch_ensemble import BatchEnsembleMaps
from skdl.layers.dense import OrdinaryMaps
from skdl.testing import check_members

pytestmark = pytest.mark.usefixtures("threads_for_the_smallest")

RATES = np.geomspace(1e-3, 1e-1, 7)
ALPHAS = np.geomspace(1e-6, 1.0, 7)
EPOCHS = (3, 1, 4, 2, 3, 4, 2)


def seven(rows, widths=(5,), *, optimizer=optimizers.Adam, network=None, dropout=0.0, **changes):
    """Members that differ in all that may differ in one stack."""
    members = []
    for i in range(7):
        described = {**(network or {}), "dropout": dropout and dropout + i / 50}
        fields = {"optimizer": optimizer(learning_rate=RATES[i]), "alpha": ALPHAS[i], "n_epochs": EPOCHS[i], **changes}
        members.append(member(rows, widths, seed=i, network=described, **fields))
    assert len({one.structure for one in members}) == 1  # they do train together
    return members


@pytest.mark.parametrize(("dropout", "n_threads"), [(0.0, 1), (0.3, 2)])
@pytest.mark.parametrize("normalization", [None, *normalizations.names()])
@pytest.mark.parametrize("activation", activations.names())
def test_small_networks(activation, normalization, dropout, n_threads):
    rows = classification(53, 7, 3)
    network = {"activation": activation, "normalization": normalization}
    outcomes = check_members(seven(rows, (6, 4), network=network, dropout=dropout, batch_size=16), n_threads)
    assert [outcome.state.progress[0].epoch for outcome in outcomes] == list(EPOCHS)


@pytest.mark.parametrize("normalization", [None, "batch"])
@pytest.mark.parametrize(("widths", "n_inputs"), [((6, 4, 6), 7), ((1,), 1), ((40, 3, 40), 2)])
def test_tied_weights(widths, n_inputs, normalization):
    rows = regression(53, n_inputs, n_inputs)
    members = seven(rows, widths, loss=losses.SquaredError(), network={"normalization": normalization}, dropout=0.1)
    assert len({each.structure for each in (*members, tied(members[0]))}) == 2
    outcomes = check_members([tied(each) for each in members])
    free = check_members(members)
    assert outcomes[0].theta.size < free[0].theta.size


def tied(member):
    return replace(member, architecture=replace(member.architecture, tied=True))


@pytest.mark.parametrize("batch_size", [1, 7, 16, 53])
@pytest.mark.parametrize("widths", [(), (1,), (2, 17), (33,)])
@pytest.mark.parametrize("n_outputs", [1, 2, 5])
def test_odd_sizes(widths, batch_size, n_outputs):
    rows = regression(53, 3, n_outputs)
    check_members(seven(rows, widths, loss=losses.SquaredError(), batch_size=batch_size, n_epochs=2))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("optimizer", [name for name in optimizers.names() if not optimizers.resolve(name).full_batch])
@pytest.mark.parametrize("penalty", penalties.names())
def test_every_optimizer_and_penalty(optimizer, penalty, dtype):
    rows = classification(40, 4, 3, dtype=dtype)
    cls = type(optimizers.resolve(optimizer))
    check_members(seven(rows, optimizer=cls, penalty=penalty_of(penalty), dtype=dtype, n_epochs=3))


@pytest.mark.parametrize("schedule", schedules.names())
@pytest.mark.parametrize("loss", losses.names())
def test_every_schedule_and_loss(schedule, loss):
    loss = losses.resolve(loss)
    rows = regression(40, 4, 3) if loss.task == "regression" else classification(40, 4, 3)
    check_members(seven(rows, schedule=schedules.resolve(schedule), loss=loss))


def test_hyperparameters_of_components_differ():
    rows = classification(40, 4, 3)
    members = []
    for i in range(7):
        network = {
            "activation": activations.LeakyReLU(i / 10),
            "normalization": normalizations.BatchNorm(momentum=0.5 + i / 20, epsilon=10.0 ** (-i)),
        }
        optimizer = optimizers.Adam(RATES[i], beta_1=0.5 + i / 20, beta_2=0.9 + i / 100, epsilon=10.0 ** (-i - 2))
        schedule = schedules.Exponential(0.5 + i / 20)
        members.append(member(rows, (4,), seed=i, network=network, optimizer=optimizer, schedule=schedule))
    assert len({one.structure for one in members}) == 1
    check_members(members, 2)


@pytest.mark.parametrize(
    ("n_inputs", "widths", "batch_size", "inside"),
    [(150, (300, 30), 67, False), (140, (430, 12), 71, True)],
    ids=["below the threshold", "above the threshold"],
)
@pytest.mark.parametrize("n_threads", [1, 2])
def test_large_layers(n_inputs, widths, batch_size, inside, n_threads):
    """On either side of the size from which BLAS may use its own threads."""
    rows = classification(150, n_inputs, 10)
    network = {"activation": "relu", "normalization": "batch"}
    members = seven(rows, widths, network=network, dropout=0.2, batch_size=batch_size, n_epochs=2)
    assert members[0].threads_blas == inside
    check_members(members, n_threads)


@pytest.mark.parametrize("n_threads", [1, 2, 3])
@pytest.mark.parametrize("block_bytes", [0, 15_000, 1 << 30], ids=["lone blocks", "blocks of some", "one block"])
def test_group_sizes(block_bytes, n_threads, monkeypatch):
    monkeypatch.setattr(cost, "BLOCK_BYTES", block_bytes)
    members = seven(classification(53, 7, 3), (6,), dropout=0.2)
    sizes = {0: [1], 15_000: [2, 3, 4], 1 << 30: range(7, 10**9)}
    assert cost.members_per_block(members[0]) in sizes[block_bytes]
    check_members(members, n_threads)


@pytest.mark.parametrize("block_numbers", [1, 300])
def test_blocks_of_rows(block_numbers, monkeypatch):
    """How many rows are gathered at once depends on the number of members; the result does not."""
    members = seven(classification(53, 7, 3), dropout=0.2)
    [whole] = train_members([replace(members[2], generator=np.random.default_rng(2))])
    monkeypatch.setattr("skdl.engine.batches.BLOCK_NUMBERS", block_numbers)
    assert np.array_equal(check_members(members)[2].theta, whole.theta)


def with_rows(n_rows, *, kind=classification, **changes):
    """Seven members of which member i has n_rows[i] rows, of a table that they share."""
    rows = kind(max(n_rows), 5, 3)
    members = seven(rows, (6, 4), **{"batch_size": 16, **changes})
    rng = np.random.default_rng(0)
    return [
        replace(one, rows=replace(rows, index=rng.permutation(rows.X.shape[0])[:n]))
        for one, n in zip(members, n_rows, strict=True)
    ]


@pytest.mark.filterwarnings("ignore:Batch normalization had a batch of one row")
@pytest.mark.parametrize("n_threads", [1, 2])
@pytest.mark.parametrize("normalization", [None, "batch", "layer"])
@pytest.mark.parametrize(
    "n_rows",
    [
        (53, 54, 53, 54, 53, 54, 53),
        (49, 64, 50, 63, 56, 49, 64),
        (64, 64, 64, 64, 64, 64, 63),
        (17, 32, 31, 18, 17, 32, 20),
    ],
    ids=["a row more or less", "from one row to a full batch", "one that differs", "two batches"],
)
def test_members_of_unequal_numbers_of_rows(n_rows, normalization, n_threads):
    """With as many batches each, they share a stack; the last batch has as many rows as is left of each member's."""
    members = with_rows(n_rows, network={"normalization": normalization}, dropout=0.2)
    assert len({one.structure for one in members}) == 1
    outcomes = check_members(members, n_threads)
    assert [outcome.state.progress[0].epoch for outcome in outcomes] == list(EPOCHS)


def test_unequal_rows_with_weights_strata_and_blocks_of_rows(monkeypatch):
    members = with_rows((53, 54, 55, 53, 60, 54, 53))
    weight = np.random.default_rng(1).uniform(0.5, 2, size=60).astype(np.float32)
    strata = members[0].rows.targets.argmax(axis=1)
    members = [replace(one, rows=replace(one.rows, weight=weight, strata=strata)) for one in members]
    whole = check_members(members)
    monkeypatch.setattr("skdl.engine.batches.BLOCK_NUMBERS", 1)
    assert all(np.array_equal(a.theta, b.theta) for a, b in zip(check_members(members), whole, strict=True))


@pytest.mark.parametrize("optimizer", ["momentum", "rmsprop", "adagrad", "nadam"])
def test_unequal_rows_with_every_kind_of_memory(optimizer):
    members = with_rows((53, 54, 53, 54, 57, 54, 53), kind=regression, loss=losses.SquaredError())
    check_members([replace(one, optimizer=optimizers.resolve(optimizer)) for one in members])


def test_members_of_several_tables_and_kinds_of_rows():
    """Rows of one table are gathered together; tables, weights, index and standardisation may be anybody's own."""
    first, second = classification(53, 4, 3), classification(53, 4, 3, seed=1)
    weight = np.linspace(0.5, 1.5, 53).astype(np.float32)
    shift, scale = np.full(4, 0.3, np.float32), np.full(4, 1.7, np.float32)
    index = np.random.default_rng(0).integers(53, size=53)
    rows = [
        first,
        second,
        replace(first, index=index),
        first,
        replace(first, shift=shift, scale=scale),
        replace(second, weight=weight),
        replace(first, shift=shift, scale=scale, index=index[::-1]),
        replace(second, weight=weight, index=index),
        replace(first, X=sparse.csr_array(first.X)),
        replace(first, X=sparse.csr_array(first.X), index=index),
        replace(first, X=first.X.astype(np.float64), shift=shift.astype(np.float64), scale=scale),
    ]
    members = [member(each, (6,), seed=i, network={"dropout": 0.2}) for i, each in enumerate(rows)]
    [group] = groups_of(members)
    batches = Batches([rows[i] for i in group], 16, np.float32)
    assert sorted(run.stop - run.start for run in batches.runs) != [1] * len(rows)  # some are gathered together
    check_members(members, 2)


def test_numbers_of_batches_that_differ_make_other_stacks():
    members = with_rows((53, 54, 48, 54, 65, 54, 53))
    assert sorted(map(len, groups_of(members))) == [1, 1, 5]
    check_members(members, 2)


@pytest.mark.parametrize("size", [1, 3])
@pytest.mark.parametrize(
    ("widths", "dropout", "n_outputs"), [((), 0.0, 3), ((5,), 0.0, 3), ((6, 4), 0.3, 1), ((), 0.3, 1)]
)
def test_candidates_of_folds_share_their_batches(widths, dropout, n_outputs, size, monkeypatch):
    """Two of each of three folds, with one seed and orders in common."""
    folds = [regression(n, 4, n_outputs, seed=i) for i, n in enumerate((40, 41, 40))]
    members, seen = [], set()
    for rows in folds:
        for rate in (0.01, 0.1):
            network = {"dropout": dropout}
            optimizer = optimizers.Adam(rate)
            task = member(
                rows, widths, seed=5, network=network, optimizer=optimizer, loss=losses.SquaredError(), batch_size=16
            )
            members.append(
                replace(
                    task,
                    architecture=replace(
                        task.architecture, maps=BatchEnsembleMaps(size) if size > 1 and widths else OrdinaryMaps()
                    ),
                )
            )
    batches = Batches._batches

    def watched(self, part, orders, **options):
        for batch in batches(self, part, orders, **options):
            seen.add((len(orders), len(batch[0])))
            yield batch

    monkeypatch.setattr(Batches, "_batches", watched)
    check_members(members)
    assert (6, 3) in seen  # full batches of all
    assert {(4, 2), (2, 1)} <= seen  # and the last ones, whose sizes differ


def test_several_structures_at_once():
    """Fits of other structures, optimizers of all rows among them, come back in their order."""
    small, large = classification(40, 4, 3), classification(60, 4, 3)
    members = [
        *seven(small)[:2],
        member(large, (6,), seed=2),
        member(small, (), seed=3, optimizer=optimizers.LBFGS(), tol=1e-8, n_epochs=20),
        *seven(small)[2:4],
        member(large, (6,), seed=4),
        member(small, (3,), seed=5, alpha=0.0),
    ]
    outcomes = check_members(members, 2)
    assert [outcome.theta.shape[1] for outcome in outcomes] == [43, 43, 51, 15, 43, 43, 51, 27]


def test_members_stop_by_their_own_patience():
    rows = classification(40, 4, 3)
    members = [
        replace(one, n_epochs=40, max_epochs=40, patience=patience, tol=tol, optimizer=optimizers.Adam(0.03))
        for one, patience, tol in zip(
            seven(rows), (1, 2, 3, None, 1, 2, None), (1.0, 0.5, 0.0, 0.0, 0.02, 0.1, 1.0), strict=True
        )
    ]
    outcomes = check_members(members, 2)
    ends = [outcome.state.progress[0].epoch for outcome in outcomes]
    assert len(set(ends)) >= 4  # the test is of members that leave one by one
    for one, outcome, end in zip(members, outcomes, ends, strict=True):
        assert outcome.stop_reason == ("converged" if end < 40 else "max_iter")
        if one.patience == 1 and one.tol == 1.0:
            assert end == 3  # the first epoch is progress, the next two are not


def test_validation_rows_choose_the_weights():
    rows = classification(60, 4, 3)
    labels = rows.targets.argmax(axis=1)
    members = []
    for i, one in enumerate(seven(replace(rows, index=np.arange(40)))):
        chosen = np.random.default_rng(i).choice(np.arange(40, 60), 15, replace=False)
        truth = labels[chosen]
        members.append(
            replace(
                one,
                validation=replace(rows, index=chosen),
                score=lambda raw, truth=truth: float((raw.argmax(axis=1) == truth).mean()),
                patience=2,
                n_epochs=15,
                max_epochs=15,
                optimizer=optimizers.Adam(0.05),
            )
        )
    outcomes = check_members(members, 2)
    for one, outcome in zip(members, outcomes, strict=True):
        progress = outcome.state.progress[0]
        assert progress.best == max(progress.scores)
        assert len(progress.scores) == progress.epoch
        last_best = progress.epoch - progress.scores[::-1].index(progress.best)  # of equals
        [again] = train_members(
            [replace(one, n_epochs=last_best, patience=None, generator=np.random.default_rng(members.index(one)))]
        )
        assert np.array_equal(outcome.theta, again.state.theta)  # the weights are those of the best epoch


def test_members_with_their_own_rows():
    """Bootstrap samples, weights and standardisation differ, in number of rows they agree."""
    rng = np.random.default_rng(0)
    rows = classification(50, 4, 3, dtype=np.float64)
    members = []
    for i in range(7):
        index = rng.integers(50, size=50)
        weight = rng.uniform(0.5, 1.5, 50).astype(np.float32)
        shift, scale = rows.X[index].mean(axis=0), (1 / rows.X[index].std(axis=0)).astype(np.float32)
        members.append(member(replace(rows, index=index, weight=weight, shift=shift, scale=scale), seed=i))
    assert len({one.structure for one in members}) == 1
    check_members(members, 2)


@pytest.mark.parametrize("shuffle", [True, False])
def test_without_shuffling(shuffle):
    members = [replace(one, shuffle=shuffle or i % 2 == 0) for i, one in enumerate(seven(classification(40, 4, 3)))]
    check_members(members)


def test_no_epochs():
    members = [replace(one, n_epochs=n) for one, n in zip(seven(classification(40, 4, 3)), EPOCHS, strict=True)]
    members[0] = replace(members[0], n_epochs=0)
    members[4] = replace(members[4], n_epochs=0)
    outcomes = check_members(members)
    assert [outcome.state.progress[0].epoch for outcome in outcomes] == [0, 1, 4, 2, 0, 4, 2]
    theta = architecture_start(members[0])
    assert np.array_equal(outcomes[0].theta, theta)


def architecture_start(one):
    from skdl.engine import Network

    return Network([one.architecture], one.dtype).initial([np.random.default_rng(0)])[0]


@pytest.mark.parametrize("optimizer", [optimizers.Adam, optimizers.Momentum])
def test_going_on_equals_one_long_run(optimizer):
    """2 + 3 epochs, in a stack of other company, are the 5 epochs of a lone fit."""
    rows = classification(53, 4, 3)
    network = {"normalization": "batch"}
    schedule = schedules.Exponential(0.7)

    def five(**changes):
        return seven(
            rows, network=network, dropout=0.2, optimizer=optimizer, schedule=schedule, max_epochs=5, **changes
        )

    first = train_members(five(n_epochs=2))
    second = train_members(
        [replace(one, state=outcome.state) for one, outcome in zip(five(n_epochs=3), first, strict=True)][3:], 2
    )
    for i, outcome in enumerate(second, start=3):
        [long] = train_members([five(n_epochs=5)[i]])
        assert np.array_equal(outcome.theta, long.theta)
        assert np.array_equal(outcome.buffers, long.buffers)
        assert outcome.state.progress[0].losses == long.state.progress[0].losses


def test_the_state_to_go_on_from_is_left_alone():
    rows = classification(53, 4, 3)
    [outcome] = train_members([member(rows, network={"dropout": 0.2})])
    before = outcome.state.copy()
    train_members([member(rows, network={"dropout": 0.2}, state=outcome.state)])
    assert np.array_equal(outcome.state.theta, before.theta)
    assert all(
        np.array_equal(outcome.state.optimizer_state[name], before.optimizer_state[name])
        for name in before.optimizer_state
    )
    assert outcome.state.progress[0].losses == before.progress[0].losses
    assert outcome.state.generators[0].random() == before.generators[0].random()


def test_structure_tells_apart_what_cannot_share_a_stack():
    rows = classification(40, 4, 3)
    one = member(rows, network={"dropout": 0.2})
    alike = [
        {"alpha": 0.5},
        {"optimizer": optimizers.Adam(0.1)},
        {"n_epochs": 7},
        {"tol": 0.0},
        {"rows": classification(41, 4, 3)},  # as many batches of 16
    ]
    assert all(replace(one, **change).structure == one.structure for change in alike)
    other = [
        {"alpha": 0.0},
        {"optimizer": optimizers.SGD()},
        {"loss": losses.SquaredError()},
        {"penalty": penalties.L1()},
        {"schedule": schedules.Exponential()},
        {"batch_size": 5},
        {"dtype": np.float64},
        {"max_epochs": 9},
        {"rows": classification(49, 4, 3)},
        {"architecture": architecture(4, (6,), 3, dropout=0.2)},
        {"architecture": architecture(4, (5,), 3)},
        {"architecture": architecture(4, (5,), 3, dropout=0.2, activation="relu")},
        {"architecture": architecture(4, (5,), 3, dropout=0.2, normalization="layer")},
    ]
    assert all(replace(one, **change).structure != one.structure for change in other)


@pytest.mark.parametrize("n_rows", [48, 53])
@pytest.mark.parametrize(
    "kind", ["all", "one index", "equal indices", "weights", "strata", "not shuffled", "Mersenne Twister", "sparse"]
)
def test_members_of_one_seed_share_their_batches(kind, n_rows, monkeypatch):
    """Rows that several members take in one order are gathered once; each ends in the same bits as alone."""
    rows = classification(n_rows, 6, 3)
    index = np.random.default_rng(1).integers(n_rows, size=n_rows)
    if kind == "weights":
        rows = replace(rows, weight=np.random.default_rng(0).random(n_rows).astype(np.float32))
    elif kind == "strata":
        rows = replace(rows, strata=rows.targets.argmax(axis=1))
    elif kind == "sparse":
        rows = replace(rows, X=sparse.csr_array(rows.X))
    bits = np.random.MT19937 if kind == "Mersenne Twister" else np.random.PCG64
    given = {"one index": [index] * 4, "equal indices": [index.copy() for _ in range(4)]}.get(kind, [None] * 4)
    members = [
        member(
            replace(rows, index=own),
            seed=seed,
            alpha=10.0**-i,
            n_epochs=3,
            network={"dropout": 0.2},
            shuffle=kind != "not shuffled",
        )
        for i, (own, seed) in enumerate(zip(given, [5, 5, 5, 6], strict=True))
    ]
    members = [
        replace(one, generator=np.random.Generator(bits(seed))) for one, seed in zip(members, (5, 5, 5, 6), strict=True)
    ]
    gathered = []
    copy_inputs = type(rows).copy_inputs

    def counted(self, chosen, out):
        gathered.append(np.size(chosen))
        copy_inputs(self, chosen, out)

    with monkeypatch.context() as patch:
        patch.setattr(type(rows), "copy_inputs", counted)
        train_stack([replace(one, generator=np.random.Generator(bits(5))) for one in members[:3]], Event())
    assert sum(gathered) == n_rows * 3 * (3 if kind == "sparse" else 1)
    check_members(members)


def test_members_of_different_length_whose_epoch_is_one_step():
    """As on folds of small data, where the batch of the longest has room for all rows of the others."""
    rows = classification(30, 4, 3)
    parts = [replace(rows, index=np.arange(n)) for n in (25, 24, 26, 24)]
    unseen = [replace(rows, index=np.arange(n, 30)) for n in (25, 24, 26, 24)]
    members = [
        member(own, seed=i, batch_size=26, n_epochs=3, validation=rest, score=lambda raw: -float(np.abs(raw).mean()))
        for i, (own, rest) in enumerate(zip(parts, unseen, strict=True))
    ]
    assert len(groups_of(members)) == 1
    check_members(members)
