"""Several fitted networks asked about the same rows: what they have in common is built once."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import numpy as np

from skdl.layers.sequential import Sequential
from skdl.neural._base import BaseNetwork
from skdl.neural._parameters import layers_at_prediction


class SharedLayers:
    """The layers of networks that differ in nothing but weights; these are not copied; bits are those of each alone.

    To build them takes longer than to send a few rows through.
    """

    def __init__(self) -> None:
        self._built: dict[Hashable, Sequential] = {}

    def raw_scores(self, network: BaseNetwork, X: Any) -> np.ndarray:
        """Scores (n, n_outputs) of checked rows by a fitted network, in X's precision."""
        training = network._training
        # A structure leaves out the numbers that members of a stack may have of their own, which all are in the repr.
        key = training.architecture.structure, repr(training.architecture), training.scale is None, X.dtype
        if key not in self._built:
            self._built[key] = layers_at_prediction(training, X.dtype)
        return network._scores_by(self._built[key], X)
