"""Absolute error, quantiles and Huber's loss: scikit-learn's optima, the conditions of an optimum, and ties."""

import itertools

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import sparse
from scipy.optimize import linprog
from sklearn.base import clone
from sklearn.datasets import load_diabetes
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.linear_model import HuberRegressor, QuantileRegressor
from sklearn.model_selection import GridSearchCV

from skdl import LeastSquaresRegressor
from skdl.linear.solvers import linear_program
from skdl.losses import Huber, Poisson, Quantile


@pytest.fixture
def rng():
    return np.random.default_rng(3)


def data(rng, n=80, d=4):
    X = rng.normal(size=(n, d)) * np.array([1.0, 1e-3, 50.0, 1.0])[:d] + np.array([0.0, 1.0, -20.0, 3.0])[:d]
    Y = (X / np.abs(X).max(axis=0)) @ rng.normal(size=(d, 2)) * 5 + rng.standard_t(1.5, (n, 2))
    return X, Y, rng.uniform(0.5, 2.0, n)


def pinball(error, q):
    return np.maximum(q * error, (q - 1) * error)


@pytest.mark.parametrize("quantile", [0.1, 0.5, 0.75])
@pytest.mark.parametrize("alpha", [0.0, 0.02, 0.3])
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_a_quantile_is_scikit_learns(quantile, alpha, fit_intercept, rng):
    X, Y, weight = data(rng)
    X = X / np.abs(X).max(axis=0)
    model = LeastSquaresRegressor(alpha, penalty="l1", loss=Quantile(quantile), fit_intercept=fit_intercept)
    model.fit(X, Y, weight)
    for output in range(2):
        peer = QuantileRegressor(quantile=quantile, alpha=alpha, fit_intercept=fit_intercept)
        peer.fit(X, Y[:, output], weight)
        # Theirs multiplies alpha with the sum of the weights, as ours with the mean: the same objective.
        assert_allclose(model.coef_[output], peer.coef_, atol=1e-9)
        assert_allclose(model.intercept_[output], peer.intercept_, atol=1e-9)
    assert (model.dual_gap_ < 1e-14).all()
    assert model.solver_ == "linear_program"
    if alpha == 0.3:
        assert (model.coef_ == 0).any()


@pytest.mark.parametrize("convert", [np.asarray, sparse.csr_array], ids=["dense", "sparse"])
def test_the_absolute_error_meets_rows_and_no_other_line_is_better(convert, rng):
    X, Y, weight = data(rng)
    model = LeastSquaresRegressor(loss="absolute_error").fit(convert(X), Y, weight)
    error = Y - X @ model.coef_.T - model.intercept_
    assert ((np.abs(error) < 1e-11).sum(axis=0) == 5).all()
    assert (model.dual_gap_ < 1e-14).all()
    least = weight @ np.abs(error)
    for _ in range(200):
        coef, intercept = model.coef_ + rng.normal(size=(2, 4)) * 10.0 ** rng.uniform(-8, -3), model.intercept_
        assert (weight @ np.abs(Y - X @ coef.T - intercept) >= least * (1 - 1e-14)).all()
    half = LeastSquaresRegressor(loss=Quantile(0.5)).fit(convert(X), Y, weight)
    assert_allclose(model.coef_, half.coef_, rtol=1e-9)


@pytest.mark.parametrize("convert", [np.asarray, sparse.csr_array], ids=["dense", "sparse"])
@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("alpha", [0.0, 0.1, "each"])
@pytest.mark.parametrize("delta", [1e-3, 0.1, 1.0, 1e6])
def test_hubers_gradient_is_zero_to_rounding(convert, fit_intercept, alpha, delta, rng):
    X, Y, weight = data(rng)
    alpha = np.array([0.5, 0.0, 2.0, 0.0]) if alpha == "each" else alpha
    prior = rng.normal(size=(2, 4)) if np.any(alpha) else None
    model = LeastSquaresRegressor(alpha, loss=Huber(delta), fit_intercept=fit_intercept, prior=prior)
    model.fit(convert(X), Y, weight)
    bounded = np.clip(Y - X @ model.coef_.T - model.intercept_, -delta, delta) * weight[:, None] / weight.sum()
    pull = 2 * X.T @ bounded - (0 if prior is None else np.reshape(alpha, (-1, 1)) * (model.coef_ - prior).T)
    size = np.abs(X).T @ np.minimum(np.abs(Y) + 50, delta) * np.max(weight) / weight.sum()
    # Predictions are numbers up to a few hundred: what rounding leaves of residuals, relative to delta.
    assert_allclose(pull / size, 0, atol=3e-12 + 3e-13 / delta)
    if fit_intercept:
        assert_allclose(bounded.sum(axis=0) / np.abs(bounded).sum(axis=0), 0, atol=3e-12 + 3e-13 / delta)
    assert model.solver_ == "newton"
    assert model.dual_gap_ is None
    if delta == 1e6:
        plain = LeastSquaresRegressor(alpha, fit_intercept=fit_intercept, prior=prior).fit(convert(X), Y, weight)
        assert_allclose(model.coef_, plain.coef_, rtol=1e-9)


