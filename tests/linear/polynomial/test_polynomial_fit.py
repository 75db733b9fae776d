"""What polynomial regression promises: digits, memory, bases, a degree for each column, each way to its solution."""

import tracemalloc

import numpy as np
import pandas as pd
import pytest
from exact import dot, exact_solution, fractions
from nist import problem
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.preprocessing import PolynomialFeatures

from skdl.linear.polynomial.estimator import PolynomialRegressor


@pytest.fixture
def rng():
    return np.random.default_rng(3)


def exact_polynomial(X, y, powers, **options):
    """Coefficients and intercept by rational arithmetic, rounded once."""
    monomials = [
        [np.prod([v ** int(a) for v, a in zip(fractions(row), term, strict=True)]) for term in powers] for row in X
    ]
    coef, intercept, _ = exact_solution(monomials, y, **options)
    fitted = np.array([float(dot(row, coef) + intercept) for row in monomials])
    return np.array([float(c) for c in coef]), float(intercept), fitted


# ------------------------------------------------------------------------------------------------ digits


@pytest.mark.parametrize("name", ["Norris", "Pontius", "Wampler1", "Wampler3", "Wampler4", "Wampler5"])
def test_the_float_nearest_to_the_exact_solution(name):
    data = problem(name)
    x, y = np.array(data["x"], dtype=float)[:, None], np.array(data["y"], dtype=float)
    model = PolynomialRegressor(data["polynomial_degree"]).fit(x, y)
    coef, intercept, _ = exact_polynomial(x, y, model.powers_)
    assert_array_equal([model.intercept_, *model.coef_], [intercept, *coef])


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("weighted", [True, False])
def test_coefficients_far_from_the_origin(fit_intercept, weighted, rng):
    X = rng.uniform(10, 11, size=(30, 2))  # 53 bits each
    y = rng.normal(size=30)
    weight = rng.uniform(0.1, 1, size=30) if weighted else None
    model = PolynomialRegressor(2, fit_intercept=fit_intercept).fit(X, y, weight)
    options = {} if weight is None else {"weight": weight / weight.max()}
    coef, intercept, fitted = exact_polynomial(X, y, model.powers_, fit_intercept=fit_intercept, **options)
    assert_allclose(model.coef_, coef, rtol=1e-13)
    assert_allclose(model.intercept_, intercept, rtol=1e-13)
    assert_allclose(model.predict(X), fitted, rtol=0, atol=1e-12)


@pytest.mark.parametrize("offset", [30, 1000])
def test_larger_designs_keep_half_the_digits(offset, rng, monkeypatch):
    x = rng.uniform(offset, offset + 6, size=(60, 1))
    y = np.cos(x.ravel() - offset)
    exact = PolynomialRegressor(6).fit(x, y)
    monkeypatch.setattr("skdl.linear.polynomial.fit.SMALL_DESIGN", 0)
    rounded = PolynomialRegressor(6).fit(x, y)
    coef, intercept, _ = exact_polynomial(x, y, exact.powers_)
    assert_allclose([exact.intercept_, *exact.coef_], [intercept, *coef], rtol=1e-15)
    assert_allclose([rounded.intercept_, *rounded.coef_], [intercept, *coef], rtol=1e-7)
    assert_allclose(rounded.predict(x), exact.predict(x), rtol=0, atol=1e-14)


@pytest.mark.parametrize("n", [300, 20000])
@pytest.mark.parametrize(("move", "unit"), [(1000.0, 1.0), (0.0, 5e5), (1e6, 1e-3)])
@pytest.mark.parametrize(("n_features", "degree"), [(1, 10), (3, 4)])
def test_offsets_and_units_change_nothing(move, unit, n_features, degree, n, rng):
    X = rng.uniform(0, 2, size=(n, n_features))
    y = np.sin(2 * X).sum(axis=1) + rng.normal(size=n) / 10
    moved = X * unit + move
    here, there = PolynomialRegressor(degree).fit((moved - move) / unit, y), PolynomialRegressor(degree).fit(moved, y)
    assert_allclose(there.predict(moved), here.predict((moved - move) / unit), rtol=0, atol=1e-8)
    assert there.rank_ == here.rank_ == len(here.coef_)


