"""Coefficients that must not be negative: the conditions of an optimum, SciPy's answer, and what is refused."""

import itertools

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from scipy.optimize import nnls
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.linear_model import LinearRegression

from skdl import LeastSquaresRegressor


@pytest.fixture
def rng():
    return np.random.default_rng(5)


def is_optimal(model, X, Y, weight):
    """Karush, Kuhn and Tucker, from the objective in the docstring: the gradient, in units of each column."""
    coef, intercept = np.atleast_2d(model.coef_).T, np.atleast_1d(model.intercept_)
    residual = (Y.reshape(len(Y), -1) - X @ coef - intercept) * weight[:, None] / weight.sum()
    prior = 0.0 if model.prior is None else np.atleast_2d(model.prior).T
    gradient = -2 * X.T @ residual + np.reshape(model.alpha, (-1, 1)) * (coef - prior)
    size = np.sqrt(weight / weight.sum() @ X**2)[:, None] * np.abs(Y).max()
    assert (coef >= 0).all()
    assert_allclose(np.where(coef > 0, gradient, 0) / size, 0, atol=1e-11)
    assert (gradient / size >= -1e-11).all()
    if model.fit_intercept:
        assert_allclose(residual.sum(axis=0), 0, atol=1e-11 * np.abs(Y).max())


PARAMS = {"alpha": [0.0, 0.3, "each"], "fit_intercept": [True, False], "solver": ["auto", "qr", "svd", "cholesky"]}


@pytest.mark.parametrize("convert", [np.asarray, sparse.csr_array], ids=["dense", "sparse"])
@pytest.mark.parametrize("params", list(itertools.product(*PARAMS.values())), ids=str)
def test_it_is_an_optimum(params, convert, rng):
    alpha, fit_intercept, solver = params
    X = rng.normal(size=(60, 6)) * [1.0, 1e-5, 10.0, 1.0, 1e4, 1.0] + [0.0, 0.0, 5.0, 1.0, 0.0, 2.0]
    Y, weight = rng.normal(size=(60, 3)) + 0.3 * X[:, [0, 3, 5]], rng.uniform(0.5, 3.0, 60)
    prior = rng.uniform(-0.2, 0.5, (3, 6)) if alpha else None
    alpha = np.array([0.5, 0.0, 0.1, 0.2, 0.0, 1.0]) if alpha == "each" else alpha
    model = LeastSquaresRegressor(alpha, fit_intercept=fit_intercept, positive=True, solver=solver, prior=prior)
    model.fit(convert(X), Y, weight)
    is_optimal(model, X, Y, weight)
    assert model.solver_ == "nnls"
    assert (model.coef_ == 0).any()
    assert model.rank_ == 6


@pytest.mark.parametrize("shape", [(40, 7), (5, 12), (300, 100)])
def test_it_is_scipys_and_scikit_learns(shape, rng):
    X, y = np.abs(rng.normal(size=shape)), rng.normal(size=shape[0]) + 1
    model = LeastSquaresRegressor(positive=True, fit_intercept=False).fit(X, y)
    found, norm = nnls(X, y)
    assert_allclose(np.linalg.norm(y - model.predict(X)), norm, rtol=1e-12, atol=1e-12)
    if shape[0] > shape[1]:
        assert_allclose(model.coef_, found, atol=1e-10)
        peer = LinearRegression(positive=True).fit(X, y)
        assert_allclose(LeastSquaresRegressor(positive=True).fit(X, y).coef_, peer.coef_, atol=1e-10)


def test_where_no_coefficient_would_be_negative_it_is_the_same(rng):
    X = rng.normal(size=(50, 3))
    y = X @ [1.0, 2.0, 3.0] + rng.normal(size=50)
    plain, positive = LeastSquaresRegressor().fit(X, y), LeastSquaresRegressor(positive=True).fit(X, y)
    assert_array_equal(positive.coef_, plain.coef_)
    assert positive.solver_ == "qr"


def test_constant_and_equal_columns_are_no_directions(rng):
    X = rng.normal(size=(50, 2))
    more = np.column_stack([X, np.full(50, 0.1), np.full(50, 1e7 + 0.3), X[:, 0], np.zeros(50)])
    y = X @ [1.0, -2.0] + 3 + 0.1 * rng.normal(size=50)
    model = LeastSquaresRegressor(positive=True).fit(more, y)
    one = LeastSquaresRegressor(positive=True).fit(X, y)
    assert_allclose(model.predict(more), one.predict(X), rtol=1e-9)
    assert_array_equal(model.coef_[[2, 3, 5]], 0)
    assert model.rank_ == 2


