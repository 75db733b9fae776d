"""Certified digits, standard errors, and what is not defined."""

import numpy as np
import pandas as pd
import pytest
from exact import exact_least_squares, fractions
from nist import FOLDER, LONGLEY, NORRIS, digits, problem
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse, stats
from sklearn.exceptions import NotFittedError, UndefinedMetricWarning

from skdl import LeastSquaresRegressor

CARRIED = {"Norris": NORRIS, "Longley": LONGLEY}
# What the issue asks for, or where that is more the ceiling that rounding the decimal data to float64 sets.
CERTIFIED = {
    "Norris": 14, "Pontius": 13.4, "NoInt1": 14.6, "NoInt2": 15, "Longley": 14.5, "Wampler1": 15, "Wampler2": 13.1,
    "Wampler3": 15, "Wampler4": 15, "Wampler5": 15, "Filip": 7.5,
}  # fmt: skip


def nist(name):
    data = CARRIED[name] if name in CARRIED and not FOLDER.exists() else problem(name)
    x, degree = np.asarray(data["x"], dtype=float), data["polynomial_degree"]
    X = x if degree is None else x[:, None] ** np.arange(1, degree + 1)
    return data, X, np.asarray(data["y"], dtype=float)


@pytest.fixture
def rng():
    return np.random.default_rng(7)


@pytest.mark.parametrize("solver", ["auto", "qr", "svd"])
@pytest.mark.parametrize("name", CERTIFIED)
def test_certified_coefficients(name, solver):
    data, X, y = nist(name)
    model = LeastSquaresRegressor(fit_intercept=data["intercept"], solver=solver).fit(X, y)
    found = np.append(model.intercept_, model.coef_) if data["intercept"] else model.coef_
    assert digits(found, data["certified_coef"]) >= CERTIFIED[name]
    assert model.rank_ == X.shape[1]


@pytest.mark.parametrize("name", [name for name in CERTIFIED if name != "Filip"])
def test_certified_statistics(name):
    data, X, y = nist(name)
    model = LeastSquaresRegressor(fit_intercept=data["intercept"]).fit(X, y)
    table = model.summary()
    assert digits(table["standard_error"], data["certified_sd"]) > 13
    assert digits(table["coefficient"], data["certified_coef"]) >= CERTIFIED[name]
    assert digits(model.residual_std_, data["residual_sd"]) > 13
    assert digits(model.r2_, data["r2"]) > 12.5  # Wampler5's is 0.002, the difference of 1 and a float


def test_the_problems_carried_here_are_those_of_the_files():
    for name, carried in CARRIED.items():
        data = problem(name)
        for key, value in carried.items():
            assert data[key] == value, (name, key)


def test_summary_in_rational_arithmetic(rng):
    X, y, weight = rng.normal(size=(12, 3)) + 2, rng.normal(size=12), rng.integers(1, 4, 12)
    model = LeastSquaresRegressor().fit(X, y, weight)
    coef, intercept, _ = exact_least_squares(X, y, 0.0, weight)
    n, p = weight.sum(), 4
    rows = np.column_stack([np.ones(12), X])
    rss = weight @ (y - rows @ np.append(intercept, coef)) ** 2
    covariance = np.array(inverse((rows * weight[:, None]).T @ rows), dtype=float) * rss / (n - p)
    errors = np.sqrt(np.diagonal(covariance))
    table = model.summary()
    assert list(table.index) == ["intercept", "x0", "x1", "x2"]
    assert list(table.columns) == ["coefficient", "standard_error", "t", "p_value", "lower_95", "upper_95"]
    assert_allclose(table["standard_error"], errors, rtol=1e-12)
    assert_allclose(table["t"], np.append(intercept, coef) / errors, rtol=1e-12)
    assert_allclose(table["p_value"], 2 * (1 - stats.t(n - p).cdf(np.abs(table["t"]))), rtol=1e-9)
    assert_allclose(stats.t(n - p).cdf((table["upper_95"] - table["coefficient"]) / errors), 0.975, rtol=1e-9)
    assert_allclose(table["upper_95"] + table["lower_95"], 2 * table["coefficient"], rtol=1e-12)
    assert_allclose(model.residual_std_, np.sqrt(rss / (n - p)), rtol=1e-12)
    mean = np.average(y, weights=weight)
    assert_allclose(model.r2_, 1 - rss / (weight @ (y - mean) ** 2), rtol=1e-12)
    assert_allclose(model.r2_, model.score(X, y, weight), rtol=1e-12)


def inverse(matrix):
    """Of a float64 matrix, exactly."""
    d = len(matrix)
    rows = [fractions(row) + fractions(unit) for row, unit in zip(matrix, np.eye(d), strict=True)]
    for i in range(d):
        rows[i] = [value / rows[i][i] for value in rows[i]]
        for r in range(d):
            if r != i:
                rows[r] = [a - rows[r][i] * b for a, b in zip(rows[r], rows[i], strict=True)]
    return [row[d:] for row in rows]


