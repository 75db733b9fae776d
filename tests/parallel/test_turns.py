"""Turns of tasks: one runs at a time, the deepest first, and those that are given up end at once."""

from contextvars import copy_context

import numpy as np
import pytest

from skdl.parallel.jobs import Call, Task
from skdl.parallel.scheduler import StackingScheduler
from skdl.parallel.turns import Turns


@pytest.fixture
def turns():
    return Turns()


@pytest.fixture
def call():
    return Call(StackingScheduler(1, 1, 1), None, copy_context())


def task(call):
    return Task(call, sum, None, None)


def test_tasks_begin_in_their_order_and_deeper_ones_first(turns, call):
    outer = [task(call) for _ in range(3)]
    inner = [task(Call(call.scheduler, outer[0], copy_context())) for _ in range(2)]
    for each in (*outer, *inner):
        turns.add(each)
    assert [item[2] for item in turns.queued] == [*inner, *outer]
    begun = []
    while turns.first is not None:
        begun.append(turns.begin_first())
        assert turns.taken
        turns.leave(begun[-1])
        assert not turns.taken
    assert begun == [*inner, *outer]


def test_those_that_can_go_on_have_their_turns_in_order_and_those_that_are_given_up_at_once(turns, call):
    first, second = task(call), task(call)
    lost = task(Call(call.scheduler, None, copy_context(), over=True))
    for each in (first, second, lost):
        turns.go_on(each)
    assert turns.taken
    assert [each.turn.is_set() for each in (first, second, lost)] == [False, False, True]
    turns.leave(lost)
    assert not turns.taken
    assert turns.next_goes_on()
    assert [each.turn.is_set() for each in (first, second)] == [True, False]
    assert turns.next_goes_on()
    assert not turns.next_goes_on()


def test_a_caller_that_gives_tasks_counts_once_however_many_it_gives(turns, call):
    for _ in range(3):
        turns.take(call)
        turns.add(task(call))
    assert turns.taken
    turns.leave(call)
    assert not turns.taken
    turns.leave(call)
    assert not turns.taken


def test_tasks_that_leave_the_queue_come_back_to_their_places(turns, call):
    tasks = [task(call) for _ in range(6)]
    for each in tasks:
        turns.add(each)
    away = turns.remove(lambda each: each in tasks[1::2])
    assert [item[2] for item in away] == tasks[1::2]
    assert [item[2] for item in turns.queued] == tasks[::2]
    turns.put_back(away[:1], ahead=1)  # others wait for it
    assert turns.first[2] is tasks[1]
    turns.put_back(away[1:])
    assert [item[2] for item in turns.queued] == [tasks[i] for i in (1, 0, 2, 3, 4, 5)]


def test_a_task_is_in_one_place_whatever_happens(turns, call):
    """Random ends, waits and returns: nobody is lost, and no two run."""
    rng = np.random.default_rng(0)
    tasks = [task(call) for _ in range(30)]
    for each in tasks:
        turns.add(each)
    running, waiting, ended = None, [], set()
    for _ in range(10_000):
        if running is not None:
            turns.leave(running)
            if rng.random() < 0.6:
                waiting.append(running)
            else:
                ended.add(running)
            running = None
        if waiting and rng.random() < 0.3:
            turns.go_on(waiting.pop(rng.integers(len(waiting))))
        assert not turns.taken
        if turns.next_goes_on():
            [running] = [each for each in tasks if each.turn.is_set()]
            running.turn.clear()
        elif turns.first is not None:
            running = turns.begin_first()
        elif not waiting:
            break
        assert turns.taken == (running is not None)
    assert ended == set(tasks)
