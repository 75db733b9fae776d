"""Equal rows, numbers on a grid, clusters and outliers: the neighbours, and how few pairs need an exact distance."""

from fractions import Fraction

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn import config_context

from skdl import KNNClassifier
from skdl.neighbors.bounds.grid import ExactDistanceBound, GridBound
from skdl.neighbors.metrics.metric import Cosine, Minkowski, NanMinkowski
from skdl.neighbors.metrics.pairwise import CallableMetric
from skdl.neighbors.search.choice import make_search
from skdl.neighbors.search.duplicates import DuplicateRowsSearch, find_duplicate_rows
from skdl.neighbors.search.ranking import Ranking


@pytest.fixture
def ranked(monkeypatch):
    """Counts the pairs whose exact distance is computed."""
    count = [0]
    exact = Ranking.exact

    def counting(self, i, x, *rows):
        count[0] += i.shape[0]
        return exact(self, i, x, *rows)

    monkeypatch.setattr(Ranking, "exact", counting)
    return count


def repeated(n, d, seed, share=0.6, n_different=9):
    """Whole numbers, a share of the rows copies of few."""
    rng = np.random.default_rng(seed)
    X = rng.integers(-4, 5, (n, d)).astype(float)
    copied = rng.random(n) < share
    X[copied] = X[rng.integers(0, n_different, copied.sum())]
    return X, np.concatenate([rng.integers(-4, 5, (6, d)), X[rng.integers(0, n, 6)]]).astype(float)


def by_squares(X, Q, k):
    """The nearest rows by whole squares of distances, ties by index."""
    return np.argsort(np.square(Q[:, None] - X[None]).sum(-1), axis=1, kind="stable")[:, :k]


@pytest.mark.parametrize("algorithm", ["auto", "brute", "projection", "kd_tree"])
@pytest.mark.parametrize("d", [1, 3, 14])
@pytest.mark.parametrize("k", [1, 4, 60, 150])
@pytest.mark.parametrize("memory", [1024, 0.01])
def test_equal_rows_are_neighbours_one_by_one(k, d, algorithm, memory):
    X, Q = repeated(150, d, k)
    search = make_search(X, Minkowski(2), algorithm, k)
    assert isinstance(search, DuplicateRowsSearch)
    with config_context(working_memory=memory):
        distances, indices = search.query(Q, k)
    expected = by_squares(X, Q, k)
    assert_array_equal(indices, expected)
    assert_array_equal(distances, np.sqrt(np.square(Q[:, None] - X[expected]).sum(-1)))


@pytest.mark.parametrize(
    "metric",
    [
        Minkowski(1),
        Minkowski(3),
        Minkowski(np.inf),
        Cosine(),
        NanMinkowski(),
        CallableMetric(lambda a, b: abs(a - b).max()),
    ],
    ids=["manhattan", "minkowski", "chebyshev", "cosine", "nan_euclidean", "callable"],
)
@pytest.mark.parametrize("container", [np.asarray, np.float32, sparse.csr_array])
def test_groups_of_equal_rows_give_what_the_rows_give(metric, container):
    if container is sparse.csr_array and not isinstance(metric, Cosine):
        metric = Minkowski(2)
    X, Q = repeated(120, 4, 3)
    if isinstance(metric, NanMinkowski):
        X[X == 4] = np.nan
    X, Q = container(X), container(Q)
    search = make_search(X, metric)
    alone = np.column_stack([make_search(X[[i]], metric).query(Q, 1)[0][:, 0] for i in range(120)])
    expected = np.argsort(alone, axis=1, kind="stable")[:, :17]
    distances, indices = search.query(Q, 17)
    assert isinstance(search, DuplicateRowsSearch)
    assert_array_equal(indices, expected)
    assert_array_equal(distances, np.take_along_axis(alone, expected, axis=1))


def test_groups_hold_every_row_once_in_the_order_of_their_first_members():
    X, _ = repeated(300, 3, 0)
    X[7], X[8] = -0.0, 0.0
    groups = find_duplicate_rows(X)
    assert_array_equal(np.sort(groups.members), np.arange(300))
    assert (np.diff(groups.first) > 0).all()
    assert groups.counts.sum() == 300
    for start, count in zip(groups.starts, groups.counts, strict=True):
        members = groups.members[start : start + count]
        assert (np.diff(members) > 0).all()
        assert (X[members] == X[members[0]]).all()
    assert len(groups.first) == len(np.unique(X + 0.0, axis=0))
    assert find_duplicate_rows(np.arange(50.0)[:, None]) is None


