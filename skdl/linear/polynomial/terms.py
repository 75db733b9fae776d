"""The terms of a polynomial in several features: their order, and how each is computed from smaller ones.

A term is the tuple of its (feature, exponent) pairs by feature: ((0, 2), (3, 1)) is x0^2 x3. The terms are those whose
exponents are at most a cap for each feature and have a sum of at most `degree`, by this sum and then in alphabetical
order, as scikit-learn's PolynomialFeatures has them. All terms of one sum that begin with the same power of the same
feature then stand together, and what follows that power are the *last* terms of a smaller sum, together and in the
same order: a `TermBlock` is one vectorised product.

Features may come in groups of neighbours of which a term has at most one, as the indicators of a variable's categories,
whose products are zero: `follows` holds, for each feature, the first one after its group.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import NamedTuple

import numpy as np

Term = tuple[tuple[int, int], ...]


class TermSet(NamedTuple):
    """The terms of a polynomial: the largest exponent of each feature, the largest sum of a term, and the groups."""

    caps: Sequence[int]
    degree: int
    follows: Sequence[int] | None = None  # the first feature after each one's group; None where each is its own group


class TermBlock(NamedTuple):
    """The terms `rows` are x_feature^exponent times the terms `rest`; times 1 for the one row where `rest` is None."""

    rows: slice
    feature: int
    exponent: int
    rest: slice | None


def count_terms(caps: Sequence[int], degree: int, limit: int, follows: Sequence[int] | None = None) -> int:
    """The number of terms without the constant, not listing them; some number above `limit` if it is above."""
    grouped = follows is not None
    if not grouped and all(cap >= degree for cap in caps):
        return _choose(len(caps) + degree, min(len(caps), degree), limit) - 1
    if not grouped and all(cap <= 1 for cap in caps):
        count, chosen = 0, sum(caps)
        for k in range(1, min(degree, chosen) + 1):
            count += _choose(chosen, min(k, chosen - k), limit)
            if count > limit:
                break
        return count
    # The number of terms with a sum of s is the coefficient of t^s in the product over groups of 1 + the sum over their
    # features of t + ... + t^cap.
    counts = [1] + [0] * degree
    for feature, cap in enumerate(caps):
        if follows is None or feature == 0 or follows[feature - 1] == feature:
            sums = [0, *accumulate(counts)]
        counts = [count + sums[s] - sums[max(s - cap, 0)] for s, count in enumerate(counts)]
    return sum(counts) - 1


def _choose(n: int, k: int, limit: int) -> int:
    """The binomial coefficient for 2 k <= n, or where it is larger, a smaller one that is above the limit."""
    count = 1
    for i in range(k):
        count = count * (n - i) // (i + 1)
        if count > limit + 1:
            break
    return count


def list_blocks(caps: Sequence[int], degree: int, follows: Sequence[int] | None = None) -> list[TermBlock]:
    """The blocks of all terms, in the order of their rows."""
    blocks: list[TermBlock] = []
    n_features, row = len(caps), 0
    follows = range(1, n_features + 1) if follows is None else follows
    begins: list[list[int]] = [[]]  # of each sum and feature: the first row whose term has no feature before this one
    for total in range(1, degree + 1):
        begin = []
        for feature, cap in enumerate(caps):
            begin.append(row)
            # What follows a power needs a feature after its own group.
            after = follows[feature]
            least = 1 if any(caps[after:]) else total
            for exponent in range(min(total, cap), least - 1, -1):
                rest = None
                if exponent < total:
                    smaller = begins[total - exponent]
                    rest = slice(smaller[after], smaller[n_features])
                rows = slice(row, row + (1 if rest is None else rest.stop - rest.start))
                if rows.stop > row:
                    blocks.append(TermBlock(rows, feature, exponent, rest))
                row = rows.stop
        begins.append([*begin, row])
    return blocks


def list_terms(blocks: list[TermBlock]) -> list[Term]:
    """The terms of the blocks, in the order of their rows."""
    terms: list[Term] = []
    for block in blocks:
        rest: list[Term] = [()] if block.rest is None else terms[block.rest]
        terms += [((block.feature, block.exponent), *term) for term in rest]
    return terms


def list_powers(blocks: list[TermBlock], n_features: int) -> np.ndarray:
    """The exponent of each feature in each term."""
    powers = np.zeros((blocks[-1].rows.stop if blocks else 0, n_features), dtype=np.int64)
    for rows, feature, exponent, rest in blocks:
        if rest is not None:
            powers[rows] = powers[rest]
        powers[rows, feature] = exponent
    return powers


def name_term(term: Term, names: list[str], polynomial: str = "") -> str:
    """The name of a term, such as "x0^2 x3", or "T2(x0) T1(x3)" for products of the polynomials called T."""
    if polynomial:
        return " ".join(f"{polynomial}{exponent}({names[feature]})" for feature, exponent in term)
    return " ".join(names[feature] + (f"^{exponent}" if exponent > 1 else "") for feature, exponent in term)
