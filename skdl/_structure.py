"""Structure: what must be equal in two fits for them to share a stack.

It is closed to what it does not know. Each field of a dataclass counts, unless its metadata say beside the field why it
does not; so a field that is added, and changes how a network is trained, keeps fits apart by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any

import numpy as np

Function = Callable[[Any], Hashable]
PLAIN = {type(None), bool, int, float, str}
_COUNTS_BY = "counts by"
PER_MEMBER: Mapping[str, None] = {_COUNTS_BY: None}  # a stack keeps one value for each of its members
RUN_TIME: Mapping[str, None] = {_COUNTS_BY: None}  # it follows or ends a training, and has no part in its numbers


def counts_by(function: Function) -> Mapping[str, Function]:
    """Metadata of a field that counts by a function of the whole dataclass, as other fields may have a say in it."""
    return {_COUNTS_BY: function}


def structure_of(description: Any) -> Hashable:
    """The type of a dataclass and all of its fields that count."""
    cls: Any = type(description)
    return cls, *[
        stand_in(getattr(description, name)) if by is None else by(description) for name, by in _counting(cls)
    ]


@cache
def _counting(cls: Any) -> list[tuple[str, Function | None]]:
    """The fields of a dataclass that count, and the function by which they do; None for their value."""
    found = []
    for each in fields(cls):
        by = each.metadata.get(_COUNTS_BY)
        if by is not None or _COUNTS_BY not in each.metadata:
            found.append((each.name, by))
    return found


def stand_in(value: Any) -> Hashable:
    """A hashable value in place of any, equal only where a training cannot tell the difference."""
    kind: Any = type(value)
    found: Hashable = value
    if kind in PLAIN:
        return found
    if kind is tuple or kind is list:
        return tuple([stand_in(item) for item in value])
    if isinstance(getattr(kind, "structure", None), property):  # a component, or what holds some
        found = value.structure
        return found
    if isinstance(value, (list, tuple)):
        return kind, *[stand_in(item) for item in value]
    if is_dataclass(value) and not isinstance(value, type):
        return structure_of(value)
    if isinstance(value, np.ndarray) and value.dtype != object:
        return value.shape, value.dtype.str, value.tobytes()
    if isinstance(value, dict):
        return tuple((key, stand_in(item)) for key, item in value.items())
    try:
        hash(found)
    except TypeError:
        return _Itself(value)  # who knows what is in it
    return found


class _Itself:
    """A value to which nothing else is equal; it lives as long as it is compared."""

    def __init__(self, value: object):
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Itself) and other.value is self.value

    def __hash__(self) -> int:
        return id(self.value)
