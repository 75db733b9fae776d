"""Fits that end early: divergence and interruption leave the last complete epoch, whole and usable."""

import signal
from dataclasses import replace
from threading import main_thread

import numpy as np
import pytest
from nets import classification, member, regression

from skdl import losses, optimizers
from skdl._protocols import Penalty
from skdl.execution import cost, train_members
from skdl.testing import check_members

pytestmark = pytest.mark.usefixtures("threads_for_the_smallest")

ROWS = classification(53, 4, 3)


class Interrupting(Penalty):
    """L2 that is interrupted in its n-th call, as a user would press Ctrl-C in the middle of an epoch."""

    def __init__(self, at):
        self.at = at

    def value(self, weights):
        return (weights * weights).sum(axis=-1) / 2

    def gradient(self, weights):
        self.at[0] -= 1
        if self.at[0] == 0:
            raise KeyboardInterrupt
        return weights


def four(**changes):
    network = {"normalization": "batch", "dropout": 0.2}
    return [member(ROWS, seed=i, network=network, n_epochs=6, max_epochs=6, **changes) for i in range(4)]


def after(n_epochs, i=0, **changes):
    """Member i's lone fit of that many epochs."""
    [outcome] = train_members([replace(four(**changes)[i], n_epochs=n_epochs)])
    return outcome


def require_same_state(found, expected):
    """All that later epochs depend on."""
    assert np.array_equal(found.theta, expected.theta)
    assert np.array_equal(found.buffers, expected.buffers)
    assert all(
        np.array_equal(found.optimizer_state[name], expected.optimizer_state[name]) for name in expected.optimizer_state
    )
    assert np.array_equal(found.step, expected.step)
    assert found.generators[0].bit_generator.state == expected.generators[0].bit_generator.state
    assert found.progress[0].losses == expected.progress[0].losses
    assert found.progress[0].epoch == expected.progress[0].epoch


def diverging(i, epoch, members):
    """Member i's targets explode from some epoch on, by way of its report: its data is its own copy."""
    targets = members[i].rows.targets.copy()

    def report(record):
        if record["epoch"] == epoch:
            targets[:] = np.inf
        return False

    changed = list(members)
    changed[i] = replace(members[i], rows=replace(members[i].rows, targets=targets), report=report)
    return changed


@pytest.mark.parametrize("epoch", [1, 3])
@pytest.mark.parametrize("i", [0, 2])
def test_divergence_ends_one_member(i, epoch):
    expected = train_members(four())
    found = train_members(diverging(i, epoch, four()))
    for j, outcome in enumerate(found):
        if j == i:
            assert outcome.stop_reason == "diverged"
            require_same_state(outcome.state, after(epoch, i).state)
            assert np.array_equal(outcome.theta, outcome.state.theta)
        else:
            assert outcome.stop_reason == "max_iter"
            require_same_state(outcome.state, expected[j].state)


def test_divergence_in_the_first_epoch():
    rate = optimizers.SGD(1e30)
    members = [*four()[:2], replace(four()[2], optimizer=rate), replace(four()[3], optimizer=rate)]
    outcomes = check_members(members)
    assert [outcome.stop_reason for outcome in outcomes] == ["max_iter", "max_iter", "diverged", "diverged"]
    for outcome, one in zip(outcomes[2:], members[2:], strict=True):
        assert np.isfinite(outcome.theta).all()
        [start] = train_members([replace(one, n_epochs=0, generator=np.random.default_rng(members.index(one)))])
        assert np.array_equal(outcome.theta, start.theta)


def test_going_on_after_divergence():
    """The optimizer's memory is that of the last complete epoch too: with a sane rate the training goes on."""
    wild = replace(four()[0], optimizer=optimizers.Adam(1e30))
    [outcome] = train_members([wild])
    assert outcome.stop_reason == "diverged"
    [again] = train_members([replace(four()[0], state=outcome.state)])
    assert again.stop_reason == "max_iter"
    assert np.isfinite(again.theta).all()


def test_weights_that_overflow_in_the_last_step_are_no_result():
    """Only the bias learns from rows of zeros; its last step overflows after the epoch's loss was found finite."""
    rows = regression(8, 2, 1)
    rows = replace(rows, X=np.zeros_like(rows.X), targets=np.full_like(rows.targets, 1e10))
    one = member(
        rows, (), loss=losses.SquaredError(), optimizer=optimizers.SGD(1e30), alpha=0.0, batch_size=8, n_epochs=1
    )
    [outcome] = train_members([one])
    assert outcome.stop_reason == "diverged"
    assert np.isfinite(outcome.theta).all()


@pytest.mark.parametrize("optimizer", [optimizers.LBFGS()])
def test_divergence_of_a_full_batch_optimizer(optimizer):
    rows = regression(20, 2, 1, dtype=np.float64)
    targets = rows.targets.copy()
    rows = replace(rows, targets=targets)
    seen = []

    def report(record):
        seen.append(record["loss"])
        if record["epoch"] == 2:
            targets[:] = np.nan
        return False

    def task(**changes):
        fields = {"loss": losses.SquaredError(), "optimizer": optimizer, "dtype": np.float64, "tol": 0.0, **changes}
        return member(rows, (3,), **fields)

    [expected] = train_members([task(n_epochs=2, max_epochs=2)])
    [outcome] = train_members([task(n_epochs=30, max_epochs=30, report=report)])
    assert outcome.stop_reason == "diverged"
    assert len(seen) == 2
    assert np.array_equal(outcome.theta, expected.theta)


