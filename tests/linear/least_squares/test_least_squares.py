import pickle
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
import sklearn
from exact import designs, exact_least_squares
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.model_selection import cross_val_score
from sklearn.utils.estimator_checks import parametrize_with_checks

from skdl.linear.least_squares.estimator import LeastSquaresRegressor


@parametrize_with_checks(
    [
        LeastSquaresRegressor(),
        LeastSquaresRegressor(alpha=0.1),
        LeastSquaresRegressor(fit_intercept=False),
        LeastSquaresRegressor(alpha=0.1, fit_intercept=False),
    ]
)
def test_scikit_learn_checks(estimator, check):
    check(estimator)


@pytest.fixture
def rng():
    return np.random.default_rng(7)


# ------------------------------------------------------------------------------------------------ accuracy


@pytest.mark.parametrize("alpha", [0.0, 1e-12, 0.3, 1e6])
@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", designs())
def test_rational_arithmetic(name, alpha, fit_intercept, weighted, rng):
    X = designs()[name]
    y = rng.normal(size=len(X)) + 5
    weight = rng.integers(1, 5, len(X)) / 4 if weighted else None
    coef, intercept, rank = exact_least_squares(X, y, alpha, weight, fit_intercept)
    model = LeastSquaresRegressor(alpha, fit_intercept=fit_intercept).fit(X, y, weight)
    assert model.rank_ == rank
    # Far from the origin and without an intercept, the columns are parallel to one part in a million.
    loss = 1e4 if name == "offset 1e6" and not fit_intercept else 1
    assert_allclose(model.coef_, coef, rtol=0, atol=loss * 2e-13 * max(np.abs(coef).max(), 1e-300))
    terms = np.abs(X) @ np.abs(coef) + np.abs(intercept)  # a prediction has rounding errors in units of its terms
    assert np.all(np.abs(model.predict(X) - (X @ coef + intercept)) <= loss * 1e-14 * terms.max())
    assert_allclose(model.intercept_, intercept, rtol=1e-11, atol=1e-12)


def test_small_column_is_not_lost(rng):
    # scikit-learn's LinearRegression drops b with its default tol=1e-6; with tol=0 it is the reference.
    X = rng.normal(size=(200, 2)) * [1e7, 1.0]
    y = 1e-7 * X[:, 0] + X[:, 1]
    model = LeastSquaresRegressor().fit(X, y)
    assert_allclose(model.coef_, [1e-7, 1.0], rtol=1e-13)
    assert_allclose(model.coef_, LinearRegression(tol=0).fit(X, y).coef_, rtol=1e-12)
    assert model.rank_ == 2


@pytest.mark.parametrize("shape", [(200, 7), (20, 40)])
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_against_scikit_learn(shape, fit_intercept, rng):
    X, Y = rng.normal(size=shape) + 1.0, rng.normal(size=(shape[0], 3)) + 2.0
    weight = rng.uniform(0.5, 2.0, shape[0])
    plain = LeastSquaresRegressor(fit_intercept=fit_intercept).fit(X, Y, weight)
    expected = LinearRegression(fit_intercept=fit_intercept, tol=1e-12).fit(X, Y, weight)
    assert_allclose(plain.coef_, expected.coef_, rtol=1e-10, atol=1e-12)
    assert_allclose(plain.predict(X), expected.predict(X), rtol=1e-10)
    for a in (1e-6, 0.7, 30.0):  # the conversion that the docstring gives
        ridge = Ridge(a, fit_intercept=fit_intercept, solver="svd").fit(X, Y, weight)
        ours = LeastSquaresRegressor(2 * a / weight.sum(), fit_intercept=fit_intercept).fit(X, Y, weight)
        assert_allclose(ours.coef_, ridge.coef_, rtol=1e-10, atol=1e-12)
        assert_allclose(ours.intercept_, ridge.intercept_, rtol=1e-10, atol=1e-12)


