"""Softmax regression of tables with categories and missing cells, against scikit-learn's on indicators by hand."""

import pickle

import numpy as np
import pandas as pd
import pytest
import skops.io
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV

import skdl
from skdl import BaggingClassifier, SoftmaxClassifier


def table(n=200, seed=0):
    draw = np.random.default_rng(seed)
    color, age = draw.choice(["red", "blue", "green"], n), draw.normal(40, 10, n)
    y = (age / 10 + 2 * (color == "red") + draw.normal(size=n) > 4.5) + (color == "blue").astype(int)
    age[draw.random(n) < 0.2] = np.nan
    return pd.DataFrame({"age": age, "color": color, "tall": draw.normal(size=n)}), y


def by_hand(X):
    age, missing = X["age"].to_numpy(), X["age"].isna()
    columns = [
        np.where(missing, np.nanmean(age), age),
        missing,
        *(X["color"] == each for each in ("blue", "green", "red")),
    ]
    return np.column_stack([*columns, X["tall"]]).astype(float)


@pytest.mark.parametrize("standardize", [False, True])
def test_it_is_that_on_indicators(standardize):
    X, y = table()
    model = SoftmaxClassifier(standardize=standardize, tol=1e-9).fit(X, y)
    names = ["age", "age_missing", "color_blue", "color_green", "color_red", "tall"]
    assert_array_equal(model.get_encoded_feature_names_out(), names)
    assert model.coef_.shape == (3, 6)
    encoded = by_hand(X)
    scaled = (encoded - encoded.mean(axis=0)) / (encoded.std(axis=0) if standardize else 1)
    theirs = LogisticRegression(C=1 / (1e-3 * len(X)), tol=1e-10, max_iter=10_000).fit(scaled, y)
    assert_allclose(model.predict_proba(X), theirs.predict_proba(scaled), atol=1e-6)


def test_an_alpha_for_each_column_rows_of_weight_zero_and_weights_as_repetitions():
    X, y = table()
    weight = np.random.default_rng(1).integers(0, 3, len(X))
    X.loc[weight == 0, "color"] = "unknown"
    twice = np.repeat(np.arange(len(X)), weight)
    options = {"alpha": [1e-3, 0.1, 0.0], "tol": 1e-9}
    model, other = (
        SoftmaxClassifier(**options).fit(X, y, weight),
        SoftmaxClassifier(**options).fit(X.iloc[twice], y[twice]),
    )
    assert_allclose(model.predict_proba(X), other.predict_proba(X), atol=1e-6)
    assert model.coef_.shape == (3, 6)


def test_unseen_cells_orders_files_and_what_goes_on():
    X, y = table()
    model = SoftmaxClassifier(warm_start=True).fit(X, y)
    expected = model.predict_proba(X)
    assert_array_equal(model.predict_proba(X[["tall", "color", "age"]]), expected)
    for copy in (
        pickle.loads(pickle.dumps(model)),
        skops.io.loads(skops.io.dumps(model), trusted=skdl.trusted_types()),
    ):
        assert_array_equal(copy.predict_proba(X), expected)
    row = X.iloc[[0]].assign(color="purple", tall=np.nan)
    average = model._design.average[2:5] @ model.coef_[:, 2:5].T
    mean = X["tall"].mean() * model.coef_[:, 5]
    own = by_hand(X)[0, :2] @ model.coef_[:, :2].T
    scores = own + average + mean + model.intercept_
    assert_allclose(model.predict_proba(row)[0], np.exp(scores) / np.exp(scores).sum(), rtol=1e-9)
    assert_allclose(model.fit(X, y).predict_proba(X), expected, atol=1e-4)
    assert_allclose(model.sparsify().predict_proba(X), expected, atol=1e-4)


def test_first_order_steps_searches_and_ensembles():
    X, y = table()
    options = {"optimizer": "adam", "random_state": 0, "tol": 0, "n_iter_no_change": np.inf}
    model = SoftmaxClassifier(max_iter=2, **options).fit(X, y)
    parts = SoftmaxClassifier(**options).partial_fit(X, y).partial_fit(X, y)
    assert_allclose(parts.predict_proba(X), model.predict_proba(X), rtol=1e-6)
    assert GridSearchCV(SoftmaxClassifier(), {"alpha": [1e-3, 1e-1]}, error_score="raise").fit(X, y).best_score_ > 0.7
    ensemble = BaggingClassifier(SoftmaxClassifier(), 3, random_state=0).fit(X, y)
    assert ensemble.score(X, y) > 0.7
