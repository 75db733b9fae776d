"""The rows of a least-squares problem, block by block, and sums over the blocks by several threads.

The rows are never needed all at once: a function writes each block of them, so they may be those of an array, a sparse
matrix or a design that is computed where it is used and never stored.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from queue import SimpleQueue
from typing import Literal

import numpy as np

from skdl._threads import blas_threads, thread_map

BLOCK_BYTES = 2**20  # a block that is written, multiplied and forgotten within the cache
LEAST_ROWS = 256  # per block: a thinner one makes the symmetric product wait for its result matrix
GROUPS = 16  # of blocks, summed in this order whatever the number of threads, so that it never changes a digit
WIDE = 400  # columns from which a group's totals are large, and a product of one block keeps BLAS's own threads busy

Fill = Callable[[slice, np.ndarray], np.ndarray | None]


class DesignBlocks:
    """The rows [x_i, y_i, 1] sqrt(w_i) of a least-squares problem, block by block.

    Parameters
    ----------
    fill : callable
        `fill(part, out)` writes the design's rows `part`, a slice, into `out` of shape (rows of the slice, n_columns);
        or it returns them, where they lie in memory as `out` does. It is called from several threads at once.
    targets : array of shape (n, k)
        Roughly centred.
    weight : array of shape (n,) or None
        Weights of the rows, the largest of the size of 1.
    n_columns : int
        Columns of the design.
    order : {"C", "F"}
        How `out` lies in memory: rows contiguous ("C"), or columns ("F": `out.T` is C-contiguous).
    """

    def __init__(
        self,
        fill: Fill,
        targets: np.ndarray,
        weight: np.ndarray | None,
        n_columns: int,
        *,
        order: Literal["C", "F"] = "C",
    ):
        self.fill, self.targets, self.order = fill, targets, order
        self.root = None if weight is None else np.sqrt(weight)
        self.n, self.k = targets.shape
        self.d = n_columns
        self.width = n_columns + self.k + 1
        self.rows = min(self.n, max(BLOCK_BYTES // (8 * self.width), LEAST_ROWS))

    def sum(self, add: Callable[..., None], *shapes: tuple[int, int]) -> list[np.ndarray]:
        """F-ordered totals of these shapes, to which `add(x, y, *totals)` adds what each block gives.

        A block is x, rows of the design, and y (rows, k + 1), their targets and ones.
        """
        starts = np.arange(0, self.n, self.rows)
        n_groups = min(self._n_groups(), len(starts))
        n_threads = blas_threads() if n_groups > 1 else 1
        # Threads of our own in place of BLAS's, as many as it has, where there are enough products for them.
        own = n_groups > 1 and (self.width < WIDE or n_groups % n_threads == 0)
        groups = np.array_split(starts, n_groups)
        buffers: SimpleQueue[tuple[np.ndarray, np.ndarray]] = SimpleQueue()

        def totals_of(group: np.ndarray) -> list[np.ndarray]:
            buffer, totals = buffers.get(), [np.zeros(shape, order="F") for shape in shapes]
            with np.errstate(all="ignore"):  # what is not finite in the end is the caller's to notice
                for start in group:
                    add(*self._write(*buffer, int(start)), *totals)
            buffers.put(buffer)
            return totals

        with thread_map(n_threads) if own else nullcontext(map) as run:
            for _ in range(n_threads if own else 1):
                # Two arrays: in one as wide as both, no rows of the design are contiguous, which slows writing down.
                x = np.empty((self.rows, self.d), order=self.order)
                buffers.put((x, np.ones((self.rows, self.k + 1), order="F")))
            results = run(totals_of, groups)
            totals = next(results)
            for result in results:
                for total, part in zip(totals, result, strict=True):
                    total += part
        return totals

    def _n_groups(self) -> int:
        """A power of two where totals are large, so that threads have as much to do as each other.

        It grows as the cube root of the rows for each column: what totals cost is then small beside their sums.
        """
        return GROUPS if self.width < WIDE else min(GROUPS, 2 ** ((self.n // self.width).bit_length() // 3))

    def _write(self, x: np.ndarray, y: np.ndarray, start: int) -> tuple[np.ndarray, np.ndarray]:
        part = slice(start, min(start + self.rows, self.n))
        x, y = x[: part.stop - start], y[: part.stop - start]
        given = self.fill(part, x)
        rows = x if given is None else given
        y[:, : self.k] = self.targets[part]
        if self.root is None:
            return rows, y
        root = self.root[part, None]
        y[:, self.k] = 1.0
        y *= root
        return np.multiply(rows, root, out=x), y
