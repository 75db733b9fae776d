"""Likelihoods against SciPy's distributions, exact fractions, and the formulas of the standard errors."""

from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import optimize, stats

from skdl.inspection import LikelihoodDisplay
from skdl.likelihood import Bernoulli, Categorical, Gaussian

FLIPS = "HTHHTTHT"
COIN = Bernoulli("H")
RNG = np.random.default_rng(0)
REALS = RNG.normal(3, 2, 30)
LETTERS = list("AABACBAABC")


def test_the_coin_of_the_lecture():
    """HTHHTTHT under theta = 0, 1/4, 1/2: 0, (1/4)^4 (3/4)^4 and (1/2)^8; 6 heads of 8 are likeliest for 3/4."""
    exact = [Fraction(k, 4) ** 4 * (1 - Fraction(k, 4)) ** 4 for k in range(5)]
    found = COIN.likelihood([0, 0.25, 0.5, 0.75, 1], FLIPS)
    assert_allclose(found, [float(each) for each in exact], rtol=1e-14)
    assert found[:3].round(5).tolist() == [0.0, 0.00124, 0.00391]
    assert COIN.estimate("HHTHHHTH") == 0.75
    assert COIN.log_likelihood(0.0, FLIPS) == -np.inf
    assert_array_equal(COIN.likelihood([0, 1], "HH"), [0, 1])


def test_a_coin_against_scipy():
    flips = RNG.integers(0, 2, 50)
    for theta in (0.1, 0.5, 0.93):
        assert_allclose(Bernoulli().log_likelihood(theta, flips), stats.bernoulli(theta).logpmf(flips).sum())
    n, p = len(flips), flips.mean()
    assert_allclose(Bernoulli().observed_information(flips), n / (p * (1 - p)), rtol=1e-10)
    assert_allclose(Bernoulli().standard_errors(flips), np.sqrt(p * (1 - p) / n), rtol=1e-10)
    for same in (flips.astype(bool), pd.Series(flips), flips.reshape(5, 10), flips.astype(float)):
        assert Bernoulli().estimate(same) == p
    assert Bernoulli().likelihood(0.5, np.ones(5000)) == 0  # below the smallest float
    assert_allclose(Bernoulli().log_likelihood(0.5, np.ones(5000)), 5000 * np.log(0.5))


def test_categories_against_scipy():
    model = Categorical("ABCD")
    counts = np.array([LETTERS.count(letter) for letter in "ABCD"])
    theta = np.array([[0.4, 0.3, 0.2, 0.1], [0.25] * 4])
    orders = np.exp(stats.multinomial(10, theta).logpmf(counts)) / float(_multinomial(counts))
    assert_allclose(model.likelihood(theta, LETTERS), orders, rtol=1e-12)
    assert_allclose(model.estimate(LETTERS), counts / 10)
    assert model.likelihood([0.5, 0.5, 0, 0], LETTERS) == 0
    assert model.likelihood([0.5, 0.3, 0.2, 0], LETTERS) > 0
    assert np.isnan(model.standard_errors(LETTERS)).all()  # D never came: its estimate is at the edge
    p = counts[:3] / 10
    assert_allclose(Categorical("ABC").covariance(LETTERS), (np.diag(p) - np.outer(p, p)) / 10, rtol=1e-9, atol=1e-15)
    two = Categorical([0, 1])
    flips = [0, 1, 1, 0, 1, 1, 1]
    assert_allclose(two.standard_errors(flips)[1], Bernoulli().standard_errors(flips))


def _multinomial(counts):
    from math import factorial, prod

    return Fraction(factorial(int(counts.sum())), prod(factorial(int(count)) for count in counts))


def test_a_gaussian_against_scipy():
    model = Gaussian()
    theta = np.array([[3.0, 4.0], [2.0, 9.0]])
    expected = [stats.norm(m, np.sqrt(v)).logpdf(REALS).sum() for m, v in theta]
    assert_allclose(model.log_likelihood(theta, REALS), expected, rtol=1e-12)
    mean, deviation = stats.norm.fit(REALS)
    assert_allclose(model.estimate(REALS), [mean, deviation**2], rtol=1e-12)
    n, v = len(REALS), deviation**2
    assert_allclose(model.observed_information(REALS), np.diag([n / v, n / (2 * v * v)]), rtol=1e-9, atol=1e-12)
    assert_allclose(model.standard_errors(REALS), [np.sqrt(v / n), v * np.sqrt(2 / n)], rtol=1e-9)
    far = REALS + 1e8  # a sum of squares about zero would lose all digits
    assert_allclose(model.estimate(far)[1], v, rtol=1e-6)


@pytest.mark.parametrize(("model", "data"), [(COIN, "HHTHHHTH"), (Categorical("ABC"), LETTERS), (Gaussian(), REALS)])
def test_the_estimate_is_the_maximum(model, data):
    """A search in free variables finds nothing higher, and ends there."""
    best = np.atleast_1d(model.estimate(data))

    def free(u):
        if isinstance(model, Gaussian):
            return [u[0], np.exp(u[1])]
        if isinstance(model, Bernoulli):
            return 1 / (1 + np.exp(-u[0]))
        return np.exp([0, *u]) / np.exp([0, *u]).sum()

    found = optimize.minimize(lambda u: -model.log_likelihood(free(u), data), np.zeros(max(len(best) - 1, 1) + (
        isinstance(model, Gaussian))), tol=1e-12)  # fmt: skip
    assert_allclose(np.atleast_1d(free(found.x)), best, rtol=1e-4)
    assert -found.fun <= model.log_likelihood(model.estimate(data), data) + 1e-9


