r"""Cheap scores that bound the true closeness from both sides, so that most rows need no exact distance.

A bound gives for a query q and a row x a score U(q, x), larger for closer rows, and a guaranteed score L(q, x), with

    if x belongs to the k nearest by `Metric.between`, then U(q, x) >= min over y in K of L(q, y)

for *any* k rows K. A search keeps what passes and lets `Metric.between` decide.

Proof for `ProductBound`. Let u be the unit roundoff of the working precision, g_m = m u / (1 - m u), and v, h_m the
same in float64. Let a = q - c, b = x - c for a fixed centre c, everything times a power of two (exact). Then
|q - x|^2 = |a|^2 - 2 S with S = <a, b> - |b|^2/2, so a larger S is closer.

1. Rounding a, b and |b|^2/2 to working precision and any order of summing the d + 2 products of
   [a, 1, |a|] . [b, -(1-e)|b|^2/2, e|b|], fused or not, multiplies each term by 1 + t, |t| <= g_{d+10} (Higham 2002,
   sections 3.1 and 3.4; Cauchy-Schwarz bounds the sum of absolute products by |a||b|). With M = |a||b| + |b|^2/2 the
   product U differs from S + e M by at most g_{d+10} (1 + 2e) M.
2. With e = 2 g_{d+10} <= 0.4 that is at most 0.9 e M, so S <= U <= S + 1.9 e M. (`ProductBound` gives up above.)
3. `between` sums d squares of differences and takes a root: its square is |q - x|^2 (1 + t), |t| <= h_{d+6}. If x is
   among the k nearest by it, some y in K is not closer by it, or K has all k places; so |q - x|^2 <= |q - y|^2 (1 + 3
   h_{d+6}) and S(x) >= S(y) - 1.5 h_{d+6} |q - y|^2 >= S(y) - 3 h_{d+6} (|a|^2 + |b_y|^2).
4. Underflow adds at most the smallest normal number to each operation: less than w = 8 (d + 10) tiny (1 + |a|) in all,
   since |b_j| <= 4. So L = U - 2 e M - 4 h_{d+10} (|a|^2 + |b|^2) - 2 w will do; the 0.1 e M to spare covers the
   rounding of L itself, in float64.

For the cosine a and b are directions, c = 0 and S = <a, b>: the terms in |b|^2/2 vanish, and |a| and |b| are set to 1
(also for rows of zeros, whose S = 0 matches their distance 1). `between` deviates from 1 - S by the lengths' rounding
too, at most 2 h_{d+10} in all, which step 4 covers with 8 h_{d+10}.

For `DistanceBound` the scores are distances computed by scipy: D (1 + t), |t| <= h_{d+8}, as are the ones of
`between` (differences and powers round once per column, and the root divides the error by p), up to the p-th root of
(d tiny) where powers underflow.

References: N. J. Higham, Accuracy and Stability of Numerical Algorithms, 2nd edition, SIAM 2002.
"""

from __future__ import annotations

import copy
from typing import Any, NamedTuple

import numpy as np
from scipy import sparse
from scipy.spatial.distance import cdist

from ._metrics import Cosine, Custom, Metric, Minkowski, directions, row_largest, row_sums_of_squares

FLOAT64 = np.finfo(np.float64)
BUILD_ROWS = 2048  # rows converted at a time, so that fit needs no second float64 matrix


def rounding_bound(count: float, dtype: Any) -> float:
    """g_m = m u / (1 - m u), infinite when it says nothing any more."""
    product = count * np.finfo(dtype).eps / 2
    return product / (1 - product) if product < 1 else np.inf


class Operand(NamedTuple):
    """Rows made ready for a product: themselves with any columns added, their lengths and half squared lengths."""

    rows: Any
    length: np.ndarray
    half_square: np.ndarray


