"""Several outputs, rows that come in parts, graphs, absent values, and the choice of the search."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from scipy.spatial.distance import cdist
from sklearn.metrics.pairwise import nan_euclidean_distances
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor, kneighbors_graph
from sklearn.utils import get_tags

from skdl import KNNClassifier, KNNRegressor
from skdl.neighbors.bounds.distances import DistanceBound
from skdl.neighbors.metrics.metric import Minkowski, NanEuclidean
from skdl.neighbors.search.choice import make_search

BOTH = [KNNClassifier, KNNRegressor]
rng = np.random.default_rng(0)
X, Q = rng.normal(size=(150, 6)), rng.normal(size=(30, 6))
Y = rng.integers(0, 4, 150)
COLUMNS = np.column_stack([Y, rng.integers(5, 7, 150), rng.integers(0, 2, 150)])


# Several outputs


@pytest.mark.parametrize("weights", ["uniform", "distance"])
def test_columns_of_labels_are_those_of_scikit_learn(weights):
    ours, theirs = (cls(7, weights=weights).fit(X, COLUMNS) for cls in (KNNClassifier, KNeighborsClassifier))
    for found, wanted in zip(ours.predict_proba(Q), theirs.predict_proba(Q), strict=True):
        assert_allclose(found, wanted, rtol=1e-12)
    for found, wanted in zip(ours.classes_, theirs.classes_, strict=True):
        assert_array_equal(found, wanted)
    assert_array_equal(ours.predict(Q), theirs.predict(Q))
    truth = ours.predict(Q)
    truth[:10, 1] = 99
    assert ours.score(Q, truth) == 20 / 30
    assert ours.score(Q, truth, sample_weight=np.arange(30) < 10) == 0


def test_each_column_is_voted_on_alone():
    balanced = [None, "balanced"]
    for class_weight in balanced:
        together = KNNClassifier(5, class_weight=class_weight).fit(X, COLUMNS).predict_proba(Q)
        for column, found in enumerate(together):
            alone = KNNClassifier(5, class_weight=class_weight).fit(X, COLUMNS[:, column])
            assert_array_equal(found, alone.predict_proba(Q))
    weights = [{0: 3.0}, {5: 0.5}, {}]
    together = KNNClassifier(5, class_weight=weights).fit(X, COLUMNS).predict_proba(Q)
    for column, found in enumerate(together):
        alone = KNNClassifier(5, class_weight=weights[column]).fit(X, COLUMNS[:, column])
        assert_array_equal(found, alone.predict_proba(Q))


def test_an_indicator_has_both_labels_in_each_column():
    indicator = (rng.random((150, 3)) < [0.5, 0.2, 0]).astype(int)
    for y in (indicator, sparse.csr_array(indicator), pd.DataFrame(indicator)):
        model = KNNClassifier(5).fit(X, y)
        assert [classes.tolist() for classes in model.classes_] == [[0, 1]] * 3
        assert_array_equal(model.predict_proba(Q)[2], np.tile([1.0, 0.0], (30, 1)))
        assert_array_equal(model.predict(X[:4]).dtype, indicator.dtype)


def test_columns_of_a_frame_keep_their_types():
    frame = pd.DataFrame({"size": np.where(Y > 1, "big", "small"), "number": Y})
    predicted = KNNClassifier(1).fit(X, frame).predict(X)
    assert_array_equal(predicted, frame.to_numpy())
    assert {type(value) for value in predicted[:, 1]} == {int}


def test_columns_of_reals_are_no_labels():
    with pytest.raises(ValueError, match="continuous"):
        KNNClassifier().fit(X, X[:, :2])


@pytest.mark.parametrize("bad", [{0: 1.0}, [{0: 1.0}]])
def test_class_weight_of_columns_is_a_list_of_as_many(bad):
    with pytest.raises(ValueError, match="must be 'balanced' or a list of 3 dicts"):
        KNNClassifier(class_weight=bad).fit(X, COLUMNS)
    with pytest.raises(ValueError, match="For a y of one column class_weight must be one dict"):
        KNNClassifier(class_weight=[{0: 1.0}]).fit(X, Y)


# Rows in parts


@pytest.mark.parametrize("weights", [None, rng.integers(0, 3, 150).astype(float)])
@pytest.mark.parametrize("algorithm", ["brute", "projection", "kd_tree"])
@pytest.mark.parametrize("cls", BOTH)
def test_rows_in_parts_are_the_rows_at_once(cls, algorithm, weights):
    model, parts = cls(weights="distance", algorithm=algorithm), [slice(0, 40), slice(40, 41), slice(41, 150)]
    if weights is not None:
        weights[40] = 1
    for part in parts:
        model.partial_fit(X[part], Y[part], sample_weight=None if weights is None else weights[part])
    whole = cls(weights="distance", algorithm=algorithm).fit(X, Y, sample_weight=weights)
    assert_array_equal(model.predict(Q), whole.predict(Q))
    for found, wanted in zip(model.kneighbors(), whole.kneighbors(), strict=True):
        assert_array_equal(found, wanted)
    assert model.n_samples_fit_ == whole.n_samples_fit_


def test_sparse_rows_and_columns_of_targets_come_in_parts():
    S = sparse.csr_array(np.where(X > 0.5, X, 0))
    model = KNNRegressor().partial_fit(S[:70], COLUMNS[:70]).partial_fit(S[70:], COLUMNS[70:])
    assert_array_equal(model.predict(Q), KNNRegressor().fit(S, COLUMNS).predict(Q))
    with pytest.raises(ValueError, match="sparse in every call"):
        model.partial_fit(X, COLUMNS)
    with pytest.raises(ValueError, match="columns of the earlier calls"):
        model.partial_fit(S, Y)
    assert model.n_samples_fit_ == 150


def test_labels_grow_unless_they_are_declared():
    order = np.argsort(Y, kind="stable")
    growing = KNNClassifier(3)
    for part in np.array_split(order, 3):
        growing.partial_fit(X[part], Y[part])
    assert_array_equal(growing.classes_, np.arange(4))
    assert_array_equal(growing.predict(Q), KNNClassifier(3).fit(X[order], Y[order]).predict(Q))
    declared = KNNClassifier(3).partial_fit(X[:9], np.ones(9, int), classes=[0, 1, 2])
    assert_array_equal(declared.predict_proba(Q), np.tile([0.0, 1.0, 0.0], (30, 1)))
    declared.partial_fit(X[9:20], np.zeros(11, int))
    with pytest.raises(ValueError, match="not among the classes"):
        declared.partial_fit(X[:2], [1, 7])
    with pytest.raises(ValueError, match="first call of partial_fit only"):
        declared.partial_fit(X[:2], [1, 1], classes=[0, 1])
    with pytest.raises(ValueError, match="labels of one type"):
        declared.partial_fit(X[:2], ["a", "b"])
    assert declared.n_samples_fit_ == 20  # a failed call leaves the model as it was
    assert declared.fit(X, Y).classes_.tolist() == [0, 1, 2, 3]
    with pytest.raises(ValueError, match="a list of as many arrays"):
        KNNClassifier().partial_fit(X, COLUMNS, classes=[0, 1])


def test_balanced_weights_are_those_of_all_rows():
    model = KNNClassifier(9, class_weight="balanced").partial_fit(X[:20], Y[:20]).partial_fit(X[20:], Y[20:])
    assert_array_equal(model.predict_proba(Q), KNNClassifier(9, class_weight="balanced").fit(X, Y).predict_proba(Q))


# Graphs


@pytest.mark.parametrize("mode", ["connectivity", "distance"])
@pytest.mark.parametrize("cls", BOTH)
def test_graphs_are_those_of_scikit_learn(cls, mode):
    model = cls(4).fit(X, Y)
    own = model.kneighbors_graph(mode=mode)
    assert_allclose(own.toarray(), kneighbors_graph(X, 4, mode=mode).toarray(), rtol=1e-12)
    theirs = KNeighborsRegressor(4).fit(X, Y).kneighbors_graph(Q, 6, mode=mode)
    graph = model.kneighbors_graph(Q, 6, mode=mode)
    assert_allclose(graph.toarray(), theirs.toarray(), rtol=1e-12)
    assert graph.nnz == 180


def test_graphs_count_rows_without_weight_as_columns():
    weight = np.ones(150)
    weight[:30] = 0
    graph = KNNRegressor(4).fit(X, Y, sample_weight=weight).kneighbors_graph(X)
    assert graph.shape == (150, 150)
    assert graph[:, :30].nnz == 0
    with pytest.raises(ValueError, match="'mode' parameter must be"):
        KNNRegressor().fit(X, Y).kneighbors_graph(Q, mode="weights")


# Absent values


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
    distances, indices = make_search(rows, NanEuclidean()).query(queries, k)
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
    with pytest.raises(ValueError, match=r"NaN in column.*metric='nan_euclidean'"):
        cls().fit(rows, Y)
    infinite = rows.copy()
    infinite[0, 0] = np.inf
    with pytest.raises(ValueError, match="infinity"):
        cls(metric="nan_euclidean").fit(infinite, Y)


# The choice of the search


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
