"""Exact statistics of all training rows for normalizations that ask for them, after the fit."""

from __future__ import annotations

import numpy as np

from skdl._array import Array
from skdl.engine.batches import Batches
from skdl.engine.layers import Normalize, Run
from skdl.engine.layout import Views
from skdl.engine.member import Member, Outcome
from skdl.engine.network import PREDICTION_ROWS, Network


def asks_for_population(member: Member) -> bool:
    """Whether a normalization of the member's network does."""
    return any(norm is not None and norm.from_population for norm in member.architecture.normalizations)


def settled(member: Member, outcome: Outcome) -> Outcome:
    """The outcome with exact statistics, if the member asks for them; training goes on from the running ones."""
    if asks_for_population(member):
        buffers = population_buffers(member, outcome.theta, outcome.buffers)
        outcome.state.progress[0].settled_buffers = buffers
        return Outcome.of(outcome.state, outcome.reason)
    return outcome


def population_buffers(member: Member, theta: Array, buffers: Array) -> Array:
    """The buffers (1, Q) of one member with the statistics of its rows under the weights `theta`, layer by layer.

    A layer's inputs depend on the layers below, so these are settled first. Mean and variance take two passes: a sum of
    squares would cancel.
    """
    buffers = buffers.copy()
    network = Network([member.architecture], member.dtype)
    arrays = network.arrays(theta, buffers)
    batches = Batches([member.rows], min(member.rows.n, PREDICTION_ROWS), member.dtype)
    for i, layer in enumerate(network.layers):
        if isinstance(layer, Normalize) and layer.normalization.from_population:
            mean = _average(network, batches, arrays, i, np.zeros((1, 1, layer.n_units)), 1)
            variance = _average(network, batches, arrays, i, mean, 2)
            layer.normalization.settle((mean, variance), **arrays[i])
    return buffers


def _average(network: Network, batches: Batches, arrays: Views, end: int, centre: Array, power: int) -> Array:
    """The weighted mean over rows of (x - centre)^power, for the inputs x of layer `end`, in float64."""
    total = np.zeros(centre.shape)
    for x, _, weight in batches.epoch(whole=True):
        _, weight = network.spread(weight, weight)
        for layer, named in zip(network.layers[:end], arrays[:end], strict=True):
            x, _ = layer.forward(x, named, Run(training=False))
        total += (weight.astype(np.float64) * (x - centre) ** power).sum(axis=1, keepdims=True)
    return total
