"""The arithmetic against fractions: every operand and result is an exact rational number."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skdl.linear.solvers.double_double import DoubleDouble

PRECISION = Fraction(1, 2**102)


def exact(number):
    return [Fraction(float(hi)) + Fraction(float(lo)) for hi, lo in zip(number.hi.flat, number.lo.flat, strict=True)]


def numbers(rng, size):
    hi = rng.normal(size=size) * 10.0 ** rng.integers(-8, 8, size)
    return DoubleDouble(hi, hi * 2.0**-54 * rng.uniform(-1, 1, size))


@pytest.mark.parametrize("name", ["__add__", "__sub__", "__mul__", "__truediv__"])
def test_operations(name):
    rng = np.random.default_rng(0)
    a, b = numbers(rng, 500), numbers(rng, 500)
    found = exact(getattr(a, name)(b))
    for x, y, z in zip(exact(a), exact(b), found, strict=True):
        true = getattr(x, name)(y)
        scale = abs(x) + abs(y) if name in ("__add__", "__sub__") else abs(true)
        assert abs(z - true) <= PRECISION * scale


def test_sums_that_cancel_keep_their_digits():
    a = DoubleDouble(np.array([1.0, 1e16])) + np.array([1e-20, 1.0])
    assert exact(a - np.array([1.0, 1e16])) == [Fraction(1e-20), 1]
    assert exact(1.0 - DoubleDouble(np.array([1.0])) * 1.0) == [0]


@given(st.lists(st.floats(-1e100, 1e100, allow_subnormal=False), min_size=0, max_size=40))
@settings(max_examples=200, deadline=None)
def test_sum(values):
    found = exact(DoubleDouble(np.array(values, dtype=float)).sum(axis=0)[None])
    true = sum(map(Fraction, values), Fraction(0))
    assert abs(found[0] - true) <= 40 * PRECISION * sum(abs(Fraction(value)) for value in values)


def test_shapes_broadcast_and_assign():
    a = DoubleDouble(np.ones((2, 3)))
    total = (a * DoubleDouble(np.arange(3.0)) + np.array([[1.0], [2.0]])).sum(axis=1)
    assert total.shape == (2,)
    np.testing.assert_array_equal(total.hi, [6.0, 9.0])
    a[0] = a[1] + 1.0
    a[1, :2] = 5.0
    np.testing.assert_array_equal(a.hi, [[2, 2, 2], [5, 5, 1]])
    assert isinstance(np.ones(3) * a[0], DoubleDouble)
    np.testing.assert_array_equal((-a).hi, -a.hi)


def test_hi_is_the_nearest_float():
    third = DoubleDouble(np.array([1.0, 2.0])) / np.array([3.0, 7.0])
    np.testing.assert_array_equal(third.hi, np.array([1.0, 2.0]) / np.array([3.0, 7.0]))
    assert all(
        abs(z - t) < Fraction(1, 10**31) for z, t in zip(exact(third), [Fraction(1, 3), Fraction(2, 7)], strict=True)
    )
