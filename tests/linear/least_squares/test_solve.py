"""All solvers find the same minimum: that of rational arithmetic, of scikit-learn, or where the gradient is zero."""

import numpy as np
import pandas as pd
import pytest
import sklearn
from exact import designs, exact_least_squares, fractions
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from skdl import LeastSquaresRegressor

SOLVERS = ("cholesky", "qr", "svd")


@parametrize_with_checks(
    [
        LeastSquaresRegressor(solver="cholesky"),
        LeastSquaresRegressor(solver="svd"),
        LeastSquaresRegressor(solver="lbfgs"),
    ]
)
def test_scikit_learn_checks(estimator, check):
    check(estimator)


@pytest.fixture
def rng():
    return np.random.default_rng(9)


@pytest.fixture
def large(monkeypatch):
    """Let no data be small enough for the most exact way."""
    monkeypatch.setattr("skdl.linear.least_squares.solve.SMALL", 0)


def gradient(model, X, Y, weight=None):
    """Of the objective by the coefficients and the intercepts, from the formula in the docstring."""
    weight = np.ones(len(X)) if weight is None else weight
    coef, intercept = np.atleast_2d(model.coef_).T, np.atleast_1d(model.intercept_)
    residual = (Y.reshape(len(Y), -1) - X @ coef - intercept) * weight[:, None] / weight.sum()
    prior = 0.0 if model.prior is None else np.atleast_2d(model.prior).T
    return -2 * X.T @ residual + np.reshape(model.alpha, (-1, 1)) * (coef - prior), residual.sum(axis=0)


# ------------------------------------------------------------------------------------------------ exactness


@pytest.mark.parametrize("alpha", [0.0, 0.3, 1e-12])
@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("name", designs())
def test_rational_arithmetic(name, solver, fit_intercept, alpha, rng):
    X = designs()[name]
    y, weight = rng.normal(size=len(X)) + 5, rng.integers(1, 5, len(X)) / 4
    coef, _, rank = exact_least_squares(X, y, alpha, weight, fit_intercept)
    model = LeastSquaresRegressor(alpha, fit_intercept=fit_intercept, solver=solver).fit(X, y, weight)
    assert model.rank_ == rank
    loss = 1e4 if name == "offset 1e6" and not fit_intercept else 1
    loss *= 10 if "scales" in name and solver == "svd" else 1
    assert_allclose(model.coef_, coef, rtol=0, atol=loss * 1e-12 * max(np.abs(coef).max(), 1e-300))


@pytest.mark.parametrize("solver", ["qr", "svd"])
@pytest.mark.parametrize("size", [1.0, 1e-6, 1e-12])
def test_a_small_penalty_on_some_of_dependent_columns(size, solver, rng):
    """It alone decides how columns that depend on each other share what they explain."""
    X = rng.integers(-9, 9, (30, 4)).astype(float)
    X = np.column_stack([X, X[:, 0] - X[:, 2], 8 * X[:, 1]]) + 1
    y, alpha = rng.normal(size=30) * 5, size * np.array([1.0, 0.0, 2.0, 0.0, 1.0, 0.5])
    model = LeastSquaresRegressor(alpha, solver=solver).fit(X, y)
    expected = np.array(rational_ridge(X, y, alpha, np.ones(30), np.zeros(6), True), dtype=float)
    assert_allclose(np.append(model.coef_, model.intercept_), expected, atol=1e-9)


def nearly_dependent(rng, n, d, condition):
    left, right = (np.linalg.qr(rng.normal(size=shape))[0] for shape in ((n, d), (d, d)))
    return left * np.geomspace(1, 1 / condition, d) @ right.T


@pytest.mark.usefixtures("large")
@pytest.mark.parametrize(
    ("condition", "solver", "tolerance"),
    [(1e1, "cholesky", 1e-12), (1e3, "cholesky", 1e-10), (1e5, "qr", 2e-15), (1e8, "qr", 2e-15)],
)
def test_auto_keeps_its_promise_at_every_condition(condition, solver, tolerance, rng):
    X = nearly_dependent(rng, 60, 5, condition) + 1.0
    y = X @ np.ones(5) + rng.normal(size=60)
    model = LeastSquaresRegressor().fit(X, y)
    coef, intercept, _ = exact_least_squares(X, y)
    assert model.solver_ == solver
    assert np.linalg.norm(model.coef_ - coef) <= tolerance * np.linalg.norm(coef)
    assert_allclose(model.intercept_, intercept, rtol=100 * tolerance)


@pytest.mark.parametrize("alpha", [0.0, 1e-3, [0.0, 1.0, 1e-6, 10.0]])
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_qr_is_exact_to_the_last_bits(alpha, fit_intercept, rng):
    X = nearly_dependent(rng, 40, 4, 1e7) * [1.0, 1e-5, 1e5, 1.0] + 3.0
    y, weight, prior = rng.normal(size=40), rng.integers(1, 5, 40) / 4, rng.integers(-3, 4, 4).astype(float)
    model = LeastSquaresRegressor(alpha, fit_intercept=fit_intercept, solver="qr", prior=prior).fit(X, y, weight)
    expected = rational_ridge(X, y, np.broadcast_to(alpha, 4), weight, prior, fit_intercept)
    found = np.append(model.coef_, model.intercept_) if fit_intercept else model.coef_
    assert_allclose(found, expected, rtol=4e-16)


