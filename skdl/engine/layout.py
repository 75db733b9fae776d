"""The layout: the place of each parameter in the flat array of a member."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

from skdl._array import Array, transpose
from skdl._protocols import ParameterSpec

Views: TypeAlias = list[dict[str, Array]]  # one mapping a leaf, from names to arrays with the member axis first


class Layout:
    """From leaves and names to views on a flat (k, P) array.

    Penalised parameters come first, so that a penalty is one elementwise line on `theta[:, :n_penalised]`. A weight
    that is another one transposed has no place of its own, and its view is that of the other.

    Parameters
    ----------
    leaves : sequence with the specs of each leaf
    """

    def __init__(self, leaves: Sequence[Sequence[ParameterSpec]]):
        self.n_leaves = len(leaves)
        entries = [(i, spec) for i, specs in enumerate(leaves) for spec in specs]
        own = [entry for entry in entries if not entry[1].is_transposed]
        self.entries = tuple(sorted(own, key=lambda entry: not entry[1].is_penalised))
        owners = {spec.tie: (leaf, spec.name) for leaf, spec in own if spec.tie}
        self.tied = tuple((leaf, spec.name, *owners[spec.tie]) for leaf, spec in entries if spec.is_transposed)
        self.size = sum(spec.size for _, spec in entries)
        self.n_penalised = sum(spec.size for _, spec in entries if spec.is_penalised)

    def placed(self, flat: Array) -> Iterator[tuple[int, ParameterSpec, Array]]:
        """Each parameter's leaf and spec, and its view of shape (k, *shape) on `flat` of shape (k, P)."""
        start = 0
        for leaf, spec in self.entries:
            stop = start + spec.size
            yield leaf, spec, flat[:, start:stop].reshape(flat.shape[0], *spec.shape)
            start = stop

    def views(self, flat: Array) -> Views:
        """Views of shape (k, *shape) on `flat` of shape (k, P), by leaf and name: writing to them writes to it."""
        views: Views = [{} for _ in range(self.n_leaves)]
        for leaf, spec, view in self.placed(flat):
            views[leaf][spec.name] = view
        for leaf, name, owner, owners_name in self.tied:
            views[leaf][name] = transpose(views[owner][owners_name])
        return views

    def fill(self, flat: Array, member: int, values: Sequence[Mapping[str, Array]]) -> None:
        """Copy one member's values, by leaf and name, into its row of `flat`."""
        for leaf, spec, view in self.placed(flat[member : member + 1]):
            view[0] = values[leaf][spec.name]
