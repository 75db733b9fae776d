"""Weights chosen out of fold: nested, shrunk, by a score; and the temperature of probabilities."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.optimize import minimize_scalar

from skdl.tabular._selection import chosen, greedy, mixtures, shrunk
from skdl.tabular._temperature import PRIOR_ROWS, temperature_of, tempered

RNG = np.random.default_rng(0)


def test_nested_weights_never_see_their_fold():
    fold = RNG.integers(4, size=50)
    seen = []

    def choose(rows):
        seen.append(rows)
        return np.array([len(rows) / 50, 1 - len(rows) / 50])

    choice = chosen(choose, fold, 4)
    assert_array_equal(seen[0], np.arange(50))
    for k in range(4):
        assert_array_equal(seen[1 + k], np.flatnonzero(fold != k))
        assert_allclose(choice.nested[k, 0], np.mean(fold != k))


def test_one_fold_has_the_weights_of_all_rows():
    choice = chosen(lambda rows: np.array([0.3, 0.7]), np.zeros(5, int), 1)
    assert_array_equal(choice.nested, [[0.3, 0.7]])


def test_mixtures_take_each_row_by_its_fold():
    outputs, fold = RNG.normal(size=(3, 20, 2)), RNG.integers(2, size=20)
    weights = RNG.dirichlet(np.ones(3), size=2)
    expected = [weights[k] @ outputs[:, i] for i, k in enumerate(fold)]
    assert_allclose(mixtures(outputs, weights, fold), expected)


def test_shrinking_needs_few_rows_and_leaves_bad_ones_out():
    noise = RNG.normal(size=2000)
    losses = np.stack([1 + 0.1 * noise, 1 + 0.1 * noise[::-1], 9 + noise])
    few = shrunk(np.array([1.0, 0.0, 0.0]), losses[:, :20], np.ones(20))
    many = shrunk(np.array([1.0, 0.0, 0.0]), losses, np.ones(2000))
    assert few[2] == many[2] == many[1] == 0  # smaller shares than 1 % are dropped
    assert 0.1 < few[1] < 0.4
    assert_allclose(few.sum(), 1)


def test_greedy_selection_finds_the_better_mixture():
    target = np.array([0.6, 0.4, 0.0])
    weights = greedy(3, lambda shares: -np.abs(shares - target).sum())
    assert_allclose(weights, target, atol=0.03)
    assert_array_equal(greedy(3, lambda shares: float("nan")), np.full(3, 1 / 3))
    assert_array_equal(greedy(2, lambda shares: shares[1]), [0, 1])


def probabilities(n, n_classes, temperature):
    """Probabilities that are too certain by a known temperature, and labels drawn by the true ones."""
    scores = RNG.normal(size=(n, n_classes)) * 2
    true = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    codes = np.array([RNG.choice(n_classes, p=p) for p in true])
    return tempered(true, 1 / temperature), codes


@pytest.mark.parametrize(("n_classes", "temperature"), [(2, 2.0), (5, 1.5), (3, 0.7)])
def test_the_temperature_is_found(n_classes, temperature):
    certain, codes = probabilities(4000, n_classes, temperature)
    assert_allclose(temperature_of(certain, codes, np.ones(4000)), temperature, rtol=0.1)


def test_the_temperature_minimises_the_log_loss():
    certain, codes = probabilities(300, 3, 2.0)
    weight = RNG.random(300)
    share = weight / weight.sum()
    n_rows = 1 / (share**2).sum()

    def loss(logarithm):
        p = np.log(tempered(certain, np.exp(logarithm)))
        random = PRIOR_ROWS / (n_rows + PRIOR_ROWS)
        return -share @ ((1 - random) * p[np.arange(300), codes] + random * p.mean(axis=1))

    expected = minimize_scalar(loss, bounds=(-2, 2), method="bounded", options={"xatol": 1e-10}).x
    assert_allclose(np.log(temperature_of(certain, codes, weight)), expected, atol=1e-5)
    copies = np.repeat(np.arange(300), 2)
    assert_allclose(temperature_of(certain, codes, np.full(300, 7.0)), temperature_of(certain, codes, np.ones(300)))
    assert temperature_of(certain[copies], codes[copies], np.ones(600)) > 1


def test_rows_without_errors_prove_no_certainty():
    certain = np.tile([0.99, 0.01], (50, 1))
    assert 1 / temperature_of(certain, np.zeros(50, int), np.ones(50)) < 1.1
    wrong = temperature_of(certain, np.ones(50, int), np.ones(50))
    assert wrong == 10  # the end of the range
    assert_allclose(tempered(certain, 1.0), certain)
    assert_allclose(tempered(certain, 2.0)[0], np.sqrt([0.99, 0.01]) / np.sqrt([0.99, 0.01]).sum())
