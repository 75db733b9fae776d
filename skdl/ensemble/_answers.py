"""What members answer: networks together, whose input is checked once for all, and labels in a common order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from skdl.neural._base import BaseNetwork
from skdl.neural._together import SharedLayers


def answers_by_scores(member: Any, method: str, owner: type) -> bool:
    """Whether a member is a network whose `method` is the one that the class `owner` defines."""
    kind = type(member)
    own = isinstance(member, BaseNetwork) and getattr(kind, method, None) is getattr(owner, method)
    own = own and all(getattr(kind, name) is getattr(BaseNetwork, name) for name in ("_validated", "_raw_scores"))
    return own and method not in vars(member)


class Together:
    """Networks that have learned the same columns: their input is checked once, and their layers are built once."""

    def __init__(self, networks: Mapping[int, BaseNetwork], X: Any):
        first = next(iter(networks.values()), None)
        self.networks = {i: each for i, each in networks.items() if first is each or same_columns(first, each)}
        self.X = None if first is None else first._validated(X)
        self.layers = SharedLayers()

    def __contains__(self, i: int) -> bool:
        return i in self.networks

    def scores(self, i: int) -> np.ndarray:
        """Raw scores of network i, in X's precision."""
        return self.layers.raw_scores(self.networks[i], self.X)


def same_columns(first: Any, second: Any) -> bool:
    """Whether two estimators were fitted to columns of the same number and names."""
    one: Any = getattr(first, "feature_names_in_", None)
    other: Any = getattr(second, "feature_names_in_", None)
    return first.n_features_in_ == second.n_features_in_ and (one is other or np.array_equal(one, other))


def aligned(probabilities: np.ndarray, seen: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """Columns of the classes that a member has seen, among those of all classes; the others are zero."""
    if len(seen) == len(classes):
        return probabilities
    full = np.zeros((len(probabilities), len(classes)), probabilities.dtype)
    full[:, np.searchsorted(classes, seen)] = probabilities
    return full


def votes(labels: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """Predicted labels as probabilities of zero and one."""
    return (labels[:, None] == classes).astype(np.float64)
