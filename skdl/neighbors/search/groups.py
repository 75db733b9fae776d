"""Pairs of queries and rows, query by query, in NumPy's calls: a query's pairs are a group, numbered below 2^16."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from skdl._array import take_rows

NO_ROW = np.iinfo(np.intp).max  # in the place of a neighbour's index where there is none yet: it sorts after every row


def merge_into(i: np.ndarray, x: np.ndarray, found: np.ndarray, distances: np.ndarray, indices: np.ndarray) -> None:
    """Rows x[j] at distance found[j] of query i[j] among the nearest of each query, which stay in order."""
    k = distances.shape[1]
    found, x = np.append(found, np.inf), np.append(x, NO_ROW)
    for queries, places in padded_groups(i, distances.shape[0]):
        D, rows = take_rows(found, places), take_rows(x, places)
        if D.shape[1] < k or (indices[queries, 0] < NO_ROW).any():
            D, rows = np.hstack([distances[queries], D]), np.hstack([indices[queries], rows])
        distances[queries], indices[queries] = k_smallest(D, rows, k)


def k_smallest(distances: np.ndarray, x: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """The k first of each row by distance, then x."""
    order = np.argsort(distances, axis=1)[:, : k + 1]
    best = np.take_along_axis(distances, order, axis=1)
    tied = np.flatnonzero((best[:, 1:] == best[:, :-1]).any(axis=1))
    order[tied] = np.lexsort((x[tied], distances[tied]))[:, : k + 1]
    return best[:, :k], np.take_along_axis(x, order[:, :k], axis=1)


def best_of_groups(i: np.ndarray, scores: np.ndarray, k: int, kth: np.ndarray, best: np.ndarray) -> None:
    """The k-th largest score of each group, -inf for want of it, and which are the k best, ties in their order."""
    n_groups = kth.size
    kth[:] = -np.inf
    negated = np.append(-scores, scores.dtype.type(np.inf))
    for groups, places in padded_groups(i, n_groups):
        if places.shape[1] >= k:
            kth[groups] = -np.partition(take_rows(negated, places), k - 1, axis=1)[:, k - 1]
    least = kth[i]
    best[:], tied = scores > least, np.flatnonzero(scores == least)
    free = k - np.bincount(i[best], minlength=n_groups)
    tied = tied[np.argsort(i[tied].astype(np.uint16), kind="stable")]
    best[tied[ranks_in_group(i[tied], n_groups) < free[i[tied]]]] = True


def padded_groups(i: np.ndarray, n_groups: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Groups of about the same size, and the places of their members in i, a row for each group.

    Rows of a table are sorted, or partitioned, far sooner than all items by group and key. They are filled up to the
    same length, at most twice their own, with the place behind the last one. Small integers are sorted by counting,
    which keeps members in their order.
    """
    order = np.append(np.argsort(i.astype(np.uint16), kind="stable"), i.size)
    counts = np.bincount(i, minlength=n_groups)
    starts = np.cumsum(counts) - counts
    sizes = np.frexp(counts)[1]
    for size in np.unique(sizes[counts > 0]):
        groups = np.flatnonzero(sizes == size)
        at = np.arange(counts[groups].max())
        yield groups, order[np.where(at < counts[groups, None], starts[groups, None] + at, i.size)]


def group_starts(i: np.ndarray, n_groups: int) -> np.ndarray:
    """The position at which each group begins once the group numbers i are sorted."""
    counts = np.bincount(i, minlength=n_groups)
    return np.cumsum(counts) - counts


def ranks_in_group(i: np.ndarray, n_groups: int) -> np.ndarray:
    """The place of each item in its group, where the group numbers i are sorted."""
    return np.asarray(np.arange(i.shape[0]) - group_starts(i, n_groups)[i])
