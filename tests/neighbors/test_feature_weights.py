"""Weights of the columns: brute force with scipy's weighted distances, scaled columns, tables, and mistakes."""

import pickle

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from scipy.spatial.distance import cdist
from sklearn.base import clone
from sklearn.datasets import load_digits, load_wine
from sklearn.model_selection import GridSearchCV

from skdl import KNNClassifier, KNNRegressor

ORDERS = {1: "manhattan", 2: "euclidean", np.inf: "chebyshev"}


@pytest.fixture
def rng():
    return np.random.default_rng(11)


def brute_force(Q, X, w, p, k):
    # scipy's "chebyshev" takes weights for a mask
    distances = cdist(Q * w, X * w, "chebyshev") if p == np.inf else cdist(Q, X, "minkowski", p=p, w=w)
    order = np.argsort(distances, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(distances, order, axis=1), order


@pytest.mark.parametrize("p", [1, 1.5, 2, 3, np.inf])
@pytest.mark.parametrize("algorithm", ["auto", "brute", "kd_tree", "projection"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_neighbours_are_those_of_brute_force(p, algorithm, dtype, rng):
    X, Q = rng.normal(size=(400, 6)).astype(dtype), rng.normal(size=(30, 6)).astype(dtype)
    w = np.array([2.0, 0.0, 0.3, 1.0, 10.0, 0.0])
    if algorithm == "projection" and p not in (1, 2):
        return
    y = rng.normal(size=400).astype(dtype)
    for metric, order in [("minkowski", p), *((ORDERS[p], 2) for _ in range(p in ORDERS))]:
        model = KNNRegressor(metric=metric, p=order, feature_weights=w, algorithm=algorithm).fit(X, y)
        distances, indices = model.kneighbors(Q)
        expected, order_expected = brute_force(Q.astype(float), X.astype(float), w, p, 5)
        assert_array_equal(indices, order_expected)
        assert_allclose(distances, expected, rtol=1e-12)
        assert_array_equal(model.effective_metric_params_["w"], w)
        own = model.kneighbors()[1]  # the rows of fit among each other
        assert_array_equal(own, brute_force(X.astype(float), X.astype(float), w, p, 6)[1][:, 1:])
        assert model.predict(Q).dtype == dtype


def test_it_is_metric_params_and_scaled_columns(rng):
    X, Q, y = rng.normal(size=(300, 4)), rng.normal(size=(50, 4)), rng.integers(0, 3, 300)
    w = np.array([0.5, 2.0, 1.0, 4.0])
    model = KNNClassifier(feature_weights=w).fit(X, y)
    peer = KNNClassifier(metric_params={"w": w}).fit(X, y)
    scaled = KNNClassifier().fit(X * np.sqrt(w), y)
    assert_array_equal(model.predict_proba(Q), peer.predict_proba(Q))
    assert_array_equal(model.kneighbors(Q)[0], scaled.kneighbors(Q * np.sqrt(w))[0])
    assert model.algorithm_ == scaled.algorithm_
    assert_array_equal(
        KNNClassifier(feature_weights=np.ones(4)).fit(X, y).kneighbors(Q), KNNClassifier().fit(X, y).kneighbors(Q)
    )


def test_sparse_rows_and_more_rows(rng):
    X = sparse.random(200, 30, 0.2, "csr", rng=rng)
    Q, y, w = sparse.random(20, 30, 0.2, "csr", rng=rng), rng.integers(0, 2, 200), rng.integers(0, 3, 30)
    model = KNNClassifier(feature_weights=w)
    dense = clone(model).fit(X.toarray(), y)
    assert_allclose(model.fit(X, y).kneighbors(Q)[0], dense.kneighbors(Q.toarray())[0], rtol=1e-12)
    parts = clone(model).partial_fit(X[:90], y[:90], classes=[0, 1]).partial_fit(X[90:], y[90:])
    assert_array_equal(parts.kneighbors(Q)[1], model.kneighbors(Q)[1])
    assert_array_equal(pickle.loads(pickle.dumps(parts)).predict(Q), parts.predict(Q))
    with pytest.raises(ValueError, match="feature_weights must stay as they were in earlier calls"):
        parts.set_params(feature_weights=None).partial_fit(X, y)


@pytest.mark.parametrize("p", [1, 2, np.inf])
def test_a_table_by_names(p, rng):
    """Categories differ by their weight's root, columns of weight zero do not count, not even as missing ones."""
    table = pd.DataFrame({"a": rng.normal(size=120), "b": rng.normal(size=120)})
    table["c"] = pd.Categorical(rng.choice(["x", "y", "z"], 120))
    table["d"] = np.nan
    table.loc[:60, "d"] = 1.0
    y = rng.normal(size=120)
    model = KNNRegressor(p=p, feature_weights={"c": 3.0, "a": 0.25, "d": 0.0}).fit(table, y)
    a, b, c = table["a"].to_numpy(), table["b"].to_numpy(), table["c"].cat.codes.to_numpy()
    differences = [np.abs(np.subtract.outer(a, a)), np.abs(np.subtract.outer(b, b)), 1.0 * np.not_equal.outer(c, c)]
    w = [0.25, 1.0, 3.0]
    if p == np.inf:
        expected = np.max([weight * each for weight, each in zip(w, differences, strict=True)], axis=0)
    else:
        expected = np.sum([weight * each**p for weight, each in zip(w, differences, strict=True)], axis=0) ** (1 / p)
    assert_allclose(model.kneighbors(table, 10)[0], np.sort(expected, axis=1)[:, :10], rtol=1e-12, atol=1e-15)
    shuffled = table[["d", "c", "b", "a"]]
    assert_array_equal(model.predict(shuffled), model.predict(table))


def test_missing_numbers(rng):
    X, Q = rng.normal(size=(100, 3)), rng.normal(size=(10, 3))
    X[::4, 0], Q[::3, 1] = np.nan, np.nan
    w = np.array([2.0, 0.5, 1.0])
    model = KNNRegressor(metric="nan_euclidean", feature_weights=w).fit(X, np.arange(100.0))
    peer = KNNRegressor(metric="nan_euclidean").fit(X * np.sqrt(w), np.arange(100.0))
    assert_array_equal(model.kneighbors(Q)[0], peer.kneighbors(Q * np.sqrt(w))[0])


def test_weights_are_searched_for():
    X, y = load_wine(return_X_y=True, as_frame=True)
    weights = [None, {name: 1 / X[name].var() for name in X.columns}]
    search = GridSearchCV(KNNClassifier(), {"feature_weights": weights}, cv=3).fit(X, y)
    assert search.best_params_["feature_weights"] is not None
    assert search.best_score_ > 0.9


def test_pixels_of_images():
    X, y = load_digits(return_X_y=True)
    mask = np.zeros((8, 8))
    mask[2:6, 2:6] = 1.0
    images = X.reshape(-1, 8, 8)
    model = KNNClassifier(feature_weights=mask).fit(images, y)
    inner = KNNClassifier().fit(images[:, 2:6, 2:6], y)
    assert_array_equal(model.predict(images[:50]), inner.predict(images[:50, 2:6, 2:6]))


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"feature_weights": [1.0, 2.0]}, r"an array of 3 numbers.*Got the shape \(2,\)"),
        ({"feature_weights": [1.0, -1.0, 0.0]}, r"numbers in the range \[0, inf\)"),
        ({"feature_weights": [0.0, 0.0, 0.0]}, "not all of them zero"),
        ({"feature_weights": ["a", 1, 2]}, "one for each column, not all"),
        (
            {"feature_weights": {"a": 1.0, "hight": 2.0}},
            "feature_weights has 'hight', which X has not. Did you mean 'height'",
        ),
        ({"feature_weights": {"a": "x"}}, "a dict with numbers"),
        ({"feature_weights": [1, 2, 3], "metric": "cosine"}, "Got metric='cosine'"),
        (
            {"feature_weights": [1, 2, 3], "metric_params": {"w": [1, 2, 3]}},
            "without metric_params. Got metric_params=",
        ),
        ({"feature_weights": 3.0}, "feature_weights"),
    ],
    ids=str,
)
def test_mistakes(params, message, rng):
    X = pd.DataFrame(rng.normal(size=(20, 3)), columns=["a", "b", "height"])
    with pytest.raises(ValueError, match=message):
        KNNClassifier(**params).fit(X, rng.integers(0, 2, 20))


def test_names_need_a_frame_and_numbers_a_range(rng):
    X, y = rng.normal(size=(20, 3)), rng.integers(0, 2, 20)
    with pytest.raises(ValueError, match="by name need a frame"):
        KNNClassifier(feature_weights={"a": 1.0}).fit(X, y)
    with pytest.raises(ValueError, match="overflow float64"):
        KNNClassifier(feature_weights=[1e308, 1, 1]).fit(X * 1e200, y)
