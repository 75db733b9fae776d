"""The names of a network's layers: "input", "hidden_1", ..., "output"."""

from __future__ import annotations

import numbers
from collections.abc import Sequence
from typing import Any

from skdl._words import nearest

INPUT, OUTPUT = "input", "output"


def layer_names(n_hidden: int) -> list[str]:
    """The names of the layers of a network with so many hidden ones, from below.

    "input" is all that lies below the first hidden layer; what lies between the last one and the output layer belongs
    to that hidden layer.
    """
    return [INPUT, *(f"hidden_{i + 1}" for i in range(n_hidden)), OUTPUT]


def find_layer(layer: Any, names: Sequence[str], parameter: str, owner: str = "this network") -> str:
    """The name of the layer that a user has given by name or by index, which counts from the first hidden layer on.

    `names` are those of the network's layers, `parameter` is what holds the layer, and `owner` whose layers these are.
    """
    if isinstance(layer, numbers.Integral) and not isinstance(layer, bool):
        counted = [name for name in names if name != INPUT]
        index = int(layer)
        if -len(counted) <= index < len(counted):
            return counted[index]
        raise ValueError(
            f"The {parameter!r} parameter holds {layer!r}, and indices of {owner}'s layers go from {-len(counted)} to "
            f"{len(counted) - 1}: they count {counted}."
        )
    if layer not in names:
        known = f"The names of its layers are {list(names)}, and an index counts them as a list without 'input'."
        raise ValueError(
            f"The {parameter!r} parameter holds {layer!r}, and {owner} has no such layer."
            f"{nearest(layer, names) if isinstance(layer, str) else ''} {known}"
        )
    return str(layer)
