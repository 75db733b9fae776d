"""Penalties with absolute values: the conditions of an optimum, scikit-learn's Lasso and ElasticNet, and the gap."""

import itertools

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import load_diabetes
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.linear_model import ElasticNet as PeerElasticNet
from sklearn.model_selection import GridSearchCV

from skdl import LeastSquaresRegressor
from skdl.linear.least_squares import solve
from skdl.linear.solvers.coordinate_descent import DenseColumns, Kinks, solve_kinks
from skdl.penalties import ElasticNet, MaxNorm


@pytest.fixture
def rng():
    return np.random.default_rng(7)


def objective(model, X, Y, weight):
    """That of the docstring, for each output."""
    coef, intercept = np.atleast_2d(model.coef_).T, np.atleast_1d(model.intercept_)
    error = weight / weight.sum() @ (Y.reshape(len(Y), -1) - X @ coef - intercept) ** 2
    share = model._resolve("penalty").l1_weight
    away = coef - (0.0 if model.prior is None else np.atleast_2d(model.prior).T)
    alpha = np.broadcast_to(model.alpha, len(coef))
    return error + alpha @ (share * np.abs(away) + (1 - share) / 2 * away**2)


def is_optimal(model, X, Y, weight):
    """Karush, Kuhn and Tucker: minus the gradient of the error is a slope of the penalty."""
    coef, intercept = np.atleast_2d(model.coef_).T, np.atleast_1d(model.intercept_)
    share = 1.0 if model.penalty == "l1" else model.penalty.l1_ratio
    alpha = np.broadcast_to(model.alpha, len(coef))[:, None]
    residual = (Y.reshape(len(Y), -1) - X @ coef - intercept) * weight[:, None] / weight.sum()
    prior = np.zeros_like(coef) if model.prior is None else np.broadcast_to(model.prior, coef.T.shape).T
    size = np.sqrt(weight / weight.sum() @ X**2)[:, None] * np.abs(Y).max()
    pull = (2 * X.T @ residual - alpha * (1 - share) * (coef - prior)) / size
    least = np.where(coef > prior, 1, -1) * alpha * share / size
    largest = np.where(coef < prior, -1, 1) * alpha * share / size
    if model.positive:
        assert (coef >= 0).all()
        least = np.where(coef == 0, -np.inf, least)
    assert (pull <= largest + 1e-12).all()
    assert (pull >= least - 1e-12).all()
    if model.fit_intercept:
        assert_allclose(residual.sum(axis=0), 0, atol=1e-12 * np.abs(Y).max())


PARAMS = {
    "penalty": ["l1", ElasticNet(0.7)],
    "alpha": [0.4, "each"],
    "fit_intercept": [True, False],
    "positive": [True, False],
    "prior": [False, True],
    "convert": [np.asarray, sparse.csr_array],
}


@pytest.mark.parametrize("params", list(itertools.product(*PARAMS.values())), ids=str)
def test_it_is_an_optimum(params, rng):
    penalty, alpha, fit_intercept, positive, prior, convert = params
    X = rng.normal(size=(60, 6)) * [1.0, 1e-2, 10.0, 1.0, 1e2, 1.0] + [0.0, 0.0, 5.0, 1.0, 0.0, 2.0]
    Y, weight = rng.normal(size=(60, 3)) + 0.3 * X[:, [0, 3, 5]], rng.uniform(0.5, 3.0, 60)
    alpha = np.array([0.5, 0.0, 0.1, 0.2, 0.0, 1.0]) if alpha == "each" else alpha
    prior = rng.uniform(-0.2, 0.5, (3, 6)) if prior else None
    model = LeastSquaresRegressor(alpha, penalty=penalty, fit_intercept=fit_intercept, positive=positive, prior=prior)
    model.fit(convert(X), Y, weight)
    is_optimal(model, X, Y, weight)
    assert model.solver_ == "coordinate_descent"
    assert model.dual_gap_.shape == (3,)
    shifted = Y if prior is None else Y - X @ prior.T
    assert (model.dual_gap_ <= 1e-15 * weight @ shifted**2).all()  # their mean square times 1e-13
    at_prior = model.coef_ == (0.0 if prior is None else prior)
    assert at_prior.any()
    assert not at_prior.all()