def test_intervals_cover_and_p_values_are_uniform(rng):
    # Independent of any formula: the defining properties, over 400 samples of one model.
    X, truth = rng.normal(size=(15, 2)) + 3, np.array([1.0, 2.0, 0.0])
    covered, p_values = [], []
    for _ in range(400):
        y = truth[0] + X @ truth[1:] + rng.normal(size=15)
        table = LeastSquaresRegressor().fit(X, y).summary()
        covered.append((table["lower_95"] < truth) & (truth < table["upper_95"]))
        p_values.append(table["p_value"].iloc[2])
    assert np.all(np.abs(np.mean(covered, axis=0) - 0.95) < 0.035)  # three standard deviations
    assert stats.kstest(p_values, "uniform").pvalue > 0.001


@pytest.mark.parametrize("solver", ["cholesky", "qr", "svd"])
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_weights_are_repetitions(solver, fit_intercept, rng):
    X, Y, count = rng.normal(size=(40, 3)) + 1, rng.normal(size=(40, 2)), rng.integers(0, 4, 40)
    model = LeastSquaresRegressor(solver=solver, fit_intercept=fit_intercept)
    repeated = model.fit(np.repeat(X, count, axis=0), np.repeat(Y, count, axis=0)).summary()
    assert_allclose(model.fit(X, Y, count).summary(), repeated, rtol=1e-9, atol=1e-12)


def test_solvers_agree_on_every_statistic(rng):
    X = rng.normal(size=(500, 4)) * [1.0, 1e5, 1e-5, 1.0] + [0.0, 1e6, 0.0, 3.0]
    Y = X @ rng.normal(size=(4, 2)) + rng.normal(size=(500, 2))
    reference = LeastSquaresRegressor(solver="qr").fit(X, Y)
    for solver in ("cholesky", "svd"):
        model = LeastSquaresRegressor(solver=solver).fit(X, Y)
        assert model.solver_ == solver
        assert_allclose(model.summary().drop(columns="p_value"), reference.summary().drop(columns="p_value"), rtol=1e-9)
        assert_allclose(model.r2_, reference.r2_, rtol=1e-12)
        assert_allclose(model.residual_std_, reference.residual_std_, rtol=1e-12)
        assert_allclose(model.condition_number_, reference.condition_number_, rtol=1e-9)


def test_several_outputs_and_names(rng):
    frame = pd.DataFrame(rng.normal(size=(20, 2)), columns=["length", "width"])
    Y = rng.normal(size=(20, 2))
    model = LeastSquaresRegressor().fit(frame, Y)
    table = model.summary()
    assert table.index.names == ["output", "term"]
    assert list(table.loc[1].index) == ["intercept", "length", "width"]
    assert model.r2_.shape == model.residual_std_.shape == (2,)
    for output in (0, 1):
        alone = LeastSquaresRegressor().fit(frame, Y[:, output])
        assert_allclose(table.loc[output], alone.summary(), rtol=1e-9)
        assert isinstance(alone.r2_, float)
        assert isinstance(alone.residual_std_, float)
    without = LeastSquaresRegressor(fit_intercept=False).fit(frame, Y[:, 0])
    assert list(without.summary().index) == ["length", "width"]


def test_r2_without_intercept_is_relative_to_zero(rng):
    X, y = rng.normal(size=(20, 2)), rng.normal(size=20) + 5
    model = LeastSquaresRegressor(fit_intercept=False).fit(X, y)
    assert_allclose(model.r2_, 1 - np.sum((y - model.predict(X)) ** 2) / np.sum(y**2), rtol=1e-12)


def test_condition_number_is_that_of_centred_columns_of_unit_length(rng):
    X = rng.normal(size=(50, 4)) @ rng.normal(size=(4, 4)) * [1e-6, 1.0, 1.0, 1e9] + 7
    for fit_intercept in (True, False):
        columns = X - X.mean(axis=0) * fit_intercept
        expected = np.linalg.cond(columns / np.linalg.norm(columns, axis=0))
        for solver in ("cholesky", "qr", "svd"):
            model = LeastSquaresRegressor(solver=solver, fit_intercept=fit_intercept).fit(X, X[:, 0])
            assert_allclose(model.condition_number_, expected, rtol=1e-8)
    assert LeastSquaresRegressor().fit(X[:3], X[:3, 0]).condition_number_ == np.inf


def undefined(rng):
    X, y = rng.normal(size=(12, 3)), rng.normal(size=12)
    dependent = np.column_stack([X, X @ [1.0, -1.0, 2.0] + 1])
    return {
        "penalty": (LeastSquaresRegressor(alpha=1.0), X, y, "penalty"),
        "one penalty": (LeastSquaresRegressor(alpha=[0, 0, 1.0]), X, y, "penalty"),
        "no degrees of freedom": (LeastSquaresRegressor(), X[:4], y[:4], "degrees of freedom: 4 rows .* 4 parameters"),
        "wide": (LeastSquaresRegressor(), X.T, y[:3], "degrees of freedom"),
        "dependent": (LeastSquaresRegressor(), dependent, y, r"intercept, x0, x1, x2, x3, which .*\(rank_=3 of 4\)"),
        "optimizer": (LeastSquaresRegressor(solver="lbfgs"), X, y, "solver_='LBFGS', which does not compute the rank"),
    }


