"""The `degree` of a polynomial: one for all columns, or one for each by position or by name."""

from __future__ import annotations

from numbers import Integral
from typing import Any

from skdl._constraints import Constraint, Integer, ListOf
from skdl._validation import names_of_features
from skdl.linear.design import Design
from skdl.linear.polynomial.terms import TermSet, count_terms

MAX_TERMS = 20_000
MAX_EXPONENT = 1000  # of one feature: the change to other polynomials of it takes the square of it in time and memory
COUNTED = 10**15


class DegreeOfEachColumn(Constraint):
    """A list of degrees, or a dictionary of them by the columns' names."""

    def accepts(self, value: Any) -> bool:
        if isinstance(value, tuple):  # which PolynomialFeatures reads as the smallest and the largest degree
            return False
        degrees = list(value.values()) if isinstance(value, dict) else value
        return ListOf(Integer(0, MAX_EXPONENT)).accepts(degrees) and max(degrees, default=0) >= 1

    def __str__(self) -> str:
        return (
            "a list (an entry for each column) or a dict (an entry for each column's name) of ints in the range "
            f"[0, {MAX_EXPONENT}] that are not all 0"
        )


def read_degree(estimator: Any, design: Design | None = None) -> TermSet:
    """The terms of an estimator that has seen X; of a table, those in the columns of its design.

    Indicators of categories and flags have no powers, and two in the place of one column of the table no product.
    """
    given = estimator.degree
    if isinstance(given, dict):
        caps = _by_name(estimator, given)
    elif isinstance(given, Integral):
        caps = [int(given)] * estimator.n_features_in_
    else:
        caps = [int(entry) for entry in given]
    if len(caps) != estimator.n_features_in_:
        raise ValueError(
            f"degree must have one entry for each of X's {estimator.n_features_in_} columns. Got {given!r}."
        )
    degree = max(caps)
    if estimator.interaction_only:
        caps = [min(cap, 1) for cap in caps]
    terms = TermSet(caps, min(degree, sum(caps))) if design is None else _in_design(caps, degree, design)
    _check_size(estimator, terms)
    return terms


def _in_design(caps: list[int], degree: int, design: Design) -> TermSet:
    caps = [min(cap, 1) if count else cap for cap, count in zip(caps, design.columns.n_categories, strict=True)]
    sources = design.source.tolist()
    of_columns = [caps[j] if number else min(caps[j], 1) for j, number in zip(sources, design.is_number, strict=True)]
    return TermSet(of_columns, min(degree, sum(caps)), [design.starts[j + 1] for j in sources])


def _by_name(estimator: Any, degrees: dict[str, int]) -> list[int]:
    if not hasattr(estimator, "feature_names_in_"):
        raise ValueError(
            "degree is a dict by the columns' names, but X's columns have none. Give a DataFrame or a list."
        )
    names = names_of_features(estimator)
    missing, unknown = [name for name in names if name not in degrees], [name for name in degrees if name not in names]
    if missing or unknown:
        raise ValueError(
            f"degree must have an entry for each column of X, 0 to leave one out. Missing: {missing}; not in X: "
            f"{unknown}. For degree 1 in all other columns: dict.fromkeys(X.columns, 1) | {{...}}."
        )
    return [int(degrees[name]) for name in names]


def _check_size(estimator: Any, terms: TermSet) -> None:
    caps = terms.caps
    n_terms = count_terms(caps, terms.degree, COUNTED, terms.follows)
    if n_terms <= MAX_TERMS and max(caps) <= MAX_EXPONENT:
        return
    limit = f"the limit is {MAX_TERMS}" if n_terms > MAX_TERMS else f"exponents may be at most {MAX_EXPONENT}"
    count = n_terms if n_terms <= COUNTED else "more than 10^15"
    advice = "a smaller degree" if estimator.interaction_only else "a smaller degree, interaction_only=True"
    raise ValueError(
        f"degree={estimator.degree} with {len(caps)} feature{'s' * (len(caps) > 1)} gives {count} terms; {limit}. Use "
        f"{advice}, or fewer features: in a list of degrees, 0 leaves one out."
    )
