"""The parts of polynomial regression: which terms there are, the basis that is computed in, and the change from it."""

from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from exact import fractions
from numpy.polynomial import chebyshev, legendre
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.preprocessing import PolynomialFeatures

from skdl.linear.polynomial.basis import ChebyshevProducts, ranges, typical_ranges
from skdl.linear.polynomial.change_of_basis import ChangeOfBasis
from skdl.linear.polynomial.fit import accumulate_moments
from skdl.linear.polynomial.terms import count_terms, list_blocks, list_powers, list_terms, name_term
from skdl.linear.solvers.blocks import DesignBlocks
from skdl.linear.solvers.double_double import DoubleDouble
from skdl.linear.solvers.gram import accumulate


@pytest.fixture
def rng():
    return np.random.default_rng(5)


# ------------------------------------------------------------------------------------------------ terms


@pytest.mark.parametrize("caps", [*product(range(4), repeat=3), (1, 1, 1, 1), (5,), (2, 0, 0, 4, 1)])
def test_terms_are_those_of_polynomial_features_within_the_caps(caps):
    for degree in range(1, max(caps) + 1):
        theirs = PolynomialFeatures(degree, include_bias=False).fit(np.zeros((1, len(caps))))
        kept = (theirs.powers_ <= caps).all(axis=1)
        blocks = list_blocks(caps, degree)
        assert_array_equal(list_powers(blocks, len(caps)), theirs.powers_[kept])
        names = [name_term(term, [f"x{i}" for i in range(len(caps))]) for term in list_terms(blocks)]
        assert_array_equal(names, theirs.get_feature_names_out()[kept])
        assert count_terms(caps, degree, 10**9) == kept.sum()


@pytest.mark.parametrize("groups", [(2, 1, 3), (1, 1, 2, 2), (4, 2), (6,)])
@pytest.mark.parametrize("caps", [(1, 1, 1, 1, 1, 1), (3, 1, 0, 2, 1, 1), (0, 0, 3, 1, 1, 2)])
def test_a_term_has_at_most_one_feature_of_a_group(groups, caps):
    starts = np.cumsum((0, *groups))
    follows = np.repeat(starts[1:], groups).tolist()
    for degree in range(1, 5):
        powers = PolynomialFeatures(degree, include_bias=False).fit(np.zeros((1, 6))).powers_
        several = np.add.reduceat(powers > 0, starts[:-1], axis=1, dtype=int) > 1
        kept = (powers <= caps).all(axis=1) & ~several.any(axis=1)
        assert_array_equal(list_powers(list_blocks(caps, degree, follows), 6), powers[kept])
        assert count_terms(caps, degree, 10**9, follows) == kept.sum()


def test_terms_are_counted_without_listing_them():
    assert count_terms([10**6] * 2, 10**6, 10**15) == (10**6 + 1) * (10**6 + 2) // 2 - 1
    assert count_terms([1] * 200, 3, 10**15) == 200 + 200 * 199 // 2 + 200 * 199 * 198 // 6
    # All exponents up to 2 in 30 features, without a limit to their sum: 3^30 products.
    assert count_terms([2] * 30, 60, 10**15) == 3**30 - 1


# ------------------------------------------------------------------------------------------------ the basis


def test_values_of_the_basis(rng):
    caps, degree = [3, 1, 4], 4
    basis = ChebyshevProducts(caps, degree, np.array([1.0, -2.0, 0.5]), np.array([0.5, 4.0, 1.0]))
    X = rng.uniform(-3, 3, size=(40, 3))
    z = (X - basis.centre) / basis.half
    powers = list_powers(basis.blocks, 3)
    expected = [np.prod([chebyshev.chebval(z[:, j], np.eye(5)[a[j]]) for j in range(3)], axis=0) for a in powers]
    assert_allclose(basis(X), expected, rtol=1e-12, atol=1e-10)
    exact = DoubleDouble(np.empty((len(powers), 40)))
    basis.write(X, exact)
    assert_allclose(exact.hi, expected, rtol=1e-12, atol=1e-10)