def test_units_play_no_role(rng):
    X, y = rng.normal(size=(50, 4)), rng.normal(size=50)
    units = 2.0 ** np.array([-60, 60, 0, 200])
    one = LeastSquaresRegressor(positive=True).fit(X, y)
    other = LeastSquaresRegressor(positive=True).fit(X * units, y * 2.0**-80)
    assert_allclose(other.coef_ * units * 2.0**80, one.coef_, rtol=1e-9)


def test_several_calls_are_one_fit_and_float32_stays(rng):
    X, Y = rng.normal(size=(60, 5)).astype(np.float32), rng.normal(size=(60, 2)).astype(np.float32)
    weight = rng.integers(1, 4, 60)
    whole = LeastSquaresRegressor(0.1, positive=True).fit(X, Y, weight)
    parts = LeastSquaresRegressor(0.1, positive=True)
    for part in np.array_split(np.arange(60), 4):
        parts.partial_fit(X[part], Y[part], weight[part])
    assert_allclose(parts.coef_, whole.coef_, rtol=1e-5, atol=1e-7)
    assert parts.coef_.dtype == whole.coef_.dtype == np.float32
    repeated = LeastSquaresRegressor(0.1, positive=True).fit(X.repeat(weight, axis=0), Y.repeat(weight, axis=0))
    assert_allclose(whole.coef_, repeated.coef_, rtol=1e-5, atol=1e-7)


def test_what_does_not_go_with_it(rng):
    X, y = rng.normal(size=(20, 2)), rng.normal(size=20)
    with pytest.raises(ValueError, match="positive=True needs a direct solver, such as 'auto'"):
        LeastSquaresRegressor(positive=True, solver="adam").fit(X, y)
    model = LeastSquaresRegressor(positive=True).fit(X, y)
    with pytest.warns(UndefinedMetricWarning, match="with positive=True"):
        assert model.summary().drop(columns="coefficient").isna().all(axis=None)


@pytest.mark.parametrize("shape", [(30, 4), (4, 4), (3, 7)])
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_singular_values(shape, fit_intercept, rng):
    X, y, weight = rng.normal(size=shape) + 3, rng.normal(size=shape[0]), rng.uniform(0.5, 3, shape[0])
    peer = LinearRegression(fit_intercept=fit_intercept).fit(X, y, weight)
    for solver in ("auto", "svd"):
        model = LeastSquaresRegressor(fit_intercept=fit_intercept, solver=solver).fit(X, y, weight)
        assert_allclose(model.singular_, peer.singular_, rtol=1e-10, atol=1e-12)
    both = LeastSquaresRegressor(fit_intercept=fit_intercept).partial_fit(X[:2], y[:2], weight[:2])
    assert_allclose(both.partial_fit(X[2:], y[2:], weight[2:]).singular_, peer.singular_, rtol=1e-10, atol=1e-12)


def test_singular_values_that_are_not_known(rng):
    model = LeastSquaresRegressor(solver="adam", max_iter=2)
    assert not hasattr(model, "singular_")
    model.fit(rng.normal(size=(20, 2)), rng.normal(size=20))
    assert not hasattr(model, "singular_")
    with pytest.raises(AttributeError, match="solver_='Adam', which keeps no triangle"):
        model.singular_  # noqa: B018


def test_alpha_is_for_features_and_never_for_targets(rng):
    X, Y = rng.normal(size=(30, 3)), rng.normal(size=(30, 3))
    alpha = [0.1, 1.0, 10.0]
    with pytest.raises(ValueError, match=r"as many features as y has targets.* the shape \(1, 3\)"):
        LeastSquaresRegressor(alpha).fit(X, Y)
    model = LeastSquaresRegressor([alpha]).fit(X, Y)
    for output in range(3):
        assert_allclose(model.coef_[output], LeastSquaresRegressor(alpha).fit(X, Y[:, output]).coef_, rtol=1e-10)
    with pytest.raises(
        ValueError, match=r"one for each feature.* For one alpha per target, fit each target separately"
    ):
        LeastSquaresRegressor(alpha[:2]).fit(X, Y[:, :2])
    column = LeastSquaresRegressor([2.0]).fit(X[:, :1], Y[:, :1])
    assert_allclose(column.coef_, LeastSquaresRegressor(2.0).fit(X[:, :1], Y[:, :1]).coef_)
