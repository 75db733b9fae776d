"""Linear models of tables with categories and missing cells, against scikit-learn's encoders before its own models."""

import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
import skops.io
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, PolynomialFeatures, StandardScaler
from sklearn.utils import get_tags

import skdl
from skdl import LeastSquaresRegressor, PolynomialRegressor

BOTH = [LeastSquaresRegressor, PolynomialRegressor]
NUMBERS, CATEGORIES = ["age", "tall"], ["color", "size"]


def table(n=120, seed=0):
    draw = np.random.default_rng(seed)
    X = pd.DataFrame(
        {
            "color": draw.choice(["red", "blue", "green"], n),
            "age": draw.normal(40, 10, n),
            "size": pd.Categorical(draw.choice(["S", "M", None], n), categories=["S", "M", "L"]),
            "tall": draw.normal(size=n),
        }
    )
    X.loc[draw.random(n) < 0.2, "age"] = np.nan
    y = 0.1 * X["age"].fillna(50) + 2.0 * (X["color"] == "red") + X["tall"] + draw.normal(0, 0.2, n)
    return X, y.to_numpy()


def theirs(model, drop=None):
    encode = make_column_transformer(
        (SimpleImputer(add_indicator=True), ["age"]),
        ("passthrough", ["tall"]),
        (OneHotEncoder(drop=drop), CATEGORIES),
    )
    return make_pipeline(encode, model)


NAMES = ["color_green", "color_red", "age", "age_missing", "size_S", "size_missing", "tall"]


def by_hand(X):
    """The design of the table, column by column."""
    age, missing = X["age"].to_numpy(float), X["age"].isna().to_numpy()
    columns = [X["color"] == "green", X["color"] == "red", np.where(missing, np.nanmean(age), age), missing]
    return np.column_stack([*columns, X["size"] == "S", X["size"].isna(), X["tall"]]).astype(float)


def test_least_squares_is_that_on_dummy_variables():
    X, y = table()
    model, other = LeastSquaresRegressor().fit(X, y), theirs(LinearRegression(), drop="first").fit(X, y)
    assert_array_equal(model.get_encoded_feature_names_out(), NAMES)
    assert_allclose(model.predict(X), other.predict(X), rtol=1e-10)
    expected = LeastSquaresRegressor().fit(by_hand(X), y)
    assert_allclose(model.coef_, expected.coef_, rtol=1e-9)
    assert model.coef_.shape == (7,)
    assert (model.n_features_in_, model.rank_) == (4, 7)
    assert_array_equal(model.feature_names_in_, X.columns)


def test_standard_errors_are_those_of_the_normal_equations():
    X, y = table()
    design = np.column_stack([np.ones(len(X)), by_hand(X)])
    gram = np.linalg.inv(design.T @ design)
    coef = gram @ design.T @ y
    df = len(y) - design.shape[1]
    errors = np.sqrt(((y - design @ coef) ** 2).sum() / df * np.diagonal(gram))
    summary = LeastSquaresRegressor().fit(X, y).summary()
    assert list(summary.index) == ["intercept", *NAMES]
    assert_allclose(summary["coefficient"], coef, rtol=1e-8)
    assert_allclose(summary["standard_error"], errors, rtol=1e-8)
    assert_allclose(summary["p_value"], 2 * stats.t.sf(np.abs(coef / errors), df), rtol=1e-6, atol=1e-300)


def test_with_a_penalty_every_category_has_a_coefficient():
    X, y = table()
    model = LeastSquaresRegressor(alpha=0.1).fit(X, y)
    assert_allclose(model.predict(X), theirs(Ridge(0.1 * len(X) / 2)).fit(X, y).predict(X), rtol=1e-10)
    assert list(model.get_encoded_feature_names_out()[:3]) == ["color_blue", "color_green", "color_red"]
    # No category is privileged: other names change nothing but the order.
    other = X.assign(color=X["color"].map({"red": "a", "blue": "b", "green": "c"}))
    assert_allclose(LeastSquaresRegressor(alpha=0.1).fit(other, y).predict(other), model.predict(X), rtol=1e-10)


def test_alpha_is_one_for_each_column_of_the_table():
    X, y = table()
    model = LeastSquaresRegressor(alpha=[0.5, 0.0, 0.0, 2.0]).fit(X, y)
    assert_array_equal(model.get_encoded_feature_names_out(), ["color_blue", *NAMES])
    blue = (X["color"] == "blue").to_numpy(float)
    expected = LeastSquaresRegressor(alpha=[0.5, 0.5, 0.5, 0.0, 0.0, 0.0, 0.0, 2.0])
    expected.fit(np.column_stack([blue, by_hand(X)]), y)
    assert_allclose(model.coef_, expected.coef_, rtol=1e-9, atol=1e-12)


