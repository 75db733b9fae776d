"""Metrics by name, with their parameters, against scikit-learn and scipy."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.spatial.distance import cdist
from sklearn.exceptions import DataConversionWarning
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

from skdl import KNNClassifier, KNNRegressor

BOTH = [KNNClassifier, KNNRegressor]
rng = np.random.default_rng(0)
X, Q = rng.normal(size=(90, 5)), rng.normal(size=(25, 5))
Y = rng.integers(0, 3, 90)
W = rng.random(5)
COVARIANCE = np.cov(X, rowvar=False)
BITS, MORE_BITS = (rng.random((n, 12)) < 0.4 for n in (90, 25))


@pytest.mark.parametrize(
    ("metric", "p", "name", "parameters"),
    [
        ("minkowski", 2, "euclidean", {}),
        ("minkowski", 1, "manhattan", {}),
        ("minkowski", np.inf, "chebyshev", {}),
        ("minkowski", 3, "minkowski", {"p": 3}),
        ("p", 1.5, "minkowski", {"p": 1.5}),
        ("l2", 2, "euclidean", {}),
        ("l1", 2, "manhattan", {}),
        ("l1", 1, "manhattan", {}),
        ("cityblock", 2, "manhattan", {}),
        ("infinity", 2, "chebyshev", {}),
        ("chebyshev", np.inf, "chebyshev", {}),
        ("cosine", 2, "cosine", {}),
    ],
)
def test_each_name_is_a_metric_of_scipy(metric, p, name, parameters):
    model = KNNRegressor(4, metric=metric, p=p).fit(X, Y)
    assert (model.effective_metric_, model.effective_metric_params_) == (name, parameters)
    table = cdist(Q, X, {"manhattan": "cityblock"}.get(name, name), **parameters)
    distances, indices = model.kneighbors(Q)
    assert_array_equal(indices, np.argsort(table, axis=1, kind="stable")[:, :4])
    assert_allclose(distances, np.take_along_axis(table, indices, axis=1), rtol=1e-12)
    if name != "minkowski" and metric != "infinity":
        theirs = KNeighborsRegressor(4, metric=metric, p=p).fit(X, Y)
        assert_allclose(model.predict(Q), theirs.predict(Q), rtol=1e-12)


def test_p_alone_is_the_order_as_in_scikit_learn():
    for p in (1, 2, 3, np.inf):
        ours, theirs = (cls(5, p=p).fit(X, Y) for cls in (KNNClassifier, KNeighborsClassifier))
        assert_array_equal(ours.kneighbors(Q)[1], theirs.kneighbors(Q)[1])
        assert ours.effective_metric_ == theirs.effective_metric_
        assert ours.effective_metric_params_.get("p") == theirs.effective_metric_params_.get("p")
    search = GridSearchCV(KNNClassifier(), {"p": [1, 2, np.inf]}, cv=3, error_score="raise").fit(X, Y)
    assert search.best_params_["p"] in (1, 2, np.inf)


@pytest.mark.parametrize("metric", ["euclidean", "l2", "manhattan", "chebyshev", "cosine", "nan_euclidean", "hamming"])
@pytest.mark.parametrize("cls", BOTH)
def test_an_order_of_a_metric_without_one_is_an_error(cls, metric):
    with pytest.raises(
        ValueError, match=f"p is the order of metric='minkowski' and has no effect with metric='{metric}'"
    ):
        cls(metric=metric, p=3).fit(X, Y)
    with pytest.raises(ValueError, match="or leave p at 2"):
        cls(metric=lambda a, b: 0.0, p=1).fit(X, Y)


TABLES = {
    "mahalanobis V": ("mahalanobis", {"V": COVARIANCE}),
    "mahalanobis VI": ("mahalanobis", {"VI": np.linalg.inv(COVARIANCE).tolist()}),
    "seuclidean": ("seuclidean", {"V": X.var(axis=0, ddof=1)}),
    "minkowski w": ("minkowski", {"w": W}),
    "canberra": ("canberra", None),
    "canberra w": ("canberra", {"w": W}),
    "braycurtis": ("braycurtis", None),
    "hamming": ("hamming", {}),
    "hamming w": ("hamming", {"w": W}),
}


@pytest.mark.parametrize("name", list(TABLES))
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kind", ["normal", "whole", "equal"])
def test_metrics_of_scipy_are_those_of_scipy_and_scikit_learn(name, dtype, kind):
    metric, parameters = TABLES[name]
    rows, queries = X.astype(dtype), Q.astype(dtype)
    if metric == "braycurtis":  # of which scikit-learn's divides by |x| + |y|, scipy's by |x + y|
        rows, queries = np.abs(rows), np.abs(queries)
    if kind == "whole":
        rows, queries = np.rint(rows), np.rint(queries)
    elif kind == "equal":
        rows = rows[np.arange(90) // 6]
    order = {"p": 3} if metric == "minkowski" else {}
    table = cdist(queries.astype(float), rows.astype(float), metric, **scipys(parameters), **order)
    model = KNNClassifier(7, metric=metric, metric_params=parameters, **order).fit(rows, Y)
    distances, indices = model.kneighbors(queries)
    assert model.algorithm_ == "brute"
    if metric == "seuclidean":  # which divides before it squares
        assert_allclose(distances, np.sort(table, axis=1)[:, :7], rtol=1e-14)
    else:
        expected = np.argsort(table, axis=1, kind="stable")[:, :7]
        assert_array_equal(indices, expected)
        assert_array_equal(distances, np.take_along_axis(table, expected, axis=1))
    if dtype == np.float64 and kind == "normal" and name not in ("hamming", "hamming w", "canberra w"):
        # Its "hamming" is for whole numbers, and its "canberra" has no weights.
        theirs = KNeighborsClassifier(7, metric=metric, metric_params=scipys(parameters), algorithm="brute", **order)
        assert_array_equal(indices, theirs.fit(rows, Y).kneighbors(queries, return_distance=False))
        assert_allclose(model.predict_proba(queries), theirs.predict_proba(queries), rtol=1e-12)
        effective = model.effective_metric_, set(model.effective_metric_params_)
        assert effective == (theirs.effective_metric_, set(theirs.effective_metric_params_))


def scipys(parameters):
    """The parameters as scipy takes them, which knows no covariance matrix."""
    parameters = {name: np.array(value) for name, value in (parameters or {}).items()}
    if parameters.get("V", np.empty(0)).ndim == 2:
        parameters["VI"] = np.linalg.inv(parameters.pop("V"))
    return parameters


@pytest.mark.parametrize(
    "metric", ["jaccard", "dice", "rogerstanimoto", "russellrao", "sokalsneath", "yule", "hamming"]
)
@pytest.mark.parametrize("dtype", [bool, int, float])
def test_metrics_of_bits(metric, dtype):
    table = cdist(MORE_BITS, BITS, metric)
    model = KNNClassifier(6, metric=metric).fit(BITS.astype(dtype), Y)
    distances, indices = model.kneighbors(MORE_BITS.astype(dtype))
    expected = np.argsort(table, axis=1, kind="stable")[:, :6]
    assert_array_equal(indices, expected)
    assert_array_equal(distances, np.take_along_axis(table, expected, axis=1))


def test_what_is_no_bit_is_taken_for_one_and_said_once():
    model = KNNClassifier(6, metric="jaccard")
    with pytest.warns(
        DataConversionWarning, match="X holds values other than 0 and 1: metric='jaccard' treats"
    ) as record:
        found = model.fit(BITS * 3.5, Y).kneighbors(MORE_BITS * -2.0)[0]
    assert len(record) == 1
    assert_array_equal(found, KNNClassifier(6, metric="jaccard").fit(BITS, Y).kneighbors(MORE_BITS)[0])
    theirs = KNeighborsClassifier(6, metric="jaccard").fit(BITS * 3.5, Y).kneighbors(MORE_BITS * -2.0)[0]
    assert_allclose(found, theirs, rtol=1e-15)


def test_a_function_with_parameters():
    def power(a, b, exponent, factor=1.0):
        return factor * np.sum(np.abs(a - b) ** exponent)

    model = KNNRegressor(3, metric=power, metric_params={"exponent": 3, "factor": 0.5}).fit(X, Y)
    table = 0.5 * cdist(Q, X, "minkowski", p=3) ** 3
    assert_allclose(model.kneighbors(Q)[0], np.sort(table, axis=1)[:, :3], rtol=1e-12)
    assert model.effective_metric_ is power
    assert model.effective_metric_params_ == {"exponent": 3, "factor": 0.5}


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        (
            {"metric": "euclidean", "metric_params": {"w": W}},
            "metric='euclidean' takes no parameters in metric_params. Got 'w'",
        ),
        ({"metric_params": {"p": 3}}, "The order of metric='minkowski' is the parameter p"),
        ({"metric_params": {"V": W}}, "metric='minkowski' takes 'w' in metric_params. Got 'V'"),
        ({"metric": "mahalanobis", "metric_params": {"S": 1}}, "takes 'V' or 'VI' in metric_params. Got 'S'"),
        ({"p": np.inf, "metric_params": {"w": W}}, "with p=inf does not take weights"),
        ({"metric_params": {"w": W[:3]}}, r"\['w'\] must have the shape \(5,\), as X has 5 columns. Got \(3,\)"),
        ({"metric_params": {"w": -W}}, r"\['w'\] must hold a weight of at least 0"),
        ({"metric_params": {"w": W * 0}}, r"\['w'\] must hold a weight of at least 0"),
        ({"metric_params": {"w": "equal"}}, r"\['w'\] must be an array of finite numbers with 1 dimension"),
        ({"metric_params": {"w": W[:, None]}}, r"\['w'\] must be an array of finite numbers with 1 dimension"),
        ({"metric": "mahalanobis"}, "needs metric_params={'VI': .*np.cov.* Got neither"),
        ({"metric": "mahalanobis", "metric_params": {"V": COVARIANCE, "VI": COVARIANCE}}, "Got both"),
        ({"metric": "mahalanobis", "metric_params": {"V": COVARIANCE[:2, :2]}}, r"must have the shape \(5, 5\)"),
        ({"metric": "mahalanobis", "metric_params": {"VI": np.triu(COVARIANCE) + 9}}, "must be symmetric"),
        ({"metric": "mahalanobis", "metric_params": {"VI": -np.eye(5)}}, "positive semidefinite"),
        (
            {"metric": "mahalanobis", "metric_params": {"V": np.ones((5, 5))}},
            "a column that depends linearly on others",
        ),
        ({"metric": "mahalanobis", "metric_params": {"V": COVARIANCE * np.nan}}, "an array of finite numbers"),
        ({"metric": "seuclidean"}, "needs the variances of the columns: metric_params={'V': np.var"),
        ({"metric": "seuclidean", "metric_params": {"V": W * [1, 0, 1, 1, 1]}}, "a positive variance for each column"),
        ({"metric": "hamming", "algorithm": "kd_tree"}, "algorithm='kd_tree' works with the metrics"),
        ({"metric": "sqeuclidean"}, "'metric' .* must be one of"),
        ({"p": -np.inf}, "'p' .* must be a float"),
        ({"p": np.nan}, "'p' .* must be a float"),
    ],
)
@pytest.mark.parametrize("cls", BOTH)
def test_parameters_that_a_metric_does_not_have(cls, parameters, message):
    model = cls(**parameters)
    with pytest.raises(ValueError, match=message):
        model.fit(X, Y)
    assert not hasattr(model, "classes_")


def test_rows_of_zeros_are_equal():
    with np.errstate(invalid="ignore"):
        assert np.isnan(cdist([[0.0, 0.0]], [[0.0, 0.0]], "braycurtis")).all()
    rows = np.vstack([rng.random((20, 2)), np.zeros((5, 2))])
    model = KNNClassifier(7, metric="braycurtis").fit(rows, np.arange(25) % 2)
    distances, indices = model.kneighbors(np.zeros((1, 2)))
    assert_array_equal(distances, [[0, 0, 0, 0, 0, 1, 1]])
    assert_array_equal(indices, [[20, 21, 22, 23, 24, 0, 1]])


@pytest.mark.parametrize("metric", ["canberra", "braycurtis"])
@pytest.mark.parametrize("power", [-1000, 0, 1017])
def test_ratios_do_not_depend_on_the_unit(metric, power):
    rows, queries = np.rint(np.abs(X) * 16), np.rint(np.abs(Q) * 16)
    plain = KNNClassifier(7, metric=metric).fit(rows, Y).kneighbors(queries)
    found = KNNClassifier(7, metric=metric).fit(np.ldexp(rows, power), Y).kneighbors(np.ldexp(queries, power))
    for ours, expected in zip(found, plain, strict=True):
        assert_array_equal(ours, expected)


def test_a_distance_that_is_not_a_number_is_an_error():
    rows = np.vstack([rng.random((20, 2)), np.full((5, 2), 1.7e308)])
    model = KNNClassifier(25, metric="braycurtis").fit(rows, np.arange(25) % 2)
    with pytest.raises(ValueError, match="metric='braycurtis' gives some rows of X a distance that is not a number"):
        model.predict(-rows[:1] * 2e307)


def test_a_row_beside_its_negative_has_no_distance_of_bray_and_curtis():
    rows, query = np.array([[1.0, -1], [-1, 1], [2, 3], [0, 0], [1, 2]]), [[-1.0, 1]]
    with np.errstate(divide="ignore"):
        assert_array_equal(cdist(query, rows, "braycurtis"), [[np.inf, 0, 1, 1, 1]])  # 4 / 0
    model = KNNRegressor(4, metric="braycurtis").fit(rows, np.arange(5))
    assert_array_equal(model.kneighbors(query)[1], [[1, 2, 3, 4]])
    with pytest.raises(
        ValueError, match=r"metric='braycurtis' gives some rows of X a distance .* not defined for them"
    ):
        model.kneighbors(query, 5)


def test_an_infinite_distance_of_a_callable_is_an_error_among_the_nearest_only():
    def apart(a, b):
        return np.inf if a[0] * b[0] < 0 else abs(a[0] - b[0])

    model = KNNRegressor(2, metric=apart).fit([[1.0], [2], [-1]], np.arange(3))
    assert_array_equal(model.kneighbors([[3.0]])[1], [[1, 0]])
    with pytest.raises(ValueError, match=r"metric='apart' gives some rows of X a distance .* not defined for them"):
        model.kneighbors([[3.0]], 3)


@pytest.mark.parametrize("cls", BOTH)
@pytest.mark.parametrize("parameters", [{"p": 3}, {"metric_params": {"w": W}}, {}])
def test_a_search_keeps_what_belongs_to_the_metric(cls, parameters):
    space = cls(**parameters).search_space("large")
    assert ("metric" in space) == (not parameters)
    search = RandomizedSearchCV(cls(**parameters), space, n_iter=6, cv=2, error_score="raise", random_state=0)
    assert np.isfinite(search.fit(X, Y).cv_results_["mean_test_score"]).all()