def test_huber_is_scikit_learns(rng):
    X, y = rng.normal(size=(200, 4)), rng.standard_t(1.5, 200)
    y = y + X @ [1.0, 2.0, 0.0, -1.0]
    peer = HuberRegressor(epsilon=1.35, alpha=0.5, tol=1e-8, max_iter=10**5).fit(X, y)
    model = LeastSquaresRegressor(2 * 0.5 * peer.scale_ / 200, loss=Huber(1.35 * peer.scale_)).fit(X, y)
    assert_allclose(model.coef_, peer.coef_, atol=1e-4)
    assert_allclose(model.intercept_, peer.intercept_, atol=1e-4)


@pytest.mark.parametrize("loss", ["absolute_error", Quantile(0.3), Huber(0.5)])
def test_weights_count_rows_and_outliers_hardly_count(loss, rng):
    X, Y, _ = data(rng)
    counts = rng.integers(0, 3, 80)
    model = LeastSquaresRegressor(loss=loss).fit(X, Y, counts)
    repeated = clone(model).fit(X.repeat(counts, axis=0), Y.repeat(counts, axis=0))
    assert_allclose(model.coef_, repeated.coef_, rtol=1e-8)
    above = Y - model.predict(X) > 0.5
    far = np.where(above, Y + 1e6, Y)  # what is above stays above, however far
    assert_allclose(clone(model).fit(X, far, counts).coef_, model.coef_, rtol=1e-6)


@pytest.mark.parametrize("loss", ["absolute_error", "huber"])
def test_units_play_no_role(loss, rng):
    X, Y, weight = data(rng)
    delta = {"loss__delta": 2.0**-70} if loss == "huber" else {}
    one = LeastSquaresRegressor(loss=loss).fit(X, Y, weight)
    other = LeastSquaresRegressor(loss=loss).set_params(**delta).fit(X * 2.0**60, Y * 2.0**-70, weight * 8)
    assert_allclose(other.coef_ * 2.0**130, one.coef_, rtol=1e-9)


@pytest.mark.parametrize("loss", ["absolute_error", "huber", "quantile"])
def test_one_of_several_optima(loss, rng):
    """Four targets at one point: any number between the middle ones is a median; and columns that depend."""
    y = np.array([0.0, 1.0, 2.0, 10.0])
    model = LeastSquaresRegressor(loss=loss).fit(np.zeros((4, 1)), y)
    assert 1 <= model.intercept_ <= 2 or loss == "huber"
    assert model.coef_ == 0
    X, Y, _ = data(rng)
    more = np.column_stack([X, X[:, 0], np.full(80, 7.0)])
    peer = LeastSquaresRegressor(loss=loss).fit(X, Y)
    assert_allclose(LeastSquaresRegressor(loss=loss).fit(more, Y).predict(more), peer.predict(X), rtol=1e-7)


def test_positive_coefficients_and_priors_of_a_linear_program(rng):
    X, Y, weight = data(rng)
    X = X / np.abs(X).max(axis=0)
    model = LeastSquaresRegressor(0.01, penalty="l1", loss="absolute_error", positive=True).fit(X, Y, weight)
    assert (model.coef_ >= 0).all()
    assert (model.coef_ == 0).any()
    assert (model.dual_gap_ < 1e-13).all()
    prior = np.array([1.0, -2.0, 0.5, 3.0])
    drawn = LeastSquaresRegressor(0.05, penalty="l1", loss="absolute_error", prior=prior).fit(X, Y, weight)
    plain = LeastSquaresRegressor(0.05, penalty="l1", loss="absolute_error")
    shifted = plain.fit(X, Y - (X @ prior)[:, None], weight)
    assert_allclose(drawn.coef_, shifted.coef_ + prior, atol=1e-10)


