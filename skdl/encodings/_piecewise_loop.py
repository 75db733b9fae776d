"""Shares of bins, and the number itself, in one pass over the numbers."""

from __future__ import annotations

from functools import cache

import numpy as np

from skdl._array import Array
from skdl._compiled import Loop, source_of
from skdl.encodings._features import by_features
from skdl.encodings._robust import LIMIT, smooth_clip


def encode(
    x: Array, low: Array, slope: Array, centre: Array, scale: Array, limits: Array, first: int, y: Array
) -> None:
    """Write min(max((x - low) slope, 0), 1) of each bin into y (k, d, first + T, B), and the number z before, if first.

    Parameters
    ----------
    x : array of shape (k, B, d)
    low, slope : arrays of shape (k, d, T)
    centre, scale : arrays of shape (k, d)
        z is z / sqrt(1 + (z / bound)^2) of (x - centre) scale.
    limits : array of shape (4,)
        0, 1, 1 / bound, and the largest size of z before.
    first : {0, 1}
    """
    zero, one, inverse, most = limits[0], limits[1], limits[2], limits[3]
    column = np.empty(y.shape[3], y.dtype)
    for j in range(y.shape[0]):
        for i in range(y.shape[1]):
            for b in range(column.size):
                column[b] = x[j, b, i]
            if first == 1:
                of_centre, factor, target = centre[j, i], scale[j, i], y[j, i, 0]
                for b in range(column.size):
                    z = (column[b] - of_centre) * factor
                    z = -most if z < -most else z
                    z = most if z > most else z
                    f = z * inverse
                    f = one / np.sqrt(f * f + one)
                    target[b] = z * f
            for t in range(low.shape[2]):
                edge, steep, target = low[j, i, t], slope[j, i, t], y[j, i, t + first]
                for b in range(column.size):
                    c = (column[b] - edge) * steep
                    c = zero if c < zero else c
                    target[b] = one if c > one else c


def encode_by_numpy(
    x: Array, low: Array, slope: Array, centre: Array, scale: Array, limits: Array, first: int, y: Array
) -> None:
    """The same by NumPy's calls."""
    columns = by_features(x, y.shape[1])
    shares = y[:, :, first:]
    np.subtract(columns, low[..., None], out=shares)
    shares *= slope[..., None]
    np.clip(shares, 0, 1, out=shares)
    if first:
        z = columns - centre[..., None, None]
        z *= scale[..., None, None]
        y[:, :, :1], _ = smooth_clip(z, 1 / limits[2])


def _signature(real: str) -> str:
    """The types of the arguments: what is only read may lie in memory in any order."""
    read = f"Array({real}, {{}}, 'A', readonly=True)".format
    return f"void({', '.join(map(read, (3, 3, 3, 2, 2, 1)))}, int64, {real}[:, :, :, ::1])"


@cache
def encoding_loop() -> Loop:
    """The loop `run(x, low, slope, centre, scale, limits, first, y)`, for float32 and float64."""
    return Loop(encode_by_numpy, source_of(encode), [_signature(real) for real in ("float32", "float64")])


@cache
def limits_of(bound: float, dtype: np.dtype) -> Array:
    """The `limits`."""
    return np.array([0, 1, 1 / bound, LIMIT], dtype)
