"""Frames, names, searches and mistakes of polynomial regression."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
import sklearn
from numpy.testing import assert_array_equal
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdl.linear.polynomial.estimator import PolynomialRegressor

X4, Y4 = np.arange(8.0).reshape(4, 2), np.arange(4.0)


@pytest.fixture
def rng():
    return np.random.default_rng(11)


def test_frames_and_names(rng):
    X, y = rng.normal(size=(20, 2)), rng.normal(size=20)
    for frame in (pd.DataFrame(X, columns=["age", "height"]), pl.DataFrame(X, schema=["age", "height"])):
        model = PolynomialRegressor().fit(frame, y)
        names = ["age", "height", "age^2", "age height", "height^2"]
        assert_array_equal(model.get_feature_names_out(), names)
        assert_array_equal(model.get_feature_names_out(["age", "height"]), names)
        assert_array_equal(model.predict(frame), PolynomialRegressor().fit(X, y).predict(X))
        with pytest.raises(ValueError, match="not equal to feature_names_in_"):
            model.get_feature_names_out(["a", "b"])
    model = PolynomialRegressor(1).fit(X, y)
    assert_array_equal(model.get_feature_names_out(["a", "b"]), ["a", "b"])
    with pytest.raises(ValueError, match="should have length 2"):
        model.get_feature_names_out(["a"])


def test_search_over_the_degree(rng):
    X = rng.uniform(-1, 1, size=(200, 2))
    y = X[:, 0] ** 3 - X[:, 0] * X[:, 1] ** 2 + rng.normal(size=200) / 100
    pipeline = make_pipeline(StandardScaler(), PolynomialRegressor())
    search = GridSearchCV(pipeline, {"polynomialregressor__degree": [1, 2, 3, 8]}).fit(X, y)
    assert search.best_params_ == {"polynomialregressor__degree": 3}


def test_too_many_terms_is_said_before_any_work(monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError("work was begun")

    monkeypatch.setattr("skdl.linear.polynomial.fitted.list_blocks", refuse)
    monkeypatch.setattr("skdl.linear.polynomial.estimator.fit_polynomial", refuse)
    X, y = np.zeros((3, 1000)), np.zeros(3)
    with pytest.raises(ValueError, match=r"501500 terms; the limit is 20000.*smaller degree.*interaction_only=True"):
        PolynomialRegressor(2).fit(X, y)
    with pytest.raises(ValueError, match=r"gives 500500 terms.*Use a smaller degree, or fewer"):
        PolynomialRegressor(2, interaction_only=True).fit(X, y)
    with pytest.raises(ValueError, match="terms; the limit is 20000"):
        PolynomialRegressor(10**6).fit(X, y)


@pytest.mark.parametrize(
    ("parameters", "X", "y", "message"),
    [
        ({"degree": 0}, X4, Y4, r"'degree' parameter of PolynomialRegressor must be an int in the range \[1"),
        ({"degree": 2.0}, X4, Y4, "'degree'"),
        ({"degree": True}, X4, Y4, "'degree'"),
        ({"alpha": -1e-9}, X4, Y4, r"'alpha'.*range \[0"),
        ({"interaction_only": 1}, X4, Y4, "'interaction_only'.*a bool"),
        ({"fit_intercept": None}, X4, Y4, "'fit_intercept'.*a bool"),
        ({}, np.where(X4 == 3, np.nan, X4), Y4, "X contains NaN"),
        ({}, X4, np.where(Y4 == 3, np.inf, Y4), "y contains infinity"),
        ({}, X4, list("abcd"), "y must hold real numbers"),
        ({}, X4[:0], Y4[:0], "0 sample"),
        ({}, X4, Y4[:2], "inconsistent numbers of samples"),
    ],
)
def test_bad_input(parameters, X, y, message):
    estimator = PolynomialRegressor(**parameters)
    with pytest.raises(ValueError, match=message):
        estimator.fit(X, y)
    assert not hasattr(estimator, "coef_")
    assert not hasattr(estimator, "powers_")


def test_zero_weight_and_not_fitted():
    with pytest.raises(ValueError, match="sample_weight must have a positive sum"):
        PolynomialRegressor().fit(X4, Y4, np.zeros(4))
    for call in (lambda: PolynomialRegressor().predict(X4), PolynomialRegressor().get_feature_names_out):
        with pytest.raises(NotFittedError):
            call()


def test_tags():
    tags = sklearn.utils.get_tags(PolynomialRegressor())
    assert not tags.input_tags.sparse
    assert tags.target_tags.multi_output
