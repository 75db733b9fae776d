"""Trained parameters as public coefficients: with the standardisation folded in, they work on the data as it is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from skdl.engine import TrainingResult
from skdl.engine.layout import Views
from skdl.engine.network import Network
from skdl.layers.prediction import PredictionLayers, prediction_arrays
from skdl.layers.sequential import Sequential
from skdl.layers.standardization import Standardization
from skdl.neural._training import Training

Between: TypeAlias = list[dict[str, np.ndarray]]


class Coefficients(NamedTuple):
    """Weights and intercepts of the affine maps; and of each leaf, by name, what is neither."""

    coefs: list[np.ndarray]
    intercepts: list[np.ndarray]
    between: Between


def fold(training: Training, output_map: tuple[np.ndarray, np.ndarray] | None) -> Coefficients:
    """The coefficients of a trained network in its data's precision.

    A normalization that is a fixed scale and shift at prediction is folded into the affine map under it, and the
    standardisation into those that see the inputs, where they can take it; else it stays a step of its own. The last
    layer's scores s become s * output_scale + output_shift. All of it is computed in float64.
    """
    outcome = TrainingResult.of(training.state, training.stop_reason)
    network = Network([training.architecture], np.float64)
    trained = own_arrays(network, outcome.theta.astype(np.float64), outcome.buffers.astype(np.float64))
    separate(network, trained)
    arrays = prediction_arrays(network.root, trained, standardisation(training))  # of the same dicts
    if output_map is not None:
        output = network.root.output_fold()
        assert output is not None
        output.apply(trained, *output_map)
    coefs, intercepts, dtype = [], [], training.input_dtype
    for affine in layers_at_prediction(training, np.float64).affine:
        named = arrays[affine.leaf]
        bias = np.zeros(affine.n_biases) if affine.bias is None else named.pop(affine.bias.name).reshape(-1)
        coefs.append(named.pop(affine.weight.name).astype(dtype))
        intercepts.append(bias.astype(dtype))
    between = [{name: value.astype(dtype) for name, value in named.items()} for named in arrays]
    return Coefficients(coefs, intercepts, between)


def own_arrays(network: Network, theta: np.ndarray, buffers: np.ndarray) -> list[dict[str, np.ndarray]]:
    """The arrays of a single member, by leaf and name, without the member axis: views."""
    return [{name: value[0] for name, value in named.items()} for named in network.arrays(theta, buffers)]


def separate(network: Network, arrays: list[dict[str, np.ndarray]]) -> None:
    """Give each weight that is another one transposed an array of its own: at prediction they differ in units."""
    for leaf, name, _, _ in network.layout.tied:
        arrays[leaf][name] = arrays[leaf][name].copy()


def standardisation(training: Training) -> tuple[np.ndarray, np.ndarray] | None:
    """Shift and scale of the inputs in training, in float64; None where it saw them as they are."""
    if training.shift is None or training.scale is None:
        return None
    return training.shift.astype(np.float64), training.scale.astype(np.float64)


def layers_at_prediction(training: Training, dtype: Any) -> PredictionLayers:
    """The layers that the folded coefficients belong to."""
    return training.architecture.at_prediction(np.dtype(dtype), standardised=training.scale is not None)


def unfolded_layers(training: Training, dtype: Any) -> tuple[PredictionLayers, Views]:
    """The layers as in training, with the standardisation as a step of its own below, and their arrays.

    Nothing is folded into another: what passes between them, and what dropout takes away, is as in training.
    """
    outcome = TrainingResult.of(training.state, training.stop_reason)
    network = Network([training.architecture], dtype)
    arrays = network.arrays(outcome.theta.astype(dtype), outcome.buffers.astype(dtype))
    moments = standardisation(training)
    if moments is None:
        return PredictionLayers(network.root), arrays
    shift, scale = (value.astype(dtype)[None, None] for value in moments)
    root = Sequential([Standardization(training.architecture.n_inputs), network.root])
    return PredictionLayers(root, n_before=1), [{"shift": shift, "scale": scale}, *arrays]


def layer_arrays(
    layers: PredictionLayers,
    coefs: Sequence[np.ndarray],
    intercepts: Sequence[np.ndarray],
    between: Between,
    dtype: Any,
) -> Views:
    """The arrays of the layers at prediction: each leaf's by name, with a member axis of one."""
    arrays: list[dict[str, Any]] = [dict(named) for named in between]
    for affine, coef, intercept in zip(layers.affine, coefs, intercepts, strict=True):
        arrays[affine.leaf][affine.weight.name] = coef
        if affine.bias is not None:
            arrays[affine.leaf][affine.bias.name] = np.reshape(intercept, affine.bias.shape)
    return [{name: np.asarray(value, dtype)[None] for name, value in named.items()} for named in arrays]
