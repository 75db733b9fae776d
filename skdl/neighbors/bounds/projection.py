r"""Loose scores from a few leading directions: most rows are seen to be far from r + 3 numbers instead of d + 2.

For orthonormal directions P (d, r), with R the projection onto what is orthogonal to them, Pythagoras and the triangle
inequality give

    |q - x|^2 = |P'(q - x)|^2 + |R(q - x)|^2 >= |P'q - P'x|^2 + (|Rq| - |Rx|)^2,

and all of it is one product again, with r numbers and the length of the rest for each row. Where the leading principal
directions hold most of the variance, as in images, the few rows that pass need exact distances; where no directions
lead, as in isotropic data, nearly all pass. So a sample of the rows decides on r, and on whether to project at all.

Proof. In the notation of `products`, let a and b be the placed rows, s_b the computed P'b and rho_b
the root of max(0, |b|^2 - |s_b|^2) + eta |b|^2.

1. Rows are placed in X's own precision, and sums over their columns are taken in it over `PIECE` columns at a time,
   then in float64: let p be the sum of g_{PIECE+6} in that precision and of h_{d+10}. Let delta bound the 2-norm of
   P'P - I. Then an orthonormal O (the polar factor of P) has |P - O| <= delta, and |s_b - O'b| <= tau |b| with
   tau = delta + sqrt(r) (1 + delta) p. So |O'b|^2 >= |s_b|^2 - 3 tau |b|^2, and the rest's squared length
   |b|^2 - |O'b|^2 is at most rho_b^2 if eta = 5 (tau + h_{d+r+10}), which covers the rounding of the squares and of the
   root too.
2. So S = <a, b> + s <= <O'a, O'b> + rho_a rho_b + s <= <s_a, s_b> + rho_a rho_b + s + 3 tau |a||b|.
3. U, the product in float32 of [s_a, rho_a, 1, |a|] . [s_b, rho_b, s + e|s|, e|b|], has r + 3 terms whose absolute
   values sum to at most (1 + 2e) M if e >= 5 (tau + h_{d+r+10}), since |s_b|^2 + rho_b^2 <= (1 + 3 tau + eta) |b|^2.
   With e = 2 g_{r+13} + 5 (tau + h_{d+r+10}) <= 0.4 its rounding takes at most g_{r+13} (1 + 2e) M, step 2 takes
   3 tau M, and the rounding of |b|^2 in s and of |a||b| at most tau |s| + 2 p e M <= 2 tau M, all from the e M that is
   added: so U >= S.
4. Let x be among the k nearest, and D the largest distance (by `between`) of any k rows. For Euclid's distance
   |q - x|^2 <= D^2 (1 + 2 h_{d+6}) and S = (|a|^2 - |a - b|^2) / 2, so with F = D times the power of two
   U >= T = (|a|^2 - F^2) / 2 - 4 p (|a|^2 + F^2) - 2 w, where w has a factor sqrt(d) more than in
   `products`, for the r components of s_b.
   For the cosine a and b are the directions less a centre c, s = <c, b>, and S = 1 - D' - <a, c> - |c|^2 for the
   distance D' of x, so T = 1 - D - <a, c> - |c|^2 - 16 h_{d+10} - 2 w: 4 h for the lengths of the directions and for
   `between`, 6 h for the three products with c, and 2 h for the rest.

References: N. Halko, P. G. Martinsson and J. A. Tropp, Finding structure with randomness, SIAM Review 53 (2011), for
the directions; they decide on speed only.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from skdl.neighbors.bounds.placement import Placement, sample_rows
from skdl.neighbors.bounds.products import Operand, ProductScores
from skdl.neighbors.bounds.rounding import rounding_bound
from skdl.neighbors.bounds.sampling import reach_of_nearest
from skdl.neighbors.metrics.metric import Metric

WIDTHS = (16, 32, 48, 64, 80, 96, 112, 128)  # numbers of directions tried
SAMPLE_QUERIES = 64
PIECE = 196  # columns summed in X's precision: few enough for small margins, enough for the products' full speed
# What ranking a pair costs, in units of one column of a product with one row: so much, and so much for each column. It
# is between what a compiled loop takes and what NumPy does, a factor of three apart.
PAIR, PAIR_COLUMN = 4000, 45
SCORE = 10  # and what comparing a score costs


class ProjectionBound(ProductScores):
    """Loose scores for Euclid's and the cosine distance from projections."""

    is_tight = is_sharpest = False
    dtype = np.float32
    longest = 1e15

    def __init__(self, X: np.ndarray, placement: Placement, directions: np.ndarray, n_threads: int = 1):
        super().__init__(X)
        self.placement = placement
        d, r = directions.shape
        self.working = np.float64 if placement.cosine else X.dtype.type
        self.directions = directions.astype(self.working)
        double = rounding_bound(d + 10, np.float64)
        pieces = rounding_bound(PIECE + 6, self.working) + double
        # The Frobenius norm is at least the 2-norm; the last term covers the rounding of this product itself.
        exactly = self.directions.astype(np.float64)
        defect = float(np.linalg.norm(exactly.T @ exactly - np.eye(r))) + 2 * r * double
        tau = defect + np.sqrt(r) * (1 + defect) * pieces + rounding_bound(d + r + 10, np.float64)
        self.eta = 5 * tau
        self.error = 2 * rounding_bound(r + 13, np.float32) + 5 * tau
        self.final_error = 16 * double if placement.cosine else 4 * pieces
        self.underflow = 16 * (d + 10) * (float(np.finfo(np.float32).tiny) + placement.hidden) * np.sqrt(d)
        self.store(n_threads)

    def operand(self, X: np.ndarray) -> Operand:
        rows = self.placement(X, self.working)
        with np.errstate(over="ignore", under="ignore", invalid="ignore"):
            square, leading = np.zeros(X.shape[0]), np.zeros((X.shape[0], self.directions.shape[1]))
            for start in range(0, X.shape[1], PIECE):
                part = rows[:, start : start + PIECE]
                square += np.einsum("ij,ij->i", part, part)
                leading += part @ self.directions[start : start + PIECE]
            rest = square - np.einsum("ij,ij->i", leading, leading)
            rest = np.sqrt(np.maximum(rest, 0) + self.eta * square)
            offset = rows @ self.placement.centre if self.placement.cosine else square / -2
            return Operand(np.column_stack([leading, rest]), np.sqrt(square), offset)

    def reach(self, queries: Operand, distances: np.ndarray) -> np.ndarray:
        """T: what the k nearest of each query score at least, given the largest distance of any k rows."""
        margin = self.underflow_loss(queries.length)
        if self.placement.cosine:
            centre = self.placement.centre
            return np.asarray(1 - distances - queries.offset - centre @ centre - self.final_error - margin)
        with np.errstate(over="ignore", under="ignore"):
            square, reach = np.square(queries.length), np.square(distances * self.placement.factor)
        return np.asarray((square - reach) / 2 - self.final_error * (square + reach) - margin)


