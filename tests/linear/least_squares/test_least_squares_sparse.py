"""Least squares on sparse rows."""

import numpy as np
import pytest
import sklearn
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning

from skdl.linear.least_squares.estimator import LeastSquaresRegressor


@pytest.fixture
def rng():
    return np.random.default_rng(7)


@pytest.fixture
def iterative(monkeypatch):
    """Let no sparse X be small enough to be reduced directly."""
    monkeypatch.setattr("skdl.linear.least_squares.solve.DIRECT_COLUMNS", 0)
    monkeypatch.setattr("skdl.linear.least_squares.solve.DIRECT_ELEMENTS", 0)


def sparse_designs():
    rng = np.random.default_rng(3)
    random = sparse.random(300, 40, 0.1, format="csr", random_state=1)
    levels = [rng.integers(0, k, 600) for k in (5, 30)]
    categories = sparse.hstack([sparse.csr_array((np.ones(600), (np.arange(600), level))) for level in levels])
    numbers = np.column_stack([rng.normal(size=600) * 1e3 + 1e4, np.full(600, 0.1)])
    return {
        "tall": random,
        "wide": random.T.tocsr(),
        "scales": sparse.csr_matrix(random @ sparse.diags(10.0 ** rng.uniform(-3.5, 3.5, 40))),
        "categories": categories.tocsc(),
        "categories, offset, constant": sparse.hstack([categories, numbers]).tocoo(),
    }


@pytest.mark.parametrize("alpha", [0.0, 0.01, 10.0])
@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("name", sparse_designs())
def test_sparse_equals_dense(name, alpha, fit_intercept, rng, request):
    X = sparse_designs()[name]
    y, weight = rng.normal(size=(X.shape[0], 2)) + 3, rng.integers(0, 3, X.shape[0])
    estimator = LeastSquaresRegressor(alpha, fit_intercept=fit_intercept)
    dense = sklearn.clone(estimator).fit(X.toarray(), y, weight)
    direct = sklearn.clone(estimator).fit(X, y, weight)
    assert_allclose(direct.coef_, dense.coef_, rtol=0, atol=1e-12 * np.abs(dense.coef_).max())
    assert_allclose(direct.predict(X), dense.predict(X.toarray()), rtol=1e-11)
    assert direct.rank_ == dense.rank_
    request.getfixturevalue("iterative")
    found = sklearn.clone(estimator).fit(X, y, weight)
    assert_allclose(found.coef_, dense.coef_, rtol=0, atol=1e-8 * np.abs(dense.coef_).max())
    assert_allclose(found.predict(X), dense.predict(X.toarray()), rtol=1e-8)
    assert_allclose(found.intercept_, dense.intercept_, rtol=1e-7)
    assert found.rank_ is None


def test_large_sparse_is_never_dense(rng, monkeypatch):
    n, d, per_row = 3000, 60_000, 10  # 1.4 GB if it were dense
    entries = (rng.normal(size=n * per_row), rng.integers(0, d, n * per_row), np.arange(0, n * per_row + 1, per_row))
    X = sparse.csr_array(entries, shape=(n, d))
    X.sum_duplicates()
    y = rng.normal(size=n) + 1

    def refuse(*args, **kwargs):
        raise AssertionError("X was made dense")

    monkeypatch.setattr(sparse.csr_array, "toarray", refuse)
    model = LeastSquaresRegressor().fit(X, y)
    assert_allclose(model.predict(X), y, atol=1e-8)  # more features than samples: it interpolates
    # A solution of minimum norm is a combination of the centred rows. Columns that are never used have no weight.
    assert_array_equal(model.coef_[X.sum(axis=0) == 0], 0)
    assert model.rank_ is None


@pytest.mark.usefixtures("iterative")
def test_no_convergence_is_said(rng):
    base = rng.normal(size=(200, 1))
    X = sparse.csr_array(base ** np.arange(1, 30))
    with pytest.warns(ConvergenceWarning, match="alpha"):
        LeastSquaresRegressor().fit(X, rng.normal(size=200))
