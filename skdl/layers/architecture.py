"""A network as a description, and the one function that builds its layers."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from itertools import accumulate
from typing import Any, NamedTuple, Protocol

from skdl._component import Component
from skdl._protocols import (
    Activation,
    Block,
    CategoryEncoding,
    Initializer,
    InputColumns,
    Layer,
    Normalization,
    NumberEncoding,
    Parts,
    Penalty,
)
from skdl._structure import PER_MEMBER, counts_by, structure_of
from skdl.layers.activation import ActivationLayer
from skdl.layers.activity import ActivityPenalty
from skdl.layers.columns import ColumnEncoding
from skdl.layers.dense import DenseBlock, OrdinaryMaps, Widths
from skdl.layers.dropout import Dropout
from skdl.layers.frozen import frozen
from skdl.layers.noise import GaussianNoise
from skdl.layers.normalization import NormalizationLayer
from skdl.layers.pieces import EachPiece
from skdl.layers.prediction import PredictionLayers, affine_leaves, prediction_layers
from skdl.layers.scale import Scale
from skdl.layers.sequential import Sequential
from skdl.layers.tied import tied_map

ORDINARY = OrdinaryMaps()
OUTLINES = 1024  # structures whose outlines are kept
FIRST_WEIGHT, LAST_WEIGHT = "first_weight", "last_weight"  # of the affine maps, in the order in which a row passes them


class AffineMaps(Protocol):
    """The maker of a network's affine maps: an ordinary one's, or those of a batch ensemble."""

    def inputs(self) -> list[Layer]:
        """The layers below the first hidden layer."""
        ...

    def hidden(self, n_in: int, n_out: int, initializers: Sequence[Initializer], *, columns: Widths) -> Layer:
        """A map of a hidden layer; of the first one, with the columns that its inputs belong to."""
        ...

    def output(self, n_in: int, n_out: int, initializers: Sequence[Initializer], *, bias: bool) -> Layer:
        """The map that gives the scores."""
        ...


@dataclass(frozen=True)
class Architecture:
    """One member's network, as a description.

    Parameters
    ----------
    n_inputs, n_outputs : int
    widths : tuple of int
        Units of each hidden layer; empty for a linear model.
    activations, normalizations : tuples with one entry a hidden layer
    initializers : tuple with one entry a hidden layer, and one for affine maps without an activation
    dropouts : tuple of float
        Probabilities of dropping: the inputs' first, then one for each hidden layer's output.
    dropout_inverted : bool
        Whether what is kept is scaled up in training, rather than all scaled down at prediction.
    activity : Penalty or None
        A penalty on hidden activations, with its factor `activity_alpha`.
    output_bias : bool
        Whether the last affine map of an ordinary network has a bias.
    blocks : tuple with one entry a hidden layer
        How each is built; by default all are dense.
    encoding : NumberEncoding or None
        What becomes of each number of the inputs first; None for the number itself.
    category_encoding : CategoryEncoding or None
        What becomes of the codes of categories, where there are columns of them.
    columns : InputColumns or None
        The kinds of the inputs; None where all are numbers, and none is missing.
    input_scale : bool
        Whether what the inputs have become is multiplied by factors that are learned.
    maps : OrdinaryMaps or BatchEnsembleMaps
        Who makes the affine maps.
    frozen : tuple of int
        Layers whose arrays are constants, by their places among `layer_names`.
    n_cut : int
        Layers that are left out, from the first one on: the inputs are what they give.
    noise : float
        Standard deviation of the noise on the inputs.
    tied : bool
        Whether the maps of the upper half have the weights of those of the lower half, transposed: the last one those
        of the first. The maps are ordinary ones, with widths that fit, and each block has one of them.
    """

    n_inputs: int
    widths: tuple[int, ...]
    n_outputs: int
    activations: tuple[Activation, ...]
    normalizations: tuple[Normalization | None, ...]
    initializers: tuple[Initializer, ...] = field(metadata=PER_MEMBER)  # each draws by itself
    dropouts: tuple[float, ...] = field(  # a stack holds the probabilities of layers that drop at all
        metadata=counts_by(lambda network: tuple(probability > 0 for probability in network.dropouts))
    )
    dropout_inverted: bool = True
    activity: Penalty | None = None
    activity_alpha: float = field(default=0.0, metadata=PER_MEMBER)
    output_bias: bool = True
    blocks: tuple[Block, ...] = ()
    encoding: NumberEncoding | None = None
    category_encoding: CategoryEncoding | None = None
    columns: InputColumns | None = None
    input_scale: bool = False
    maps: AffineMaps = ORDINARY
    frozen: tuple[int, ...] = ()
    n_cut: int = 0
    noise: float = field(default=0.0, metadata=counts_by(lambda network: network.noise > 0))
    tied: bool = False

    def __post_init__(self) -> None:
        if not self.blocks:
            object.__setattr__(self, "blocks", (DenseBlock(),) * len(self.widths))

    def __getstate__(self) -> dict[str, Any]:
        return {each.name: getattr(self, each.name) for each in fields(self)}  # what is cached is not kept in files

    def leaves_of(self, layers: Sequence[int]) -> set[int]:
        """The leaves of some layers, which are given by their places among `layer_names`."""
        ends = list(accumulate(self.outline.sections, initial=0))
        return {leaf for i in layers for leaf in range(ends[i], ends[i + 1])}

    def with_frozen(self, frozen: Sequence[int]) -> Architecture:
        """The network with some layers frozen, of which those are cut off that nothing learned or random lies below."""
        n_cut = 0
        for i, layer in enumerate(build_sections([self], float)):
            if i not in frozen or layer.repeats > 1 or any(leaf.is_random for leaf in layer.leaves()):
                break
            n_cut += 1
        return replace(self, frozen=tuple(frozen), n_cut=n_cut)

    @cached_property
    def structure(self) -> Hashable:
        """A value that is equal for networks which may share a stack."""
        return structure_of(self)

    @cached_property
    def outline(self) -> Outline:
        """Sizes of the network; of one structure, they are found once."""
        key = self.structure
        found = _OUTLINES.get(key)
        if found is None:
            if len(_OUTLINES) >= OUTLINES:
                _OUTLINES.clear()
            found = _OUTLINES[key] = _outline(self)
        return found

    @cached_property
    def _at_prediction(self) -> dict[tuple[Any, bool], PredictionLayers]:
        return {}

    def at_prediction(self, dtype: Any, *, standardised: bool) -> PredictionLayers:
        """The layers at prediction, which are built once; `standardised` tells whether training scaled the inputs."""
        found = self._at_prediction.get((dtype, standardised))
        if found is None:
            found = prediction_layers(build_layers([self], dtype), self.n_inputs, standardised=standardised)
            self._at_prediction[dtype, standardised] = found
        return found


class Outline(NamedTuple):
    """Sizes of a network."""

    n_parameters: int
    n_activations: int  # numbers that a step makes of a row
    largest_product: int  # multiplications of the largest matrix product with one row
    coefficients: tuple[tuple[int, int], ...]  # shapes of the public ones of each affine map
    intercepts: tuple[tuple[int], ...]
    from_population: bool  # whether statistics of all rows are taken after training
    sections: tuple[int, ...]  # leaves of each of `layer_names`
    learned: tuple[int, ...]  # and parameters
    roles: tuple[str, ...]  # by which factors of the learning rate and of weight decay find parameters


_OUTLINES: dict[Hashable, Outline] = {}


def _outline(network: Architecture) -> Outline:
    sections, n_inputs = build_sections([network], float), network.n_inputs
    root = Sequential(sections[network.n_cut :])
    leaves, cost, affine = root.leaves(), root.cost(), affine_leaves(root)
    specs = [spec for leaf in leaves for spec in leaf.parameters()]
    return Outline(
        sum(spec.size for spec in specs),
        root.repeats * n_inputs + 2 * cost.n_activations,  # each with its gradient, but for the inputs
        cost.largest_product,
        tuple(each.weight.shape for each in affine),
        tuple((each.n_biases,) for each in affine),
        any(leaf.from_population for leaf in leaves),
        tuple(section.n_leaves for section in sections),
        tuple(sum(spec.size for leaf in section.leaves() for spec in leaf.parameters()) for section in sections),
        tuple(sorted({FIRST_WEIGHT, LAST_WEIGHT, *(spec.group for spec in specs)})),
    )


def build_layers(members: Sequence[Architecture], dtype: Any) -> Sequential:
    """The layers of k members of one structure; numbers that differ between members become columns."""
    return Sequential(build_sections(members, dtype)[members[0].n_cut :])


def build_sections(members: Sequence[Architecture], dtype: Any) -> list[Layer]:
    """The same with what is cut off, as one layer for each of `layer_names`."""
    first = members[0]
    encoding, columns = _input_encoding(members, dtype)
    width = sum(n * each for n, each in columns)
    inputs: list[Layer] = []
    if first.noise > 0:
        inputs.append(GaussianNoise(first.n_inputs, [member.noise for member in members]))
    if encoding is not None:
        inputs.append(encoding)
    if first.input_scale:
        inputs.append(Scale(width))
    inputs += [*first.maps.inputs(), *_dropout(members, 0)]
    sections: list[Layer] = [Sequential(inputs)]
    for i, n_out in enumerate(first.widths):
        block = Component.stacked([member.blocks[i] for member in members], 3, dtype)
        parts = HiddenParts(members, i, dtype, columns if i == 0 else ())
        head = block.head(n_out, parts) if i + 1 == len(first.widths) else ()
        sections.append(Sequential([block.build(width, n_out, parts), *head]))
        width = n_out
    initializers, n_hidden = [member.initializers[-1] for member in members], len(first.widths)
    if first.tied:
        sections.append(tied_map(n_hidden, n_hidden + 1, width, first.n_outputs, initializers))
    else:
        sections.append(first.maps.output(width, first.n_outputs, initializers, bias=first.output_bias))
    lowest = next((i for i in range(len(sections)) if i not in first.frozen), len(sections))  # that learns
    return [
        frozen(section, below_all=i < lowest) if i in first.frozen else section for i, section in enumerate(sections)
    ]


def _input_encoding(members: Sequence[Architecture], dtype: Any) -> tuple[Layer | None, Widths]:
    """The layer that encodes the inputs, or None where they stay as they are, and how wide each column is then."""
    first = members[0]
    # Nothing as long as the number of inputs is made for plain numbers: a file may claim any number of them.
    n_categories = () if first.columns is None else tuple(n for n in first.columns.n_categories if n)
    n_numbers = first.n_inputs - len(n_categories)
    width, numbers, categories = 1, None, None
    if first.encoding is not None and n_numbers:
        encodings = [member.encoding for member in members if member.encoding is not None]
        numbers = Component.stacked(encodings, 3, dtype).build(n_numbers)
        width = first.encoding.width
    if first.columns is None:
        return numbers, ((n_numbers, width),)
    widths = [(n_numbers, width), (sum(first.columns.has_missing), 1)]
    if first.category_encoding is not None and n_categories:
        of_categories = [member.category_encoding for member in members if member.category_encoding is not None]
        categories = Component.stacked(of_categories, 3, dtype).build(n_categories)
        widths += [(1, each) for each in first.category_encoding.widths(n_categories)]
    return ColumnEncoding(first.columns, numbers, categories), tuple(widths)


def _dropout(members: Sequence[Architecture], i: int) -> list[Layer]:
    if not members[0].dropouts[i] > 0:
        return []
    return [Dropout([member.dropouts[i] for member in members], members[0].dropout_inverted)]


class HiddenParts(Parts):
    """The parts of hidden layer i of some members; of the first one, whose inputs belong to these columns."""

    def __init__(self, members: Sequence[Architecture], i: int, dtype: Any, columns: Widths = ()):
        self.members, self.i, self.dtype, self.columns = members, i, dtype, columns
        self.n_pieces = members[0].activations[i].n_pieces

    def dense(self, n_in: int, n_out: int) -> Layer:
        initializers, n_pieces = [member.initializers[self.i] for member in self.members], self.n_pieces
        if n_pieces > 1:
            initializers = [EachPiece(initializer, n_pieces) for initializer in initializers]
        if self.members[0].tied:
            return tied_map(self.i, len(self.members[0].widths) + 1, n_in, n_out, initializers)
        columns = self.columns
        if columns and n_in != sum(n * width for n, width in columns):
            columns = ((n_in, 1),)  # a block has put another map below
        return self.members[0].maps.hidden(n_in, n_pieces * n_out, initializers, columns=columns)

    def linear(self, n_in: int, n_out: int) -> Layer:
        initializers = [member.initializers[-1] for member in self.members]
        return self.members[0].maps.hidden(n_in, n_out, initializers, columns=())

    def normalization(self, n_units: int) -> list[Layer]:
        normalizations = [member.normalizations[self.i] for member in self.members]
        if normalizations[0] is None:
            return []
        stacked: Normalization = Component.stacked([each for each in normalizations if each], 3, self.dtype)
        return [NormalizationLayer(self.n_pieces * n_units, stacked)]

    def activation(self, n_units: int) -> list[Layer]:
        members = self.members
        activation: Activation = Component.stacked([member.activations[self.i] for member in members], 3, self.dtype)
        if members[0].activity is None:
            return [ActivationLayer(n_units, activation)]
        penalty: Penalty = Component.stacked([member.activity for member in members if member.activity], 3, self.dtype)
        alphas = [member.activity_alpha for member in members]
        return [ActivationLayer(n_units, activation), ActivityPenalty(penalty, alphas)]

    def dropout(self) -> list[Layer]:
        return _dropout(self.members, self.i + 1)
