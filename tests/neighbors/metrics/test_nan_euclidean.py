"""Absent values: the nan_euclidean metric, its neighbours and votes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.metrics.pairwise import nan_euclidean_distances
from sklearn.neighbors import KNeighborsClassifier
from sklearn.utils import get_tags

from skdl import KNNClassifier, KNNRegressor
from skdl.neighbors.metrics.metric import NanMinkowski
from skdl.neighbors.search.choice import make_search

BOTH = [KNNClassifier, KNNRegressor]
rng = np.random.default_rng(0)
X, Q = rng.normal(size=(150, 6)), rng.normal(size=(30, 6))
Y = rng.integers(0, 4, 150)


def with_holes(rows, share, seed):
    holes = np.random.default_rng(seed).random(rows.shape) < share
    return np.where(holes, np.nan, rows)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    share=st.sampled_from([0.0, 0.2, 0.7, 1.0]),
    kind=st.sampled_from(["normal", "offset", "integer", "tiny", "huge"]),
    d=st.integers(1, 9),
    k=st.integers(1, 25),
    dtype=st.sampled_from([np.float32, np.float64]),
)
def test_nan_euclidean_neighbours_are_those_of_brute_force(seed, share, kind, d, k, dtype):
    draw = np.random.default_rng(seed)
    rows, queries = draw.normal(size=(25, d)), draw.normal(size=(8, d))
    if kind == "integer":
        rows, queries = draw.integers(-2, 3, (25, d)), draw.integers(-2, 3, (8, d))
    scale = {"tiny": 1e-30, "huge": 1e15}.get(kind, 1.0)
    shift = 1e6 if kind == "offset" else 0.0
    rows = with_holes(((rows + shift) * scale).astype(dtype), share, seed)
    queries = with_holes(((queries + shift) * scale).astype(dtype), share, seed + 1)
    difference = queries.astype(np.float64)[:, None] - rows.astype(np.float64)[None]
    common = (~np.isnan(difference)).sum(axis=-1)
    squares = np.square(np.nan_to_num(difference)).sum(axis=-1)
    naive = np.sqrt(np.where(common > 0, squares * (d / np.maximum(common, 1)), np.inf))
    expected = np.argsort(naive, axis=1, kind="stable")[:, :k]
    distances, indices = make_search(rows, NanMinkowski()).query(queries, k)
    assert_array_equal(indices, expected)
    assert_array_equal(distances, np.take_along_axis(naive, expected, axis=1))


def test_nan_euclidean_distances_are_those_of_scikit_learn():
    rows, queries = with_holes(X, 0.3, 1), with_holes(Q, 0.3, 2)
    distances, indices = KNNRegressor(metric="nan_euclidean").fit(rows, Y).kneighbors(queries)
    theirs = np.take_along_axis(nan_euclidean_distances(queries, rows), indices, axis=1)
    assert_allclose(distances, theirs, rtol=1e-9)
    ours, peer = (cls(5, metric="nan_euclidean") for cls in (KNNClassifier, KNeighborsClassifier))
    assert_array_equal(ours.fit(rows, Y).predict(queries), peer.fit(rows, Y).predict(queries))


@pytest.mark.parametrize("weights", ["uniform", "distance", lambda distances: 1 / (1 + distances)])
def test_rows_without_a_common_column_have_no_vote(weights):
    nan = np.nan
    rows = [[0.0, nan], [nan, 1.0], [nan, 5.0]]
    model = KNNClassifier(3, metric="nan_euclidean", weights=weights).fit(rows, ["a", "b", "b"])
    assert_array_equal(model.predict_proba([[1.0, nan]]), [[1.0, 0.0]])
    with pytest.warns(UserWarning, match="All neighbours of 1 queries have votes of weight zero"):
        assert_allclose(model.predict_proba([[nan, nan]]), [[1 / 3, 2 / 3]])


@pytest.mark.parametrize("cls", BOTH)
def test_nan_is_allowed_where_the_tag_says_so(cls):
    rows = with_holes(X, 0.1, 3)
    assert get_tags(cls(metric="nan_euclidean")).input_tags.allow_nan
    assert not get_tags(cls()).input_tags.allow_nan
    cls(metric="nan_euclidean").fit(rows, Y).predict(rows)
    with pytest.raises(ValueError, match=r"NaN in column.*missing='encode' allows it"):
        cls().fit(rows, Y)
    encoded = cls(missing="encode").fit(rows, Y)  # as the message says, and by the same distance
    assert_array_equal(encoded.predict(rows), cls(metric="nan_euclidean").fit(rows, Y).predict(rows))
    infinite = rows.copy()
    infinite[0, 0] = np.inf
    with pytest.raises(ValueError, match="infinity"):
        cls(metric="nan_euclidean").fit(infinite, Y)
