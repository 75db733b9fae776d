"""The user's `alpha` and `prior`, which speak of coefficients, as one number a weight of the engine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from skdl.engine import Network, Rows
from skdl.layers.architecture import Architecture
from skdl.layers.prediction import affine_leaves


def flat_alpha(alpha: Any, architecture: Architecture, dtype: Any) -> float | np.ndarray:
    """One factor for all weights; of an array, each feature's for the weights of its input, and their mean above."""
    if np.ndim(alpha) == 0:
        return float(alpha)
    network, alpha = Network([architecture], np.float64), np.asarray(alpha, dtype=np.float64)
    flat = np.full((1, network.layout.size), alpha.mean())
    views = network.ends(flat)[0]
    if not views:
        raise ValueError(
            "An array as 'alpha' has a factor for each feature's weights, and no layer of this network, with "
            f"embedding={architecture.embedding!r}, takes the features as they are. Give one number."
        )
    for view in views:
        view[...] = alpha.reshape(-1, *[1] * (view.ndim - 1))
    return flat[0, : network.layout.n_penalised].astype(dtype)


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
    network = Network([architecture], np.float64)
    affine = affine_leaves(network.root)
    if len(prior) > len(affine):
        raise ValueError(f"The 'prior' parameter lists {len(prior)} layers for a network of {len(affine)}.")
    flat = np.zeros((1, network.layout.size))
    views = network.layout.views(flat)
    for i, (given, each) in enumerate(zip(prior, affine, strict=False)):
        try:
            views[each.leaf][each.weight.name][...] = 0.0 if given is None else np.asarray(given, dtype=np.float64)
        except ValueError as error:
            raise ValueError(
                f"The 'prior' parameter of layer {i} must have the shape {each.weight.shape} of its coefficients. "
                f"Got {np.shape(given)}."
            ) from error
    inputs, outputs = network.ends(flat)
    if rows.scale is not None and network.root.input_fold() is not None:
        for view in inputs:
            view[...] = _divided(view, rows.scale.astype(np.float64).reshape(-1, *[1] * (view.ndim - 1)))
    if output_map is not None:
        for view in outputs:
            view[...] = _divided(view, output_map[0].reshape(-1, *[1] * (view.ndim - 1)))
    return flat[0, : network.layout.n_penalised]


def _divided(weights: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Weights over a scale; 0 where that is 0, for columns and targets that are constant."""
    return np.where(scale == 0, 0.0, weights / np.where(scale == 0, 1.0, scale))
