"""Rows that fits have in common: kept once, standardised once, and never mixed up."""

import gc
import weakref
from dataclasses import replace

import joblib
import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.model_selection import GridSearchCV

from skdl import MLPClassifier, losses, optimizers, penalties, schedules
from skdl.activations import Tanh
from skdl.engine import Member, Rows
from skdl.initializers import HeNormal
from skdl.layers.architecture import Architecture
from skdl.parallel import rounds
from skdl.parallel.sharing import LAST, Pool, same_bits, with_shared_rows
from skdl.testing import check_members

rng = np.random.default_rng(0)
X = rng.normal(size=(5000, 4))
MEAN, SCALE = X.mean(axis=0), (1 / X.std(axis=0)).astype(np.float32)


def member(X, *, seed=0, dtype=np.float32, **rows):
    targets = np.sin(X[:, :1]).astype(dtype)
    return Member(
        Architecture(4, (3,), 1, (Tanh(),), (None,), (HeNormal(),) * 2, (0.0, 0.0)),
        losses.SquaredError(),
        penalties.L2(),
        optimizers.Adam(),
        schedules.Constant(),
        alpha=0.0,
        rows=Rows(X, targets, **rows),
        batch_size=500,
        dtype=dtype,
        generator=np.random.default_rng(seed),
        n_epochs=1,
        max_epochs=1,
    )


def test_arrays_of_the_same_bits_are_one():
    pool = Pool()
    copies = [X.copy() for _ in range(3)]
    assert all(pool.shared(copy) is copies[0] for copy in copies)
    other = X.copy()
    other[2501, 1] = np.nextafter(other[2501, 1], 9)  # a row that is not sampled
    assert pool.shared(other) is other
    assert pool.shared(X.astype(np.float32)) is not copies[0]
    assert pool.shared(X[:-1].copy()) is not copies[0]


def test_zeros_with_other_signs_are_others():
    zeros, negative = np.zeros((3, 2)), -np.zeros((3, 2))
    assert not same_bits(zeros, negative)
    pool = Pool()
    assert pool.shared(zeros) is not pool.shared(negative)


@pytest.mark.parametrize("order", ["C", "F"])
def test_what_nobody_holds_is_forgotten_but_for_the_last(order):
    def given():
        return np.array(X, order=order)

    pool = Pool()
    first = weakref.ref(pool.shared(given()))
    assert pool.shared(given()) is first()
    for i in range(LAST):
        assert first() is not None
        pool.shared(given() + i + 1)
    gc.collect()
    assert first() is None
    assert_array_equal(pool.shared(given()), X)


def test_values_by_columns_are_put_in_order_once():
    pool = Pool()
    columns = np.asfortranarray(X)
    rows = pool.shared(columns)
    assert rows.flags.c_contiguous
    assert_array_equal(rows, X)
    assert pool.shared(np.asfortranarray(X)) is rows
    assert pool.shared(X.copy()) is rows
    by_rows = Pool()
    assert by_rows.shared(X) is X
    assert by_rows.shared(columns) is X
    other = columns.copy(order="F")
    other[2501, 1] = np.nextafter(other[2501, 1], 9)
    assert_array_equal(pool.shared(other), other)
    columns[:] = 0  # it is its owner's to change
    assert pool.shared(np.asfortranarray(X)) is rows
    assert_array_equal(rows, X)


def test_facts_are_computed_once_of_what_is_shared_and_each_time_of_what_is_not():
    pool, calls = Pool(), []

    def compute(array):
        calls.append(array)
        return array.sum()

    shared = pool.shared(X.copy())
    assert pool.fact(shared, compute) == pool.fact(shared, compute) == shared.sum()
    assert len(calls) == 1
    own = X.copy()
    pool.fact(own, compute)
    own += 1
    assert pool.fact(own, compute) == own.sum()
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
    assert shared[3].rows is members[3].rows  # nobody else standardises as it does
    expected, found = np.empty((700, 4), dtype), np.empty((700, 4), dtype)
    chosen = rng.integers(5000, size=700)
    members[0].rows.copy_inputs(chosen, expected)
    shared[0].rows.copy_inputs(chosen, found)
    assert same_bits(expected, found)
    for one, other in zip(check_members(members), check_members(shared), strict=True):
        assert_array_equal(one.theta, other.theta)


def test_validation_rows_are_shared_too():
    rows = {"shift": MEAN, "scale": SCALE}
    members = [member(X.copy(), seed=i, **rows) for i in range(2)]
    members = [replace(one, validation=replace(one.rows, index=np.arange(20))) for one in members]
    shared = with_shared_rows(members)
    assert len({id(part.X) for one in shared for part in (one.rows, one.validation)}) == 1


def test_a_search_holds_each_fold_once(iris, monkeypatch):
    seen = []
    train_members = rounds.train_members

    def spy(members, n_threads=1):
        seen.extend(members)
        return train_members(members, n_threads)

    monkeypatch.setattr(rounds, "train_members", spy)
    network = MLPClassifier((4,), max_iter=2, random_state=0)
    grid = {"alpha": [1e-4, 1e-3], "optimizer__learning_rate": [0.01, 0.1]}
    for X, y in (iris, (iris[0].to_numpy(), iris[1])):
        seen.clear()
        with joblib.parallel_config(backend="skdl"):
            GridSearchCV(network, grid, cv=5, refit=False).fit(X, y)
        assert len(seen) == 20
        assert len({id(one.rows.X) for one in seen}) == 5
        assert {one.rows.X.dtype for one in seen} == {np.dtype(np.float32)}


def test_seconds_are_shares_of_the_time_that_has_passed(iris, monkeypatch):
    spent = []
    train = rounds._train

    def timed(*arguments):
        begun = rounds.time.perf_counter()
        train(*arguments)
        spent.append(rounds.time.perf_counter() - begun)

    monkeypatch.setattr(rounds, "_train", timed)
    with joblib.parallel_config(backend="skdl"):
        networks = joblib.Parallel()(
            joblib.delayed(MLPClassifier((4,), max_iter=epochs, random_state=0).fit)(*iris) for epochs in (2, 2, 5)
        )
    shares = [network.history_["seconds"].sum() for network in networks]
    assert len(spent) == 2  # two schedules, two stacks
    assert 0.5 * sum(spent) < sum(shares) <= sum(spent)
    assert all(share > 0 for share in shares)