@pytest.mark.parametrize("shape", [(50, 8), (30, 60), (400, 30)])
@pytest.mark.parametrize("share", [1.0, 0.5])
def test_it_is_scikit_learns(shape, share, rng):
    X, y = rng.normal(size=shape) + 0.5, rng.normal(size=shape[0])
    y += X[:, :3] @ [1.0, -2.0, 0.5]
    weight = rng.uniform(0.5, 2.0, len(y))
    for a, positive in itertools.product((0.5, 0.05, 0.005), (False, True)):
        peer = PeerElasticNet(a, l1_ratio=share, positive=positive, tol=1e-12, max_iter=10**6).fit(X, y, weight)
        model = LeastSquaresRegressor(2 * a, penalty=ElasticNet(share), positive=positive).fit(X, y, weight)
        assert_allclose(model.coef_, peer.coef_, atol=2e-7)
        assert_allclose(model.intercept_, peer.intercept_, atol=2e-7)
        assert model.dual_gap_ < 1e-14 * np.mean(y**2)
        both = objective(model, X, y, weight)[0]
        model.coef_, model.intercept_ = peer.coef_, peer.intercept_
        assert both <= objective(model, X, y, weight)[0] + 1e-15


def test_the_gap_bounds_any_point(rng):
    """The duality gap against the distance to the minimum, where that is known: orthonormal columns."""
    columns = np.linalg.qr(rng.normal(size=(20, 5)))[0]
    target = rng.normal(size=20)
    kinks = Kinks(np.full(5, 0.3), np.full(5, 0.2), np.full(5, -np.inf))
    found, gap = solve_kinks(DenseColumns(columns), target, kinks)
    inner = columns.T @ target
    assert_allclose(found, np.sign(inner) * np.maximum(np.abs(inner) - 0.3, 0) / 1.2, atol=1e-15)
    assert gap < 1e-15


def test_a_square_that_hardly_counts_does_not_spoil_the_gap(rng):
    """The conjugate of such a square is a large multiple of rounding."""
    columns = np.linalg.qr(rng.normal(size=(20, 5)))[0]
    kinks = Kinks(np.full(5, 1e-3), np.full(5, 1e-24), np.full(5, -np.inf))
    assert solve_kinks(DenseColumns(columns), rng.normal(size=20), kinks)[1] < 1e-14


def test_a_penalty_close_to_rounding_is_no_sign_of_dependent_columns(rng):
    """Units that are far apart: what is l1 to the large column is near the rounding of the others' products."""
    for _ in range(10):
        X, y = rng.normal(size=(40, 5)) + 10 * np.eye(5)[4], rng.normal(size=40)
        X[:, 4] *= 1e7
        alpha = 1e-8 * 2 * np.abs(X.T @ y).max() / 40
        model = LeastSquaresRegressor(alpha, penalty="l1", fit_intercept=False).fit(X, y)  # without a warning
        is_optimal(model, X, y, np.ones(40))


def test_dependent_columns_have_one_of_the_minima(rng):
    X = rng.normal(size=(40, 3))
    X = np.column_stack([X, X[:, 0], X[:, 0] + X[:, 1], np.full(40, 0.1), np.full(40, 1e7 + 0.3)])
    y = X[:, 0] - X[:, 2] + 0.1 * rng.normal(size=40)
    for alpha in (0.1, [0.1, 0.0, 0.1, 0.2, 0.1, 0.1, 0.1]):
        for prior in (None, [0.5, 0.1, 0.0, -0.5, 0.2, 0.3, 0.0]):
            model = LeastSquaresRegressor(alpha, penalty="l1", prior=prior).fit(X, y)
            assert model.dual_gap_ < 1e-14
            assert_array_equal(model.coef_[5:], 0 if prior is None else prior[5:])


def test_units_play_no_role(rng):
    X, y = rng.normal(size=(50, 4)), rng.normal(size=50)
    alpha, units = np.array([0.1, 0.2, 0.05, 0.1]), 2.0 ** np.array([-60, 60, 0, 200])
    one = LeastSquaresRegressor(alpha, penalty="l1").fit(X, y)
    other = LeastSquaresRegressor(alpha * units * 2.0**-80, penalty="l1").fit(X * units, y * 2.0**-80)
    assert_array_equal(other.coef_ * units * 2.0**80, one.coef_)


def test_weights_count_rows_and_several_calls_are_one_fit(rng):
    X, Y = rng.normal(size=(60, 5)).astype(np.float32), rng.normal(size=(60, 2)).astype(np.float32)
    weight = rng.integers(0, 4, 60)
    model = LeastSquaresRegressor(0.1, penalty="l1")
    whole = clone(model).fit(X, Y, weight)
    repeated = clone(model).fit(X.repeat(weight, axis=0), Y.repeat(weight, axis=0))
    assert_allclose(whole.coef_, repeated.coef_, rtol=1e-6)
    for part in np.array_split(np.arange(60), 4):
        model.partial_fit(X[part], Y[part], weight[part])
    assert_allclose(model.coef_, whole.coef_, rtol=1e-6)
    assert_array_equal(model.coef_ == 0, whole.coef_ == 0)
    assert model.coef_.dtype == np.float32