def rational_ridge(X, y, alpha, weight, prior, fit_intercept):
    """Normal equations with the intercept as one more column, in fractions."""
    rows = [fractions(row) + (fractions([1.0]) if fit_intercept else []) for row in X]
    w, targets = fractions(weight), fractions(y)
    p, d, total = len(rows[0]), len(alpha), sum(fractions(weight))
    left = [[sum(c * row[i] * row[j] for c, row in zip(w, rows, strict=True)) for j in range(p)] for i in range(p)]
    right = [sum(c * row[i] * t for c, row, t in zip(w, rows, targets, strict=True)) for i in range(p)]
    for j, (a, centre) in enumerate(zip(fractions(alpha), fractions(prior), strict=True)):
        left[j][j] += a / 2 * total
        right[j] += a / 2 * total * centre
    for i in range(p):
        pivot = left[i][i]
        left[i], right[i] = [value / pivot for value in left[i]], right[i] / pivot
        for r in range(p):
            if r != i and left[r][i]:
                factor = left[r][i]
                left[r] = [a - factor * b for a, b in zip(left[r], left[i], strict=True)]
                right[r] -= factor * right[i]
    assert d <= p
    return np.array([float(value) for value in right])


def test_data_without_error_are_found_exactly(rng):
    X, coef = rng.integers(-99, 100, (50, 4)).astype(float), np.array([3.0, -1.0, 0.25, 7.0])
    model = LeastSquaresRegressor().fit(X, X @ coef + 2.0)
    assert_array_equal(model.coef_, coef)
    assert model.intercept_ == 2.0


# ------------------------------------------------------------------------------------------------ penalty and prior


@pytest.mark.parametrize("shape", [(60, 4), (5, 9)])
@pytest.mark.parametrize("solver", [*SOLVERS, "lbfgs"])
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_the_gradient_is_zero_with_a_penalty_for_each_feature_and_a_prior(shape, solver, fit_intercept, rng):
    X, Y, weight = rng.normal(size=shape) + 0.5, rng.normal(size=(shape[0], 2)) + 2, rng.uniform(0.5, 2, shape[0])
    alpha, prior = rng.uniform(0.1, 2.0, shape[1]), rng.normal(size=(2, shape[1]))
    model = LeastSquaresRegressor(alpha, prior=prior, solver=solver, fit_intercept=fit_intercept, max_iter=1000).fit(
        X, Y, weight
    )
    by_coef, by_intercept = gradient(model, X, Y, weight)
    tolerance = 1e-6 if solver == "lbfgs" else 1e-13
    assert_allclose(by_coef, 0, atol=tolerance)
    if fit_intercept:
        assert_allclose(by_intercept, 0, atol=tolerance)
    else:
        assert_array_equal(model.intercept_, 0.0)


@pytest.mark.parametrize("convert", [np.asarray, sparse.csr_array])
@pytest.mark.parametrize("solver", SOLVERS)
def test_the_prior_decides_where_the_data_do_not(solver, convert, rng):
    X, y, prior = rng.normal(size=(6, 9)), rng.normal(size=6), rng.normal(size=9)
    model = LeastSquaresRegressor(prior=prior, solver=solver).fit(convert(X), y)
    plain = LeastSquaresRegressor(solver=solver).fit(convert(X), y - X @ prior)
    assert_allclose(model.coef_, prior + plain.coef_, rtol=1e-10)
    assert_allclose(model.predict(convert(X)), y, rtol=1e-10)


def test_the_prior_of_a_large_sparse_problem(rng, monkeypatch):
    monkeypatch.setattr("skdl.linear.least_squares.solve.DIRECT_COLUMNS", 0)
    monkeypatch.setattr("skdl.linear.least_squares.solve.DIRECT_ELEMENTS", 0)
    X, y = sparse.random(40, 8, 0.5, format="csr", random_state=0), rng.normal(size=40)
    for shape, data, target in (("tall", X, y), ("wide", X[:5], y[:5])):
        for alpha in (0.0, rng.uniform(0.1, 1, 8)):
            prior = rng.normal(size=8)
            found = LeastSquaresRegressor(alpha, prior=prior).fit(data, target)
            direct = LeastSquaresRegressor(alpha, prior=prior, solver="qr").fit(data, target)
            assert found.solver_ == "lsmr", shape
            assert_allclose(found.coef_, direct.coef_, atol=1e-8)


