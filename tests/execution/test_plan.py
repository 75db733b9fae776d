"""Plans: which members are trained together, in which blocks, and by how many threads or processes."""

from dataclasses import replace

import numpy as np
import pytest
from nets import classification, member

from skdl import optimizers
from skdl.execution import plan
from skdl.execution.plan import Plan, blocks_of, data_numbers, groups_of

pytestmark = pytest.mark.usefixtures("threads_for_the_smallest")


def test_members_with_equal_numbers_of_rows_stand_side_by_side():
    group = [member(classification(n, 7, 3), (6,)) for n in (53, 54, 53, 55, 53, 54, 55)]
    assert groups_of(group) == [list(range(7))]
    assert blocks_of(group, 7, 1) == [[0, 2, 4, 1, 5, 3, 6]]


@pytest.mark.parametrize(("n_threads", "expected"), [(1, [3, 3, 1]), (2, [2, 2, 2, 1]), (3, [3, 3, 1])])
def test_threads_get_as_many_blocks_each(n_threads, expected, monkeypatch):
    rows = classification(53, 7, 3)
    monkeypatch.setattr(plan, "members_per_block", lambda member: 3)
    found = Plan.of([member(rows, (6,), seed=i) for i in range(7)], n_threads)
    assert sorted(map(len, found.blocks), reverse=True) == expected
    assert sorted(i for block in found.blocks for i in block) == list(range(7))
    assert (found.n_threads, found.n_processes) == (n_threads, 1)


@pytest.mark.parametrize(
    ("size", "n_threads", "expected"),
    [(12, 1, [8, 8, 8, 8, 7]), (36, 1, [20, 19]), (12, 2, [10, 10, 10, 9])],
)
def test_blocks_keep_to_data_that_fill_them(size, n_threads, expected):
    data = [classification(20, 3, 2, seed=i) for i in range(3)]
    group = [member(data[i]) for i, count in enumerate((16, 16, 7)) for _ in range(count)]
    blocks = blocks_of(group, size, n_threads)
    assert [len(block) for block in blocks] == expected
    assert [i for block in blocks for i in block] == list(range(39))


@pytest.mark.parametrize(
    ("counts", "n_threads", "expected"),
    [((4,) * 5, 1, [12, 8]), ((4,) * 5, 2, [10, 10]), ((4,) * 6, 2, [12, 12]), ((4, 4, 4, 4, 5), 1, [11, 10])],
)
def test_blocks_of_whole_data(counts, n_threads, expected):
    data = [classification(20, 3, 2, seed=i) for i in range(len(counts))]
    group = [member(rows) for rows, count in zip(data, counts, strict=True) for _ in range(count)]
    assert [len(block) for block in blocks_of(group, 12, n_threads)] == expected


def test_the_same_data_stand_side_by_side_whatever_array_they_were_given_in():
    """The key is the array and its standardisation: rows of other targets, or another sample, are the same data."""
    rows = classification(20, 3, 2)
    shift, scale = np.zeros(3), np.ones(3, np.float32)
    others = [replace(rows, shift=shift + i % 2, scale=scale.copy()) for i in range(6)]
    assert data_numbers([each.data_key for each in others]) == [0, 1, 0, 1, 0, 1]
    others[2] = replace(others[2], index=np.arange(20)[::-1])
    assert blocks_of([member(each) for each in others], 3, 1) == [[0, 2, 4], [1, 3, 5]]


def test_large_networks_and_full_batch_optimizers():
    large = member(classification(150, 140, 10), (430, 12), batch_size=71)
    assert Plan.of([large] * 3, 2) == Plan([[0, 1, 2]], threads_blas=True)
    full = [member(classification(20, 3, 2), optimizer=optimizers.LBFGS(), seed=i) for i in range(3)]
    assert Plan.of(full, 2) == Plan([[0], [1], [2]], n_threads=2)
