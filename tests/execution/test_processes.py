"""Blocks of members trained by processes: the same bits, random numbers, warnings, errors and interruptions."""

import os
import signal
import subprocess
import sys
import threading
import warnings
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from joblib import Parallel, delayed
from nets import classification, member, regression

from skdl import losses, optimizers, penalties
from skdl.execution import cost, executor, processes, train_members
from skdl.execution.cost import seconds_of, step_seconds, threads_worth
from skdl.execution.plan import processes_for
from skdl.execution.processes import FileEvent, Offload
from skdl.testing import check_members

pytestmark = pytest.mark.usefixtures("threads_for_the_smallest")

ROWS = classification(60, 4, 3)


@pytest.fixture
def sent(monkeypatch):
    """Every training is worth processes, each block is one member; collects whether processes did the work."""
    monkeypatch.setattr(cost, "LEAST_PROCESS_SECONDS", 1e-9)
    monkeypatch.setattr(cost, "BLOCK_BYTES", 0)
    done = []
    train = executor.train_in_processes

    def watched(*arguments):
        found = train(*arguments)
        done.append(found is not None)
        return found

    monkeypatch.setattr(executor, "train_in_processes", watched)
    return done


def five(**changes):
    return [member(ROWS, (5,), seed=i, alpha=10.0**-i, **changes) for i in range(5)]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"network": {"dropout": 0.3, "normalization": "batch"}},
        {"optimizer": optimizers.LBFGS(), "dtype": np.float64},
        {"patience": 1, "tol": 1e9},
    ],
)
def test_the_same_bits_as_alone(changes, sent):
    outcomes = check_members(five(**changes), 2)
    assert sent == [True]
    assert len({outcome.theta.tobytes() for outcome in outcomes}) == 5


def test_random_numbers_go_on_where_the_training_ended(sent):
    """A member's stream is the caller's own: what is drawn from it next is what follows in one process."""
    there, here = five(), five()
    outcomes = train_members(there, 2)
    train_members(here)
    assert sent == [True]
    for outcome, a, b in zip(outcomes, there, here, strict=True):
        assert outcome.state.generators[0] is a.generator
        assert a.generator.random() == b.generator.random()


def test_training_goes_on_from_a_state(sent):
    first, again = train_members(five(), 2), five(n_epochs=2)
    half = train_members(again, 2)
    rest = [replace(one, n_epochs=1, state=outcome.state) for one, outcome in zip(again, half, strict=True)]
    for whole, outcome in zip(first, train_members(rest, 2), strict=True):
        assert np.array_equal(whole.theta, outcome.theta)
    assert sent == [True] * 3


def test_only_long_trainings_are_sent():
    assert processes_for(five(), 2) == 1
    long = five(n_epochs=10**5)
    assert seconds_of(long[0]) == pytest.approx(1e5 * 4 * (8e-6 + 6 * 16 * 43 / 4e10))
    assert processes_for(long, 2) == 2
    assert processes_for(long, 1) == 1
    assert processes_for(long, 100) == int(5 * seconds_of(long[0]) / cost.LEAST_PROCESS_SECONDS)


def test_threads_need_enough_to_do_in_a_step(monkeypatch):
    monkeypatch.setattr(cost, "LEAST_STEP_SECONDS", 2.5 * step_seconds(five()[0]))
    assert [threads_worth(five()[:k], 2) for k in range(1, 6)] == [1, 1, 1, 1, 2]
    assert threads_worth(five() * 10, 8) == 8


def test_members_that_call_back_or_share_random_numbers_stay_here():
    long = five(n_epochs=10**6)
    assert processes_for(long, 2) == 2
    for field in ("report", "begin", "score"):
        assert processes_for([*long[1:], replace(long[0], **{field: print})], 2) == 1
    assert processes_for([*long[1:], replace(long[0], generator=long[1].generator)], 2) == 1


def count_in_a_process():
    return processes_for(five(n_epochs=10**6), 2)


def test_processes_start_no_processes():
    assert Parallel(n_jobs=2)(delayed(count_in_a_process)() for _ in range(2)) == [1, 1]


class Locked(losses.SquaredError):
    """Holds what no other process can get."""

    lock = None

    def value_and_gradient(self, scores, targets, weight):
        with self.lock:
            return super().value_and_gradient(scores, targets, weight)

    def __getstate__(self):
        raise TypeError("cannot be sent")


