"""What layers learn from the training rows before the training."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
from nets import classification, member
from numpy.testing import assert_allclose, assert_array_equal

from skdl.engine import data_initialization
from skdl.engine.network import Network
from skdl.engine.train import initial_state
from skdl.layers import Sequential
from skdl.layers.batch_ensemble import BatchEnsembleMaps
from skdl.plugins import Block, Layer
from skdl.testing import check_members

SEEN = []  # what layers were given, in the order in which they were


@dataclass(frozen=True)
class Scaled(Layer):
    """Divides by the root mean square that its inputs have in the training rows."""

    n: int

    learns_from_rows = True
    gives_y = True

    def buffers(self):
        return {"size": np.ones((1, self.n))}

    def from_rows(self, x, weight, targets, arrays, generator):
        SEEN.append((x.copy(), weight, targets.copy(), generator))
        arrays["size"][...] = np.sqrt(np.average(x**2, axis=0, weights=weight))

    def forward(self, x, arrays, context):
        y = x / arrays["size"]
        return y, lambda dy, gradients, needed: dy / arrays["size"]


class ScaledBlock(Block):
    def build(self, n_in, n_out, parts):
        return Sequential([Scaled(n_in), parts.dense(n_in, n_out), *parts.activation(n_out)])


def learner(rows, seed=0, **changes):
    SEEN.clear()
    task = member(rows, (5, 3), seed=seed, **changes)
    return replace(task, architecture=replace(task.architecture, blocks=(ScaledBlock(),) * 2))


ROWS = classification(50, 4, 3)


def test_each_layer_sees_what_comes_to_it_when_those_below_have_learned():
    index = np.array([3, 3, 7, 20, 41, 5, 6])
    weight = np.linspace(0, 2, 50).astype("f4")
    weight[7] = 0.0
    task = learner(replace(ROWS, index=index, weight=weight))
    state = initial_state(task)
    kept = index[index != 7]
    x, targets = ROWS.X[kept], ROWS.targets[kept]
    network = Network([task.architecture], np.float32)
    arrays = network.arrays(state.theta, state.buffers)
    first = np.sqrt(np.average(x**2, axis=0, weights=weight[kept]))
    hidden = np.tanh(x / first @ arrays[1]["weight"][0] + arrays[1]["bias"][0])
    for (rows, own_weight, own_targets, generator), expected in zip(SEEN, (x, hidden), strict=True):
        assert_allclose(rows, expected, rtol=1e-5)
        assert_array_equal(own_weight, weight[kept])
        assert_array_equal(own_targets, targets)
        assert generator is task.generator
    assert_allclose(arrays[0]["size"][0, 0], first, rtol=1e-6)
    assert_allclose(arrays[3]["size"][0, 0], np.sqrt(np.average(hidden**2, axis=0, weights=weight[kept])), rtol=1e-5)


def test_a_training_that_goes_on_learns_nothing_anew():
    task = learner(ROWS)
    state = initial_state(task)
    before = state.buffers.copy()
    SEEN.clear()
    again = initial_state(replace(task, rows=classification(50, 4, 3, seed=9), state=state))
    assert not SEEN
    assert_array_equal(again.buffers, before)


@pytest.mark.parametrize(("rows", "numbers", "due"), [(8, 10**6, 8), (100, 44, 11), (100, 1, 1), (50, 200, 50)])
def test_of_many_rows_a_sample_is_enough(rows, numbers, due, monkeypatch):
    monkeypatch.setattr(data_initialization, "MOST_ROWS", rows)
    monkeypatch.setattr(data_initialization, "MOST_NUMBERS", numbers)
    monkeypatch.setattr(data_initialization, "PREDICTION_ROWS", 3)
    index = np.arange(1, 50)[::-1]
    seen = []
    for seed in (0, 1):
        initial_state(learner(replace(ROWS, index=index), seed))
        seen.append(SEEN[0][0])
    assert_array_equal(seen[0], seen[1])  # rows in common, and the same sample of them
    numbers_of_rows = [int(np.flatnonzero((row == ROWS.X).all(axis=1))[0]) for row in seen[0]]
    assert len(set(numbers_of_rows)) == len(numbers_of_rows) == min(due, 49)
    assert set(numbers_of_rows) <= set(index.tolist())
    if due < 20:
        assert numbers_of_rows != index[:due].tolist()


def test_rows_that_are_repeated_for_the_members_of_a_batch_ensemble():
    weight = np.linspace(1, 2, 50).astype("f4")
    task = learner(replace(ROWS, weight=weight))
    task = replace(task, architecture=replace(task.architecture, maps=BatchEnsembleMaps(2)))
    initial_state(task)
    for rows, own_weight, targets, _ in SEEN:
        assert len(rows) == len(own_weight) == len(targets) == 100
        assert own_weight[:50].tolist() == own_weight[50:].tolist()
        assert_array_equal(targets[50:], ROWS.targets)


def test_a_member_of_a_stack_learns_what_it_does_alone():
    folds = [np.arange(50)[np.arange(50) % 3 != i][:33] for i in range(3)]
    check_members([learner(replace(ROWS, index=fold), i) for i, fold in enumerate(folds)])
