"""Rows that come in chunks: the sufficient statistics are exact."""

import pickle
from itertools import pairwise

import numpy as np
import pytest
from exact import exact_least_squares
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse

from skdl import LeastSquaresRegressor
from skdl.linear.solvers.reduction import merge, reduce_rows
from skdl.optimizers import SGD


@pytest.fixture
def rng():
    return np.random.default_rng(5)


def in_chunks(model, X, y, weight=None, sizes=(3, 1, 40, 7)):
    edges = [*np.cumsum([0, *sizes]).tolist(), X.shape[0]]
    for start, stop in pairwise(edges):
        model.partial_fit(X[start:stop], y[start:stop], None if weight is None else weight[start:stop])
    return model


@pytest.mark.parametrize("solver", ["auto", "svd"])
@pytest.mark.parametrize("alpha", [0.0, 0.1, [0.0, 0.1, 3.0, 0.0]])
@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("weighted", [True, False])
@pytest.mark.parametrize("offset", [0.0, 1e4])
def test_chunks_equal_one_fit(solver, alpha, fit_intercept, weighted, offset, rng):
    X, Y = rng.normal(size=(90, 4)) * [1.0, 1e4, 1e-4, 1.0] + offset, rng.normal(size=(90, 2)) + offset
    weight = rng.integers(0, 5, 90) / 2 + (np.arange(90) % 9 == 0) if weighted else None
    prior = np.array([1.0, 0.0, 2.0, -1.0])
    model = LeastSquaresRegressor(alpha, fit_intercept=fit_intercept, solver=solver, prior=prior)
    chunks = in_chunks(model, X, Y, weight)
    whole = LeastSquaresRegressor(alpha, fit_intercept=fit_intercept, solver=solver, prior=prior).fit(X, Y, weight)
    # Far from the origin and without an intercept, the columns are nearly parallel.
    assert_allclose(chunks.coef_, whole.coef_, rtol=1e-10 if fit_intercept or not offset else 1e-7)
    assert_allclose(chunks.predict(X), whole.predict(X), rtol=1e-10)
    assert chunks.rank_ == whole.rank_ == 4
    assert_allclose(chunks.r2_, whole.r2_, rtol=1e-9)
    if alpha == 0.0:
        assert_allclose(chunks.summary()["standard_error"], whole.summary()["standard_error"], rtol=1e-9)


def test_chunks_against_rational_arithmetic(rng):
    X = rng.normal(size=(60, 3)) * [1.0, 1e-6, 1e6] + [0.0, 1.0, 1e7]
    y, weight = rng.normal(size=60), rng.integers(1, 9, 60) * 1e-3
    model = in_chunks(LeastSquaresRegressor(), X, y, weight)
    coef, intercept, rank = exact_least_squares(X, y, 0.0, weight)
    assert_allclose(model.coef_, coef, rtol=1e-11)
    assert_allclose(model.intercept_, intercept, rtol=1e-9)
    assert model.rank_ == rank


def test_large_chunks_by_the_gram_matrix_and_what_it_refuses(rng, monkeypatch):
    monkeypatch.setattr("skdl.linear.least_squares.solve.SMALL", 0)
    X, y = rng.normal(size=(300, 4)) + 5, rng.normal(size=300)
    X[200:, 3] = 1.0  # constant in the last chunk
    model = in_chunks(LeastSquaresRegressor(), X, y, sizes=(100, 100))
    assert_allclose(model.coef_, exact_least_squares(X, y)[0], rtol=1e-11)


def test_the_rank_grows_with_the_rows(rng):
    X, y = rng.normal(size=(8, 4)), rng.normal(size=8)
    model = LeastSquaresRegressor()
    for stop, rank in ((1, 0), (3, 2), (4, 3), (8, 4)):
        model.partial_fit(X[stop - 1 : stop] if stop != 8 else X[4:], y[stop - 1 : stop] if stop != 8 else y[4:])
        if stop == 1:
            model.partial_fit(X[1:2], y[1:2])
        elif stop != 3:
            assert model.rank_ == rank
    coef, intercept, _ = exact_least_squares(X, y)
    assert_allclose(model.coef_, coef, rtol=1e-11)
    assert_allclose(model.intercept_, intercept, rtol=1e-11)


