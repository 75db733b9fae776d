"""Rules of components: static functions of numbers, whose arguments say by their names what they are given."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any


@dataclass(frozen=True)
class Rule:
    """Scalar mathematics: a function of a number, then of other numbers that are given by name.

    It can be called with numbers, arrays, or with the symbols of a trace.
    """

    function: Callable[..., Any]

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.function(*args, **kwargs)

    @property
    def names(self) -> tuple[str, ...]:
        """The arguments after the first one."""
        return _names_of(self.function)

    def others(self, known: tuple[str, ...]) -> tuple[str, ...]:
        """The arguments after the first one that are not among the known."""
        return tuple(name for name in self.names if name not in known)


@cache  # of the function, for which rules are made again and again
def _names_of(function: Callable[..., Any]) -> tuple[str, ...]:
    return tuple(inspect.signature(function).parameters)[1:]


def rule_of(cls: type, name: str, *array_code: str) -> Rule | None:
    """The rule that a class is written by: its attribute `name`, unless a class nearer to it has given array code."""
    for base in cls.__mro__:
        function = vars(base).get(name)
        if function is not None:
            return Rule(function.__func__ if isinstance(function, staticmethod) else function)
        if any(each in vars(base) for each in array_code):
            return None
    return None
