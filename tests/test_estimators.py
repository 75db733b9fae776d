"""The contract of all estimators: scikit-learn's own checks, frames, pickles, weights, and what bad input says."""

import inspect
import pickle
import re

import numpy as np
import pandas as pd
import polars as pl
import pytest
from expected_failures import EXPECTED_FAILURES
from scipy.sparse import csr_array
from sklearn import config_context
from sklearn.base import clone, is_classifier
from sklearn.datasets import make_classification, make_regression
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, ParameterSampler, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

import skdl

PUBLIC = {name: getattr(skdl, name) for name in skdl.__all__ if isinstance(getattr(skdl, name), type)}
ESTIMATORS = {name: cls for name, cls in PUBLIC.items() if hasattr(cls, "predict")}
NETWORK = skdl.MLPRegressor((5,), max_iter=5, random_state=0)
TRANSFORMERS = {  # whose own tests say what they give
    "Autoencoder": skdl.Autoencoder((5, 2), max_iter=5, random_state=0),
    "NetworkFeatures": skdl.NetworkFeatures(NETWORK),
}
# Networks are cut to a few epochs where the contract does not depend on how well they learn.
QUICK = {
    "MLPClassifier": {"max_iter": 20, "hidden_layer_sizes": (10,)},
    "MLPMultitask": {"max_iter": 20, "hidden_layer_sizes": (10,)},
    "MLPRegressor": {"max_iter": 20, "hidden_layer_sizes": (10,)},
    **{
        f"Tabular{kind}": {"portfolio": [{"max_iter": 5, "hidden_layer_sizes": (5,)}, {"max_iter": 4}], "cv": 3}
        for kind in ("Classifier", "Regressor")
    },
}
# Solvers of their own, behind a parameter.
VARIANTS = [
    skdl.LeastSquaresRegressor(0.1, penalty="l1"),
    skdl.LeastSquaresRegressor(penalty="l1", loss="absolute_error"),
    skdl.LeastSquaresRegressor(loss="huber"),
]
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def quick(name, **params):
    if "n_estimators" in ESTIMATORS[name]().get_params(deep=False):
        kind = "Classifier" if name.endswith("Classifier") else "Regressor"
        inner = getattr(skdl, f"MLP{kind}")(**QUICK[f"MLP{kind}"])
        return ESTIMATORS[name](estimator=inner, n_estimators=3, **params)
    return ESTIMATORS[name](**{**QUICK.get(name, {}), **params})


def data(name, n=60, n_features=5):
    if name.endswith("Classifier"):
        return make_classification(n, n_features, n_informative=3, n_classes=3, n_clusters_per_class=1, random_state=0)
    return make_regression(n, n_features, noise=5.0, random_state=0)


def seeded(name, **params):
    estimator = quick(name, **params)
    return estimator.set_params(random_state=0) if "random_state" in estimator.get_params() else estimator


def expected_failures(estimator):
    return EXPECTED_FAILURES if isinstance(estimator, (skdl.KNNClassifier, skdl.KNNRegressor)) else {}


def checked(name):
    """As scikit-learn's checks take it; a committee without batches, which copies of rows would change."""
    if not name.startswith("Tabular"):
        return ESTIMATORS[name]()
    network = getattr(skdl, name.replace("Tabular", "MLP"))((5,), optimizer="lbfgs", max_iter=5, dtype="float64")
    portfolio = [network.set_params(early_stopping=True, scoring="loss"), clone(network).set_params(alpha=0.1)]
    return ESTIMATORS[name](portfolio, cv=3)


@parametrize_with_checks(
    [*(checked(name) for name in ESTIMATORS), *VARIANTS, *TRANSFORMERS.values()],
    expected_failed_checks=expected_failures,
    xfail_strict=True,
)
def test_scikit_learn_checks(estimator, check):
    check(estimator)


def test_every_public_estimator_is_in_the_contract():
    assert set(TRANSFORMERS) == set(PUBLIC) - set(ESTIMATORS)
    assert set(ESTIMATORS) == {
        "BaggingClassifier",
        "BaggingRegressor",
        "EnsembleClassifier",
        "EnsembleRegressor",
        "KNNClassifier",
        "KNNRegressor",
        "LeastSquaresRegressor",
        "MLPClassifier",
        "MLPMultitask",
        "MLPRegressor",
        "PolynomialRegressor",
        "SnapshotEnsembleClassifier",
        "SnapshotEnsembleRegressor",
        "SoftmaxClassifier",
        "TabularClassifier",
        "TabularRegressor",
    }


