"""Rows of data: which ones a member has, in which order they come, and what the network sees of them."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cache
from typing import Any

import numpy as np

from skdl._array import take_rows
from skdl._structure import stand_in
from skdl.engine.gather import gather_in_one_pass

STANDARDISED_ROWS = 4096  # at a time, so that no second array is needed
# The part that a field of rows has in them: what is shared by members that agree in it does not ask for the others. A
# field without a mark has a part in everything, so that one that is added cannot be overlooked.
ARRAY = {"part": "array"}  # one value a row, gathered by index
ORDER = {"part": "order"}  # which rows, and in which order
STANDARDISATION = {"part": "standardisation"}  # what the network sees of X


@dataclass(frozen=True)
class Dataset:
    """One member's data; members that share an array share its memory.

    Parameters
    ----------
    X : array or CSR matrix of shape (N, d)
        C-ordered: gathering rows of a column-ordered array is about 20x slower.
    targets : array of shape (N, C)
    weight : array of shape (N,) or None
        Weights of the rows with a mean of one over `index`; None for equal weights.
    index : int array of shape (n,) or None
        Which rows are the member's (a fold, a bootstrap sample, with repetitions); None for all.
    shift, scale : arrays of shape (d,) or None
        The network sees (X - shift) * scale, in its own precision where the scale has that.
    strata : int array of shape (N,) or None
        The class of each row, 0, 1, ..., of which every batch keeps the shares; None for batches as they come.
    """

    X: Any = field(metadata=ARRAY)
    targets: np.ndarray = field(metadata=ARRAY)
    weight: np.ndarray | None = field(default=None, metadata=ARRAY)
    index: np.ndarray | None = field(default=None, metadata=ORDER)
    shift: np.ndarray | None = field(default=None, metadata=STANDARDISATION)
    scale: np.ndarray | None = field(default=None, metadata=STANDARDISATION)
    strata: np.ndarray | None = field(default=None, metadata=ORDER)

    def order(self, generator: np.random.Generator, shuffle: bool) -> np.ndarray:
        """The rows of X in the order of an epoch."""
        order = generator.permutation(self.n) if shuffle else np.arange(self.n)
        if self.strata is not None:
            order = self._stratified(order, generator if shuffle else None)
        return order if self.index is None else self.index[order]

    def orders_as(self, other: Dataset) -> bool:
        """True if both have the same order where they are given the same random numbers."""
        pairs = zip(self._values(ORDER), other._values(ORDER), strict=True)
        return self.n == other.n and all(a is b or np.array_equal(a, b) for a, b in pairs)

    def _stratified(self, order: np.ndarray, generator: np.random.Generator | None) -> np.ndarray:
        # The j-th of a class's n rows is due after a share (j + u) / n of the epoch, u the class's own start.
        assert self.strata is not None
        strata = (self.strata if self.index is None else self.strata[self.index])[order]
        counts = np.bincount(strata)
        by_class = np.argsort(strata, kind="stable")
        rank = np.empty(self.n)
        rank[by_class] = np.arange(self.n) - np.repeat(np.cumsum(counts) - counts, counts)
        starts = np.full(len(counts), 0.5) if generator is None else generator.random(len(counts))
        due = (rank + starts[strata]) / counts[strata]
        return order[np.argsort(due, kind="stable")]

    @property
    def n(self) -> int:
        return self.X.shape[0] if self.index is None else len(self.index)

    def shares_arrays(self, other: Dataset) -> bool:
        """True if rows of both can be gathered in one call: they come from the same arrays, standardised or not."""
        one_call = isinstance(self.X, np.ndarray) and self._kinds == other._kinds
        pairs = zip(self._values(ARRAY), other._values(ARRAY), strict=True)
        return one_call and all(a is b for a, b in pairs)

    @property
    def _kinds(self) -> list[Any]:
        return [None if array is None else array.dtype for array in (self.shift, self.scale)]

    def _values(self, part: Mapping[str, str]) -> list[Any]:
        """The values of the fields that are a part of the rows, and of those that are not marked."""
        cls: Any = type(self)
        return [getattr(self, name) for name in _fields_of(cls, part["part"])]

    @staticmethod
    def together(members: Sequence[Dataset]) -> Dataset:
        """Rows of the same arrays as one, for an index of shape (k, n): each is standardised in its own way."""
        first = members[0]
        if first.standardisation is None or all(rows.standardisation == first.standardisation for rows in members):
            return first
        shift, scale = (np.stack([getattr(rows, name) for rows in members])[:, None] for name in ("shift", "scale"))
        return replace(first, shift=shift, scale=scale)

    @property
    def data_key(self) -> Hashable:
        """Equal for rows of the same data: they lie in one array, and are standardised in the same way."""
        return id(self.X), self.standardisation

    @property
    def standardisation(self) -> Hashable:
        """The bits of shift and scale; None where there are none."""
        values = self._values(STANDARDISATION)
        return None if all(value is None for value in values) else tuple(map(stand_in, values))

    def standardised(self, dtype: Any) -> np.ndarray:
        """All of a dense X, standardised; elementwise, so that it makes no difference when it is done."""
        X: np.ndarray = self.X
        if X.dtype == dtype and self.standardisation is None:
            return X
        X = np.empty(self.X.shape, dtype)
        with np.errstate(over="ignore", invalid="ignore"):  # there may be rows that no member has
            for start in range(0, len(X), STANDARDISED_ROWS):
                index = np.arange(start, min(start + STANDARDISED_ROWS, len(X)))
                self.copy_inputs(index, X[start : start + STANDARDISED_ROWS])
        return X

    def copy_inputs(self, index: np.ndarray, out: np.ndarray) -> None:
        """The rows `index` of X, standardised, into `out`: differences in X's precision, then out's.

        The index of a dense X may have any shape.
        """
        is_dense, standardised = isinstance(self.X, np.ndarray), self.shift is not None and self.scale is not None
        if is_dense and standardised and gather_in_one_pass(self.X, index, self.shift, self.scale, out):
            return
        if not is_dense:
            block = self.X[index].toarray()
        elif self.X.dtype == out.dtype:
            block = take_rows(self.X, index, out=out)
        else:
            block = take_rows(self.X, index)
        if self.shift is not None and self.scale is not None and self.scale.itemsize > out.itemsize:
            np.multiply(block - self.shift, self.scale, out=out, casting="same_kind")  # out of range for out's type
        elif self.shift is not None and self.scale is not None:
            np.subtract(block, self.shift, out=out, casting="same_kind")
            out *= self.scale
        elif block is not out:
            out[...] = block


@cache
def _fields_of(cls: Any, part: str) -> list[str]:
    return [each.name for each in fields(cls) if each.metadata.get("part", part) == part]
