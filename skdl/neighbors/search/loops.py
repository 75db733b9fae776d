"""What a scan does with scores and pairs, in one pass each: as loops that are compiled, and in NumPy's calls.

Pairs are listed in three arrays: the number of a query, the number of a row and the score. Both ways keep the same ones
in the same order.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from skdl._compiled import Loop, source_of
from skdl.neighbors.search.groups import best_of_groups, merge_into

FEW = 64  # neighbours that are kept in order one by one; more are sorted with those that come


def collect_by_numpy(
    scores: np.ndarray,
    thresholds: np.ndarray,
    start: int,
    i: np.ndarray,
    x: np.ndarray,
    values: np.ndarray,
    count: int,
) -> int:
    """Append the scores of rows from `start` on that reach their query's threshold, row by row, to `count` pairs."""
    hits = np.flatnonzero(scores >= thresholds)
    stop = count + hits.size
    rows, i[count:stop] = np.divmod(hits, thresholds.size)
    x[count:stop] = rows + start
    values[count:stop] = scores.ravel()[hits]
    return stop


def collect_in_a_loop(
    scores: np.ndarray, thresholds: np.ndarray, start: int, i: np.ndarray, x: np.ndarray, values: np.ndarray, count: int
) -> int:
    # Few rows pass. Of a piece, whether any does is seen with vector instructions, for which it must be a slice.
    for row in range(scores.shape[0]):
        line = scores[row]
        for first in range(0, thresholds.size, 64):
            piece = line[first : first + 64]
            least = thresholds[first : first + 64]
            any_passes = False
            for j in range(piece.size):
                any_passes |= piece[j] >= least[j]
            if any_passes:
                for j in range(piece.size):
                    if piece[j] >= least[j]:
                        i[count] = first + j
                        x[count] = start + row
                        values[count] = piece[j]
                        count += 1
    return count


def top_by_numpy(scores: np.ndarray, top: np.ndarray) -> None:
    """Rows of the largest scores of each query, as many as `top` has columns; the least of them is last."""
    few = top.shape[1]
    # Negated, as NumPy partitions rows slowly that mostly tie before the place sought, as binary ones do.
    top[:] = np.argpartition(-scores.T, few - 1, axis=1)[:, :few]


def top_in_a_loop(scores: np.ndarray, top: np.ndarray) -> None:
    few = top.shape[1]
    values = np.empty(top.shape, scores.dtype)
    worst = np.empty(top.shape[0], scores.dtype)
    for row in range(scores.shape[0]):
        line = scores[row]
        for first in range(0, worst.size, 64):
            piece = line[first : first + 64]
            least = worst[first : first + 64]
            any_passes = row < few
            for j in range(piece.size):
                any_passes |= piece[j] > least[j]
            if any_passes:
                for j in range(piece.size):
                    if row < few or piece[j] > least[j]:
                        query = first + j
                        place = min(row, few - 1)
                        while place > 0 and piece[j] > values[query, place - 1]:
                            values[query, place] = values[query, place - 1]
                            top[query, place] = top[query, place - 1]
                            place -= 1
                        values[query, place] = piece[j]
                        top[query, place] = row
                        if row >= few - 1:
                            least[j] = values[query, few - 1]


def keep_by_numpy(
    i: np.ndarray, x: np.ndarray, values: np.ndarray, keep: np.ndarray, thresholds: np.ndarray, count: int
) -> int:
    """Drop what is not to be kept, or below the threshold, of `count` pairs; returns how many are left, in order."""
    left = np.flatnonzero(keep & (values[:count] >= thresholds[i[:count]]))
    for part in (i, x, values):
        part[: left.size] = part[left]
    return int(left.size)


def keep_in_a_loop(
    i: np.ndarray, x: np.ndarray, values: np.ndarray, keep: np.ndarray, thresholds: np.ndarray, count: int
) -> int:
    left = 0
    for pair in range(count):
        if keep[pair] and values[pair] >= thresholds[i[pair]]:
            i[left] = i[pair]
            x[left] = x[pair]
            values[left] = values[pair]
            left += 1
    return left


def best_in_a_loop(i: np.ndarray, scores: np.ndarray, k: int, kth: np.ndarray, best: np.ndarray) -> None:
    """As `best_of_groups`: each group has a heap of its k largest scores, the least one first."""
    heaps = np.empty((kth.size, k), scores.dtype)
    held = np.zeros(kth.size, np.int64)
    for item in range(i.size):
        group = i[item]
        score = scores[item]
        heap = heaps[group]
        if held[group] < k:
            place = held[group]
            held[group] += 1
            while place > 0 and heap[(place - 1) // 2] > score:
                heap[place] = heap[(place - 1) // 2]
                place = (place - 1) // 2
            heap[place] = score
        elif score > heap[0]:
            place = 0
            child = 1
            while child < k:
                if child + 1 < k and heap[child + 1] < heap[child]:
                    child += 1
                if heap[child] >= score:
                    break
                heap[place] = heap[child]
                place = child
                child = 2 * place + 1
            heap[place] = score
    free = np.zeros(kth.size, np.int64)
    for group in range(kth.size):
        kth[group] = heaps[group, 0] if held[group] == k else -np.inf
        for place in range(held[group]):
            free[group] += heaps[group, place] == kth[group]
    for item in range(i.size):
        group = i[item]
        best[item] = scores[item] > kth[group]
        if scores[item] == kth[group] and free[group] > 0:
            best[item] = True
            free[group] -= 1


def merge_in_a_loop(
    i: np.ndarray, x: np.ndarray, found: np.ndarray, distances: np.ndarray, indices: np.ndarray
) -> None:
    """As `merge_into`: each pair moves those behind it."""
    for pair in range(i.size):
        near = distances[i[pair]]
        rows = indices[i[pair]]
        distance = found[pair]
        row = x[pair]
        place = near.size - 1
        if distance < near[place] or (distance == near[place] and row < rows[place]):
            while place > 0 and (distance < near[place - 1] or (distance == near[place - 1] and row < rows[place - 1])):
                near[place] = near[place - 1]
                rows[place] = rows[place - 1]
                place -= 1
            near[place] = distance
            rows[place] = row


REALS = "float32", "float64"


@cache
def collect_loop() -> Loop:
    """The loop of `collect_in_a_loop`."""
    types = "int64({0}[:, ::1], {0}[::1], int64, int64[::1], int64[::1], {0}[::1], int64)"
    return Loop(collect_by_numpy, source_of(collect_in_a_loop), [types.format(real) for real in REALS])


@cache
def top_loop() -> Loop:
    """The loop of `top_in_a_loop`."""
    types = "void({0}[:, ::1], int64[:, ::1])"
    return Loop(top_by_numpy, source_of(top_in_a_loop), [types.format(real) for real in REALS])


@cache
def keep_loop() -> Loop:
    """The loop of `keep_in_a_loop`."""
    types = "int64(int64[::1], int64[::1], {0}[::1], boolean[::1], float64[::1], int64)"
    return Loop(keep_by_numpy, source_of(keep_in_a_loop), [types.format(real) for real in REALS])


@cache
def best_loop() -> Loop:
    """The loop of `best_in_a_loop`."""
    types = "void(int64[::1], {0}[::1], int64, {0}[::1], boolean[::1])"
    return Loop(best_of_groups, source_of(best_in_a_loop), [types.format(real) for real in REALS])


@cache
def merge_loop() -> Loop:
    """The loop of `merge_in_a_loop`."""
    types = "void(int64[::1], int64[::1], float64[::1], float64[:, ::1], int64[:, ::1])"
    return Loop(merge_into, source_of(merge_in_a_loop), [types])
