"""The user's `alpha` and `prior`, which speak of coefficients, as one number a weight of the engine."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from skdl.engine import Architecture, Rows


def flat_alpha(alpha: Any, architecture: Architecture, dtype: Any) -> float | np.ndarray:
    """One factor for all weights; of an array, each feature's for the first layer's row, and their mean above."""
    if np.ndim(alpha) == 0:
        return float(alpha)
    alpha, shapes = np.asarray(alpha, dtype=np.float64), _shapes(architecture)
    parts = [np.repeat(alpha, shapes[0][1])]
    parts += [np.full(n_in * n_out, alpha.mean()) for n_in, n_out in shapes[1:]]
    return np.concatenate(parts).astype(dtype)


def check_alpha(alpha: Any, n_inputs: int) -> None:
    """Raise for an array that is not one factor for each feature."""
    if np.ndim(alpha) == 0:
        return
    expected = f"The 'alpha' parameter must be a number in the range [0, inf) or an array of {n_inputs} such numbers, "
    expected += "one for each feature."
    try:
        alpha = np.asarray(alpha, dtype=np.float64)
    except (TypeError, ValueError):
        raise ValueError(f"{expected} Got {alpha!r}.") from None
    if alpha.shape != (n_inputs,):
        raise ValueError(f"{expected} Got an array of shape {alpha.shape}.")
    wrong = alpha[~(np.isfinite(alpha) & (alpha >= 0))]
    if wrong.size:
        raise ValueError(f"{expected} Got {wrong[0]} among them.")


def flat_prior(
    prior: Sequence[Any] | None,
    architecture: Architecture,
    rows: Rows,
    output_map: tuple[np.ndarray, np.ndarray] | None,
) -> np.ndarray | None:
    """Given coefficients of each layer as weights in training, where inputs and targets are standardised."""
    if prior is None:
        return None
    shapes = _shapes(architecture)
    if len(prior) > len(shapes):
        raise ValueError(f"The 'prior' parameter lists {len(prior)} layers for a network of {len(shapes)}.")
    layers = []
    for i, shape in enumerate(shapes):
        given = prior[i] if i < len(prior) else None
        layer = np.zeros(shape)
        if given is not None:
            try:
                layer[...] = np.asarray(given, dtype=np.float64)
            except ValueError as error:
                raise ValueError(
                    f"The 'prior' parameter of layer {i} must have the shape {shape} of its coefficients. "
                    f"Got {np.shape(given)}."
                ) from error
        layers.append(layer)
    if rows.scale is not None:
        layers[0] = _divided(layers[0], rows.scale.astype(np.float64)[:, None])
    if output_map is not None:
        layers[-1] = _divided(layers[-1], output_map[0])
    return np.concatenate([layer.ravel() for layer in layers])


def _divided(weights: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Weights over a scale; 0 where that is 0, for columns and targets that are constant."""
    return np.where(scale == 0, 0.0, weights / np.where(scale == 0, 1.0, scale))


def _shapes(architecture: Architecture) -> list[tuple[int, int]]:
    return list(pairwise((architecture.n_inputs, *architecture.widths, architecture.n_outputs)))