@pytest.mark.parametrize("solver", ["qr", "svd", "cholesky"])
def test_going_on_from_fit_and_from_a_pickle(solver, rng):
    X, y = rng.normal(size=(80, 4)), rng.normal(size=80)
    model = LeastSquaresRegressor(solver=solver).fit(X[:40], y[:40])
    model = pickle.loads(pickle.dumps(model)).partial_fit(X[40:60], y[40:60], 1.0).partial_fit(X[60:], y[60:])
    assert_allclose(model.coef_, exact_least_squares(X, y)[0], rtol=1e-11)


def test_fit_starts_anew(rng):
    X, y = rng.normal(size=(40, 4)), rng.normal(size=40)
    model = LeastSquaresRegressor().partial_fit(X[:20] + 9, y[:20]).fit(X, y)
    assert_allclose(model.coef_, LeastSquaresRegressor().fit(X, y).coef_, rtol=1e-15)


def test_weights_of_different_units(rng):
    X, y = rng.normal(size=(40, 3)), rng.normal(size=40)
    weight = np.repeat([1e-250, 1.0, 1e250], [10, 10, 20]) * rng.uniform(1, 2, 40)
    model = in_chunks(LeastSquaresRegressor(), X, y, weight, sizes=(10, 10))
    assert_allclose(model.coef_, exact_least_squares(X[20:], y[20:], 0.0, weight[20:] / 1e250)[0], rtol=1e-12)


def test_sparse_chunks_and_float32(rng):
    X, y = sparse.random(90, 4, 0.6, format="csr", random_state=0), rng.normal(size=90)
    expected = LeastSquaresRegressor().fit(X.toarray(), y).coef_
    assert_allclose(in_chunks(LeastSquaresRegressor(), X, y).coef_, expected, rtol=1e-11)
    dense = X.toarray().astype(np.float32)
    model = LeastSquaresRegressor().partial_fit(dense[:50], y[:50])
    assert model.coef_.dtype == np.float32
    model.partial_fit(dense[50:].astype(float), y[50:])
    assert model.coef_.dtype == np.float64
    assert_allclose(model.coef_, expected, rtol=1e-4)


def test_merging_in_any_order_gives_the_same_problem(rng):
    X, Y = rng.normal(size=(30, 3)) + 4, rng.normal(size=(30, 2))
    parts = [
        reduce_rows(lambda part, rows=rows: X[rows][part], Y[rows], None, fit_intercept=True)
        for rows in (slice(0, 10), slice(10, 12), slice(12, 30))
    ]
    for order in ((0, 1, 2), (2, 0, 1), (1, 2, 0)):
        first, second, third = (parts[i] for i in order)
        merged = merge(merge(first, second, fit_intercept=True), third, fit_intercept=True)
        centred, targets = X - X.mean(axis=0), Y - Y.mean(axis=0)
        assert_allclose(merged.factor.T @ merged.factor, centred.T @ centred, rtol=1e-11, atol=1e-12)
        assert_allclose(merged.factor.T @ merged.target, centred.T @ targets, rtol=1e-11, atol=1e-12)
        assert_allclose(merged.target.T @ merged.target, targets.T @ targets, rtol=1e-11, atol=1e-12)
        assert_allclose(merged.x_mean, X.mean(axis=0), rtol=1e-14)
        assert_allclose(merged.y_mean, Y.mean(axis=0), rtol=1e-12)
        assert merged.weight == 30


