"""The search that scores every row by a bound and ranks the few that can be among the nearest.

Rows are scored a block at a time, so that scores stay in the cache, and compared with the threshold of their query. It
comes from the best few rows of the first block and rises each time the number of rows seen has doubled, in which about
as many rows pass as before. What passes in the end is ranked by its exact distance.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse

from skdl.neighbors.bounds.products import NARROW
from skdl.neighbors.metrics.metric import Cosine, Metric
from skdl.neighbors.metrics.row_arithmetic import row_max_abs
from skdl.neighbors.search.base import BlockSearch
from skdl.neighbors.search.loops import FEW, best_loop, collect_loop, keep_loop, top_by_numpy, top_loop
from skdl.neighbors.search.ranking import Ranking

TRAINING_ROWS = 1024  # with 512 queries, a block of scores that stays in the cache
FIRST_ROWS, FIRST_ROWS_EACH = 256, 8  # in the first block at least, and for each neighbour: they are partitioned
GROWTH = 2
CROWD = 64  # pairs of a query, besides 4 k, that a tight bound leaves open: perhaps its best rows are at distance 0
PROBES = 1  # a loose bound's best rows whose exact distances set the threshold, besides as many as neighbours


class UndecidedError(ValueError):
    """No bound of a search can hold the queries, or leaves few enough rows."""


class ScanSearch(BlockSearch):
    """Tries bounds in turn: the next one takes over where one leaves too many rows or cannot hold the queries."""

    query_rows = 512  # at most 2^16, for `padded_groups`
    gains_by_loops = True

    def __init__(self, X: Any, metric: Metric, bounds: list[Any], name: str = "brute"):
        super().__init__(X, metric)
        self.bounds, self.name = bounds, name

    def bytes_per_query(self, k: int, budget: int) -> int:
        # A score, its comparison, and a pair (score, query, row and copies) if everything passes; the query itself.
        return 2 * (48 * self._training_rows(k, budget) + 40 * self._full_columns() + 128 * k)

    def nearest(self, Q: Any, k: int, budget: int) -> tuple[np.ndarray, np.ndarray]:
        if isinstance(self.metric, Cosine) and (zero := row_max_abs(Q) == 0).any():
            # At distance 1 from every row: no ties need to be ranked.
            distances, indices = np.ones((Q.shape[0], k)), np.tile(np.arange(k), (Q.shape[0], 1))
            if not zero.all():
                distances[~zero], indices[~zero] = self._nearest(Q[~zero], k, budget)
            return distances, indices
        return self._nearest(Q, k, budget)

    def _nearest(self, Q: Any, k: int, budget: int) -> tuple[np.ndarray, np.ndarray]:
        # Ranking a pair costs about as much as scoring 40 rows: beyond that a sharper bound is the cheaper way. What
        # follows the sharpest one serves queries that it cannot hold; pairs that are tied it would leave open too.
        n_rows = self.X.shape[0]
        limit = Q.shape[0] * (n_rows // 40)
        for bound in self.bounds:
            found = self._scan(bound, Q, k, budget, np.inf if bound.is_sharpest else limit)
            if found is not None:
                return found.distances, found.indices
        # Of sparse rows, and in a direct search: otherwise the last bound is the distances themselves.
        raise UndecidedError("X holds values more than 1e150 times farther out than the training data: rescale X.")

    def _scan(self, bound: Any, Q: Any, k: int, budget: int, limit: float) -> Ranking | None:
        """The ranking of all rows by a bound; None if it cannot hold the queries or leaves more than `limit` pairs."""
        queries = bound.prepare(Q)
        if queries is None:
            return None
        n_rows, n_queries = self.X.shape[0], Q.shape[0]
        few = n_queries * 4 * k
        capacity = max(n_queries * 2 * k, budget // 4 // 64)
        size = self._training_rows(k, budget)
        room = min(capacity + n_queries * size, n_queries * n_rows)
        candidates = Candidates(bound, queries, Ranking(self.X, self.metric, Q, k, budget), room)
        buffer = np.empty(n_queries * size, dtype=bound.dtype)
        tightened_at = first = min(size, max(FIRST_ROWS, FIRST_ROWS_EACH * k))
        for start in (0, *range(first, n_rows, size)):  # in increasing order, on which ties rely
            stop = min(start + size if start else first, n_rows)
            out = buffer[: (stop - start) * n_queries].reshape(stop - start, n_queries)
            candidates.collect(bound.scores(queries, start, stop, out), start)
            is_crowded = candidates.count > (capacity if start else few)  # at first, with ties of an exact bound
            if stop >= GROWTH * tightened_at or stop == n_rows or is_crowded:
                candidates.tighten()
                tightened_at = stop
                if candidates.count > limit * stop / n_rows + few:
                    return None
                if candidates.count > capacity / 2:
                    candidates.rank()
        candidates.rank()
        return candidates.ranking

    def _training_rows(self, k: int, budget: int) -> int:
        """Rows scored at a time: enough for k neighbours, few enough that converting them fits the memory."""
        fitting = min(TRAINING_ROWS, budget // 4 // (48 * max(1, self._full_columns())), budget // (96 * 16))
        return int(min(max(k, 16, fitting), self.X.shape[0]))

    def _full_columns(self) -> int:
        """Numbers that a row takes which is not sparse, or is made full."""
        columns = int(self.X.shape[1])
        return columns if columns <= NARROW or not sparse.issparse(self.X) else 0


class Candidates:
    """Pairs of queries and rows that may be neighbours, and the score that each query's rows must reach."""

    def __init__(self, bound: Any, queries: Any, ranking: Ranking, room: int):
        self.bound, self.queries, self.ranking = bound, queries, ranking
        self.n_queries, self.k = ranking.distances.shape
        self.threshold = np.full(self.n_queries, -np.inf)
        self.i, self.x = np.empty(room, np.intp), np.empty(room, np.intp)
        self.scores = np.empty(room, bound.dtype)
        self.count = 0

    def collect(self, scores: np.ndarray, start: int) -> None:
        """Keep what reaches the threshold in the scores of the rows from `start` on and all queries."""
        scores = np.ascontiguousarray(scores)
        if start == 0:
            self._first_threshold(scores)
        # Rounded down to the scores' precision: comparing mixed precisions would copy all of the scores. Of an exact
        # bound, what only ties with the threshold comes too late, but among the first rows, which set it.
        with np.errstate(over="ignore"):
            later = self.bound.is_exact and start > 0
            side = scores.dtype.type(np.inf if later else -np.inf)
            threshold = np.nextafter(self.threshold.astype(scores.dtype), side)
        self.count = collect_loop().run(scores, threshold, start, self.i, self.x, self.scores, self.count)

    def tighten(self) -> None:
        """Raise each threshold by the best pairs and drop what is below."""
        i, x, scores = self._pairs()
        if self.bound.is_exact:
            kth, keep = self._best(i, scores, self.k)
            self.threshold = np.maximum(self.threshold, kth)
            self._keep(keep)
            return
        probed = np.ones(self.n_queries, dtype=bool)
        if self.bound.is_tight:
            low = self.bound.lower_scores(self.queries, i, x, scores.astype(np.float64))
            kth, _ = self._best(i, low, self.k)
            self.threshold = np.maximum(self.threshold, kth)
            self._keep(np.ones(i.size, dtype=bool))
            i, x, scores = self._pairs()
            probed = np.bincount(i, minlength=self.n_queries) > CROWD + 4 * self.k
        if not probed.any():
            return
        _, best = self._best(i, scores, self.k + PROBES)
        best &= probed[i]
        self._probe(i[best], x[best])
        # Nothing is nearer than at distance 0, and of what is there the first rows suffice.
        zero = self.ranking.distances[:, -1] == 0
        if zero.any():
            earlier = zero[i] & ~best & (x < self.ranking.indices[i, -1])
            self.ranking.add(i[earlier], x[earlier])
            self.threshold[zero] = np.inf
        self._keep(~best)

    def rank(self) -> None:
        """Rank the pairs; none is kept."""
        i, x, _ = self._pairs()
        self.ranking.add(i, x)
        self.count = 0

    def _pairs(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return self.i[: self.count], self.x[: self.count], self.scores[: self.count]

    def _best(self, i: np.ndarray, scores: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        kth, best = np.empty(self.n_queries, scores.dtype), np.empty(i.size, dtype=bool)
        best_loop().run(i, scores, k, kth, best)
        return kth, best

    def _keep(self, keep: np.ndarray) -> None:
        self.count = keep_loop().run(self.i, self.x, self.scores, keep, self.threshold, self.count)

    def _first_threshold(self, scores: np.ndarray) -> None:
        few = self.k if self.bound.is_tight else min(self.k + PROBES, len(scores))
        top = np.empty((self.n_queries, few), np.intp)
        (top_loop().run if few <= FEW else top_by_numpy)(scores, top)
        if self.bound.is_exact:
            self.threshold = scores[top[:, -1], np.arange(self.n_queries)].astype(np.float64)
            return
        i, x = np.repeat(np.arange(self.n_queries), few), top.ravel()
        if self.bound.is_tight:
            low = self.bound.lower_scores(self.queries, i, x, scores[x, i].astype(np.float64))
            self.threshold = low.reshape(self.n_queries, few).min(axis=1)
        else:
            self._probe(i, x)
            scores[x, i] = np.nan  # passes no comparison: no pair may be ranked twice

    def _probe(self, i: np.ndarray, x: np.ndarray) -> None:
        self.ranking.add(i, x)
        if self.bound.is_tight:
            return
        reached = self.bound.reach(self.queries, self.ranking.distances[:, -1])
        self.threshold = np.maximum(self.threshold, reached)
