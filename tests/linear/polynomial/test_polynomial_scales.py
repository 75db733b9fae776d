"""Polynomials of wild degrees and values, and of coefficients that were changed: right, or said."""

import math

import numpy as np
import pandas as pd
import pytest
from numpy.polynomial import Chebyshev, Legendre
from numpy.testing import assert_allclose, assert_array_equal

from skdl import PolynomialRegressor

BASES = ("monomial", "chebyshev", "legendre")


@pytest.fixture
def rng():
    return np.random.default_rng(3)


@pytest.mark.parametrize("x_exponent", [-1000, -530, 0, 530, 1000])
@pytest.mark.parametrize("y_exponent", [-1000, -530, 0, 515, 1020])
@pytest.mark.parametrize(("degree", "fit_intercept"), [(1, True), (3, True), (2, False), ([3, 1], True)])
@pytest.mark.filterwarnings("ignore:Some coefficients")
def test_units_that_are_powers_of_two_change_no_bit_of_a_prediction(x_exponent, y_exponent, degree, fit_intercept, rng):
    X = rng.uniform(-1, 1, (30, 2 if isinstance(degree, list) else 1)) + 0.25
    y = X[:, 0] ** 3 - X[:, -1] + 0.1 * rng.normal(size=30)
    one = PolynomialRegressor(degree, fit_intercept=fit_intercept).fit(X, y)
    Xs, ys = np.ldexp(X, x_exponent), np.ldexp(y, y_exponent)
    other = PolynomialRegressor(degree, fit_intercept=fit_intercept).fit(Xs, ys)
    assert_allclose(np.ldexp(other.predict(Xs), -y_exponent), one.predict(X), rtol=1e-12, atol=1e-14)
    for coef, due, powers in zip(other.coef_, one.coef_, one.powers_, strict=True):
        exponent = y_exponent - int(powers.sum()) * x_exponent
        if math.frexp(due)[1] + exponent in range(-1000, 1023):
            assert coef == pytest.approx(math.ldexp(due, exponent), rel=1e-9)
        elif math.frexp(due)[1] + exponent > 1024:
            assert np.isinf(coef)
    assert_array_equal(other.domain_, np.ldexp(one.domain_, x_exponent))


@pytest.mark.parametrize("alpha", [1e-3, 1.0])
@pytest.mark.parametrize("exponent", [400, -310])
def test_a_penalty_in_wild_units(alpha, exponent, rng):
    """The penalty is on raw coefficients: for large features it vanishes, for small ones it is all there is."""
    x, y = rng.uniform(-1, 1, (40, 1)), rng.normal(size=40)
    model = PolynomialRegressor(2, alpha=alpha).fit(np.ldexp(x, exponent), y)
    free = PolynomialRegressor(2).fit(x, y).predict(x)
    due = free if exponent > 0 else np.full(40, y.mean())
    assert_allclose(model.predict(np.ldexp(x, exponent)), due, atol=1e-9)


@pytest.mark.parametrize("basis", BASES)
def test_coefficients_that_float64_does_not_hold_are_said_once(basis, rng):
    x, y = rng.uniform(0.5, 1, (30, 1)), rng.normal(size=30)
    with pytest.warns(UserWarning, match="out of the range of float64 and not finite in coef_") as found:
        model = PolynomialRegressor(3).fit(x * 1e-160, y)
    assert len(found) == 1
    assert not np.isfinite(model.coef_).all()
    assert_allclose(model.predict(x * 1e-160), PolynomialRegressor(3).fit(x, y).predict(x), rtol=1e-9)
    if basis != "monomial":
        assert np.isfinite(PolynomialRegressor(3, basis=basis).fit(x * 1e-160, y).coef_).all()
    small = (x * 1e-15).astype(np.float32)
    with pytest.warns(UserWarning, match="out of the range of float32"):
        PolynomialRegressor(3).fit(small, y)


