"""Rows that fits have in common: kept once, standardised once, and never mixed up."""

import gc
import weakref
from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy import sparse

from skdl import losses, optimizers, penalties, schedules
from skdl.activations import Tanh
from skdl.engine import Dataset, TrainingSpec
from skdl.engine.batches import Batches
from skdl.execution import shared_data
from skdl.execution.shared_data import LAST, ArrayCache, same_bits, with_shared_rows, with_standardised_rows
from skdl.initializers import HeNormal
from skdl.layers.architecture import Architecture
from skdl.testing import check_members

rng = np.random.default_rng(0)
X = rng.normal(size=(5000, 4))
MEAN, SCALE = X.mean(axis=0), (1 / X.std(axis=0)).astype(np.float32)


def member(X, *, seed=0, dtype=np.float32, **rows):
    targets = np.sin(X[:, :1]).astype(dtype)
    return TrainingSpec(
        Architecture(4, (3,), 1, (Tanh(),), (None,), (HeNormal(),) * 2, (0.0, 0.0)),
        losses.SquaredError(),
        penalties.L2(),
        optimizers.Adam(),
        schedules.Constant(),
        alpha=0.0,
        rows=Dataset(X, targets, **rows),
        batch_size=500,
        dtype=dtype,
        generator=np.random.default_rng(seed),
        n_epochs=1,
        max_epochs=1,
    )


def test_arrays_of_the_same_bits_are_one():
    cache = ArrayCache()
    copies = [X.copy() for _ in range(3)]
    assert all(cache.intern(copy) is copies[0] for copy in copies)
    other = X.copy()
    other[2501, 1] = np.nextafter(other[2501, 1], 9)  # a row that is not sampled
    assert cache.intern(other) is other
    assert cache.intern(X.astype(np.float32)) is not copies[0]
    assert cache.intern(X[:-1].copy()) is not copies[0]


def test_zeros_with_other_signs_are_others():
    zeros, negative = np.zeros((3, 2)), -np.zeros((3, 2))
    assert not same_bits(zeros, negative)
    cache = ArrayCache()
    assert cache.intern(zeros) is not cache.intern(negative)


@pytest.mark.parametrize("order", ["C", "F"])
def test_what_nobody_holds_is_forgotten_but_for_the_last(order):
    def given():
        return np.array(X, order=order)

    cache = ArrayCache()
    first = weakref.ref(cache.intern(given()))
    assert cache.intern(given()) is first()
    for i in range(LAST):
        assert first() is not None
        cache.intern(given() + i + 1)
    gc.collect()
    assert first() is None
    assert_array_equal(cache.intern(given()), X)


def test_values_by_columns_are_put_in_order_once():
    cache = ArrayCache()
    columns = np.asfortranarray(X)
    rows = cache.intern(columns)
    assert rows.flags.c_contiguous
    assert_array_equal(rows, X)
    assert cache.intern(np.asfortranarray(X)) is rows
    assert cache.intern(X.copy()) is rows
    by_rows = ArrayCache()
    assert by_rows.intern(X) is X
    assert by_rows.intern(columns) is X
    other = columns.copy(order="F")
    other[2501, 1] = np.nextafter(other[2501, 1], 9)
    assert_array_equal(cache.intern(other), other)
    columns[:] = 0  # it is its owner's to change
    assert cache.intern(np.asfortranarray(X)) is rows
    assert_array_equal(rows, X)


def test_results_are_computed_once_of_what_is_shared_and_each_time_of_what_is_not():
    cache, calls = ArrayCache(), []

    def compute(array):
        calls.append(array)
        return array.sum()

    shared = cache.intern(X.copy())
    assert cache.memoize(shared, compute) == cache.memoize(shared, compute) == shared.sum()
    assert len(calls) == 1
    assert cache.memoize(shared, np.max) == shared.max()  # another result of the same array
    own = X.copy()
    cache.memoize(own, compute)
    own += 1
    assert cache.memoize(own, compute) == own.sum()
    assert len(calls) == 3


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_rows_are_standardised_once_with_the_same_result(dtype):
    standardised = {"shift": MEAN, "scale": SCALE.astype(dtype)}
    members = [member(X.copy(), seed=i, dtype=dtype, **standardised) for i in range(3)]
    members.append(member(X.copy(), seed=3, dtype=dtype, shift=MEAN + 1, scale=SCALE.astype(dtype)))
    index = np.random.default_rng(1).integers(5000, size=5000)
    members.append(member(X.copy(), seed=4, dtype=dtype, index=index, **standardised))
    shared = with_shared_rows(members)
    arrays = {id(one.rows.X): one.rows.X for one in shared}
    assert len(arrays) == 2
    assert shared[0].rows.X is shared[2].rows.X is shared[4].rows.X
    assert shared[0].rows.X.dtype == dtype
    assert shared[3].rows.X is members[0].rows.X  # nobody else standardises as it does
    assert shared[3].rows.shift is members[3].rows.shift
    expected, found = np.empty((700, 4), dtype), np.empty((700, 4), dtype)
    chosen = rng.integers(5000, size=700)
    members[0].rows.copy_inputs(chosen, expected)
    shared[0].rows.copy_inputs(chosen, found)
    assert same_bits(expected, found)
    for one, other in zip(check_members(members), check_members(shared), strict=True):
        assert_array_equal(one.theta, other.theta)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_block_standardises_small_arrays_once_to_the_same_bits(dtype):
    standardised = {"shift": MEAN, "scale": SCALE.astype(np.float32)}
    given, index = X[:90].astype(dtype), rng.integers(0, 90, 40)
    members = [replace(member(given, index=each, **standardised), n_epochs=3) for each in (index, index[::-1])]
    ready = [one.rows for one in with_standardised_rows(members)]
    assert ready[0].X is ready[1].X
    assert ready[0].X.dtype == np.float32
    rows = [one.rows for one in members]
    orders = [each.order(rng, shuffle=True) for each in rows]
    for (x, *_), (expected, *_) in zip(
        Batches(ready, 16, np.float32).epoch(orders), Batches(rows, 16, np.float32).epoch(orders), strict=True
    ):
        assert_array_equal(x, expected)


def test_large_arrays_sparse_ones_and_those_of_few_epochs_stay_as_they_are(monkeypatch):
    few = member(X[:25].copy(), shift=MEAN, scale=SCALE)
    long = replace(few, n_epochs=3)
    assert with_standardised_rows([few]) == [few]
    assert with_standardised_rows([long])[0].rows.shift is None
    monkeypatch.setattr(shared_data, "STANDARDISED_NUMBERS", 99)
    assert with_standardised_rows([long]) == [long]
    thin = replace(long, rows=replace(long.rows, X=sparse.csr_array(X[:5])))
    assert with_standardised_rows([thin]) == [thin]


def test_validation_rows_are_shared_too():
    rows = {"shift": MEAN, "scale": SCALE}
    members = [member(X.copy(), seed=i, **rows) for i in range(2)]
    members = [replace(one, validation=replace(one.rows, index=np.arange(20))) for one in members]
    shared = with_shared_rows(members)
    assert len({id(part.X) for one in shared for part in (one.rows, one.validation)}) == 1
