"""Cross-conformal quantiles: order statistics of all values, and the coverage that they promise."""

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.linear_model import LinearRegression

from skdl import TabularRegressor
from skdl.tabular._conformal import FoldResiduals, Spread, quantiles

LEVELS = [0.02, 0.05, 0.1, 0.5, 0.51, 0.9, 0.95]


def random_folds(rng, sizes):
    residuals = [rng.normal(size=n) for n in sizes]
    return residuals, [FoldResiduals(each, each, np.ones(len(each))) for each in residuals]


@pytest.mark.parametrize("sizes", [(30, 31, 29), (1, 40), (9,)])
def test_quantiles_are_order_statistics(sizes):
    rng = np.random.default_rng(0)
    residuals, folds = random_folds(rng, sizes)
    averages = rng.normal(size=(len(sizes), 50))
    found = quantiles(averages, folds, LEVELS)
    n = sum(sizes)
    values = np.sort(np.concatenate([mean[:, None] + each for mean, each in zip(averages, residuals, strict=True)], 1))
    for j, level in enumerate(LEVELS):
        rank = math.floor((n + 1) * level + 1e-9) if level <= 0.5 else math.ceil((n + 1) * level - 1e-9)
        if rank < 1 or rank > n:
            assert_array_equal(found[:, j], -np.inf if rank < 1 else np.inf)
        else:
            assert_allclose(found[:, j], values[:, rank - 1], rtol=1e-12, atol=1e-15)


def test_weights_count_as_copies():
    rng = np.random.default_rng(1)
    residuals, counts = rng.normal(size=40), rng.integers(1, 4, 40)
    averages = rng.normal(size=(1, 20))
    copies = FoldResiduals(np.zeros(counts.sum()), np.repeat(residuals, counts), np.ones(counts.sum()))
    weighted = FoldResiduals(np.zeros(40), residuals, counts.astype(float))
    assert_array_equal(quantiles(averages, [weighted], LEVELS), quantiles(averages, [copies], LEVELS))


def test_quantiles_in_units_of_the_spread():
    rng = np.random.default_rng(2)
    predictions = [rng.normal(size=n) for n in (20, 25)]
    residuals = [rng.normal(size=n) * np.exp(p) for n, p in zip((20, 25), predictions, strict=True)]
    spreads = [Spread(rng.normal(size=300), rng.normal(size=300) * s, np.ones(300)) for s in (1.0, 3.0)]
    folds = [FoldResiduals(p, r, np.ones(len(r)), s) for p, r, s in zip(predictions, residuals, spreads, strict=True)]
    averages = rng.normal(size=(2, 30))
    values = np.concatenate(
        [
            averages[k][:, None] + spreads[k](averages[k])[:, None] * residuals[k] / spreads[k](predictions[k])
            for k in range(2)
        ],
        axis=1,
    )
    values.sort(axis=1)
    assert_allclose(quantiles(averages, folds, [0.25, 0.9]), values[:, [10, 41]], rtol=1e-9)


def test_the_spread_follows_the_predictions():
    rng = np.random.default_rng(3)
    predictions = rng.uniform(1, 10, 4000)
    residuals = predictions * rng.normal(size=4000)
    spread = Spread(predictions, residuals, np.ones(4000))
    at = np.array([2.0, 5.0, 9.0])
    assert_allclose(spread(at), at * math.sqrt(2 / math.pi), rtol=0.15)  # the mean size of a normal deviate
    assert_allclose(spread(np.array([-1e9, 1e9])), [spread.sizes[0], spread.sizes[-1]])
    weight = rng.integers(1, 3, 4000).astype(float)
    twice = np.repeat(np.arange(4000), weight.astype(int))
    copies = Spread(predictions[twice], residuals[twice], np.ones(len(twice)))
    assert_allclose(Spread(predictions, residuals, weight)(at), copies(at), rtol=0.01)
    assert_array_equal(Spread(predictions, np.zeros(4000), np.ones(4000))(at), 1.0)
    few = Spread(predictions[:60], residuals[:60], np.ones(60))
    assert_allclose(few(at), np.abs(residuals[:60]).mean())


