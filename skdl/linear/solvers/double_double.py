"""Arrays with about 32 significant digits: each number is the exact sum of two float64, the second a rounding error.

Every operation rests on two facts [1]_: the rounding error of a sum or of a product of two floats is a float itself,
and a few more float operations give it exactly. Unlike NumPy's longdouble, this is the same on every platform.

References
----------
.. [1] T. J. Dekker, "A floating-point technique for extending the available precision", Numer. Math. 18, 1971.
"""

from __future__ import annotations

from typing import Any

import numpy as np

SPLIT = 2.0**27 + 1  # cuts a float64 into two halves of 26 bits, whose products are exact


class DoubleDouble:
    """The numbers `hi + lo`, where `lo` is at most half an ulp of `hi`: `hi` is the nearest float64.

    Shapes broadcast as for arrays; a float array is a number with `lo` zero. Magnitudes must stay below 1e300.
    """

    __array_ufunc__ = None  # array * DoubleDouble is ours, not an array of objects
    __slots__ = ("hi", "lo")

    def __init__(self, hi: Any, lo: Any = None):
        self.hi = np.asarray(hi, dtype=np.float64)
        self.lo = np.zeros_like(self.hi) if lo is None else lo

    @property
    def shape(self) -> tuple[int, ...]:
        return self.hi.shape

    def copy(self) -> DoubleDouble:
        return DoubleDouble(self.hi.copy(), self.lo.copy())

    def __getitem__(self, key: Any) -> DoubleDouble:
        return DoubleDouble(self.hi[key], self.lo[key])

    def __setitem__(self, key: Any, value: DoubleDouble | np.ndarray | float) -> None:
        value = _wrap(value)
        self.hi[key], self.lo[key] = value.hi, value.lo

    def __isub__(self, other: Any) -> DoubleDouble:
        return self + -_wrap(other)

    def __neg__(self) -> DoubleDouble:
        return DoubleDouble(-self.hi, -self.lo)

    def __add__(self, other: Any) -> DoubleDouble:
        other = _wrap(other)
        high, error = two_sum(self.hi, other.hi)
        low, rest = two_sum(self.lo, other.lo)
        high, error = _renormalise(high, error + low)
        return DoubleDouble(*_renormalise(high, error + rest))

    __radd__ = __add__

    def __sub__(self, other: Any) -> DoubleDouble:
        return self + -_wrap(other)

    def __rsub__(self, other: Any) -> DoubleDouble:
        return _wrap(other) + -self

    def __mul__(self, other: Any) -> DoubleDouble:
        other = _wrap(other)
        product, error = _two_product(self.hi, other.hi)
        error += self.hi * other.lo + self.lo * other.hi
        return DoubleDouble(*_renormalise(product, error))

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> DoubleDouble:
        other = _wrap(other)
        first = DoubleDouble(self.hi / other.hi)
        second = DoubleDouble((self - first * other).hi / other.hi)
        third = (self - (first + second) * other).hi / other.hi
        total: DoubleDouble = first + second + third
        return total

    def __rtruediv__(self, other: Any) -> DoubleDouble:
        return _wrap(other) / self

    def sum(self, axis: int) -> DoubleDouble:
        """The sum along an axis, pairwise."""
        terms = DoubleDouble(np.moveaxis(self.hi, axis, 0), np.moveaxis(self.lo, axis, 0))
        if len(terms.hi) == 0:
            return DoubleDouble(np.zeros(terms.shape[1:]))
        while (n := len(terms.hi)) > 1:
            pairs = terms[: n // 2] + terms[n // 2 : n - n % 2]
            if n % 2:
                pairs = DoubleDouble(
                    np.concatenate([pairs.hi, terms.hi[-1:]]), np.concatenate([pairs.lo, terms.lo[-1:]])
                )
            terms = pairs
        return terms[0]


def _wrap(value: Any) -> DoubleDouble:
    return value if isinstance(value, DoubleDouble) else DoubleDouble(value)


def two_sum(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The rounded sum and its error."""
    total = a + b
    b_part = total - a
    return total, (a - (total - b_part)) + (b - b_part)


def _renormalise(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The rounded sum and its error, where |a| >= |b|."""
    total = a + b
    return total, b - (total - a)


def _two_product(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The rounded product and its error."""
    product = a * b
    a_high, a_low = _veltkamp_split(a)
    b_high, b_low = _veltkamp_split(b)
    return product, ((a_high * b_high - product) + a_high * b_low + a_low * b_high) + a_low * b_low


def _veltkamp_split(a: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    scaled = SPLIT * a
    high = scaled - (scaled - a)
    return high, a - high
