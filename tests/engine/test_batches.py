"""Rows, and the batches made of them, against a direct computation with whole arrays."""

from dataclasses import dataclass, fields, replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse

from skdl.engine import Dataset
from skdl.engine.batches import Batches

N, D, C = 23, 4, 2


@pytest.fixture(params=[1 << 17, 40], ids=["one block", "many blocks"])
def blocks(request, monkeypatch):
    monkeypatch.setattr("skdl.engine.batches.BLOCK_NUMBERS", request.param)


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    return rng.normal(size=(N, D)), rng.normal(size=(N, C)), rng.uniform(0.5, 1.5, N)


def collect(batches, orders=None, **options):
    """All batches of an epoch, as lists of (x, targets, weight); views are copied."""
    return [tuple(array.copy() for array in batch) for batch in batches.epoch(orders, **options)]


@pytest.mark.parametrize("batch_size", [1, 5, 8, N])
def test_an_epoch_is_every_row_once_in_order(blocks, data, batch_size):
    X, targets, weight = data
    order = np.random.default_rng(1).permutation(N)
    batches = Batches([Dataset(X, targets, weight)], batch_size, np.float64)
    epoch = collect(batches, [order])
    assert len(epoch) == batches.steps_per_epoch == int(np.ceil(N / batch_size))
    assert [x.shape[1] for x, _, _ in epoch[:-1]] == [batch_size] * (len(epoch) - 1)
    assert np.array_equal(np.concatenate([x[0] for x, _, _ in epoch]), X[order])
    assert np.array_equal(np.concatenate([t[0] for _, t, _ in epoch]), targets[order])
    sizes = np.concatenate([np.full(x.shape[1], x.shape[1]) for x, _, _ in epoch])
    assert_allclose(np.concatenate([w[0, :, 0] for _, _, w in epoch]), weight[order] / sizes, rtol=1e-15)


def test_weights_of_all_rows(blocks, data):
    X, targets, weight = data
    epoch = collect(Batches([Dataset(X, targets, weight)], 5, np.float64), whole=True)
    assert_allclose(np.concatenate([w[0, :, 0] for _, _, w in epoch]), weight / N, rtol=1e-15)


def test_equal_weights(blocks, data):
    X, targets, _ = data
    for x, _, weight in collect(Batches([Dataset(X, targets)], 5, np.float32)):
        assert weight.dtype == np.float32
        assert (weight == np.float32(1 / x.shape[1])).all()


def test_index_chooses_rows_with_repetitions(blocks, data):
    X, targets, weight = data
    index = np.array([3, 3, 0, 22, 7, 3])
    rows = Dataset(X, targets, weight, index)
    assert rows.n == 6
    order = np.array([5, 0, 1, 4, 2, 3])
    epoch = collect(Batches([rows], 4, np.float64), [index[order]])
    assert np.array_equal(np.concatenate([x[0] for x, _, _ in epoch]), X[index[order]])
    assert np.array_equal(np.concatenate([t[0] for _, t, _ in epoch]), targets[index[order]])
    found = np.concatenate([w[0, :, 0] * w.shape[1] for _, _, w in epoch])
    assert_allclose(found, weight[index[order]], rtol=1e-15)


def test_each_member_has_its_own_order_data_and_scale(blocks, data):
    X, targets, _ = data
    other = np.random.default_rng(2).normal(size=(N, D))
    shift, scale = other.mean(axis=0), 1 / other.std(axis=0)
    members = [Dataset(X, targets), Dataset(other, -targets, shift=shift, scale=scale)]
    orders = [np.arange(N), np.arange(N)[::-1]]
    epoch = collect(Batches(members, 6, np.float64), orders)
    assert np.array_equal(np.concatenate([x[0] for x, _, _ in epoch]), X)
    assert_allclose(np.concatenate([x[1] for x, _, _ in epoch]), ((other - shift) * scale)[::-1], rtol=1e-15)
    assert np.array_equal(np.concatenate([t[1] for _, t, _ in epoch]), -targets[::-1])


