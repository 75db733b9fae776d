"""What a scan does with scores and pairs is the same by NumPy, by loops in plain Python and by compiled ones."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from skdl._compiled import COMPILER, Work
from skdl.neighbors.metrics.metric import Cosine, Minkowski, NanMinkowski
from skdl.neighbors.search import groups, loops
from skdl.neighbors.search.choice import make_search
from skdl.neighbors.search.scan import ScanSearch

N_QUERIES = 70  # more than a piece, which a loop looks at together


@st.composite
def scored(draw):
    """Scores with many ties, pairs of them, and a number of neighbours."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    rows = draw(st.integers(1, 30))
    dtype = draw(st.sampled_from([np.float32, np.float64]))
    scores = rng.choice(rng.normal(size=draw(st.integers(1, 60))), (rows, N_QUERIES)).astype(dtype)
    if draw(st.booleans()):
        scores[rng.random(scores.shape) < 0.1] = -np.inf
    count = draw(st.integers(0, 300))
    i, x = rng.integers(0, draw(st.integers(1, N_QUERIES)), count), np.sort(rng.integers(0, rows, count))
    return scores, i, x, draw(st.integers(1, rows)), rng


def both(run, by_numpy, by_loop, *copied):
    """What `run` makes of the copied arrays in both ways."""
    made = []
    for way in (by_numpy, by_loop):
        arrays = [array.copy() for array in copied]
        made.append((run(way, *arrays), arrays))
    (first, arrays), (second, others) = made
    assert first == second
    for one, other in zip(arrays, others, strict=True):
        assert_array_equal(one, other)


def check(problem, collect, top, keep, best, merge):
    scores, i, x, k, rng = problem
    thresholds = rng.choice(scores.ravel(), N_QUERIES)
    room = scores.size + 5
    found = np.zeros(room, np.intp), np.zeros(room, np.intp), np.zeros(room, scores.dtype)
    both(lambda way, *out: way(scores, thresholds, 100, *out, 5), loops.collect_by_numpy, collect, *found)

    rows = np.empty((N_QUERIES, k), np.intp)
    top(scores, rows)
    chosen = np.take_along_axis(scores, rows.T, axis=0)
    assert_array_equal(np.sort(chosen, axis=0)[::-1], np.sort(scores, axis=0)[::-1][:k])
    assert_array_equal(chosen[-1], chosen.min(axis=0))
    assert all(np.unique(line).size == k for line in rows)

    values = scores[x, i]
    wanted = rng.random(i.size) < 0.7
    lowest = thresholds.astype(np.float64)
    both(lambda way, *out: way(*out, wanted, lowest, i.size), loops.keep_by_numpy, keep, i, x, values)

    kth, is_best = np.empty(N_QUERIES, scores.dtype), np.empty(i.size, bool)
    both(lambda way, *out: way(i, values, k, *out), groups.best_of_groups, best, kth, is_best)

    _, once = np.unique(i * 1000 + x, return_index=True)  # a pair comes once
    i, x = i[once], x[once]
    distances = np.full((N_QUERIES, k), np.inf)
    indices = np.full((N_QUERIES, k), groups.NO_ROW)

    def merged(way, *out):
        for part in (rng_part, ~rng_part):
            way(i[part], x[part], -scores[x, i][part].astype(np.float64), *out)

    rng_part = rng.random(i.size) < 0.5
    both(merged, groups.merge_into, merge, distances, indices)


@settings(max_examples=60, deadline=None)
@given(problem=scored())
def test_loops_in_plain_python_do_what_numpy_does(problem):
    check(
        problem,
        loops.collect_in_a_loop,
        loops.top_in_a_loop,
        loops.keep_in_a_loop,
        loops.best_in_a_loop,
        loops.merge_in_a_loop,
    )


def test_compiled_loops_do_what_numpy_does():
    pytest.importorskip("numba")

    @settings(max_examples=100, deadline=None)
    @given(problem=scored())
    def compare(problem):
        check(problem, *(loop.run for loop in found))

    of_scans = (loops.collect_loop, loops.top_loop, loops.keep_loop, loops.best_loop, loops.merge_loop)
    with COMPILER.using("eager"):
        found = [loop() for loop in of_scans]
        assert all(loop.run is not loop.by_numpy for loop in found)
        compare()


def rows_and_queries(kind, dtype):
    rng = np.random.default_rng(3)
    X, Q = rng.normal(size=(2500, 40)), rng.normal(size=(150, 40))
    if kind == "leading":  # a few columns hold most of the variance
        X, Q = X * np.linspace(1, 0.01, 40) ** 3, Q * np.linspace(1, 0.01, 40) ** 3
    elif kind == "integer":
        X, Q = rng.integers(0, 2, X.shape), rng.integers(0, 2, Q.shape)
    Q[:5] = X[:5]
    return X.astype(dtype), Q.astype(dtype)


@pytest.mark.parametrize("kind", ["normal", "leading", "integer"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("metric", "algorithm"),
    [(metric, algorithm) for metric in (Minkowski(1), Minkowski(2), Cosine()) for algorithm in ("brute", "projection")]
    + [(Minkowski(np.inf), "brute"), (NanMinkowski(), "brute")],
)
def test_neighbours_are_the_same_with_compiled_loops_and_without(metric, algorithm, kind, dtype):
    pytest.importorskip("numba")
    X, Q = rows_and_queries(kind, dtype)
    if isinstance(metric, NanMinkowski):
        X[::3, 5] = Q[::2, 7] = np.nan
    search = make_search(X, metric, algorithm)
    for k in (1, 5, 100):
        with COMPILER.using("off"):
            expected = search.query(Q, k)
        with COMPILER.using("eager"):
            for n_jobs in (1, 2):
                for found, wanted in zip(search.query(Q, k, n_jobs), expected, strict=True):
                    assert_array_equal(found, wanted)


def test_loops_may_change_between_two_blocks_of_a_search(monkeypatch):
    pytest.importorskip("numba")
    X, Q = rows_and_queries("leading", np.float32)
    search = make_search(X, Minkowski(2), "projection")
    expected = search.query(Q, 5)
    ways = []

    def tell(self, done):
        ways.append(len(ways) % 2 == 0)
        for loop in COMPILER.loops:
            loop.use(compiled=ways[-1])

    monkeypatch.setattr(ScanSearch, "query_rows", 16)
    monkeypatch.setattr(Work, "tell", tell)
    with COMPILER.using("eager"):
        for found, wanted in zip(search.query(Q, 5), expected, strict=True):
            assert_array_equal(found, wanted)
    assert len(ways) == 10
