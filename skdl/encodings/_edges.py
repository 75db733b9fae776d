"""Edges of bins: quantiles of a column, or where targets change most along it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from skdl._quantiles import weighted_quantiles

CANDIDATES = 255  # thresholds of which a tree chooses
FIRST_ROWS = 256  # which tell of most columns that their values are many
LEAST_WIDTH = 1e-30  # of a bin, whose inverse float32 holds
LEAST_LEAF = 1 / 8  # of a bin's share, were all alike: the weight of a leaf


def column_edges(
    x: np.ndarray, weight: np.ndarray | None, targets: np.ndarray, n_bins: int, bins: str
) -> Iterator[np.ndarray]:
    """Rising edges of at most n_bins bins for each column of x (n, d); one edge or none for a constant one."""
    quantiles = weighted_quantiles(x, weight, np.linspace(0, 1, n_bins + 1)).T
    first = np.sort(x[:FIRST_ROWS].T, axis=1)
    has_many = np.count_nonzero(first[:, 1:] > first[:, :-1], axis=1) > n_bins
    for column, edges, many in zip(x.T, quantiles, has_many, strict=True):
        if bins == "tree" or not many:
            known = ~np.isnan(column)
            values = np.unique(column[known])
            if bins == "tree" and len(values) > 1:
                own = None if weight is None else weight[known]
                inner = tree_thresholds(column[known], own, targets[known], n_bins)
                edges = np.array([values[0], *inner, values[-1]])
            elif len(values) <= n_bins + 1:
                edges = values
        yield _distinct(edges)


def tree_thresholds(x: np.ndarray, weight: np.ndarray | None, targets: np.ndarray, n_leaves: int) -> np.ndarray:
    """Rising thresholds of the regression tree of targets (n, C) on x (n,) that grows best leaf first.

    For classes as columns of zeros and ones, the squared error is Gini's impurity. Of more than some hundred distinct
    values, thresholds lie at quantiles.
    """
    weight = np.ones(len(x)) if weight is None else weight
    values = np.unique(x)
    ends = values  # the last value below each threshold
    if len(values) > CANDIDATES + 1:
        levels = np.arange(1, CANDIDATES + 1) / (CANDIDATES + 1)
        ends = np.unique(np.append(weighted_quantiles(x[:, None], weight, levels), values[-1]))
    beyond = values[np.minimum(values.searchsorted(ends, side="right"), len(values) - 1)]
    groups = ends.searchsorted(x)
    share = weight / weight.sum()
    centred = (targets - share @ targets) * share[:, None]
    mass = np.append(0.0, np.bincount(groups, share, len(ends)).cumsum())
    sums = np.stack([np.bincount(groups, column, len(ends)) for column in centred.T], axis=1).cumsum(axis=0)
    sums = np.concatenate([np.zeros((1, sums.shape[1])), sums])
    least = LEAST_LEAF / n_leaves

    def best_split(start: int, stop: int) -> tuple[float, int, int, int]:
        """The gain of the best threshold in a leaf of the groups start, ..., stop - 1, the threshold, and the leaf."""
        cuts = np.arange(start + 1, stop)
        left, right = mass[cuts] - mass[start], mass[stop] - mass[cuts]
        allowed = np.minimum(left, right) >= least * (1 - 1e-6)
        cuts, left, right = cuts[allowed], left[allowed], right[allowed]
        if not len(cuts):
            return 0.0, start, start, stop
        gain = _squares(sums[cuts] - sums[start]) / left + _squares(sums[stop] - sums[cuts]) / right
        gain -= _squares(sums[stop] - sums[start]) / (left + right)
        best = int(gain.argmax())
        return float(gain[best]), int(cuts[best]), start, stop

    leaves = [best_split(0, len(ends))]
    found: list[int] = []
    smallest = 1e-12 * float(share @ _squares(targets))  # below it, rounding
    while len(found) + 1 < n_leaves:
        gain, cut, start, stop = leaves.pop(int(np.argmax([leaf[0] for leaf in leaves])))
        if gain <= smallest:
            break
        found.append(cut)
        leaves += [best_split(start, cut), best_split(cut, stop)]
    index = np.sort(np.array(found, dtype=np.intp)) - 1
    return ends[index] + (beyond[index] - ends[index]) / 2


def _distinct(edges: np.ndarray) -> np.ndarray:
    """Rising edges without those that are too near to the one before for a share between them to mean anything."""
    near = 8 * np.finfo(np.float32).eps * np.maximum(np.abs(edges[1:]), np.abs(edges[:-1]))
    return edges[np.append(True, np.diff(edges) > np.maximum(near, LEAST_WIDTH))] if len(edges) else edges


def _squares(rows: np.ndarray) -> np.ndarray:
    return np.asarray((rows * rows).sum(axis=-1))
