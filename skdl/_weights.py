"""Weights of rows that are so far apart that sums over all rows no longer see those of small weight."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

# A row whose weight is less, as a share of the largest, has no part in a sum of squares that rounding leaves.
LEAST_SHARE = 2.0**-80


def lost_rows(weight: np.ndarray, reason: str) -> ValueError:
    """The error for a fit in which rows of small weight are lost, though it depends on them."""
    ratio = weight.max() / weight.min(where=weight > 0, initial=np.inf)
    return ValueError(
        f"The largest sample_weight (times class_weight, where there is one) is {ratio:.1g} times the smallest, and "
        f"what rounding leaves of the rows of large weight hides the others: {reason}. Bring the weights closer "
        "together, or set small ones to 0, which leaves their rows out."
    )


def require_spread_seen(
    columns: Any,
    weight: np.ndarray | None,
    rows: np.ndarray | None,
    name: Callable[[int], str],
    *,
    centred: bool = True,
) -> None:
    """Raise if a column varies, but only in rows of weights so small that rounding hides them in its deviation.

    Parameters
    ----------
    columns : array or CSR matrix of shape (n, n_columns)
    weight : array of shape (n,) or None
    rows : int array or None
        The rows that count, None for all.
    name : callable
        From the number of a column to what messages call it.
    centred : bool
        Whether the deviation is that from the mean, rather than from zero.
    """
    if weight is None:
        return
    rows = np.flatnonzero(weight) if rows is None else rows[weight[rows] > 0]
    weight = weight[rows]
    seen = weight >= LEAST_SHARE * weight.max(initial=0.0)
    if seen.all():
        return
    least, most = _extremes(columns[rows[seen]])
    if not centred:
        least, most = np.minimum(least, 0), np.maximum(most, 0)
    of_all = _extremes(columns[rows])
    lost = (least == most) & ((of_all[0] < least) | (of_all[1] > most))
    if lost.any():
        column = name(int(lost.argmax()))
        raise lost_rows(weight, f"{column} varies only in rows of weights below {LEAST_SHARE:.0e} of the largest")


def require_rank(
    rank: int, n_coefficients: int, weight: np.ndarray, noise: float, rank_of_equal: Callable[[np.ndarray], int]
) -> None:
    """Raise if rows of small weight are needed to determine the coefficients, but are lost.

    Parameters
    ----------
    rank : int
        How many of the coefficients were found to be determined.
    weight : array of shape (n,)
        Positive.
    noise : float
        Relative rounding error of the numbers in X.
    rank_of_equal : callable
        Gives the rank of the rows that a mask (n,) chooses, all with the same weight.
    """
    if weight.min() >= noise * weight.max():
        return
    seen = weight >= LEAST_SHARE * weight.max()
    if not seen.all():
        rank = min(rank, rank_of_equal(seen))
    if rank < n_coefficients and rank < (known := rank_of_equal(np.ones(len(weight), dtype=bool))):
        reason = f"with equal weights the rows determine {known} coefficients, with these it is {rank}"
        raise lost_rows(weight, reason)


def _extremes(columns: Any) -> tuple[np.ndarray, np.ndarray]:
    """The smallest and the largest number of each column."""
    both = (columns.min(axis=0), columns.max(axis=0))
    least, most = (np.ravel(each if isinstance(each, np.ndarray) else each.toarray()) for each in both)
    return least, most