@pytest.mark.parametrize(
    ("degree", "d", "params", "message"),
    [
        (3000, 1, {}, "degree=3000 with 1 feature gives 3000 terms; exponents may be at most 1000"),
        (20000, 1, {}, "20000 terms; exponents may be at most 1000"),
        (10**9, 1, {}, "1000000000 terms; the limit is 20000"),
        (10**400, 4, {}, r"more than 10\^15 terms; the limit is 20000"),  # more than a float can hold
        (10**9, 300, {}, r"more than 10\^15 terms; the limit is 20000"),
        (300, 300, {"interaction_only": True}, r"more than 10\^15 terms"),
        ([1000, 999], 2, {}, "terms; the limit is 20000"),
    ],
)
def test_what_would_take_too_long_is_refused_at_once(degree, d, params, message, rng):
    with pytest.raises(ValueError, match=message):
        PolynomialRegressor(degree, **params).fit(rng.normal(size=(9, d)), rng.normal(size=9))


def test_a_sum_of_exponents_that_no_term_reaches(rng):
    X, y = rng.normal(size=(30, 2)), rng.normal(size=30)
    model = PolynomialRegressor(10**9, interaction_only=True).fit(X, y)
    assert model.powers_.tolist() == [[1, 0], [0, 1], [1, 1]]
    design = np.column_stack([np.ones(30), X, X[:, 0] * X[:, 1]])
    coef = np.linalg.lstsq(design, y)[0]
    assert_allclose(np.append(model.intercept_, model.coef_), coef, rtol=1e-10)


def test_a_high_degree_on_few_rows_fits_them(rng):
    x, y = np.sort(rng.uniform(-1, 1, (9, 1)), axis=0), rng.normal(size=9)
    model = PolynomialRegressor(1000, basis="chebyshev").fit(x, y)
    assert_allclose(model.predict(x), y, atol=1e-9)
    assert model.coef_.shape == (1000,)


def terms(basis, X, domain, powers):
    """The products by NumPy's classes."""
    kind = {"chebyshev": Chebyshev, "legendre": Legendre}.get(basis)
    columns = []
    for exponents in powers:
        column = np.ones(len(X))
        for j, a in enumerate(exponents):
            column = column * (X[:, j] ** a if kind is None else kind.basis(a, domain=domain[j])(X[:, j]))
        columns.append(column)
    return np.column_stack(columns)


@pytest.mark.parametrize("n_outputs", [None, 2])
@pytest.mark.parametrize("basis", BASES)
@pytest.mark.parametrize("degree", [3, [3, 0, 2], [1, 4, 2]])
def test_predictions_are_those_of_changed_coefficients(degree, basis, n_outputs, rng):
    X = pd.DataFrame(rng.uniform(-1, 1, (40, 3)) * [1, 2, 3] + [0, 1, 5], columns=list("abc"))
    X["b"] = X["b"] if degree == 3 else 1.0  # a constant column has terms all the same
    y = rng.normal(size=40 if n_outputs is None else (40, n_outputs))
    model = PolynomialRegressor(degree, basis=basis).fit(X, y)
    before = model.predict(X)
    model.coef_ = model.coef_.copy()
    assert_array_equal(model.predict(X), before)
    model.coef_ = rng.normal(size=model.coef_.shape)
    model.intercept_ = model.intercept_ + 1
    design = terms(basis, X.to_numpy(), model.domain_, model.powers_)
    assert_allclose(model.predict(X), design @ model.coef_.T + model.intercept_, rtol=1e-9, atol=1e-9)
    model.coef_[..., 0] = 7.0  # in place
    assert_allclose(model.predict(X), design @ model.coef_.T + model.intercept_, rtol=1e-9, atol=1e-9)
    model.coef_ = np.zeros(99)
    with pytest.raises(ValueError, match=r"coef_ must have the shape .* They have \(99,\)"):
        model.predict(X)
    assert_array_equal(model.fit(X, y).predict(X), before)


def test_ordinary_sizes_are_left_alone():
    from skdl.linear.solvers.scaling import safe_exponents, scale_down

    values = np.ldexp(np.array([[0.0, 1.0, -3.0, 1.0, 1.0, 5e-324]]), [0, 299, -290, 310, -310, 0])
    assert safe_exponents(np.abs(values).max(axis=0)).tolist() == [0, 0, 0, 311, -309, -1073]
    assert scale_down(values, np.zeros(6, int)) is values
    assert scale_down(values, safe_exponents(np.abs(values[0])))[0].tolist() == [0, *values[0, 1:3], 0.5, 0.5, 0.5]