def projection_bound(
    X: np.ndarray, metric: Metric, k: int, n_threads: int = 1, *, always: bool = False
) -> ProjectionBound | None:
    """The bound with the number of directions that a sample finds cheapest, or None if whole products are cheaper."""
    n_rows, d = X.shape
    placement = Placement(X, metric)
    sample = placement(sample_rows(X), X.dtype.type)
    if not always and d > max(WIDTHS):  # whether any structure is in sight, by a few rows
        directions = leading_directions(sample[::8], 64)
        share = pass_rates(sample[::4], directions, [64], k / n_rows)[0]
        if 64 + SCORE + (PAIR + PAIR_COLUMN * d) * share > 2 * (d + SCORE):
            return None
    directions = leading_directions(sample[::2], min(max(WIDTHS), -(-d // 2)))  # half of it does for these
    widest = directions.shape[1]
    widths = [width for width in WIDTHS if width < widest] + [widest]
    pair = PAIR + PAIR_COLUMN * d
    costs = [
        width + SCORE + pair * share
        for width, share in zip(widths, pass_rates(sample, directions, widths, k / n_rows), strict=True)
    ]
    best = int(np.argmin(costs))
    if not always and costs[best] > 0.8 * (d + SCORE):
        return None
    return ProjectionBound(X, placement, np.ascontiguousarray(directions[:, : widths[best]]), n_threads)


def leading_directions(sample: np.ndarray, width: int) -> np.ndarray:
    """About the leading principal directions of the sample, the first one first, by randomised subspace iteration."""
    rows = sample.astype(np.float32, copy=False)
    n_rows, d = rows.shape
    noise = np.random.default_rng(0).standard_normal((n_rows, min(width + 8, d)), dtype=np.float32)
    basis = np.linalg.qr(rows.T @ noise)[0]
    basis = np.linalg.qr(rows.T @ (rows @ basis))[0]
    image = rows @ basis
    _, rotation = np.linalg.eigh(image.T @ image)  # in increasing order
    return np.linalg.qr((basis @ rotation[:, ::-1])[:, :width].astype(np.float64))[0]


def pass_rates(sample: np.ndarray, directions: np.ndarray, widths: list[int], nearest: float) -> list[float]:
    """The share of rows that need exact distances, for each number of directions; `nearest` is the share sought."""
    n_rows, d = sample.shape
    own = np.linspace(0, n_rows - 1, min(SAMPLE_QUERIES, n_rows)).astype(int)
    square = np.einsum("ij,ij->i", sample, sample)
    exact = square[own, None] + square - 2 * (sample[own] @ sample.T)
    exact[np.arange(own.size), own] = np.inf
    if n_rows == 1:
        return [nearest] * len(widths)
    reach = reach_of_nearest(exact, nearest)[:, None]
    leading = sample @ directions.astype(sample.dtype, copy=False)
    shares = []
    margin = np.outer(np.sqrt(square[own]), np.sqrt(square)) + square / 2  # M of the proof
    for width in widths:
        part = leading[:, :width]
        length = np.einsum("ij,ij->i", part, part)
        rest = np.sqrt(np.maximum(square - length, 0))
        lower = length[own, None] + length - 2 * (part[own] @ part.T) + np.square(rest[own, None] - rest)
        lower[np.arange(own.size), own] = np.inf
        open_pairs = lower <= reach + 4 * usual_error(d, width, sample.dtype) * margin
        shares.append(max(float(open_pairs.mean()), nearest))
    return shares


def usual_error(columns: int, width: int, dtype: Any) -> float:
    """About the e of a bound, whose directions are nearly orthonormal; twice U is up to 4 e M above twice S."""
    tau = np.sqrt(width) * (rounding_bound(PIECE + 6, dtype) + rounding_bound(columns + 10, np.float64))
    return 2 * rounding_bound(width + 13, np.float32) + 5 * float(tau)
