"""The searches against brute force written out here: NumPy in float64, integers, fractions."""

import tracemalloc
from fractions import Fraction
from math import isqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn import config_context

from skdl import KNNRegressor
from skdl.neighbors.metrics.metric import Cosine, Minkowski, NanMinkowski
from skdl.neighbors.metrics.pairwise import CallableMetric
from skdl.neighbors.search.choice import make_search


def brute(X, metric):
    return make_search(X, metric, "brute")


def naive_distances(Q, X, metric, p=2):
    difference = np.abs(Q[:, None].astype(np.float64) - X[None].astype(np.float64))
    if metric == "manhattan":
        return difference.sum(axis=-1)
    if metric == "chebyshev":
        return difference.max(axis=-1)
    if metric == "euclidean":
        return np.sqrt((difference**2).sum(axis=-1))
    return (difference**p).sum(axis=-1) ** (1 / p)


def nearest(distances, k):
    indices = np.argsort(distances, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(distances, indices, axis=1), indices


ORDERS = {"manhattan": 1, "euclidean": 2, "chebyshev": np.inf, "minkowski": 3}


KINDS = ["normal", "integer", "grid", "duplicates", "constant", "offset", "clusters", "mixed", "far"]


@st.composite
def problems(draw):
    """Rows and queries of the kinds that break searches: ties, duplicates, constant columns, offsets, tiny and huge."""
    seed = draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    n, m, d = draw(st.integers(1, 120)), draw(st.integers(1, 20)), draw(st.integers(1, 14))
    kind = draw(st.sampled_from(KINDS))
    X, Q = rng.normal(size=(n, d)), rng.normal(size=(m, d))
    if kind == "integer":
        X, Q = rng.integers(-2, 3, (n, d)), rng.integers(-2, 3, (m, d))
    elif kind == "grid":  # ties in the reals that rounding may break
        X, Q = rng.integers(-3, 4, (n, d)) * 0.1, rng.integers(-3, 4, (m, d)) * 0.1
    elif kind == "duplicates":
        X = X[rng.integers(0, max(1, n // 8), n)]
        Q = X[rng.integers(0, n, m)]
    elif kind == "constant":
        X[:, rng.integers(0, d)] = 7.3
        Q[:, 0] = 7.3
    elif kind == "clusters":  # far apart and tight: margins of float32 products say nothing inside a cluster
        X, Q = X * 1e-6 + rng.choice([-1, 1], (n, 1)), Q * 1e-6 + rng.choice([-1, 1], (m, 1))
    elif kind == "mixed":  # columns and rows of very different size
        X, Q = X * 10.0 ** rng.integers(-15, 9, (n, 1)), Q * 10.0 ** rng.integers(-15, 9, (m, 1))
    elif kind == "far":  # the order of the rows is that of the roundings of their distances
        Q = Q * 10.0 ** rng.integers(10, 18, (m, 1))
    offset = 1e6 if kind == "offset" else draw(st.sampled_from([0.0, 0.0, 1e6]))
    dtype = draw(st.sampled_from([np.float32, np.float64]))
    scale = draw(st.sampled_from([1.0, 1.0, 1e-18, 1e15]))
    return (((X + offset) * scale).astype(dtype), ((Q + offset) * scale).astype(dtype), draw(st.integers(1, n)))


@pytest.mark.parametrize(
    ("algorithm", "metric"),
    [("brute", metric) for metric in ORDERS]
    + [("kd_tree", metric) for metric in ORDERS]
    + [("projection", metric) for metric in ("euclidean", "manhattan")],
)
@settings(max_examples=120, deadline=None)
@given(problem=problems(), memory=st.sampled_from([1024, 0.01]))
def test_neighbours_are_those_of_brute_force_to_the_last_bit(metric, algorithm, problem, memory):
    X, Q, k = problem
    expected_distances, expected_indices = nearest(naive_distances(Q, X, metric, 3), k)
    with config_context(working_memory=memory):
        distances, indices = make_search(X, Minkowski(ORDERS[metric]), algorithm, k).query(Q, k)
    assert_array_equal(indices, expected_indices)
    assert_array_equal(distances, expected_distances)


@pytest.mark.parametrize("seed", range(5))
def test_products_that_underflow_leave_no_neighbour_out(seed):
    rng = np.random.default_rng(seed)
    X, Q = (rng.normal(size=(n, 12)).astype(np.float32) * np.float32(1e-22) for n in (300, 50))
    X[0], X[1] = 1, -1  # set the scale and keep the centre at 0, so that float32 squares of the rest are subnormal
    expected = nearest(naive_distances(Q, X, "euclidean"), 5)
    for found, wanted in zip(brute(X, Minkowski(2)).query(Q, 5), expected, strict=True):
        assert_array_equal(found, wanted)


@pytest.mark.parametrize("metric", list(ORDERS))
@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), d=st.integers(1, 24))
def test_integer_ties_go_to_the_lowest_index(metric, seed, d):
    rng = np.random.default_rng(seed)
    X, Q = rng.integers(-3, 4, (90, d)), rng.integers(-3, 4, (10, d))
    difference = np.abs(Q[:, None] - X[None])
    power = {"manhattan": 1, "euclidean": 2, "chebyshev": 1, "minkowski": 3}[metric]
    keys = difference.max(axis=-1) if metric == "chebyshev" else (difference**power).sum(axis=-1)
    expected = np.argsort(keys, axis=1, kind="stable")[:, :17]
    _, indices = make_search(X.astype(np.float64), Minkowski(ORDERS[metric])).query(Q.astype(np.float64), 17)
    assert_array_equal(indices, expected)


def cosine_key(q, x):
    """-sign(<q, x>) <q, x>^2 / |x|^2, which orders rows x as their cosine distances to q do, in rational numbers."""
    product, square = int(q @ x), int(x @ x)
    return Fraction(0) if square == 0 else -Fraction(abs(product) * product, square)


@pytest.mark.parametrize("container", [np.asarray, sparse.csr_array, sparse.csr_matrix])
@pytest.mark.parametrize("seed", range(4))
def test_cosine_neighbours_are_those_of_rational_arithmetic(container, seed):
    rng = np.random.default_rng(seed)
    X = rng.integers(-3, 4, (60, 3))
    X = np.concatenate([X, 3 * X[:15], 7 * X[:10]])  # exact multiples tie
    X[5] = 0
    Q = rng.integers(-3, 4, (25, 3))
    Q[0] = 0
    distances, indices = brute(container(X.astype(np.float64)), Cosine()).query(container(Q.astype(np.float64)), 12)
    for q, row, distance in zip(Q, indices, distances, strict=True):
        keys = [cosine_key(q, x) for x in X]
        assert [keys[i] for i in row] == sorted(keys)[:12]
        lengths = np.sqrt((q @ q) * np.square(X[row]).sum(axis=1))
        cosine = np.divide(X[row] @ q, lengths, out=np.zeros(12), where=lengths > 0)
        assert_allclose(distance, 1 - cosine, rtol=1e-12, atol=1e-15)
        for direction in {tuple(X[i] // max(1, np.gcd.reduce(X[i]))) for i in row}:
            same = [i for i in row if tuple(X[i] // max(1, np.gcd.reduce(X[i]))) == direction]
            assert same == sorted(same)


def test_cosine_of_extreme_lengths_neither_overflows_nor_underflows():
    X = np.array([[3e200, 4e200], [4e-200, 3e-200], [1.0, 0.0]])
    distances, indices = brute(X, Cosine()).query(np.array([[3.0, 4.0]]), 3)
    assert_array_equal(indices, [[0, 1, 2]])
    assert_allclose(distances, [[0, 1 - 24 / 25, 1 - 3 / 5]], rtol=1e-14)


@pytest.mark.parametrize("metric", [Minkowski(2), Cosine()])
@pytest.mark.parametrize("sparse_queries", [True, False])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_sparse_rows_have_the_neighbours_of_dense_ones(metric, sparse_queries, dtype):
    rng = np.random.default_rng(0)
    X = np.where(rng.random((300, 40)) < 0.15, rng.normal(size=(300, 40)), 0).astype(dtype)
    Q = np.where(rng.random((40, 40)) < 0.15, rng.normal(size=(40, 40)), 0).astype(dtype)
    X[:60] = X[60:120]
    expected = brute(X, metric).query(Q, 7)
    found = brute(sparse.csr_array(X), metric).query(sparse.csr_array(Q) if sparse_queries else Q, 7)
    assert_array_equal(found[1], expected[1])
    assert_allclose(found[0], expected[0], rtol=1e-14, atol=1e-30)


def test_unsorted_and_repeated_sparse_entries_are_summed():
    Q = sparse.csr_array((np.array([1.0, 2.0, 1.0]), np.array([1, 0, 1]), np.array([0, 3])), shape=(1, 2))
    X = sparse.csr_array(np.array([[2.0, 1.0], [2.0, 2.0]]))
    distances, indices = brute(X, Minkowski(2)).query(Q, 2)
    assert_array_equal(indices, [[1, 0]])
    assert_array_equal(distances, [[0.0, 1.0]])
    assert Q.nnz == 3  # the caller's matrix is as it was


def test_a_function_as_metric():
    rng = np.random.default_rng(0)
    X, Q = rng.integers(0, 4, (50, 3)).astype(np.float32), rng.integers(0, 4, (9, 3)).astype(np.float32)

    def canberra(a, b):
        assert a.dtype == b.dtype == np.float64
        return float(sum(abs(s - t) / (abs(s) + abs(t)) for s, t in zip(a, b, strict=True) if s or t))

    expected = nearest(np.array([[canberra(q.astype(float), x.astype(float)) for x in X] for q in Q]), 6)
    for found, wanted in zip(brute(X, CallableMetric(canberra)).query(Q, 6), expected, strict=True):
        assert_array_equal(found, wanted)
    for bad in (lambda a, b: -1.0, lambda a, b: np.nan, lambda a, b: np.abs(a - b)):
        with pytest.raises(ValueError, match="'metric' must return a number in the range"):
            brute(X, CallableMetric(bad)).query(Q, 1)


def test_distances_of_integers_are_their_correctly_rounded_roots():
    rng = np.random.default_rng(1)
    X, Q = rng.integers(-99, 99, (50, 30)), rng.integers(-99, 99, (10, 30))
    distances, indices = make_search(X.astype(np.float32), Minkowski(2)).query(Q.astype(np.float32), 4)
    for q, row, found in zip(Q, indices, distances, strict=True):
        for i, distance in zip(row, found, strict=True):
            square = int(((q - X[i]) ** 2).sum())
            root = isqrt(square << 120) / 2**60
            assert abs(distance - root) <= np.spacing(root)


@pytest.mark.parametrize("metric", [Minkowski(2), Minkowski(1), Minkowski(300.0), Cosine()])
@pytest.mark.parametrize("n_jobs", [2, 3, -1])
def test_results_do_not_depend_on_threads(metric, n_jobs):
    rng = np.random.default_rng(0)
    X, Q = rng.normal(size=(900, 20)).astype(np.float32), rng.normal(size=(131, 20)).astype(np.float32)
    search = make_search(X, metric)
    for found, alone in zip(search.query(Q, 9, n_jobs), search.query(Q, 9), strict=True):
        assert_array_equal(found, alone)


SEARCHES = {
    "products": (Minkowski(2), 30, "brute"),
    "distances": (Minkowski(1), 30, "brute"),
    "cosine": (Cosine(), 30, "brute"),
    "absent": (NanMinkowski(), 30, "brute"),
    "tree": (Minkowski(2), 4, "kd_tree"),
    "sparse": (Minkowski(2), 30, "sparse"),
    "projection": (Minkowski(2), 30, "projection"),
    "groups": (Minkowski(1), 30, "projection"),
}


@pytest.mark.parametrize("n_jobs", [1, 2])
@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("name", list(SEARCHES))
def test_working_memory_bounds_a_query(name, tied, n_jobs):
    metric, columns, algorithm = SEARCHES[name]
    rng = np.random.default_rng(0)
    # All distances at once would take 24 MB; with ties, where no bound leaves a pair out, the pairs alone 5 MB.
    X = np.ones((20000, columns)) if tied else rng.normal(size=(20000, columns))
    Q = np.ones((12, columns)) if tied else rng.normal(size=(150, columns))
    limit = 2 if tied else 8
    if algorithm == "sparse":
        X, Q, algorithm = sparse.csr_array(X), sparse.csr_array(Q), "brute"
    search = make_search(X, metric, algorithm)
    search.query(Q[:2], 5)  # what libraries allocate once
    with config_context(working_memory=limit):
        tracemalloc.start()
        try:
            search.query(Q, 5, n_jobs)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert peak < limit * 2**20


@pytest.mark.parametrize("algorithm", ["brute", "projection"])
def test_an_outlier_that_no_sample_shows_is_found(algorithm):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(5000, 10))
    hidden = np.setdiff1d(np.arange(5000), np.random.default_rng(0).choice(5000, 2048, replace=False))[[0, 7]]
    X[hidden] *= np.array([[1e18], [1e160]])
    Q = np.concatenate([X[hidden[:1]] * 1.5, X[:3] + 0.1])
    with np.errstate(over="ignore"):
        expected = nearest(naive_distances(Q, X, "euclidean"), 3)
    for found, wanted in zip(make_search(X, Minkowski(2), algorithm).query(Q, 3), expected, strict=True):
        assert_array_equal(found, wanted)


def test_a_sparse_query_out_of_all_range_is_an_error():
    X = sparse.csr_array(np.eye(12) * 1e-170)
    with pytest.raises(ValueError, match="1e150 times farther out"):
        make_search(X, Minkowski(2)).query(np.ones((1, 12)), 2)


@pytest.mark.parametrize("kind", ["normal", "offset", "whole", "copies", "clusters", "tiny", "huge"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("p", [1, 2, np.inf])
def test_few_queries_are_answered_without_preparation(kind, dtype, p):
    rng = np.random.default_rng(0)
    X, Q = rng.normal(size=(2500, 33)), rng.normal(size=(40, 33))
    if kind == "offset":
        X, Q = X + 1e4, Q + 1e4
    elif kind == "whole":
        X, Q = (rng.integers(0, 2, rows.shape) * 1.0 for rows in (X, Q))
    elif kind == "copies":
        X[500:] = Q[0]
    elif kind == "clusters":
        centres = 10 * rng.normal(size=(8, 33))
        X, Q = (centres[rng.integers(0, 8, len(rows))] + 1e-5 * rows for rows in (X, Q))
    X, Q = ((rows * {"tiny": 1e-25, "huge": 1e25}.get(kind, 1)).astype(dtype) for rows in (X, Q))
    model = KNNRegressor(6, p=p).fit(X, np.arange(2500))
    distances, indices = model.kneighbors(Q)
    difference = np.abs(Q.astype(float)[:, None] - X.astype(float))
    table = {1: difference.sum(-1), 2: np.sqrt(np.square(difference).sum(-1)), np.inf: difference.max(-1)}[p]
    expected = np.argsort(table, axis=1, kind="stable")[:, :6]
    assert_array_equal(indices, expected)
    assert_array_equal(distances, np.take_along_axis(table, expected, axis=1))
    if kind in ("normal", "offset", "copies"):
        assert model._rows.search.prepared is None
    for _ in range(10):  # more queries in all: now a search is prepared, which finds the same
        again = model.kneighbors(Q)
    assert model._rows.search.prepared is not None
    assert_array_equal(again, (distances, indices))
