"""Manhattan's and Chebyshev's distances of all rows from all queries: as scipy's `cdist` computes them, bit for bit.

A loop over queries, whose numbers of one column lie side by side, does with vector instructions what scipy does one by
one. Each distance is summed in the order of the columns in both ways.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from scipy.spatial.distance import cdist

from skdl._compiled import Loop, source_of


def manhattan_by_scipy(rows: np.ndarray, columns: np.ndarray, out: np.ndarray) -> None:
    """Distances of rows (n, d) from queries given as columns (d, m), into out (n, m)."""
    cdist(rows, columns.T, "cityblock", out=out)


def manhattan_in_a_loop(rows: np.ndarray, columns: np.ndarray, out: np.ndarray) -> None:
    whole = columns.shape[0] - columns.shape[0] % 4
    for first in range(0, columns.shape[1], 128):
        for row in range(rows.shape[0]):
            distances = out[row, first : first + 128]
            distances[:] = 0.0
            for column in range(0, whole, 4):
                a = rows[row, column]
                b = rows[row, column + 1]
                c = rows[row, column + 2]
                d = rows[row, column + 3]
                p = columns[column, first : first + 128]
                q = columns[column + 1, first : first + 128]
                r = columns[column + 2, first : first + 128]
                s = columns[column + 3, first : first + 128]
                for j in range(distances.size):
                    distances[j] = (((distances[j] + abs(a - p[j])) + abs(b - q[j])) + abs(c - r[j])) + abs(d - s[j])
            for column in range(whole, columns.shape[0]):
                a = rows[row, column]
                p = columns[column, first : first + 128]
                for j in range(distances.size):
                    distances[j] += abs(a - p[j])


def chebyshev_by_scipy(rows: np.ndarray, columns: np.ndarray, out: np.ndarray) -> None:
    """As `manhattan_by_scipy`."""
    cdist(rows, columns.T, "chebyshev", out=out)


def chebyshev_in_a_loop(rows: np.ndarray, columns: np.ndarray, out: np.ndarray) -> None:
    for first in range(0, columns.shape[1], 128):
        for row in range(rows.shape[0]):
            distances = out[row, first : first + 128]
            distances[:] = 0.0
            for column in range(columns.shape[0]):
                a = rows[row, column]
                p = columns[column, first : first + 128]
                for j in range(distances.size):
                    size = abs(a - p[j])
                    distances[j] = size if size > distances[j] else distances[j]


READ_ONLY = "Array(float64, 2, 'C', readonly=True)"
SIGNATURES = [f"void({READ_ONLY}, {READ_ONLY}, float64[:, ::1])"]


@cache
def manhattan_loop() -> Loop:
    """The loop of `manhattan_in_a_loop`."""
    return Loop(manhattan_by_scipy, source_of(manhattan_in_a_loop), SIGNATURES)


@cache
def chebyshev_loop() -> Loop:
    """The loop of `chebyshev_in_a_loop`."""
    return Loop(chebyshev_by_scipy, source_of(chebyshev_in_a_loop), SIGNATURES)
