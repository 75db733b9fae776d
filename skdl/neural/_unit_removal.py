"""Units taken out of a trained network: which can be, which are to be, and the smaller network's training."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Any, NamedTuple

import numpy as np
from sklearn.base import clone

from skdl._layer_names import layer_names
from skdl._protocols import ForwardContext, Layer
from skdl.engine import Network
from skdl.engine.layout import Layout
from skdl.execution.predict import predict
from skdl.layers.architecture import Architecture
from skdl.neural._fit import NetworkFit
from skdl.neural._parameters import unfolded_layers
from skdl.neural._training import Training

Flat = np.ndarray


class Between(NamedTuple):
    """Two affine maps with nothing but steps by unit between them, by their leaves."""

    lower: int
    upper: int

    @property
    def steps(self) -> range:
        """The leaves between the two."""
        return range(self.lower + 1, self.upper)


@dataclass(frozen=True)
class UnitGroup:
    """Units that can be taken out: those between two affine maps, and which of them stay.

    Parameters
    ----------
    place : Between
    layer : int
        The number of the hidden layer, from 0 on.
    is_inner : bool
        Whether they are units inside of the layer's block, rather than the layer's own.
    kept : int array
    n_units : int
        Before any is taken out.
    n_pieces : int
        Numbers of the lower map that a unit takes, which lie n_units apart in it.
    means : array of shape (n_units,) or None
        What each gives in the mean of some rows.
    """

    place: Between
    layer: int
    is_inner: bool
    kept: np.ndarray
    n_units: int
    n_pieces: int
    means: np.ndarray | None = None

    @property
    def kept_below(self) -> np.ndarray:
        """The columns of the lower map that stay."""
        return (self.n_units * np.arange(self.n_pieces)[:, None] + self.kept).ravel()

    def kept_of(self, size: int) -> np.ndarray | slice:
        """What stays of `size` numbers of a step between the maps: one of each piece or unit, or one for all."""
        if size == self.n_units * self.n_pieces:
            return self.kept_below
        return self.kept if size == self.n_units else slice(None)


def choose_units(
    training: Training,
    engine: Network,
    weights: Flat,
    names: Sequence[str],
    amount: float | None,
    threshold: float | None,
    X: Any,
    *,
    is_global: bool,
) -> list[UnitGroup]:
    """The units between affine maps in layers of these names, with those that stay; at least one does in each.

    `weights` (1, P) are those whose norms count, and X are checked rows, or None.
    """
    architecture = training.architecture
    ends = np.array(list(accumulate(architecture.outline.sections)))
    known = layer_names(len(architecture.widths))
    views = engine.layout.views(weights)
    found: list[UnitGroup] = []
    scores: list[np.ndarray] = []
    for place in _pairs(engine.root, 0):
        lower, upper = (int(np.searchsorted(ends, leaf, side="right")) for leaf in place)
        is_inner = lower == upper
        if known[lower] not in names or (is_inner and architecture.blocks[lower - 1].resized(1, 1) is None):
            continue
        into, out = _weight(engine, views, place.lower), _weight(engine, views, place.upper)
        n_units = len(out)
        means, size = None, np.linalg.norm(into.reshape(-1, n_units), axis=0)  # a unit's pieces one under the other
        if X is not None:
            means, size = _moments(training, X, place.upper)
        scores.append(size * np.linalg.norm(out, axis=1))
        n_pieces = into.shape[1] // n_units
        found.append(UnitGroup(place, lower - 1, is_inner, np.arange(n_units), n_units, n_pieces, means))
    missing = [name for name in names if all(known[group.layer + 1] != name for group in found)]
    if not found or (missing and len(names) < len(known) - 2):  # layers that the user has named
        raise ValueError(
            f"No units can be taken out of {', '.join(missing)}: what comes out of a residual block, or is added to by "
            "one, has to stay, and so have units inside a block whose class does not define `resized`."
        )
    parts = _least(scores, amount, threshold, is_global=is_global)
    return [
        replace(group, kept=np.flatnonzero(_with_largest(~part, score)))
        for group, score, part in zip(found, scores, parts, strict=True)
    ]


def _moments(training: Training, X: Any, leaf: int) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation over the rows X of what comes into a leaf; of equal numbers exactly that, and 0."""
    layers, arrays = unfolded_layers(training, np.float64)
    values = predict(layers, X.astype(np.float64), arrays, into=layers.n_before + leaf)
    apart = values - values[0]
    return values[0] + apart.mean(axis=0), apart.std(axis=0)