def test_neighbours_with_rows_in_common_have_one_entry(blocks, data):
    """As many of each table: one entry a table; otherwise one a member."""
    X, targets, _ = data
    other = np.random.default_rng(2).normal(size=(N, D))
    order, another = np.arange(N)[::-1].copy(), np.random.default_rng(3).permutation(N)
    first, second = Dataset(X, targets), Dataset(other, -targets)
    tables = [first, first, second, second]

    def entries(members, orders):
        epoch = collect(Batches(members, 6, np.float64), orders)
        found = np.concatenate([x for x, _, _ in epoch], axis=1)
        chosen = [rows.X[chosen] for rows, chosen in zip(members, orders, strict=True)]
        assert_array_equal(np.repeat(found, len(members) // len(found), axis=0), chosen)
        expected = [rows.targets[chosen] for rows, chosen in zip(members, orders, strict=True)]
        assert_array_equal(np.concatenate([t for _, t, _ in epoch], axis=1), expected)
        return len(found)

    assert entries(tables, [order, order, another, another]) == 2
    assert entries(tables[:2], [order] * 2) == 1
    assert entries(tables[:3], [order, order, another]) == 3
    assert entries([first] * 4 + [second] * 2, [order] * 4 + [another] * 2) == 3  # one for each two
    assert entries(tables, [order, another, another, another]) == 4


@pytest.mark.parametrize("container", [np.asarray, sparse.csr_matrix, sparse.csr_array])
@pytest.mark.parametrize("source", [np.float32, np.float64])
@pytest.mark.parametrize("target", [np.float32, np.float64])
@pytest.mark.parametrize("standardise", [False, True])
def test_precision_and_standardisation(blocks, data, container, source, target, standardise):
    X = np.where(data[0] > 0, data[0], 0).astype(source)
    shift, scale = (X.mean(axis=0), 1 / X.std(axis=0)) if standardise else (None, None)
    rows = Dataset(container(X), data[1], shift=shift, scale=scale)
    epoch = collect(Batches([rows], 5, target))
    found = np.concatenate([x[0] for x, _, _ in epoch])
    exact = X.astype(np.float64)
    if standardise:
        exact = (exact - shift.astype(np.float64)) * scale.astype(np.float64)
    assert found.dtype == target
    # One rounding in each of the two operations and the conversion.
    coarse = np.finfo(np.float32 if np.float32 in (source, target) else np.float64).eps
    assert_allclose(found, exact, rtol=0, atol=2 * coarse * np.abs(exact).max())


def test_differences_are_taken_before_precision_is_lost(blocks):
    """A column like 1e8 + small has no digits left in float32: the mean must go first."""
    small = np.random.default_rng(0).normal(size=(N, 1))
    X = 1e8 + small
    rows = Dataset(X, np.zeros((N, 1)), shift=np.array([1e8]), scale=np.ones(1, np.float32))
    [(x, _, _)] = collect(Batches([rows], N, np.float32))
    assert_allclose(x[0], small, atol=1e-7)


def test_nothing_is_written_to_the_data(blocks, data):
    X, targets, weight = (array.astype(np.float32) for array in data)
    before = X.copy(), targets.copy(), weight.copy()
    rows = Dataset(X, targets, weight, shift=X.mean(axis=0), scale=np.full(D, 2, np.float32))
    for batch in Batches([rows], N, np.float32).epoch(whole=True):
        for array in batch:
            array *= 0
    assert all(np.array_equal(a, b) for a, b in zip(before, (X, targets, weight), strict=True))


def test_every_epoch_is_gathered_in_the_same_memory(blocks, data):
    """Weights that are equal lie there from the start, and nobody writes to them."""
    X, targets, weight = data
    for rows, is_equal in ((Dataset(X, targets), True), (Dataset(X, targets, weight), False)):
        batches = Batches([rows], 5, np.float64)
        first, second = list(batches.epoch()), list(batches.epoch())
        for before, after in zip(first, second, strict=True):
            assert all(np.shares_memory(a, b) for a, b in zip(before, after, strict=True))
            assert before[2].flags.writeable != is_equal


@pytest.mark.parametrize("n_targets", [1, 3, 40])
def test_targets_of_several_members_and_any_width(blocks, n_targets):
    """Few columns lie one after the other, as scores do in training; rows of many stay rows."""
    rng = np.random.default_rng(0)
    X, targets, orders = rng.normal(size=(N, D)), rng.normal(size=(N, n_targets)), [rng.permutation(N) for _ in "ab"]
    for own in (orders, [orders[0]] * 2):
        epoch = Batches([Dataset(X, targets)] * 2, 6, np.float64).epoch(own)
        found = [(each.copy(), each.mT.flags.c_contiguous, each.flags.c_contiguous) for _, each, _ in epoch]
        assert_array_equal(np.concatenate([each for each, _, _ in found], axis=1), [targets[order] for order in own])
        assert all(by_columns if n_targets <= 32 else by_rows for _, by_columns, by_rows in found)


def test_members_share_what_they_agree_in_and_nothing_else(data):
    """Each field of rows keeps apart the members that differ in it, in what it has a part in."""
    X, targets, weight = data
    index, strata = np.arange(N)[::-1].copy(), np.arange(N) % 3
    rows = Dataset(X, targets, weight, index, np.zeros(D), np.ones(D), strata)
    parts = {}
    for name in [each.name for each in fields(Dataset)]:
        other = replace(rows, **{name: getattr(rows, name) + 1})
        parts[name] = [
            name
            for name, differs in (
                ("array", not rows.shares_arrays(other)),
                ("order", not rows.orders_as(other)),
                ("standardisation", rows.standardisation != other.standardisation),
            )
            if differs
        ]
    assert parts == {
        "X": ["array"],
        "targets": ["array"],
        "weight": ["array"],
        "index": ["order"],
        "strata": ["order"],
        "shift": ["standardisation"],
        "scale": ["standardisation"],
    }


def test_a_new_field_of_rows_keeps_members_apart(data):
    """A field that somebody adds without a mark may have a part in all that members share."""

    @dataclass(frozen=True)
    class NoisyRows(Dataset):
        noise: float = 0.0

    X, targets, _ = data
    plain, noisy = NoisyRows(X, targets), NoisyRows(X, targets, noise=1.0)
    assert plain.shares_arrays(plain)
    assert not plain.shares_arrays(noisy)
    assert plain.orders_as(plain)
    assert not plain.orders_as(noisy)
    assert plain.standardisation == NoisyRows(X, targets).standardisation != noisy.standardisation
