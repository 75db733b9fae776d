"""What the layers of a fitted network give: a function of names, and a transformer."""

import numpy as np
import pandas as pd
import pytest
from plain import PLAIN
from scipy.sparse import csr_array
from scipy.special import expit
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdl import (
    BaggingClassifier,
    EnsembleRegressor,
    LeastSquaresRegressor,
    MLPClassifier,
    MLPRegressor,
    NetworkFeatures,
    SoftmaxClassifier,
)
from skdl.neural._layer_values import layer_values

RNG = np.random.default_rng(0)
X = RNG.normal(size=(2100, 6)) * [1, 2, 3, 4, 5, 6] + [0, 1, 0, 5, 0, 9]
Y = np.sin(X[:, 0]) + X[:, 1] - X[:, 5]
LABELS = np.array(["a", "b", "c"])[np.digitize(Y, [-10, 0])]
SHORT = {"max_iter": 3, "random_state": 0}


def test_the_values_are_those_of_the_formula_with_the_public_coefficients():
    network = MLPRegressor((7, 5), activation=["tanh", "sigmoid"], **SHORT, **PLAIN).fit(X, Y)
    (w_1, w_2, w_3), (b_1, b_2, b_3) = network.coefs_, network.intercepts_
    first = np.tanh(X @ w_1 + b_1)
    second = expit(first @ w_2 + b_2)
    expected = {"hidden_1": first, "hidden_2": second, "output": second @ w_3 + b_3}
    for index, (name, values) in enumerate(expected.items()):
        for layer in (name, index, index - 3, np.int64(index)):
            np.testing.assert_allclose(layer_values(network, X, layer), values, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(
        layer_values(network, X, "hidden_2", pre_activation=True), first @ w_2 + b_2, rtol=1e-12, atol=1e-12
    )
    standardised = (X - X.mean(axis=0)) / X.std(axis=0)
    np.testing.assert_allclose(layer_values(network, X, "input"), standardised, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"layer": "residual", "normalization": "batch"},
        {"layer": ["dense", "residual"], "normalization": ["layer", None], "encoding": None},
        {"normalization": "batch", "activation": "parametric", "dropout": 0.2, "input_dropout": 0.1, "encoding": None},
        {"dropout": 0.2, "input_dropout": 0.1, "dropout_mode": "standard", "encoding": None},
        {"standardize": False, "dtype": "float64"},
        {"encoding": "piecewise", "input_scale": False},
    ],
)
def test_the_layers_above_make_the_scores_of_the_values_below(params):
    """Each layer is looked at in the network that training has, with its standardised inputs and nothing folded."""
    network = MLPClassifier((9, 8), **params, **SHORT).fit(X, LABELS)
    scores = network.decision_function(X)
    last = layer_values(network, X, -2)
    np.testing.assert_allclose(last @ network.coefs_[-1] + network.intercepts_[-1], scores, rtol=1e-9, atol=1e-9)
    np.testing.assert_array_equal(layer_values(network, X, "output"), scores)
    encoded = layer_values(network, X, "input")
    assert encoded.shape[1] == network.coefs_[0].shape[0] == len(network.get_encoded_feature_names_out())
    if not params.get("layer"):
        came = layer_values(network, X, 0, pre_activation=True)
        slope = np.linalg.lstsq(np.c_[encoded, np.ones(len(X))], came, rcond=None)[0]  # an affine map, if the right one
        np.testing.assert_allclose(np.c_[encoded, np.ones(len(X))] @ slope, came, rtol=1e-6, atol=1e-6)
    for name in network.layer_names_:  # blocks of rows change nothing
        np.testing.assert_allclose(layer_values(network, X[-1:], name), layer_values(network, X, name)[-1:], rtol=1e-9)


def test_edited_coefficients_and_sparse_rows_are_those_that_predict():
    sparse = np.where(np.abs(X) > 2, X, 0)
    network = MLPClassifier((4,), **SHORT, **PLAIN).fit(csr_array(sparse), LABELS)
    assert network.layer_names_ == ["input", "hidden_1", "output"]
    for layer in network.layer_names_:
        np.testing.assert_allclose(
            layer_values(network, csr_array(sparse), layer), layer_values(network, sparse, layer), rtol=1e-12
        )
    network.coefs_[0] *= 0
    network.intercepts_[0][...] = 2.0
    np.testing.assert_array_equal(layer_values(network, X, "hidden_1"), np.full((len(X), 4), 2.0))


