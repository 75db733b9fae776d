"""Rules for blocks: those of the layers that they build."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from skdl import _registry
from skdl._component import Component
from skdl._protocols import Block, Layer
from skdl.layers.architecture import Architecture, HiddenParts
from skdl.layers.batch_ensemble import BatchEnsembleMaps
from skdl.layers.dense import OrdinaryMaps
from skdl.layers.sequential import Sequential
from skdl.testing._built_layers import check_layer
from skdl.testing._rules import N, variants


def check_block(block: Block) -> None:
    """Check the layers that a block builds: with and without normalization, of one width and of two, in both maps.

    One that says so takes units of several pieces, too.
    """
    members = variants(block)
    for n_out, normalization, maps, activation in (
        (N, None, OrdinaryMaps(), "swish"),
        (N - 1, None, OrdinaryMaps(), "swish"),
        (N, "batch", OrdinaryMaps(), "swish"),
        (N - 1, "layer", BatchEnsembleMaps(2), "swish"),
        *[(N - 1, "batch", maps, "maxout") for maps in (OrdinaryMaps(), BatchEnsembleMaps(2)) if block.takes_pieces],
    ):
        networks = [_network(member, n_out, normalization, maps, activation) for member in members]
        described = f"{type(block).__name__} from {N} to {n_out} units of {activation}, normalization {normalization}"

        def build(which: Sequence[int], networks: Any = networks, n_out: int = n_out) -> Layer:
            chosen = [networks[i] for i in which]
            stacked: Block = Component.stacked([network.blocks[0] for network in chosen], 3, np.float64)
            layer = stacked.build(N, n_out, HiddenParts(chosen, 0, np.float64, ((N, 1),)))
            return Sequential([*chosen[0].maps.inputs(), layer])

        check_layer(build, N, name=described)


def _network(block: Block, n_out: int, normalization: str | None, maps: Any, activation: str) -> Architecture:
    resolved = None if normalization is None else _registry.normalizations.resolve(normalization)
    return Architecture(
        N,
        (n_out,),
        1,
        (_registry.activations.resolve(activation),),
        (resolved,),
        (_registry.initializers.resolve("glorot_normal"),) * 2,
        (0.0, 0.3),
        blocks=(block,),
        maps=maps,
    )