@pytest.mark.parametrize("interrupted", [0, 2])
def test_interruption_in_a_report_keeps_the_epoch(interrupted):
    """The record of epoch 2 was handed out: its weights are the result, for every member."""

    def report(record):
        if record["epoch"] == 2:
            raise KeyboardInterrupt
        return False

    members = four()
    members[interrupted] = replace(members[interrupted], report=report)
    for i, outcome in enumerate(train_members(members)):
        assert outcome.stop_reason == "interrupted"
        require_same_state(outcome.state, after(2, i).state)


@pytest.mark.parametrize("call", [1, 2, 9, 11])
def test_interruption_in_an_epoch_takes_it_back(call):
    """There are 4 batches an epoch: what the broken epoch did to weights, memory and random numbers is undone."""
    members = four(penalty=Interrupting([call]))
    complete = (call - 1) // 4
    for i, outcome in enumerate(train_members(members)):
        assert outcome.stop_reason == "interrupted"
        require_same_state(outcome.state, after(complete, i).state)
        [long] = train_members([replace(four()[i], state=outcome.state, n_epochs=6 - complete)])
        require_same_state(long.state, after(6, i).state)


def test_interruption_ends_later_groups_too():
    """Blocks and groups that have not begun stay at their initial weights: one Ctrl-C is enough."""
    first = four(penalty=Interrupting([5]))
    other = member(ROWS, (3,), seed=7)
    full = member(ROWS, (), seed=8, optimizer=optimizers.LBFGS())
    outcomes = train_members([*first, other, full])
    assert [outcome.stop_reason for outcome in outcomes] == ["interrupted"] * 6
    assert [outcome.state.progress[0].epoch for outcome in outcomes] == [1, 1, 1, 1, 0, 0]
    assert all(np.isfinite(outcome.theta).all() for outcome in outcomes)


def test_signal_while_threads_train(monkeypatch):
    """A real SIGINT reaches the main thread, which waits for the workers."""
    monkeypatch.setattr(cost, "BLOCK_BYTES", 0)  # a block for each member

    def report(record):
        if record["epoch"] == 2:
            signal.pthread_kill(main_thread().ident, signal.SIGINT)
        return False

    members = [replace(one, n_epochs=3_000, max_epochs=3_000) for one in four()]
    members[0] = replace(members[0], report=report)
    for i, outcome in enumerate(train_members(members, 2)):
        assert outcome.stop_reason == "interrupted"
        done = outcome.state.progress[0].epoch
        assert done < 3_000
        assert np.array_equal(outcome.theta, train_members([replace(four()[i], n_epochs=done)])[0].theta)


def test_interruption_of_a_full_batch_optimizer():
    def task(**changes):
        return member(ROWS, (3,), optimizer=optimizers.LBFGS(), tol=0.0, n_epochs=30, max_epochs=30, **changes)

    def report(record):
        if record["epoch"] == 3:
            raise KeyboardInterrupt
        return False

    [outcome] = train_members([task(report=report)])
    [expected] = train_members([replace(task(), n_epochs=3)])
    assert outcome.stop_reason == "interrupted"
    assert outcome.state.progress[0].losses == expected.state.progress[0].losses
    assert np.array_equal(outcome.theta, expected.theta)


def test_a_report_can_stop_its_member():
    members = four()
    records = []

    def report(record):
        records.append(record)
        return record["epoch"] == 2

    members[1] = replace(members[1], report=report)
    outcomes = train_members(members)
    assert [outcome.stop_reason for outcome in outcomes] == ["max_iter", "stopped", "max_iter", "max_iter"]
    require_same_state(outcomes[1].state, after(2, 1).state)
    assert [record["epoch"] for record in records] == [1, 2]
    assert [record["loss"] for record in records] == outcomes[1].state.progress[0].losses
    columns = ["epoch", "loss", "validation_loss", "validation_score", "learning_rate", "gradient_norm", "seconds"]
    assert list(records[0]) == columns


@pytest.mark.parametrize("normalization", [None, "batch", "layer"])
@pytest.mark.parametrize("optimizer", [name for name in optimizers.names() if not optimizers.resolve(name).full_batch])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_one_precision_throughout(dtype, optimizer, normalization, monkeypatch):
    """Data in float64, components' numbers in float64: training in float32 stays in float32, in every array."""
    from skdl.engine.state import State
    from skdl.engine.train import Stack, initial_state

    rows = replace(classification(30, 4, 3, dtype=np.float64), weight=np.ones(30))
    network = {"normalization": normalization, "dropout": 0.3, "activation": "leaky_relu"}
    members = [
        member(rows, seed=i, network=network, optimizer=optimizers.resolve(optimizer), dtype=dtype) for i in range(2)
    ]
    running = Stack(members, State.stack([initial_state(one) for one in members]))
    seen = set()
    loss, objective = running.whole.objective.loss, running.whole.objective

    def spy(owner, name):
        original = getattr(owner, name)

        def wrapped(*args, **kwargs):
            result = original(*args, **kwargs)
            for value in (*args, *(result if isinstance(result, tuple) else (result,))):
                if isinstance(value, np.ndarray):
                    seen.add((name, value.dtype))
            return result

        monkeypatch.setattr(owner, name, wrapped)

    spy(loss, "value_and_gradient")
    spy(objective, "penalty_value")
    running.advance()
    assert {name for name, _ in seen} == {"value_and_gradient", "penalty_value"}
    assert {kind for _, kind in seen} == {np.dtype(dtype)}
    state = running.state
    arrays = [state.theta, state.buffers, *state.optimizer_state.values(), running.gradient]
    arrays += [array for named in running.whole.arrays for array in named.values()]
    arrays += running.step.descent.arrays.values()
    arrays += [array for named in running.whole.gradients for array in named.values()]
    assert {array.dtype for array in arrays} == {np.dtype(dtype)}
    assert running.whole.network.scores(np.zeros((2, 3, 4), dtype), running.whole.arrays).dtype == dtype
