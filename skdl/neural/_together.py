"""Several fitted networks asked about the same rows: what they have in common is built once."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import numpy as np

from skdl.engine import Network
from skdl.neural._base import BaseNetwork
from skdl.neural._parameters import prediction_architecture


class SharedLayers:
    """The layers of networks that differ in nothing but weights; these are not copied; bits are those of each alone.

    To build them takes longer than to send a few rows through.
    """

    def __init__(self) -> None:
        self._built: dict[Hashable, Network] = {}

    def raw_scores(self, network: BaseNetwork, X: Any) -> np.ndarray:
        """Scores (n, n_outputs) of checked rows by a fitted network, in X's precision."""
        architecture = prediction_architecture(network._training.architecture)
        # A structure leaves out the numbers that members of a stack may have of their own, which all are in the repr.
        key = architecture.structure, repr(architecture), X.dtype
        if key not in self._built:
            self._built[key] = Network([architecture], X.dtype)
        return network._scores_by(self._built[key], X)