class ProductBound:
    """Scores by matrix products, for Euclid's and the cosine distance.

    A dense X is first tried in float32, whatever its own precision, with its rows kept ready for the product.
    """

    def __init__(self, X: Any, metric: Metric):
        self.X, self.metric = X, metric
        self.is_sparse = sparse.issparse(X)
        n_rows, self.columns = X.shape
        self.centre = np.zeros(self.columns)
        self.factor = 1.0
        if not isinstance(metric, Cosine):
            self._place()
        self.length, self.half_square = np.empty(n_rows), np.empty(n_rows)
        self._set_precision(np.float64 if self.is_sparse else np.float32)
        stored = None if self.is_sparse else np.empty((n_rows, self.columns + 2), dtype=np.float32)
        for start in range(0, n_rows, BUILD_ROWS):
            block = slice(start, start + BUILD_ROWS)
            built = self._training_operand(X[block])
            self.length[block], self.half_square[block] = built.length, built.half_square
            if stored is not None:
                stored[block] = built.rows
        self.stored: np.ndarray | None = stored

    def in_float64(self) -> ProductBound:
        """The same bound with sharper margins at twice the cost; its rows are made ready in each search."""
        sharper = copy.copy(self)
        sharper.stored = None
        sharper._set_precision(np.float64)
        return sharper

    def prepare(self, Q: Any) -> Operand | None:
        """Queries made ready, or None if this precision cannot hold them."""
        operand = self._operand(Q)
        if self.error > 0.4 or not operand.length.max() < self.longest:
            return None
        return self._append(operand, np.ones_like(operand.length), operand.length)

    def scores(self, queries: Operand, start: int, stop: int) -> np.ndarray:
        if self.stored is not None:
            return queries.rows @ self.stored[start:stop].T
        rows = self._training_operand(self.X[start:stop]).rows
        if not self.is_sparse:
            return queries.rows @ rows.T
        scores = (queries.rows @ rows.T).toarray()
        scores += queries.length[:, None] * (self.error * self.length[start:stop])
        scores -= (1 - self.error) * self.half_square[start:stop]
        return scores

    def guaranteed(self, queries: Operand, i: np.ndarray, x: np.ndarray, scores: np.ndarray) -> np.ndarray:
        """L for the pairs of query i and row x that have the given scores."""
        a, b = queries.length[i], self.length[x]
        margin = 2 * self.error * (a * b + self.half_square[x]) + self.final_error * (a * a + b * b)
        return scores - margin - self.underflow * (1 + a)

    def _place(self) -> None:
        """Choose the centre and the power of two; any would be right, these make the margins small."""
        largest = float(max(row_largest(self.X[i : i + BUILD_ROWS]).max() for i in self._starts()))
        if not self.is_sparse and largest < 1e290:  # a sum of larger rows could overflow
            self.centre = self.X.mean(axis=0, dtype=np.float64)
            largest = float(max(row_largest(self._placed(self.X[i : i + BUILD_ROWS])).max() for i in self._starts()))
        self.factor = 2.0 ** -np.clip(np.frexp(largest)[1], -1022, 1022)

    def _starts(self) -> range:
        return range(0, self.X.shape[0], BUILD_ROWS)

    def _placed(self, X: Any) -> Any:
        with np.errstate(over="ignore", under="ignore"):  # too long a query is refused by `prepare`
            if self.is_sparse:
                return X.astype(np.float64) * self.factor
            return (X - self.centre) * self.factor

    def _operand(self, X: Any) -> Operand:
        if isinstance(self.metric, Cosine):
            rows, length = directions(X), np.ones(X.shape[0])
            return Operand(rows.astype(self.dtype), length, np.zeros_like(length))
        rows = self._placed(X)
        with np.errstate(over="ignore", under="ignore"):
            square = row_sums_of_squares(rows)
            return Operand(rows.astype(self.dtype), np.sqrt(square), square / 2)

    def _training_operand(self, X: Any) -> Operand:
        operand = self._operand(X)
        return self._append(operand, -(1 - self.error) * operand.half_square, self.error * operand.length)

    def _append(self, operand: Operand, *columns: np.ndarray) -> Operand:
        if self.is_sparse:  # added after the product instead: the columns are full
            return operand
        return operand._replace(rows=np.column_stack([operand.rows, *columns]).astype(self.dtype, copy=False))

    def _set_precision(self, dtype: Any) -> None:
        self.dtype = np.dtype(dtype)
        self.error = 2 * rounding_bound(self.columns + 10, dtype)
        cosine = isinstance(self.metric, Cosine)
        self.final_error = (8 if cosine else 4) * rounding_bound(self.columns + 10, np.float64)
        self.underflow = 16 * (self.columns + 10) * float(np.finfo(dtype).tiny)
        self.longest = 1e15 if self.dtype == np.float32 else 1e150  # beyond, squares and products may overflow


class DistanceBound:
    """Scores by the distances themselves, negated: Minkowski's of any order through scipy, or a user's function."""

    def __init__(self, X: np.ndarray, metric: Metric):
        self.X, self.metric = X, metric
        self.error = self.underflow = 0.0
        if isinstance(metric, Minkowski):
            self.error = 4 * rounding_bound(X.shape[1] + 16, np.float64)
            self.underflow = minkowski_underflow(X.shape[1], metric)

    def prepare(self, Q: np.ndarray) -> np.ndarray:
        return Q.astype(np.float64)

    def scores(self, queries: np.ndarray, start: int, stop: int) -> np.ndarray:
        rows = self.X[start:stop].astype(np.float64)
        if isinstance(self.metric, Custom):
            pairs = [self.metric.between(np.broadcast_to(query, rows.shape), rows) for query in queries]
            return -np.stack(pairs)
        p = self.metric.exponent
        assert p is not None
        name = {1: "cityblock", np.inf: "chebyshev"}.get(p)
        distances = cdist(queries, rows, name) if name else cdist(queries, rows, "minkowski", p=p)
        distances *= -(1 - self.error)
        distances += self.underflow
        return distances

    def guaranteed(self, queries: np.ndarray, i: np.ndarray, x: np.ndarray, scores: np.ndarray) -> np.ndarray:
        return scores * ((1 + self.error) / (1 - self.error)) - 4 * self.underflow


def minkowski_underflow(columns: int, metric: Minkowski) -> float:
    """What powers below the smallest normal number can hide of the difference of two computed distances."""
    p = metric.exponent
    assert p is not None
    return 0.0 if np.isinf(p) else 2 * (columns * float(FLOAT64.tiny)) ** (1 / p)
