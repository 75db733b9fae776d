"""The network of a stack: its layers, where their parameters lie, and the way through them and back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from skdl._array import Array, namespace
from skdl._protocols import ForwardContext, LayerBackprop, ParameterSpec
from skdl.engine.batches import Batches
from skdl.engine.dataset import Dataset
from skdl.engine.layout import Layout, Views
from skdl.layers.architecture import Architecture, build_layers

PREDICTION_ROWS = 1024  # rows of one block: their activations stay in the cache


class Network:
    """The layers of k members of one structure, their layout, and the way through them and back."""

    def __init__(self, members: Sequence[Architecture], dtype: Any):
        self.dtype = dtype
        self.n_members = len(members)
        self.root = build_layers(members, dtype)
        self.leaves = self.root.leaves()
        self.layout = Layout([leaf.parameters() for leaf in self.leaves])
        tracked = [leaf.buffers() for leaf in self.leaves]
        self.buffer_layout = Layout(
            [[ParameterSpec(name, np.shape(value)) for name, value in named.items()] for named in tracked]
        )

    def initial(self, generators: Sequence[np.random.Generator]) -> tuple[Array, Array]:
        """Initial parameters (k, P) and buffers (k, Q), each member's drawn from its own generator."""
        theta = np.empty((self.n_members, self.layout.size), self.dtype)
        buffers = np.empty((self.n_members, self.buffer_layout.size), self.dtype)
        for member, generator in enumerate(generators):
            self.layout.fill(theta, member, [leaf.initial(member, generator) for leaf in self.leaves])
            self.buffer_layout.fill(buffers, member, [leaf.buffers() for leaf in self.leaves])
        return theta, buffers

    def ends(self, theta: Array) -> tuple[list[Array], list[Array]]:
        """Views of the weights of each input, (n_inputs, k, ...), and of each output, (n_outputs, k, ...)."""
        views = self.layout.views(theta)
        return self.root.input_weights(views) or [], self.root.output_weights(views)

    def arrays(self, theta: Array, buffers: Array) -> Views:
        """Parameters and buffers of each leaf by name."""
        return [
            {**parameters, **tracked}
            for parameters, tracked in zip(self.layout.views(theta), self.buffer_layout.views(buffers), strict=True)
        ]

    def forward(self, x: Array, arrays: Views, context: ForwardContext) -> tuple[Array, LayerBackprop]:
        """Scores (k, B, C) of x (t, B, d), each for k / t members, and the way back from their gradient."""
        return self.root.forward(self.own_rows(x), arrays, context)

    def own_rows(self, x: Array) -> Array:
        """The rows as the first layer takes them: each member's, and its own where it overwrites them."""
        if not (self.root.takes_shared_rows or len(x) == self.n_members):
            x = namespace(x).repeat(x, self.n_members // len(x), axis=0)
        return x.copy() if self.root.overwrites_x else x

    def scores(self, x: Array, arrays: Views) -> Array:
        """Scores at prediction; x stays as it is."""
        return self.forward(x, arrays, ForwardContext(training=False))[0]

    def blocks(self, members: Sequence[Dataset]) -> Batches:
        """Each member's own rows, for `predict_rows`."""
        return Batches(members, min(members[0].n, PREDICTION_ROWS), self.dtype)

    def predict_rows(self, blocks: Batches, arrays: Views) -> list[Array]:
        """Each member's scores (n, C) of its own rows, block by block.

        Of a layer that repeats rows m times, (m n, C): all rows once, and then once more.
        """
        found = [self.scores(x, arrays) for x, _, _ in blocks.epoch()]
        by_repeat = [scores.reshape(len(scores), self.root.repeats, -1, scores.shape[-1]) for scores in found]
        whole = by_repeat[0] if len(by_repeat) == 1 else np.concatenate(by_repeat, axis=2)
        return list(whole.reshape(len(whole), -1, whole.shape[-1]))
