"""The learning rate range test: steps by hand, the rate at which a quadratic diverges, and what is drawn."""

import math

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_digits
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

from skdl import MLPClassifier, MLPRegressor, SoftmaxClassifier
from skdl.inspection import LearningRateRangeDisplay, learning_rate_range
from skdl.inspection._range_test import LearningRateRange, smoothed
from skdl.optimizers import SGD

X, y = load_digits(return_X_y=True)
LINEAR = {
    "encoding": None, "standardize": False, "standardize_target": False, "alpha": 0.0, "dtype": "float64",
    "batch_size": 50, "optimizer": "sgd", "input_scale": False, "early_stopping": False, "random_state": 0,
}  # fmt: skip


def test_each_step_is_one_of_gradient_descent_at_a_growing_rate():
    """All rows in each step, of linear least squares: the losses are those of the steps written out."""
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(50, 3)) * [1.0, 2.0, 3.0]
    target = rows @ [1.0, -1.0, 2.0] + 1
    network = MLPRegressor((), **LINEAR)
    found = learning_rate_range(network, rows, target, low=1e-4, high=10, n_steps=60)
    start = MLPRegressor((), **LINEAR).initialize(rows, target)
    A = np.column_stack([rows, np.ones(50)])
    w = np.concatenate([start.coefs_[0][:, 0], start.intercepts_[0]])
    for rate, loss in zip(found.rates, found.losses, strict=True):
        error = A @ w - target
        assert np.isclose(loss, (error**2).mean() / 2, rtol=1e-6)
        w = w - rate * A.T @ error / 50
    assert np.allclose(np.diff(np.log(found.rates)), math.log(1e5) / 59)
    # A quadratic diverges beyond 2 over its largest curvature; the rates before have to be outgrown first.
    limit = 2 / np.linalg.eigvalsh(A.T @ A / 50)[-1]
    assert limit < found.diverged < 10 * limit
    assert found.suggestion <= found.diverged / 10 < limit
    assert len(found.rates) < 60
    assert not hasattr(network, "coefs_")
    assert network.get_params() == MLPRegressor((), **LINEAR).get_params()


def test_the_average_has_no_bias_and_the_rates_of_a_constructed_curve_are_found():
    assert np.allclose(smoothed([3.0] * 5, 0.9), 3.0)
    losses = np.random.default_rng(0).uniform(size=9)
    weights = 0.8 ** np.arange(9)[::-1]
    assert np.isclose(smoothed(losses, 0.8)[-1], (weights * losses).sum() / weights.sum())
    assert np.array_equal(smoothed(losses, 0.0), losses)


def test_a_rate_that_is_suggested_learns_and_one_that_diverged_does_not():
    options = {"encoding": None, "early_stopping": False, "schedule": "constant", "max_iter": 3, "random_state": 0}
    network = MLPClassifier((32,), optimizer="sgd", **options)
    found = learning_rate_range(network, X, y)
    good = MLPClassifier((32,), optimizer=SGD(found.suggestion), **options).fit(X, y)
    assert good.score(X, y) > 0.95
    assert 0.1 < found.suggestion < 1
    with pytest.raises(ValueError, match="the loss became infinite"):
        MLPClassifier((32,), optimizer=SGD(10 * found.diverged), **options).fit(X, y)


def test_no_rate_of_a_low_range_is_too_high():
    found = learning_rate_range(SoftmaxClassifier(optimizer="adam", random_state=0), X, y, high=1e-3, n_steps=30)
    assert found.diverged == math.inf
    assert found.suggestion == found.steepest
    assert len(found.losses) == 30


def test_frames_and_pipelines_and_what_is_fitted_stays():
    frame = pd.DataFrame(X).add_prefix("pixel ")
    pipeline = make_pipeline(MinMaxScaler(), MLPClassifier((8,), optimizer="sgd", max_iter=2, random_state=0))
    found = learning_rate_range(pipeline, frame, pd.Series(y), n_steps=20)
    assert not hasattr(pipeline[0], "scale_")
    scaled = MinMaxScaler().fit_transform(X)
    again = learning_rate_range(pipeline[-1], scaled, y, n_steps=20)
    assert np.array_equal(found.losses, again.losses)
    fitted = MLPClassifier((8,), optimizer="sgd", max_iter=2, early_stopping=False, random_state=0).fit(X, y)
    before = fitted.coefs_[0].copy(), fitted.n_iter_, fitted.get_params()
    learning_rate_range(fitted, X, y, n_steps=20)
    assert np.array_equal(fitted.coefs_[0], before[0])
    assert (fitted.n_iter_, str(fitted.get_params())) == (before[1], str(before[2]))


@pytest.mark.parametrize("style", ["default", "dark_background"])
def test_the_display_draws_each_average_and_its_suggestion(style):
    rates = np.geomspace(1e-3, 1, 20)
    one = LearningRateRange(rates, np.linspace(2, 1, 20), np.linspace(2, 1, 20), 0.05, math.inf, 0.05)
    two = LearningRateRange(
        rates, np.r_[np.linspace(2, 1, 19), np.inf], np.r_[np.linspace(2, 1, 19), np.inf], 0.3, 1, 0.1
    )
    with plt.style.context(style):
        display = LearningRateRangeDisplay(ranges={"one": one, "two": two}).plot()
    drawn = {line.get_label(): line for line in display.ax_.lines}
    assert np.array_equal(drawn["one"].get_ydata(), one.smoothed)
    assert len(drawn["two"].get_ydata()) == 19
    assert drawn["one: 0.05"].get_xdata().tolist() == [0.05]
    assert drawn["one: 0.05"].get_color() == drawn["one"].get_color()
    assert display.ax_.get_xscale() == "log"
    assert all(np.isfinite(display.ax_.get_ylim()))
    _, ax = plt.subplots()
    display = LearningRateRangeDisplay(ranges={"two": two}).plot(ax)
    assert display.ax_ is ax
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert labels == ["average", "suggestion: 0.1", "above its start: 1"]


def test_a_display_of_networks():
    networks = [MLPClassifier((4,), optimizer=name, random_state=0) for name in ("sgd", "adam")]
    display = LearningRateRangeDisplay.from_estimator(networks, X, y, n_steps=15, smoothing=0.5)
    assert list(display.ranges) == ["MLPClassifier", "MLPClassifier 2"]


def test_errors_say_what_to_give():
    with pytest.raises(TypeError, match="LinearRegression is not trained step by step"):
        learning_rate_range(LinearRegression(), X, y)
    with pytest.raises(ValueError, match="Choose a first-order one, such as optimizer='sgd'"):
        learning_rate_range(SoftmaxClassifier(), X, y)
    for wrong in ({"low": 0.0}, {"low": 2.0, "high": 1.0}, {"n_steps": 3}, {"smoothing": 1.0}):
        with pytest.raises(ValueError, match="learning_rate_range needs 0 < low < high"):
            learning_rate_range(MLPClassifier(), X, y, **wrong)
