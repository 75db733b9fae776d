r"""Loose scores for Manhattan's distance from sums over groups of columns.

By the triangle inequality, for groups B that part the columns,

    sum_j |q_j - x_j| >= sum_B |sum_{j in B} (q_j - x_j)| ,

and the right side is the distance between rows of a few sums. It is near the left one if the columns of a group differ
in the same direction, as neighbouring pixels do. Ward's clustering of the columns, each taken as the vector of its
differences between random pairs of rows, looks for such groups in any data; columns that hardly vary go together. A
sample decides on their number, and on whether to use them at all.

Proof. Let a = q - c, b = x - c for a fixed centre c, and h_m as in `products`. A group's sum differs from the exact
one by at most h_{d+3} times the sum of |a_j| in it, and adding up G differences of sums has a relative error below
h_{G+3}. So the computed bound V is at most (|q - x|_1 + h_{d+3} (|a|_1 + |b|_1)) (1 + h_{G+3}). If x is among the k
nearest, and D the largest distance by `between` of any k rows, then |q - x|_1 <= D (1 + 2 h_{d+6}) and |b|_1 <= |a|_1 +
|q - x|_1. Together V <= D + 8 h_{d+G+10} (D + |a|_1), and the score -V reaches T, the negative of the right side.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.cluster.hierarchy import fcluster, ward
from scipy.spatial.distance import cdist, squareform

from skdl._threads import thread_map
from skdl.neighbors.bounds.difference_loops import manhattan_loop
from skdl.neighbors.bounds.placement import nan_mean, row_blocks, sample_rows
from skdl.neighbors.bounds.rounding import rounding_bound
from skdl.neighbors.bounds.sampling import reach_of_nearest

NUMBERS = (8, 16, 24, 32, 48, 64, 96, 128, 192, 256)  # of groups tried
MOST_COLUMNS = 2048  # clustering takes the square of these in time and memory
SAMPLE_QUERIES = 64
# What ranking a pair costs, in units of one column of `cdist`: so much, and so much for each column.
PAIR, PAIR_COLUMN = 400, 3
SCORE = 6  # and what comparing a score costs


class ColumnGroupQueries(NamedTuple):
    sums: np.ndarray  # (number of groups, number of queries)
    length: np.ndarray  # |a|_1


class ColumnGroupBound:
    """Loose scores for Manhattan's distance."""

    is_tight = is_exact = is_sharpest = False
    dtype = np.dtype(np.float64)

    def __init__(self, X: np.ndarray, groups: np.ndarray, n_threads: int = 1):
        self.centre = sample_mean(X)
        self.member = membership_matrix(groups)
        self.error = 8 * rounding_bound(sum(self.member.shape) + 10, np.float64)
        self.sums = np.empty((X.shape[0], self.member.shape[1]))

        def build(block: slice) -> None:
            with np.errstate(over="ignore", invalid="ignore"):  # of rows that no bound can hold
                np.matmul(X[block] - self.centre, self.member, out=self.sums[block])

        with thread_map(n_threads) as run:
            list(run(build, row_blocks(*X.shape)))

    def prepare(self, Q: np.ndarray) -> ColumnGroupQueries | None:
        with np.errstate(over="ignore", invalid="ignore"):
            rows = Q - self.centre
            length = np.abs(rows).sum(axis=1)
            finite = np.isfinite(length).all() and np.isfinite(self.sums).all()
            return ColumnGroupQueries(np.ascontiguousarray((rows @ self.member).T), length) if finite else None

    def scores(self, queries: ColumnGroupQueries, start: int, stop: int, out: np.ndarray) -> np.ndarray:
        manhattan_loop().run(self.sums[start:stop], queries.sums, out)
        return np.negative(out, out=out)

    def reach(self, queries: ColumnGroupQueries, distances: np.ndarray) -> np.ndarray:
        """T: what the k nearest of each query score at least, given the largest distance of any k rows."""
        with np.errstate(over="ignore"):
            return np.asarray(-(distances + self.error * (distances + queries.length)))


def membership_matrix(groups: np.ndarray) -> np.ndarray:
    """The matrix of zeros and ones (columns, groups), by which rows turn into sums: as products, at full speed."""
    return np.asarray((groups[:, None] == np.arange(groups.max() + 1)).astype(np.float64))


def sample_mean(X: np.ndarray) -> np.ndarray:
    """The mean of a sample of rows; any other centre would be as right, this one makes the sums small."""
    return nan_mean(sample_rows(X).astype(np.float64))


def column_group_bound(X: np.ndarray, k: int, n_threads: int = 1, *, always: bool = False) -> ColumnGroupBound | None:
    """The bound with the number of groups that a sample finds cheapest, or None if the distances are cheaper still."""
    n_rows, d = X.shape
    if d > MOST_COLUMNS and not always:
        return None
    sample = sample_rows(X) - sample_mean(X)
    numbers = [number for number in NUMBERS if 2 * number <= d] or [-(-d // 2)]
    partitions = cluster_columns(sample, numbers)
    pair = PAIR + PAIR_COLUMN * d
    costs = [
        number + SCORE + pair * share
        for number, share in zip(numbers, pass_rates(sample, partitions, k / n_rows), strict=True)
    ]
    best = int(np.argmin(costs))
    if not always and costs[best] > 0.5 * (d + SCORE):
        return None
    return ColumnGroupBound(X, partitions[best], n_threads)


def cluster_columns(sample: np.ndarray, numbers: list[int]) -> list[np.ndarray]:
    """A clustering of the columns for each number of groups; fewer groups are unions of more."""
    n_rows, d = sample.shape
    if d == 1 or n_rows == 1:
        return [np.arange(d) * number // d for number in numbers]
    half = n_rows // 2
    differences = sample[:half] - sample[half : 2 * half]
    largest = np.abs(differences).max()
    differences /= largest if 0 < largest < np.inf else 1
    products = differences.T @ differences
    square = np.diag(products)
    between = np.sqrt(np.maximum(square[:, None] + square - 2 * products, 0))
    np.fill_diagonal(between, 0)
    tree = ward(squareform(between, checks=False))
    return [fcluster(tree, number, "maxclust") - 1 for number in numbers]


def pass_rates(sample: np.ndarray, partitions: list[np.ndarray], nearest: float) -> list[float]:
    """The share of rows that need exact distances, for each partition; `nearest` is the share sought."""
    n_rows = sample.shape[0]
    own = np.linspace(0, n_rows - 1, min(SAMPLE_QUERIES, n_rows)).astype(int)
    diagonal = np.arange(own.size), own
    exact = cdist(sample[own], sample, "cityblock")
    exact[diagonal] = np.inf
    if n_rows == 1:
        return [nearest] * len(partitions)
    reach = reach_of_nearest(exact, nearest)[:, None]
    shares = []
    for groups in partitions:
        sums = sample @ membership_matrix(groups)
        lower = cdist(sums[own], sums, "cityblock")
        lower[diagonal] = np.inf
        shares.append(max(float((lower <= reach).mean()), nearest))
    return shares
