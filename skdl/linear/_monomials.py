"""The monomials of several features, in a basis of Chebyshev products that is safe to compute with.

A term is the sorted tuple of its features, each as often as its exponent says: (0, 0, 2) is x0^2 x2.
"""

from __future__ import annotations

from collections import defaultdict
from itertools import chain, combinations, combinations_with_replacement
from math import comb

import numpy as np

Term = tuple[int, ...]


def count_terms(n_features: int, degree: int, *, interaction_only: bool) -> int:
    if interaction_only:
        return sum(comb(n_features, k) for k in range(1, min(degree, n_features) + 1))
    return comb(n_features + degree, degree) - 1


def list_terms(n_features: int, degree: int, *, interaction_only: bool) -> list[Term]:
    """All terms but the constant, by degree and then in alphabetical order, as PolynomialFeatures has them."""
    choose = combinations if interaction_only else combinations_with_replacement
    return list(chain.from_iterable(choose(range(n_features), k) for k in range(1, degree + 1)))


def exponents(terms: list[Term], n_features: int) -> np.ndarray:
    powers = np.zeros((len(terms), n_features), dtype=np.int64)
    for row, term in enumerate(terms):
        np.add.at(powers[row], list(term), 1)
    return powers


def name_term(term: Term, names: list[str]) -> str:
    factors = ((names[feature], term.count(feature)) for feature in dict.fromkeys(term))
    return " ".join(name if power == 1 else f"{name}^{power}" for name, power in factors)


class ChebyshevProducts:
    """The basis T_a(z_i) T_b(z_j) ... with z = (x - centre) / half, one function for each term.

    `terms` must hold with a term everything that divides it; the basis then spans what the monomials span together
    with the constant, and changing to monomials is exact in every step.
    """

    def __init__(self, terms: list[Term], centre: np.ndarray, half: np.ndarray):
        self.terms = terms
        self.centre = centre
        self.half = half
        index = {term: i for i, term in enumerate(terms)} | {(): len(terms)}
        self.degree = max((len(term) for term in terms), default=0)
        self.last = np.array([term[-1] for term in terms], dtype=np.intp)
        self.power = np.array([term.count(term[-1]) for term in terms], dtype=np.intp)
        self.rest = np.array([index[term[: -term.count(term[-1])]] for term in terms], dtype=np.intp)
        self.n_factors = np.array([len(set(term)) for term in terms], dtype=np.intp)
        self._index = index

    def __call__(self, X: np.ndarray) -> np.ndarray:
        """Values (n, n_terms) at the rows of X, in float64."""
        z = ((X - self.centre) / self.half).T  # a term's values are contiguous
        chebyshev = np.empty((max(self.degree, 1) + 1, *z.shape))
        chebyshev[0], chebyshev[1] = 1.0, z
        for a in range(2, self.degree + 1):
            np.multiply(2 * z, chebyshev[a - 1], out=chebyshev[a])
            chebyshev[a] -= chebyshev[a - 2]
        values = np.empty((len(self.terms), z.shape[1]))
        for n_factors in range(1, self.n_factors.max(initial=0) + 1):
            here = np.flatnonzero(self.n_factors == n_factors)
            factor = chebyshev[self.power[here], self.last[here]]
            values[here] = factor if n_factors == 1 else values[self.rest[here]] * factor
        return values.T

    def to_monomials(self, coef: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Coefficients (n_terms, k) of the monomials of x and the constants (k,), in long double.

        The change is made feature by feature: T_a(z_j) is a polynomial of degree a in x_j, whose coefficients go to
        the terms with fewer factors x_j. Long double, since an offset makes large terms of opposite signs.
        """
        n_terms = len(self.terms)
        coef = np.vstack([coef, np.zeros((1, coef.shape[1]))]).astype(np.longdouble)  # the last row is the constant
        groups: dict[int, dict[int, list[int]]] = defaultdict(lambda: defaultdict(list))
        for i, term in enumerate(self.terms):
            for feature in set(term):
                groups[feature][term.count(feature)].append(i)
        for feature, by_power in groups.items():
            table = _chebyshev_in_x(self.centre[feature], self.half[feature], max(by_power))
            lower = np.empty(n_terms + 1, dtype=np.intp)  # the term with one factor of this feature less
            for members in by_power.values():
                lower[members] = [self._index[_without(self.terms[i], feature)] for i in members]
            # From low powers to high ones: what comes down from T_a is a power of x_j already, not a T_b.
            for a in sorted(by_power):
                source = target = np.array(by_power[a])
                moved = coef[source]
                coef[source] = table[a, a] * moved
                for b in range(a - 1, -1, -1):
                    target = lower[target]
                    coef[target] += table[a, b] * moved
        return coef[:-1], coef[-1]


def _without(term: Term, feature: int) -> Term:
    position = term.index(feature)
    return term[:position] + term[position + 1 :]


def _chebyshev_in_x(centre: float, half: float, degree: int) -> np.ndarray:
    """Row a holds the coefficients of T_a((x - centre) / half) by powers of x, in long double."""
    table = np.zeros((degree + 1, degree + 1), dtype=np.longdouble)
    table[0, 0] = 1.0
    centre_, half_ = np.longdouble(centre), np.longdouble(half)
    for a in range(1, degree + 1):
        table[a, 1:] = table[a - 1, :-1]
        table[a] -= centre_ * table[a - 1]
        table[a] *= (1 if a == 1 else 2) / half_
        if a > 1:
            table[a] -= table[a - 2]
    return table
