"""A network: layers in a row, for all members of a stack at once."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np

from skdl._array import Array
from skdl._component import Component
from skdl._protocols import Activation, Initializer, Normalization, Penalty
from skdl._structure import PER_MEMBER, counts_by, structure_of
from skdl._threads import blas_threads, thread_map
from skdl.engine.batches import Batches, Rows
from skdl.engine.layers import Activity, Affine, Dropout, Elementwise, LayerSpec, Normalize, Run
from skdl.engine.layout import Entry, Layout, Views
from skdl.engine.shared import SeparateAffine, SharedAffine, Spread, by_copy, spread

PREDICTION_ROWS = 1024  # rows of one block: their activations stay in the cache
LARGE_PREDICTION_ROWS = 256  # of large networks, whose blocks are taken by threads: BLAS's own may round differently
BLAS_THREADS_FROM = 1 << 22  # multiplications of a product from which two BLAS threads were faster than one
AFFINE = ("weight", "weights")  # names of an affine map's weights
BLAS_ALONE_BELOW = 1 << 18  # and below which BLAS does not use threads by itself


@dataclass(frozen=True)
class Architecture:
    """One member's network, as a description.

    Parameters
    ----------
    n_inputs, n_outputs : int
    widths : tuple of int
        Units of each hidden layer; empty for a linear model.
    activations, normalizations : tuples with one entry a hidden layer
    initializers : tuple with one entry an affine map, that is one more than hidden layers
    dropouts : tuple of float
        Probabilities of dropping: the inputs' first, then one for each hidden layer's output.
    dropout_inverted : bool
        Whether what is kept is scaled up in training, rather than all scaled down at prediction.
    activity : Penalty or None
        A penalty on hidden activations, with its factor `activity_alpha`.
    copies : int
        Networks that share the weights of the hidden layers, see `skdl.engine.shared`; 1 for an ordinary network.
    output_bias : bool
        Whether the last affine map of an ordinary network has a bias.
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
    copies: int = 1
    output_bias: bool = True

    @property
    def shapes(self) -> list[tuple[int, int]]:
        """(n_in, n_out) of each affine map."""
        return list(pairwise((self.n_inputs, *self.widths, self.n_outputs)))

    @property
    def largest_map(self) -> int:
        """The multiplications of the largest affine map's product with one row."""
        return self.copies * max(n_in * n_out for n_in, n_out in self.shapes)

    @property
    def n_parameters(self) -> int:
        """Weights and biases of the affine maps."""
        if self.copies == 1:
            return sum((n_in + 1) * n_out for n_in, n_out in self.shapes) - (not self.output_bias) * self.n_outputs
        *shared, (n_in, n_out) = self.shapes
        own = self.copies * (n_in + 1) * n_out
        return own + sum(n_in * n_out + self.copies * (n_in + 2 * n_out) for n_in, n_out in shared)

    @property
    def structure(self) -> Hashable:
        """A value that is equal for networks which may share a stack."""
        return structure_of(self)


