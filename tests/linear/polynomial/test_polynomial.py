from itertools import combinations_with_replacement

import numpy as np
import pandas as pd
import pytest
from exact import dot, exact_solution, fractions
from nist import NORRIS, digits, problem
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.preprocessing import PolynomialFeatures
from sklearn.utils.estimator_checks import parametrize_with_checks

from skdl.linear.polynomial.estimator import PolynomialRegressor


@parametrize_with_checks(
    [
        PolynomialRegressor(),
        PolynomialRegressor(alpha=0.1),
        PolynomialRegressor(degree=3, interaction_only=True),
        PolynomialRegressor(degree=1, fit_intercept=False),
        PolynomialRegressor(alpha=1e-3, fit_intercept=False),
    ]
)
def test_scikit_learn_checks(estimator, check):
    check(estimator)


@pytest.fixture
def rng():
    return np.random.default_rng(11)


def exact_monomials(X, powers):
    rows = [fractions(row) for row in X]
    return [
        [np.prod([value ** int(power) for value, power in zip(row, term, strict=True)]) for term in powers]
        for row in rows
    ]


# ------------------------------------------------------------------------------------------------ accuracy


def test_norris():
    x = np.array(NORRIS["x"])[:, None]
    model = PolynomialRegressor(degree=1).fit(x, NORRIS["y"])
    assert digits([model.intercept_, *model.coef_], NORRIS["certified_coef"]) > 13
    sd = np.sqrt(np.sum((NORRIS["y"] - model.predict(x)) ** 2) / NORRIS["df_residual"])
    assert digits(sd, NORRIS["residual_sd"]) > 13


@pytest.mark.parametrize(
    ("name", "least"),
    [
        ("Norris", 14),
        ("Pontius", 13.4),  # 13.5 and Wampler2's 13.2 are what rounding the decimal data leaves
        ("Filip", 13.5),
        ("Wampler1", 15.5),
        ("Wampler2", 13.1),
        ("Wampler3", 15.5),
        ("Wampler4", 15.5),
        ("Wampler5", 15.5),
        ("NoInt1", 14),
        ("NoInt2", 14),
    ],
)
def test_certified_values(name, least):
    data = problem(name)
    x = np.array(data["x"], dtype=float)[:, None]
    model = PolynomialRegressor(data["polynomial_degree"], fit_intercept=data["intercept"]).fit(x, data["y"])
    found = [model.intercept_, *model.coef_] if data["intercept"] else model.coef_
    assert digits(found, data["certified_coef"]) > least
    assert model.rank_ == data["polynomial_degree"]
    sd = np.sqrt(np.sum((np.array(data["y"]) - model.predict(x)) ** 2) / data["df_residual"])
    assert_allclose(sd, data["residual_sd"], rtol=1e-9, atol=1e-8)  # 0 for Wampler1 and Wampler2


@pytest.mark.parametrize("alpha", [0.0, 1e-12, 1e-3, 10.0])
@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize(
    ("degree", "n_features", "interaction_only"), [(5, 1, False), (3, 2, False), (3, 3, True), (2, 3, False)]
)
@pytest.mark.parametrize("offset", [0, 3, 1000])
def test_rational_arithmetic(alpha, fit_intercept, degree, n_features, interaction_only, offset, rng):
    X = rng.integers(-64, 64, size=(25, n_features)) / 64 + offset  # few bits: the exact sums stay short
    y = np.sin(3 * X).sum(axis=1) + rng.normal(size=25) / 8
    model = PolynomialRegressor(
        degree, interaction_only=interaction_only, alpha=alpha, fit_intercept=fit_intercept
    ).fit(X, y)
    Z = exact_monomials(X, model.powers_)
    coef, intercept, rank = exact_solution(Z, y, alpha, None, fit_intercept)
    expected = np.array([float(dot(row, coef) + intercept) for row in Z])
    coef = np.array([float(c) for c in coef])
    if offset == 1000 and not fit_intercept:
        # Without a constant the columns are parallel to 12 digits and more in every basis: only the fit is the same.
        assert np.mean((y - model.predict(X)) ** 2) < 1.5 * np.mean((y - expected) ** 2)
        return
    assert model.rank_ == rank
    assert_allclose(model.predict(X), expected, rtol=0, atol=1e-12)
    assert_allclose(model.coef_, coef, rtol=0, atol=(1e-8 if offset == 1000 else 1e-11) * np.abs(coef).max())


