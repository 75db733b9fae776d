"""Rows for products with few columns: blocks that stay in the cache, threads over them, sums in a fixed order.

The product of n rows with d columns and K classes is memory-bound: it has to read X, once for the scores and once more
for the gradient. So rows are taken in blocks that fit the cache between the two, and Python threads take chunks of
blocks, with BLAS held to one thread each, since BLAS's own threads gain little on a product of ten columns. Where the
chunks begin depends on the data's shape alone and their results are added in order: the number of threads changes no
bit.

Standardised rows (x - shift) * scale are never written. They are folded into the weights,

    (x - shift) * scale . W + b = x . W' + b',  W' = scale W,  b' = b - shift . W',

and the gradient by W is scale * (X'G - shift 1'G). The subtraction loses the digits of |shift| * scale, so dense rows
whose mean is many deviations from zero, or of another precision, are standardised block by block instead, and sparse
ones are multiplied in float64.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import reduce
from itertools import pairwise
from typing import Any, TypeVar

import numpy as np

from skdl._array import take_rows
from skdl.engine import Dataset
from skdl.linear.solvers.scaling import safe_exponents, scale_down

BLOCK_BYTES = 1 << 19  # of X in a block: both products find it in the cache
LEAST_ROWS, MOST_ROWS = 512, 2048  # where the cache and the calls of Python are both out of the way
FEW = 1 << 20  # numbers in X that are multiplied in float64 at no noticeable price
CHUNKS = 16  # at most so many threads have work
CHUNK_BYTES = 1 << 26  # of all chunks' gradients, or a quarter of X's
OFFSET = 0.01  # in units of eps^(-1/2): the largest |mean| / deviation that is folded, 29 in float32

T = TypeVar("T")


class RowBlocks:
    """Standardised rows of a member, as chunks of blocks.

    Parameters
    ----------
    rows : Dataset
        With shift and scale.
    dtype : dtype
        Precision of the products; for few rows at least float64, where a mean of float32 losses is not smooth.
    run : callable
        The `map` by which threads take chunks.

    Attributes
    ----------
    X : array or CSR matrix of shape (n, d)
    targets : array of shape (K, n)
    weight : float64 array of shape (n,)
        With a sum of one.
    dtype : dtype
        Precision of the products, at least the one asked for.
    """

    def __init__(self, rows: Dataset, dtype: Any, run: Callable[..., Iterator[Any]] = map):
        if rows.shift is None or rows.scale is None:
            raise TypeError("RowBlocks needs rows with shift and scale.")
        if rows.index is not None:  # once, rather than in every evaluation
            X = take_rows(rows.X, rows.index) if isinstance(rows.X, np.ndarray) else rows.X[rows.index]
            weight = None if rows.weight is None else rows.weight[rows.index]
            rows = replace(rows, X=X, targets=rows.targets[rows.index], weight=weight, index=None)
        self.shift, self.scale = (np.asarray(each, np.float64) for each in (rows.shift, rows.scale))
        self.dense = isinstance(rows.X, np.ndarray)
        self.dtype = np.dtype(dtype)
        if rows.X.size <= FEW:
            self.dtype = np.dtype(np.float64)
            rows = replace(rows, X=rows.X.astype(np.float64, copy=False))
        far = bool((abs(self.shift * self.scale) > OFFSET / np.sqrt(np.finfo(self.dtype).eps)).any())
        if not self.dense:
            self.dtype = np.dtype(np.float64) if far else self.dtype
            rows = replace(rows, X=rows.X.astype(self.dtype, copy=False))
        self.folds = not self.dense or (rows.X.dtype == self.dtype and not far)
        self.rows, self.X = rows, rows.X
        self.n, self.n_columns = rows.X.shape
        self.targets = np.ascontiguousarray(rows.targets.T, self.dtype)
        self.equal = rows.weight is None
        self.weight = np.full(self.n, 1 / self.n) if rows.weight is None else rows.weight / rows.weight.sum(dtype=float)
        self.chunks, self.run = self._chunks(), run

    def _chunks(self) -> list[range]:
        """Starts of the blocks of each chunk; a range's stop is the chunk's end."""
        gradient = 8 * self.n_columns * len(self.targets)
        if self.dense:
            n_bytes = self.X.nbytes
            size = int(np.clip(BLOCK_BYTES // (self.n_columns * self.dtype.itemsize), LEAST_ROWS, MOST_ROWS))
        else:
            n_bytes = self.X.data.nbytes
            size = MOST_ROWS
        n_blocks = -(-self.n // size)
        n_chunks = min(n_blocks, CHUNKS, max(1, max(CHUNK_BYTES, n_bytes // 4) // gradient))
        edges = [i * n_blocks // n_chunks * size for i in range(n_chunks)] + [self.n]
        return [range(start, stop, size) for start, stop in pairwise(edges)]

    def map(self, function: Callable[[Any], T], tasks: list[Any]) -> list[T]:
        """The function's results, in the order of the tasks, which threads take."""

        def quiet(task: Any) -> T:
            with np.errstate(all="ignore"):  # a thread's own setting: what is not finite, the search notices
                return function(task)

        return list(self.run(quiet, tasks))

    def blocks(self, chunk: range) -> Iterator[tuple[Any, slice]]:
        """The blocks (B, d) of a chunk; a dense one that is not folded is written over by the next."""
        out = None if self.folds else np.empty((min(chunk.step, len(self.X)), self.n_columns), self.dtype)
        for start in chunk:
            part = slice(start, min(start + chunk.step, chunk.stop))
            if out is None:
                yield self.X[part], part
            else:
                block = out[: part.stop - part.start]
                self.standardised(np.arange(part.start, part.stop), block)
                yield block, part

    def standardised(self, index: np.ndarray, out: np.ndarray) -> None:
        """Write the standardised rows `index` of a dense X into `out`."""
        self.rows.copy_inputs(index, out)

    def fold(self, weight: np.ndarray, bias: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Weights (d, K) and biases (K,) that give the standardised rows' scores from the blocks."""
        if not self.folds:
            return weight, bias
        weight = weight * self.scale[:, None]
        return weight, bias - self.shift @ weight

    def unfold(self, weight: np.ndarray, bias: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The gradient by the standardised rows' weights (d, K), from sums over the blocks."""
        if not self.folds:
            return weight, bias
        return (weight - np.outer(self.shift, bias)) * self.scale[:, None], bias

    def mean_squares(self) -> np.ndarray:
        """The weighted mean square of each standardised column, (d,); exactly zero where only rounding is left."""
        square, _ = self.sums_of_squares(lambda x, part: self.weight[part], whole=1.0)
        noise = 16 * np.finfo(self.dtype).eps * (self.shift * self.scale) ** (2 if self.folds else 1)
        return np.where(square > (noise if self.folds else noise**2), square, 0.0)

    def sums_of_squares(
        self, factors: Callable[[Any, slice], np.ndarray], whole: float | None = None
    ) -> tuple[np.ndarray, Any]:
        """The sums of a factor of each row times the squared standardised columns, (d,); and of the factor alone.

        `factors` takes a block of rows. With K factors of a row, (B, K), the sums are (K, d) and (K,). `whole` is the
        sum of the factor alone, where that is known.
        """
        # Columns whose squares would be out of range come in other units, by powers of two.
        exponent = safe_exponents(self.scale) if self.folds else np.zeros(self.n_columns, int)
        shift, scale = scale_down(self.shift, -exponent), scale_down(self.scale, exponent)
        unit = np.ldexp(1.0, exponent) if exponent.any() else None

        def sums(chunk: range) -> tuple[Any, ...]:
            mean, square, total = np.float64(0.0), np.float64(0.0), np.float64(0.0)
            for x, part in self.blocks(chunk):
                factor = factors(x, part)
                if unit is not None:
                    x = x * unit if self.dense else x.multiply(unit).tocsr()
                total = total + factor.sum(axis=0)
                factor = factor.astype(self.dtype).T
                mean = mean + factor @ x
                square = square + factor @ (x * x if self.dense else x.multiply(x).tocsr())
            return mean, square, total

        mean, square, total = (reduce(np.add, each) for each in zip(*self.map(sums, self.chunks), strict=True))
        whole = total if whole is None else whole
        if self.folds:
            square = (square - 2 * shift * mean + np.multiply.outer(whole, shift**2)) * scale**2
        return square, whole
