"""Initial values that layers take from a member's training rows: quantiles of an encoding, the scale of weights."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace
from typing import TypeAlias

import numpy as np

from skdl._array import Array
from skdl._protocols import ForwardContext
from skdl.engine.batches import Batches
from skdl.engine.dataset import Dataset
from skdl.engine.layout import Views
from skdl.engine.network import PREDICTION_ROWS, Network

MOST_ROWS = 1 << 17  # that a layer learns from; of more, a sample
MOST_NUMBERS = 1 << 25  # of its inputs: a wide layer learns from fewer rows
RowsOfLayer: TypeAlias = tuple[np.ndarray, np.ndarray | None, np.ndarray]  # x, weight and targets


def learn_from_rows(
    network: Network, rows: Dataset, arrays: Views, generator: np.random.Generator, *, but: Collection[int] = ()
) -> None:
    """Set the initial values of one member's layers that learn from its rows, in place and from below.

    Those of the leaves `but` these are given.
    """
    for i, leaf in enumerate(network.leaves):
        if leaf.learns_from_rows and i not in but:
            own = {name: value[0] for name, value in arrays[i].items()}
            leaf.from_rows(*_inputs(network, rows, arrays, i), own, generator)


def learn_numbers(
    network: Network,
    rows: Dataset,
    arrays: Views,
    which: np.ndarray,
    generator: np.random.Generator,
    *,
    only: Collection[int] | None = None,
) -> None:
    """Let one member's encodings learn some of the numbers again, of rows in which these move; in place.

    `which` is a mask of the inputs that are numbers, and `only` the leaves that do so; None for all.
    """
    for i, leaf in enumerate(network.leaves):
        known = leaf.buffers() if leaf.learns_from_rows and (only is None or i in only) else {}
        if not known:
            continue
        own = {name: value[0] for name, value in arrays[i].items()}
        again = {**own, **{name: np.array(value, own[name].dtype) for name, value in known.items()}}
        leaf.from_rows(*_inputs(network, rows, arrays, i), again, generator)
        for name in known:
            if own[name].size % len(which):
                continue  # it is of all numbers in common
            own[name].reshape(len(which), -1)[which] = again[name].reshape(len(which), -1)[which]


def _inputs(network: Network, rows: Dataset, arrays: Views, leaf: int) -> RowsOfLayer:
    """The inputs (n, n_in) of a leaf, with the weights (n,) and targets (n, C) of their rows."""
    context = ForwardContext(training=False)

    def inputs_of(x: Array) -> Array:
        return network.root.inputs_of(leaf, network.own_rows(x), arrays, context)

    index = np.arange(rows.n) if rows.index is None else rows.index
    if rows.weight is not None:
        index = index[rows.weight[index] > 0]
    first, _, _ = next(_blocks(network, rows, index[:1]))
    width = inputs_of(first).size  # of a row, with its repetitions
    most = min(MOST_ROWS, max(1, MOST_NUMBERS // width))
    if len(index) > most:  # members that have their rows in common get the same sample of them
        index = np.random.default_rng(0).permutation(index)[:most]
    found = []
    for x, targets, weight in _blocks(network, rows, index):
        inputs = inputs_of(x)
        if inputs.shape[1] != x.shape[1]:
            targets, weight = network.root.along(targets, weight)
        found.append((inputs[0].copy(), weight[0, :, 0].copy(), targets[0].copy()))
    x, weight, targets = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return x, None if rows.weight is None else weight, targets


def _blocks(network: Network, rows: Dataset, index: np.ndarray) -> Iterator[tuple[Array, Array, Array]]:
    """Some of the rows in blocks: x, targets and weights, the last as they are."""
    batches, start = Batches([replace(rows, index=index)], min(len(index), PREDICTION_ROWS), network.dtype), 0
    for x, targets, _ in batches.epoch():
        block = index[start : start + x.shape[1]]
        start += x.shape[1]
        weight = np.ones(len(block)) if rows.weight is None else rows.weight[block].astype(np.float64)
        yield x, targets, weight[None, :, None]
