"""What lies around an epoch: the call before it, the budget of time, and a fit that is brought to its end."""

from dataclasses import replace

import numpy as np
import pytest
from nets import classification, member

from skdl import optimizers
from skdl.execution import train_members

ROWS = classification(40, 4, 3)


@pytest.mark.parametrize("optimizer", ["adam", "lbfgs"])
def test_begin_copies_the_state_at_both_ends_of_an_epoch(optimizer):
    states, copies = [], []

    def begin(copy):
        copies.append(copy)
        states.append(copy())

    def report(record):
        states.append(copies[-1]())
        return False

    changes = {"optimizer": optimizers.resolve(optimizer), "tol": 0.0}
    [outcome] = train_members([member(ROWS, begin=begin, report=report, **changes)])
    assert [state.progress[0].epoch for state in states] == [0, 1, 1, 2, 2, 3]
    np.testing.assert_array_equal(states[1].theta, states[2].theta)
    np.testing.assert_array_equal(states[-1].theta, outcome.state.theta)
    [expected] = train_members([member(ROWS, n_epochs=1, **changes)])
    np.testing.assert_array_equal(states[1].theta, expected.state.theta)
    [on] = train_members([member(ROWS, state=states[2], n_epochs=2, **changes)])
    if optimizer == "adam":  # a full-batch search forgets the steps it has made
        np.testing.assert_array_equal(on.state.theta, outcome.state.theta)


def test_each_member_has_its_time():
    late, free = member(ROWS, max_time=1e-9), member(ROWS, seed=1)
    outcomes = train_members([late, free])
    assert [outcome.stop_reason for outcome in outcomes] == ["max_time", "max_iter"]
    assert [outcome.state.progress[0].epoch for outcome in outcomes] == [1, 3]
    [outcome] = train_members([member(ROWS, max_time=1e-9, optimizer=optimizers.resolve("lbfgs"))])
    assert (outcome.stop_reason, outcome.state.progress[0].epoch) == ("max_time", 1)
    [outcome] = train_members([member(ROWS, max_time=1e9)])
    assert outcome.stop_reason == "max_iter"


def test_a_resumed_fit_counts_on():
    """Patience and the end of the epochs are those of the fit that was broken off."""
    first, second = (member(ROWS, n_epochs=30, max_epochs=30, tol=10.0, patience=4) for _ in range(2))
    [expected] = train_members([first])
    [broken] = train_members([replace(second, report=lambda record: record["epoch"] == 3)])
    assert (expected.stop_reason, broken.stop_reason) == ("converged", "stopped")
    [resumed] = train_members([replace(second, state=broken.state, resume=True)])
    assert resumed.state.progress[0].epoch == expected.state.progress[0].epoch == 6
    np.testing.assert_array_equal(resumed.state.theta, expected.state.theta)
    [limited] = train_members([replace(second, state=broken.state, n_epochs=4, patience=None, resume=True)])
    assert limited.state.progress[0].epoch == 4