def _pairs(layer: Layer, start: int) -> Iterator[Between]:
    """Neighbouring affine maps in a layer whose first leaf is number `start`, with no layers of layers between them."""
    in_a_row = layer.steps() != [layer]
    lower: int | None = None
    for child in layer.children:
        if child.children:
            yield from _pairs(child, start)
            lower = None
        elif in_a_row and any(spec.role == "weight" for spec in child.parameters()):
            if lower is not None:
                yield Between(lower, start)
            lower = start
        start += child.n_leaves


def _least(
    scores: Sequence[np.ndarray], amount: float | None, threshold: float | None, *, is_global: bool
) -> list[np.ndarray]:
    """For each group a mask of the units that are to be taken out."""
    if amount is None:
        return [score <= threshold for score in scores]
    whole = [np.concatenate(scores)] if is_global else scores
    masks = []
    for score in whole:
        mask = np.zeros(len(score), dtype=bool)
        mask[np.argsort(score, kind="stable")[: round(amount * len(score))]] = True
        masks.append(mask)
    return np.split(masks[0], np.cumsum([len(score) for score in scores])[:-1]) if is_global else masks


def _with_largest(kept: np.ndarray, score: np.ndarray) -> np.ndarray:
    """The units that stay, or the first of the largest ones where none would."""
    if not kept.any():
        kept[score.argmax()] = True
    return kept


def _weight(engine: Network, views: Sequence[Mapping[str, np.ndarray]], leaf: int) -> np.ndarray:
    [spec] = [spec for spec in engine.leaves[leaf].parameters() if spec.role == "weight"]
    return views[leaf][spec.name][0]


def without_units(
    network: Any, training: Training, engine: Network, groups: Sequence[UnitGroup]
) -> tuple[dict[str, Any], Training]:
    """The parameters of the network that change, and the training of the network that has only the units kept."""
    if network.prior is not None:
        raise ValueError("structured=True takes no network with a 'prior', whose shapes are those of all units.")
    before = training.architecture
    if before.tied:
        _check_tied(before, groups)
    changes = _parameters(network, before, groups)
    if network.init is not None:
        changes["init"] = None  # whose layers have all units
    settings = NetworkFit(clone(network).set_params(**changes)).settings
    architecture = settings.architecture_for(
        before.n_inputs, before.n_outputs, before.columns, encoded=training.is_encoded
    )
    smaller = Network([architecture], np.float64)
    rows = {group.place.upper: group.kept for group in groups}
    columns = {leaf: group for group in groups for leaf in (group.place.lower, *group.place.steps)}
    state = training.state
    theta = _constants_moved(engine, state.theta, state.buffers, groups)

    def parameters(flat: Flat) -> Flat:
        return _taken(flat, engine.layout, smaller.layout, rows, columns)

    mask = None if state.mask is None else parameters(state.mask)
    state = replace(
        state,
        theta=parameters(theta),
        buffers=_taken(state.buffers, engine.buffer_layout, smaller.buffer_layout, rows, columns),
        optimizer_state={name: parameters(array) for name, array in state.optimizer_state.items()},
        mask=None if mask is None or mask.all() else mask,
    )
    return changes, replace(training, state=state, architecture=architecture)