# ------------------------------------------------------------------------------------------------ memory


def test_the_design_is_never_stored(rng):
    X, y = rng.normal(size=(40000, 8)), rng.normal(size=40000)
    model = PolynomialRegressor(3).fit(X[:200], y[:200])  # what is imported or set up once
    tracemalloc.start()
    try:
        model.fit(X, y)
        peak = tracemalloc.get_traced_memory()[1]
        assert len(model.coef_) == 164  # the design would have 52 MB, the square of its width has 0.2 MB
        assert peak < 9e6
        tracemalloc.reset_peak()
        model.predict(X)
        assert tracemalloc.get_traced_memory()[1] < 5e6
    finally:
        tracemalloc.stop()


# ------------------------------------------------------------------------------------------------ the solver's ways


def orthogonal(monkeypatch):
    """Refuse Gram matrices, so that rows are reduced by orthogonal transformations."""
    monkeypatch.setattr("skdl.linear.polynomial.fit._solve_gram", lambda *args: None)


@pytest.mark.parametrize("alpha", [0.0, 1e-6, 0.1])
@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize(("n_features", "degree"), [(1, 8), (3, 4)])
def test_gram_and_orthogonal_ways_agree(alpha, fit_intercept, n_features, degree, rng, monkeypatch):
    X, Y = rng.normal(size=(3000, n_features)) + 0.5, rng.normal(size=(3000, 2)) + 7
    weight = rng.integers(0, 3, 3000).astype(float)
    model = PolynomialRegressor(degree, alpha=alpha, fit_intercept=fit_intercept)
    by_gram = model.fit(X, Y, weight).predict(X)
    orthogonal(monkeypatch)
    by_rotations = model.fit(X, Y, weight).predict(X)
    assert_allclose(by_gram, by_rotations, rtol=0, atol=1e-10)


@pytest.mark.parametrize("alpha", [0.0, 1e-4])
def test_skewed_features(alpha, rng, monkeypatch):
    X = np.exp(rng.normal(size=(4000, 3)))  # the largest values are 30 times the usual ones
    y = np.log(X).sum(axis=1)
    model = PolynomialRegressor(4, alpha=alpha).fit(X, y)
    refused = []
    monkeypatch.setattr("skdl.linear.polynomial.fit.reduce_rows", lambda *args, **options: refused.append(args))
    quick = PolynomialRegressor(4, alpha=alpha).fit(X, y).predict(X)
    assert not refused
    monkeypatch.undo()
    orthogonal(monkeypatch)
    assert_allclose(quick, PolynomialRegressor(4, alpha=alpha).fit(X, y).predict(X), rtol=0, atol=1e-9)
    assert model.rank_ == 34


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("factored_terms", [5, 2048])
def test_penalty_that_is_squared_or_not(factored_terms, fit_intercept, rng, monkeypatch):
    monkeypatch.setattr("skdl.linear.polynomial.fit.FACTORED_TERMS", factored_terms)
    X, y = rng.normal(size=(200, 3)), rng.normal(size=200)
    terms = PolynomialFeatures(3, include_bias=False)
    theirs = Ridge(2.0, solver="svd", fit_intercept=fit_intercept).fit(terms.fit_transform(X), y)
    ours = PolynomialRegressor(3, alpha=2 * 2.0 / 200, fit_intercept=fit_intercept).fit(X, y)
    assert_allclose(ours.coef_, theirs.coef_, rtol=0, atol=1e-12)
    assert_allclose(ours.intercept_, theirs.intercept_, rtol=0, atol=1e-12)


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize(("unit", "size"), [(1e-100, 1.0), (1e100, 1e200), (1e-60, 1e-200), (1.0, 1e-300)])
def test_sums_of_squares_may_overflow(unit, size, fit_intercept, rng):
    X, y = rng.normal(size=(60, 2)), rng.normal(size=60)
    expected = PolynomialRegressor(3, fit_intercept=fit_intercept).fit(X, y).predict(X)
    weight = np.full(60, 1e-300)
    found = PolynomialRegressor(3, fit_intercept=fit_intercept).fit(X * unit, y * size, weight).predict(X * unit)
    assert_allclose(found / size, expected, rtol=0, atol=1e-12)
    # Coefficients of cubes are of the size of unit^-3, and cost more than any error of the fit.
    shrunk = PolynomialRegressor(3, alpha=1e-3, fit_intercept=fit_intercept).fit(X * unit, y * size, weight)
    assert np.isfinite(shrunk.predict(X * unit)).all()


