"""The choice of the search, what does not suit an algorithm, and that all of them find the same neighbours."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy import sparse
from scipy.spatial.distance import cdist
from sklearn.utils import get_tags

from skdl import KNNClassifier, KNNRegressor
from skdl.neighbors.bounds.distances import DistanceBound
from skdl.neighbors.metrics.metric import Minkowski
from skdl.neighbors.search.choice import make_search

BOTH = [KNNClassifier, KNNRegressor]
rng = np.random.default_rng(0)
X, Q = rng.normal(size=(150, 6)), rng.normal(size=(30, 6))
Y = rng.integers(0, 4, 150)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"algorithm": "kd_tree", "metric": "cosine"}, "algorithm='kd_tree' works with the metrics"),
        ({"algorithm": "projection", "metric": "chebyshev"}, "algorithm='projection' works with the metrics"),
        ({"algorithm": "ball_tree"}, "'algorithm' .* must be one of {'auto', 'brute', 'projection', 'kd_tree'}"),
    ],
)
@pytest.mark.parametrize("cls", BOTH)
def test_an_algorithm_that_does_not_suit_is_an_error(cls, parameters, message):
    with pytest.raises(ValueError, match=message):
        cls(**parameters).fit(X, Y)


@pytest.mark.parametrize("algorithm", ["kd_tree", "projection"])
def test_sparse_rows_need_an_algorithm_that_takes_them(algorithm):
    assert not get_tags(KNNClassifier(algorithm=algorithm)).input_tags.sparse
    with pytest.raises(ValueError, match="needs dense X"):
        KNNClassifier(algorithm=algorithm).fit(sparse.csr_array(X), Y)


def test_the_algorithm_that_ran_is_said():
    assert KNNClassifier().fit(X[:, :2], Y).algorithm_ == "kd_tree"
    assert KNNClassifier().fit(X, Y).algorithm_ == "brute"  # 150 rows: a tree of six columns would visit all
    assert KNNClassifier(p=1).fit(X, Y).algorithm_ == "kd_tree"
    assert KNNClassifier(metric="cosine").fit(X, Y).algorithm_ == "brute"
    assert KNNRegressor(algorithm="projection", metric="manhattan").fit(X, Y).algorithm_ == "projection"


def test_ties_do_not_leave_the_products(monkeypatch):
    """Rows of zeros and ones, whose distances tie by the hundred: the slow bound of last resort would gain nothing."""
    monkeypatch.setattr(DistanceBound, "prepare", lambda self, Q: pytest.fail("the last bound was asked"))
    rows = np.random.default_rng(0).integers(0, 2, (5000, 12)).astype(float)
    queries = rows[:20]
    squares = np.square(queries[:, None] - rows[None]).sum(axis=-1)
    for algorithm in ("brute", "projection"):
        found = make_search(rows, Minkowski(2), algorithm).query(queries, 5)[1]
        assert_array_equal(found, np.argsort(squares, axis=1, kind="stable")[:, :5])


@pytest.mark.parametrize("algorithm", ["brute", "projection", "kd_tree"])
@pytest.mark.parametrize(("metric", "name"), [(2, "euclidean"), (1, "cityblock")])
@pytest.mark.parametrize("kind", ["integer", "duplicates", "offset"])
def test_neighbours_are_those_of_scipy_where_no_rounding_decides(algorithm, metric, name, kind):
    draw = np.random.default_rng(5)
    rows, queries = draw.integers(-4, 5, (300, 9)), draw.integers(-4, 5, (40, 9))
    if kind == "duplicates":
        rows = rows[draw.integers(0, 30, 300)]
    shift = 1e6 if kind == "offset" else 0
    rows, queries = (part.astype(np.float32) + np.float32(shift) for part in (rows, queries))
    expected = np.argsort(cdist(queries, rows, name), axis=1, kind="stable")[:, :20]
    assert_array_equal(make_search(rows, Minkowski(metric), algorithm).query(queries, 20)[1], expected)
