r"""Scores by matrix products that bound the true closeness from both sides, so that most rows need no exact distance.

A bound gives for a row x and a query q a score U(q, x), larger for closer rows, such that

    if x belongs to the k nearest by `Metric.between`, then U(q, x) >= T

for a threshold T. A *tight* bound has a guaranteed score L(q, x) too, near U, and T is the least L(q, y) of *any* k
rows y; a loose one derives T from the exact distances of any k rows (`reach`). A search keeps the rows that pass and
lets `Metric.between` decide.

Proof for `ProductBound`. Let u be the unit roundoff of the working precision, g_m = m u / (1 - m u), and v, h_m the
same in float64. Let a = q - c, b = x - c for a fixed centre c, everything times a power of two (exact). Then
|q - x|^2 = |a|^2 - 2 S with S = <a, b> + s and s = -|b|^2/2, so a larger S is closer.

1. Rounding a, b and s to working precision and any order of summing the d + 2 products of
   [a, 1, |a|] . [b, s + e|s|, e|b|], fused or not, multiplies each term by 1 + t, |t| <= g_{d+10} (Higham 2002,
   sections 3.1 and 3.4; Cauchy-Schwarz bounds the sum of absolute products by |a||b|). With M = |a||b| + |s| the
   product U differs from S + e M by at most g_{d+10} (1 + 2e) M.
2. With e = 2 g_{d+10} <= 0.4 that is at most 0.9 e M, so S <= U <= S + 1.9 e M. (`ProductBound` gives up above.)
3. `between` sums d squares of differences and takes a root: its square is |q - x|^2 (1 + t), |t| <= h_{d+6}. If x is
   among the k nearest by it, one of any k rows y is not closer by it, or x is one of them; so |q - x|^2 <=
   |q - y|^2 (1 + 3 h_{d+6}) and S(x) >= S(y) - 1.5 h_{d+6} |q - y|^2 >= S(y) - 3 h_{d+6} (|a|^2 + |b_y|^2).
4. Underflow adds at most the smallest normal number to each operation (`between` has none, but its distance is a
   multiple of the smallest number of all): less than w = 8 (d + 10) tiny (1 + |a|) (1 + max |b|) in all. So
   L = U - 2 e M - 4 h_{d+10} (|a|^2 + |b|^2) - 2 w will do; the 0.1 e M to spare covers the rounding of L itself, in
   float64.

For the cosine a and b are directions, c = 0, s = 0 and S = <a, b>; |a| and |b| are set to 1 (also for rows of zeros,
whose S = 0 matches their distance 1). `between` deviates from 1 - S by the lengths' rounding too, at most 2 h_{d+10} in
all, which step 4 covers with 8 h_{d+10}.

References: N. J. Higham, Accuracy and Stability of Numerical Algorithms, 2nd edition, SIAM 2002.
"""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from typing import Any, NamedTuple

import numpy as np
from scipy import sparse

from skdl._threads import thread_map
from skdl.neighbors.bounds.placement import Placement, row_blocks
from skdl.neighbors.bounds.rounding import rounding_bound
from skdl.neighbors.metrics.metric import Metric
from skdl.neighbors.metrics.row_arithmetic import row_sums_of_squares

NARROW = 1024  # columns: full blocks of so many stay in the cache
SPARSE = 0.03  # share of stored entries from which full queries take less time, as each entry of X meets them in a row
MIXED = 0.25  # and from which a product of full rows does


class Operand(NamedTuple):
    """Rows made ready for a product: themselves with any columns added, their lengths |b| and their terms s."""

    rows: Any
    length: np.ndarray
    offset: np.ndarray