def test_penalty_in_closed_form():
    # mean (y - w x)^2 + alpha / 2 w^2 with x = (-1, 1), y = (-3, 3): the derivative is 2 (w - 3) + alpha w.
    for alpha in (0.0, 0.5, 4.0):
        model = LeastSquaresRegressor(alpha).fit([[-1.0], [1.0]], [-3.0, 3.0])
        assert_allclose(model.coef_, [6 / (2 + alpha)], rtol=1e-15)


def test_intercept_is_not_penalised(rng):
    X, y = rng.normal(size=(30, 3)), rng.normal(size=30) + 100
    model = LeastSquaresRegressor(alpha=1e12).fit(X, y)
    assert_allclose(model.coef_, 0, atol=1e-9)
    assert_allclose(model.intercept_, y.mean(), rtol=1e-11)


@pytest.mark.parametrize(
    ("offset", "dtype"),
    [(0, np.float64), (1e3, np.float64), (1e6, np.float64), (1e9, np.float64), (0, np.float32), (1e3, np.float32)],
)
def test_rank_of_dependent_columns(offset, dtype, rng):
    X = (rng.normal(size=(3000, 8)) + offset).astype(dtype)
    X[:, 3] = X[:, 1] + X[:, 2]
    X[:, 5] = dtype(0.3) * X[:, 1] - dtype(0.7) * X[:, 4]
    X[:, 7] = 0.1
    assert LeastSquaresRegressor().fit(X, X[:, 0]).rank_ == 5


def test_blocks_of_rows_change_nothing(monkeypatch, rng):
    X, y, weight = rng.normal(size=(1111, 5)) + 3, rng.normal(size=1111), rng.uniform(size=1111)
    one = LeastSquaresRegressor().fit(X, y, weight)
    monkeypatch.setattr("skdl.linear.solvers.reduction.BLOCK_ELEMENTS", 1)
    many = LeastSquaresRegressor().fit(X, y, weight)
    assert_allclose(many.coef_, one.coef_, rtol=1e-13)
    assert_allclose(many.intercept_, one.intercept_, rtol=1e-13)


@pytest.mark.parametrize("size", [1e-200, 1e200])
def test_extreme_units_neither_overflow_nor_vanish(size):
    model = LeastSquaresRegressor().fit(np.array([[1.0], [2.0], [4.0]]) * size, np.array([3.0, 5.0, 9.0]))
    assert_allclose(model.coef_ * size, [2.0], rtol=1e-14)
    model = LeastSquaresRegressor().fit([[1.0], [2.0], [4.0]], np.array([3.0, 5.0, 9.0]) * size)
    assert_allclose(model.coef_ / size, [2.0], rtol=1e-14)


# ------------------------------------------------------------------------------------------------ weights


@pytest.mark.parametrize("alpha", [0.0, 0.2])
@pytest.mark.parametrize("convert", [np.asarray, sparse.csr_array])
@pytest.mark.parametrize("n_features", [4, 40])
def test_weights_are_repetitions(alpha, convert, n_features, rng):
    X, y, count = rng.normal(size=(30, n_features)), rng.normal(size=30), rng.integers(0, 4, 30)
    weighted = LeastSquaresRegressor(alpha).fit(convert(X), y, count)
    repeated = LeastSquaresRegressor(alpha).fit(convert(np.repeat(X, count, axis=0)), np.repeat(y, count))
    assert_allclose(weighted.coef_, repeated.coef_, rtol=0, atol=1e-10 * np.abs(repeated.coef_).max())
    assert_allclose(weighted.intercept_, repeated.intercept_, rtol=1e-10)
    assert weighted.rank_ == repeated.rank_


