"""The adapter to joblib beside its documented interface for backends; tests fail when joblib changes it."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any

import numpy as np

GivenCall = tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]


def calls_of(function: Callable[[], Any]) -> list[GivenCall]:
    """The calls in a function that joblib submits, with their arguments."""
    return list(getattr(function, "items", ()))


def data_key_of(function: Callable[[], Any]) -> Hashable:
    """Equal for functions whose calls are given the same arrays, as tasks of one fold are."""
    values = [value for _, args, kwargs in calls_of(function) for value in (*args, *kwargs.values())]
    return tuple(id(value) for value in values if isinstance(value, np.ndarray))


def has_given_all(parallel: Any, n_given: int, retrieving: bool) -> bool:
    """True if a Parallel object, which has given so many tasks, has no more to give."""
    few = retrieving and n_given < getattr(parallel, "_pre_dispatch_amount", 0)
    return few or getattr(parallel, "_original_iterator", parallel) is None
