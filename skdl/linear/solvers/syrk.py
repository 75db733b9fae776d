"""The product x'x, added to a triangle in place, by BLAS and without Python's lock.

NumPy's product cannot add to what is there, and fills both triangles. SciPy's wrapper of `dsyrk` adds, but holds the
lock meanwhile, so that threads which multiply blocks of their own wait for each other. So the routine is called where
SciPy shows it to compiled code, by `ctypes`, which lets the lock go.
"""

from __future__ import annotations

from collections.abc import Callable
from ctypes import CFUNCTYPE, PYFUNCTYPE, byref, c_char_p, c_double, c_int, c_void_p, py_object, pythonapi

import numpy as np
from scipy.linalg import cython_blas


def _routine(name: str, n_arguments: int) -> Callable[..., None]:
    """A routine of Fortran's BLAS, all of whose arguments are addresses."""
    capsule = cython_blas.__pyx_capi__[name]
    signature = PYFUNCTYPE(c_char_p, py_object)(("PyCapsule_GetName", pythonapi))(capsule)
    address = PYFUNCTYPE(c_void_p, py_object, c_char_p)(("PyCapsule_GetPointer", pythonapi))(capsule, signature)
    return CFUNCTYPE(None, *[c_void_p] * n_arguments)(address)


_DSYRK = _routine("dsyrk", 10)
_ONE = byref(c_double(1.0))


def add_symmetric(x: np.ndarray, total: np.ndarray) -> None:
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