def test_a_penalty_out_of_range_is_said(rng):
    with pytest.raises(ValueError, match=r"out of float64's range\. Scale the features"):
        PolynomialRegressor(3, alpha=1e-3).fit(rng.normal(size=(60, 2)) * 1e-120, np.arange(60.0))


def test_the_number_of_threads_changes_no_digit(rng):
    from threadpoolctl import threadpool_limits

    X, y = rng.normal(size=(20000, 4)), rng.normal(size=20000)
    model = PolynomialRegressor(4).fit(X, y)
    with threadpool_limits(limits=1, user_api="blas"):
        assert_array_equal(PolynomialRegressor(4).fit(X, y).coef_, model.coef_)


# ------------------------------------------------------------------------------------------------ bases


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize(
    ("basis", "family"),
    [
        ("monomial", np.polynomial.Polynomial),
        ("chebyshev", np.polynomial.Chebyshev),
        ("legendre", np.polynomial.Legendre),
    ],
)
def test_coefficients_are_those_of_numpy(basis, family, fit_intercept, rng):
    x, Y = rng.uniform(2, 5, size=100), rng.normal(size=(100, 2))
    model = PolynomialRegressor(5, basis=basis, fit_intercept=fit_intercept).fit(x[:, None], Y)
    for output in range(2):
        options = {} if basis == "monomial" else {"domain": model.domain_[0]}
        polynomial = family(np.append(model.intercept_[output], model.coef_[output]), **options)
        assert_allclose(polynomial(x), model.predict(x[:, None])[:, output], rtol=0, atol=1e-9)
        if fit_intercept:
            fitted = family.fit(x, Y[:, output], 5).convert(**options)
            assert_allclose(polynomial.coef, fitted.coef, rtol=1e-7)
        else:
            assert abs(polynomial(0.0)) < 1e-9
    assert_allclose(model.domain_, [[x.min(), x.max()]] if fit_intercept else [[-x.max(), x.max()]])
    assert model.get_feature_names_out()[1] == {"m": "x0^2", "c": "T2(x0)", "l": "P2(x0)"}[basis[0]]


@pytest.mark.parametrize("alpha", [0.0, 0.01])
@pytest.mark.parametrize("basis", ["chebyshev", "legendre"])
def test_tensor_products(basis, alpha, rng):
    X, y = rng.normal(size=(500, 2)), rng.normal(size=500)
    X[:, 1] = np.exp(X[:, 1])
    model = PolynomialRegressor([3, 2], basis=basis, alpha=alpha).fit(X, y)
    low, high = X.min(axis=0), X.max(axis=0)
    assert_allclose(model.domain_, np.stack([low, high], axis=1), rtol=1e-14)
    z = (2 * X - low - high) / (high - low)
    evaluate = {"chebyshev": np.polynomial.chebyshev.chebval, "legendre": np.polynomial.legendre.legval}[basis]
    terms = [evaluate(z[:, 0], np.eye(4)[a]) * evaluate(z[:, 1], np.eye(4)[b]) for a, b in model.powers_]
    assert_allclose(np.transpose(terms) @ model.coef_ + model.intercept_, model.predict(X), rtol=0, atol=1e-10)
    monomial = PolynomialRegressor([3, 2], alpha=alpha).fit(X, y)
    assert_allclose(model.predict(X), monomial.predict(X), rtol=0, atol=1e-13)
    letter = basis[0].upper().replace("C", "T").replace("L", "P")
    assert list(model.get_feature_names_out()[:4]) == [f"{letter}1(x0)", f"{letter}1(x1)", f"{letter}2(x0)",
        f"{letter}1(x0) {letter}1(x1)"]  # fmt: skip


