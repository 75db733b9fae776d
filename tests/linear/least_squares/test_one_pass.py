"""Least squares by one pass over many rows or columns."""

import threading

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.linear_model import Ridge

from skdl import LeastSquaresRegressor

SOLVERS = ("cholesky", "qr", "svd")


@pytest.fixture
def rng():
    return np.random.default_rng(9)


@pytest.fixture
def large(monkeypatch):
    """Let no data be small enough for the most exact way."""
    monkeypatch.setattr("skdl.linear.least_squares.solve.SMALL", 0)


@pytest.mark.usefixtures("large")
@pytest.mark.parametrize("alpha", [0.0, 0.2])
@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("convert", [np.asarray, np.asfortranarray, sparse.csr_array, lambda X: X[:, ::-1][:, ::-1]])
@pytest.mark.parametrize("offset", [0.0, 30.0])
def test_one_pass_over_any_kind_of_rows(alpha, fit_intercept, dtype, convert, offset, rng, monkeypatch):
    monkeypatch.setattr("skdl.linear.solvers.blocks.BLOCK_BYTES", 2**12)
    X = (rng.normal(size=(1000, 6)) + offset).astype(dtype)
    y, weight = (X @ np.arange(6.0) + rng.normal(size=1000)).astype(dtype), rng.integers(0, 3, 1000)
    model = LeastSquaresRegressor(alpha, fit_intercept=fit_intercept)
    assert model.fit(convert(X), y, weight).solver_ == "cholesky"
    reference = Ridge(alpha * weight.sum() / 2, fit_intercept=fit_intercept, solver="svd")
    reference.fit(X.astype(float), y.astype(float), weight)
    assert_allclose(model.coef_, reference.coef_, rtol=0, atol=2e-6 if dtype == np.float32 else 1e-11)
    assert_allclose(model.intercept_, reference.intercept_, rtol=1e-4 if dtype == np.float32 else 1e-9)
    assert_array_equal(model.fit(convert(X), y, weight).coef_, model.fit(X, y, weight).coef_)


@pytest.mark.usefixtures("large")
@pytest.mark.parametrize("alpha", [0.0, 0.2])
@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("blocks", [1, 10])
def test_more_features_than_samples(alpha, fit_intercept, blocks, rng, monkeypatch):
    monkeypatch.setattr("skdl.linear.solvers.dual.LEAST_COLUMNS", 60 // blocks)
    monkeypatch.setattr("skdl.linear.solvers.dual.BLOCK_BYTES", 1)
    X, Y, weight = rng.normal(size=(20, 60)) + 1, rng.normal(size=(20, 2)) + 3, rng.integers(1, 4, 20)
    model = LeastSquaresRegressor(alpha, fit_intercept=fit_intercept).fit(X, Y, weight)
    reference = LeastSquaresRegressor(alpha, fit_intercept=fit_intercept, solver="qr").fit(X, Y, weight)
    assert model.solver_ == "dual"
    assert model.rank_ == reference.rank_ == 20 - fit_intercept
    assert_allclose(model.coef_, reference.coef_, rtol=0, atol=1e-13)
    assert_allclose(model.intercept_, reference.intercept_, rtol=1e-12)
    assert_allclose(model.r2_, reference.r2_, rtol=1e-12)


@pytest.mark.usefixtures("large")
def test_more_features_than_samples_but_dependent(rng):
    X, y = rng.normal(size=(6, 30)), rng.normal(size=6)
    X[5] = X[4]
    model = LeastSquaresRegressor().fit(X, y)
    assert (model.solver_, model.rank_) == ("qr", 4)
    y[5] = y[4]  # else no line goes through both
    assert_allclose(LeastSquaresRegressor().fit(X, y).predict(X), y, rtol=1e-10)


@pytest.mark.usefixtures("large")
@pytest.mark.parametrize("shape", [(200, 5), (5, 40)])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_not_finite_is_found_on_the_fast_way(shape, value, rng):
    X, y = rng.normal(size=shape), rng.normal(size=shape[0])
    X[3, 2] = value
    weight = np.ones(shape[0])
    for given in (None, weight, np.where(np.arange(shape[0]) == 3, 0.0, 1.0)):
        with pytest.raises(ValueError, match=r"Input X contains (NaN|infinity)"):
            LeastSquaresRegressor().fit(X, y, given)
        with pytest.raises(ValueError, match=r"Input X contains (NaN|infinity)"):
            LeastSquaresRegressor().partial_fit(X, y, given)
    with pytest.raises(ValueError, match="Input X contains"):
        LeastSquaresRegressor().fit(sparse.csr_array(X), y)
    with pytest.raises(ValueError, match="Input X contains"):
        LeastSquaresRegressor(solver="lbfgs").fit(X, y)


@pytest.mark.usefixtures("large")
@pytest.mark.parametrize("size", [1e-200, 1e-140, 1e140, 1e200])
@pytest.mark.parametrize("shape", [(200, 3), (5, 40)])
def test_what_overflows_a_product_is_solved_all_the_same(size, shape, rng):
    X, y = rng.normal(size=shape), rng.normal(size=shape[0])
    expected = LeastSquaresRegressor().fit(X, y).coef_
    assert_allclose(LeastSquaresRegressor().fit(X * size, y).coef_ * size, expected, rtol=1e-9)
    assert_allclose(LeastSquaresRegressor().fit(X, y * size).coef_ / size, expected, rtol=1e-9)


@pytest.mark.usefixtures("large")
def test_constant_and_small_columns_are_told_apart(rng):
    X = rng.normal(size=(500, 3)) * [1.0, 1e-7, 1e7]
    y = X @ [1.0, 1e7, 1e-7]
    model = LeastSquaresRegressor().fit(X, y)
    assert (model.solver_, model.rank_) == ("cholesky", 3)
    assert_allclose(model.coef_, [1.0, 1e7, 1e-7], rtol=1e-12)
    X[:, 1] = 0.1
    model.fit(X, y)
    assert (model.solver_, model.rank_) == ("qr", 2)
    assert_allclose(model.coef_[1], 0.0, atol=1e-20)


@pytest.mark.usefixtures("large")
def test_float32_columns_that_rounding_made_dependent(rng):
    # In float64 they are not dependent, but float32 cannot say more than that they may be.
    X = (rng.normal(size=(500, 2)) * [1.0, 1e-4] + [0.0, 1e3]).astype(np.float32)
    assert len(np.unique(X[:, 1])) > 3
    for solver in ("auto", "qr"):
        assert (
            LeastSquaresRegressor(solver=solver).fit(X, X[:, 0]).rank_
            == LeastSquaresRegressor(solver="svd").fit(X, X[:, 0]).rank_
        )


@pytest.mark.usefixtures("large")
def test_threads_of_the_caller_do_not_meet(rng):
    X = rng.normal(size=(4000, 8))
    targets = [rng.normal(size=4000) for _ in range(6)]
    expected = [LeastSquaresRegressor().fit(X, y).coef_ for y in targets]
    found = [None] * 6

    def work(i):
        found[i] = LeastSquaresRegressor().fit(X, targets[i]).coef_

    threads = [threading.Thread(target=work, args=(i,)) for i in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert_array_equal(found, expected)
