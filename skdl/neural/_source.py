"""A fitted network as the source of another one's layers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from skdl._diagnosis import column_name
from skdl._encoding import Tasks
from skdl._layer_names import layer_names
from skdl.engine import Network, TrainingResult
from skdl.layers.architecture import Architecture
from skdl.neural._calibration import scaled
from skdl.neural._parameters import own_arrays
from skdl.neural._training import Training

OutputMap = tuple[np.ndarray, np.ndarray] | None
Taken = dict[int, dict[str, np.ndarray]]


@dataclass(frozen=True)
class Source:
    """A fitted network, whose layers others may take.

    Parameters
    ----------
    training : Training
    output_map : tuple of two arrays or None
        Scale and shift of its scores, see `NetworkKind`.
    loss : Loss
    n_columns : int
        Of its X.
    names : array of str or None
        Of these columns.
    """

    training: Training
    output_map: OutputMap
    loss: Any
    n_columns: int
    names: Any

    @property
    def content(self) -> tuple[Any, ...]:
        """All that others take from the network."""
        training = self.training
        outcome, schema = TrainingResult.of(training.state, training.stop_reason), training.schema
        arrays = outcome.theta, outcome.buffers, training.state.mask, training.shift, training.scale
        return *arrays, None if schema is None else vars(schema), self.n_columns, self.names

    def check_columns(self, X: Any, names: Sequence[Any] | None) -> None:
        """Raise for checked rows of other columns than those of the network."""
        if X.shape[1] != self.n_columns:
            raise ValueError(
                f"X has {X.shape[1]} columns, and the network in 'init' was trained on {self.n_columns}. Its layers "
                "take the same columns."
            )
        if self.names is None or names is None:
            return
        for j, (name, expected) in enumerate(zip(names, self.names, strict=True)):
            if name != expected:
                raise ValueError(
                    f"{column_name(None, j)} is {name!r}, and the network in 'init' was trained on {expected!r} "
                    "there. Its layers take the same columns, in the same order."
                )

    def check_network(self, network: Architecture, *, standardize: bool) -> None:
        """Raise for a network whose lower layers are not built as those of the source."""
        own = self.training.architecture
        if not own.widths:
            raise ValueError("The network in 'init' has no hidden layers, and these are what is taken from it.")
        if not network.widths:
            raise ValueError(
                "The 'init' parameter gives hidden layers, and hidden_layer_sizes=() has none. Set hidden_layer_sizes="
                f"{own.widths}."
            )
        n_common = min(len(own.widths), len(network.widths))
        if own.widths[:n_common] != network.widths[:n_common]:
            raise ValueError(
                f"hidden_layer_sizes={network.widths}, and the hidden layers of the network in 'init' have "
                f"{own.widths} units. They are taken from the first one on: give the same sizes, and perhaps more "
                "layers above them, or fewer."
            )
        named: list[tuple[str, Any, Any, str]] = [
            ("encoding", own.encoding, network.encoding, ""),
            ("input_scale", own.input_scale, network.input_scale, ""),
            ("standardize", self.training.scale is not None, standardize, ""),
        ]
        if own.columns is not None and any(own.columns.n_categories):
            named.append(("category_encoding", own.category_encoding, network.category_encoding, ""))
        for i in range(n_common):
            where = f" in layer {layer_names(len(own.widths))[i + 1]!r}"
            named.append(("layer", own.blocks[i], network.blocks[i], where))
            named.append(("activation", own.activations[i], network.activations[i], where))
            named.append(("normalization", own.normalizations[i], network.normalizations[i], where))
        for name, theirs, ours, where in named:
            if repr(theirs) != repr(ours):
                raise ValueError(
                    f"The network in 'init' has {name}={theirs!r}{where}, and this one {name}={ours!r}. Layers are "
                    f"taken as they are: set the same {name}, or begin with clone(source).set_params(init=source)."
                )

    def keeps_output(self, network: Architecture, encoding: Any, loss: Any) -> bool:
        """True if the output layer is taken, too: that of the same classes, or of as many reals."""
        own = self.training
        same = network.widths == own.architecture.widths and type(loss) is type(self.loss)
        return same and _outputs(own.encoding) == _outputs(encoding)

    def layers_for(self, network: Architecture, output_map: OutputMap, *, with_output: bool) -> Taken:
        """The arrays of layers for a network, by its leaves: hidden ones from below, and the output layer."""
        training = self.training
        outcome = TrainingResult.of(training.state, training.stop_reason)
        own = Network([training.architecture], np.float64)
        arrays = own_arrays(own, outcome.theta.astype(np.float64), outcome.buffers.astype(np.float64))
        if with_output:
            output = own.root.output_fold()
            assert output is not None
            ours = scaled(self.output_map, training.state.progress[0].factors)
            if ours is not None:
                output.apply(arrays, *ours)
            if output_map is not None:
                output.undo(arrays, *output_map)
        return {ours: arrays[theirs] for ours, theirs in self._leaves(network, with_output=with_output)}

    def pruned_for(self, network: Architecture, *, with_output: bool) -> Taken | None:
        """Masks of what was pruned in these layers, by the network's leaves; None where nothing was."""
        mask = self.training.state.mask
        if mask is None:
            return None
        views = Network([self.training.architecture], np.float64).layout.views(~mask)
        pairs = self._leaves(network, with_output=with_output)
        pruned = {ours: {name: gone[0] for name, gone in views[theirs].items()} for ours, theirs in pairs}
        return pruned if any(gone.any() for named in pruned.values() for gone in named.values()) else None

    def _leaves(self, network: Architecture, *, with_output: bool) -> list[tuple[int, int]]:
        """Pairs of a leaf of the network that holds any arrays, and that of the source which it takes them from."""
        own = self.training.architecture
        pairs: list[tuple[int, int]] = []
        for layer in range(1 + min(len(own.widths), len(network.widths)) + with_output):
            ours, theirs = (_with_arrays(each, layer) for each in (network, own))
            pairs += zip(ours, theirs, strict=False)  # above the last hidden layer may be more
        return pairs

    def moving(self, scale: np.ndarray | None) -> np.ndarray | None:
        """A mask of the numbers that were constant for the source, and are not, by this scale; None where none is."""
        before = self.training.scale
        if scale is None or before is None:
            return None
        moving: np.ndarray = (before == 0) & (scale != 0)
        columns = self.training.architecture.columns
        moving = moving if columns is None else moving[np.equal(columns.n_categories, 0)]
        return moving if moving.any() else None


def _with_arrays(network: Architecture, layer: int) -> list[int]:
    """The leaves of a layer that learn or track anything."""
    leaves = Network([network], np.float64).leaves
    return [i for i in sorted(network.leaves_of([layer])) if leaves[i].parameters() or leaves[i].buffers()]


def _outputs(encoding: Any) -> Any:
    """A value that is equal for encodings whose outputs mean the same: the same classes, or as many reals."""
    if isinstance(encoding, Tasks):
        return [(name, _outputs(output)) for name, output in zip(encoding.names, encoding.outputs, strict=True)]
    classes = getattr(encoding, "classes", None)
    labels = None if classes is None else [np.asarray(each).tolist() for each in classes]
    return type(encoding), encoding.n_outputs, getattr(encoding, "binary", None), labels
