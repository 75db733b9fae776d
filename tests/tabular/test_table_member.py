"""Members of other libraries in a committee on frames with categories and holes."""

import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.compose import make_column_transformer
from sklearn.ensemble import BaggingRegressor, HistGradientBoostingRegressor, RandomForestRegressor
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from sklearn.svm import SVC

import skdl
from skdl import LeastSquaresRegressor, TabularRegressor
from skdl.tabular._table_member import TableMember, for_tables

RNG = np.random.default_rng(0)
TOWNS = np.array(["Bonn", "Köln", "Ulm"])
N = 90
TOWN, SIZE = RNG.integers(3, size=N), RNG.normal(size=N)
HOLES = RNG.random(N) < 0.2
FRAME = pd.DataFrame({"town": TOWNS[TOWN], "size": np.where(HOLES, np.nan, SIZE), "new": RNG.random(N) < 0.5})
Y = np.array([0.0, 2.0, -3.0])[TOWN] + np.where(HOLES, 4.0, SIZE)


def test_categories_become_columns_and_holes_a_mean_and_a_flag():
    member = TableMember(LinearRegression()).fit(FRAME, Y)
    mean = FRAME["size"].mean()
    by_hand = np.column_stack([*(FRAME["town"] == town for town in TOWNS), FRAME["size"].fillna(mean),
                               FRAME["size"].isna(), FRAME["new"]]).astype(float)  # fmt: skip
    assert_allclose(member.predict(FRAME), LinearRegression().fit(by_hand, Y).predict(by_hand))
    assert_allclose(member.predict(FRAME), Y, atol=1e-9)
    unseen = FRAME.assign(town="Trier")
    assert np.isfinite(member.predict(unseen)).all()
    assert_allclose(member.predict(pl.from_pandas(FRAME)), member.predict(FRAME))
    assert_allclose(member.predict(FRAME[["new", "size", "town"]]), member.predict(FRAME))


def test_weights_reach_the_estimator_and_the_means():
    weight = RNG.integers(0, 3, size=N).astype(float)
    weighted = TableMember(Ridge()).fit(FRAME, Y, sample_weight=weight)
    twice = FRAME.iloc[np.repeat(np.arange(N), weight.astype(int))]
    copies = TableMember(Ridge()).fit(twice, np.repeat(Y, weight.astype(int)))
    assert_allclose(weighted.predict(FRAME), copies.predict(FRAME))


def test_boosting_gets_columns_of_categories_and_forests_their_holes():
    boosting = TableMember(HistGradientBoostingRegressor(max_iter=20, random_state=0)).fit(FRAME, Y)
    assert_array_equal(boosting.estimator_.is_categorical_, [True, False, False])
    same = HistGradientBoostingRegressor(max_iter=20, random_state=0)
    direct = FRAME.astype({"town": "category", "new": float})
    assert_allclose(boosting.predict(FRAME), same.fit(direct, Y).predict(direct))
    many = FRAME.assign(town=[f"town {i}" for i in RNG.permutation(N)])
    assert np.isfinite(TableMember(HistGradientBoostingRegressor(max_iter=2)).fit(many, Y).predict(FRAME)).all()
    forest = TableMember(RandomForestRegressor(2, random_state=0)).fit(FRAME, Y)
    assert forest.estimator_.n_features_in_ == 5  # no flag, no mean: the holes stay
    assert TableMember(BaggingRegressor(LinearRegression(), 2)).fit(FRAME, Y).estimator_.n_features_in_ >= 5


def test_only_who_needs_it_is_helped():
    pipeline = make_pipeline(make_column_transformer((OneHotEncoder(), ["town"])), Ridge())
    for estimator in (pipeline, BaggingRegressor(pipeline), LeastSquaresRegressor()):
        assert for_tables(estimator, FRAME) is estimator
    numbers = FRAME[["size", "new"]].fillna(0.0)
    assert isinstance(for_tables(Ridge(), FRAME), TableMember)
    for table in (numbers, numbers.to_numpy(dtype=float), pl.from_pandas(numbers)):
        estimator = Ridge()
        assert for_tables(estimator, table) is estimator
    assert not hasattr(TableMember(SVC()), "predict_proba")


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_a_committee_of_all_kinds_on_a_frame(library):
    members = [
        ("ridge", Ridge()),
        ("boosting", HistGradientBoostingRegressor(max_iter=10)),
        (
            "pipeline",
            make_pipeline(make_column_transformer((OneHotEncoder(handle_unknown="ignore"), ["town"])), Ridge()),
        ),
    ]
    X = FRAME if library == "pandas" else pl.from_pandas(FRAME)
    model = TabularRegressor(None, members=members, cv=3, random_state=0).fit(X, Y, sample_weight=None)
    assert model.score_ > 0.9
    assert model.weights_["ridge"] > 0.9
    order = pd.Series(model.feature_importances_, model.feature_names_in_).sort_values().index
    assert order[0] == "new"
    assert model.predict_interval(X).shape == (N, 2)


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_networks_learn_the_frame_as_it_is(library):
    X = FRAME if library == "pandas" else pl.from_pandas(FRAME)
    small = {"hidden_layer_sizes": (32,), "max_iter": 60, "optimizer__learning_rate": 0.02}
    portfolio = {"plain": small, "piecewise": {**small, "encoding": "piecewise"}}
    model = TabularRegressor(portfolio, members=[("ridge", Ridge())], cv=3, random_state=0, n_jobs=1).fit(X, Y)
    assert model.leaderboard_["score"].min() > 0.8
    turned = X[["new", "size", "town"]]
    assert_array_equal(model.predict(turned), model.predict(X))
    assert_array_equal(model.predict_interval(turned, 0.8), model.predict_interval(X, 0.8))
    skops = pytest.importorskip("skops.io")
    trusted = [*skdl.trusted_types(), "sklearn.linear_model._ridge.Ridge"]
    for again in (pickle.loads(pickle.dumps(model)), skops.loads(skops.dumps(model), trusted=trusted)):
        assert_array_equal(again.predict(X), model.predict(X))
        assert_array_equal(again.feature_importances_, model.feature_importances_)
    assert pd.Series(model.feature_importances_, model.feature_names_in_).idxmin() == "new"
    unseen = FRAME.assign(town="Trier", size=np.nan)
    assert np.isfinite(model.predict(unseen if library == "pandas" else pl.from_pandas(unseen))).all()
    with pytest.raises(ValueError, match="town"):
        model.predict(X[["new", "size"]])


def test_weight_zero_is_absent_from_a_frame():
    weight = (RNG.random(N) < 0.8).astype(float)
    kept = np.flatnonzero(weight)
    strange = FRAME.assign(town=np.where(weight > 0, FRAME["town"], "Trier"))
    small = {"small": {"hidden_layer_sizes": (8,), "max_iter": 5, "encoding": "robust"}}
    fits = [
        TabularRegressor(small, members=[("ridge", Ridge())], cv=3, random_state=0, refit=True).fit(
            X, y, sample_weight=w
        )
        for X, y, w in ((strange, Y, weight), (strange.iloc[kept], Y[kept], np.ones(len(kept))))
    ]
    assert_allclose(fits[0].predict(FRAME), fits[1].predict(FRAME), rtol=1e-6)
    assert_allclose(fits[0].oof_predictions_[kept], fits[1].oof_predictions_, rtol=1e-6)
