"""Batches made of rows of data.

Nothing of the size of large data is ever copied: rows are gathered by index, block by block, and there converted and
standardised, for all members of a stack.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterator, Sequence
from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np

from skdl._array import SHORT_ROW, Array, take_rows
from skdl.engine.dataset import Dataset

BLOCK_NUMBERS = 1 << 17  # numbers in gathered rows: small enough for the cache, large enough to spare calls

Batch: TypeAlias = tuple[Array, Array, Array]  # x, targets, weight


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
        self._memory: dict[tuple[int, str], Array] = {}
        self._blocks: dict[Hashable, _Block] = {}

    @property
    def steps_per_epoch(self) -> int:
        return -(-self.n // self.batch_size)

    def epoch(self, orders: Sequence[np.ndarray] | None = None, *, whole: bool = False) -> Iterator[Batch]:
        """Batches (x, targets, weight) of shapes (k, B, d), (k, B, C) and (k, B, 1), rows in each member's order.

        All members have the same number of rows. Where neighbours have one order of one array's rows, as candidates of
        one fold do, x is (t, B, d), each for k / t of them. The next step writes over all three; weights that are equal
        are there to be read only.

        Weights are divided by the number of rows in the batch, or with `whole` in the data: a sum is a mean.

        A member may have m orders, of shape (m, n): its batch has B rows of the first, then B of the second, ...
        """
        if orders is None:
            everything = np.arange(self.n)
            orders = [everything if rows.index is None else rows.index for rows in self.members]
        return self._batches(slice(0, len(self.members)), orders, whole=whole)

    def steps(self, orders: Sequence[np.ndarray]) -> Iterator[list[Batch]]:
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

    def _batches(self, part: slice, orders: Sequence[np.ndarray], *, whole: bool = False) -> Iterator[Batch]:
        """Those of a part of the members, all of whose orders are of one length."""
        n, k = orders[0].shape[-1], len(orders)
        n_orders = orders[0].size // n
        runs = [run for run in self.runs if part.start <= run.start < part.stop]
        alike = [self._alike(run, orders[run.start - part.start : run.stop - part.start]) for run in runs]
        n_inputs = k // math.gcd(*(run.stop - run.start for run in runs)) if all(alike) else k
        first = self.members[part.start]
        numbers = n_inputs * first.X.shape[1] + k * first.targets.shape[1]
        at_once = max(1, BLOCK_NUMBERS // (self.batch_size * numbers)) if n_orders == 1 else 1
        for rows, n_batches in _stretches(n, self.batch_size, at_once):
            index = slice_orders(orders, rows)
            if n_orders > 1:
                index = [each.reshape(-1) for each in index]
            block = self._block(part, n_inputs, n_batches, len(index[0]) // n_batches, n if whole else None)
            for run, same in zip(runs, alike, strict=True):
                here = slice(run.start - part.start, run.stop - part.start)
                block.gather(self._rows[run.start], index[here], here, alike=same)
            yield from block.batches

    def _alike(self, run: slice, orders: Sequence[np.ndarray]) -> bool:
        """True if members of one array's rows take the same of them, standardised alike."""
        shift = self._rows[run.start].shift
        return all(a is b for a, b in pairwise(orders)) and (shift is None or shift.ndim == 1)

    def _block(self, part: slice, n_inputs: int, n_batches: int, n_rows: int, n: int | None) -> _Block:
        """The memory of some batches of a part; all of its blocks lie in that of the first, which is the largest."""
        key = (part.start, part.stop, n_inputs, n_batches, n_rows, n)
        block = self._blocks.get(key)
        if block is None:
            members = self.members[part]
            n_targets = members[0].targets.shape[1]
            x = self._numbers((part.start, "x"), (n_inputs, n_batches * n_rows, members[0].X.shape[1]))
            targets = self._numbers((part.start, "targets"), (n_batches, len(members), n_targets, n_rows))
            if n_targets > SHORT_ROW:  # else they lie by columns, as the scores of a training do
                targets = targets.reshape(n_batches, len(members), n_rows, n_targets).mT
            weight = np.full((n_batches, len(members), n_rows, 1), 1 / (n or n_rows), self.dtype)
            weight.flags.writeable = any(rows.weight is not None for rows in members)
            block = self._blocks[key] = _Block(x, targets, weight, 1 / (n or n_rows))
        return block

    def _numbers(self, name: tuple[int, str], shape: tuple[int, ...]) -> Array:
        size = math.prod(shape)
        memory = self._memory.get(name)
        if memory is None or memory.size < size:
            memory = self._memory[name] = np.empty(size, self.dtype)
        return memory[:size].reshape(shape)


class _Block:
    """Batches that are gathered at once, and time and again in the same memory, so that it stays in the cache.

    Parameters
    ----------
    x : array of shape (t, S B, d)
        Of S batches of B rows.
    targets : array of shape (S, k, C, B)
    weight : array of shape (S, k, B, 1)
        Filled with the `factor`, which is the weight of rows that have no other one.
    factor : float
        By which a weight of 1 is multiplied.
    """

    def __init__(self, x: Array, targets: Array, weight: Array, factor: float):
        self.x, self.targets, self.weight, self.factor = x, targets, weight, factor
        by_batch = x.reshape(len(x), len(targets), -1, x.shape[-1]).swapaxes(0, 1)
        self.batches: list[Batch] = list(zip(by_batch, targets.mT, weight, strict=True))

    def gather(self, rows: Dataset, index: Sequence[np.ndarray], here: slice, *, alike: bool) -> None:
        """Rows of some members in one call: one for each member would be a tenth of a small stack's time."""
        chosen = index[0] if alike else np.stack(index)
        n_batches, k, n_targets, n_rows = self.targets.shape
        size = k // len(self.x)
        x = self.x[here.start // size : here.stop // size]
        rows.copy_inputs(chosen, x[0] if alike else x)
        if alike:
            x[1:] = x[0]
        targets = take_rows(rows.targets, chosen).reshape(-1, n_batches, n_rows, n_targets).swapaxes(0, 1).mT
        if alike and n_targets <= SHORT_ROW:
            targets = np.ascontiguousarray(targets)  # they are put in order once for all
        self.targets[:, here] = targets
        if rows.weight is not None:
            weight = self.weight[:, here]
            weight[...] = take_rows(rows.weight, chosen).reshape(-1, n_batches, n_rows, 1).swapaxes(0, 1)
            weight *= self.factor


def _stretches(n: int, batch_size: int, at_once: int) -> Iterator[tuple[slice, int]]:
    """The rows of so many batches at once, with their number: those of the whole batches, and then of a shorter one."""
    whole = n // batch_size
    for i in range(0, whole, at_once):
        n_batches = min(at_once, whole - i)
        yield slice(i * batch_size, (i + n_batches) * batch_size), n_batches
    if n % batch_size:
        yield slice(whole * batch_size, n), 1
