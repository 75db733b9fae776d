"""Neighbours in tables with categories and missing cells, against indicators that are made by hand."""

import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
import skops.io
from numpy.testing import assert_allclose, assert_array_equal
from scipy.spatial.distance import cdist
from sklearn.metrics.pairwise import nan_euclidean_distances
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.utils import get_tags

import skdl
from skdl import KNNClassifier, KNNRegressor

BOTH = [KNNClassifier, KNNRegressor]


def table(n, seed, share=0.0):
    draw = np.random.default_rng(seed)
    X = pd.DataFrame(
        {
            "age": draw.normal(size=n),
            "color": draw.choice(["red", "blue", "green"], n),
            "tall": draw.normal(size=n),
            "size": pd.Categorical(draw.choice(["S", "M", None], n)),
        }
    )
    X.loc[draw.random(n) < share, "age"] = np.nan
    return X


X, Q = table(150, 0), table(30, 1)
Y = np.random.default_rng(2).integers(0, 3, 150)


def indicators(rows, p):
    values = [rows["color"] == each for each in ("red", "blue", "green")]
    values += [rows["size"] == each for each in ("S", "M")] + [rows["size"].isna()]
    return np.column_stack(values).astype(float) * 0.5 ** (1 / p)


@pytest.mark.parametrize("cls", BOTH)
@pytest.mark.parametrize(("metric", "p"), [("euclidean", 2), ("manhattan", 1), ("minkowski", 3), ("chebyshev", np.inf)])
def test_a_category_is_its_indicators_at_a_distance_of_one(cls, metric, p):
    model = cls(7, metric=metric, p=p if metric == "minkowski" else 2, weights="distance").fit(X, Y)
    encoded = [np.hstack([rows[["age", "tall"]], indicators(rows, p)]) for rows in (Q, X)]
    distances = cdist(*encoded, "chebyshev") if p == np.inf else cdist(*encoded, "minkowski", p=p)
    found, indices = model.kneighbors(Q)
    assert_allclose(found, np.sort(distances, axis=1)[:, :7], rtol=1e-12)
    assert_allclose(np.take_along_axis(distances, indices, axis=1), found, rtol=1e-12)
    assert model.effective_metric_ == metric
    plain = cls(7, metric=metric, p=p if metric == "minkowski" else 2, weights="distance").fit(encoded[1], Y)
    assert_allclose(model.predict(Q), plain.predict(encoded[0]))


@pytest.mark.parametrize("cls", BOTH)
def test_missing_numbers_are_left_out_and_the_rest_scaled_up(cls):
    rows, queries = table(150, 3, 0.3), table(30, 4, 0.3)
    distances, _ = cls(9).fit(rows, Y).kneighbors(queries)
    # Of four columns of the table; a category of another kind adds 1, whatever is missing elsewhere.
    numbers = [each[["age", "tall"]].to_numpy() for each in (queries, rows)]
    common = 2 + (~np.isnan(numbers[0][:, None] - numbers[1])).sum(axis=2)
    squares = np.nan_to_num(numbers[0][:, None] - numbers[1]) ** 2
    differ = sum(cdist(indicators(queries, 2)[:, part], indicators(rows, 2)[:, part], "sqeuclidean") for part in PARTS)
    expected = np.sqrt((squares.sum(axis=2) + differ) * 4 / common)
    assert_allclose(distances, np.sort(expected, axis=1)[:, :9], rtol=1e-12)


PARTS = (slice(0, 3), slice(3, 6))


@pytest.mark.parametrize("cls", BOTH)
def test_missing_numbers_without_categories_are_those_of_nan_euclidean(cls):
    rows, queries = (table(n, seed, 0.3)[["age", "tall"]] for n, seed in ((150, 3), (30, 4)))
    expected = np.sort(nan_euclidean_distances(queries, rows), axis=1)[:, :9]
    for arguments in ({}, {"metric": "nan_euclidean"}):
        assert_allclose(cls(9, **arguments).fit(rows, Y).kneighbors(queries)[0], expected, atol=1e-9)
    array = cls(9, missing="encode").fit(rows.to_numpy(), Y)
    assert_array_equal(array.kneighbors(queries.to_numpy())[0], cls(9).fit(rows, Y).kneighbors(queries)[0])
    with pytest.raises(ValueError, match="NaN in column"):
        cls(9).fit(rows.to_numpy(), Y)


