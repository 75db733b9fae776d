"""Rows that occur several times are searched once.

Each group of equal rows stands for its members, and is searched by its first one. The k nearest rows are members of the
k groups that are first by distance, then by first member: were a row's group not among these, the first members of k
others would come before it. So of the groups found only the k first members each are ordered by index. Fewer groups do
if the last one is farther than those before it that have k members: most queries of large groups need no more.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from scipy import sparse

from skdl.neighbors.bounds.placement import row_blocks, sample_rows
from skdl.neighbors.metrics.metric import Metric
from skdl.neighbors.search.base import Search, working_memory
from skdl.neighbors.search.groups import ranks_in_group

WIDE = 128  # columns: where a large sample of rows would take as long as answering many queries
SHARE = 0.01  # of a sample's rows that repeat another one: fewer cost no search much


class RowGroups(NamedTuple):
    """Groups of equal rows in the order of their first members, and their members in increasing order."""

    members: np.ndarray
    starts: np.ndarray
    counts: np.ndarray

    @property
    def first(self) -> np.ndarray:
        return np.asarray(self.members[self.starts])


class DuplicateRowsSearch(Search):
    """A search among the first members of groups of equal rows, and the groups."""

    def __init__(self, X: Any, metric: Metric, inner: Search, groups: RowGroups):
        super().__init__(X, metric)
        self.name, self.inner, self.groups = inner.name, inner, groups

    def query(self, Q: Any, k: int, n_jobs: int | None = None) -> tuple[np.ndarray, np.ndarray]:
        most = min(k, self.groups.counts.size)
        # So many groups have k members, whichever they are; and one more.
        few = int(np.searchsorted(np.cumsum(np.sort(self.groups.counts)), k)) + 2
        if few > most // 4:  # would save less than asking twice costs
            return self._answers(*self.inner.query(Q, most, n_jobs), k)
        found, groups = self.inner.query(Q, few, n_jobs)
        distances, indices = self._answers(found, groups, k)
        reached = (np.cumsum(self.groups.counts[groups], axis=1) >= k).argmax(axis=1)
        tied = np.flatnonzero(found[:, -1] <= found[np.arange(found.shape[0]), reached])
        if tied.size:
            distances[tied], indices[tied] = self._answers(*self.inner.query(Q[tied], most, n_jobs), k)
        return distances, indices

    def _answers(self, found: np.ndarray, groups: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        n_queries = found.shape[0]
        distances, indices = np.empty((n_queries, k)), np.empty((n_queries, k), np.intp)
        size = max(1, working_memory() // (2 * 64 * k * min(k, int(self.groups.counts.max()))))
        for start in range(0, n_queries, size):
            block = slice(start, start + size)
            distances[block], indices[block] = self._members(found[block], groups[block], k)
        return distances, indices

    def _members(self, distances: np.ndarray, groups: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        n_queries, n_rows = distances.shape[0], self.X.shape[0]
        counts = np.minimum(self.groups.counts[groups], k)
        enough = (np.cumsum(counts, axis=1) >= k).argmax(axis=1)
        last = distances[np.arange(n_queries), enough, None]
        counts[distances > last] = 0
        # Groups that tie for the last places give no more members than there are places.
        places_left = k - np.where(distances < last, counts, 0).sum(axis=1, keepdims=True)
        counts = np.where(distances == last, np.minimum(counts, places_left), counts)
        # One number for a query, a place among its distances and a row: sorting these is faster than by three keys.
        places = np.zeros(distances.shape, np.int64)
        np.cumsum(distances[:, 1:] != distances[:, :-1], axis=1, out=places[:, 1:])
        at_place = np.zeros(distances.shape)
        np.put_along_axis(at_place, places, distances, axis=1)
        places += np.arange(n_queries)[:, None] * distances.shape[1]
        totals, counts = counts.sum(axis=1), counts.ravel()
        part = np.repeat(np.arange(counts.size), counts)
        x = self.groups.members[self.groups.starts[groups.ravel()[part]] + ranks_in_group(part, counts.size)]
        keys = np.sort(places.ravel()[part] * n_rows + x)
        best = keys[(np.cumsum(totals) - totals)[:, None] + np.arange(k)]
        return at_place.ravel()[best // n_rows], best % n_rows


def find_duplicate_rows(X: Any) -> RowGroups | None:
    """Groups of equal rows, not all that there may be; None where a sample shows few."""
    keys = np.sort(row_hashes(sample_rows(X, 2048 if X.shape[1] <= WIDE else 512)))
    if (keys[1:] == keys[:-1]).sum() <= SHARE * keys.size:
        return None
    keys = row_hashes(X)
    order = np.argsort(keys, kind="stable")
    begins = np.concatenate([[True], keys[order[1:]] != keys[order[:-1]]])
    places = np.flatnonzero(~begins)
    for block in row_blocks(places.size, X.shape[1]):
        part = places[block]
        begins[part] = ~rows_are_equal(X[order[part]], X[order[part - 1]])
    begins = np.flatnonzero(begins)
    counts = np.diff(begins, append=order.size)
    by_first = np.argsort(order[begins])
    begins, counts = begins[by_first], counts[by_first]
    starts = np.cumsum(counts) - counts
    return RowGroups(order[np.repeat(begins - starts, counts) + np.arange(order.size)], starts, counts)


def row_hashes(X: Any) -> np.ndarray:
    """A number for each row, the same for equal rows up to rounding, and hardly ever for others."""
    weights = np.random.default_rng(0).standard_normal(X.shape[1])
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        if sparse.issparse(X):
            return np.asarray(X @ weights)
        keys = np.empty(X.shape[0])
        for block in row_blocks(*X.shape):
            rows = X[block].astype(np.float64, copy=False)
            keys[block] = rows @ weights
            if np.isnan(keys[block]).any():
                keys[block] = np.nan_to_num(rows, posinf=1, neginf=-1) @ weights
        return keys


def rows_are_equal(A: Any, B: Any) -> np.ndarray:
    if sparse.issparse(A):
        different = (A != B).tocsr()
        return np.asarray(np.diff(different.indptr) == 0)
    return np.asarray(((A == B) | (np.isnan(A) & np.isnan(B))).all(axis=1))
