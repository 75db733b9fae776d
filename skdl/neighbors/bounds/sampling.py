"""What a sample of the rows says about the nearest of all rows."""

from __future__ import annotations

import numpy as np

OCTAVES = 3  # how many times as far a rank is doubled, by whose distances those of ranks below 1 are told


def reach_of_nearest(distances: np.ndarray, share: float) -> np.ndarray:
    """About the distance, or any power of it, within which each query (row) has this share of all rows.

    The columns are rows of a sample. Where the share is less than one of them, distances are taken to grow with a power
    of the rank, as they do in any number of dimensions: the one seen from the first row to the eighth.
    """
    rank = share * distances.shape[1]
    first = min(int(np.ceil(rank)), distances.shape[1])
    reach = np.partition(distances, first - 1, axis=1)[:, first - 1]
    later = first * 2**OCTAVES
    if rank >= 1 or later >= distances.shape[1]:
        return np.asarray(reach)
    farther = np.partition(distances, later - 1, axis=1)[:, later - 1]
    known = (reach > 0) & np.isfinite(farther)
    if not known.any():
        return np.asarray(reach)
    power = np.median(np.log2(farther[known] / reach[known])) / OCTAVES
    return np.asarray(reach * rank**power)
