"""Results of searches over one or two parameters: which candidates count, which axes they have, what is marked."""

import warnings

import matplotlib.pyplot as plt
import numpy as np
import pytest
from scipy.stats import loguniform
from sklearn.datasets import load_iris
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV
from sklearn.svm import SVC
from sklearn.utils import shuffle

from skdl import SoftmaxClassifier
from skdl.inspection import SweepDisplay
from skdl.inspection._sweep import is_geometric
from skdl.model_selection import SearchLedger

X, y = shuffle(*load_iris(return_X_y=True), random_state=0)
GRID = {"C": [0.01, 0.1, 1.0, 10.0], "gamma": [0.01, 0.1, 1.0], "kernel": ["rbf", "sigmoid"]}


@pytest.fixture(scope="module")
def search():
    return GridSearchCV(SVC(), GRID, cv=3, return_train_score=True).fit(X, y)


def best_over(search, **values):
    """The largest mean score of the candidates with these values, from cv_results_ itself."""
    found = search.cv_results_
    rows = [all(each[name] == value for name, value in values.items()) for each in found["params"]]
    return found["mean_test_score"][rows].max()


def test_over_one_parameter_the_best_of_the_others_counts(search):
    display = SweepDisplay.from_search(search, "C")
    scores = display.scores
    assert scores["C"].tolist() == GRID["C"]
    assert np.allclose(scores["mean"], [best_over(search, C=C) for C in GRID["C"]])
    folds = np.array([search.cv_results_[f"split{i}_test_score"] for i in range(3)])
    assert np.allclose(scores["least"], folds[:, scores["candidate"]].min(axis=0))
    assert np.allclose(scores["most"], folds[:, scores["candidate"]].max(axis=0))
    assert np.allclose(scores["train"], search.cv_results_["mean_train_score"][scores["candidate"]])
    assert best_over(search, **display.best) == search.best_score_
    drawn = {line.get_label(): line for line in display.ax_.lines}
    assert np.array_equal(drawn["mean and range of folds"].get_ydata(), scores["mean"])
    assert np.array_equal(drawn["training"].get_ydata(), scores["train"])
    [star] = [line for label, line in drawn.items() if label.startswith("best: ")]
    assert star.get_xdata()[0] == display.best["C"]
    assert display.ax_.get_xscale() == "log"
    assert (display.ax_.get_xlabel(), display.ax_.get_ylabel()) == ("C", "score")


def test_other_parameters_may_be_held(search):
    display = SweepDisplay.from_search(search, "C", only={"kernel": "sigmoid", "gamma": 0.1})
    assert np.allclose(display.scores["mean"], [best_over(search, C=C, kernel="sigmoid", gamma=0.1) for C in GRID["C"]])


def test_two_parameters_of_a_grid_are_a_map(search):
    display = SweepDisplay.from_search(search, ["C", "gamma"])
    grid = display.ax_.images[0].get_array()
    expected = [[best_over(search, C=C, gamma=gamma) for C in GRID["C"]] for gamma in GRID["gamma"]]
    assert np.allclose(grid, expected)
    assert [text.get_text() for text in display.ax_.get_xticklabels()] == ["0.01", "0.1", "1", "10"]
    assert display.ax_.get_title() == "best: C={C:.3g}, gamma={gamma:.3g}".format(**display.best)
    assert np.max(expected) == best_over(search, **display.best)
    words = SweepDisplay.from_search(search, ["gamma", "kernel"])
    assert [text.get_text() for text in words.ax_.get_yticklabels()] == ["rbf", "sigmoid"]


@pytest.mark.parametrize("style", ["default", "dark_background"])
def test_two_parameters_at_random_are_points(style):
    space = {"C": loguniform(0.01, 100), "gamma": loguniform(1e-3, 1)}
    search = RandomizedSearchCV(SVC(), space, n_iter=8, cv=3, random_state=0).fit(X, y)
    with plt.style.context(style):
        display = SweepDisplay.from_search(search)
    points = display.ax_.collections[0]
    assert len(points.get_offsets()) == 8
    assert np.allclose(np.sort(points.get_array()), np.sort(search.cv_results_["mean_test_score"]))
    assert (display.ax_.get_xscale(), display.ax_.get_yscale()) == ("log", "log")
    assert display.best == search.best_params_


def test_values_that_are_no_numbers_have_places_in_order():
    search = GridSearchCV(SVC(), {"kernel": ["sigmoid", "rbf"]}, cv=3).fit(X, y)
    display = SweepDisplay.from_search(search)
    assert [text.get_text() for text in display.ax_.get_xticklabels()] == ["sigmoid", "rbf"]
    switched = GridSearchCV(SoftmaxClassifier(), {"standardize": [True, False]}, cv=3).fit(X, y)
    assert SweepDisplay.from_search(switched).scores["standardize"].tolist() == [True, False]


def test_which_numbers_grow_geometrically():
    assert is_geometric(np.logspace(-3, 0, 4))
    assert is_geometric(np.array([8, 16, 32, 64, 128]))
    assert not is_geometric(np.array([1.0, 2.0, 3.0]))
    assert not is_geometric(np.linspace(1, 20, 20))
    assert not is_geometric(np.array([0.0, 1.0, 10.0, 1000.0]))


def test_several_metrics():
    scoring = {"r2": "r2", "error": "neg_mean_absolute_error"}
    search = GridSearchCV(Ridge(), {"alpha": [0.1, 1.0]}, scoring=scoring, refit="error", cv=3).fit(X, y)
    display = SweepDisplay.from_search(search)
    assert display.score_name == "error"
    assert np.allclose(display.scores["mean"], search.cv_results_["mean_test_error"])
    assert SweepDisplay.from_search(search, metric="r2").scores["mean"].max() > 0
    with pytest.raises(ValueError, match=r"must be one of \['r2', 'error'\]. Got 'accuracy'"):
        SweepDisplay.from_search(search, metric="accuracy")


def test_a_ledger_gives_what_its_search_does(tmp_path):
    search = GridSearchCV(SoftmaxClassifier(), {"alpha": [1e-4, 1e-2, 1.0]}, cv=3)
    ledger = SearchLedger(tmp_path / "ledger.jsonl")
    ledger.fit(search, X, y)
    display, expected = SweepDisplay.from_search(ledger), SweepDisplay.from_search(search)
    assert display.best == expected.best
    assert display.parameters == ("alpha",)
    assert np.allclose(display.scores[["mean", "least", "most"]], expected.scores[["mean", "least", "most"]])


def test_candidates_that_failed_are_left_out():
    search = GridSearchCV(Ridge(), {"alpha": [-1.0, 1.0]}, cv=3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        search.fit(X, y)
    assert SweepDisplay.from_search(search).scores["alpha"].tolist() == [1.0]


def test_errors_say_what_to_give(search):
    with pytest.raises(NotFittedError):
        SweepDisplay.from_search(GridSearchCV(SVC(), GRID))
    with pytest.raises(ValueError, match=r"one or two of those that the search varies, which are \['C', 'gamma'"):
        SweepDisplay.from_search(search)
    with pytest.raises(ValueError, match=r"Got \['c'\]"):
        SweepDisplay.from_search(search, "c")
    with pytest.raises(ValueError, match="No candidate has kernel='linear'"):
        SweepDisplay.from_search(search, "C", only={"kernel": "linear"})
    with pytest.raises(ValueError, match="'only' parameter names 'degree'"):
        SweepDisplay.from_search(search, "C", only={"degree": 2})
    with pytest.raises(TypeError, match="SVC has no cv_results_"):
        SweepDisplay.from_search(SVC().fit(X, y))
