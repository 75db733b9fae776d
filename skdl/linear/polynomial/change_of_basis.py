"""The change from coefficients of Chebyshev products to those of monomials or of other orthogonal polynomials.

In any family P_0 = 1, P_1, ... with u P_b = up_b P_{b+1} + down_b P_{b-1}, T_a((x - c) / h) is a sum of t[a, b] P_b, so
the change is made feature by feature: the coefficient of a term with T_a of this feature goes, times t[a, b], to the
terms with P_b in its place. Far from the origin the t of powers are huge, of both signs, and their sums small. All of
it is therefore computed with 32 digits, and `amplification` tells how many digits the sums cost.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any, NamedTuple

import numpy as np
from scipy import sparse

from skdl.linear.polynomial.basis import ChebyshevProducts
from skdl.linear.polynomial.terms import Term, list_powers, list_terms
from skdl.linear.solvers.double_double import DoubleDouble

FAMILIES = ("monomial", "chebyshev", "legendre")


class ExponentStep(NamedTuple):
    """The terms with T_exponent of a feature, and with each lower exponent in its place: `rows[b]`, of them `rows[-1]`.

    The row behind the last term stands for the constant.
    """

    feature: int
    exponent: int
    rows: np.ndarray


class ChangeOfBasis:
    """The change to products of a family of polynomials in (x - centre) / half; for monomials, in x itself."""

    def __init__(self, basis: ChebyshevProducts, family: str, centre: np.ndarray, half: np.ndarray):
        self.n_terms = basis.n_terms
        self.steps = _list_steps(list_terms(basis.blocks))
        self.exponent = np.zeros(self.n_terms + 1, dtype=np.int64)  # of two, to be multiplied with in the end
        if family == "monomial":
            # Powers of x / 2^e, with the e for which half / 2^e is near 1, do not overflow; the last step is exact.
            exponent = np.frexp(basis.half)[1]
            centre, half = np.zeros_like(centre), np.ldexp(1.0, exponent)
            self.exponent[:-1] = -(list_powers(basis.blocks, len(half)) @ exponent)
        with np.errstate(all="ignore"):
            self.tables = _tables(family, max(basis.caps, default=0), basis, centre, half)

    def __call__(self, coef: DoubleDouble) -> np.ndarray:
        """The new coefficients (n_terms + 1, k), the last row the constant, rounded to float64.

        One that is out of float64's range, which happens where the polynomial is not, is not finite.
        """
        with np.errstate(all="ignore"):
            return np.asarray(np.ldexp(self._change(coef, self.tables).hi, self.exponent[:, None]))

    def amplification(self, coef: DoubleDouble) -> float:
        """The largest relative error of a new coefficient, in units of the relative error of the largest old one."""
        error = np.empty_like(coef.hi)
        error[:-1] = np.abs(coef.hi[:-1]).max(axis=0, initial=0.0)
        error[-1] = np.maximum(error[:-1].max(axis=0, initial=0.0), np.abs(coef.hi[-1]))
        with np.errstate(all="ignore"):
            found = np.abs(self._change(coef, self.tables).hi)
            return float(np.nan_to_num(self._change(error, np.abs(self.tables.hi)) / found).max())

    def _change(self, coef: Any, tables: Any) -> Any:
        coef = coef.copy()
        for feature, exponent, rows in self.steps:
            moved = tables[feature, exponent, : exponent + 1][:, None, None] * coef[rows[-1]]
            coef[rows[-1]] = 0.0
            coef[rows] = coef[rows] + moved
        return coef

    def matrix(self) -> sparse.csc_array:
        """The change without the constant, in float64: each entry is one product, so that nothing cancels."""
        size = self.n_terms + 1
        whole = sparse.diags_array(np.ones(size), format="csc")
        for feature in sorted({step.feature for step in self.steps}):
            here = [step for step in self.steps if step.feature == feature]
            diagonal = np.ones(size)
            diagonal[np.concatenate([step.rows[-1] for step in here])] = 0.0
            rows = np.concatenate([np.arange(size), *(step.rows.ravel() for step in here)])
            columns = np.concatenate([np.arange(size), *(np.tile(step.rows[-1], len(step.rows)) for step in here)])
            entries = [np.repeat(self.tables.hi[feature, a, : a + 1], rows.shape[1]) for _, a, rows in here]
            whole = sparse.csc_array((np.concatenate([diagonal, *entries]), (rows, columns))) @ whole
        with np.errstate(all="ignore"):
            units = sparse.diags_array(np.ldexp(1.0, self.exponent))
            return sparse.csc_array((units @ whole)[:-1, :-1])


def _list_steps(terms: list[Term]) -> list[ExponentStep]:
    """In the order in which they must be made: what comes down from T_a is a P_b already, not a T_b."""
    index = {term: row for row, term in enumerate(terms)} | {(): len(terms)}
    lower: defaultdict[int, np.ndarray] = defaultdict(lambda: np.empty(len(terms), dtype=np.intp))
    members: defaultdict[tuple[int, int], list[int]] = defaultdict(list)
    for row, term in enumerate(terms):
        for position, (feature, exponent) in enumerate(term):
            less = ((feature, exponent - 1),) if exponent > 1 else ()
            lower[feature][row] = index[term[:position] + less + term[position + 1 :]]
            members[feature, exponent].append(row)
    steps = []
    for (feature, exponent), rows in sorted(members.items()):
        by_exponent = [np.array(rows)]
        for _ in range(exponent):
            by_exponent.append(lower[feature][by_exponent[-1]])
        steps.append(ExponentStep(feature, exponent, np.array(by_exponent[::-1])))
    return steps


def _tables(family: str, degree: int, basis: ChebyshevProducts, centre: np.ndarray, half: np.ndarray) -> DoubleDouble:
    """The t[feature, a, b], row by row: T_{a+1} = 2 z T_a - T_{a-1}, where z = (half u + centre - c) / h."""
    b = np.arange(degree + 1.0)
    if family == "monomial":
        up, down = DoubleDouble(np.ones_like(b)), DoubleDouble(np.zeros_like(b))
    elif family == "chebyshev":
        up, down = DoubleDouble(np.where(b > 0, 0.5, 1.0)), DoubleDouble(np.where(b > 0, 0.5, 0.0))
    else:
        up, down = DoubleDouble(b + 1) / (2 * b + 1), DoubleDouble(b) / (2 * b + 1)
    inverse = 1.0 / DoubleDouble(basis.half[:, None])
    slope = inverse * half[:, None]
    offset = (DoubleDouble(centre[:, None]) - basis.centre[:, None]) * inverse

    tables = DoubleDouble(np.zeros((len(half), degree + 1, degree + 1)))
    tables[:, 0, 0] = 1.0
    for a in range(1, degree + 1):
        last = tables[:, a - 1]
        row = offset * last
        row[:, 1:] = row[:, 1:] + slope * (last[:, :-1] * up[:-1])
        row[:, :-1] = row[:, :-1] + slope * (last[:, 1:] * down[1:])
        tables[:, a] = row if a == 1 else row * 2.0 - tables[:, a - 2]
    return tables
