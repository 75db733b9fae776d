"""Quantiles of columns by weighted rows."""

from __future__ import annotations

import numpy as np

# Sums of weights round: a quantile is that of the first row at which they come this near to what is due, as a share of
# all. It is less than the weight of one row among as many as a layer learns from.
TOLERANCE = 1e-6


def weighted_quantiles(x: np.ndarray, weight: np.ndarray | None, levels: np.ndarray) -> np.ndarray:
    """The value of each column x_j at which the rows of values up to it first have a share p of the weights.

    A row of weight 2 counts as the row twice (the definition "inverted_cdf" of `numpy.quantile`).

    Parameters
    ----------
    x : array of shape (n, d)
        NaN is left out.
    weight : array of shape (n,) or None
    levels : array of shape (q,)
        p, in [0, 1].

    Returns
    -------
    quantiles : array of shape (q, d)
        0 for a column of NaN alone.
    """
    columns = np.ascontiguousarray(x.T)
    if weight is None:
        columns.sort(axis=1)
        counts = np.count_nonzero(~np.isnan(columns), axis=1)
        index = np.ceil((levels[:, None] - TOLERANCE) * counts).astype(np.intp) - 1
    else:
        order = columns.argsort(axis=1)
        columns = np.take_along_axis(columns, order, axis=1)
        shares = np.cumsum(np.where(np.isnan(columns), 0.0, weight[order]), axis=1)
        counts = np.count_nonzero(~np.isnan(columns), axis=1)
        due = (levels[:, None] - TOLERANCE) * shares[:, -1]
        index = np.stack([each.searchsorted(at) for each, at in zip(shares, due.T, strict=True)], axis=1)
    index = np.clip(index, 0, np.maximum(counts - 1, 0))
    found = np.take_along_axis(columns, index.T, axis=1).T
    return np.where(counts > 0, found, 0)
