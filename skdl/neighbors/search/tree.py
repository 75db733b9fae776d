"""The search by a k-d tree, for few columns.

A tree's time is that of waiting for memory: rows are stored in the order of a first, quickly built tree, so that those
of a leaf lie together, and queries are answered in such an order too, so that the next one needs what is in the cache.
This halves the time at eight columns.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.spatial import cKDTree

from skdl._array import take_rows
from skdl.neighbors.bounds.distances import DistanceBound, MinkowskiMargins
from skdl.neighbors.bounds.rounding import rounding_bound
from skdl.neighbors.metrics.metric import Minkowski
from skdl.neighbors.search.base import BlockSearch
from skdl.neighbors.search.ranking import Ranking
from skdl.neighbors.search.scan import ScanSearch

LEAF = 32
BLOCK = 2**14  # proposed rows at a time, in memory that is used again


class TreeSearch(BlockSearch):
    """scipy's tree proposes; it is asked for more where the last neighbour is tied, to rounding, with the next row."""

    name = "kd_tree"
    query_rows = 1 << 15
    widths = 1, 4, 16  # times k + 1 rows; queries with still more ties are scanned, whose memory is bounded

    def __init__(self, X: np.ndarray, metric: Minkowski):
        super().__init__(X, metric)
        self.order = MinkowskiMargins(X, metric.exponent)
        rows = self.order.in_unit(X)
        order = spatial_order(rows)
        # From the tree's numbers to X's; one past the rows stands for "none" in both.
        self.number = np.append(order, X.shape[0])
        self.tree = self._build_tree()
        self.scan = ScanSearch(X, metric, [DistanceBound(X, metric)])
        # The tree adds and subtracts powers along up to about 100 levels; a tie within this counts as possible.
        self.error = self.order.spread * (1 + self.order.error + 4 * rounding_bound(512, np.float64)) - 1

    def _build_tree(self) -> cKDTree:
        return cKDTree(self.order.in_unit(self.X)[self.number[:-1]], leafsize=LEAF)

    # Formats without pickle cannot hold a tree of compiled code, and a file must not be able to make one up: its nodes
    # are places in memory. The rows and their order are all that it is built from.
    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "tree"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self.tree = self._build_tree()

    def bytes_per_query(self, k: int, budget: int) -> int:
        return int(256 * (k + 1) + 64 * self.X.shape[1] * (k + 1))

    def nearest(self, Q: np.ndarray, k: int, budget: int) -> tuple[np.ndarray, np.ndarray]:
        ranking = Ranking(self.X, self.metric, Q, k, budget)
        queries = self.order.in_unit(ranking.queries)
        undecided = spatial_order(queries)
        for width in self.widths:
            size = max(1, min(BLOCK // (width * (k + 1)), budget // self.bytes_per_query(width * (k + 1), budget)))
            rest = [self._propose(ranking, queries, part, width * (k + 1)) for part in split_blocks(undecided, size)]
            undecided = np.concatenate([undecided[:0], *rest])
        for part in split_blocks(undecided, max(1, budget // self.scan.bytes_per_query(k, budget))):
            ranking.distances[part], ranking.indices[part] = self.scan.nearest(Q[part], k, budget)
        return ranking.distances, ranking.indices

    def _propose(self, ranking: Ranking, queries: np.ndarray, part: np.ndarray, width: int) -> np.ndarray:
        """Rank what the tree finds for the queries `part`; returns those that it leaves undecided."""
        n_rows, k = self.X.shape[0], ranking.distances.shape[1]
        width = min(width, n_rows)
        found, placed = self.tree.query(take_rows(queries, part), range(1, width + 1), p=self.order.bounding)
        x = take_rows(self.number, placed)
        reach = found[:, k - 1] * (1 + self.error) + self.order.underflow
        # The columns ascend, and an index past the rows stands for "none", last: all further powers overflow.
        decided = ((found[:, -1] > reach) | (width == n_rows)) & (x[:, k - 1] < n_rows)
        exactly = decided.copy()
        if width > k:
            exactly &= (found[:, k] > reach) | (x[:, k] == n_rows)
        self._fill(ranking, part[exactly], x[exactly, :k], placed[exactly, :k])
        others = np.flatnonzero(decided & ~exactly)
        i, column = np.nonzero((found[others] <= reach[others, None]) & (x[others] < n_rows))
        ranking.add(part[others[i]], x[others[i], column])
        return np.asarray(part[~decided])

    def _fill(self, ranking: Ranking, i: np.ndarray, x: np.ndarray, placed: np.ndarray) -> None:
        """Put exactly the k nearest of the queries i in order: sorting rows, which the tree left nearly sorted."""
        n_queries, k = x.shape
        # From the tree's copy of the rows, where those of one query lie near each other.
        if self.order.unit == 1:
            distances = ranking.exact(np.repeat(i, k), placed.ravel(), self.tree.data)
        else:
            distances = ranking.exact(np.repeat(i, k), x.ravel())
        falls = distances[1:] <= distances[:-1]
        falls[k - 1 :: k] = False  # from one query's last neighbour to the next query's first
        mixed = np.unique(np.flatnonzero(falls) // k)
        distances = distances.reshape(n_queries, k)
        order = np.lexsort((x[mixed], distances[mixed]))
        distances[mixed] = np.take_along_axis(distances[mixed], order, axis=1)
        x[mixed] = np.take_along_axis(x[mixed], order, axis=1)
        ranking.distances[i], ranking.indices[i] = distances, x


def spatial_order(X: np.ndarray) -> np.ndarray:
    """An order of the rows in which neighbours are near each other."""
    return np.asarray(cKDTree(X, leafsize=LEAF, balanced_tree=False, compact_nodes=False).indices)


def split_blocks(items: np.ndarray, size: int) -> list[np.ndarray]:
    return [items[start : start + size] for start in range(0, items.shape[0], size)]
