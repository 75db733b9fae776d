"""Places for the nodes of a graph in layers: few crossings, short edges, and no edge behind a box.

After K. Sugiyama, S. Tagawa, M. Toda, "Methods for visual understanding of hierarchical system structures", IEEE
Transactions on Systems, Man, and Cybernetics 11, 1981: an edge over several layers goes through a place of its own in
each; the places of a layer are ordered by the middle of their neighbours, and then drawn to it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np

SWEEPS = 12
NARROW = 0.45  # the height of a place that an edge goes through, where that of a node is 1


class LayeredLayout:
    """Nodes and edges in the plane.

    Parameters
    ----------
    depths : mapping from names to the longest way from an input, in the order of the nodes
    edges : sequence of (source, target)

    Attributes
    ----------
    places : dict from names to (layer, height)
    routes : list, for each edge, of the places that it goes through, from its source to its target
    """

    def __init__(self, depths: Mapping[str, int], edges: Sequence[tuple[str, str]]):
        self.layer_of: dict[object, int] = {name: depth for name, depth in depths.items()}  # noqa: C416
        for name, depth in depths.items():  # an input stands just before what first uses it
            users = [depths[target] for source, target in edges if source == name]
            if not depth and users:
                self.layer_of[name] = min(users) - 1
        self.chains = [self._chain(number, source, target) for number, (source, target) in enumerate(edges)]
        self.layers: list[list[object]] = [[] for _ in range(max(self.layer_of.values()) + 1)]
        late = [name for name, depth in depths.items() if not depth and self.layer_of[name]]
        for item in [*(item for item in self.layer_of if item not in late), *late]:
            self.layers[self.layer_of[item]].append(item)
        self.links = list(dict.fromkeys(pair for chain in self.chains for pair in pairwise(chain)))
        self.neighbours: dict[object, list[object]] = {item: [] for item in self.layer_of}
        for one, other in self.links:
            self.neighbours[one].append(other)
            self.neighbours[other].append(one)
        self._order()
        heights = self._heights()
        self.places = {name: (float(self.layer_of[name]), heights[name]) for name in depths}
        self.routes = [[(float(self.layer_of[item]), heights[item]) for item in chain] for chain in self.chains]

    def _chain(self, number: int, source: str, target: str) -> list[object]:
        """An edge as steps of one layer each."""
        between = range(self.layer_of[source] + 1, self.layer_of[target])
        items: list[object] = [(number, layer) for layer in between]
        self.layer_of |= dict(zip(items, between, strict=True))
        return [source, *items, target]

    def _order(self) -> None:
        """Order each layer by the middle of its neighbours, to and fro; the order with the fewest crossings stays."""
        best, fewest = [list(layer) for layer in self.layers], self._crossings()
        for sweep in range(SWEEPS):
            numbers = range(len(self.layers)) if sweep % 2 == 0 else range(len(self.layers) - 1, -1, -1)
            for number in numbers:
                ranks = {item: i / max(len(layer) - 1, 1) for layer in self.layers for i, item in enumerate(layer)}
                middles = {
                    item: np.mean([ranks[each] for each in self.neighbours[item]] or [ranks[item]])
                    for item in self.layers[number]
                }
                self.layers[number].sort(key=lambda item: middles[item])
            crossings = self._crossings()
            if crossings < fewest:
                best, fewest = [list(layer) for layer in self.layers], crossings
        self.layers = best

    def _crossings(self) -> int:
        ranks = {item: i for layer in self.layers for i, item in enumerate(layer)}
        pairs: list[list[tuple[int, int]]] = [[] for _ in self.layers]
        for one, other in self.links:
            pairs[self.layer_of[one]].append((ranks[one], ranks[other]))
        count = 0
        for between in pairs:
            ends = np.array(between).reshape(-1, 2)
            count += int(np.sum(np.prod(ends[:, None] - ends, axis=2) < 0)) // 2
        return count

    def _heights(self) -> dict[object, float]:
        """Draw each place to the middle of its neighbours, as near as the order and the sizes allow."""
        sizes = {item: 1.0 if isinstance(item, str) else NARROW for item in self.layer_of}
        heights: dict[object, float] = {}
        for layer in self.layers:
            ends = np.cumsum([sizes[item] for item in layer])
            heights |= {
                item: float(end - sizes[item] / 2 - ends[-1] / 2) for item, end in zip(layer, ends, strict=True)
            }
        for sweep in range(SWEEPS):
            for layer in self.layers if sweep % 2 == 0 else self.layers[::-1]:
                wanted = [
                    float(np.mean([heights[each] for each in self.neighbours[item]] or [heights[item]]))
                    for item in layer
                ]
                apart = np.array([sizes[item] for item in layer])
                offsets = np.concatenate([[0.0], np.cumsum((apart[1:] + apart[:-1]) / 2)])
                heights |= dict(zip(layer, _rising(np.array(wanted) - offsets) + offsets, strict=True))
        return heights


def _rising(values: np.ndarray) -> np.ndarray:
    """The nearest numbers, by squares, that do not fall: neighbours that would are put together at their mean."""
    blocks: list[list[float]] = []  # [mean, how many]
    for value in values:
        blocks.append([float(value), 1])
        while len(blocks) > 1 and blocks[-2][0] > blocks[-1][0]:
            mean, n = blocks.pop()
            before, m = blocks.pop()
            blocks.append([(mean * n + before * m) / (n + m), n + m])
    return np.concatenate([np.full(int(n), mean) for mean, n in blocks])