def test_curves():
    curve = COIN.curve("HHTHHHTH", n=5)
    assert curve.theta.tolist() == [0, 0.25, 0.5, 0.75, 1]
    assert_allclose(curve.likelihood, COIN.likelihood(curve.theta, "HHTHHHTH"))
    assert (curve.parameter, curve.estimate, curve.relative_likelihood.max()) == ("theta", 0.75, 1.0)
    letters = Categorical("ABC").curve(LETTERS, parameter="B", theta=[0.2, 0.3])
    a, _, c = Categorical("ABC").estimate(LETTERS)
    expected = [[(1 - t) * a / (a + c), t, (1 - t) * c / (a + c)] for t in (0.2, 0.3)]
    assert_allclose(letters.log_likelihood, Categorical("ABC").log_likelihood(expected, LETTERS))
    spread = Gaussian().curve(REALS, parameter="variance")
    mean, variance = Gaussian().estimate(REALS)
    assert (spread.theta > 0).all()
    assert_allclose(spread.log_likelihood, [Gaussian().log_likelihood([mean, t], REALS) for t in spread.theta])
    assert abs(spread.theta[spread.likelihood.argmax()] - variance) < np.diff(spread.theta)[0]
    along = Gaussian().curve(REALS)  # at the estimate of the variance it is a parabola with the observed information
    assert_allclose(
        along.log_likelihood - along.max_log_likelihood, -0.5 * len(REALS) / variance * (along.theta - mean) ** 2,
        atol=1e-9,
    )  # fmt: skip


def test_at_the_edge_there_is_no_error():
    assert COIN.estimate("HHH") == 1
    assert np.isnan(COIN.standard_errors("HHH"))
    assert COIN.curve("HHH").likelihood.argmax() == 200


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: COIN.likelihood(1.5, FLIPS), r"theta must be in \[0, 1\]. Got 1.5"),
        (lambda: COIN.estimate("HTX"), r"Flips are 'H' and one other value. Got \['T', 'X'\]"),
        (lambda: COIN.estimate(""), "There are no data"),
        (lambda: Bernoulli().estimate([1, 0, np.nan]), "The data hold NaN or None"),
        (lambda: COIN.curve(FLIPS, parameter="p"), r"Bernoulli has the parameters \['theta'\]. Got 'p'"),
        (lambda: COIN.curve(FLIPS, n=1), "The 'n' parameter of curve must be an int of at least 2"),
        (lambda: Categorical("A"), "categories must be at least two different ones"),
        (lambda: Categorical("AB").estimate("AC"), r"The data hold 'C', which is none of the categories \['A', 'B'\]"),
        (lambda: Categorical("AB").likelihood([0.5, 0.6], "AB"), "theta must be probabilities that add up to 1"),
        (lambda: Categorical("AB").likelihood(0.5, "AB"), "theta must have 2 numbers, one for each category"),
        (lambda: Gaussian().likelihood([0.0, 0.0], REALS), "The variance must be larger than 0"),
        (lambda: Gaussian().likelihood(0.0, REALS), r"theta must be \(mean, variance\)"),
        (lambda: Gaussian().estimate([2.0, 2.0]), "All data are equal: the likelihood grows without bound"),
        (lambda: Gaussian().estimate([0.1] * 3), "All data are equal: the likelihood grows without bound"),
        (
            lambda: Gaussian().standard_errors([1e200, 2e200]),
            r"The data reach 2e\+200, and their squares are out of the",
        ),
        (lambda: Gaussian().estimate([1e-200, 2e-200]), r"The data reach 2e-200, and their squares are out of the"),
        (lambda: Gaussian().estimate([1.0, np.inf]), "The data hold NaN or infinity"),
        (lambda: Gaussian().estimate([]), "There are no data"),
    ],
)
def test_mistakes(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_the_display():
    pytest.importorskip("matplotlib").use("Agg")
    display = LikelihoodDisplay.from_data(COIN, {"4 of 8": FLIPS, "6 of 8": "HHTHHHTH"})
    for scale, top in [("likelihood", 0.75**6 * 0.25**2), ("relative", 1), ("log", np.log(0.75**6 * 0.25**2))]:
        ax = display.plot(scale=scale).ax_
        curves = [each for each in ax.lines if len(each.get_xdata()) == 201]
        assert len(curves) == 2
        assert_allclose(np.nanmax(curves[1].get_ydata()), top, rtol=1e-3)
        assert ax.get_xlabel() == "theta"
        assert [text.get_text() for text in ax.get_legend().get_texts()] == [
            "4 of 8: maximum at 0.5 ± 0.18",
            "6 of 8: maximum at 0.75 ± 0.15",
        ]
    with pytest.raises(ValueError, match="The 'scale' parameter of plot must be one of"):
        display.plot(scale="linear")