@pytest.mark.parametrize("cls", BOTH)
def test_missing_numbers_in_queries_alone(cls):
    rows, queries = X[["age", "tall"]], table(30, 4, 0.3)[["age", "tall"]]
    found, indices = cls(4).fit(rows, Y).kneighbors(queries)
    expected = nan_euclidean_distances(queries, rows)
    assert_allclose(found, np.sort(expected, axis=1)[:, :4], atol=1e-9)  # theirs are of products
    whole = queries.notna().all(axis=1).to_numpy()
    assert_array_equal(indices[whole], cls(4).fit(rows, Y).kneighbors(queries[whole])[1])


@pytest.mark.parametrize("cls", BOTH)
def test_a_category_that_was_not_seen_differs_from_all(cls):
    model = cls(150).fit(X, Y)
    query = Q.iloc[[0]].assign(color="purple")
    distances = np.sort(model.kneighbors(query)[0] ** 2)
    same = cls(150).fit(X.assign(color="red"), Y).kneighbors(query.assign(color="red"))[0] ** 2
    assert_allclose(distances, np.sort(same + 1), rtol=1e-12)


@pytest.mark.parametrize("cls", BOTH)
def test_all_kinds_of_tables_and_files(cls):
    model = cls().fit(X, Y)
    expected = model.predict(Q)
    frames = [
        pl.DataFrame({name: each[name].astype(object).tolist() for name in each}, strict=False) for each in (X, Q)
    ]
    assert_array_equal(cls().fit(frames[0], Y).predict(frames[1]), expected)
    assert_array_equal(model.predict(Q[["size", "tall", "color", "age"]]), expected)
    array = cls(categorical_features=[1, 3], missing="encode").fit(X.to_numpy(dtype=object), Y)
    assert_array_equal(array.predict(Q.to_numpy(dtype=object)), expected)
    assert model._rows.X.shape == (150, 4)  # codes, and no indicator
    for copy in (
        pickle.loads(pickle.dumps(model)),
        skops.io.loads(skops.io.dumps(model), trusted=skdl.trusted_types()),
    ):
        assert_array_equal(copy.predict(Q), expected)
    search = GridSearchCV(make_pipeline(cls()), {f"{cls.__name__.lower()}__n_neighbors": [1, 5]}, error_score="raise")
    assert search.fit(X, Y).best_params_


@pytest.mark.parametrize("cls", BOTH)
def test_rows_of_weight_zero_are_absent_with_their_categories(cls):
    weight = (np.arange(150) % 3 > 0).astype(float)
    rows = X.copy()
    rows.loc[weight == 0, "color"] = "unknown"
    kept = weight > 0
    model, other = cls().fit(rows, Y, weight), cls().fit(rows[kept], Y[kept])
    assert_array_equal(model.predict(Q), other.predict(Q))
    assert model._schema == other._schema


@pytest.mark.parametrize("cls", BOTH)
def test_rows_of_several_calls(cls):
    model = cls().partial_fit(X[:100], Y[:100]).partial_fit(X[100:], Y[100:])
    assert_array_equal(model.predict(Q), cls().fit(X, Y).predict(Q))


@pytest.mark.parametrize("cls", BOTH)
@pytest.mark.parametrize("metric", ["cosine", "hamming", lambda a, b: 0.0])
def test_other_metrics_refuse_what_they_do_not_take(cls, metric):
    with pytest.raises(ValueError, match=r"categories in column 'color'.*only the metrics 'euclidean'"):
        cls(metric=metric).fit(X, Y)
    holes = table(150, 3, 0.3)[["tall", "age"]]
    with pytest.raises(ValueError, match="missing numbers in column 'age'"):
        cls(metric=metric).fit(holes, Y)
    with pytest.raises(ValueError, match="NaN in column"):
        cls(metric=metric).fit(X[["tall", "age"]], Y).predict(holes)


@pytest.mark.parametrize("cls", BOTH)
def test_other_searches_refuse_tables(cls):
    with pytest.raises(ValueError, match=r"algorithm='kd_tree' works with the metrics .* without categories"):
        cls(algorithm="kd_tree").fit(X, Y)


def test_tags():
    assert get_tags(KNNClassifier()).input_tags.categorical
    assert not get_tags(KNNClassifier()).input_tags.allow_nan
    assert get_tags(KNNClassifier(missing="encode")).input_tags.allow_nan
    assert not get_tags(KNNClassifier(missing="encode", metric="cosine")).input_tags.allow_nan
    assert not get_tags(KNNClassifier(missing="error", metric="nan_euclidean")).input_tags.allow_nan
