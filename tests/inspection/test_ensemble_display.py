"""The error of averages of members against brute force over all their subsets, and what is drawn of it."""

from itertools import combinations

import matplotlib.pyplot as plt
import numpy as np
import pytest
from sklearn.datasets import load_diabetes, load_iris
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import Ridge
from sklearn.metrics import brier_score_loss, mean_squared_error
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from skdl import BaggingClassifier, BaggingRegressor, EnsembleRegressor
from skdl.inspection import EnsembleDisplay

X, y = load_diabetes(return_X_y=True)


@pytest.fixture(scope="module")
def trees():
    return BaggingRegressor(DecisionTreeRegressor(max_depth=4), n_estimators=4, random_state=0).fit(X[:300], y[:300])


def test_the_formula_is_the_mean_over_all_subsets_of_k_members(trees):
    rows, target = X[300:], y[300:]
    display = EnsembleDisplay.from_estimator(trees, rows, target)
    outputs = np.array([member.predict(rows) for member in trees.estimators_])
    errors = display.errors.set_index("k")
    assert np.allclose(display.member_errors, [mean_squared_error(target, each) for each in outputs])
    for k in range(1, 5):
        subsets = [mean_squared_error(target, outputs[list(each)].mean(axis=0)) for each in combinations(range(4), k)]
        assert np.isclose(errors.loc[k, "expected"], np.mean(subsets))
        assert np.isclose(errors.loc[k, "first"], mean_squared_error(target, outputs[:k].mean(axis=0)))
    assert np.allclose(errors["own_term"] + errors["common_term"], errors["expected"])
    assert np.isclose(errors.loc[4, "expected"], mean_squared_error(target, trees.predict(rows)))
    same = EnsembleDisplay.from_predictions(outputs, target)
    assert np.allclose(same.products, display.products)


def test_of_class_probabilities_it_is_the_brier_score():
    rows, labels = load_iris(return_X_y=True)
    train, test = np.arange(150) % 2 == 0, np.arange(150) % 2 == 1
    member = make_pipeline(StandardScaler(), BaggingClassifier(DecisionTreeClassifier(max_depth=2), random_state=0))
    member.fit(rows[train], labels[train])
    display = EnsembleDisplay.from_estimator(member, rows[test], labels[test])
    score = brier_score_loss(labels[test], member.predict_proba(rows[test]), scale_by_half=False)
    assert np.isclose(display.errors["first"].iloc[-1], score)
    assert display.error_name == "Brier score"
    bagging, scaled = member[-1], member[0].transform(rows[test])
    given = np.array([each.predict_proba(scaled) for each in bagging.estimators_])
    assert np.allclose(EnsembleDisplay.from_predictions(given, labels[test]).products, display.products)


def test_weights_of_rows_count(trees):
    rows, target = X[300:], y[300:]
    weight = np.ones(len(target))
    weight[:20] = 2
    twice = EnsembleDisplay.from_estimator(trees, np.r_[rows, rows[:20]], np.r_[target, target[:20]])
    assert np.allclose(EnsembleDisplay.from_estimator(trees, rows, target, weight).products, twice.products)
    outputs = np.array([member.predict(rows) for member in trees.estimators_])
    assert np.allclose(EnsembleDisplay.from_predictions(outputs, target, weight).products, twice.products)


def test_what_is_drawn(trees):
    display = EnsembleDisplay.from_estimator(trees, X[300:], y[300:])
    drawn = {line.get_label(): line for line in display.ax_.lines}
    assert np.array_equal(drawn["each member alone"].get_ydata(), display.member_errors)
    assert np.array_equal(drawn["average of the first k"].get_ydata(), display.errors["first"])
    off = display.products[~np.eye(4, dtype=bool)].mean()
    assert np.allclose(drawn["$E[e_i e_j]$"].get_ydata(), off)
    assert (display.ax_.get_xlabel(), display.ax_.get_ylabel()) == ("members", "mean squared error")
    assert "the ensemble, weighted" not in drawn
    weighted = EnsembleRegressor([("flat", Ridge(1e6)), ("ridge", Ridge())], weights=[1, 9]).fit(X[:300], y[:300])
    _, ax = plt.subplots()
    display = EnsembleDisplay.from_estimator(weighted, X[300:], y[300:], ax=ax)
    drawn = {line.get_label(): line for line in ax.lines}
    error = mean_squared_error(y[300:], weighted.predict(X[300:]))
    assert np.allclose(drawn["the ensemble, weighted"].get_ydata(), error)
    one = EnsembleDisplay.from_predictions([y[300:] + 1.0], y[300:])
    assert one.errors["expected"].tolist() == pytest.approx([1.0])


def test_errors_say_what_to_give():
    forest = RandomForestRegressor(3).fit(X, y)
    with pytest.raises(TypeError, match=r"RandomForestRegressor is not an ensemble of skdl.*from_predictions"):
        EnsembleDisplay.from_estimator(forest, X, y)
    with pytest.raises(ValueError, match=r"Got \(442,\) for \(442,\)"):
        EnsembleDisplay.from_predictions(y, y)
    with pytest.raises(ValueError, match="are of 2 classes, and y has 3 labels"):
        EnsembleDisplay.from_predictions(np.zeros((2, 3, 2)), ["a", "b", "c"])
