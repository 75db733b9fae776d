"""The distances of `Metric.between` for listed pairs of rows, one pair after the other, as loops that are compiled.

NumPy copies both rows of each pair, subtracts, squares and sums them in a pass each. A loop takes a pair's rows from
where they are. It sums in NumPy's order, pairwise: rows are halved, at multiples of 8 numbers, until 128 are left, and
of those the sums of every eighth number are added up. So its distances are those of `between` to the last bit.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from skdl._compiled import Loop, source_of

LEAF = 128  # numbers that NumPy sums without halving them
Pairs = Callable[[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray], None]


@cache
def halving(n: int) -> np.ndarray:
    """The leaves of a pairwise sum of n numbers: how many each holds, and how many sums are added up after it."""

    def leaves(n: int) -> list[list[int]]:
        if n <= LEAF:
            return [[n, 0]]
        half = n // 2 - n // 2 % 8
        first, second = leaves(half), leaves(n - half)
        second[-1][1] += 1
        return first + second

    steps = np.array(leaves(n), dtype=np.int64)
    steps.flags.writeable = False
    return steps


def pairwise_sum(numbers: np.ndarray, steps: np.ndarray, lanes: np.ndarray, sums: np.ndarray) -> float:
    start = 0
    depth = 0
    for step in range(steps.shape[0]):
        stop = start + steps[step, 0]
        whole = stop - steps[step, 0] % 8
        lanes[:] = 0.0
        for at in range(start, whole, 8):
            eight = numbers[at : at + 8]
            for lane in range(8):
                lanes[lane] += eight[lane]
        total = ((lanes[0] + lanes[1]) + (lanes[2] + lanes[3])) + ((lanes[4] + lanes[5]) + (lanes[6] + lanes[7]))
        for at in range(whole, stop):
            total += numbers[at]
        start = stop
        for _ in range(steps[step, 1]):
            depth -= 1
            total = sums[depth] + total
        sums[depth] = total
        depth += 1
    return sums[0]


def largest_size(numbers: np.ndarray, lanes: np.ndarray) -> float:
    whole = numbers.size - numbers.size % 8
    lanes[:] = 0.0
    for at in range(0, whole, 8):
        eight = numbers[at : at + 8]
        for lane in range(8):
            size = abs(eight[lane])
            lanes[lane] = size if size > lanes[lane] else lanes[lane]
    largest = 0.0
    for lane in range(8):
        largest = max(largest, lanes[lane])
    for at in range(whole, numbers.size):
        largest = max(largest, abs(numbers[at]))
    return largest


def euclidean_pairs(
    queries: np.ndarray, X: np.ndarray, i: np.ndarray, x: np.ndarray, steps: np.ndarray, distances: np.ndarray
) -> None:
    """Distances; NaN for those whose squares leave the range in which a plain sum says enough."""
    numbers = np.empty(queries.shape[1])
    lanes = np.empty(8)
    sums = np.empty(64)
    for pair in range(i.size):
        a = queries[i[pair]]
        b = X[x[pair]]
        for j in range(numbers.size):
            difference = a[j] - b[j]
            numbers[j] = difference * difference
        total = pairwise_sum(numbers, steps, lanes, sums)
        if total > 2.0**-960 and total < np.inf:
            distances[pair] = np.sqrt(total)
        else:
            equal = True
            for j in range(numbers.size):
                equal &= a[j] == b[j]
            distances[pair] = 0.0 if equal else np.nan


def manhattan_pairs(
    queries: np.ndarray, X: np.ndarray, i: np.ndarray, x: np.ndarray, steps: np.ndarray, distances: np.ndarray
) -> None:
    numbers = np.empty(queries.shape[1])
    lanes = np.empty(8)
    sums = np.empty(64)
    for pair in range(i.size):
        a = queries[i[pair]]
        b = X[x[pair]]
        for j in range(numbers.size):
            numbers[j] = abs(a[j] - b[j])
        distances[pair] = pairwise_sum(numbers, steps, lanes, sums)


def cosine_pairs(
    queries: np.ndarray, X: np.ndarray, i: np.ndarray, x: np.ndarray, steps: np.ndarray, distances: np.ndarray
) -> None:
    """Distances of directions, those of `queries` given, from those of rows of X, computed as `unit_rows` does."""
    numbers = np.empty(queries.shape[1])
    direction = np.empty(queries.shape[1])
    lanes = np.empty(8)
    sums = np.empty(64)
    largest = 0.0
    for pair in range(i.size):
        if pair == 0 or x[pair] != x[pair - 1]:
            b = X[x[pair]]
            for j in range(direction.size):
                direction[j] = b[j]
            largest = largest_size(direction, lanes)
            if largest > 0:
                for j in range(direction.size):
                    direction[j] = direction[j] / largest
                    numbers[j] = direction[j] * direction[j]
                length = np.sqrt(pairwise_sum(numbers, steps, lanes, sums))
                for j in range(direction.size):
                    direction[j] = direction[j] / length
        a = queries[i[pair]]
        is_zero = True
        for j in range(numbers.size):
            is_zero &= a[j] == 0
            difference = a[j] - direction[j]
            numbers[j] = difference * difference
        if is_zero or largest == 0:
            distances[pair] = 1.0
        else:
            distances[pair] = pairwise_sum(numbers, steps, lanes, sums) / 2


class PairLoop(Loop):
    """Distances of pairs, `run(queries, X, i, x, halving(d), distances)`: of queries in float64, X in either precision.

    Parameters
    ----------
    by_numpy : callable
        Computes them from the same arguments but the leaves of the sums.
    function : callable
        Does so in a loop.
    """

    def __init__(self, by_numpy: Pairs, function: Callable[..., None]):
        def run_by_numpy(
            queries: np.ndarray, X: np.ndarray, i: np.ndarray, x: np.ndarray, steps: np.ndarray, distances: np.ndarray
        ) -> None:
            by_numpy(queries, X, i, x, distances)

        def read_only(kind: str) -> str:
            return f"Array({kind}, 2, 'C', readonly=True)"

        super().__init__(
            run_by_numpy,
            source_of(pairwise_sum, largest_size, function),
            [
                f"void({read_only('float64')}, {read_only(real)}, int64[::1], int64[::1], {read_only('int64')}, "
                "float64[::1])"
                for real in ("float32", "float64")
            ],
        )

    def exchange(self, compiled: Callable[..., Any]) -> None:
        """Take the compiled form, unless it sums in another order than NumPy, which does not promise its own."""
        rows = np.sin(np.arange(1.0, 3001.0)).reshape(4, 750)
        i, x = np.divmod(np.arange(8), 4)
        expected, found = np.empty(8), np.empty(8)
        for distances, run in ((expected, self.by_numpy), (found, compiled)):
            run(rows[:2] / 3, rows, i, x, halving(750), distances)
        if np.array_equal(expected, found):
            super().exchange(compiled)
