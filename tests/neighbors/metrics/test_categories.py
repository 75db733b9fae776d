"""Columns of categories among those of numbers: distances, and the search that finds the nearest rows by them."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.spatial.distance import cdist

from skdl.neighbors.metrics.metric import NanMinkowski
from skdl.neighbors.search.choice import make_search

rng = np.random.default_rng(5)
CATEGORICAL = np.array([1, 3])


def table(n, share=0.0, scale=1.0, unseen=0.0):
    X = rng.normal(size=(n, 5)) * scale
    X[rng.random(X.shape) < share] = np.nan
    X[:, CATEGORICAL] = rng.integers(1, [4, 8], (n, 2))
    X[:, 3][rng.random(n) < unseen] = 0
    return X


def naive(Q, X, p):
    """From the differences themselves, pair by pair."""
    difference = np.abs(Q[:, None] - X[None])
    codes = Q[:, None, CATEGORICAL]
    difference[:, :, CATEGORICAL] = (codes != X[None, :, CATEGORICAL]) | (codes == 0)
    common = (~np.isnan(difference)).sum(axis=-1)
    powers = np.nan_to_num(difference)
    if p == np.inf:
        return powers.max(axis=-1)
    return ((powers**p).sum(axis=-1) * (5 / common)) ** (1 / p)


@pytest.mark.parametrize("p", [1, 2, 3, np.inf])
@pytest.mark.parametrize("scale", [1e-200, 1e-3, 1.0, 1e150])
@pytest.mark.parametrize("share", [0.0, 0.4])
def test_neighbours_are_those_of_brute_force(p, scale, share):
    X, Q = table(300, share, scale), table(40, share, scale, unseen=0.3)
    distances, indices = make_search(X, NanMinkowski(p, CATEGORICAL)).query(Q, 7)
    with np.errstate(over="ignore", under="ignore"):
        expected = naive(Q, X, p)
    if scale in (1e-3, 1.0):
        assert_array_equal(indices, np.argsort(expected, axis=1, kind="stable")[:, :7])
        assert_allclose(distances, np.sort(expected, axis=1)[:, :7], rtol=1e-12)
    exact = np.array([NanMinkowski(p, CATEGORICAL).between(np.broadcast_to(q, X.shape), X) for q in Q])
    assert_array_equal(indices, np.argsort(exact, axis=1, kind="stable")[:, :7])


@pytest.mark.parametrize("p", [1, 2, 3])
def test_a_category_is_its_indicators_at_a_distance_of_one(p):
    X, Q = table(200), table(20)
    indicators = [np.equal.outer(rows[:, j], np.arange(1, 9)) * 0.5 ** (1 / p) for rows in (Q, X) for j in CATEGORICAL]
    numbers = [np.delete(rows, CATEGORICAL, axis=1) for rows in (Q, X)]
    encoded = np.hstack([numbers[0], *indicators[:2]]), np.hstack([numbers[1], *indicators[2:]])
    distances, _ = make_search(X, NanMinkowski(p, CATEGORICAL)).query(Q, 9)
    assert_allclose(distances, np.sort(cdist(*encoded, "minkowski", p=p), axis=1)[:, :9], rtol=1e-12)


def test_only_categories():
    X = rng.integers(1, 4, (60, 3)).astype(float)
    distances, indices = make_search(X, NanMinkowski(2, np.arange(3))).query(X[:10], 12)
    differ = (X[:10, None] != X[None]).sum(axis=-1)
    assert_array_equal(indices, np.argsort(differ, axis=1, kind="stable")[:, :12])
    assert_allclose(distances**2, np.sort(differ, axis=1)[:, :12])