def test_weights_have_no_unit(rng):
    X, y, weight = rng.normal(size=(30, 4)), rng.normal(size=30), rng.uniform(size=30)
    expected = LeastSquaresRegressor(0.3).fit(X, y, weight).coef_
    for unit in (1e-300, 1e300):
        assert_allclose(LeastSquaresRegressor(0.3).fit(X, y, weight * unit).coef_, expected, rtol=1e-13)
    assert_array_equal(LeastSquaresRegressor(0.3).fit(X, y, 3.0).coef_, LeastSquaresRegressor(0.3).fit(X, y).coef_)


def test_rows_of_weight_zero_are_absent(rng):
    X, y = rng.normal(size=(30, 4)), rng.normal(size=30)
    expected = LeastSquaresRegressor().fit(X[:20], y[:20], np.ones(20))
    X[20:], y[20:] = 1e150, -1e150
    assert_array_equal(LeastSquaresRegressor().fit(X, y, np.repeat([1.0, 0.0], [20, 10])).coef_, expected.coef_)


# ------------------------------------------------------------------------------------------------ sparse X


# ------------------------------------------------------------------------------------------------ types and shapes


def test_float32_stays_and_is_solved_in_float64(rng):
    X = (rng.normal(size=(500, 3)) @ np.diag([1.0, 1e-2, 1e-3]) + 1.0).astype(np.float32)
    y = rng.normal(size=500).astype(np.float32)
    model = LeastSquaresRegressor().fit(X, y)
    assert model.coef_.dtype == model.intercept_.dtype == model.predict(X).dtype == np.float32
    expected = LinearRegression(tol=0).fit(X.astype(float), y.astype(float))
    assert_allclose(model.coef_, expected.coef_, rtol=2e-7)  # that is half an ulp of float32 and a little
    assert_allclose(model.predict(X).mean(dtype=float), y.mean(dtype=float), atol=1e-4)
    assert model.predict(X.astype(np.float64)).dtype == np.float64
    assert LeastSquaresRegressor().fit(X.astype(int), y).coef_.dtype == np.float64


def test_shapes_follow_y(rng):
    X, Y = rng.normal(size=(20, 3)), rng.normal(size=(20, 2))
    for y, coef, intercept in ((Y[:, 0], (3,), ()), (Y[:, :1], (1, 3), (1,)), (Y, (2, 3), (2,))):
        for fit_intercept in (True, False):
            for convert in (np.asarray, sparse.csr_matrix):
                model = LeastSquaresRegressor(fit_intercept=fit_intercept).fit(convert(X), y)
                assert model.coef_.shape == coef
                assert np.shape(model.intercept_) == intercept
                assert model.predict(convert(X)).shape == y.shape
                assert np.all(model.intercept_ == 0) != fit_intercept
    both = LeastSquaresRegressor(0.1).fit(X, Y)
    for output in (0, 1):
        assert_allclose(both.coef_[output], LeastSquaresRegressor(0.1).fit(X, Y[:, output]).coef_, rtol=1e-12)


def test_frames(rng):
    X, y = rng.normal(size=(20, 2)), rng.normal(size=20)
    expected = LeastSquaresRegressor().fit(X, y)
    for frame in (pd.DataFrame(X, columns=["a", "b"]), pl.DataFrame(X, schema=["a", "b"])):
        model = LeastSquaresRegressor().fit(frame, type(frame["a"])(y))
        assert_array_equal(model.coef_, expected.coef_)
        assert_array_equal(model.feature_names_in_, ["a", "b"])
        assert_array_equal(model.predict(frame), expected.predict(X))
        with pytest.raises(ValueError, match="feature names should match"):
            model.predict(frame[["b", "a"]])


def test_fit_and_predict_change_no_argument(rng):
    X, y, weight = rng.normal(size=(20, 3)), rng.normal(size=20), rng.uniform(size=20)
    copies = X.copy(), y.copy(), weight.copy()
    for array in (X, y, weight):
        array.setflags(write=False)
    model = LeastSquaresRegressor().fit(X, y, weight)
    state = pickle.dumps(model)
    model.predict(X)
    assert pickle.dumps(model) == state
    for array, copy in zip((X, y, weight), copies, strict=True):
        assert_array_equal(array, copy)
    assert_array_equal(pickle.loads(state).predict(X), model.predict(X))


