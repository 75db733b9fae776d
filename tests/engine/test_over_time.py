"""Numbers that follow schedules, epoch by epoch, against the schedule's own answer for each step by itself."""

from types import SimpleNamespace

import numpy as np
import pytest

from skdl.engine.over_time import OverTime
from skdl.schedules import Constant, Cosine, OneCycle


@pytest.mark.parametrize("at_once", [1, 7, 128])
@pytest.mark.parametrize("steps_per_epoch", [1, 3, 200])
def test_each_epoch_has_the_factors_of_its_steps(at_once, steps_per_epoch, monkeypatch):
    """Members may have begun at different steps, and an epoch may be taken back."""
    monkeypatch.setattr("skdl.engine.over_time.AT_ONCE", at_once)
    members = [Cosine(end=0.1), Cosine(end=0.5)]
    schedule, rates = OverTime(members, 6), np.array([[0.1], [0.3]])
    state = SimpleNamespace(step=np.array([0, 2 * steps_per_epoch]), theta=np.empty((2, 1)), progress=[])
    for epoch in (0, 1, 2, 1, 0, 1, 4):
        state.step = np.array([0, 2]) * steps_per_epoch + epoch * steps_per_epoch
        found = schedule.of_epoch(state, steps_per_epoch, rates)
        alone = [
            rate * member.factor(np.array([float(step)]), steps_per_epoch=steps_per_epoch, max_epochs=6)[0]
            for member, rate, first in zip(members, rates[:, 0], state.step, strict=True)
            for step in range(first, first + steps_per_epoch)
        ]
        assert found.tolist() == np.reshape(alone, found.shape).tolist()


@pytest.mark.parametrize("schedule", [Constant(), OneCycle()])
def test_members_that_part_are_each_at_their_own_step(schedule):
    over_time = OverTime([schedule] * 2, 20)
    state = SimpleNamespace(step=np.array([0, 0]), theta=np.empty((2, 1), np.float32), progress=[])
    over_time.of_epoch(state, 2, np.ones((2, 1)))
    state.step = np.array([2, 6])
    found = over_time.of_epoch(state, 2, np.ones((2, 1)))
    assert found.dtype == np.float32
    expected = schedule.factor(np.array([[2.0, 3.0], [6.0, 7.0]]), steps_per_epoch=2, max_epochs=20)
    assert (found == np.broadcast_to(expected, (2, 2)).astype(np.float32)).all()