def held_out(seed, spread, n=240, n_test=400):
    """Rows of a plane with noise of a spread that may depend on x, and others of the same kind."""
    rng = np.random.default_rng(seed)
    X = rng.uniform(-1, 1, size=(n + n_test, 3))
    y = X @ [1.0, -2.0, 0.5] + spread(X) * rng.normal(size=len(X))
    return X[:n], y[:n], X[n:], y[n:]


@pytest.mark.parametrize("coverage", [0.5, 0.9])
@pytest.mark.parametrize(
    "spread", [lambda X: 0.5, lambda X: 0.05 + np.abs(X[:, 0])], ids=["even noise", "uneven noise"]
)
def test_intervals_cover_held_out_rows(coverage, spread):
    """Over several data sets; with lines as members, whose residuals no stopping rule flatters."""
    covered, misses = [], []
    for seed in range(12):
        X, y, X_test, y_test = held_out(seed, spread)
        model = TabularRegressor(None, members=[("line", LinearRegression())], random_state=0).fit(X, y)
        low, high = model.predict_interval(X_test, coverage).T
        covered.append(np.mean((low <= y_test) & (y_test <= high)))
        misses.append(np.mean(y_test < low) - np.mean(y_test > high))
    error = math.sqrt(coverage * (1 - coverage) * (1 / 240 + 1 / 400) / 12)
    assert abs(np.mean(covered) - coverage) < 0.01 + 3 * error
    assert abs(np.mean(misses)) < 0.03  # as many above as below


def test_intervals_are_wider_where_predictions_like_it_are_worse():
    """Noise that grows with the target: rows of small and of large predictions are covered alike."""
    low_half, high_half = [], []
    for seed in range(6):
        rng = np.random.default_rng(seed)
        X = rng.uniform(0, 1, size=(1400, 2))
        level = 1 + 5 * X[:, 0] + X[:, 1]
        y = level * (1 + 0.2 * rng.normal(size=1400))
        model = TabularRegressor(None, members=[("line", LinearRegression())], random_state=0).fit(X[:700], y[:700])
        low, high = model.predict_interval(X[700:], 0.8).T
        inside = (low <= y[700:]) & (y[700:] <= high)
        is_low = level[700:] < np.median(level)
        low_half.append(inside[is_low].mean())
        high_half.append(inside[~is_low].mean())
    assert abs(np.mean(low_half) - 0.8) < 0.03
    assert abs(np.mean(high_half) - 0.8) < 0.03  # with one width for all it is 0.93 and 0.69


def test_intervals_of_networks_cover_held_out_rows():
    covered = []
    for seed in range(4):
        X, y, X_test, y_test = held_out(seed, lambda X: 0.1 + np.abs(X[:, 0]))
        model = TabularRegressor([{"max_iter": 30}], cv=4, random_state=0).fit(X, y)
        low, high = model.predict_interval(X_test, 0.8).T
        covered.append(np.mean((low <= y_test) & (y_test <= high)))
    assert 0.76 < np.mean(covered) < 0.88


def test_shapes_and_levels():
    X, y, X_test, _ = held_out(0, lambda X: 0.5)
    model = TabularRegressor(None, members=[("line", LinearRegression())], random_state=0).fit(X, y)
    assert model.predict_interval(X_test).shape == (400, 2)
    assert model.predict_quantiles(X_test, 0.5).shape == (400,)
    three = model.predict_quantiles(X_test, [0.1, 0.5, 0.9])
    assert (np.diff(three, axis=1) > 0).all()
    assert_array_equal(model.predict_interval(X_test, 0.8), three[:, [0, 2]])
    assert_array_equal(np.isinf(model.predict_interval(X_test, 0.999)), True)
    both = TabularRegressor(None, members=[("line", LinearRegression())], random_state=0).fit(X, np.c_[y, -y])
    assert both.predict_quantiles(X_test, [0.1, 0.9]).shape == (400, 2, 2)
    assert_allclose(both.predict_quantiles(X_test, [0.1, 0.9])[:, 0], three[:, [0, 2]], rtol=1e-9)
    for wrong in (0.0, 1.0, [0.5, 1.5], []):
        with pytest.raises(ValueError, match=r"q must hold levels .* range \(0, 1\)"):
            model.predict_quantiles(X_test, wrong)
    with pytest.raises(ValueError, match="coverage must be"):
        model.predict_interval(X_test, 1.0)
