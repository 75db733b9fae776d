"""Rows that several fits have in common are kept once.

The candidates of a search that train on the same fold hold equal rows, each in a copy of its own. They are found by
their content: a few rows tell which arrays to compare, and all bits are compared.
"""

from __future__ import annotations

import weakref
from collections import defaultdict, deque
from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from skdl.engine import Member, Rows

SAMPLED_ROWS = 16
BLOCK_NUMBERS = 1 << 17  # that are compared at a time
LAST = 2  # a fold's training rows, and those on which its networks are judged


class Pool:
    """Arrays by their content, as long as somebody holds them; the last ones are kept for who comes next."""

    def __init__(self) -> None:
        self._last: deque[np.ndarray] = deque(maxlen=LAST)
        self._tables: dict[Hashable, list[Table]] = defaultdict(list)
        self._facts: dict[int, tuple[weakref.ref[np.ndarray], Any]] = {}

    def shared(self, X: np.ndarray) -> np.ndarray:
        """The values of X in C order: X itself, a copy, or an array of the same bits that was here before."""
        known = self._tables[_content(X)]
        for table in list(known):
            rows = table.rows()
            if rows is None:
                known.remove(table)
            elif rows is X or table.equals(X):
                return rows
        rows = np.ascontiguousarray(X)
        known.append(Table(rows, X))
        self._last.append(rows)
        return rows

    def fact(self, X: Any, compute: Callable[[Any], Any]) -> Any:
        """compute(X), of the arrays that are here only once. They are nobody's to change; all others may be."""
        reference, found = self._facts.get(id(X), (None, None))
        if reference is not None and reference() is X:
            return found
        found = compute(X)
        if isinstance(X, np.ndarray) and any(table.rows() is X for table in self._tables.get(_content(X), ())):
            self._facts[id(X)] = weakref.ref(X), found
        return found


class Table:
    """An array in C order, and how it was given.

    The values of a frame lie column by column. To compare them with others that do takes a fifth of the time of putting
    these in order first; so they are kept, too, in a copy, as long as somebody holds the rows.

    Parameters
    ----------
    rows : array of shape (n, d)
        In C order.
    given : array of shape (n, d)
        The same values, in any order.
    """

    def __init__(self, rows: np.ndarray, given: np.ndarray):
        self._columns = None if rows is given else np.array(given.T, order="C")
        self._rows = weakref.ref(rows, self._forget)

    def rows(self) -> np.ndarray | None:
        """The rows, if somebody holds them."""
        return self._rows()

    def equals(self, X: np.ndarray) -> bool:
        """Whether X, of the same shape and type, has the same bits."""
        columns, rows = self._columns, self._rows()
        if columns is not None and X.flags.f_contiguous:
            return same_bits(columns, X.T)
        return rows is not None and same_bits(rows, X)

    def _forget(self, reference: object) -> None:
        self._columns = None


def _content(X: np.ndarray) -> Hashable:
    """What arrays of the same bits have in common, and few others."""
    return X.shape, X.dtype.str, X[:: max(1, len(X) // SAMPLED_ROWS)].tobytes()


def same_bits(a: np.ndarray, b: np.ndarray) -> bool:
    """Whether two arrays of one shape and type are equal, zeros with their signs."""
    integers = f"u{a.dtype.itemsize}"
    size = max(1, BLOCK_NUMBERS // max(1, a[:1].size))
    blocks = ((a[start : start + size], b[start : start + size]) for start in range(0, len(a), size))
    return all(np.array_equal(x.view(integers), y.view(integers)) for x, y in blocks)


def with_shared_rows(members: Sequence[Member]) -> list[Member]:
    """The members, with rows that several of them have in common kept, and standardised, once for all of them."""
    pool, parts = Pool(), ("rows", "validation")
    keys = [
        # What searches by a function of its own folds the standardisation into the weights, and sees the rows as given.
        [None if member.function else _key(getattr(member, part), member.dtype, pool) for part in parts]
        for member in members
    ]
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