@pytest.mark.parametrize("quantile", [0.01, 0.25, 0.5, 0.999])
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_positive_coefficients_without_a_penalty_are_proved_to_be_the_best(quantile, fit_intercept, rng):
    """The same program in its primal form, with a variable for each half of a residual."""
    for _ in range(10):
        X, y = rng.normal(size=(20, 6)).round(1), rng.normal(size=20).round(1)
        weight = rng.integers(1, 4, 20).astype(float)
        model = LeastSquaresRegressor(loss=Quantile(quantile), positive=True, fit_intercept=fit_intercept)
        model.fit(X, y, weight)
        shares = weight / weight.sum()
        found = shares @ pinball(y - X @ model.coef_ - model.intercept_, quantile)
        level = np.ones((20, 2)) * [1, -1] if fit_intercept else np.zeros((20, 0))
        cost = np.concatenate([np.zeros(6 + level.shape[1]), shares * quantile, shares * (1 - quantile)])
        peer = linprog(cost, A_eq=np.hstack([X, level, np.eye(20), -np.eye(20)]), b_eq=y)
        assert (model.coef_ >= 0).all()
        assert_allclose(found, peer.fun, atol=1e-9)
        assert model.dual_gap_ < 1e-13


@pytest.mark.parametrize("loss", ["absolute_error", "quantile", "huber"])
@pytest.mark.parametrize("n", [4, 9])
def test_a_fit_that_meets_all_rows_is_no_failure(loss, n, rng):
    """A loss of zero up to rounding is the minimum, though the gap is as large as the loss."""
    for _ in range(5):
        X, y = 1000 + rng.normal(size=(n, n + 1)), 1e6 + rng.normal(size=n)
        model = LeastSquaresRegressor(loss=loss).fit(X, y)
        assert_allclose(model.predict(X), y, rtol=1e-9)
        same = LeastSquaresRegressor(1.0, penalty="l1", loss=Quantile(0.9)).fit(X.round(1), np.full(n, y[0]))
        assert_allclose(same.predict(X), y[0], rtol=1e-12)


def test_a_table_a_search_and_statistics():
    X, y = load_diabetes(return_X_y=True, as_frame=True)
    X["sex"] = np.where(X["sex"] > 0, "a", "b")
    X.loc[4, "bp"] = np.nan
    search = GridSearchCV(LeastSquaresRegressor(loss="huber"), {"loss__delta": [1.0, 50.0, 1000.0]}, cv=3).fit(X, y)
    assert search.best_estimator_.loss.delta == search.best_params_["loss__delta"]
    assert search.best_score_ > 0.4
    model = LeastSquaresRegressor(loss="quantile").set_params(loss__quantile=0.9).fit(X, y)
    assert abs((y <= model.predict(X) + 1e-9).mean() - 0.9) < 0.03
    with pytest.warns(UndefinedMetricWarning, match="for another loss than the squared error"):
        assert model.summary()["standard_error"].isna().all()
    assert model.r2_ < 0.4
    assert model.rank_ is None


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"loss": "huber", "solver": "qr"}, "has a solver of its own: leave solver at 'auto'. Got solver='qr'"),
        ({"loss": "huber", "solver": "adam"}, "has a solver of its own"),
        ({"loss": "absolute_error", "alpha": 1.0}, "goes with penalty='l1' only.*or loss='huber' with a small delta"),
        ({"loss": "huber", "alpha": 1.0, "penalty": "elastic_net"}, "goes with penalty='l2' only"),
        ({"loss": "huber", "positive": True}, "positive=True does not go with loss='huber'"),
        ({"loss": Quantile(0.2), "positive": True, "prior": [1.0, 1.0]}, "and a prior. Leave one of them out"),
        ({"loss": Poisson()}, r"takes the losses 'squared_error', 'absolute_error'.*MLPRegressor\(\(\), loss="),
        ({"loss": "auto"}, "'loss' parameter of LeastSquaresRegressor.*'absolute_error'"),
        ({"loss": Huber(-1.0)}, "delta"),
    ],
    ids=str,
)
def test_what_does_not_go_together(params, message, rng):
    X, y = rng.normal(size=(20, 2)), rng.normal(size=20)
    with pytest.raises(ValueError, match=message):
        LeastSquaresRegressor(**params).fit(X, y)


def test_more_rows_need_a_fit(rng):
    X, y = rng.normal(size=(20, 2)), rng.normal(size=20)
    assert hasattr(LeastSquaresRegressor(), "partial_fit")
    assert not hasattr(LeastSquaresRegressor(loss="huber"), "partial_fit")
    with pytest.raises(AttributeError) as told:
        LeastSquaresRegressor(loss="huber").partial_fit(X, y)
    assert "partial_fit needs loss='squared_error'" in str(told.value.__cause__ or told.value)
    with pytest.raises(ValueError, match="'loss' parameter"):
        LeastSquaresRegressor(loss="hubert").partial_fit(X, y)


