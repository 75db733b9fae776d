"""Rows of data and the batches made of them.

Nothing of the size of large data is ever copied: rows are gathered by index, block by block, and there converted and
standardised, for all members of a stack. Small tables are standardised once for all epochs.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np

from skdl._array import Array, take_rows

BLOCK_NUMBERS = 1 << 17  # numbers in a gathered block: small enough for the cache, large enough to spare calls
STANDARDISED_ROWS = 4096  # at a time, so that no second table is needed
READY_NUMBERS = 1 << 22  # numbers in tables that are standardised as a whole: 16 MiB in float32


@dataclass(frozen=True)
class Rows:
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
        The network sees (X - shift) * scale.
    strata : int array of shape (N,) or None
        The class of each row, 0, 1, ..., of which every batch keeps the shares; None for batches as they come.
    """

    X: Any
    targets: np.ndarray
    weight: np.ndarray | None = None
    index: np.ndarray | None = None
    shift: np.ndarray | None = None
    scale: np.ndarray | None = None
    strata: np.ndarray | None = None

    def order(self, generator: np.random.Generator, shuffle: bool) -> np.ndarray:
        """The order of the rows in an epoch."""
        order = generator.permutation(self.n) if shuffle else np.arange(self.n)
        if self.strata is None:
            return order
        # The j-th of a class's n rows is due after a share (j + u) / n of the epoch, u the class's own start.
        strata = (self.strata if self.index is None else self.strata[self.index])[order]
        counts = np.bincount(strata)
        by_class = np.argsort(strata, kind="stable")
        rank = np.empty(self.n)
        rank[by_class] = np.arange(self.n) - np.repeat(np.cumsum(counts) - counts, counts)
        starts = generator.random(len(counts)) if shuffle else np.full(len(counts), 0.5)
        due = (rank + starts[strata]) / counts[strata]
        return order[np.argsort(due, kind="stable")]

    @property
    def n(self) -> int:
        return self.X.shape[0] if self.index is None else len(self.index)

    def shares_arrays(self, other: Rows) -> bool:
        """Whether rows of both can be gathered in one call: they come from the same arrays."""
        names = ("X", "targets", "weight", "shift", "scale")
        return isinstance(self.X, np.ndarray) and all(getattr(self, name) is getattr(other, name) for name in names)

    @property
    def table(self) -> Hashable:
        """What rows agree in whose standardised X is the same array."""
        return id(self.X), self.standardisation

    @property
    def standardisation(self) -> tuple[bytes, bytes] | None:
        """The bits of shift and scale."""
        return None if self.shift is None or self.scale is None else (self.shift.tobytes(), self.scale.tobytes())

    def standardised(self, dtype: Any) -> np.ndarray:
        """All of a dense X, standardised; elementwise, so that it makes no difference when it is done."""
        if self.X.dtype == dtype and self.standardisation is None:
            return self.X
        X = np.empty(self.X.shape, dtype)
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
        if self.shift is not None and self.scale is not None:
            np.subtract(block, self.shift, out=out, casting="same_kind")
            out *= self.scale
        elif block is not out:
            out[...] = block


def ready_rows(members: Sequence[Rows], dtype: Any) -> list[Rows]:
    """The same rows for many epochs: tables that are small together are standardised once, to the same bits."""
    tables = {rows.table: rows for rows in members}
    small = sum(rows.X.size for rows in tables.values()) <= READY_NUMBERS
    if not small or not all(isinstance(rows.X, np.ndarray) for rows in members):
        return list(members)
    ready = {table: rows.standardised(dtype) for table, rows in tables.items()}
    return [replace(rows, X=ready[rows.table], shift=None, scale=None) for rows in members]


def cut(orders: Sequence[np.ndarray], part: slice) -> list[np.ndarray]:
    """A part of each order; what was one array stays one, whose rows are gathered once."""
    parts = {id(order): order[part] for order in orders}
    return [parts[id(order)] for order in orders]


