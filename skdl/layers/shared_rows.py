"""Rows that neighbours in a stack have in common, in layers whose buffers are then often the same too."""

from __future__ import annotations

from collections.abc import Mapping

from skdl._array import Array, namespace


def with_shared_rows(x: Array, arrays: Mapping[str, Array]) -> tuple[Array, Mapping[str, Array]]:
    """Rows x (t, B, n) and the arrays (k, ...) of a layer, both of as few members as have something of their own.

    These are t where all arrays are equal among neighbours that share rows, else k.
    """
    n_members = max((len(array) for array in arrays.values()), default=len(x))
    if n_members == len(x):
        return x, arrays
    size = n_members // len(x)
    groups = {name: array.reshape(len(x), size, *array.shape[1:]) for name, array in arrays.items()}
    if all((group[:, 1:] == group[:, :1]).all() for group in groups.values()):
        return x, {name: group[:, 0] for name, group in groups.items()}
    return repeated(x, n_members), arrays


def repeated(x: Array, n_members: int) -> Array:
    """Rows x (t, B, n), each for k / t neighbours, as each member's own, (k, B, n)."""
    return x if len(x) == n_members else namespace(x).repeat(x, n_members // len(x), axis=0)