@pytest.mark.parametrize("offset", [1000.0, -1e5, 2.0**30])
def test_moving_a_feature_changes_nothing(offset, rng):
    X = rng.integers(-512, 512, size=(80, 2)) / 512  # so that adding the offset is exact
    y = np.exp(X[:, 0]) * np.cos(2 * X[:, 1]) + rng.normal(size=80) / 10
    here, there = PolynomialRegressor(5).fit(X, y), PolynomialRegressor(5).fit(X + offset, y)
    assert_allclose(there.predict(X + offset), here.predict(X), rtol=0, atol=1e-12)
    assert there.rank_ == here.rank_ == 20
    new = rng.uniform(-1.2, 1.2, size=(50, 2))
    new = (new + offset) - offset
    assert_allclose(there.predict(new + offset), here.predict(new), rtol=0, atol=1e-11)


def test_units_of_a_feature_change_nothing(rng):
    X, y = rng.normal(size=(60, 3)), rng.normal(size=60)
    here = PolynomialRegressor(3).fit(X, y)
    there = PolynomialRegressor(3).fit(X * [1e-9, 1.0, 1e9], y)
    assert_allclose(there.predict(X * [1e-9, 1.0, 1e9]), here.predict(X), rtol=0, atol=1e-12)
    units = np.prod(np.array([1e-9, 1.0, 1e9]) ** here.powers_, axis=1)
    assert_allclose(there.coef_ * units, here.coef_, rtol=1e-8, atol=1e-11)


def test_high_degree_of_a_smooth_function():
    # A degree of 30 reproduces exp on 400 points to rounding; powers of x are parallel to 1e-18 here.
    x = np.linspace(5, 9, 400)[:, None]
    model = PolynomialRegressor(30).fit(x, np.exp(x.ravel()))
    assert_allclose(model.predict(x), np.exp(x.ravel()), rtol=1e-11)
    assert model.rank_ == 30


def test_known_polynomial_is_found(rng):
    X = rng.uniform(-2, 5, size=(200, 2))
    y = 4 - 3 * X[:, 0] + 0.5 * X[:, 1] ** 2 + 2 * X[:, 0] ** 2 * X[:, 1]
    model = PolynomialRegressor(3).fit(X, y)
    known = dict.fromkeys(model.get_feature_names_out(), 0.0) | {"x0": -3.0, "x1^2": 0.5, "x0^2 x1": 2.0}
    assert_allclose(model.coef_, list(known.values()), atol=1e-11)
    assert_allclose(model.intercept_, 4.0, rtol=1e-11)


# ------------------------------------------------------------------------------------------------ against scikit-learn


@pytest.mark.parametrize("interaction_only", [False, True])
@pytest.mark.parametrize(("degree", "n_features"), [(1, 1), (4, 1), (3, 2), (2, 5), (7, 3), (3, 4)])
def test_terms_are_those_of_polynomial_features(degree, n_features, interaction_only, rng):
    frame = pd.DataFrame(rng.normal(size=(300, n_features)), columns=[f"f{i}" for i in range(n_features)])
    y = rng.normal(size=300)
    theirs = PolynomialFeatures(degree, interaction_only=interaction_only, include_bias=False).fit(frame)
    ours = PolynomialRegressor(degree, interaction_only=interaction_only).fit(frame, y)
    assert_array_equal(ours.powers_, theirs.powers_)
    assert_array_equal(ours.get_feature_names_out(), theirs.get_feature_names_out())
    assert_array_equal(
        PolynomialRegressor(degree, interaction_only=interaction_only).fit(frame.to_numpy(), y).get_feature_names_out(),
        theirs.fit(frame.to_numpy()).get_feature_names_out(),
    )


