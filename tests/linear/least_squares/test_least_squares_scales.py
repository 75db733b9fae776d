"""Values of any size: the result of the same problem in units of one, or an error that names the column."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from scipy import sparse

from skdl import LeastSquaresRegressor

SOLVERS = ("auto", "qr", "svd", "cholesky")


@pytest.fixture
def rng():
    return np.random.default_rng(11)


@pytest.mark.parametrize("n", [40, 6000])
@pytest.mark.parametrize("solver", [*SOLVERS, "positive", "partial", "lsmr"])
@pytest.mark.parametrize(
    ("x_exponent", "y_exponent"),
    [(0, 600), (0, -600), (600, 0), (-600, 0), ([-530, 490, 0], 300), (-900, -900), (950, 900), ([510, -510, 515], 0)],
    ids=str,
)
def test_powers_of_two_change_nothing_else(x_exponent, y_exponent, solver, n, rng, monkeypatch):
    X, weight = rng.normal(size=(n, 3)) + 0.5, rng.uniform(0.5, 2, n)
    y = X @ [1.0, -2.0, 3.0] + rng.normal(size=n) + 2
    Xs, ys = np.ldexp(X, x_exponent), np.ldexp(y, y_exponent)
    model = LeastSquaresRegressor(solver=solver if solver in SOLVERS else "auto", positive=solver == "positive")
    if solver == "lsmr":
        monkeypatch.setattr("skdl.linear.least_squares.solve.DIRECT_COLUMNS", 0)
        monkeypatch.setattr("skdl.linear.least_squares.solve.DIRECT_ELEMENTS", 0)
        if np.ndim(x_exponent):
            pytest.skip("the iteration compares columns as they are: those of such different sizes are for the others")
        X, Xs = sparse.csr_array(X), sparse.csr_array(Xs)
    reference = LeastSquaresRegressor(solver=model.solver, positive=model.positive).fit(X, y, weight)
    if solver == "partial":
        model.partial_fit(Xs[:17], ys[:17], weight[:17]).partial_fit(Xs[17:], ys[17:], weight[17:])
    else:
        model.fit(Xs, ys, weight)
    found = np.ldexp(model.coef_, np.asarray(x_exponent) - y_exponent)
    assert_allclose(found, reference.coef_, rtol=1e-9, atol=1e-12)
    assert_allclose(np.ldexp(model.predict(Xs), -y_exponent), reference.predict(X), rtol=1e-9, atol=1e-9)
    assert_allclose(model.r2_, reference.r2_, rtol=1e-9)
    if solver in ("positive", "lsmr"):
        return
    assert model.rank_ == 3
    assert_allclose(np.ldexp(model.residual_std_, -y_exponent), reference.residual_std_, rtol=1e-9)
    assert_allclose(model.condition_number_, reference.condition_number_, rtol=1e-6)
    errors, due = (each.summary()["standard_error"].to_numpy() for each in (model, reference))
    assert_allclose(np.ldexp(errors[1:], np.asarray(x_exponent) - y_exponent), due[1:], rtol=1e-9)
    assert_allclose(np.ldexp(errors[0], -y_exponent), due[0], rtol=1e-9)


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize(
    ("x_size", "y_size", "dtype"),
    [(1e-170, 1e170, np.float64), (1e200, 1e-120, np.float64), (1e-20, 1e20, np.float32), (1e20, 1e-20, np.float32)],
)
def test_coefficients_out_of_range_are_refused(x_size, y_size, dtype, solver, rng):
    X = pd.DataFrame(rng.normal(size=(30, 2)), columns=["length", "width"])
    y = X["length"] - X["width"] + rng.normal(size=30)
    X["width"] *= x_size
    X, y = X.astype(dtype), (y * y_size).astype(dtype)
    with pytest.raises(ValueError, match=r"Column 'width' of X reaches .* out of the range of float.*Scale X or y"):
        LeastSquaresRegressor(solver=solver).fit(X, y)
    model = LeastSquaresRegressor(solver=solver)
    with pytest.raises(ValueError, match="Column 1 of X reaches"):
        model.partial_fit(X.to_numpy(), y.to_numpy())
    assert not hasattr(model, "coef_")


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("size", [1e-300, 1e300])
def test_an_optimizer_names_the_columns_of_a_frame(size, fit_intercept, rng):
    X = pd.DataFrame(rng.normal(size=(30, 2)), columns=["length", "width"]) * [1.0, size]
    model = LeastSquaresRegressor(solver="adam", fit_intercept=fit_intercept)
    with pytest.raises(ValueError, match=r"Column 'width' of X holds .*e[+-]"):
        model.fit(X, rng.normal(size=30))
    with pytest.raises(ValueError, match=r"Column 1 of X holds .*e[+-]"):
        model.partial_fit(X.to_numpy(), rng.normal(size=30))


@pytest.mark.parametrize("n", [30, 9000])
@pytest.mark.parametrize("convert", [np.asarray, sparse.csr_array], ids=["dense", "sparse"])
@pytest.mark.parametrize("solver", [*SOLVERS, "adam"])
def test_what_stands_for_infinity_is_named(solver, convert, n, rng):
    """`nan_to_num` makes the largest float of infinity."""
    X = np.nan_to_num(np.where(np.arange(n * 2).reshape(n, 2) == 7, np.inf, rng.normal(size=(n, 2))))
    with pytest.raises(ValueError, match=r"Column 1 of X holds 1.798e\+308; .*missing or infinite"):
        LeastSquaresRegressor(solver=solver).fit(convert(X), rng.normal(size=n))
    y = rng.normal(size=n)
    y[3] = -np.finfo(float).max
    with pytest.raises(ValueError, match=r"y holds -1.8e\+308; .*Scale y"):
        LeastSquaresRegressor(solver=solver).fit(convert(np.minimum(X, 1.0)), y)


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("alpha", [0.0, 1e-3, [0.1, 0.0, 0.1, 0.1]])
def test_constants_have_no_effect_however_large_they_are(alpha, solver, rng):
    """By rounding alone, the mean of a column of 1e300 would be off by more than all else that varies."""
    x = rng.normal(size=31)
    X = np.column_stack([x, np.zeros(31), np.full(31, 1e300), np.full(31, 1.6e18 + 1000)])
    y = x + rng.normal(size=31)
    model = LeastSquaresRegressor(alpha, solver=solver).fit(X, y)
    alone = LeastSquaresRegressor(np.ravel(alpha)[:1], solver=solver).fit(X[:, :1], y)
    assert model.coef_[1:].tolist() == [0.0, 0.0, 0.0]
    assert_allclose(model.predict(X), alone.predict(X[:, :1]), rtol=1e-12)
    assert_allclose(LeastSquaresRegressor(alpha, solver=solver).fit(X, np.zeros(31)).predict(X), 0, atol=1e-300)
