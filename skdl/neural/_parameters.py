"""Trained parameters as public coefficients: with the standardisation folded in, they work on the data as it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from skdl.engine import Architecture, Network, Outcome
from skdl.engine.layers import Normalize
from skdl.neural._training import Training

Between = list[dict[str, np.ndarray] | None]


class Coefficients(NamedTuple):
    """Weights and intercepts of the affine maps; arrays of the layers between, with None in an affine map's place."""

    coefs: list[np.ndarray]
    intercepts: list[np.ndarray]
    between: Between


def fold(training: Training, output_map: tuple[np.ndarray, np.ndarray] | None) -> Coefficients:
    """The coefficients of a trained network in its data's precision.

    A normalization that is a fixed scale and shift at prediction is folded into the affine map under it. With
    x' = (x - shift) * scale, x' W + b = x (scale W) + (b - shift (scale W)). The last layer's scores s become
    s * output_scale + output_shift. All of it is computed in float64.
    """
    outcome = Outcome.of(training.state, training.reason)
    network = Network([training.architecture], np.float64)
    arrays = network.arrays(outcome.theta.astype(np.float64), outcome.buffers.astype(np.float64))
    by_layer = []
    affine: list[dict[str, np.ndarray]] = []
    for layer, named in zip(network.layers, arrays, strict=True):
        if isinstance(layer, Normalize) and layer.normalization.folds:
            scale, shift = (each[0] for each in layer.normalization.fold(**named))
            affine[-1]["weight"] *= scale
            affine[-1]["bias"] *= scale
            affine[-1]["bias"] += shift
            continue
        by_layer.append({name: value[0] for name, value in named.items()})
        if "weight" in named:
            affine.append(by_layer[-1])
            affine[-1].setdefault("bias", np.zeros((1, affine[-1]["weight"].shape[1])))
    if training.scale is not None and training.shift is not None:
        affine[0]["weight"] *= training.scale.astype(np.float64)[:, None]
        affine[0]["bias"] -= training.shift.astype(np.float64) @ affine[0]["weight"]
    if output_map is not None:
        scale, shift = output_map
        affine[-1]["weight"] *= scale
        affine[-1]["bias"] *= scale
        affine[-1]["bias"] += shift
    dtype = training.input_dtype
    return Coefficients(
        [named["weight"].astype(dtype) for named in affine],
        [named["bias"][0].astype(dtype) for named in affine],
        [
            None if "weight" in named else {name: value.astype(dtype) for name, value in named.items()}
            for named in by_layer
        ],
    )


def prediction_architecture(architecture: Architecture) -> Architecture:
    """The network that the folded coefficients belong to: without the normalizations that are folded in."""
    kept = tuple(None if norm is None or norm.folds else norm for norm in architecture.normalizations)
    return replace(architecture, normalizations=kept)


def layer_arrays(
    coefs: Sequence[np.ndarray], intercepts: Sequence[np.ndarray], between: Between, dtype: Any
) -> list[dict[str, np.ndarray]]:
    """What `Network.predict` takes: each layer's arrays by name, with a member axis of one."""
    affine = iter(zip(coefs, intercepts, strict=True))
    arrays = []
    for named in between:
        if named is None:
            weight, bias = next(affine)
            named = {"weight": weight, "bias": bias[None]}
        arrays.append({name: np.asarray(value, dtype)[None] for name, value in named.items()})
    return arrays