def _check_tied(architecture: Architecture, groups: Sequence[UnitGroup]) -> None:
    """Raise for units of other layers than the code, each of which has another layer with the same weights."""
    code = len(architecture.widths) // 2
    if any(group.layer != code and len(group.kept) < group.n_units for group in groups):
        raise ValueError(
            f"structured=True takes no units but those of the code out of a network with tied=True. Give layers="
            f"[{layer_names(len(architecture.widths))[code + 1]!r}], or prune its weights: structured=False."
        )


def _parameters(network: Any, architecture: Architecture, groups: Sequence[UnitGroup]) -> dict[str, Any]:
    """The constructor's arguments of the network with the units that are kept."""
    widths, blocks = list(architecture.widths), list(architecture.blocks)
    for group in groups:
        if not group.is_inner:
            widths[group.layer] = len(group.kept)
    changes: dict[str, Any] = network._of_widths(tuple(widths))
    for group in groups:
        if group.is_inner:
            block = blocks[group.layer].resized(widths[group.layer], len(group.kept))
            assert block is not None  # or it would be no group
            blocks[group.layer] = block
            changes["layer"] = blocks
    return changes


def _constants_moved(engine: Network, theta: Flat, buffers: Flat, groups: Sequence[UnitGroup]) -> Flat:
    """The parameters with what units that are taken out give in the biases above.

    That is their means where these are known; else it is known of units that no weights lead to.
    """
    exact = theta.astype(np.float64)
    arrays = engine.arrays(exact, buffers.astype(np.float64))
    context = ForwardContext(training=False)
    present: dict[int, np.ndarray] = {}  # the inputs of an affine map that have stayed
    for group in groups:
        place, roles = group.place, {spec.role: spec.name for spec in engine.leaves[group.place.upper].parameters()}
        present[place.upper] = group.kept
        into = _weight(engine, arrays, place.lower)
        into = into[present[place.lower]] if place.lower in present else into
        is_gone = np.ones(group.n_units, dtype=bool)
        is_gone[group.kept] = False
        if "bias" not in roles:
            continue
        if group.means is not None:
            gone, x = np.flatnonzero(is_gone), group.means[None, None]
        elif any(_mixes(engine.leaves[leaf]) for leaf in place.steps):
            continue
        else:
            gone = np.flatnonzero(is_gone & ~into.reshape(-1, group.n_units).any(axis=0))
            lower = {spec.role: spec.name for spec in engine.leaves[place.lower].parameters()}
            x = arrays[place.lower][lower["bias"]].copy() if "bias" in lower else np.zeros((1, 1, into.shape[1]))
            for leaf in place.steps:
                x, _ = engine.leaves[leaf].forward(x.copy(), arrays[leaf], context)
        arrays[place.upper][roles["bias"]] += x[:, :, gone] @ _weight(engine, arrays, place.upper)[gone]
    return exact.astype(theta.dtype)


def _mixes(leaf: Layer) -> bool:
    """True for a normalization whose statistics are of several units."""
    return any(spec.role == "normalization" for spec in leaf.parameters()) and leaf.fixed_map() is None


def _taken(
    flat: Flat, old: Layout, new: Layout, rows: Mapping[int, np.ndarray], columns: Mapping[int, UnitGroup]
) -> Flat:
    """The numbers of a flat array (1, n) that the smaller layout has.

    `rows` are those of a leaf's weights that stay, and `columns` are the units that the columns of all that a leaf has
    belong to.
    """
    values: list[dict[str, np.ndarray]] = [{} for _ in range(old.n_leaves)]
    for leaf, spec, view in old.placed(flat):
        value = view[0]
        if spec.role == "weight" and leaf in rows:
            value = value[rows[leaf]]
        if leaf in columns:
            value = value[:, columns[leaf].kept_of(value.shape[1])]
        values[leaf][spec.name] = value
    smaller = np.empty((1, new.size), flat.dtype)
    for leaf, spec, view in new.placed(smaller):
        value = values[leaf][spec.name]
        if value.shape != spec.shape:
            raise ValueError(
                f"Units cannot be taken out of this network: its {spec.name} of shape {value.shape} would have to have "
                f"the shape {spec.shape}."
            )
        view[0] = value
    return smaller