def test_pinball_loss_at_the_optimum(rng):
    """The objective itself, on more rows than scikit-learn's peer is asked for above."""
    X, Y, weight = data(rng, 3000)
    for q, fit_intercept in itertools.product((0.05, 0.6), (True, False)):
        model = LeastSquaresRegressor(loss=Quantile(q), fit_intercept=fit_intercept).fit(X, Y[:, 0], weight)
        error = Y[:, 0] - model.predict(X)
        assert model.dual_gap_ < 1e-14 * (weight @ pinball(error, q) / weight.sum()) + 1e-15
        # A quantile: no more than the share q of the weight is below, and no more than 1 - q above.
        if fit_intercept:
            near = 1e-9
            assert weight[error > near].sum() <= (1 - q) * weight.sum() + 1e-9
            assert weight[error < -near].sum() <= q * weight.sum() + 1e-9


@pytest.mark.parametrize("loss", ["absolute_error", Huber(0.1)])
@pytest.mark.parametrize("convert", [np.asarray, sparse.csr_array], ids=["dense", "sparse"])
def test_nearly_dependent_columns_are_no_harder(loss, convert, rng):
    """The fit depends on the span of the columns alone: powers against Chebyshev polynomials of the same degree."""
    x = np.linspace(0, 1, 60)
    powers = np.vander(x, 12)[:, :-1]
    chebyshev = np.polynomial.chebyshev.chebvander(2 * x - 1, 11)[:, 1:]
    y = np.cos(9 * x) + 0.1 * rng.standard_t(1.5, 60)
    model = LeastSquaresRegressor(loss=loss).fit(convert(powers), y)
    peer = LeastSquaresRegressor(loss=loss).fit(chebyshev, y)
    assert_allclose(model.predict(powers), peer.predict(chebyshev), atol=1e-7)
    if loss == "absolute_error":
        assert model.dual_gap_ < 1e-14


@pytest.mark.parametrize("loss", ["absolute_error", "huber", "quantile"])
def test_more_columns_than_rows_meet_all_of_them(loss, rng):
    X, y = rng.normal(size=(8, 20)), rng.normal(size=8)
    model, plain = LeastSquaresRegressor(loss=loss).fit(X, y), LeastSquaresRegressor().fit(X, y)
    assert_allclose(model.predict(X), y, atol=1e-12)
    assert_allclose(model.coef_, plain.coef_, atol=1e-10)  # the shortest ones


@pytest.mark.parametrize("misled", [False, True])
@pytest.mark.parametrize("convert", [np.asarray, sparse.csr_array], ids=["dense", "sparse"])
@pytest.mark.parametrize(("quantile", "alpha"), [(0.5, 0.0), (0.9, 0.02)])
def test_many_rows_begin_with_a_sample_and_end_at_the_same_optimum(misled, convert, quantile, alpha, rng, monkeypatch):
    X, Y, weight = data(rng, 1200)
    X, y = X / np.abs(X).max(axis=0), Y[:, 0].copy()
    if misled:  # all rows of the sample say something else
        y[::12] = 50 - 20 * X[::12, 0]
    model = LeastSquaresRegressor(alpha, penalty="l1", loss=Quantile(quantile))
    whole = clone(model).fit(convert(X), y, weight)
    monkeypatch.setattr(linear_program, "MANY_ROWS", 1000)
    monkeypatch.setattr(linear_program, "SAMPLE", 100)
    model.fit(convert(X), y, weight)
    assert_allclose(model.coef_, whole.coef_, atol=1e-10)
    assert model.dual_gap_ < 1e-14


@pytest.mark.parametrize("l1", [0.0, 0.05])
def test_no_gap_is_smaller_than_the_distance_to_the_minimum(l1, rng):
    X, y, weight = rng.normal(size=(60, 3)), rng.standard_t(2, 60), rng.uniform(0.5, 2, 60)
    weight /= weight.sum()
    free = np.zeros(3, dtype=bool)
    program = linear_program._Program(X, y, weight, 0.3, np.full(3, l1), free)
    best, a, _ = linear_program._optimum(program, np.zeros(3), 1.0)
    least, gap = program.terms(best, a)
    assert gap < 1e-9
    for size in (1e-6, 1e-3, 0.1, 1.0):
        v = best + size * rng.normal(size=3)
        for dual in (a, linear_program._balanced(program, v, a), np.zeros(60)):
            value, gap = program.terms(v, dual)
            assert gap >= (value - least) * (1 - 1e-6)