def test_constant_feature_in_every_basis(rng):
    X, y = rng.normal(size=(50, 2)), rng.normal(size=50)
    X[:, 1] = 4.0
    for basis in ("monomial", "chebyshev", "legendre"):
        model = PolynomialRegressor(2, basis=basis).fit(X, y)
        assert_array_equal(model.coef_[model.powers_[:, 1] > 0], 0)
        assert_array_equal(model.domain_[1], [3.0, 5.0])


# ------------------------------------------------------------------------------------------------ degree of each column


@pytest.mark.parametrize("interaction_only", [False, True])
@pytest.mark.parametrize("degrees", [[3, 1, 0], [2, 2, 2], [0, 4, 2], [1, 1, 1]])
def test_degree_of_each_column(degrees, interaction_only, rng):
    frame = pd.DataFrame(rng.normal(size=(200, 3)), columns=["a", "b", "c"])
    y = rng.normal(size=200)
    terms = PolynomialFeatures(max(degrees), include_bias=False, interaction_only=interaction_only).fit(frame)
    kept = (terms.powers_ <= degrees).all(axis=1)
    theirs = LinearRegression(tol=0).fit(terms.transform(frame)[:, kept], y)
    by_name = dict(zip("cab", [degrees[2], *degrees[:2]], strict=True))  # in any order
    for degree in (degrees, by_name, np.array(degrees)):
        ours = PolynomialRegressor(degree, interaction_only=interaction_only).fit(frame, y)
        assert_array_equal(ours.powers_, terms.powers_[kept])
        assert_array_equal(ours.get_feature_names_out(), terms.get_feature_names_out()[kept])
        assert_allclose(ours.coef_, theirs.coef_, rtol=0, atol=1e-11)


def test_a_column_of_degree_0_plays_no_part(rng):
    X, y = rng.normal(size=(60, 3)), rng.normal(size=60)
    model, without = PolynomialRegressor([2, 0, 2]).fit(X, y), PolynomialRegressor(2).fit(X[:, [0, 2]], y)
    assert_allclose(model.coef_, without.coef_, rtol=1e-12)
    X[:, 1] = 1e9
    assert_allclose(model.predict(X), without.predict(X[:, [0, 2]]), rtol=0, atol=1e-13)


@pytest.mark.parametrize(
    ("degree", "message"),
    [
        ([2, 1], r"one entry for each of X's 3 columns. Got \[2, 1\]"),
        ({"a": 2}, r"Missing: \['b', 'c'\]; not in X: \[\].*dict.fromkeys"),
        ({"a": 2, "b": 1, "c": 1, "d": 1}, r"Missing: \[\]; not in X: \['d'\]"),
        ([0, 0, 0], "not all 0"),
        ([2, -1, 1], r"'degree' parameter.*range \[0, 1000\]"),
        ([2, 1.0, 1], "'degree' parameter"),
        ((1, 2, 3), r"'degree' parameter.*a list \(an entry for each column\)"),
        ({}, "'degree' parameter"),
        ([], "'degree' parameter"),
        ([200, 200, 1], r"40400 terms; the limit is 20000.*smaller degree.*0 leaves one out"),
        (10**40, "terms; the limit is 20000"),
    ],
)
def test_wrong_degrees(degree, message, rng):
    frame = pd.DataFrame(rng.normal(size=(9, 3)), columns=["a", "b", "c"])
    with pytest.raises(ValueError, match=message):
        PolynomialRegressor(degree).fit(frame, np.arange(9.0))
    with pytest.raises(ValueError, match=r"X's columns have none. Give a DataFrame or a list"):
        PolynomialRegressor({"a": 2, "b": 1, "c": 1}).fit(frame.to_numpy(), np.arange(9.0))