def test_an_optimizer_trains_one_epoch_a_call(rng):
    X = rng.normal(size=(200, 3)) * 5 + 2
    y = X @ [1.0, -2.0, 0.5] + 3
    model = LeastSquaresRegressor(solver="adam", random_state=0).set_params(solver__learning_rate=0.05)
    errors = []
    for _ in range(100):
        model.partial_fit(X, y)
        errors.append(np.mean((model.predict(X) - y) ** 2))
    assert model.n_iter_ == 100
    assert errors[-1] < 1e-3 * errors[0]
    with pytest.warns(UserWarning, match="partial_fit with an optimizer"):
        assert np.isnan(model.r2_)


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        (lambda m, X, y: m.fit(X.T, y[:3]), {}, "solver_='dual', which keeps no statistics"),
        (lambda m, X, y: m.set_params(solver="sgd").fit(X, y), {"solver": "auto"}, "solver_='SGD', which keeps no"),
        (lambda m, X, y: m.fit(X, y), {"solver": "sgd"}, "cannot continue with an optimizer from solver_='qr'"),
        (lambda m, X, y: m.fit(X, y), {"fit_intercept": False}, "fit_intercept has changed"),
        (lambda m, X, y: m.fit(X, y[:, None]), {}, "y had 1 columns in the last call"),
        (lambda m, X, y: m.fit(X, np.column_stack([y, y])), {}, "y had 2 columns in the last call"),
    ],
)
def test_what_cannot_go_on_says_so(before, after, message, rng, monkeypatch):
    X, y = rng.normal(size=(30, 3)), rng.normal(size=30)
    model = LeastSquaresRegressor()
    if "dual" in message:
        monkeypatch.setattr("skdl.linear.least_squares.solve.SMALL", 0)
        X, y = rng.normal(size=(30, 30)), rng.normal(size=30)
        model.fit(X[:5], y[:5])
    else:
        before(model, X, y)
    with pytest.raises(ValueError, match=message):
        model.set_params(**after).partial_fit(X, y)


def test_the_number_of_features_is_held(rng):
    X, y = rng.normal(size=(30, 3)), rng.normal(size=30)
    with pytest.raises(ValueError, match="X has 2 features, but LeastSquaresRegressor is expecting 3"):
        LeastSquaresRegressor().fit(X, y).partial_fit(X[:, :2], y)


@pytest.mark.parametrize("one_output", [True, False])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_an_optimizer_goes_on_from_public_coefficients(fit_intercept, dtype, one_output):
    """One full-batch step: that of gradient descent on the formula, from the coefficients that were set."""
    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(64, 3)).astype(dtype), rng.normal(size=(64, 2)).astype(dtype)
    y = Y[:, 0] if one_output else Y
    params = {"solver": SGD(0.1), "fit_intercept": fit_intercept, "batch_size": 64, "random_state": 0}
    params["max_iter"] = 10**6  # for a rate that the schedule has not lowered yet
    kept = LeastSquaresRegressor(**params).partial_fit(X, y).partial_fit(X, y)
    model = LeastSquaresRegressor(**params).partial_fit(X, y)
    model.coef_ = model.coef_.copy()  # equal numbers are not a change
    assert_array_equal(model.partial_fit(X, y).coef_, kept.coef_)
    start = np.array([[5.0, -3.0, 0.5], [1.0, 2.0, 3.0]])[0 if one_output else slice(None)]
    model.coef_ = start.astype(dtype)
    assert_allclose(model.predict(X), X @ start.T + model.intercept_, rtol=1e-4)
    before, intercept = model.coef_.copy(), np.copy(model.intercept_)
    model.partial_fit(X, y)
    # In units of standardised columns, half the mean of squares over the outputs: coef -= rate * X'r / (n k variance).
    residual = X @ before.T + intercept - y
    centred = X - X.mean(axis=0) if fit_intercept else X
    step = 0.1 * (centred / (centred**2).mean(axis=0)).T @ residual / (64 if one_output else 128)
    assert_allclose(model.coef_, before - step.T, rtol=1e-5, atol=1e-6)


def test_what_cannot_go_on_from_changed_coefficients():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(30, 2)), rng.normal(size=30)
    model = LeastSquaresRegressor().fit(X, y)
    model.coef_ = model.coef_.copy()
    model.partial_fit(X, y)
    model.coef_[0] += 1e-9
    with pytest.raises(ValueError, match="partial_fit would forget that: a direct solver computes them anew"):
        model.partial_fit(X, y)
    model.fit(X, y).intercept_ = 3.0
    with pytest.raises(ValueError, match="partial_fit would forget that"):
        model.partial_fit(X, y)
    model = LeastSquaresRegressor(solver="adam", fit_intercept=False, max_iter=2).fit(X, y)
    model.coef_ = np.zeros(3)
    with pytest.raises(ValueError, match=r"coef_ must have the shape \(2,\) .* They have \(3,\)"):
        model.partial_fit(X, y)
    model.coef_, model.intercept_ = np.zeros(2), 1.0
    with pytest.raises(ValueError, match="intercept_ must stay zero"):
        model.partial_fit(X, y)
