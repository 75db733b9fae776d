"""Declared ranges: what they take, and how they say what they do not."""

import numpy as np
import pytest

from skdl._constraints import (
    NONE,
    ArrayLike,
    Boolean,
    Function,
    Instance,
    Integer,
    InvalidParameterError,
    ListOf,
    OneOf,
    RandomState,
    Real,
    check_params,
)

CASES = [
    (Real(), [0, -1.5, np.float32(2), np.int64(3)], [np.nan, np.inf, 10**400, "1", None, True, 1j, np.bool_(True)]),
    (Real(0, 1), [0, 1, 0.5], [-1e-9, 1.1]),
    (Real(0, 1, open_low=True, open_high=True), [0.5, 1e-300], [0, 1]),
    (Integer(1), [1, np.int8(5), 10**400], [-(10**400), 0, 1.0, True, None]),
    (OneOf("a", 1, None), ["a", 1, None], ["b", True, 1.0, []]),
    (Boolean(), [True, np.bool_(False)], [0, 1, None, "yes"]),
    (Function(), [len, lambda: 0], [3, "len"]),
    (Instance(dict), [{}], [[], dict]),
    (ListOf(Integer(1)), [[1, 2], (3,), np.array([4]), []], [[0], [1, "a"], 1, np.ones((1, 1), int), {1}]),
    (ArrayLike(), [[1], (1,), np.ones(2)], [3, "a", None]),
    (RandomState(), [None, 0, 2**32 - 1, np.random.RandomState(0)], [-1, 2**32, 1.0, True]),
    (NONE | Integer(1), [None, 2], [0, "a"]),
]


@pytest.mark.parametrize(("constraint", "allowed", "refused"), CASES, ids=lambda case: str(case)[:30])
def test_accepts(constraint, allowed, refused):
    assert all(constraint.accepts(value) for value in allowed)
    assert not any(constraint.accepts(value) for value in refused)


@pytest.mark.parametrize(
    ("constraint", "text"),
    [
        (Real(0, 1, open_high=True), "a float in the range [0, 1)"),
        (Real(), "a float in the range (-inf, inf)"),
        (Integer(1), "an int in the range [1, inf)"),
        (OneOf("a", "b"), "one of {'a', 'b'}"),
        (NONE | Boolean(), "None or a bool"),
        (ListOf(Integer(1)), "a list with entries that are each an int in the range [1, inf)"),
        (Instance(dict, list), "an instance of dict or list"),
    ],
)
def test_description(constraint, text):
    assert str(constraint) == text


class Owner:
    rate = 2.0
    size = 3


def test_check_params_says_what_came():
    message = r"^The 'rate' parameter of Owner must be a float in the range \[0, 1\]\. Got 2\.0 instead\.$"
    with pytest.raises(InvalidParameterError, match=message):
        check_params(Owner(), {"size": Integer(1), "rate": Real(0, 1)})
    check_params(Owner(), {"size": Integer(1), "rate": Real(0, 2)})


@pytest.mark.parametrize("kind", [ValueError, TypeError])
def test_the_error_is_of_both_kinds(kind):
    """scikit-learn's own is; callers catch either."""
    with pytest.raises(kind):
        check_params(Owner(), {"rate": Boolean()})