def test_a_large_sparse_matrix_stays_sparse(rng, monkeypatch):
    X = sparse.random(300, 80, 0.2, "csr", rng=rng)
    Y, weight = rng.normal(size=(300, 2)) + X[:, :2].toarray(), rng.uniform(0.5, 2.0, 300)
    params = {"alpha": np.linspace(0.01, 0.05, 80), "penalty": "l1"}
    model = LeastSquaresRegressor(**params).fit(X, Y, weight)
    monkeypatch.setattr(solve, "DIRECT_COLUMNS", 0)
    monkeypatch.setattr(solve, "DIRECT_ELEMENTS", 0)
    for prior, fit_intercept in itertools.product((None, np.full(80, 0.1)), (True, False)):
        params |= {"prior": prior, "fit_intercept": fit_intercept}
        large, model = (
            LeastSquaresRegressor(**params, solver=solver).fit(X, Y, weight) for solver in ("auto", "cholesky")
        )
        assert large.rank_ is None
        assert model.rank_ == 80
        assert_allclose(large.coef_, model.coef_, atol=1e-13)
        assert_array_equal(large.coef_ == 0, model.coef_ == 0)
        assert_allclose(large.intercept_, model.intercept_, atol=1e-13)
        assert (large.dual_gap_ < 1e-14).all()


def test_a_table_and_a_search(rng):
    data, target = load_diabetes(return_X_y=True, as_frame=True)
    data["sex"] = np.where(data["sex"] > 0, "a", "b")
    data.loc[3, "bmi"] = np.nan
    model = LeastSquaresRegressor(1.0, penalty="l1").fit(data, target)
    names = model.get_encoded_feature_names_out()
    assert {"sex_a", "sex_b", "bmi_missing"} <= set(names)
    assert 0 < (model.coef_ != 0).sum() < len(names)
    each = LeastSquaresRegressor(np.full(10, 1.0), penalty="l1").fit(data, target)
    assert_array_equal(each.coef_, model.coef_)
    with pytest.warns(UndefinedMetricWarning, match="with a penalty"):
        assert model.summary()["standard_error"].isna().all()
    grid = {"alpha": [0.1, 1.0], "penalty__l1_ratio": [0.5, 1.0]}
    search = GridSearchCV(LeastSquaresRegressor(penalty="elastic_net"), grid, cv=3).fit(data, target)
    assert search.best_params_ == {"alpha": 0.1, "penalty__l1_ratio": 1.0}


def test_without_alpha_it_is_least_squares(rng):
    X, y = rng.normal(size=(30, 3)), rng.normal(size=30)
    plain, lasso = LeastSquaresRegressor().fit(X, y), LeastSquaresRegressor(penalty="l1").fit(X, y)
    assert_array_equal(lasso.coef_, plain.coef_)
    assert lasso.dual_gap_ is None
    assert (LeastSquaresRegressor(100.0, penalty="l1").fit(X, y).coef_ == 0).all()
    assert_allclose(LeastSquaresRegressor(100.0, penalty="l1").fit(X, y).intercept_, y.mean())


def test_a_single_row_has_no_slope():
    model = LeastSquaresRegressor(0.1, penalty="l1").fit([[1.0, 2.0]], [3.0])
    assert_array_equal(model.coef_, [0.0, 0.0])
    assert model.intercept_ == 3.0


def test_what_does_not_go_together(rng):
    X, y = rng.normal(size=(20, 2)), rng.normal(size=20)
    with pytest.raises(ValueError, match=r"takes penalty='l2', 'l1' or 'elastic_net'. Got MaxNorm"):
        LeastSquaresRegressor(penalty=MaxNorm(1.0)).fit(X, y)
    with pytest.raises(ValueError, match=r"penalty='l1' needs a direct solver, such as 'auto'. Got solver='adam'"):
        LeastSquaresRegressor(1.0, penalty="l1", solver="adam").fit(X, y)
    with pytest.raises(ValueError, match=r"'penalty' parameter of LeastSquaresRegressor.*'l1'"):
        LeastSquaresRegressor(penalty="lasso").fit(X, y)
