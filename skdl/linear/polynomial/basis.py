"""Products of Chebyshev polynomials of several features: a basis that is safe to compute with.

The powers of a feature become parallel to each other, the faster the further from 0 they are taken; its Chebyshev
polynomials on an interval that holds most of it stay nearly independent. Each feature is therefore mapped to z, with
[-1, 1] for this interval, and the monomial x_i^a x_j^b is replaced by T_a(z_i) T_b(z_j). The terms hold with a product
everything that divides it, so that both span the same polynomials, and the coefficients of one follow exactly from
those of the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from skdl.linear.polynomial.rows import Rows, SparseRows
from skdl.linear.polynomial.terms import list_blocks
from skdl.linear.solvers.double_double import DoubleDouble


class RecurrenceStep(NamedTuple):
    """Row of T_exponent(z_feature), and the rows of the two polynomials before it."""

    row: int
    feature: int
    before: int | None
    second: int | None  # None for T_2, before which is T_0 = 1


class ChebyshevProducts:
    """T_a(z_i) T_b(z_j) ... with z = (x - centre) / half, one function for each term."""

    def __init__(
        self,
        caps: Sequence[int],
        degree: int,
        centre: np.ndarray,
        half: np.ndarray,
        follows: Sequence[int] | None = None,
    ):
        self.caps, self.degree, self.centre, self.half = caps, degree, centre, half
        self.blocks = blocks = list_blocks(caps, degree, follows)
        self.n_terms = blocks[-1].rows.stop if blocks else 0
        pure = {(block.feature, block.exponent): block.rows.start for block in blocks if block.rest is None}
        self._powers = [
            RecurrenceStep(row, feature, pure.get((feature, a - 1)), pure.get((feature, a - 2)))
            for (feature, a), row in pure.items()
        ]
        self._products = [
            (block.rows, pure[block.feature, block.exponent], block.rest) for block in blocks if block.rest is not None
        ]

    def write(self, X: np.ndarray, out: Any) -> None:
        """Write the values (n_terms, n) at the rows of X into `out`.

        A term's values are contiguous, and T_a(z_i) multiplies all its terms at once. `out` may be an array or a
        DoubleDouble: the same lines compute in the arithmetic that it has.
        """
        z = (X.T - self._column(self.centre, out)) / self._column(self.half, out)
        twice = z + z
        for row, feature, before, second in self._powers:
            if before is None:
                out[row] = z[feature]
            else:
                _multiply(twice[feature], out[before], out, row)
                out[row] -= 1.0 if second is None else out[second]
        for rows, factor, rest in self._products:
            _multiply(out[rest], out[factor], out, rows)

    @staticmethod
    def _column(values: np.ndarray, out: Any) -> Any:
        return DoubleDouble(values[:, None]) if isinstance(out, DoubleDouble) else values[:, None]

    def __call__(self, X: np.ndarray) -> np.ndarray:
        """The values (n_terms, n) at the rows of X."""
        out = np.empty((self.n_terms, len(X)))
        self.write(X, out)
        return out


def ranges(X: Rows, *, shift: bool) -> tuple[np.ndarray, np.ndarray]:
    """Middle and half width of each feature's range; the half width is 0 where rounding explains all of it.

    Without `shift`, of the smallest range around 0 that holds the feature.
    """
    if isinstance(X, SparseRows):
        low, high = X.extremes()
    else:
        low, high = (_reduce_columns(extreme, X).astype(np.float64) for extreme in (np.minimum, np.maximum))
    if not shift:
        return np.zeros(X.shape[1]), np.maximum(-low, high)
    half = high / 2 - low / 2
    centre = low + half
    half[half <= np.finfo(X.dtype).eps * np.abs(centre)] = 0.0
    return centre, half


def typical_ranges(
    X: Rows, weight: np.ndarray | None, centre: np.ndarray, half: np.ndarray, *, shift: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Mean and sqrt(3) standard deviations of each feature, the range of a uniform distribution that has these two.

    Of skewed and heavy-tailed features, most values lie in a small part of the range. With several of them, products of
    polynomials on the whole range are nearly dependent there, and those on the typical range far less. One feature has
    higher degrees, which make up for it, but whose polynomials grow fast outside of their interval: it keeps its range.
    """
    if X.shape[1] == 1:
        return centre, half
    width = np.where(half > 0, half, 1.0)
    n, total, squares = 0.0, np.zeros(len(half)), np.zeros(len(half))
    step = max(1, 2**15 // len(half))
    for start in range(0, len(X), step):
        part = slice(start, start + step)
        z = (X[part] - centre) / width
        w = np.ones(len(z)) if weight is None else weight[part]
        n += w.sum()
        total += w @ z
        squares += w @ (z * z)
    mean = total / n if shift else np.zeros(len(half))
    deviation = np.sqrt(np.maximum(squares / n - mean**2, 0.0))
    return centre + width * mean, np.where(half > 0, np.sqrt(3.0) * width * deviation, 0.0)


def _multiply(a: Any, b: Any, out: Any, rows: int | slice) -> None:
    """`out[rows] = a * b`; for arrays without a temporary, which would cost more than the product."""
    if isinstance(out, np.ndarray):
        np.multiply(a, b, out=out[rows])
    else:
        out[rows] = a * b


def _reduce_columns(extreme: np.ufunc, X: np.ndarray, fold: int = 64) -> np.ndarray:
    """`extreme.reduce(X)`, several rows at a time: NumPy is slow along the first axis where rows are short."""
    n, d = X.shape
    whole = n - n % fold
    folded = extreme.reduce(X[:whole].reshape(-1, fold * d)) if whole else X[:0]
    return np.asarray(extreme.reduce(np.vstack([folded.reshape(-1, d), X[whole:]])))
