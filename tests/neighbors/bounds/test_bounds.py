"""The proofs of the bounds put to the test in extended precision, and how little the bounds leave open."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from skdl.neighbors.bounds.direct import DirectBound
from skdl.neighbors.bounds.distances import DistanceBound
from skdl.neighbors.metrics.metric import Cosine, Minkowski, NanMinkowski
from skdl.neighbors.search.choice import loose_bounds, make_search, tight_bounds
from skdl.neighbors.search.ranking import Ranking

TIGHT = [Minkowski(2), Minkowski(1), Minkowski(2.5), Minkowski(np.inf), Cosine()]
LOOSE = [Minkowski(2), Minkowski(1), Cosine(), NanMinkowski()]
long = np.longdouble


def dyadic(kind, dtype, columns=12):
    """Rows and queries whose entries are exact in float32, and whose differences and squares are in longdouble."""
    rng = np.random.default_rng(3)
    X, Q = rng.integers(-1000, 1000, (60, columns)), rng.integers(-1000, 1000, (20, columns))
    if kind == "offset":
        X, Q = X + 2**20, Q + 2**20
    elif kind == "outlier":
        X[7] *= 2**12
    elif kind == "near":  # all within a millionth of their size: the margins of float32 products say nothing
        X, Q = X // 250 + 2**22, Q // 250 + 2**22
    return X.astype(dtype), Q.astype(dtype)


def exact_distances(Q, X, metric):
    if isinstance(metric, Cosine):
        a, b = (rows / np.sqrt(np.square(rows).sum(axis=1, keepdims=True)) for rows in (Q.astype(long), X.astype(long)))
        return 1 - a @ b.T
    difference = np.abs(Q.astype(long)[:, None] - X.astype(long)[None])
    if isinstance(metric, NanMinkowski):
        present = ~np.isnan(difference)
        return np.sqrt(np.where(present, difference, 0) ** 2 @ np.ones(X.shape[1]) * X.shape[1] / present.sum(axis=-1))
    if np.isinf(metric.exponent):
        return difference.max(axis=-1)
    return (difference**metric.exponent).sum(axis=-1) ** (1 / long(metric.exponent))


def exact_scores(bound, Q, X, metric):
    """S: what the scores of the bound stand for, by its own centre and scale."""
    if not hasattr(bound, "placement"):
        unit = bound.order.unit if getattr(bound, "order", None) else 1
        return -exact_distances(Q, X, metric) * long(unit)
    centre, factor = bound.placement.centre.astype(long), bound.placement.factor
    if isinstance(metric, Cosine):
        a = Q.astype(long) / np.sqrt(np.square(Q.astype(long)).sum(axis=1, keepdims=True))
        return 1 - exact_distances(Q, X, metric) - ((a - centre) @ centre + centre @ centre)[:, None]
    if isinstance(metric, NanMinkowski):
        return -((exact_distances(Q, X, metric) * factor) ** 2) / X.shape[1]
    a, b = ((rows.astype(long) - centre) * factor for rows in (Q, X))
    return a @ b.T - np.square(b).sum(axis=1) / 2


def all_scores(bound, Q, X):
    queries = bound.prepare(Q)
    out = np.empty((X.shape[0], Q.shape[0]), dtype=bound.dtype)
    return queries, np.ascontiguousarray(bound.scores(queries, 0, X.shape[0], out).T, np.float64)


@pytest.mark.parametrize("metric", TIGHT)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kind", ["normal", "offset", "outlier", "near"])
def test_tight_scores_enclose_the_exact_ones(metric, dtype, kind):
    X, Q = dyadic(kind, dtype)
    i, x = (pairs.ravel() for pairs in np.indices((20, 60)))
    direct = [DirectBound(X, metric, dtype) for dtype in (np.float32, np.float64)] if metric.exponent == 2 else []
    for bound in [*tight_bounds(X, metric), *direct]:
        if isinstance(metric, Cosine) and isinstance(bound, DistanceBound):
            continue  # its scores are the distances that decide, whatever their rounding
        queries, upper = all_scores(bound, Q, X)
        lower = bound.lower_scores(queries, i, x, upper.ravel()).reshape(upper.shape)
        exact = exact_scores(bound, Q, X, metric)
        assert (upper >= exact).all()
        assert (lower <= exact).all()
        # Not by a wide margin either: a few hundred roundings of the precision that the scores are computed in.
        scale = np.abs(exact).max() + np.abs(queries.length).max() ** 2 if hasattr(queries, "length") else np.abs(exact)
        assert (upper - lower <= 1000 * np.finfo(bound.dtype).eps * scale).all()


def loose(X, metric, k=5):
    if isinstance(metric, NanMinkowski):
        return tight_bounds(X, metric)[0]
    return loose_bounds(X, metric, k, 1, always=True)[0]


@pytest.mark.parametrize("metric", LOOSE)
@pytest.mark.parametrize("columns", [2, 12, 250])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kind", ["normal", "offset", "outlier", "near"])
def test_loose_scores_of_neighbours_reach_what_their_distances_demand(metric, columns, dtype, kind):
    X, Q = dyadic(kind, dtype, columns)
    if isinstance(metric, NanMinkowski):
        absent = np.random.default_rng(0).random(X.shape) < 0.3
        X[absent & (np.arange(columns) > 0)] = np.nan
    bound = loose(X, metric)
    queries, upper = all_scores(bound, Q, X)
    exact = exact_scores(bound, Q, X, metric)
    ranking = Ranking(X, metric, Q, X.shape[0], 2**28)
    i, x = (pairs.ravel() for pairs in np.indices((20, 60)))
    ranking.add(i, x)
    for k in (0, 4, 30):
        reach = bound.reach(queries, ranking.distances[:, k])
        nearest = ranking.indices[:, : k + 1]
        assert (np.take_along_axis(upper, nearest, axis=1) >= reach[:, None]).all()
        # It demands about what the exact scores are: no more, and not much less.
        worst = np.take_along_axis(exact, nearest, axis=1).min(axis=1)
        assert (np.abs(reach - worst) <= 1e-3 * (1 + np.abs(worst))).all()


@pytest.fixture
def ranked(monkeypatch):
    """Counts the pairs whose exact distance is computed."""
    count = [0]
    exact = Ranking.exact

    def counting(self, i, x):
        count[0] += i.shape[0]
        return exact(self, i, x)

    monkeypatch.setattr(Ranking, "exact", counting)
    return count


def correlated(n, rng, rank=12, columns=120, noise=0.1):
    """Rows near a plane of few dimensions."""
    return (rng.normal(size=(n, rank)) @ rng.normal(size=(rank, columns)) + noise * rng.normal(size=(n, columns))) * 3


def in_groups(n, rng):
    """Ten columns that say the same, twelve times over, in a random order."""
    columns = rng.permutation(np.repeat(np.arange(12), 10))
    return np.random.default_rng(1).normal(size=12)[columns] + rng.normal(size=(n, 12))[:, columns]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("metric", [Minkowski(2), Cosine(), Minkowski(1)])
def test_structure_in_the_columns_is_found_and_used(metric, dtype, ranked):
    draw = np.random.default_rng(0)
    X = in_groups(6000, np.random.default_rng(0)) if metric.exponent == 1 else correlated(6200, draw)[:6000]
    X = X.astype(dtype)
    Q = X[:40] + dtype(0.01)
    search = make_search(X, metric, "auto", 5)
    assert search.name == "projection"
    found = search.query(Q, 5)
    assert ranked[0] < 40 * 200  # of 6000 rows each
    for ours, brute in zip(found, make_search(X, metric, "brute").query(Q, 5), strict=True):
        assert_array_equal(ours, brute)


@pytest.mark.parametrize("metric", [Minkowski(2), Cosine(), Minkowski(1)])
def test_without_structure_nothing_is_projected(metric):
    assert make_search(np.random.default_rng(0).normal(size=(5000, 60)), metric, "auto", 5).name == "brute"


@pytest.mark.parametrize("metric", [Minkowski(2), Cosine(), Minkowski(1)])
def test_queries_unlike_the_rows_leave_the_projection(metric):
    """Rows in a plane, queries outside of it: the bound leaves too much open, and the next one takes over."""
    rng = np.random.default_rng(0)
    X, Q = correlated(5000, rng), 50 * rng.normal(size=(30, 120))
    projected = make_search(X, metric, "projection", 5).query(Q, 5)
    for ours, brute in zip(projected, make_search(X, metric, "brute").query(Q, 5), strict=True):
        assert_array_equal(ours, brute)