@pytest.mark.parametrize("weights", ["uniform", "distance"])
def test_a_row_among_its_copies_is_not_its_own_neighbour(weights):
    X, _ = repeated(90, 2, 1)
    model = KNNClassifier(5, weights=weights).fit(X, np.arange(90) % 3, sample_weight=np.arange(90) % 4)
    squares = np.square(X[:, None] - X[None]).sum(-1)
    squares[:, np.arange(90) % 4 == 0] = np.inf
    np.fill_diagonal(squares, np.inf)
    assert_array_equal(model.kneighbors(return_distance=False), np.argsort(squares, axis=1, kind="stable")[:, :5])


def test_equal_rows_need_few_distances(ranked):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(5000, 20))
    X[rng.random(5000) < 0.5] = X[0]
    make_search(X, Minkowski(2)).query(np.concatenate([X[:50], rng.normal(size=(50, 20))]), 5)
    assert ranked[0] < 100 * 60


@pytest.mark.parametrize("metric", [Minkowski(2), Cosine()])
def test_large_groups_tied_or_not_are_found_by_few(metric, ranked):
    rng = np.random.default_rng(0)
    X = np.eye(60)[rng.integers(0, 60, 3000)]
    Q = np.concatenate([np.eye(60)[:40], np.zeros((5, 60)), np.ones((5, 60)), np.eye(60)[:10] + np.eye(60)[10:20]])
    k = 7
    distances, indices = make_search(X, metric).query(Q, k)
    # Only the rows of the query's own ones are nearer than the others, and zeros and ones are equally far from all.
    nearer = (Q @ X.T == 1) & (Q.sum(axis=1) < 3)[:, None]
    assert_array_equal(indices, np.argsort(~nearer, axis=1, kind="stable")[:, :k])
    assert np.ptp(distances, axis=1).max() == 0
    assert ranked[0] < 60 * 100  # of 60 * 3000


def test_a_row_of_zeros_is_at_distance_1_from_all(ranked):
    rng = np.random.default_rng(0)
    X, Q = (rng.integers(0, 2, (n, 8)) * (rng.random((n, 1)) < 0.9) for n in (3000, 40))
    Q[::2] = 0
    for container in (np.asarray, sparse.csr_array):
        distances, indices = make_search(container(X * 1.0), Cosine()).query(container(Q * 1.0), 6)
        assert_array_equal(indices[::2], np.tile(np.arange(6), (20, 1)))
        assert (distances[::2] == 1).all()
    make_search(X[:, :3] + rng.random((3000, 3)), Cosine()).query(np.zeros((9, 3)), 6)
    assert ranked[0] < 40 * 3000 / 4


@pytest.mark.parametrize("d", [6, 30])
@pytest.mark.parametrize("k", [1, 4, 40])
def test_of_rows_at_distance_0_the_first_are_found(d, k, ranked):
    # Rows that differ only where the query has nothing: no equal rows, but many at distance 0.
    rng = np.random.default_rng(k)
    X = rng.integers(0, 2, (6000, d)) * (rng.random((6000, 1)) < 0.3) * 1.0
    X[:, 3:] += rng.random((6000, d - 3))
    Q = np.zeros((30, d))
    Q[:, 3:], Q[:15, 0] = np.nan, 1
    distances, indices = make_search(X, NanMinkowski()).query(Q, k)
    square = np.square(Q[:, None, :3] - X[:, :3]).sum(-1)
    expected = np.argsort(square, axis=1, kind="stable")[:, :k]
    assert_array_equal(indices, expected)
    assert_allclose(distances, np.sqrt(np.take_along_axis(square, expected, axis=1) * d / 3), rtol=1e-15)
    assert ranked[0] < 30 * 6000 / 5


GRIDS = {
    "binary": lambda rng, n: rng.integers(0, 2, (n, 30)),
    "bits of 1/64": lambda rng, n: rng.integers(0, 2, (n, 30)) / 64,
    "one-hot": lambda rng, n: np.eye(400)[rng.permutation(np.resize(np.arange(400), n))],
    "few values": lambda rng, n: rng.integers(0, 4, (n, 14)),
    "uint8": lambda rng, n: rng.integers(0, 256, (n, 40)),
    "an offset": lambda rng, n: rng.integers(0, 3, (n, 15)) + 2.0**18,
    "large": lambda rng, n: rng.integers(0, 2**17, (n, 12)),
}


