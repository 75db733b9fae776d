"""The product x'x, added to a triangle in place, by BLAS and without Python's lock.

NumPy's product cannot add to what is there, and fills both triangles. SciPy's wrapper of `dsyrk` adds, but holds the
lock meanwhile, so that threads which multiply blocks of their own wait for each other. So the routine is called where
SciPy shows it to compiled code, by `ctypes`, which lets the lock go. A build of SciPy that declares other arguments,
such as integers of 64 bits, would be handed wrong memory: there the wrapper does the work.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from ctypes import CFUNCTYPE, PYFUNCTYPE, byref, c_char_p, c_double, c_int, c_void_p, py_object, pythonapi

import numpy as np
from scipy.linalg import cython_blas
from scipy.linalg.blas import dsyrk

# Addresses of uplo, trans, n, k, alpha, a, lda, beta, c and ldc; Cython calls its own double by a name of its own.
_DOUBLE = r"(double|__pyx_t_\w+_d) \*"
_SIGNATURE = re.compile(r"void \(char \*, char \*, int \*, int \*, D, D, int \*, D, D, int \*\)".replace("D", _DOUBLE))


def _routine(capsule: object) -> Callable[..., None] | None:
    """The routine in a capsule of SciPy's; None for one that does not take what is handed over here."""
    signature = PYFUNCTYPE(c_char_p, py_object)(("PyCapsule_GetName", pythonapi))(capsule)
    if _SIGNATURE.fullmatch(signature.decode()) is None:
        return None
    address = PYFUNCTYPE(c_void_p, py_object, c_char_p)(("PyCapsule_GetPointer", pythonapi))(capsule, signature)
    found: Callable[..., None] = CFUNCTYPE(None, *[c_void_p] * 10)(address)
    return found


_DSYRK = _routine(cython_blas.__pyx_capi__["dsyrk"])
_ONE = byref(c_double(1.0))


def rank_k_update(x: np.ndarray, total: np.ndarray) -> None:
    """Add the upper triangle of x'x to that of `total`; what is below the diagonal stays as it is.

    Parameters
    ----------
    x : float64 array of shape (n, d)
        Either C-contiguous, or some rows of an F-contiguous array.
    total : float64 array of shape (d, d)
        F-contiguous, or the leading columns and rows of such an array.
    """
    n, d = x.shape
    by_rows = x.flags.c_contiguous
    if _DSYRK is None:
        total += dsyrk(1.0, x.T) if by_rows else dsyrk(1.0, x, trans=1)  # zeros below the diagonal
        return
    _DSYRK(
        b"U",
        b"N" if by_rows else b"T",  # BLAS, which counts by columns, sees x' or x
        byref(c_int(d)),
        byref(c_int(n)),
        _ONE,
        x.ctypes.data,
        byref(c_int(d if by_rows else x.strides[1] // x.itemsize)),
        _ONE,
        total.ctypes.data,
        byref(c_int(total.strides[1] // total.itemsize)),
    )
