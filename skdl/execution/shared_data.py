"""Rows that several trainings have in common: kept once, and standardised once.

Data are the same where their `Dataset.data_key` is: they lie in the same array, and are standardised in the same way.
Candidates of a search that train on the same fold hold equal rows, each in a copy of its own; such copies are found by
their content and replaced by one of them (they are interned): a few rows tell which arrays to compare, and all bits are
compared. From there on the key alone decides what is standardised once, which members stand side by side in a stack,
and whose batches are gathered once.
"""

from __future__ import annotations

import weakref
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from skdl.engine import Dataset, TrainingSpec

SAMPLED_ROWS = 16
BLOCK_NUMBERS = 1 << 17  # that are compared at a time
LAST = 2  # a fold's training rows, and those on which its networks are judged
STANDARDISED_NUMBERS = 1 << 22  # numbers in arrays that a block standardises as a whole: 16 MiB in float32
FEW_EPOCHS = 2  # in which standardising a whole array costs more than it saves
PARTS = ("rows", "validation")


def with_shared_rows(members: Sequence[TrainingSpec]) -> list[TrainingSpec]:
    """Members of one structure; rows that several of them have in common are kept, and standardised, once."""
    cache = ArrayCache()
    members = [_with_rows(member, lambda rows: _interned(rows, cache)) for member in members]
    users = Counter(key for member in members for key in {rows.data_key for rows in _parts_of(member)})
    return _standardised(members, {key for key, count in users.items() if count > 1})


def with_standardised_rows(members: Sequence[TrainingSpec]) -> list[TrainingSpec]:
    """Members of one block, with rows that are standardised for many epochs, where they are small together."""
    data = {member.rows.data_key: member.rows.X for member in members}
    dense = all(isinstance(X, np.ndarray) for X in data.values())
    if members[0].n_epochs <= FEW_EPOCHS or not dense or sum(X.size for X in data.values()) > STANDARDISED_NUMBERS:
        return list(members)
    return _standardised(members, data, parts=("rows",))


def _standardised(
    members: Sequence[TrainingSpec], keys: Iterable[Hashable], parts: Sequence[str] = PARTS
) -> list[TrainingSpec]:
    """The members, with those of their rows that have one of the keys standardised, once for each key."""
    keys, dtype = set(keys), members[0].dtype
    inputs: dict[Hashable, np.ndarray] = {}

    def standardised(rows: Dataset) -> Dataset:
        key = rows.data_key
        if key not in keys:
            return rows
        if key not in inputs:
            inputs[key] = rows.standardised(dtype)
        return replace(rows, X=inputs[key], shift=None, scale=None)

    return [_with_rows(member, standardised, parts) for member in members]


def _interned(rows: Dataset, cache: ArrayCache) -> Dataset:
    if not isinstance(rows.X, np.ndarray) or not rows.X.flags.c_contiguous:
        return rows
    weight = None if rows.weight is None else cache.intern(rows.weight)
    return replace(rows, X=cache.intern(rows.X), targets=cache.intern(rows.targets), weight=weight)


def _parts_of(member: TrainingSpec) -> list[Dataset]:
    """A member's rows that may be standardised beforehand.

    What searches by a function of its own folds the standardisation into the weights, and sees the rows as given; so
    does what changes pixels of the training rows.
    """
    if member.function is not None:
        return []
    changes_pixels = member.augmenter is not None and member.augmenter.changes_pixels
    parts = [member.validation] if changes_pixels else [member.rows, member.validation]
    return [rows for rows in parts if rows is not None and isinstance(rows.X, np.ndarray)]


def _with_rows(
    member: TrainingSpec, change: Callable[[Dataset], Dataset], parts: Sequence[str] = PARTS
) -> TrainingSpec:
    """The member with its rows changed, those that may be."""
    allowed = {id(rows) for rows in _parts_of(member)}
    found = {name: getattr(member, name) for name in parts}
    changes: dict[str, Any] = {name: change(rows) for name, rows in found.items() if id(rows) in allowed}
    return replace(member, **changes)


class ArrayCache:
    """Arrays by their content, as long as somebody holds them; the last ones are kept for who comes next."""

    def __init__(self) -> None:
        self._last: deque[np.ndarray] = deque(maxlen=LAST)
        self._arrays: dict[Hashable, list[CachedArray]] = defaultdict(list)
        self._results: dict[Hashable, tuple[weakref.ref[np.ndarray], Any]] = {}

    def intern(self, X: np.ndarray) -> np.ndarray:
        """The values of X in C order: X itself, a copy, or an array of the same bits that was here before."""
        known = self._arrays[_content(X)]
        for cached in list(known):
            array = cached.array()
            if array is None:
                known.remove(cached)
            elif array is X or cached.equals(X):
                return array
        array = np.ascontiguousarray(X)
        known.append(CachedArray(array, X))
        self._last.append(array)
        return array

    def memoize(self, X: Any, compute: Callable[[Any], Any]) -> Any:
        """compute(X), of the arrays that are here only once. They are nobody's to change; all others may be."""
        key = id(X), compute
        reference, found = self._results.get(key, (None, None))
        if reference is not None and reference() is X:
            return found
        found = compute(X)
        if isinstance(X, np.ndarray) and any(cached.array() is X for cached in self._arrays.get(_content(X), ())):
            self._results[key] = weakref.ref(X), found
        return found


class CachedArray:
    """An array in C order, and how it was given.

    The values of a frame lie column by column. To compare them with others that do takes a fifth of the time of putting
    these in order first; so they are kept, too, in a copy, as long as somebody holds the array.

    Parameters
    ----------
    array : array of shape (n, d)
        In C order.
    given : array of shape (n, d)
        The same values, in any order.
    """

    def __init__(self, array: np.ndarray, given: np.ndarray):
        self._columns = None if array is given else np.array(given.T, order="C")
        self._array = weakref.ref(array, self._forget)

    def array(self) -> np.ndarray | None:
        """The array, if somebody holds it."""
        return self._array()

    def equals(self, X: np.ndarray) -> bool:
        """True if X, of the same shape and type, has the same bits."""
        columns, array = self._columns, self._array()
        if columns is not None and X.flags.f_contiguous:
            return same_bits(columns, X.T)
        return array is not None and same_bits(array, X)

    def _forget(self, reference: object) -> None:
        self._columns = None


def _content(X: np.ndarray) -> Hashable:
    """A key that is equal for arrays of the same bits, and for few others."""
    return X.shape, X.dtype.str, X[:: max(1, len(X) // SAMPLED_ROWS)].tobytes()


def same_bits(a: np.ndarray, b: np.ndarray) -> bool:
    """True if two arrays of one shape and type are equal, zeros with their signs."""
    integers = f"u{a.dtype.itemsize}"
    size = max(1, BLOCK_NUMBERS // max(1, a[:1].size))
    blocks = ((a[start : start + size], b[start : start + size]) for start in range(0, len(a), size))
    return all(np.array_equal(x.view(integers), y.view(integers)) for x, y in blocks)