def test_values_of_32_digits():
    basis = ChebyshevProducts([6], 6, np.array([0.3]), np.array([0.7]))
    x = np.linspace(-0.4, 1.0, 9)
    found = DoubleDouble(np.empty((6, 9)))
    basis.write(x[:, None], found)
    for i, value in enumerate(fractions(x)):
        z = (value - Fraction(0.3)) / Fraction(0.7)
        true = [Fraction(1), z]
        for _ in range(5):
            true.append(2 * z * true[-1] - true[-2])
        for a in range(1, 7):
            assert abs(Fraction(found.hi[a - 1, i]) + Fraction(found.lo[a - 1, i]) - true[a]) < Fraction(1, 10**30)


@pytest.mark.parametrize("n", [3, 64, 200])
def test_ranges(n, rng):
    X = rng.normal(size=(n, 3)) * [1e-200, 1.0, 1e200] + [0.0, 5.0, 0.0]
    centre, half = ranges(X, shift=True)
    assert_allclose(centre, X.min(axis=0) / 2 + X.max(axis=0) / 2, rtol=1e-14)
    assert_allclose(half, X.max(axis=0) / 2 - X.min(axis=0) / 2, rtol=1e-14)
    weight = rng.integers(1, 4, n)
    mean, width = typical_ranges(X, weight / 3, centre, half, shift=True)
    repeated = np.repeat(X / [1e-200, 1.0, 1e200], weight, axis=0)
    assert_allclose(mean, repeated.mean(axis=0) * [1e-200, 1.0, 1e200], rtol=1e-12)
    assert_allclose(width, np.sqrt(3) * repeated.std(axis=0) * [1e-200, 1.0, 1e200], rtol=1e-12)
    assert_array_equal(typical_ranges(X[:, :1], None, centre[:1], half[:1], shift=True), [centre[:1], half[:1]])


# ------------------------------------------------------------------------------------------------ change of basis


