"""What the neighbour estimators refuse."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.exceptions import NotFittedError
from sklearn.utils import get_tags

from skdl import KNNClassifier, KNNRegressor

BOTH = [KNNClassifier, KNNRegressor]
rng = np.random.default_rng(0)
X, Q = rng.normal(size=(200, 12)), rng.normal(size=(40, 12))
Y_CLASS, Y_REAL = rng.integers(0, 4, 200), rng.normal(size=200)

BAD_PARAMETERS = [
    ({"n_neighbors": 0}, "'n_neighbors' .* must be an int in the range .1, inf"),
    ({"n_neighbors": 2.0}, "'n_neighbors'"),
    ({"weights": "distanc"}, "'weights' .* must be one of {'uniform', 'distance'} or a callable"),
    ({"metric": "euclid"}, "'metric' .* must be one of {'minkowski', 'euclidean', "),
    ({"metric": "minkowski", "p": 0.5}, "'p' .* must be a float in the range .1, inf., infinity included"),
    ({"metric_params": [1]}, "'metric_params' .* must be a dict"),
    ({"n_jobs": 0}, "'n_jobs'"),
]


@pytest.mark.parametrize("cls", BOTH)
@pytest.mark.parametrize(("parameters", "message"), BAD_PARAMETERS, ids=str)
def test_bad_parameters_are_named(cls, parameters, message):
    with pytest.raises(ValueError, match=message):
        cls(**parameters).fit(X, Y_CLASS)
    with pytest.raises(ValueError, match=message):
        cls().fit(X, Y_CLASS).set_params(**parameters).predict(Q)


def with_value(value):
    bad = X.copy()
    bad[3, 2] = value
    return bad


@pytest.mark.parametrize("cls", BOTH)
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((with_value(np.nan), Y_CLASS), "NaN"),
        ((with_value(np.inf), Y_CLASS), "infinity"),
        ((X[0], Y_CLASS), "2D array"),
        ((X[:0], Y_CLASS[:0]), "0 sample"),
        ((X, Y_CLASS[:-1]), "inconsistent numbers of samples"),
        ((X, Y_CLASS, np.ones(3)), "inconsistent numbers of samples"),
        ((X, Y_CLASS, np.zeros(200)), "sample_weight must have a positive sum"),
        ((X, Y_CLASS, np.full(200, np.nan)), "NaN"),
    ],
)
def test_bad_data_are_an_error(cls, arguments, message):
    with pytest.raises(ValueError, match=message):
        cls().fit(*arguments)


def test_bad_targets_and_class_weights_are_an_error():
    with pytest.raises(ValueError, match="y must hold real numbers"):
        KNNRegressor().fit(X, np.array(["a", "b"] * 100))
    with pytest.raises(ValueError, match="continuous"):
        KNNClassifier().fit(X, Y_REAL)
    for bad, message in [
        ({0: -1}, "class_weight must hold"),
        ({0: "1"}, "class_weight must hold"),
        ({"other": 1.0}, "not in class_weight"),
        (dict.fromkeys(range(4), 0.0), "must not be zero for all training rows"),
        ("balance", "'class_weight'"),
    ]:
        with pytest.raises(ValueError, match=message):
            KNNClassifier(class_weight=bad).fit(X, Y_CLASS)


@pytest.mark.parametrize("cls", BOTH)
def test_bad_queries_are_an_error(cls):
    model = cls().fit(X[:4], Y_CLASS[:4])
    with pytest.raises(ValueError, match="n_neighbors = 5, n_samples_fit = 4"):
        model.predict(Q)
    with pytest.raises(ValueError, match="n_neighbors < n_samples_fit, but n_neighbors = 4, n_samples_fit = 4"):
        model.kneighbors(n_neighbors=4)
    for k in (0, -1, 2.5, "3"):
        with pytest.raises(ValueError, match="n_neighbors to be an int in the range"):
            model.kneighbors(Q, n_neighbors=k)
    with pytest.raises(ValueError, match="12 features"):
        model.kneighbors(Q[:, 1:], 2)
    with pytest.raises(NotFittedError):
        cls().kneighbors(Q)


@pytest.mark.parametrize("cls", BOTH)
@pytest.mark.parametrize("metric", ["manhattan", "chebyshev", "minkowski", lambda a, b: 0.0])
def test_sparse_rows_need_a_metric_that_takes_them(cls, metric):
    model = cls(metric=metric, p=3 if metric == "minkowski" else 2)
    assert not get_tags(model).input_tags.sparse
    with pytest.raises(ValueError, match="only with the metrics 'euclidean' and 'cosine'"):
        model.fit(sparse.csr_array(X), Y_CLASS)
    with pytest.raises(ValueError, match="only with the metrics 'euclidean' and 'cosine'"):
        model.fit(X, Y_CLASS).predict(sparse.csr_array(X))
    for name in ("euclidean", "cosine"):
        assert get_tags(cls(metric=name)).input_tags.sparse


@pytest.mark.parametrize(
    ("weights", "message"),
    [(lambda d: d[:, 0], "of the shape it gets"), (lambda d: -d, "finite values"), (lambda d: d * np.nan, "finite")],
)
def test_bad_results_of_callable_weights_are_an_error(weights, message):
    with pytest.raises(ValueError, match=message):
        KNNClassifier(weights=weights).fit(X, Y_CLASS).predict(Q)