class ProductScores(ABC):
    """Scores [a, 1, |a|] . [b, s + e|s|, e|b|], the rows of X made ready once, or in each search to save memory."""

    is_tight: bool
    is_exact = False  # whether scores order rows exactly as their distances do, ties included
    is_sharpest: bool  # whether no other bound leaves fewer pairs open
    dtype: type[np.floating]
    error: float  # e
    longest: float  # rows beyond are refused: squares and products might overflow
    underflow: float
    is_sparse = False

    def __init__(self, X: Any):
        self.X = X
        self.length, self.offset = np.ones(X.shape[0]), np.zeros(X.shape[0])
        self.stored: np.ndarray | None = None

    @abstractmethod
    def operand(self, X: Any) -> Operand:
        """The vectors a or b of rows of X, in float64."""

    def store(self, n_threads: int) -> None:
        """Make the rows of X ready, a block at a time so that no second float64 matrix is needed."""
        n_rows, columns = self.X.shape
        blocks = row_blocks(n_rows, columns)
        first = self._training_operand(self.X[:1])
        stored = None if self.is_sparse else np.empty((n_rows, first.rows.shape[1]), dtype=self.dtype)

        def build(block: slice) -> None:
            built = self._training_operand(self.X[block])
            self.length[block], self.offset[block] = built.length, built.offset
            if stored is not None:
                stored[block] = built.rows

        with thread_map(n_threads) as run:
            list(run(build, blocks))
        self.stored = stored

    def prepare(self, Q: Any) -> Operand | None:
        """Queries made ready, or None if this precision cannot hold them."""
        operand = self.operand(Q)
        longest = np.maximum(operand.length.max(), self.length.max())
        if self.error > 0.4 or not longest < self.longest:
            return None
        queries = self._append(operand, np.ones_like(operand.length), operand.length)
        # As the right side of many products, which read it by columns.
        if not self.is_sparse:
            return queries._replace(rows=np.asfortranarray(queries.rows))
        return queries._replace(rows=full_unless_sparse(queries.rows, SPARSE, order="F"))

    def scores(self, queries: Operand, start: int, stop: int, out: np.ndarray) -> np.ndarray:
        """U for the rows from start to stop and all queries, in `out` if that fits."""
        if self.stored is not None:
            return np.matmul(self.stored[start:stop], queries.rows.T, out=out)
        rows = self._training_operand(self.X[start:stop]).rows
        if not self.is_sparse:
            return np.matmul(rows, queries.rows.T, out=out)
        if not sparse.issparse(queries.rows):
            rows = full_unless_sparse(rows, MIXED)
        scores = rows @ queries.rows.T
        scores = scores.toarray() if sparse.issparse(scores) else scores
        scores += (self.error * self.length[start:stop])[:, None] * queries.length
        scores += (self.offset + self.error * np.abs(self.offset))[start:stop, None]
        return np.asarray(scores)

    def underflow_loss(self, length: np.ndarray) -> np.ndarray:
        """2 w for queries of the given lengths: what underflow may cost."""
        return np.asarray(self.underflow * (1 + length) * (1 + self.length.max()))

    def _training_operand(self, X: Any) -> Operand:
        operand = self.operand(X)
        with np.errstate(over="ignore", invalid="ignore"):  # of rows too long for this bound
            raised = operand.offset + self.error * np.abs(operand.offset)
        return self._append(operand, raised, self.error * operand.length)

    def _append(self, operand: Operand, *columns: np.ndarray) -> Operand:
        if self.is_sparse:  # added after the product instead: the columns are full
            return operand._replace(rows=operand.rows.astype(self.dtype))
        n_rows, width = operand.rows.shape
        rows = np.empty((n_rows, width + len(columns)), dtype=self.dtype)
        with np.errstate(over="ignore", under="ignore"):
            rows[:, :width] = operand.rows
            for place, column in enumerate(columns, start=width):
                rows[:, place] = column
        return operand._replace(rows=rows)


def full_unless_sparse(X: Any, share: float, order: Any = None) -> Any:
    """Sparse rows as a full array if they are narrow and at least this share of them is stored."""
    is_full = X.shape[1] <= NARROW and X.nnz >= share * X.shape[0] * X.shape[1]
    return X.toarray(order=order) if is_full else X


class ProductBound(ProductScores):
    """Tight scores for Euclid's and the cosine distance.

    A dense X is first tried in float32, whatever its own precision. The lengths and terms of its rows are those of the
    cosine until `store` measures them, or the caller who knows them sets them.
    """

    is_tight = True

    def __init__(self, X: Any, metric: Metric, placement: Placement):
        super().__init__(X)
        self.metric, self.placement = metric, placement
        self.is_sparse = sparse.issparse(X)
        self._set_precision(np.float64 if self.is_sparse else np.float32)

    def in_float64(self) -> ProductBound:
        """The same bound with sharper margins at twice the cost; its rows are made ready in each search."""
        sharper = copy.copy(self)
        sharper.stored = None
        sharper._set_precision(np.float64)
        return sharper

    def operand(self, X: Any) -> Operand:
        rows = self.placement(X)
        if self.placement.cosine:
            return Operand(rows, np.ones(X.shape[0]), np.zeros(X.shape[0]))
        with np.errstate(over="ignore", under="ignore"):
            square = row_sums_of_squares(rows)
            return Operand(rows, np.sqrt(square), square / -2)

    def lower_scores(self, queries: Operand, i: np.ndarray, x: np.ndarray, scores: np.ndarray) -> np.ndarray:
        """L for the pairs of query i and row x that have the given scores."""
        a, b = queries.length[i], self.length[x]
        margin = 2 * self.error * (a * b - self.offset[x]) + self.final_error * (a * a + b * b)
        return np.asarray(scores - margin - self.underflow_loss(a))

    def _set_precision(self, dtype: Any) -> None:
        columns = self.X.shape[1]
        self.dtype = np.dtype(dtype).type
        self.is_sharpest = self.dtype == np.float64
        self.error = 2 * rounding_bound(columns + 10, dtype)
        self.final_error = (8 if self.placement.cosine else 4) * rounding_bound(columns + 10, np.float64)
        self.underflow = 16 * (columns + 10) * (float(np.finfo(dtype).tiny) + self.placement.hidden)
        self.longest = 1e15 if self.dtype == np.float32 else 1e150
