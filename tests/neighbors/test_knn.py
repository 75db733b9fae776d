"""The neighbour estimators: votes, weights, ties, errors, memory, and scikit-learn's contract."""

import tracemalloc
import warnings
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from expected_failures import EXPECTED_FAILURES
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn import config_context
from sklearn.base import clone
from sklearn.ensemble import AdaBoostClassifier
from sklearn.exceptions import NotFittedError, SkipTestWarning
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import get_tags
from sklearn.utils.estimator_checks import check_estimator

from skdl import KNNClassifier, KNNRegressor

BOTH = [KNNClassifier, KNNRegressor]
rng = np.random.default_rng(0)
X, Q = rng.normal(size=(200, 12)), rng.normal(size=(40, 12))
Y_CLASS, Y_REAL = rng.integers(0, 4, 200), rng.normal(size=200)


@pytest.mark.parametrize(
    "estimator",
    [
        KNNClassifier(),
        KNNClassifier(weights="distance", class_weight="balanced", n_jobs=2),
        KNNClassifier(metric="cosine"),
        KNNRegressor(),
        KNNRegressor(metric="manhattan", weights="distance"),
        KNNRegressor(metric="minkowski", p=3),
    ],
    ids=str,
)
def test_check_estimator(estimator):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SkipTestWarning)
        results = check_estimator(estimator, expected_failed_checks=EXPECTED_FAILURES, on_fail=None)
    failed = [result["check_name"] for result in results if result["status"] == "failed"]
    assert failed == []
    # An expected failure that passes is no longer one.
    expected = {name for name in EXPECTED_FAILURES if get_tags(estimator).input_tags.sparse or "dense" in name}
    assert {result["check_name"] for result in results if result["status"] == "xfail"} == expected


@pytest.mark.parametrize("weights", ["uniform", "distance", lambda distances: np.exp(-distances)])
@pytest.mark.parametrize("metric", ["euclidean", "manhattan", "chebyshev", "minkowski", "cosine"])
def test_agrees_with_scikit_learn(metric, weights):
    parameters = {"weights": weights, "metric": metric, "p": 2.5 if metric == "minkowski" else 2}
    ours = KNNClassifier(7, **parameters).fit(X, Y_CLASS)
    theirs = KNeighborsClassifier(7, algorithm="brute", **parameters).fit(X, Y_CLASS)
    assert_allclose(ours.predict_proba(Q), theirs.predict_proba(Q), rtol=1e-9)
    assert_array_equal(ours.predict(Q), theirs.predict(Q))
    for found, expected in zip(ours.kneighbors(Q), theirs.kneighbors(Q), strict=True):
        assert_allclose(found, expected, rtol=1e-9)
    for y in (Y_REAL, np.column_stack([Y_REAL, Y_REAL**2])):
        ours = KNNRegressor(7, **parameters).fit(X, y)
        theirs = KNeighborsRegressor(7, algorithm="brute", **parameters).fit(X, y)
        assert_allclose(ours.predict(Q), theirs.predict(Q), rtol=1e-9)


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_agrees_with_scikit_learn_on_sparse_rows(metric):
    S, T = sparse.csr_array(np.where(X > 1, X, 0)), sparse.csr_array(np.where(Q > 1, Q, 0))
    ours, theirs = (cls(3, metric=metric) for cls in (KNNRegressor, KNeighborsRegressor))
    distances = ours.fit(S, Y_REAL).kneighbors(T)[0]
    assert_allclose(distances, theirs.fit(S, Y_REAL).kneighbors(T)[0], rtol=1e-6, atol=1e-7)
    assert_allclose(ours.predict(T), ours.predict(T.toarray()), rtol=1e-12)


def test_sample_weight_multiplies_the_votes():
    weight = rng.integers(0, 5, 200)
    present = np.flatnonzero(weight)
    squares = np.square(Q[:, None] - X[None, present]).sum(axis=-1)
    nearest = present[np.argsort(squares, axis=1, kind="stable")[:, :6]]
    model = KNNClassifier(6).fit(X, Y_CLASS, sample_weight=weight)
    assert_array_equal(model.kneighbors(Q, return_distance=False), nearest)
    for row, found in zip(nearest, model.predict_proba(Q), strict=True):
        total = int(weight[row].sum())
        expected = [Fraction(int(weight[row][Y_CLASS[row] == label].sum()), total) for label in range(4)]
        assert_array_equal(found, [float(share) for share in expected])
    means = KNNRegressor(6).fit(X, Y_REAL, sample_weight=weight).predict(Q)
    assert_allclose(means, [np.average(Y_REAL[row], weights=weight[row]) for row in nearest], rtol=1e-12)