def test_without_intercept_the_first_categories_have_a_level_each():
    X, y = table()
    model = LeastSquaresRegressor(fit_intercept=False).fit(X, y)
    assert_array_equal(model.get_encoded_feature_names_out(), ["color_blue", *NAMES])
    assert_allclose(model.predict(X), LeastSquaresRegressor().fit(X, y).predict(X), rtol=1e-9)


@pytest.mark.parametrize("solver", ["cholesky", "qr", "svd", "lbfgs"])
def test_solvers_agree(solver):
    X, y = table()
    expected = LeastSquaresRegressor().fit(X, y).predict(X)
    options = {"max_iter": 2000} if solver == "lbfgs" else {}
    assert_allclose(LeastSquaresRegressor(solver=solver, **options).fit(X, y).predict(X), expected, rtol=1e-5)


@pytest.mark.parametrize("alpha", [0.0, 1e-3])
def test_a_polynomial_is_that_on_dummy_variables(alpha):
    X, y = table(300)
    model = PolynomialRegressor(alpha=alpha).fit(X, y)
    names = model.get_feature_names_out().tolist()
    assert {"age^2", "age tall", "color_red age", "color_red size_S", "age_missing tall"} <= set(names)
    assert not {"color_red^2", "color_green color_red", "age age_missing", "age_missing^2"} & set(names)
    encode = make_column_transformer(
        (SimpleImputer(add_indicator=True), ["age"]),
        ("passthrough", ["tall"]),
        (OneHotEncoder(drop=None if alpha else "first", sparse_output=False), CATEGORIES),
    )
    encoded = encode.fit_transform(X)
    features = PolynomialFeatures(2, include_bias=False).fit(encoded)
    products = features.transform(encoded)
    if alpha:
        linked = [(0, 1), *((i, j) for group in (range(3, 6), range(6, 9)) for i in group for j in group if i < j)]
        kept = [not any(p[i] and p[j] for i, j in linked) and max(p[[1, *range(3, 9)]]) < 2 for p in features.powers_]
        assert sum(kept) == len(names)
        expected = Ridge(alpha * len(X) / 2, solver="svd").fit(products[:, kept], y).predict(products[:, kept])
    else:
        expected = LinearRegression().fit(products, y).predict(products)  # squares of indicators change nothing
    assert_allclose(model.predict(X), expected, rtol=1e-7)
    assert model.powers_.shape == (len(names), len(model.get_encoded_feature_names_out()))


def test_the_polynomial_is_that_of_its_coefficients():
    X, y = table()
    model = PolynomialRegressor(3).fit(X, y)
    expected = model.predict(X)
    model.intercept_ = model.intercept_ + 1.0
    assert_allclose(model.predict(X), expected + 1.0, rtol=1e-7)


def test_a_degree_for_each_column_of_the_table():
    X, y = table()
    model = PolynomialRegressor({"age": 3, "color": 1, "size": 0, "tall": 1}).fit(X, y)
    names = model.get_feature_names_out().tolist()
    assert "age^3" in names
    assert "color_red age^2" in names
    assert not any("size" in name or "tall^2" in name for name in names)
    assert PolynomialRegressor(2, interaction_only=True).fit(X, y).powers_.max() == 1


@pytest.mark.parametrize("cls", BOTH)
def test_what_was_not_seen_counts_as_average(cls):
    X, y = table()
    X["kind"] = np.where(np.arange(len(X)) % 4, "a", "b")  # without a missing cell
    model = cls().fit(X, y)
    # In least squares without products, so the prediction is the mean of those with each category, by its share.
    row = X.iloc[[0]]
    if cls is LeastSquaresRegressor:
        each = [model.predict(row.assign(kind=kind))[0] for kind in ("a", "b")]
        expected = np.average(each, weights=[0.75, 0.25])
        for unseen in ("c", None):
            assert_allclose(model.predict(row.assign(kind=unseen)), expected, rtol=1e-12)
        tall = model.predict(row.assign(tall=X["tall"].mean()))
        assert_allclose(model.predict(row.assign(tall=np.nan)), tall, rtol=1e-12)
    else:
        assert np.isfinite(model.predict(row.assign(kind="c", tall=np.nan))).all()
    renamed = X.assign(kind=np.where(X["kind"] == "a", "z", "b"))  # the other one is the reference
    other = cls().fit(renamed, y)
    assert_allclose(other.predict(row.assign(kind="c")), model.predict(row.assign(kind="c")), rtol=1e-8)