class Batches:
    """Batches of the rows of k members, of which all have the same number of them in an epoch.

    The last batch may have fewer rows than the others, and not the same number in each member. Members with the same
    number of rows stand side by side.
    """

    def __init__(self, members: Sequence[Rows], batch_size: int, dtype: Any):
        self.members = members
        self.batch_size = batch_size
        self.dtype = dtype
        self.n = members[0].n
        per_batch = len(members) * batch_size * members[0].X.shape[1]
        self.rows_per_block = batch_size * max(1, BLOCK_NUMBERS // per_batch)
        starts = [0, *(i for i in range(1, len(members)) if members[i].n != members[i - 1].n), len(members)]
        self.parts = [slice(a, b) for a, b in pairwise(starts)]  # members with the same number of rows
        shared = [i for i in range(1, len(members)) if i in starts or not members[i].shares_arrays(members[i - 1])]
        self.runs = [slice(a, b) for a, b in pairwise([0, *shared, len(members)])]  # and those of one array's rows

    @cached_property
    def _block(self) -> Array:
        """Where inputs are gathered: the same memory for every block, which stays in the cache."""
        n_rows = min(self.rows_per_block, max(rows.n for rows in self.members))
        return np.empty((len(self.members), n_rows, self.members[0].X.shape[1]), self.dtype)

    @property
    def steps_per_epoch(self) -> int:
        return -(-self.n // self.batch_size)

    def epoch(
        self, orders: Sequence[np.ndarray] | None = None, *, whole: bool = False
    ) -> Iterator[tuple[Array, Array, Array]]:
        """Batches (x, targets, weight) of shapes (k, B, d), (k, B, C) and (k, B, 1), rows in each member's order.

        All members have the same number of rows. The next step writes over x.

        Weights are divided by the number of rows in the batch, or with `whole` in the data: a sum is a mean.
        """
        if orders is None:
            orders = [np.arange(self.n)] * len(self.members)
        return self._batches(slice(0, len(self.members)), orders, whole=whole)

    def steps(self, orders: Sequence[np.ndarray]) -> Iterator[list[tuple[Array, Array, Array]]]:
        """The batches of each step, as in `epoch`: one of all members, or in a last step one of each part."""
        everybody = slice(0, len(self.members))
        if len(self.parts) == 1:
            for batch in self._batches(everybody, orders):
                yield [batch]
            return
        full = (self.steps_per_epoch - 1) * self.batch_size
        for batch in self._batches(everybody, cut(orders, slice(full))):
            yield [batch]
        yield [batch for part in self.parts for batch in self._batches(part, cut(orders[part], slice(full, None)))]

    def _batches(
        self, part: slice, orders: Sequence[np.ndarray], *, whole: bool = False
    ) -> Iterator[tuple[Array, Array, Array]]:
        """Those of a part of the members, all of whose orders are of one length."""
        n = len(orders[0])
        for start in range(0, n, self.rows_per_block):
            x, targets, weight = self._gather(part, cut(orders, slice(start, start + self.rows_per_block)))
            n_rows = x.shape[1]
            for a in range(0, n_rows, self.batch_size):
                b = min(a + self.batch_size, n_rows)
                yield x[:, a:b], targets[:, a:b], weight[:, a:b] * (1 / (n if whole else b - a))

    def _gather(self, part: slice, index: Sequence[np.ndarray]) -> tuple[Array, Array, Array]:
        k, n_rows, first = part.stop - part.start, len(index[0]), self.members[part.start]
        x = self._block[part, :n_rows]
        targets = np.empty((k, n_rows, first.targets.shape[1]), self.dtype)
        weight = np.ones((k, n_rows, 1), self.dtype)
        for run in self.runs:
            if part.start <= run.start < part.stop:
                here: Any = slice(run.start - part.start, run.stop - part.start)
                rows = self.members[run.start]
                alike = all(a is b for a, b in pairwise(index[here]))
                alike = alike and all(own.index is rows.index for own in self.members[run])
                pairs = list(zip(self.members[run], index[here], strict=True))[: 1 if alike else None]
                original = [chosen if own.index is None else own.index[chosen] for own, chosen in pairs]
                # For a stack of small networks, a call for each member is a tenth of the training.
                chosen = original[0] if alike else np.stack(original)
                gathered = x[here.start] if alike else x[here]
                rows.copy_inputs(chosen, gathered)
                if alike:
                    x[here.start + 1 : here.stop] = gathered
                targets[here] = take_rows(rows.targets, chosen)
                if rows.weight is not None:
                    weight[here, ..., 0] = take_rows(rows.weight, chosen)
        return x, targets, weight
