"""Rules for blocks and embeddings: those of the layers that they build."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from skdl import _registry
from skdl._component import Component
from skdl._protocols import Block, Embedding, ForwardContext, Layer
from skdl.layers.architecture import Architecture, HiddenParts
from skdl.layers.batch_ensemble import BatchEnsembleMaps
from skdl.layers.dense import OrdinaryMaps
from skdl.layers.sequential import Sequential
from skdl.testing._built_layers import check_layer
from skdl.testing._from_rows import arrays_of, initial_arrays
from skdl.testing._rules import N, require, variants


def check_block(block: Block) -> None:
    """Check the layers that a block builds: with and without normalization, of one width and of two, in both maps."""
    members = variants(block)
    for n_out, normalization, maps in (
        (N, None, OrdinaryMaps()),
        (N - 1, None, OrdinaryMaps()),
        (N, "batch", OrdinaryMaps()),
        (N - 1, "layer", BatchEnsembleMaps(2)),
    ):
        networks = [_network(member, n_out, normalization, maps) for member in members]
        described = f"{type(block).__name__} from {N} to {n_out} units, normalization {normalization}"

        def build(which: Sequence[int], networks: Any = networks, n_out: int = n_out) -> Layer:
            chosen = [networks[i] for i in which]
            stacked: Block = Component.stacked([network.blocks[0] for network in chosen], 3, np.float64)
            layer = stacked.build(N, n_out, HiddenParts(chosen, 0, np.float64))
            return Sequential([*chosen[0].maps.inputs(), layer])

        check_layer(build, N, name=described)


def check_embedding(embedding: Embedding) -> None:
    """Check the layer that an embedding builds, and the number of its outputs."""
    members = variants(embedding)

    def build(which: Sequence[int]) -> Layer:
        stacked: Embedding = Component.stacked([members[i] for i in which], 3, np.float64)
        return stacked.build(N)

    check_layer(build, N, name=type(embedding).__name__)
    layer = build([0])
    arrays = initial_arrays(layer, [np.random.default_rng(0)])
    y, _ = layer.forward(np.zeros((1, 2, N)), arrays_of(layer, arrays), ForwardContext(training=False))
    due = (1, 2, embedding.n_outputs(N))
    require(y.shape == due, embedding, "n_outputs is the width of the output", f"{y.shape}, must be {due}")


def _network(block: Block, n_out: int, normalization: str | None, maps: Any) -> Architecture:
    resolved = None if normalization is None else _registry.normalizations.resolve(normalization)
    return Architecture(
        N,
        (n_out,),
        1,
        (_registry.activations.resolve("swish"),),
        (resolved,),
        (_registry.initializers.resolve("glorot_normal"),) * 2,
        (0.0, 0.3),
        blocks=(block,),
        maps=maps,
    )
