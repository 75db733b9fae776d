"""Weights that are drawn to each other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from skdl._array import Array, namespace
from skdl._constraints import NONE, Integer, ListOf, Text
from skdl._layer_names import INPUT, find_layer
from skdl._protocols import Penalty, WeightPlaces
from skdl._registry import register


@register("tied")
class Tied(Penalty):
    """Weights of several layers, or of several columns, are drawn to each other.

    R = 1/2 sum over groups, and over pairs (i, j) in a group, of ||w_i - w_j||^2,  dR/dw_i = sum_j (w_i - w_j)

    w_i are all weights of layer i, or all weights that column i of X has in the first layer. With a large `alpha` a
    group ends as one set of weights, its mean. The lecture's form of a pair, ||w_1 - w_2||^2 without the half, has
    twice this `alpha`.

    Parameters
    ----------
    layers : list of lists of str or int, default=None
        Groups of layers of the same shape, by their names, "hidden_1", ..., "output", or their indices, which count
        hidden layers from 0 on and the output after them, -1. Layers that are frozen cannot be in one. None, with
        `columns=None` too, for groups of all trained layers that have one shape.
    columns : list of lists of int, default=None
        Groups of columns of X, by their indices, such as pixels side by side. The network must take its inputs as they
        are (`encoding=None`).

    Shape
    -----
    weights (k, W) -> value (k,), gradient (k, W)

    References
    ----------
    I. Goodfellow, Y. Bengio, A. Courville, "Deep Learning", 2016, section 7.9.

    Examples
    --------
    >>> from skdl import MLPRegressor
    >>> from skdl.penalties import Tied
    >>> MLPRegressor((), penalty=Tied(columns=[[0, 1]]), alpha=1.0)
    MLPRegressor(alpha=1.0, hidden_layer_sizes=(), penalty=Tied(columns=[[0, 1]]))
    """

    constraints = {
        "layers": NONE | ListOf(ListOf(Text() | Integer())),
        "columns": NONE | ListOf(ListOf(Integer(0))),
    }
    is_separable = False

    def __init__(
        self, layers: Sequence[Sequence[str | int]] | None = None, columns: Sequence[Sequence[int]] | None = None
    ):
        self.layers = layers
        self.columns = columns

    def for_weights(self, places: WeightPlaces) -> Penalty:
        return _TiedPlaces([*self._of_layers(places), *self._of_columns(places)])

    def _of_layers(self, places: WeightPlaces) -> Iterator[np.ndarray]:
        """The indices of the weights of each group of layers, (members, weights)."""
        if self.layers is None and self.columns is None:
            names = [name for name in places.layers if name != INPUT]  # whose weights are points of categories
            shapes = {name: tuple(each.shape for each in places.layers[name]) for name in names}
            groups = [[name for name in names if shapes[name] == shape] for shape in dict.fromkeys(shapes.values())]
            groups = [group for group in groups if len(group) > 1]
            if not groups:
                raise ValueError(f"penalty=Tied() ties trained layers of one shape, and no two of {names} have one.")
        else:
            groups = [[_layer(each, places) for each in group] for group in self.layers or []]
        for group in groups:
            _require_several(group, "layers")
            weights = [np.concatenate([matrix.ravel() for matrix in places.layers[name]]) for name in group]
            shapes_of = [[matrix.shape for matrix in places.layers[name]] for name in group]
            if any(each != shapes_of[0] for each in shapes_of):
                listed = ", ".join(f"{name} {each}" for name, each in zip(group, shapes_of, strict=True))
                raise ValueError(f"The 'layers' parameter of Tied must group layers of one shape. Got {listed}.")
            yield np.stack(weights)

    def _of_columns(self, places: WeightPlaces) -> Iterator[np.ndarray]:
        if self.columns and not len(places.inputs):
            raise ValueError(
                "The 'columns' parameter of Tied needs a network that takes the columns of X as they are. Set "
                "encoding=None, or tie layers."
            )
        for group in self.columns or []:
            _require_several(group, "columns")
            if max(group, default=0) >= len(places.inputs):
                raise ValueError(
                    f"The 'columns' parameter of Tied holds {max(group)}, and X has {len(places.inputs)} columns."
                )
            yield np.stack([places.inputs[j].ravel() for j in group])

    def value(self, weights: Array) -> Array:
        raise TypeError("Tied is a penalty of a network's weights: `for_weights` makes it that of certain ones.")

    gradient = value


def _require_several(group: Sequence[Any], name: str) -> None:
    if len(group) < 2 or len(set(group)) < len(group):
        raise ValueError(
            f"Each group of the {name!r} parameter of Tied must hold two or more, each once. Got {group!r}."
        )


def _layer(given: str | int, places: WeightPlaces) -> str:
    """The name of a layer by name or index, which counts layers that are not trained, too."""
    name = find_layer(given, places.names, "layers", "the network of this Tied")
    if name not in places.layers:
        raise ValueError(
            f"The 'layers' parameter of Tied holds {given!r}, and layer {name!r} has no weights of its own that "
            f"are trained. Those that have are {list(places.layers)}."
        )
    return name


class _TiedPlaces(Penalty):
    """`Tied` of the weights at certain places.

    Parameters
    ----------
    groups : list of int arrays of shape (members, weights)
    """

    is_separable = False

    def __init__(self, groups: Any):
        self.groups = groups

    def value(self, weights: Array) -> Array:
        xp = namespace(weights)
        total = xp.zeros(weights.shape[0], dtype=weights.dtype)
        for group in self.groups:
            from_mean = self._from_mean(weights, group)
            # Over pairs, the squared distances are the members times those to the mean.
            total = total + 0.5 * len(group) * xp.sum((from_mean * from_mean).reshape(len(weights), -1), axis=-1)
        return total

    def gradient(self, weights: Array) -> Array:
        slope = namespace(weights).zeros_like(weights)
        for group in self.groups:
            slope[:, group] += len(group) * self._from_mean(weights, group)  # no place is twice in a group
        return slope

    @staticmethod
    def _from_mean(weights: Array, group: np.ndarray) -> Array:
        xp = namespace(weights)
        tied = xp.take(weights, group, axis=1)  # (k, members, weights)
        return tied - xp.mean(tied, axis=1, keepdims=True)