@pytest.mark.parametrize("case", undefined(np.random.default_rng(0)))
def test_what_is_not_defined_is_nan_with_a_warning(case, rng):
    model, X, y, message = undefined(rng)[case]
    model.fit(X, y)  # where no warning is due
    with pytest.warns(UndefinedMetricWarning, match=message):
        table = model.summary()
    assert_allclose(table["coefficient"], np.append(model.intercept_, model.coef_))
    assert table.drop(columns="coefficient").isna().all(axis=None)
    if case != "dependent":
        with pytest.warns(UndefinedMetricWarning, match=message):
            assert np.isnan(model.residual_std_)
    else:
        residual = y - model.predict(X)
        assert_allclose(model.residual_std_, np.sqrt(residual @ residual / (12 - 4)), rtol=1e-12)
    assert_allclose(model.r2_, model.score(X, y), atol=1e-9)


@pytest.mark.parametrize("solver", ["qr", "cholesky"])
def test_a_constant_target_has_no_r2(solver, rng):
    X = rng.normal(size=(30, 2))
    model = LeastSquaresRegressor(solver=solver).fit(X, np.full(30, 0.1))
    with pytest.warns(UndefinedMetricWarning, match="r2_ is not defined"):
        assert np.isnan(model.r2_)
    assert_allclose(model.intercept_, 0.1, rtol=1e-15)
    assert_allclose(model.coef_, 0, atol=1e-16)


def test_after_the_iteration_for_large_sparse_data(rng, monkeypatch):
    monkeypatch.setattr("skdl.linear.least_squares.solve.DIRECT_COLUMNS", 0)
    monkeypatch.setattr("skdl.linear.least_squares.solve.DIRECT_ELEMENTS", 0)
    X, y = sparse.random(50, 5, 0.5, format="csr", random_state=0), rng.normal(size=50)
    model = LeastSquaresRegressor().fit(X, y)
    assert model.solver_ == "lsmr"
    assert np.isnan(model.condition_number_)
    assert_allclose(model.r2_, LeastSquaresRegressor(solver="qr").fit(X, y).r2_, rtol=1e-9)
    with pytest.warns(UndefinedMetricWarning, match="lsmr"):
        model.summary()


@pytest.mark.parametrize("name", ["r2_", "residual_std_", "condition_number_", "summary"])
def test_before_fit(name):
    model = LeastSquaresRegressor()
    with pytest.raises(NotFittedError, match=name):
        model.summary() if name == "summary" else getattr(model, name)
    assert name == "summary" or not hasattr(model, name)


def test_statistics_are_of_the_fit_and_not_of_parameters_set_later(rng):
    X, y = rng.normal(size=(30, 2)), rng.normal(size=30)
    model = LeastSquaresRegressor().fit(X, y)
    before = model.summary()
    model.set_params(alpha=1.0, fit_intercept=False)
    assert_array_equal(model.summary(), before)


@pytest.mark.parametrize("one_output", [True, False])
@pytest.mark.parametrize("changed", ["coef_", "intercept_"])
def test_statistics_of_coefficients_that_were_changed_are_refused(changed, one_output, rng):
    X, y = rng.normal(size=(30, 2)), rng.normal(size=30)
    model = LeastSquaresRegressor().fit(X, y if one_output else y[:, None])
    due, number = model.summary(), model.condition_number_
    kept = np.copy(getattr(model, changed))
    setattr(model, changed, kept * 0.0)
    with pytest.raises(ValueError, match="summary describes the coefficients that the last fit found"):
        model.summary()
    for name in ("r2_", "residual_std_"):
        with pytest.raises(AttributeError, match=f"{name} describes the coefficients that the last fit found"):
            getattr(model, name)
    assert model.condition_number_ == number  # which X alone decides
    assert "LeastSquaresRegressor" in model._repr_html_()
    setattr(model, changed, kept)
    assert_array_equal(model.summary(), due)


def test_a_feature_called_intercept(rng):
    frame = pd.DataFrame(rng.normal(size=(20, 3)), columns=["intercept", "(intercept)", "width"])
    table = LeastSquaresRegressor().fit(frame[["intercept", "width"]], frame["width"] + rng.normal(size=20)).summary()
    assert list(table.index) == ["(intercept)", "intercept", "width"]
    table = LeastSquaresRegressor().fit(frame, rng.normal(size=20)).summary()
    assert list(table.index) == ["((intercept))", "intercept", "(intercept)", "width"]
    without = LeastSquaresRegressor(fit_intercept=False).fit(frame, rng.normal(size=20)).summary()
    assert list(without.index) == list(frame.columns)
