"""What the layers of a fitted network give for rows, by the names of the layers."""

from __future__ import annotations

from itertools import accumulate
from typing import Any

import numpy as np

from skdl._layer_names import INPUT, OUTPUT, find_layer
from skdl.execution.predict import predict
from skdl.layers.prediction import PredictionLayers
from skdl.layers.sequential import Sequential
from skdl.layers.standardization import Standardization
from skdl.neural._parameters import layer_arrays, layers_at_prediction, standardisation
from skdl.neural._training import Training


def layer_values(network: Any, X: Any, layer: str | int, *, pre_activation: bool = False) -> np.ndarray:
    """The values of a layer of a fitted network, as the layer above it sees them at prediction.

    Parameters
    ----------
    network : BaseNetwork
        Fitted.
    X : array or CSR matrix of shape (n, n_features)
        As `network._validated` gives it.
    layer : str or int
        One of `network.layer_names_`, or an index, which counts the hidden layers and the output from 0 on: -2 is the
        last hidden layer. "input" are the inputs, standardised, encoded and scaled, and "output" raw scores, in the
        units of y for a regressor without a link.
    pre_activation : bool
        Whether the values are wanted that come to the activation of a hidden layer, after a normalization.

    Returns
    -------
    values : array of shape (n, n_units)
        In X's precision.
    """
    name = find_layer(layer, network.layer_names_, "layer")
    if pre_activation and name in (INPUT, OUTPUT):
        raise ValueError(f"Layer {name!r} has no activation: pre-activations are those of a hidden layer.")
    if name == OUTPUT:
        scores: np.ndarray = network._raw_scores(X)
        return scores
    X = network._with_all_numbers(X)
    training: Training = network._training
    layers = layers_at_prediction(training, X.dtype)
    coefs, intercepts = network._coefficients()
    arrays = layer_arrays(layers, coefs, intercepts, network._between, X.dtype)
    position, sections = network.layer_names_.index(name), training.architecture.outline.sections
    end = list(accumulate(sections))[position]
    if pre_activation:
        start = end - sections[position]
        return predict(layers, X, arrays, into=_activation(layers, name, layers.place(start), layers.place(end)))
    below = layers.below(end)
    if name == INPUT and training.scale is not None and not layers.n_before:  # the first hidden layer has it in itself
        own = Standardization(X.shape[1])
        moments = zip(("shift", "scale"), standardisation(training) or (), strict=True)
        below = PredictionLayers(Sequential([own, below.root]))
        arrays = [{each: value.astype(X.dtype)[None, None] for each, value in moments}, *arrays]
    return predict(below, X, arrays[: below.root.n_leaves])


def values_from(network: Any, H: np.ndarray, layer: str) -> np.ndarray:
    """The raw scores (n, n_outputs) of values (n, n_units) that a hidden layer of a fitted network might have given."""
    training: Training = network._training
    layers = layers_at_prediction(training, H.dtype)
    coefs, intercepts = network._coefficients()
    arrays = layer_arrays(layers, coefs, intercepts, network._between, H.dtype)
    end = sum(training.architecture.outline.sections[: network.layer_names_.index(layer) + 1])
    scores: np.ndarray = predict(layers.above(end), H, arrays[layers.place(end) :])
    return scores


def _activation(layers: PredictionLayers, name: str, start: int, end: int) -> int:
    """The leaf that is the first activation of a hidden layer."""
    leaves = layers.root.leaves()
    found = [i for i in range(start, end) if leaves[i].is_activation]
    if not found:
        raise ValueError(f"Layer {name!r} has no activation.")
    return found[0]