@pytest.mark.parametrize("kind", list(GRIDS))
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("k", [1, 7, 70])
@pytest.mark.parametrize("container", [np.asarray, sparse.csr_array])
def test_on_a_grid_only_the_nearest_need_distances(kind, dtype, k, container, ranked):
    rng = np.random.default_rng(k)
    X, Q = (container(GRIDS[kind](rng, n).astype(dtype)) for n in (2500, 30))
    search = make_search(X, Minkowski(2), "brute")
    inner = getattr(search, "inner", search)
    assert isinstance(inner.bounds[0], GridBound)
    indices = search.query(Q, k)[1]
    # Of large groups a quarter of k at most are asked for first, in vain where all others tie.
    assert ranked[0] <= 30 * (k if inner is search else k + k // 4)
    X, Q = (rows.toarray() if sparse.issparse(rows) else rows for rows in (X, Q))
    for q, row in zip(Q.astype(float), indices, strict=True):  # by whole numbers of any size
        unit = 64 if kind == "bits of 1/64" else 1
        squares = (np.rint((q - X.astype(float)) * unit).astype(np.int64) ** 2).sum(axis=1)
        assert_array_equal(row, np.argsort(squares, kind="stable")[:k])


@pytest.mark.parametrize("metric", [1, np.inf])
@pytest.mark.parametrize("k", [1, 7])
def test_sums_and_maxima_of_differences_are_exact_too(metric, k, ranked):
    rng = np.random.default_rng(k)
    X, Q = (rng.integers(0, 3, (n, 25)).astype(float) for n in (2500, 30))
    search = make_search(X, Minkowski(metric), "brute")
    assert isinstance(search.bounds[0], ExactDistanceBound)
    indices = search.query(Q, k)[1]
    assert ranked[0] <= 30 * k
    differences = np.abs(Q[:, None] - X[None])
    keys = differences.sum(-1) if metric == 1 else differences.max(-1)
    assert_array_equal(indices, np.argsort(keys, axis=1, kind="stable")[:, :k])


@pytest.mark.parametrize("metric", [1, 2])
def test_queries_off_the_grid_are_answered_otherwise(metric):
    rng = np.random.default_rng(0)
    X = rng.integers(0, 3, (150, 15)).astype(float)
    for Q in (X[:5] + 0.1, X[:5] * 2.0**60, rng.normal(size=(5, 15))):
        indices = make_search(X, Minkowski(metric), "brute").query(Q, 4)[1]
        for q, row in zip(Q, indices, strict=True):
            powers = [sum(abs(Fraction(a) - Fraction(b)) ** metric for a, b in zip(q, x, strict=True)) for x in X]
            exact = sorted(powers)[:4]
            assert all(abs(powers[i] - want) <= want * Fraction(1, 10**14) for i, want in zip(row, exact, strict=True))


def test_a_value_off_the_grid_beyond_the_sample_is_seen():
    rng = np.random.default_rng(0)
    X = rng.integers(0, 9, (5000, 15)).astype(float)
    hidden = np.setdiff1d(np.arange(5000), np.random.default_rng(0).choice(5000, 2048, replace=False))[30]
    X[hidden, 3] += 0.1
    search = make_search(X, Minkowski(2), "brute")
    assert not isinstance(search.bounds[0], GridBound)
    assert search.query(X[[hidden]], 1)[1] == hidden


def clusters(rng, n, d=20):
    return np.random.default_rng(9).normal(size=(50, d))[rng.integers(0, 50, n)] * 10 + 0.01 * rng.normal(size=(n, d))


def outliers(rng, n, d=20):
    X = rng.normal(size=(n, d))
    X[:3] *= 1e6
    return X


@pytest.mark.parametrize("kind", [clusters, outliers])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_neither_clusters_nor_outliers_leave_much_open(kind, dtype, ranked):
    rng = np.random.default_rng(0)
    X, Q = kind(rng, 4000).astype(dtype), kind(rng, 60)[10:].astype(dtype)
    found = make_search(X, Minkowski(2)).query(Q, 5)
    assert ranked[0] < 50 * 40
    distances = np.sqrt(np.square(Q.astype(float)[:, None] - X.astype(float)[None]).sum(-1))
    expected = np.argsort(distances, axis=1, kind="stable")[:, :5]
    assert_array_equal(found[1], expected)
    assert_array_equal(found[0], np.take_along_axis(distances, expected, axis=1))