class Network:
    """The layers of k members of one structure, their layout, and the way through them and back."""

    def __init__(self, members: Sequence[Architecture], dtype: Any):
        self.dtype = dtype
        self.n_members = len(members)
        self.largest_map = members[0].largest_map
        self.shapes = members[0].shapes
        self.copies = members[0].copies
        self.layers = list(_layers(members, dtype))
        n_layers = len(self.layers)
        self.layout = Layout(
            [
                Entry(i, name, shape, penalised)
                for i, layer in enumerate(self.layers)
                for name, (shape, penalised) in layer.parameters().items()
            ],
            n_layers,
        )
        self.buffer_layout = Layout(
            [
                Entry(i, name, np.shape(value))
                for i, layer in enumerate(self.layers)
                for name, value in layer.buffers().items()
            ],
            n_layers,
        )

    def initial(self, generators: Sequence[np.random.Generator]) -> tuple[Array, Array]:
        """Initial parameters (k, P) and buffers (k, Q), each member's drawn from its own generator."""
        theta = np.empty((self.n_members, self.layout.size), self.dtype)
        buffers = np.empty((self.n_members, self.buffer_layout.size), self.dtype)
        for member, generator in enumerate(generators):
            self.layout.fill(theta, member, [layer.initial(member, generator) for layer in self.layers])
            self.buffer_layout.fill(buffers, member, [layer.buffers() for layer in self.layers])
        return theta, buffers

    def ends(self, theta: Array) -> tuple[Array, Array]:
        """Views of the weights of each input (n_inputs, k, m, n_out), and of each output (n_outputs, k, m, n_in).

        m is the number of copies that have weights of their own there.
        """
        maps = [array for named in self.layout.views(theta) for name, array in named.items() if name in AFFINE]
        (n_in, n_out), (n_last, n_outputs) = self.shapes[0], self.shapes[-1]
        first = maps[0].reshape(len(theta), -1, n_in, n_out)
        return np.moveaxis(first, 2, 0), np.moveaxis(maps[-1].reshape(len(theta), -1, n_last, n_outputs), 3, 0)

    def arrays(self, theta: Array, buffers: Array) -> Views:
        """Parameters and buffers of each layer by name."""
        return [
            {**parameters, **tracked}
            for parameters, tracked in zip(self.layout.views(theta), self.buffer_layout.views(buffers), strict=True)
        ]

    def forward(self, x: Array, arrays: Views, run: Run) -> tuple[Array, Callable[[Array, Views], None]]:
        """Scores (k, B, C) of x (t, B, d), and the way back from their gradient to the parameters'.

        Each of the t is for k / t members.
        """
        steps = []
        for layer, named in zip(self.layers, arrays, strict=True):
            x, step = layer.forward(x, named, run)
            steps.append(step)

        def backprop(dy: Array | None, gradients: Views) -> None:
            for step, named in zip(reversed(steps), reversed(gradients), strict=True):
                if dy is None:  # nothing is learned below the first affine map
                    return
                dy = step(dy, named)

        return x, backprop

    def scores(self, x: Array, arrays: Views) -> Array:
        """Scores at prediction; x stays as it is."""
        return self.forward(x, arrays, Run(training=False))[0]

    def predict(self, X: Any, arrays: Views) -> Array:
        """Scores (n, C) of one member for all rows of a dense or CSR matrix, block by block."""
        size = LARGE_PREDICTION_ROWS if PREDICTION_ROWS * self.largest_map >= BLAS_THREADS_FROM else PREDICTION_ROWS
        starts = range(0, X.shape[0], size)

        def scores(start: int) -> Array:
            block = X[start : start + size]
            dense = block if isinstance(block, np.ndarray) else block.toarray()
            with np.errstate(over="ignore", invalid="ignore"):  # what is not finite, the estimator warns of
                return self.scores(dense[None], arrays)[0]

        if min(X.shape[0], size) * self.largest_map < BLAS_ALONE_BELOW:
            return np.concatenate([scores(start) for start in starts])
        n_threads = min(len(starts), blas_threads()) if size == LARGE_PREDICTION_ROWS else 1
        with thread_map(n_threads) as each:
            return np.concatenate(list(each(scores, starts)))

    def predict_rows(self, members: Sequence[Rows], arrays: Views) -> list[Array]:
        """Each member's scores (n, C) of its own rows, block by block; of copies (m n, C), one copy after the other."""
        batches = Batches(members, min(members[0].n, PREDICTION_ROWS), self.dtype)
        blocks = [by_copy(self.scores(x, arrays), self.copies) for x, _, _ in batches.epoch()]
        scores = [np.concatenate([block[i] for block in blocks], axis=1) for i in range(len(members))]
        return [each.reshape(-1, each.shape[-1]) for each in scores]

    def spread(self, targets: Array, weight: Array) -> tuple[Array, Array]:
        """Targets and weights of a batch for the scores of all copies, whose mean loss is the loss."""
        if self.copies == 1:
            return targets, weight
        return spread(targets, self.copies), spread(weight, self.copies) * (1 / self.copies)


def _layers(members: Sequence[Architecture], dtype: Any) -> Iterator[LayerSpec]:
    """The layers in order; numbers that differ between members become columns."""

    def stacked(family: str, i: int) -> Any:
        return Component.stacked([getattr(member, family)[i] for member in members], 3, dtype)

    first = members[0]
    if first.copies > 1:
        yield Spread(first.copies)
    if first.dropouts[0] > 0:
        yield Dropout([member.dropouts[0] for member in members], first.dropout_inverted)
    for i, (n_in, n_out) in enumerate(first.shapes):
        yield _affine(first, i, n_in, n_out, [member.initializers[i] for member in members])
        if i < len(first.widths):
            if first.normalizations[i] is not None:
                yield Normalize(n_out, stacked("normalizations", i))
            yield Elementwise(n_out, stacked("activations", i))
            if first.activity is not None:
                penalty = Component.stacked([member.activity for member in members if member.activity], 3, dtype)
                yield Activity(penalty, [member.activity_alpha for member in members])
            if first.dropouts[i + 1] > 0:
                yield Dropout([member.dropouts[i + 1] for member in members], first.dropout_inverted)


def _affine(network: Architecture, i: int, n_in: int, n_out: int, initializers: Sequence[Initializer]) -> LayerSpec:
    """The affine map i, of one network or of copies."""
    if network.copies == 1:
        last = i == len(network.widths)
        return Affine(n_in, n_out, initializers, first=i == 0, last=last, bias=network.output_bias or not last)
    kind = SharedAffine if i < len(network.widths) else SeparateAffine
    return kind(n_in, n_out, network.copies, initializers, first=i == 0)