@pytest.mark.parametrize("solver", SOLVERS)
def test_a_penalty_on_some_features_only(solver, rng):
    # Of two equal columns, all of the effect goes to the one that is free.
    x = rng.normal(size=30)
    model = LeastSquaresRegressor([0.0, 0.5], solver=solver).fit(np.column_stack([x, x]), 3 * x)
    assert_allclose(model.coef_, [3.0, 0.0], atol=1e-12)
    assert model.rank_ == 1
    # Of three, the two that are free share it.
    model = LeastSquaresRegressor([0.0, 0.5, 0.0], solver=solver).fit(np.column_stack([x, x, x]), 3 * x)
    assert_allclose(model.coef_, [1.5, 0.0, 1.5], atol=1e-12)


def test_an_infinitely_strong_prior_is_met(rng):
    X, y, prior = rng.normal(size=(30, 3)), rng.normal(size=30), np.array([1.0, 2.0, 3.0])
    for solver in SOLVERS:
        assert_allclose(LeastSquaresRegressor(1e14, prior=prior, solver=solver).fit(X, y).coef_, prior, rtol=1e-12)


# ------------------------------------------------------------------------------------------------ the fast ways


# ------------------------------------------------------------------------------------------------ optimizers


# ------------------------------------------------------------------------------------------------ parameters


def test_solver_is_a_slot(rng):
    model = LeastSquaresRegressor(solver="sgd")
    model.set_params(solver__learning_rate=0.25)
    assert model.solver.learning_rate == 0.25
    assert sklearn.clone(model).get_params()["solver__learning_rate"] == 0.25
    with pytest.raises(ValueError, match="'solver' of LeastSquaresRegressor holds 'auto', which has no parameters"):
        LeastSquaresRegressor().set_params(solver__learning_rate=0.25)


def test_in_a_pipeline_and_a_search(rng):
    frame = pd.DataFrame(rng.normal(size=(60, 3)), columns=list("abc"))
    y = frame["a"] - frame["b"] + rng.normal(size=60) / 10
    pipeline = make_pipeline(StandardScaler().set_output(transform="pandas"), LeastSquaresRegressor())
    grid = {"leastsquaresregressor__alpha": [0.0, 100.0], "leastsquaresregressor__solver": ["auto", "svd", "lbfgs"]}
    search = GridSearchCV(pipeline, grid, cv=3, error_score="raise").fit(frame, y)
    assert search.best_params_["leastsquaresregressor__alpha"] == 0.0
    assert list(search.best_estimator_[-1].summary().index) == ["intercept", "a", "b", "c"]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"solver": "choleski"}, "'solver' parameter of LeastSquaresRegressor: .*choleski.*Direct solvers are 'auto'"),
        ({"solver": None}, "'solver' parameter of LeastSquaresRegressor"),
        ({"alpha": [1.0, 2.0]}, "'alpha' parameter must be a number .* or an array of 3 such numbers"),
        ({"alpha": [1.0, -2.0, 0.0]}, r"'alpha' .* range \[0, inf\)"),
        ({"alpha": ["a", "b", "c"]}, "'alpha' parameter must be a number"),
        ({"prior": [1.0, 2.0]}, r"'prior' parameter must hold finite coefficients of shape \(3,\) or \(1, 3\)"),
        ({"prior": [1.0, np.nan, 2.0]}, "'prior' parameter must hold finite"),
        ({"prior": [[1.0, 2.0, 3.0]] * 2}, "'prior' parameter must hold finite"),
        ({"max_iter": 0}, "'max_iter' parameter of LeastSquaresRegressor must be an int"),
        ({"batch_size": "all"}, "'batch_size' parameter of LeastSquaresRegressor must be one of {'auto'}|'batch_size'"),
    ],
)
def test_bad_parameters(parameters, message, rng):
    with pytest.raises((ValueError, TypeError), match=message):
        LeastSquaresRegressor(**parameters).fit(rng.normal(size=(10, 3)), rng.normal(size=10))


def test_what_the_fit_took_is_not_changed_nor_kept(rng):
    X, y = rng.normal(size=(5000, 8)), rng.normal(size=5000)
    prior = np.ones(8)
    for solver in SOLVERS:
        model = LeastSquaresRegressor(0.1, prior=prior, solver=solver).fit(X, y)
        assert_array_equal(prior, 1.0)
        kept = sum(array.nbytes for array in reachable(vars(model)))
        assert kept < X.nbytes / 20


def reachable(value):
    if isinstance(value, np.ndarray):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from reachable(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from reachable(item)


def test_scikit_learn_loses_a_small_column_that_is_kept_here(rng):
    # The reason for units of their own: columns 1e7 apart, of which LinearRegression's default tol drops one.
    X = rng.normal(size=(20_000, 2)) * [1e7, 1.0]
    y = 1e-7 * X[:, 0] + X[:, 1]
    assert LinearRegression().fit(X, y).score(X, y) < 0.9
    model = LeastSquaresRegressor().fit(X, y)
    assert model.solver_ == "cholesky"
    assert_allclose(model.coef_, [1e-7, 1.0], rtol=1e-13)