@pytest.mark.parametrize("interaction_only", [False, True])
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_against_linear_regression(interaction_only, fit_intercept, rng):
    X, Y = rng.uniform(-1, 2, size=(120, 3)), rng.normal(size=(120, 2))
    weight = rng.uniform(0.1, 2, size=120)
    terms = PolynomialFeatures(3, interaction_only=interaction_only, include_bias=False)
    theirs = LinearRegression(tol=0, fit_intercept=fit_intercept).fit(terms.fit_transform(X), Y, weight)
    ours = PolynomialRegressor(3, interaction_only=interaction_only, fit_intercept=fit_intercept).fit(X, Y, weight)
    assert_allclose(ours.coef_, theirs.coef_, rtol=0, atol=1e-10)
    assert_allclose(ours.intercept_, theirs.intercept_, rtol=0, atol=1e-10)
    assert_allclose(ours.predict(X), theirs.predict(terms.transform(X)), rtol=0, atol=1e-10)


@pytest.mark.parametrize("a", [1e-8, 0.5, 20.0])
@pytest.mark.parametrize("n", [50, 8])  # of 14 terms
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_against_ridge(a, n, fit_intercept, rng):
    # One feature is constant and one repeats another: only the penalty says how to share.
    X = rng.uniform(-1, 2, size=(n, 4))
    X[:, 1], X[:, 2] = 0.7, X[:, 0]
    y = rng.normal(size=n) + 3
    ours = PolynomialRegressor(2, alpha=2 * a / n, fit_intercept=fit_intercept).fit(X, y)
    rows = [fractions(row) for row in X]
    terms = [[*row, *(u * v for u, v in combinations_with_replacement(row, 2))] for row in rows]
    coef, intercept, _ = exact_solution(terms, y, 2 * a / n, None, fit_intercept)
    assert_allclose(ours.coef_, [float(c) for c in coef], rtol=0, atol=1e-13)
    assert_allclose(ours.intercept_, float(intercept), rtol=0, atol=1e-13)
    if a > 1e-3:  # of a smaller one, scikit-learn's rounding leaves six digits
        theirs = Ridge(a, solver="svd", fit_intercept=fit_intercept)
        theirs.fit(PolynomialFeatures(2, include_bias=False).fit_transform(X), y)
        assert_allclose(ours.coef_, theirs.coef_, rtol=0, atol=1e-12)


# ------------------------------------------------------------------------------------------------ degenerate data


def test_fewer_samples_than_terms(rng):
    X, y = rng.normal(size=(7, 2)), rng.normal(size=7)
    model = PolynomialRegressor(4).fit(X, y)
    assert model.rank_ == 6
    assert_allclose(model.predict(X), y, rtol=0, atol=1e-12)
    moved = PolynomialRegressor(4).fit(X * 7 + 3, y)
    new = rng.normal(size=(20, 2))
    assert_allclose(moved.predict(new * 7 + 3), model.predict(new), rtol=1e-9, atol=1e-9)


def test_constant_feature_has_no_effect(rng):
    X, y = rng.normal(size=(40, 3)), rng.normal(size=40)
    X[:, 1] = 0.1 + 0.2
    X[::2, 1] = 0.3  # constant but for the last bit
    model = PolynomialRegressor(3).fit(X, y)
    alone = PolynomialRegressor(3).fit(X[:, [0, 2]], y)
    assert_array_equal(model.coef_[model.powers_[:, 1] > 0], 0)
    assert_allclose(model.coef_[model.powers_[:, 1] == 0], alone.coef_, rtol=0, atol=1e-12)
    assert model.rank_ == alone.rank_ == 9
    X[:, 1] = 5.0
    assert_allclose(model.predict(X), alone.predict(X[:, [0, 2]]), rtol=0, atol=1e-12)


