"""Distances of listed pairs by loops are those of NumPy to the last bit: as plain Python, and compiled."""

from functools import partial

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from skdl._compiled import COMPILER
from skdl.neighbors.metrics import pair_loops
from skdl.neighbors.metrics.metric import Cosine, Metric, Minkowski

LOOPS = {
    "euclidean": (Minkowski(2), pair_loops.euclidean_pairs),
    "manhattan": (Minkowski(1), pair_loops.manhattan_pairs),
    "cosine": (Cosine(), pair_loops.cosine_pairs),
}


def pairs(metric, columns, dtype, scale=1.0, count=40):
    """Queries and rows, some of them equal or zero, and pairs of them that often have a row in common."""
    rng = np.random.default_rng(columns)
    X, Q = ((rng.normal(size=(n, columns)) * scale).astype(dtype) for n in (20, 9))
    X[3], X[4], Q[2] = Q[1], 0, 0
    i, x = rng.integers(0, 9, count), np.sort(rng.integers(0, 20, count))
    i[:3], x[:3] = (1, 2, 2), (3, 3, 4)
    return metric.represent(Q), X, i, x


def by_numpy(metric, queries, X, i, x):
    distances = np.empty(i.size)
    Metric.between_pairs(metric, queries, X, i, x, distances)
    return distances


@pytest.mark.parametrize("name", LOOPS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("columns", [1, 2, 7, 8, 9, 23, 128, 129, 300, 1031])
def test_loops_in_plain_python_sum_as_numpy_does(name, dtype, columns):
    metric, function = LOOPS[name]
    problem = pairs(metric, columns, dtype, count=12)
    distances = np.empty(12)
    function(*problem, pair_loops.halving(columns), distances)
    assert_array_equal(distances, by_numpy(metric, *problem))


@pytest.mark.parametrize("name", LOOPS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("columns", [7, 8, 13, 100, 784, 9000])
def test_compiled_loops_give_the_bits_of_numpy(name, dtype, columns):
    pytest.importorskip("numba")
    metric, _ = LOOPS[name]
    for scale in (1.0, 1e-30, 1e30):
        problem = pairs(metric, columns, dtype, scale)
        expected, distances = by_numpy(metric, *problem), np.empty(40)
        with COMPILER.using("eager"):
            metric.between_pairs(*problem, distances)
        assert_array_equal(distances, expected)


@pytest.mark.parametrize("scale", [1e-320, 1e-200, 1e-150, 1e160, 1e300])
def test_distances_whose_squares_leave_the_range_are_numpys(scale):
    pytest.importorskip("numba")
    metric = Minkowski(2)
    problem = pairs(metric, 30, np.float64, scale)
    problem[1][7:12] /= scale  # beside ordinary ones
    distances = np.empty(40)
    with COMPILER.using("eager"):
        metric.between_pairs(*problem, distances)
    assert_array_equal(distances, by_numpy(metric, *problem))
    assert np.isfinite(distances).all()


@pytest.mark.parametrize("kind", ["columns first", "read only", "every other", "integers"])
def test_rows_of_any_layout_are_compared(kind):
    pytest.importorskip("numba")
    metric = Minkowski(2)
    queries, X, i, x = pairs(metric, 12, np.float64)
    expected = by_numpy(metric, queries, X, i, x)
    if kind == "columns first":
        X = np.asfortranarray(X)
    elif kind == "every other":
        X = np.repeat(X, 2, axis=1)[:, ::2]
    elif kind == "integers":
        X, queries = (X * 8).astype(int), (queries * 8).astype(int).astype(float)
        expected = np.sqrt(np.square(queries[i] - X[x]).sum(axis=1))
    else:
        X.flags.writeable = queries.flags.writeable = False
    distances = np.empty(40)
    with COMPILER.using("eager"):
        metric.between_pairs(queries, X, i, x, distances)
    assert_array_equal(distances, expected)


def test_a_loop_that_sums_in_another_order_than_numpy_is_not_taken():
    metric = Minkowski(2)

    def in_turn(queries, X, i, x, steps, distances):
        distances[:] = np.sqrt(np.cumsum(np.square(queries[i] - X[x]), axis=1)[:, -1])

    def as_numpy(queries, X, i, x, steps, distances):
        distances[:] = np.sqrt(np.square(queries[i] - X[x]).sum(axis=1))

    with COMPILER.using("off"):
        loop = pair_loops.PairLoop(partial(Metric.between_pairs, metric), pair_loops.euclidean_pairs)
        loop.exchange(in_turn)
        assert loop.run is loop.by_numpy
        loop.exchange(as_numpy)
        assert loop.run is as_numpy
        COMPILER.loops.remove(loop)
        COMPILER.wanted.remove(loop)