@pytest.mark.parametrize("cls", BOTH)
@pytest.mark.parametrize("weights", ["uniform", "distance"])
def test_weight_zero_is_the_row_absent_and_the_scale_is_free(cls, weights):
    weight = rng.uniform(0.5, 2, 200) * (rng.random(200) < 0.7)
    kept = weight > 0
    model = cls(weights=weights).fit(X, Y_CLASS, sample_weight=weight)
    alone = cls(weights=weights).fit(X[kept], Y_CLASS[kept], sample_weight=weight[kept])
    scaled = cls(weights=weights).fit(X, Y_CLASS, sample_weight=weight / weight.sum() * 2.0**-900)
    method = "predict_proba" if cls is KNNClassifier else "predict"
    assert_array_equal(getattr(model, method)(Q), getattr(alone, method)(Q))
    assert_allclose(getattr(scaled, method)(Q), getattr(model, method)(Q), rtol=1e-12)
    assert model.n_samples_fit_ == kept.sum()
    assert_array_equal(model.kneighbors(Q)[1], np.flatnonzero(kept)[alone.kneighbors(Q)[1]])
    # Rows of fit that are no neighbours still have neighbours.
    assert_array_equal(model.kneighbors()[1][~kept], model.kneighbors(X[~kept])[1])
    assert_array_equal(model.kneighbors()[1][kept], np.flatnonzero(kept)[alone.kneighbors()[1]])


def test_weight_scale_and_repetition_exclude_each_other():
    """The reason of the expected failures: doubling all weights must change nothing, doubling all rows does."""
    rows, labels, query = [[0.0], [1.0]], ["a", "b"], [[0.0]]
    doubled_weights = KNNClassifier(2).fit(rows, labels, sample_weight=[2, 2])
    doubled_rows = KNNClassifier(2).fit(rows * 2, labels * 2)
    assert_array_equal(doubled_weights.predict_proba(query), [[0.5, 0.5]])
    assert_array_equal(doubled_rows.predict_proba(query), [[1, 0]])


def test_neighbours_at_distance_zero_share_the_whole_vote():
    rows, labels = [[0.0], [0.0], [1e-150], [5.0]], [0, 1, 1, 1]
    model = KNNClassifier(4, weights="distance").fit(rows, labels, sample_weight=[1, 3, 1, 1])
    assert_array_equal(model.predict_proba([[0.0]]), [[0.25, 0.75]])
    mean = KNNRegressor(4, weights="distance").fit(rows, [1.0, 5.0, 100.0, 100.0]).predict([[0.0]])
    assert_array_equal(mean, [3.0])


@pytest.mark.filterwarnings("error")
def test_distances_near_zero_do_not_overflow():
    model = KNNClassifier(2, weights="distance", metric="manhattan").fit([[5e-324], [1.0]], [0, 1])
    assert_array_equal(model.predict_proba([[0.0]]), [[1, 0]])


def test_class_weight_multiplies_votes():
    rows, labels = [[0.0], [1.0], [2.0]], ["a", "b", "b"]
    proba = KNNClassifier(3, class_weight={"a": 6}).fit(rows, labels).predict_proba([[0.0]])
    assert_array_equal(proba, [[0.75, 0.25]])
    balanced = KNNClassifier(3, class_weight="balanced").fit(rows, labels, sample_weight=[1, 3, 5])
    assert_allclose(balanced.predict_proba([[0.0]]), [[0.5, 0.5]], rtol=1e-15)
    # A class whose rows all have weight zero has nothing to balance, but stays a class.
    absent = KNNClassifier(2, class_weight="balanced").fit([*rows, [3.0]], [*labels, "c"], sample_weight=[1, 1, 1, 0])
    assert_allclose(absent.predict_proba([[0.9]]), [[2 / 3, 1 / 3, 0]], rtol=1e-15)


def test_without_votes_the_training_data_decide():
    rows, labels = [[0.0], [1.0], [2.0]], ["a", "b", "b"]
    nothing = {"n_neighbors": 2, "weights": np.zeros_like}
    with pytest.warns(UserWarning, match="All neighbours of 2 queries") as record:
        proba = KNNClassifier(**nothing).fit(rows, labels, sample_weight=[1, 2, 1]).predict_proba([[0.0], [3.0]])
    assert len(record) == 1
    assert_array_equal(proba, [[0.25, 0.75]] * 2)
    for y in ([1.0, 2.0, 4.0], [[1.0, 0.0], [2.0, 1.0], [4.0, 1.0]]):
        with pytest.warns(UserWarning, match="mean of the training targets"):
            mean = KNNRegressor(**nothing).fit(rows, y, sample_weight=[1, 2, 1]).predict([[0.0]])
        assert_array_equal(mean, [np.average(y, axis=0, weights=[1, 2, 1])])
    with pytest.warns(UserWarning, match="All neighbours of 1 queries"):
        proba = KNNClassifier(1, class_weight={"a": 0}).fit(rows, labels).predict_proba([[0.0], [2.0]])
    assert_array_equal(proba, [[0, 1], [0, 1]])


@pytest.mark.parametrize("cls", BOTH)
def test_a_row_is_not_its_own_neighbour(cls):
    rows = np.repeat(rng.integers(0, 3, (12, 2)), 3, axis=0).astype(float)
    distances, indices = cls(4).fit(rows, np.arange(36) % 3).kneighbors()
    squares = np.square(rows[:, None] - rows[None]).sum(axis=-1)
    for i in range(36):
        others = [j for j in range(36) if j != i]
        expected = sorted(others, key=lambda j: (squares[i, j], j))[:4]
        assert indices[i].tolist() == expected
        assert_array_equal(distances[i], np.sqrt(squares[i, expected]))