def test_only_constants():
    model = PolynomialRegressor(2).fit(np.full((4, 2), 7.0), [1.0, 2.0, 3.0, 6.0])
    assert_array_equal(model.coef_, np.zeros(5))
    assert_allclose([model.intercept_, *model.predict([[1.0, 2.0]])], 3.0)
    assert model.rank_ == 0


def test_category_columns(rng):
    # For 0/1 columns x^2 = x: the fit is the mean of each cell, with rank 3 for two columns and their product.
    X = np.array([[0, 0], [0, 1], [1, 0], [1, 1]] * 5, dtype=float)
    y = rng.normal(size=20)
    model = PolynomialRegressor(3).fit(X, y)
    assert_allclose(model.predict(X[:4]), y.reshape(5, 4).mean(axis=0), rtol=0, atol=1e-14)
    assert model.rank_ == 3


def test_without_intercept_it_is_zero_at_the_origin(rng):
    X, y = rng.normal(size=(50, 2)) + 2, rng.normal(size=50)
    model = PolynomialRegressor(4, fit_intercept=False).fit(X, y)
    assert_allclose(model.predict(np.zeros((1, 2))), 0, atol=1e-12)
    assert model.intercept_ == 0


# ------------------------------------------------------------------------------------------------ weights, types


@pytest.mark.parametrize("alpha", [0.0, 0.2])
def test_weights_are_repetitions(alpha, rng):
    X, y, count = rng.normal(size=(40, 2)), rng.normal(size=40), rng.integers(0, 4, 40)
    X[np.flatnonzero(count == 0)[0]] = 1e3  # must not stretch the range either
    weighted = PolynomialRegressor(3, alpha=alpha).fit(X, y, count)
    repeated = PolynomialRegressor(3, alpha=alpha).fit(np.repeat(X, count, axis=0), np.repeat(y, count))
    assert_allclose(weighted.coef_, repeated.coef_, rtol=0, atol=1e-11)
    assert_allclose(weighted.intercept_, repeated.intercept_, rtol=0, atol=1e-11)


def test_float32_stays(rng):
    X = (rng.uniform(size=(300, 2)) + 10).astype(np.float32)
    y = np.sin(5 * X[:, 0]) * X[:, 1]
    model, wide = PolynomialRegressor(5).fit(X, y), PolynomialRegressor(5).fit(X.astype(float), y)
    assert model.coef_.dtype == model.intercept_.dtype == model.predict(X).dtype == np.float32
    assert_allclose(model.predict(X), wide.predict(X.astype(float)), rtol=0, atol=2e-6)
    assert model.rank_ == wide.rank_ == 20


def test_shapes_follow_y(rng):
    X, Y = rng.normal(size=(20, 2)), rng.normal(size=(20, 2))
    for y, coef, intercept in ((Y[:, 0], (5,), ()), (Y[:, :1], (1, 5), (1,)), (Y, (2, 5), (2,))):
        for fit_intercept in (True, False):
            model = PolynomialRegressor(fit_intercept=fit_intercept).fit(X, y)
            assert model.coef_.shape == coef
            assert np.shape(model.intercept_) == intercept
            assert model.predict(X).shape == y.shape


def test_prediction_in_blocks(rng, monkeypatch):
    X, y = rng.normal(size=(50, 2)), rng.normal(size=50)
    model = PolynomialRegressor(3).fit(X, y)
    whole = model.predict(X)
    monkeypatch.setattr("skdl.linear.polynomial.fitted.BLOCK_ELEMENTS", 7 * 9)
    assert_allclose(model.predict(X), whole, rtol=1e-13)


# ------------------------------------------------------------------------------------------------ errors