@pytest.mark.parametrize("family", ["monomial", "chebyshev", "legendre"])
@pytest.mark.parametrize(("caps", "degree"), [([4, 4, 4], 4), ([1, 1, 1], 3), ([3, 0, 2], 3), ([12], 12)])
def test_the_polynomial_stays_the_same(family, caps, degree, rng):
    d = len(caps)
    basis = ChebyshevProducts(caps, degree, rng.normal(size=d), rng.uniform(0.5, 2, size=d))
    coef = rng.normal(size=(basis.n_terms + 1, 2))
    centre, half = rng.normal(size=d), rng.uniform(0.5, 2, size=d)
    change = ChangeOfBasis(basis, family, centre, half)
    new = change(DoubleDouble(coef))
    X = rng.uniform(-2, 2, size=(40, d))
    u, evaluate = {
        "monomial": (X, np.polynomial.polynomial.polyval),
        "chebyshev": ((X - centre) / half, chebyshev.chebval),
        "legendre": ((X - centre) / half, legendre.legval),
    }[family]
    unit = np.eye(degree + 1)
    powers = list_powers(basis.blocks, d)
    values = np.array([np.prod([evaluate(u[:, j], unit[a[j]]) for j in range(d)], axis=0) for a in powers])
    expected = basis(X).T @ coef[:-1] + coef[-1]
    size = np.abs(values).T @ np.abs(new[:-1])
    assert (np.abs(values.T @ new[:-1] + new[-1] - expected) <= 1e-13 * (1 + size)).all()
    assert_allclose(change.matrix() @ coef[:-1], new[:-1], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(("centre", "half", "degree"), [(0.3, 0.7, 25), (1000.3, 0.7, 8), (-6.0, 2.8, 10), (1e6, 1, 6)])
def test_coefficients_of_a_moved_chebyshev_polynomial(centre, half, degree):
    exact = powers_of_chebyshev(Fraction(centre), Fraction(half), degree)
    basis = ChebyshevProducts([degree], degree, np.array([centre]), np.array([half]))
    unit = np.zeros((degree + 1, 1))
    unit[degree - 1] = 1.0
    found = ChangeOfBasis(basis, "monomial", basis.centre, basis.half)(DoubleDouble(unit))[:, 0]
    assert_array_equal(found, [float(e) for e in [*exact[1:], exact[0]]])


def test_coefficients_that_cancel_to_the_last_digit(rng):
    """A cubic without large coefficients, given by Chebyshev coefficients of 32 digits around 1e5."""
    centre, half = Fraction(100000), Fraction(2)
    true = [Fraction(5), Fraction(-3), Fraction(1, 2), Fraction(7)]
    table = [powers_of_chebyshev(centre, half, a) for a in range(4)]
    inner, left = [Fraction(0)] * 4, list(true)
    for a in range(3, -1, -1):
        inner[a] = left[a] / table[a][a]
        left = [value - inner[a] * (table[a][b] if b <= a else 0) for b, value in enumerate(left)]
    hi = np.array([float(c) for c in inner])
    lo = np.array([float(c - Fraction(h)) for c, h in zip(inner, hi, strict=True)])
    order = [1, 2, 3, 0]
    basis = ChebyshevProducts([3], 3, np.array([float(centre)]), np.array([float(half)]))
    change = ChangeOfBasis(basis, "monomial", basis.centre, basis.half)
    coef = DoubleDouble(hi[order, None], lo[order, None])
    assert_allclose(change(coef)[:, 0], [-3, 0.5, 7, 5], rtol=1e-13)
    # The largest Chebyshev coefficient is about 4e16, T_3 moves 4e16 times as much to the constant, and 5 is left.
    size = max(abs(c) for c in inner[1:])
    errors = [max(abs(inner[0]), size), size, size, size]
    worst = max(sum(e * abs(row[b]) for e, row in zip(errors, table, strict=True) if b < len(row)) / abs(true[b])
                for b in range(4))  # fmt: skip
    assert_allclose(change.amplification(coef), float(worst), rtol=1e-9)


def powers_of_chebyshev(centre, half, degree):
    """Exact coefficients of T_degree((x - centre) / half) by powers of x."""
    rows = [[Fraction(1)], [-centre / half, 1 / half]]
    for _ in range(degree - 1):  # T_{a+1} = 2 z T_a - T_{a-1}
        last, before = rows[-1], [*rows[-2], 0, 0]
        moved = [2 / half * (left - centre * here) for left, here in zip([0, *last], [*last, 0], strict=True)]
        rows.append([m - b for m, b in zip(moved, before, strict=True)])
    return rows[degree]


def test_out_of_range_without_a_warning():
    basis = ChebyshevProducts([3], 3, np.array([1e-200]), np.array([1e-200]))
    found = ChangeOfBasis(basis, "monomial", basis.centre, basis.half)(DoubleDouble(np.ones((4, 1))))
    assert_allclose(found[[0, 3], 0], [1e200 * (1 - 4 + 9), 1 - 1 + 1 - 1], rtol=1e-12)
    assert np.isinf(found[[1, 2]]).all()


# ------------------------------------------------------------------------------------------------ moments


@pytest.mark.parametrize("weighted", [False, True])
def test_moments_give_the_gram_matrix(weighted, rng):
    x, targets = rng.uniform(-3, 5, size=(5000, 1)), rng.normal(size=(5000, 2))
    weight = rng.uniform(0, 1, 5000) if weighted else None
    basis = ChebyshevProducts([7], 7, *ranges(x, shift=True))

    def write(part, out):
        basis.write(x[part], out.T)

    blocks = DesignBlocks(write, targets, weight, 7, order="F")
    by_moments, by_products = accumulate_moments(blocks), accumulate(blocks, centred=True)
    for found, expected in zip(by_moments, by_products, strict=True):
        assert_allclose(found, expected, rtol=0, atol=1e-13 * 5000)
    w = np.ones(5000) if weight is None else weight
    z = np.clip((x[:, 0] - basis.centre) / basis.half, -1, 1)
    columns = np.vstack([np.cos(np.outer(np.arange(1, 8), np.arccos(z))), targets.T])
    centred = columns - np.average(columns, axis=1, weights=w)[:, None]
    assert_allclose(by_moments.products, (w * centred) @ centred.T, rtol=0, atol=1e-10)
