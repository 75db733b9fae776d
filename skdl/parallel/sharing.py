"""Rows that several fits have in common are kept once.

The candidates of a search that train on the same fold hold equal rows, each in a copy of its own. They are found by
their content: a few rows tell which arrays to compare, and all bits are compared.
"""

from __future__ import annotations

import weakref
from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from skdl.engine import Member, Rows

SAMPLED_ROWS = 16
BLOCK_ROWS = 4096


class Pool:
    """Arrays by their content, as long as somebody holds them."""

    def __init__(self) -> None:
        self._arrays: dict[Hashable, list[weakref.ref[np.ndarray]]] = defaultdict(list)
        self._facts: dict[int, tuple[weakref.ref[np.ndarray], Any]] = {}

    def shared(self, X: np.ndarray) -> np.ndarray:
        """X, or an array of the same bits that was here before."""
        equal = self._arrays[_content(X)]
        for reference in list(equal):
            other = reference()
            if other is None:
                equal.remove(reference)
            elif other is X or same_bits(other, X):
                return other
        equal.append(weakref.ref(X))
        return X

    def fact(self, X: Any, compute: Callable[[Any], Any]) -> Any:
        """compute(X), of the arrays that are here only once. They are nobody's to change; all others may be."""
        reference, found = self._facts.get(id(X), (None, None))
        if reference is not None and reference() is X:
            return found
        found = compute(X)
        if isinstance(X, np.ndarray) and any(known() is X for known in self._arrays.get(_content(X), ())):
            self._facts[id(X)] = weakref.ref(X), found
        return found


def _content(X: np.ndarray) -> Hashable:
    """What arrays of the same bits have in common, and few others."""
    return X.shape, X.dtype.str, X[:: max(1, len(X) // SAMPLED_ROWS)].tobytes()


def same_bits(a: np.ndarray, b: np.ndarray) -> bool:
    """Whether two C-ordered arrays of one shape and type are equal, zeros with their signs."""
    integers = f"u{a.dtype.itemsize}"
    starts = range(0, len(a), BLOCK_ROWS)
    blocks = ((a[start : start + BLOCK_ROWS], b[start : start + BLOCK_ROWS]) for start in starts)
    return all(np.array_equal(x.view(integers), y.view(integers)) for x, y in blocks)


def with_shared_rows(members: Sequence[Member]) -> list[Member]:
    """The members, with rows that several of them have in common kept, and standardised, once for all of them."""
    pool, parts = Pool(), ("rows", "validation")
    keys = [[_key(getattr(member, part), member.dtype, pool) for part in parts] for member in members]
    users: dict[Hashable, int] = defaultdict(int)
    for found in keys:
        for key in set(found) - {None}:
            users[key] += 1
    inputs: dict[Hashable, np.ndarray] = {}
    results = []
    for member, found in zip(members, keys, strict=True):
        changes: dict[str, Any] = {}
        for part, key in zip(parts, found, strict=True):
            if key is not None and users[key] > 1:
                rows = getattr(member, part)
                if key not in inputs:
                    inputs[key] = rows.standardised(member.dtype)
                weight = None if rows.weight is None else pool.shared(rows.weight)
                targets = pool.shared(rows.targets)
                changes[part] = replace(rows, X=inputs[key], targets=targets, weight=weight, shift=None, scale=None)
        results.append(replace(member, **changes) if changes else member)
    return results


def _key(rows: Rows | None, dtype: Any, pool: Pool) -> Hashable | None:
    """What fits have to agree in to share standardised rows; None for rows that are left as they are."""
    if rows is None or not isinstance(rows.X, np.ndarray) or not rows.X.flags.c_contiguous:
        return None
    return id(pool.shared(rows.X)), rows.standardisation, np.dtype(dtype).str