def test_frames_of_categories_and_holes_are_encoded_first():
    frame = pd.DataFrame({"town": RNG.choice(["Rom", "Ulm"], len(X)), "age": X[:, 0], "size": X[:, 1]})
    frame.loc[3, "age"] = np.nan
    network = MLPRegressor((4,), encoding=None, **SHORT)
    encoded = NetworkFeatures(network, layer="input").set_output(transform="pandas").fit_transform(frame, Y)
    assert list(encoded.columns) == ["age", "size", "age_missing", "town_Rom", "town_Ulm"]
    age = frame["age"]
    expected = pd.DataFrame(
        {
            "age": ((age - age.mean()) / age.std(ddof=0)).fillna(0),
            "size": (frame["size"] - frame["size"].mean()) / frame["size"].std(ddof=0),
            "age_missing": age.isna(),
            "town_Rom": frame["town"] == "Rom",
            "town_Ulm": frame["town"] == "Ulm",
        }
    )
    np.testing.assert_allclose(encoded, expected.astype(float), atol=1e-6)


def test_in_a_pipeline_a_search_and_as_a_frame():
    data, labels = load_breast_cancer(return_X_y=True, as_frame=True)
    features = NetworkFeatures(MLPClassifier((8, 4), **SHORT))
    pipeline = make_pipeline(StandardScaler(), features, SoftmaxClassifier()).set_output(transform="pandas")
    search = GridSearchCV(pipeline, {"networkfeatures__layer": ["hidden_1", -2]}, cv=2).fit(data, labels)
    assert search.best_score_ > 0.9
    fitted = search.best_estimator_
    kind = search.best_params_["networkfeatures__layer"]
    assert (
        list(fitted[:-1].transform(data).columns)
        == {
            "hidden_1": [f"hidden_1_{i}" for i in range(8)],
            -2: [f"hidden_2_{i}" for i in range(4)],
        }[kind]
    )
    assert list(fitted[1].feature_names_in_) == list(data.columns)
    assert clone(features).set_params(estimator__alpha=0.5).estimator.alpha == 0.5
    weight = np.arange(len(labels)) % 2
    of_half = clone(features).fit(data[weight == 1], labels[weight == 1]).transform(data)
    np.testing.assert_array_equal(clone(features).fit(data, labels, sample_weight=weight).transform(data), of_half)


def test_a_fitted_network_is_taken_as_it_is():
    network = MLPRegressor((4,), **SHORT).fit(X, Y)
    expected = layer_values(network, X, -2)
    for features in (NetworkFeatures(network, prefit=True), clone(NetworkFeatures(FrozenEstimator(network)))):
        np.testing.assert_array_equal(features.fit(X).transform(X), expected)
        assert features.estimator_ is network
    assert NetworkFeatures(network).fit(X, Y).estimator_ is not network
    with pytest.raises(NotFittedError):
        NetworkFeatures(MLPRegressor(), prefit=True).fit(X)


@pytest.mark.parametrize(
    ("estimator", "layer", "message"),
    [
        (MLPRegressor((3,)), "hidden_2", r"'layer' parameter holds 'hidden_2'.*Did you mean 'hidden_1'.*'output'"),
        (MLPRegressor((3,)), 2, r"holds 2, and indices of this MLPRegressor's layers go from -2 to 1"),
        (MLPRegressor((3,)), True, "parameter of NetworkFeatures must be an int"),
        (SoftmaxClassifier(tol=10.0), -2, r"indices of this SoftmaxClassifier's layers go from -1 to 0"),
        (BaggingClassifier(), -2, "Each member of an ensemble has layers of its own"),
        (EnsembleRegressor(), -2, "give one of them, with prefit=True"),
        (make_pipeline(StandardScaler(), MLPRegressor()), -2, "Put the steps before it into a Pipeline"),
        (LeastSquaresRegressor(), -2, "must be a network, such as MLPClassifier.*Got LeastSquaresRegressor"),
    ],
)
def test_what_is_not_a_layer_of_a_network_is_an_error(estimator, layer, message):
    if isinstance(estimator, MLPRegressor):
        estimator.set_params(max_iter=1)
    labels = LABELS if isinstance(estimator, SoftmaxClassifier) else Y
    with pytest.raises((ValueError, TypeError), match=message):
        NetworkFeatures(estimator, layer).fit(X, labels)


def test_softmax_gives_its_scores():
    linear = SoftmaxClassifier().fit(X, LABELS)
    np.testing.assert_array_equal(
        NetworkFeatures(linear, -1, prefit=True).fit_transform(X), linear.decision_function(X)
    )
