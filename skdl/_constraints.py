"""Declared parameter checks, shared by components and estimators.

A component names its parameters' ranges once (an estimator in `_constraints`, which is not for its users)::

    constraints = {"alpha": Real(low=0), "weights": OneOf("uniform", "distance") | Function()}

and `check_params` turns them into errors that name the parameter, the allowed range and the value given. Constructors
only store (scikit-learn's rule), so the check runs at the start of a fit, before any work is done.
"""

from __future__ import annotations

import math
import numbers
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

import numpy as np


class InvalidParameterError(ValueError, TypeError):
    """A constructor argument is outside of what its class declares."""


class Constraint(ABC):
    """A set of allowed values; `a | b` allows either.

    `str(constraint)` is its description, which ends the sentence "The 'x' parameter of C must be".
    """

    @abstractmethod
    def accepts(self, value: Any) -> bool:
        """True for a value in the set."""

    def __or__(self, other: Constraint) -> Constraint:
        return AnyOf(self, other)


class AnyOf(Constraint):
    """A value that one of several constraints accepts; written `a | b`."""

    def __init__(self, *parts: Constraint):
        self.parts = parts

    def accepts(self, value: Any) -> bool:
        return any(part.accepts(value) for part in self.parts)

    def __str__(self) -> str:
        return " or ".join(str(part) for part in self.parts)


class Real(Constraint):
    """A finite real number between `low` and `high`; each end belongs to the range unless it is said to be open."""

    kind: Any = numbers.Real
    noun = "a float"

    def __init__(
        self, low: float = -math.inf, high: float = math.inf, *, open_low: bool = False, open_high: bool = False
    ):
        self.low, self.high = low, high
        self.open_low, self.open_high = open_low or low == -math.inf, open_high or high == math.inf

    def accepts(self, value: Any) -> bool:
        if isinstance(value, (bool, np.bool_)) or not isinstance(value, self.kind):
            return False
        try:
            value = float(value)
            if not math.isfinite(value):
                return False
        except OverflowError:  # a whole number that is too large for a float
            if self.kind is not numbers.Integral:
                return False
        above = value > self.low if self.open_low else value >= self.low
        below = value < self.high if self.open_high else value <= self.high
        return bool(above and below)

    def __str__(self) -> str:
        left, right = "(" if self.open_low else "[", ")" if self.open_high else "]"
        return f"{self.noun} in the range {left}{self.low}, {self.high}{right}"


class Integer(Real):
    """A whole number between `low` and `high`."""

    kind = numbers.Integral
    noun = "an int"


class OneOf(Constraint):
    """One of the given constants, compared by type and value (so 1 is not True)."""

    def __init__(self, *options: Any):
        self.options = options

    def accepts(self, value: Any) -> bool:
        return any(type(value) is type(option) and value == option for option in self.options)

    def __str__(self) -> str:
        listed = ", ".join(repr(option) for option in self.options)
        return listed if len(self.options) == 1 else "one of {" + listed + "}"


class Boolean(Constraint):
    """True or False, of Python or NumPy."""

    def accepts(self, value: Any) -> bool:
        return isinstance(value, (bool, np.bool_))

    def __str__(self) -> str:
        return "a bool"


class Text(Constraint):
    """A string."""

    def accepts(self, value: Any) -> bool:
        return isinstance(value, str)

    def __str__(self) -> str:
        return "a str"


class Function(Constraint):
    """A callable object."""

    def accepts(self, value: Any) -> bool:
        return callable(value)

    def __str__(self) -> str:
        return "a callable"


class Instance(Constraint):
    """An instance of one of the given classes."""

    def __init__(self, *classes: type, name: str | None = None):
        self.classes = classes
        self.name = name or " or ".join(cls.__name__ for cls in classes)

    def accepts(self, value: Any) -> bool:
        return isinstance(value, self.classes)

    def __str__(self) -> str:
        return f"an instance of {self.name}"


class ListOf(Constraint):
    """A list, a tuple or a one-dimensional array whose entries all satisfy one constraint."""

    def __init__(self, entry: Constraint):
        self.entry = entry

    def accepts(self, value: Any) -> bool:
        sequence = isinstance(value, (list, tuple)) or (isinstance(value, np.ndarray) and value.ndim == 1)
        return sequence and all(self.entry.accepts(item) for item in value)

    def __str__(self) -> str:
        return f"a list with entries that are each {self.entry}"


class MappingOf(Constraint):
    """A mapping from strings to values that all satisfy one constraint."""

    def __init__(self, entry: Constraint):
        self.entry = entry

    def accepts(self, value: Any) -> bool:
        return isinstance(value, Mapping) and all(
            isinstance(key, str) and self.entry.accepts(item) for key, item in value.items()
        )

    def __str__(self) -> str:
        return f"a dict from str to values that are each {self.entry}"


class ArrayLike(Constraint):
    """A list, tuple or array; what it must hold is checked together with the data."""

    def accepts(self, value: Any) -> bool:
        return isinstance(value, (list, tuple)) or hasattr(value, "__array__")

    def __str__(self) -> str:
        return "array-like"


class RandomState(Constraint):
    """A seed as scikit-learn takes it: an int, a RandomState of NumPy or None."""

    def accepts(self, value: Any) -> bool:
        return value is None or isinstance(value, np.random.RandomState) or Integer(0, 2**32 - 1).accepts(value)

    def __str__(self) -> str:
        return "an int in the range [0, 4294967295], a numpy RandomState or None"


NONE = OneOf(None)


def check_params(owner: Any, constraints: Mapping[str, Constraint]) -> None:
    """Raise InvalidParameterError for the first parameter of `owner` that breaks its constraint."""
    for name, constraint in constraints.items():
        value = getattr(owner, name)
        if not constraint.accepts(value):
            raise InvalidParameterError(
                f"The {name!r} parameter of {type(owner).__name__} must be {constraint}. Got {value!r} instead."
            )