@pytest.mark.parametrize("labels", [["x", "y"], [True, False], [3, -5], np.array(["a", "bc"], dtype=object)])
def test_labels_come_back_as_they_were(labels):
    labels = np.asarray(labels)
    y = labels[[0, 1] * 5]
    model = KNNClassifier(1).fit(np.arange(10.0)[:, None], y)
    predicted = model.predict(np.arange(10.0)[:, None])
    assert predicted.dtype == labels.dtype
    assert_array_equal(predicted, y)
    assert_array_equal(model.classes_, np.unique(labels))


def test_equal_votes_go_to_the_first_class():
    assert KNNClassifier(2).fit([[0.0], [1.0]], ["b", "a"]).predict([[0.0]]) == ["a"]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_results_have_the_precision_of_the_rows(dtype):
    rows, queries = X.astype(dtype), Q.astype(dtype)
    assert KNNClassifier().fit(rows, Y_CLASS).predict_proba(queries).dtype == dtype
    assert KNNRegressor().fit(rows, Y_REAL).predict(queries).dtype == dtype
    assert KNNRegressor().fit(rows, Y_REAL).kneighbors(queries)[0].dtype == np.float64


@pytest.mark.parametrize("shape", [(200,), (200, 1), (200, 3)])
def test_targets_keep_their_shape(shape):
    y = rng.normal(size=shape)
    assert KNNRegressor().fit(X, y).predict(Q).shape == (40, *shape[1:])


@pytest.mark.parametrize("cls", BOTH)
@pytest.mark.parametrize("n_jobs", [2, -1])
def test_threads_and_memory_change_nothing(cls, n_jobs):
    def weights(distances):  # depends on what it is called with: blocks must not depend on n_jobs
        return np.exp(-distances / distances.max())

    method = "predict_proba" if cls is KNNClassifier else "predict"
    one, many = (cls(weights=weights, n_jobs=jobs).fit(X, Y_CLASS) for jobs in (None, n_jobs))
    with config_context(working_memory=0.05):
        assert_array_equal(getattr(one, method)(Q), getattr(many, method)(Q))
    plain = cls().fit(X, Y_CLASS)
    expected = getattr(plain, method)(Q)
    with config_context(working_memory=0):
        assert_array_equal(getattr(plain, method)(Q), expected)


@pytest.mark.parametrize("columns", [3, 20])
@pytest.mark.parametrize("estimator", [KNNClassifier(30, n_jobs=2), KNNRegressor(30, weights="distance")], ids=str)
def test_predict_stays_within_the_working_memory(estimator, columns):
    rows, queries = rng.normal(size=(5000, columns)), rng.normal(size=(4000, columns))
    y = rng.integers(0, 6, 5000)
    model = clone(estimator).fit(rows, y if isinstance(estimator, KNNClassifier) else np.column_stack([y] * 6))
    model.predict(queries[:5])
    with config_context(working_memory=4):
        tracemalloc.start()
        try:
            result = model.predict_proba(queries) if hasattr(model, "classes_") else model.predict(queries)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert peak - result.nbytes < 4 * 2**20


@pytest.mark.parametrize("cls", BOTH)
def test_the_model_is_its_own(cls):
    rows, y, weight = X.copy(), Y_CLASS.astype(float), np.ones(200)
    model = cls().fit(rows, y, sample_weight=weight)
    before = model.predict(Q)
    state = dict(vars(model))
    rows[:], y[:], weight[:] = 0, 3, 0
    assert_array_equal(model.predict(Q), before)
    model.kneighbors(), model.kneighbors(Q)
    assert all(vars(model)[name] is value for name, value in state.items())
    assert vars(model).keys() == state.keys()


@pytest.mark.parametrize("cls", BOTH)
def test_a_failed_fit_leaves_no_model(cls):
    model = cls()
    with pytest.raises(ValueError, match="sample_weight"):
        model.fit(X, Y_CLASS, sample_weight=-np.ones(200))
    with pytest.raises(NotFittedError):
        model.predict(Q)


def test_frames_pipelines_searches_and_boosting():
    frame = pd.DataFrame(X[:, :3], columns=["a", "b", "c"])
    label = pd.Series(np.where(X[:, 0] > 0, "yes", "no"))
    search = GridSearchCV(
        make_pipeline(StandardScaler(), KNNClassifier()),
        {"knnclassifier__n_neighbors": [1, 5, 9], "knnclassifier__weights": ["uniform", "distance"]},
        cv=3,
    ).fit(frame, label)
    assert search.best_score_ > 0.8
    assert search.predict(frame).dtype == label.to_numpy().dtype
    model = KNNClassifier().fit(frame, label)
    assert model.feature_names_in_.tolist() == ["a", "b", "c"]
    # Boosting passes weights that sum to one: their scale must not matter.
    boosted = AdaBoostClassifier(KNNClassifier(15), n_estimators=3).fit(frame, label)
    assert boosted.score(frame, label) > 0.8