def test_what_cannot_be_sent_is_trained_here(sent, monkeypatch):
    monkeypatch.setattr(Locked, "lock", threading.Lock())
    rows = regression(60, 4, 1)
    outcomes = train_members([member(rows, seed=i, loss=Locked()) for i in range(3)], 2)
    expected = train_members([member(rows, seed=i, loss=losses.SquaredError()) for i in range(3)])
    assert sent == [False]
    for outcome, alone in zip(outcomes, expected, strict=True):
        assert np.array_equal(outcome.theta, alone.theta)


class Broken(penalties.L2):
    def smooth_gradient(self, weights):
        raise ZeroDivisionError("a component's own")


def test_an_error_is_raised_as_in_threads(sent):
    with pytest.raises(ZeroDivisionError, match="a component's own"):
        train_members(five(penalty=Broken()), 2)
    assert sent == [False]


class TwoParts(RuntimeWarning):
    """A warning that no text alone can make."""

    def __init__(self, text, number):
        super().__init__(text, number)


class Warned(penalties.L2):
    def smooth_gradient(self, weights):
        warnings.warn(TwoParts("from a process", 7), stacklevel=1)
        return super().smooth_gradient(weights)


def test_warnings_come_here_once(sent):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        train_members(five(penalty=Warned()), 2)
    assert sent == [True]
    assert [(each.category, each.message.args) for each in caught] == [(TwoParts, ("from a process", 7))]


class Begun:
    """Follows members that train: `two` once two of them have trained an epoch, when `then` is called, once."""

    def __init__(self, then=lambda: None):
        self.then, self.seen = then, set()

    @property
    def two(self):
        return len(self.seen) >= 2

    def watched(self, members):
        return [replace(one, watch=partial(self._watch, i)) for i, one in enumerate(members)]

    def _watch(self, i, record, reason):
        if i not in self.seen:
            self.seen.add(i)
            if len(self.seen) == 2:
                self.then()


def test_abandoned_members_end(sent):
    """Those of a search that was given up: nobody interrupts, and they would go on for hours."""
    begun = Begun()
    long = five(n_epochs=10**7, max_epochs=10**7, abandoned=lambda: begun.two)
    outcomes = train_members(begun.watched(long), 2)
    assert sent == [True]
    assert all(0 < outcome.state.progress[0].epoch < 10**7 for outcome in outcomes[:2])


def test_one_interrupt_ends_all_after_their_last_epoch(sent):
    """The members that were in training keep their complete epochs; those whose turn had not come keep none."""
    train_members(five(), 2)  # the processes run
    begun = Begun(lambda: os.kill(os.getpid(), signal.SIGINT))
    outcomes = train_members(begun.watched(five(n_epochs=10**7, max_epochs=10**7)), 2)
    assert sent == [True, True]
    assert {outcome.stop_reason for outcome in outcomes} == {"interrupted"}
    epochs = [outcome.state.progress[0].epoch for outcome in outcomes]
    assert min(epochs[:2]) > 0
    assert epochs[2:] == [0, 0, 0]
    for i in (0, 1):
        alone = five(n_epochs=epochs[i], max_epochs=10**7)[i]
        assert np.array_equal(outcomes[i].theta, train_members([alone])[0].theta)


def test_results_come_where_no_thread_can_clean_up(monkeypatch):
    """Arrays that are sent in files, of more than a megabyte."""

    class NoThread:
        def __init__(self, **options):
            pass

        def start(self):
            raise RuntimeError("can't start new thread")

    rows = np.ones((200_000, 1))
    with Offload(2) as offload:
        assert dict(offload.results(np.sum, [(rows,), (2 * rows,)])) == {0: 200_000, 1: 400_000}
        monkeypatch.setattr(processes, "Thread", NoThread)
        assert dict(offload.results(np.sum, [(rows,), (2 * rows,)])) == {0: 200_000, 1: 400_000}


def test_an_event_is_set_where_it_was_set_in_its_own_process_and_in_others(tmp_path):
    event = FileEvent(str(tmp_path / "stop"))
    assert not event.is_set()
    with Offload(1) as offload:
        assert dict(offload.results(FileEvent.is_set, [(event,)])) == {0: False}
        event.set()
        assert event.is_set()
        assert dict(offload.results(FileEvent.is_set, [(event,)])) == {0: True}


def test_an_event_is_set_when_its_owner_is_gone(tmp_path):
    event = FileEvent(str(tmp_path / "stop"))
    event.owner = os.getppid()
    assert not event.is_set()
    event.owner = subprocess.run(
        [sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True
    )
    event.owner = int(event.owner.stdout)
    assert event.is_set()


def test_to_stop_an_offload_that_has_ended_does_nothing():
    with Offload(1) as offload:
        offload.stop()
        assert offload.stopped.is_set()
    offload.stop()
