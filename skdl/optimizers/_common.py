"""What the rules share: ranges of their hyperparameters, and blocks of parameters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from skdl._array import Array
from skdl._constraints import NONE, Constraint, Real

POSITIVE = Real(0, open_low=True)
DECAY = Real(0, 1, open_high=True)
# Limits are structure, not columns, for None cannot be a number of a column.
FIRST_ORDER: Mapping[str, Constraint] = {
    "learning_rate": POSITIVE,
    "clip_norm": NONE | POSITIVE,
    "clip_value": NONE | POSITIVE,
}
BLOCK = 32768


def blocks(*arrays: Array) -> Iterator[tuple[Array, ...]]:
    """Views of arrays of shape (k, P), some parameters at a time.

    A rule that needs an array in between would else take new memory for all the parameters in every step, which is
    cold. Blocks this long cost no time by themselves; elementwise results do not depend on them.
    """
    for start in range(0, arrays[0].shape[-1], BLOCK):
        yield tuple(array[..., start : start + BLOCK] for array in arrays)
