"""Rows by index, standardised, in one pass over them."""

from __future__ import annotations

from functools import cache

import numpy as np

from skdl._array import Array, take_rows
from skdl._compiled import Loop, source_of


def gather(X: Array, index: Array, shift: Array, scale: Array, out: Array) -> None:
    """Write (X - shift) * scale of the rows `index` (n,) into `out` (n, d); the rows are those of m members in turn.

    Differences are taken in X's precision, and products in that of `out`.

    Parameters
    ----------
    X : array of shape (N, d)
    index : int array of shape (n,)
    shift, scale : arrays of shape (m, d)
    out : array of shape (n, d)
    """
    n_rows = index.size // shift.shape[0]
    for r in range(index.size):
        row, of_row, factor, target = X[index[r]], shift[r // n_rows], scale[r // n_rows], out[r]
        for i in range(target.size):
            target[i] = row[i] - of_row[i]
            target[i] *= factor[i]


def _by_numpy(X: Array, index: Array, shift: Array, scale: Array, out: Array) -> None:
    block = take_rows(X, index, out=out if X.dtype == out.dtype else None)
    of_members = (len(shift), -1, X.shape[1])
    target = out.reshape(of_members)
    np.subtract(block.reshape(of_members), shift[:, None], out=target, casting="same_kind")
    target *= scale[:, None]


def _signature(X: str, out: str) -> str:
    """The types of the arguments; what is only read may be memory that cannot be written to."""
    read = "Array({}, {}, 'C', readonly=True)".format
    return f"void({read(X, 2)}, {read('int64', 1)}, {read(X, 2)}, {read(out, 2)}, {out}[:,::1])"


PAIRS = (("float32", "float32"), ("float64", "float32"), ("float64", "float64"))  # precisions of X and of out


@cache
def _loop() -> Loop:
    return Loop(_by_numpy, source_of(gather), [_signature(*pair) for pair in PAIRS])


def gather_in_one_pass(X: Array, index: Array, shift: Array, scale: Array, out: Array) -> bool:
    """Do so where there is a loop for such arrays; False where there is none.

    The index may have any shape, before which that of m members stands; shift and scale are (d,) or (m, 1, d).
    """
    alike = shift.dtype == X.dtype and scale.dtype == out.dtype and index.dtype == np.int64
    in_order = all(array.flags.c_contiguous for array in (X, index, shift, scale, out))
    if not alike or not in_order or not X.dtype.isnative or (X.dtype.name, out.dtype.name) not in PAIRS:
        return False
    width = X.shape[1]
    _loop().run(X, index.reshape(-1), shift.reshape(-1, width), scale.reshape(-1, width), out.reshape(-1, width))
    return True
