"""Ranges of the rules' hyperparameters, and blocks of parameters."""

from __future__ import annotations

from collections.abc import Iterator

from skdl._array import Array
from skdl._constraints import Real

POSITIVE = Real(0, open_low=True)
DECAY = Real(0, 1, open_high=True)
BLOCK = 32768


def blocks(*arrays: Array) -> Iterator[tuple[Array, ...]]:
    """Views of arrays of shape (k, P), some parameters at a time.

    A rule that needs an array in between would else take new memory for all the parameters in every step, which is
    cold. Blocks this long cost no time by themselves; elementwise results do not depend on them.
    """
    for start in range(0, arrays[0].shape[-1], BLOCK):
        yield tuple(array[..., start : start + BLOCK] for array in arrays)
