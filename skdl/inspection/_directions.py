"""Planes in the space of a network's parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from skdl.inspection._fitted import unwrapped
from skdl.inspection._objective import FittedObjective, parameters_of

MARGIN = 0.2  # around a path, as a share of its extent


def trail(name: str, networks: Sequence[Any], objective: FittedObjective) -> np.ndarray:
    """The parameters of networks in a row, (n_points, P)."""
    points = [parameters_of(unwrapped(network)[0]) for network in networks]
    if not points or any(len(theta) != len(objective.theta) for theta in points):
        raise ValueError(
            f"The path {name!r} must hold networks with the {len(objective.theta)} parameters of this one."
        )
    return np.array(points)


def random_directions(objective: FittedObjective, random_state: int | None) -> np.ndarray:
    """Two directions (2, P), in which each unit's weights have the norm that they have in the network."""
    rng = np.random.default_rng(random_state)
    plane = np.zeros((2, len(objective.theta)))
    for _, role, place, shape in objective.parameters():
        if role == "weight":
            norms = np.linalg.norm(objective.theta[place].reshape(shape), axis=0)
            drawn = rng.normal(size=(2, *shape))
            plane[:, place] = (drawn / np.linalg.norm(drawn, axis=1, keepdims=True) * norms).reshape(2, -1)
    return plane


def principal_directions(
    objective: FittedObjective, trails: Mapping[str, np.ndarray]
) -> tuple[np.ndarray, tuple[str, str]]:
    """The two unit directions (2, P) in which the paths extend most from the network, with their shares."""
    differences = np.concatenate([trail - objective.theta for trail in trails.values()]) if trails else np.zeros((0, 2))
    _, sizes, axes = np.linalg.svd(differences, full_matrices=False)
    if len(sizes) < 2 or sizes[1] <= 1e-12 * sizes[0]:
        raise ValueError(
            "directions='trajectory' needs paths={name: networks}, with three networks or more: copies that were kept "
            "in training, such as [copy.deepcopy(network.partial_fit(X, y)) for epoch in range(20)]."
        )
    shares = sizes**2 / (sizes**2).sum()
    return axes[:2], (f"component 1 ({shares[0]:.0%})", f"component 2 ({shares[1]:.0%})")


def place_of(objective: FittedObjective, weight: tuple[str, int, int]) -> int:
    """The place among the parameters of a weight (layer, input, unit)."""
    layer, i, j = weight
    shapes: dict[str, tuple[int, int]] = {}
    for name, role, place, shape in objective.parameters():
        if role == "weight":
            shapes.setdefault(name, shape)
            if name == layer and -shape[0] <= i < shape[0] and -shape[1] <= j < shape[1]:
                return place.start + (i % shape[0]) * shape[1] + j % shape[1]
    raise ValueError(
        f"The network has no weight {weight!r} (layer, input, unit). The shapes of its weights are {shapes}."
    )


def around(points: Sequence[np.ndarray]) -> list[tuple[float, float]]:
    every = np.concatenate(points)
    low, high = every.min(axis=0), every.max(axis=0)
    room = MARGIN * np.maximum(high - low, 1e-3 * (high - low).max())
    return [(float(low[i] - room[i]), float(high[i] + room[i])) for i in range(2)]