@pytest.mark.parametrize("cls", BOTH)
def test_missing_numbers_in_rows_of_a_plain_table(cls):
    X, y = table()
    plain = X[["tall"]].assign(other=np.arange(len(X)) % 7.0)
    model = cls().fit(plain, y)
    row = plain.iloc[[3]]
    expected = model.predict(row.assign(tall=plain["tall"].mean()))
    assert_allclose(model.predict(row.assign(tall=np.nan)), expected, rtol=1e-12)
    assert_array_equal(model.coef_, cls().fit(plain.to_numpy(), y).coef_)


@pytest.mark.parametrize("cls", BOTH)
@pytest.mark.parametrize("alpha", [0.0, 0.01])
def test_weights_are_repetitions_and_rows_of_weight_zero_are_absent(cls, alpha):
    X, y = table(60)
    weight = np.random.default_rng(1).integers(0, 3, len(X))
    X.loc[weight == 0, "color"] = "unknown"  # a category that no row of positive weight has
    twice = np.repeat(np.arange(len(X)), weight)
    weighted, repeated = cls(alpha=alpha).fit(X, y, weight), cls(alpha=alpha).fit(X.iloc[twice], y[twice])
    assert_array_equal(weighted.get_encoded_feature_names_out(), repeated.get_encoded_feature_names_out())
    assert_allclose(weighted.predict(X), repeated.predict(X), rtol=1e-8)


@pytest.mark.parametrize("cls", BOTH)
def test_polars_arrays_and_files_give_the_same(cls):
    X, y = table()
    model = cls().fit(X, y)
    frame = pl.DataFrame({name: X[name].astype(object).where(X[name].notna(), None).tolist() for name in X})
    assert_allclose(cls().fit(frame, y).predict(frame), model.predict(X), rtol=1e-12)
    array = cls(categorical_features=[0, 2], missing="encode").fit(X.to_numpy(dtype=object), y)
    assert_allclose(array.predict(X.to_numpy(dtype=object)), model.predict(X), rtol=1e-12)
    assert array.get_encoded_feature_names_out()[0] == "x0_green"
    for copy in (
        pickle.loads(pickle.dumps(model)),
        skops.io.loads(skops.io.dumps(model), trusted=skdl.trusted_types()),
    ):
        assert_array_equal(copy.predict(X), model.predict(X))
    assert_array_equal(model.predict(X[X.columns[::-1]]), model.predict(X))


@pytest.mark.parametrize("cls", BOTH)
def test_in_pipelines_and_searches(cls):
    X, y = table()
    numbers = make_column_transformer(
        (StandardScaler(), NUMBERS), remainder="passthrough", verbose_feature_names_out=False
    ).set_output(transform="pandas")
    pipeline = make_pipeline(numbers, cls())
    search = GridSearchCV(pipeline, {f"{cls.__name__.lower()}__alpha": [0.0, 0.01]}, error_score="raise").fit(X, y)
    assert search.best_score_ > 0.9


@pytest.mark.parametrize("cls", BOTH)
def test_mistakes_are_named(cls):
    X, y = table()
    with pytest.raises(ValueError, match="NaN in column 'age'"):
        cls(missing="error").fit(X, y)
    with pytest.raises(ValueError, match="'missing' parameter"):
        cls(missing="drop").fit(X, y)
    with pytest.raises(ValueError, match="X lacks column 'age', which the fit had"):
        cls().fit(X, y).predict(X.drop(columns="age"))
    assert get_tags(cls()).input_tags.categorical
    assert not get_tags(cls()).input_tags.allow_nan
    assert get_tags(cls(missing="encode")).input_tags.allow_nan


def test_rows_of_several_calls_are_one_fit():
    X, y = table()
    whole = LeastSquaresRegressor().fit(X, y)
    parts = LeastSquaresRegressor().partial_fit(X[:80], y[:80])
    average = parts._design.average.copy()
    parts.partial_fit(X[80:], y[80:])
    assert_array_equal(parts._design.average, average)  # by which the rows of both calls are read
    assert_allclose(parts.predict(X[X["age"].notna()]), whole.predict(X[X["age"].notna()]), rtol=1e-8)


def test_the_matrix_of_a_table_is_sparse():
    X, y = table(2000)
    X["town"] = np.random.default_rng(2).integers(0, 49, len(X)).astype(str)
    model = LeastSquaresRegressor().fit(X, y)
    matrix = model._rows_of(X)
    assert matrix.shape == (2000, 7 + 48)
    assert matrix.nnz <= 5 * 2000 + X["age"].isna().sum()
    several = LeastSquaresRegressor().fit(X.assign(town=np.arange(2000) % 200), y)
    assert several.coef_.shape == (8,)  # a column of numbers
    many = LeastSquaresRegressor().fit(X.assign(town=(np.arange(2000) % 200).astype(str)), y)
    assert many.get_encoded_feature_names_out()[-1] == "town_infrequent"
    assert many.coef_.shape == (7 + 49,)
