"""The weights of the neighbours' votes."""

from __future__ import annotations

from typing import Any

import numpy as np


def distance_weights(distances: np.ndarray, weights: Any) -> np.ndarray:
    """Weights of neighbours from their distances, nearest first, each row up to a factor of its own.

    A row at infinite distance, which shares no present column with the query, has nothing to say.
    """
    comparable = np.isfinite(distances)
    if weights == "uniform":
        return np.asarray(comparable.astype(np.float64))
    if weights == "distance":
        nearest = distances[:, :1]
        # Relative to the nearest, 1/distance cannot overflow; neighbours at distance zero share the whole vote.
        with np.errstate(divide="ignore", invalid="ignore", under="ignore"):
            return np.asarray(np.where(comparable & (nearest > 0), nearest / distances, distances == 0))
    result = np.asarray(weights(distances.copy()), dtype=np.float64)
    if result.shape != distances.shape:
        raise ValueError(
            f"The callable 'weights' must return an array of the shape it gets, {distances.shape}. "
            f"Got shape {result.shape}."
        )
    if not (np.isfinite(result) & (result >= 0)).all():
        raise ValueError("The callable 'weights' must return finite values in the range [0, inf).")
    return scale_to_one(result * comparable)


def scale_to_one(weights: np.ndarray) -> np.ndarray:
    """Weights times the power of two that brings the largest of each row into [0.5, 1): exact, and safe to multiply."""
    exponents = np.frexp(weights.max(axis=-1, keepdims=True))[1]
    return np.asarray(np.ldexp(weights, -exponents))


def exclude_self(distances: np.ndarray, indices: np.ndarray, own: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Drop the query's own row from k + 1 neighbours, or the last one where its own row is not among them."""
    keep = indices != own[:, None]
    keep[keep.all(axis=1), -1] = False
    shape = (distances.shape[0], distances.shape[1] - 1)
    return distances[keep].reshape(shape), indices[keep].reshape(shape)
