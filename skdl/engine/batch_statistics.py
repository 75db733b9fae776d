"""Exact statistics of all training rows for layers that ask for them, after the fit."""

from __future__ import annotations

import numpy as np

from skdl._array import Array
from skdl._protocols import ForwardContext
from skdl.engine.batches import Batches
from skdl.engine.layout import Views
from skdl.engine.network import PREDICTION_ROWS, Network
from skdl.engine.training_spec import TrainingResult, TrainingSpec


def with_batch_statistics(member: TrainingSpec, outcome: TrainingResult) -> TrainingResult:
    """The outcome with exact statistics, if the member asks for them; training goes on from the running ones."""
    if member.architecture.outline.from_population:
        buffers = exact_buffers(member, outcome.theta, outcome.buffers)
        outcome.state.progress[0].exact_buffers = buffers
        return TrainingResult.of(outcome.state, outcome.stop_reason)
    return outcome


def exact_buffers(member: TrainingSpec, theta: Array, buffers: Array) -> Array:
    """The buffers (1, Q) of one member with the statistics of its rows under the weights `theta`, layer by layer.

    A layer's inputs depend on the layers below, so these get theirs first. Mean and variance take two passes: a sum of
    squares would cancel.

    Those of frozen layers stay.
    """
    buffers = buffers.copy()
    network = Network([member.architecture], member.dtype)
    arrays = network.arrays(theta, buffers)
    batches = Batches([member.rows], min(member.rows.n, PREDICTION_ROWS), member.dtype)
    frozen = member.architecture.leaves_of(member.frozen)
    for i, leaf in enumerate(network.leaves):
        if leaf.from_population and i not in frozen:
            mean = _average(network, batches, arrays, i, np.zeros((1, 1, 1)), 1)
            variance = _average(network, batches, arrays, i, mean, 2)
            leaf.set_statistics((mean, variance), arrays[i])
    return buffers


def _average(network: Network, batches: Batches, arrays: Views, leaf: int, centre: Array, power: int) -> Array:
    """The weighted mean over rows of (x - centre)^power, for the inputs x of a leaf, in float64."""
    context, total = ForwardContext(training=False), np.zeros((1, 1, 1))
    for rows, _, weight in batches.epoch(whole=True):
        _, weight = network.root.along(weight, weight)
        x = network.root.inputs_of(leaf, network.own_rows(rows), arrays, context)
        total = total + (weight.astype(np.float64) * (x - centre) ** power).sum(axis=1, keepdims=True)
    return total
