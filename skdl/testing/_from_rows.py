"""Rules for layers that have initial values which the training rows give."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from skdl._protocols import ForwardContext, Layer
from skdl.testing._rules import require, require_close

Leaves = list[dict[str, np.ndarray]]


def initial_arrays(layer: Layer, generators: Sequence[np.random.Generator]) -> Leaves:
    """Initial parameters and buffers of each leaf, with the members first, in float64."""
    arrays: Leaves = []
    for leaf in layer.leaves():
        drawn = [leaf.initial(i, generator) for i, generator in enumerate(generators)]
        named = {
            spec.name: np.stack([np.asarray(each[spec.name], float) for each in drawn]) for spec in leaf.parameters()
        }
        named |= {key: np.stack([np.asarray(value, float)] * len(generators)) for key, value in leaf.buffers().items()}
        arrays.append(named)
    return arrays


def arrays_of(layer: Layer, leaves: Sequence[Mapping[str, Any]]) -> Any:
    """The arrays of all leaves as the layer takes them."""
    return leaves[layer.place(0)]


def learn_from_rows(
    layer: Layer,
    arrays: Leaves,
    x: np.ndarray,
    weight: np.ndarray | None,
    targets: np.ndarray,
    generator: np.random.Generator,
) -> None:
    """Let one member's leaves learn from rows x (n, n_in), in place and from below."""
    ones = np.ones(len(x)) if weight is None else weight
    for i, leaf in enumerate(layer.leaves()):
        if leaf.learns_from_rows:
            context = ForwardContext(training=False)
            inputs = layer.inputs_of(i, x[None].copy(), arrays_of(layer, arrays), context)[0].copy()
            along = (targets[None], ones[None, :, None])
            if len(inputs) != len(x):
                along = layer.along(*along)
            own_targets, own_weight = along[0][0].copy(), along[1][0, :, 0].copy()
            own = {name: value[0] for name, value in arrays[i].items()}
            leaf.from_rows(inputs, None if weight is None else own_weight, own_targets, own, generator)


def check_from_rows(layer: Layer, named: Any, x: np.ndarray) -> None:
    """Check what the leaves of one member's layer learn from rows x (n, n_in)."""
    if not any(leaf.learns_from_rows for leaf in layer.leaves()):
        return
    targets = np.random.default_rng(0).normal(size=(len(x), 2))

    def learned(rows: Any, weight: np.ndarray | None) -> Leaves:
        arrays = initial_arrays(layer, [np.random.default_rng(1)])
        learn_from_rows(layer, arrays, x[rows], weight, targets[rows], np.random.default_rng(2))
        return arrays

    def compare(found: Leaves, expected: Leaves, rule: str, rtol: float) -> None:
        for i, (one, two) in enumerate(zip(found, expected, strict=True)):
            for name, value in one.items():
                require_close(value, two[name], named, f"{rule} ({name} of leaf {i})", rtol)

    everything = np.arange(len(x))
    once = learned(everything, None)
    compare(learned(everything, None), once, "what rows give comes from them and the given generator only", 0.0)
    compare(learned(everything, np.full(len(x), 0.3)), once, "equal weights are none", 1e-9)
    counts = 1 + everything % 3
    repeated = learned(np.repeat(everything, counts), None)
    compare(learned(everything, 0.7 * counts), repeated, "a row of weight 2 is the row twice", 1e-9)
    for rows, described in ((everything[:1], "of one row"), (everything[:1].repeat(9), "of rows that are all equal")):
        for i, arrays in enumerate(learned(rows, None)):
            for name, value in arrays.items():
                require(
                    np.isfinite(value).all(), named, f"what is learned {described} is finite", f"{name} of leaf {i}"
                )
