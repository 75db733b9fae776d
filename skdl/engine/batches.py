"""Rows of data and the batches made of them.

Nothing of the size of large data is ever copied: rows are gathered by index, block by block, and there converted and
standardised, for all members of a stack.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np

from skdl._array import Array, by_columns, take_rows
from skdl._structure import stand_in

BLOCK_NUMBERS = 1 << 17  # numbers in gathered rows: small enough for the cache, large enough to spare calls
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
        if not isinstance(self.X, np.ndarray):
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


def slice_orders(orders: Sequence[np.ndarray], part: slice) -> list[np.ndarray]:
    """A part of each order; what was one array stays one, whose rows are gathered once."""
    parts = {id(order): order[..., part] for order in orders}
    return [parts[id(order)] for order in orders]


def parts_of_one_length(members: Sequence[Dataset]) -> list[slice]:
    """Neighbouring members with the same number of rows."""
    starts = [0, *(i for i in range(1, len(members)) if members[i].n != members[i - 1].n), len(members)]
    return [slice(a, b) for a, b in pairwise(starts)]


class Batches:
    """Batches of the rows of k members, of which all have the same number of them in an epoch.

    The last batch may have fewer rows than the others, and not the same number in each member. Members with the same
    number of rows stand side by side.
    """

    def __init__(self, members: Sequence[Dataset], batch_size: int, dtype: Any):
        self.members = members
        self.batch_size = batch_size
        self.dtype = dtype
        self.n = members[0].n
        self.parts = parts_of_one_length(members)
        starts = {part.start for part in self.parts}
        shared = [i for i in range(1, len(members)) if i in starts or not members[i].shares_arrays(members[i - 1])]
        self.runs = [slice(a, b) for a, b in pairwise([0, *shared, len(members)])]  # and those of one array's rows
        self._rows = {run.start: Dataset.together(members[run]) for run in self.runs}
        self._memory: dict[int, Array] = {}

    @property
    def steps_per_epoch(self) -> int:
        return -(-self.n // self.batch_size)

    def epoch(
        self, orders: Sequence[np.ndarray] | None = None, *, whole: bool = False
    ) -> Iterator[tuple[Array, Array, Array]]:
        """Batches (x, targets, weight) of shapes (k, B, d), (k, B, C) and (k, B, 1), rows in each member's order.

        All members have the same number of rows. Where as many neighbours each have one order of one array's rows, as
        candidates of one fold do, x is (t, B, d), one for all that have it in common. The next step writes over x.

        Weights are divided by the number of rows in the batch, or with `whole` in the data: a sum is a mean.

        A member may have m orders, of shape (m, n): its batch has B rows of the first, then B of the second, ...
        """
        if orders is None:
            everything = np.arange(self.n)
            orders = [everything if rows.index is None else rows.index for rows in self.members]
        return self._batches(slice(0, len(self.members)), orders, whole=whole)

    def steps(self, orders: Sequence[np.ndarray]) -> Iterator[list[tuple[Array, Array, Array]]]:
        """The batches of each step, as in `epoch`: one of all members, or in a last step one of each part."""
        everybody = slice(0, len(self.members))
        if len(self.parts) == 1:
            for batch in self._batches(everybody, orders):
                yield [batch]
            return
        full = (self.steps_per_epoch - 1) * self.batch_size
        for batch in self._batches(everybody, slice_orders(orders, slice(full))) if full else ():
            yield [batch]
        yield [
            batch for part in self.parts for batch in self._batches(part, slice_orders(orders[part], slice(full, None)))
        ]

    def _batches(
        self, part: slice, orders: Sequence[np.ndarray], *, whole: bool = False
    ) -> Iterator[tuple[Array, Array, Array]]:
        """Those of a part of the members, all of whose orders are of one length."""
        n, first = orders[0].shape[-1], self.members[part.start]
        n_orders = orders[0].size // n
        runs = [run for run in self.runs if part.start <= run.start < part.stop]
        alike = [self._alike(run, orders[run.start - part.start : run.stop - part.start]) for run in runs]
        in_common = all(alike) and len({run.stop - run.start for run in runs}) == 1
        n_inputs = len(runs) if in_common else len(orders)
        numbers = n_inputs * first.X.shape[1] + len(orders) * first.targets.shape[1]
        n_batches = max(1, BLOCK_NUMBERS // (self.batch_size * numbers)) if n_orders == 1 else 1  # at once
        size, of_all = self.batch_size * n_batches, self.batch_size * n_orders
        for start in range(0, n, size):
            index = slice_orders(orders, slice(start, start + size))
            if n_orders > 1:
                index = [each.reshape(-1) for each in index]
            n_rows = len(index[0])
            x = self._inputs(part, (n_inputs, n_rows, first.X.shape[1]))
            targets = np.empty((len(orders), n_rows, first.targets.shape[1]), self.dtype)
            weight = np.ones((len(orders), n_rows, 1), self.dtype)
            for i, (run, same) in enumerate(zip(runs, alike, strict=True)):
                here = slice(run.start - part.start, run.stop - part.start)
                of_run = x[i : i + 1] if in_common else x[here]
                self._gather(run, index[here], of_run, targets[here], weight[here], same)
            for a in range(0, n_rows, of_all):
                b = min(a + of_all, n_rows)
                yield x[:, a:b], by_columns(targets[:, a:b]), weight[:, a:b] * (1 / (n if whole else b - a))

    def _alike(self, run: slice, orders: Sequence[np.ndarray]) -> bool:
        """True if members of one array's rows take the same of them, standardised alike."""
        shift = self._rows[run.start].shift
        return all(a is b for a, b in pairwise(orders)) and (shift is None or shift.ndim == 1)

    def _inputs(self, part: slice, shape: tuple[int, int, int]) -> Array:
        """The array that a part's inputs are gathered in: the same for every block, so that it stays in the cache."""
        size = math.prod(shape)
        memory = self._memory.get(part.start)
        if memory is None or memory.size < size:
            memory = self._memory[part.start] = np.empty(size, self.dtype)
        return memory[:size].reshape(shape)

    def _gather(
        self, run: slice, index: Sequence[np.ndarray], x: Array, targets: Array, weight: Array, alike: bool
    ) -> None:
        """Rows of members of one array's rows, in one call: one for each member is a tenth of a small stack's time."""
        rows, chosen = self._rows[run.start], index[0] if alike else np.stack(index)
        rows.copy_inputs(chosen, x[0] if alike else x)
        if alike:
            x[1:] = x[0]
        targets[...] = take_rows(rows.targets, chosen)
        if rows.weight is not None:
            weight[..., 0] = take_rows(rows.weight, chosen)
