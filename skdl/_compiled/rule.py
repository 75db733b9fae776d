"""Rules of components: static functions of numbers, whose arguments say by their names what they are given."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
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

    def numbers(
        self, component: Any, more: Mapping[str, Any] | None = None, memory: Sequence[str] = ()
    ) -> dict[str, Any]:
        """The values of the arguments after the first one and the memory, by name.

        They are from `more`, else hyperparameters of the component. One that is neither must have a default, which is
        then left to hold.
        """
        found: dict[str, Any] = {}
        for name, has_default in _arguments_of(self.function).items():
            if name in memory:
                continue
            value = more[name] if more is not None and name in more else getattr(component, name, None)
            if value is not None:
                found[name] = value
            elif not has_default:
                owner, rule = type(component).__name__, getattr(self.function, "__name__", "its rule")
                raise TypeError(f"{owner}: nothing gives the argument {name!r} of {rule}, which has no default.")
        return found


@cache  # of the function, for which rules are made again and again
def _arguments_of(function: Callable[..., Any]) -> dict[str, bool]:
    """The arguments after the first one, and whether they have defaults."""
    arguments = list(inspect.signature(function).parameters.values())[1:]
    return {
        each.name: each.default is not each.empty
        for each in arguments
        if each.kind not in (each.VAR_POSITIONAL, each.VAR_KEYWORD)
    }


def rule_of(cls: type, name: str, *array_code: str) -> Rule | None:
    """The rule that a class is written by: its attribute `name`, unless a class nearer to it has given array code."""
    for base in cls.__mro__:
        function = vars(base).get(name)
        if function is not None:
            return Rule(function.__func__ if isinstance(function, staticmethod) else function)
        if any(each in vars(base) for each in array_code):
            return None
    return None