def test_tags_and_scoring(rng):
    tags = sklearn.utils.get_tags(LeastSquaresRegressor())
    assert tags.input_tags.sparse
    assert tags.target_tags.multi_output
    X = rng.normal(size=(60, 3))
    assert cross_val_score(LeastSquaresRegressor(), X, X @ [1.0, 2.0, 3.0]).min() > 1 - 1e-12


# ------------------------------------------------------------------------------------------------ errors

X4, Y4 = np.arange(8.0).reshape(4, 2), np.arange(4.0)


@pytest.mark.parametrize(
    ("parameters", "X", "y", "weight", "message"),
    [
        ({"alpha": -1.0}, X4, Y4, None, r"'alpha' parameter of LeastSquaresRegressor must be a float in the range \[0"),
        ({"alpha": np.nan}, X4, Y4, None, "'alpha'"),
        ({"alpha": "auto"}, X4, Y4, None, "'alpha'.*'auto'"),
        ({"fit_intercept": "no"}, X4, Y4, None, "'fit_intercept'.*a bool"),
        ({}, np.where(X4 == 3, np.nan, X4), Y4, None, "X contains NaN"),
        ({}, np.where(X4 == 3, np.inf, X4), Y4, None, "X contains infinity"),
        ({}, X4, np.where(Y4 == 3, np.nan, Y4), None, "y contains NaN"),
        ({}, X4, np.array(["a", "b", "c", "d"]), None, "y must hold real numbers"),
        ({}, X4, np.array(["1", "2", "3", "4"]), None, "y must hold real numbers"),
        ({}, X4, np.array(["1", 2, 3, 4], dtype=object), None, "y must hold real numbers"),
        ({}, X4, sparse.csr_array(Y4[:, None]), None, "y must be dense"),
        ({}, X4.astype(np.float32), Y4 * 1e200, None, "y must be finite in X's precision, float32"),
        ({}, X4[:0], Y4[:0], None, "0 sample"),
        ({}, X4[:, :0], Y4, None, "0 feature"),
        ({}, X4[0], Y4, None, "Expected 2D array"),
        ({}, X4, Y4[:3], None, "inconsistent numbers of samples"),
        ({}, X4, Y4, np.zeros(4), "sample_weight must have a positive sum"),
        ({}, X4, Y4, -np.ones(4), r"sample_weight must hold values in the range \[0, inf\)"),
        ({}, X4, Y4, np.inf, r"sample_weight must hold values in the range \[0, inf\)"),
        ({}, X4, Y4, np.ones(3), "inconsistent numbers of samples"),
        ({}, X4, Y4, np.ones((4, 1)), "sample_weight must be 1D"),
    ],
)
def test_bad_input(parameters, X, y, weight, message):
    estimator = LeastSquaresRegressor(**parameters)
    with pytest.raises(ValueError, match=message):
        estimator.fit(X, y, weight)
    assert not hasattr(estimator, "coef_")


def test_not_fitted_and_wrong_width():
    with pytest.raises(NotFittedError):
        LeastSquaresRegressor().predict(X4)
    with pytest.raises(ValueError, match="X has 1 features, but LeastSquaresRegressor is expecting 2"):
        LeastSquaresRegressor().fit(X4, Y4).predict(X4[:, :1])


def test_nothing_warns_on_singular_data():
    with warnings.catch_warnings(), np.errstate(all="raise", under="ignore"):
        warnings.simplefilter("error")
        for X in designs().values():
            for alpha in (0.0, 1.0):
                assert np.isfinite(LeastSquaresRegressor(alpha).fit(X, np.arange(len(X), dtype=float)).coef_).all()