@pytest.mark.parametrize("name", ESTIMATORS)
@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_frames_predict_as_arrays_do_and_bring_their_names(name, library):
    X, y = data(name)
    columns = list("abcde")
    frame = pd.DataFrame(X, columns=columns) if library == "pandas" else pl.DataFrame(X, schema=columns)
    from_frame = seeded(name).fit(frame, y)
    assert list(from_frame.feature_names_in_) == columns
    np.testing.assert_array_equal(from_frame.predict(frame), seeded(name).fit(X, y).predict(X))


@pytest.mark.parametrize("name", ESTIMATORS)
def test_column_major_input_changes_nothing(name):
    X, y = data(name)
    np.testing.assert_array_equal(
        seeded(name).fit(np.asfortranarray(X), y).predict(X), seeded(name).fit(X, y).predict(X)
    )


@pytest.mark.parametrize("name", ESTIMATORS)
def test_images_are_rows_of_numbers(name):
    X, y = data(name, n_features=6)
    rows, images = seeded(name).fit(X, y), seeded(name).fit(X.reshape(-1, 2, 3), y)
    assert images.image_shape_ == (2, 3)
    assert not hasattr(rows, "image_shape_")
    expected = rows.predict(X)
    for given in (X, X.reshape(-1, 2, 3), X.reshape(-1, 2, 3, 1), X.reshape(-1, 2, 3).tolist()):
        np.testing.assert_array_equal(images.predict(given), expected)
    np.testing.assert_array_equal(rows.predict(X.reshape(-1, 2, 3)), expected)
    assert images.score(X.reshape(-1, 2, 3), y) == rows.score(X, y)
    other = rf"images of shape \(3, 2\), and {name} was fitted on images of shape \(2, 3\)"
    for method in (images.predict, lambda X: images.score(X, y)):
        with pytest.raises(ValueError, match=other):
            method(X.reshape(-1, 3, 2))
    with pytest.raises(ValueError, match="X has 5 features, but"):
        images.predict(X[:, :5])
    if hasattr(images, "partial_fit"):
        with pytest.raises(ValueError, match=other):
            images.partial_fit(X.reshape(-1, 3, 2), y)
    assert not hasattr(images.fit(X, y), "image_shape_")  # a fit on rows knows of no images


@pytest.mark.parametrize("name", ESTIMATORS)
def test_pickle_clone_and_refit_are_equal_to_the_last_bit(name):
    X, y = data(name)
    fitted = seeded(name).fit(X, y)
    expected = fitted.predict(X)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(fitted)).predict(X), expected)
    np.testing.assert_array_equal(clone(fitted).fit(X, y).predict(X), expected)
    with pytest.raises(NotFittedError):
        clone(fitted).predict(X)


@pytest.mark.parametrize("name", ESTIMATORS)
def test_works_in_a_pipeline_and_in_a_search(name):
    X, y = data(name)
    pipeline = make_pipeline(StandardScaler(), seeded(name))
    assert np.isfinite(cross_val_score(pipeline, X, y, cv=2)).all()
    key = next(
        key
        for key in ("alpha", "n_neighbors", "degree", "n_estimators", "random_state")
        if key in pipeline[-1].get_params()
    )
    search = GridSearchCV(seeded(name), {key: [1, 2]}, cv=2, error_score="raise").fit(X, y)
    assert search.best_params_[key] in (1, 2)


@pytest.mark.parametrize("name", ESTIMATORS)
def test_html_repr_shows_the_documented_parameters(name):
    html = ESTIMATORS[name]()._repr_html_()
    assert name in html
    for parameter in ESTIMATORS[name]().get_params(deep=False):
        assert parameter in html


@pytest.mark.parametrize("name", ESTIMATORS)
def test_docstring_names_every_parameter(name):
    text = inspect.getdoc(ESTIMATORS[name])
    assert not re.search(r"^ *\{\w+\}$", text, flags=re.MULTILINE)  # a shared text that was not filled in
    for parameter in ESTIMATORS[name]().get_params(deep=False):
        assert f"\n{parameter} : " in text or f"{parameter}, " in text, parameter


@pytest.mark.parametrize("name", ESTIMATORS)
def test_sample_weight_can_be_routed(name):
    X, y = data(name)
    weight = np.random.default_rng(0).integers(1, 4, len(y)).astype(float)
    with config_context(enable_metadata_routing=True):
        estimator = seeded(name)
        if "estimator" in estimator.get_params(deep=False):
            estimator.estimator.set_fit_request(sample_weight=True)
        pipeline = make_pipeline(StandardScaler().set_fit_request(sample_weight=False), estimator)
        if hasattr(estimator, "set_fit_request"):
            estimator.set_fit_request(sample_weight=True)
        routed = pipeline.fit(X, y, sample_weight=weight).predict(X)
        direct = clone(estimator).fit(StandardScaler().fit_transform(X), y, sample_weight=weight)
        np.testing.assert_array_equal(routed, direct.predict(StandardScaler().fit_transform(X)))


