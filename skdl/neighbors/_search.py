"""Exact k nearest rows: by distance in float64, ties to the lowest index.

Every search proposes pairs that are certain to hold the answer and lets `Metric.between` rank them, so all of them
give the same bits, whatever the block sizes and the number of threads.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from joblib import effective_n_jobs
from scipy import sparse
from scipy.spatial import cKDTree
from sklearn import get_config

from ._bounds import DistanceBound, ProductBound, minkowski_underflow, rounding_bound
from ._metrics import Cosine, Metric, Minkowski
from ._threads import map_blocks

TREE_COLUMNS = 8  # above, a tree visits too many of its leaves
TRAINING_ROWS = 2048  # with 512 queries, a block of scores that stays in the second-level cache


def make_search(X: Any, metric: Metric) -> Search:
    """The search that suits the rows of X."""
    if isinstance(metric, Minkowski) and not sparse.issparse(X) and X.shape[1] <= TREE_COLUMNS:
        return TreeSearch(X, metric)
    return ScanSearch(X, metric)


class Search:
    """Splits queries into blocks that fit the working memory and answers them on threads."""

    query_rows: int  # queries answered together, memory permitting

    def __init__(self, X: Any, metric: Metric):
        self.X, self.metric = X, metric

    def query(self, Q: Any, k: int, n_jobs: int | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Distances (float64) and indices of the k nearest rows of each row of Q, nearest first."""
        if sparse.issparse(Q) and not Q.has_canonical_format:
            Q = Q.copy()
            Q.sum_duplicates()
        n_queries = Q.shape[0]
        n_threads = min(effective_n_jobs(n_jobs), n_queries)
        # Half of the working memory: what NumPy and SciPy allocate inside a call is not counted in the estimates.
        budget = working_memory() // (2 * n_threads)
        size = min(self.query_rows, budget // self.bytes_per_query(k, budget), -(-n_queries // n_threads))
        size = max(1, int(size))
        blocks = [slice(start, start + size) for start in range(0, n_queries, size)]
        parts = map_blocks(lambda block: self.nearest(self._like_training(Q[block]), k, budget), blocks, n_threads)
        distances, indices = (np.concatenate(part) for part in zip(*parts, strict=True))
        if np.isinf(distances).any():
            raise ValueError("The distances between rows of X overflow float64: rescale X (for example with a scaler).")
        return distances, indices

    def bytes_per_query(self, k: int, budget: int) -> int:
        """About what one query occupies while its block is answered."""
        raise NotImplementedError

    def nearest(self, Q: Any, k: int, budget: int) -> tuple[np.ndarray, np.ndarray]:
        raise NotImplementedError

    def _like_training(self, Q: Any) -> Any:
        if sparse.issparse(self.X):
            return Q if sparse.issparse(Q) else sparse.csr_array(Q)
        return Q.toarray() if sparse.issparse(Q) else Q


class Ranking:
    """The best k rows found so far for each query of a block, by exact distance, then index."""

    def __init__(self, search: Search, Q: Any, k: int, budget: int):
        self.X, self.metric, self.queries = search.X, search.metric, search.metric.represent(Q)
        self.distances = np.full((Q.shape[0], k), np.inf)
        self.indices = np.full((Q.shape[0], k), search.X.shape[0])  # sorts after every row
        # Both sides of a pair, their difference and a power of it, in float64.
        self.chunk = max(16, int(budget // 4 // (32 * Q.shape[1] + 64)))

    def add(self, i: np.ndarray, x: np.ndarray) -> None:
        """Consider row x[j] for query i[j]; no pair may come twice."""
        n_queries, k = self.distances.shape
        distances = np.empty(i.shape[0])
        for start in range(0, i.shape[0], self.chunk):
            part = slice(start, start + self.chunk)
            rows = self.metric.represent(self.X[x[part]])
            distances[part] = self.metric.between(self.queries[i[part]], rows)
        i = np.concatenate([np.repeat(np.arange(n_queries), k), i])
        x = np.concatenate([self.indices.ravel(), x])
        distances = np.concatenate([self.distances.ravel(), distances])
        order = np.lexsort((x, distances, i))
        best = order[group_starts(i, n_queries)[:, None] + np.arange(k)]
        self.distances, self.indices = distances[best], x[best]


class ScanSearch(Search):
    """Scores every row by a bound of `_bounds` and ranks the few that can be among the nearest."""

    query_rows = 512

    def __init__(self, X: Any, metric: Metric, bounds: list[Any] | None = None):
        super().__init__(X, metric)
        self.bounds = default_bounds(X, metric) if bounds is None else bounds

    def bytes_per_query(self, k: int, budget: int) -> int:
        # A score, its comparison, and a pair (score, query, row and copies) if everything passes; the query itself.
        own = 0 if sparse.issparse(self.X) else 40 * self.X.shape[1]
        return 2 * (48 * self._training_rows(k, budget) + own + 128 * k)

    def nearest(self, Q: Any, k: int, budget: int) -> tuple[np.ndarray, np.ndarray]:
        # Ranking a pair costs about as much as scoring 64 rows: beyond that a sharper bound is the cheaper way.
        n_rows = self.X.shape[0]
        limit = Q.shape[0] * (4 * k + n_rows // 64)
        for bound in self.bounds:
            is_last = bound is self.bounds[-1]
            found = self._scan(bound, Q, k, budget, np.inf if is_last else limit)
            if found is not None:
                return found.distances, found.indices
        raise ValueError("X holds values more than 1e150 times as far off as the training data reach: rescale X.")

    def _scan(self, bound: Any, Q: Any, k: int, budget: int, limit: float) -> Ranking | None:
        """All rows in blocks; None if the bound is of no use for these queries or leaves more than `limit` pairs."""
        queries = bound.prepare(Q)
        if queries is None:
            return None
        n_rows, n_queries = self.X.shape[0], Q.shape[0]
        ranking = Ranking(self, Q, k, budget)
        pairs = Pairs(bound, queries, n_queries, k)
        capacity = max(n_queries * 2 * k, budget // 4 // 64)
        size = self._training_rows(k, budget)
        tightened_at = size
        for start in range(0, n_rows, size):
            stop = min(start + size, n_rows)
            pairs.collect(bound.scores(queries, start, stop), start)
            # The number that passes while the rows seen double is about constant for rows in random order.
            if stop >= 2 * tightened_at or stop == n_rows or pairs.count > capacity:
                pairs.tighten()
                tightened_at = stop
                if pairs.count > limit:
                    return None
                if pairs.count > capacity / 2:
                    ranking.add(*pairs.take())
        ranking.add(*pairs.take())
        return ranking

    def _training_rows(self, k: int, budget: int) -> int:
        """Rows scored at a time: enough for k neighbours, few enough that converting them fits the memory."""
        columns = 1 if sparse.issparse(self.X) else self.X.shape[1]
        fitting = min(TRAINING_ROWS, budget // 4 // (48 * columns), budget // (96 * 16))
        return int(min(max(k, 16, fitting), self.X.shape[0]))


def default_bounds(X: Any, metric: Metric) -> list[Any]:
    """Cheapest first; a sharper one takes over where the one before leaves too many rows."""
    if not isinstance(metric, Cosine) and metric.exponent != 2:
        return [DistanceBound(X, metric)]
    first = ProductBound(X, metric)
    return [first] if sparse.issparse(X) else [first, first.in_float64()]


class Pairs:
    """Pairs of queries and rows that may be neighbours, and the score that each query's rows must reach."""

    def __init__(self, bound: Any, queries: Any, n_queries: int, k: int):
        self.bound, self.queries, self.k = bound, queries, k
        self.threshold = np.full(n_queries, -np.inf)
        self.parts: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
        self.count = 0

    def collect(self, scores: np.ndarray, start: int) -> None:
        """Keep what reaches the threshold in the scores of all queries and the rows from `start` on."""
        n_queries, width = scores.shape
        if start == 0:
            top = np.argpartition(scores, width - self.k, axis=1)[:, width - self.k :]
            i = np.repeat(np.arange(n_queries), self.k)
            low = self.bound.guaranteed(self.queries, i, top.ravel(), scores[i, top.ravel()].astype(np.float64))
            self.threshold = low.reshape(n_queries, self.k).min(axis=1)
        # Rounded down to the scores' precision: comparing mixed precisions would copy all of the scores.
        threshold = np.nextafter(self.threshold.astype(scores.dtype), scores.dtype.type(-np.inf))
        hits = np.flatnonzero(scores >= threshold[:, None])
        i, x = np.divmod(hits, width)
        self.parts.append((i, x + start, scores.ravel()[hits]))
        self.count += hits.shape[0]

    def tighten(self) -> None:
        """Raise each threshold to its k-th best guaranteed score and drop what is below."""
        i, x, scores = self._join()
        n_queries = self.threshold.shape[0]
        low = self.bound.guaranteed(self.queries, i, x, scores.astype(np.float64))
        counts = np.bincount(i, minlength=n_queries)
        full = counts >= self.k
        kth = np.lexsort((-low, i))[group_starts(i, n_queries)[full] + self.k - 1]
        self.threshold[full] = np.maximum(self.threshold[full], low[kth])
        keep = scores >= self.threshold[i]
        self.parts = [(i[keep], x[keep], scores[keep])]
        self.count = int(keep.sum())

    def take(self) -> tuple[np.ndarray, np.ndarray]:
        """The pairs, to be ranked; none is kept."""
        i, x, _ = self._join()
        self.parts, self.count = [], 0
        return i, x

    def _join(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        if not self.parts:
            empty = np.empty(0, dtype=np.intp)
            return empty, empty, np.empty(0)
        i, x, scores = (np.concatenate(part) for part in zip(*self.parts, strict=True))
        return i, x, scores


class TreeSearch(Search):
    """A k-d tree proposes; it is asked for more where the last neighbour is tied, to rounding, with the next row."""

    query_rows = 8192
    widths = 1, 4, 16  # times k + 1 rows; queries with still more ties are scanned, whose memory is bounded

    def __init__(self, X: np.ndarray, metric: Minkowski):
        super().__init__(X, metric)
        self.tree = cKDTree(X.astype(np.float64, copy=False), leafsize=32)
        self.scan = ScanSearch(X, metric, [DistanceBound(X, metric)])
        # The tree adds and subtracts powers along up to about 100 levels; a tie within this counts as possible.
        self.error = 4 * rounding_bound(X.shape[1] + 512, np.float64)
        self.underflow = minkowski_underflow(X.shape[1], metric)

    def bytes_per_query(self, k: int, budget: int) -> int:
        return 256 * (k + 1) + 64 * self.X.shape[1]

    def nearest(self, Q: np.ndarray, k: int, budget: int) -> tuple[np.ndarray, np.ndarray]:
        ranking = Ranking(self, Q, k, budget)
        undecided = np.arange(Q.shape[0])
        for width in self.widths:
            size = max(1, budget // self.bytes_per_query(width * (k + 1), budget))
            rest = [self._propose(ranking, Q, part, k, width * (k + 1)) for part in in_blocks(undecided, size)]
            undecided = np.concatenate([undecided[:0], *rest])
        for part in in_blocks(undecided, max(1, budget // self.scan.bytes_per_query(k, budget))):
            ranking.distances[part], ranking.indices[part] = self.scan.nearest(Q[part], k, budget)
        return ranking.distances, ranking.indices

    def _propose(self, ranking: Ranking, Q: np.ndarray, part: np.ndarray, k: int, width: int) -> np.ndarray:
        """Rank what the tree finds for the queries `part`; returns those that it leaves undecided."""
        width = min(width, self.X.shape[0])
        distances, x = self.tree.query(Q[part].astype(np.float64), range(1, width + 1), p=self.metric.exponent)
        reach = distances[:, k - 1] * (1 + self.error) + self.underflow
        decided = (distances[:, -1] > reach) | (width == self.X.shape[0])
        # An index past the rows stands for "none": all further distances overflow.
        keep = (distances <= reach[:, None]) & decided[:, None] & (x < self.X.shape[0])
        i, column = np.nonzero(keep)
        ranking.add(part[i], x[i, column])
        return part[~decided]


def in_blocks(items: np.ndarray, size: int) -> list[np.ndarray]:
    return [items[start : start + size] for start in range(0, items.shape[0], size)]


def group_starts(i: np.ndarray, n_groups: int) -> np.ndarray:
    """Where each group begins once the group numbers i are sorted."""
    counts = np.bincount(i, minlength=n_groups)
    return np.cumsum(counts) - counts


def working_memory() -> int:
    """scikit-learn's setting for temporary arrays, in bytes."""
    return int(get_config()["working_memory"] * 2**20)
