"""Several fitted networks asked about the same few rows: their weights are stacked, and they answer at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np

from skdl.engine import Network
from skdl.engine.network import BLAS_ALONE_BELOW
from skdl.neural._base import BaseNetwork
from skdl.neural._parameters import layer_arrays, prediction_architecture


def stacked_scores(networks: Sequence[BaseNetwork], X: Any) -> list[np.ndarray | None]:
    """Raw scores (n, n_outputs) of checked rows by each network, to the bits that it gives alone; None to ask it alone.

    For few rows nearly all of the time goes into calls that take as long for a stack as for one network. For many it
    would go into copies of the weights and of what is computed with them.
    """
    scores: list[np.ndarray | None] = [None] * len(networks)
    if not isinstance(X, np.ndarray):
        return scores
    architectures = [prediction_architecture(network._training.architecture) for network in networks]
    groups: dict[Hashable, list[int]] = defaultdict(list)
    for i, architecture in enumerate(architectures):
        if len(X) * architecture.largest_map < BLAS_ALONE_BELOW:
            groups[architecture.structure].append(i)
    for group in groups.values():
        each = [layer_arrays(*networks[i]._coefficients(), networks[i]._between, X.dtype) for i in group]
        stacked = [
            {name: np.concatenate([arrays[layer][name] for arrays in each]) for name in named}
            for layer, named in enumerate(each[0])
        ]
        together = Network([architectures[i] for i in group], X.dtype).scores(X[None], stacked)
        for i, found in zip(group, together, strict=True):
            scores[i] = found
    return scores