@pytest.mark.parametrize("name", ESTIMATORS)
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_values_that_are_not_finite_are_an_error(name, bad):
    X, y = data(name)
    X[3, 2] = bad
    with pytest.raises(ValueError, match=r"Input X contains (NaN|infinity)"):
        quick(name).fit(X, y)


@pytest.mark.parametrize("name", ESTIMATORS)
def test_shapes_that_do_not_fit_are_an_error(name):
    X, y = data(name)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        quick(name).fit(X, y[:-1])
    with pytest.raises(ValueError, match="Expected 2D array, got 1D"):
        quick(name).fit(X[:, 0], y)
    with pytest.raises(ValueError, match="0 sample"):
        quick(name).fit(X[:0], y[:0])
    fitted = quick(name).fit(X, y)
    with pytest.raises(ValueError, match=r"X has 4 features, but .* is expecting 5 features"):
        fitted.predict(X[:, :4])


@pytest.mark.parametrize("name", ESTIMATORS)
def test_weights_that_say_nothing_are_an_error(name):
    X, y = data(name)
    with pytest.raises(ValueError, match=r"(?i)weight"):
        quick(name).fit(X, y, sample_weight=np.zeros(len(y)))
    with pytest.raises(ValueError, match=r"(?i)weight|inconsistent"):
        quick(name).fit(X, y, sample_weight=np.ones(len(y) - 1))
    with pytest.raises(ValueError, match=r"(?i)weight|negative"):
        quick(name).fit(X, y, sample_weight=-np.ones(len(y)))


@pytest.mark.parametrize("name", [name for name in ESTIMATORS if name.endswith("Regressor")])
def test_regressors_refuse_strings(name):
    X, _ = data(name)
    with pytest.raises(ValueError, match=r"y must hold real numbers"):
        quick(name).fit(X, np.array(["a", "b"] * 30))


@pytest.mark.parametrize("name", [name for name in ESTIMATORS if name.endswith("Classifier")])
@pytest.mark.parametrize("labels", [["x", "yy", "z"], [7, -2, 5], [True, False, True], [0.0, 1.0, 2.0]])
def test_labels_of_any_type_come_back(name, labels):
    X, y = data(name)
    labels = np.array(labels)
    fitted = seeded(name).fit(X, labels[y])
    assert is_classifier(fitted)
    np.testing.assert_array_equal(fitted.classes_, np.unique(labels))
    predicted = fitted.predict(X)
    assert predicted.dtype == labels.dtype
    assert set(predicted) <= set(labels)
    probabilities = fitted.predict_proba(X)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-12)


SPARSE = [
    "LeastSquaresRegressor",
    "SoftmaxClassifier",
    "MLPClassifier",
    "MLPRegressor",
    "KNNClassifier",
    "KNNRegressor",
]


@pytest.mark.parametrize("name", SPARSE)
def test_sparse_rows_predict_as_dense_ones_do(name):
    X, y = data(name)
    X[np.abs(X) < 0.7] = 0
    assert ESTIMATORS[name]().__sklearn_tags__().input_tags.sparse
    # Rounding differs: only a search that goes on to the minimum ends as near as this on both.
    # By default networks encode dense rows only.
    params = {"tol": 1e-9} if name == "SoftmaxClassifier" else {"encoding": None} if name.startswith("MLP") else {}
    dense, sparse = seeded(name, **params).fit(X, y), seeded(name, **params).fit(csr_array(X), y)
    if name.endswith("Classifier"):
        np.testing.assert_allclose(sparse.predict_proba(csr_array(X)), dense.predict_proba(X), rtol=1e-5, atol=1e-7)
    else:
        np.testing.assert_allclose(sparse.predict(csr_array(X)), dense.predict(X), rtol=1e-6)


@pytest.mark.parametrize("name", ESTIMATORS)
@pytest.mark.parametrize("size", ["small", "large"])
def test_search_spaces_draw_what_the_estimator_takes(name, size):
    X, y = data(name, n=152)  # of which no batch that is drawn leaves a single row
    estimator = seeded(name)
    space = estimator.search_space(size)
    if name.startswith("Ensemble") or size == "large":
        assert set(estimator.search_space("small")) <= set(space)
    for candidate in ParameterSampler(space, 5, random_state=0) if space else []:
        clone(estimator).set_params(**candidate).fit(X, y)
    with pytest.raises(ValueError, match="'size' parameter must be 'small' or 'large'"):
        estimator.search_space("medium")
