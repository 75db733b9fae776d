"""The product x'x added to a triangle, against extended precision, by BLAS and by SciPy's wrapper of it."""

from ctypes import PYFUNCTYPE, c_char_p, c_void_p, py_object, pythonapi

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy.linalg import cython_blas

from skdl.linear.solvers import syrk
from skdl.linear.solvers.syrk import rank_k_update


@pytest.fixture(params=["routine", "wrapper"])
def way(request, monkeypatch):
    if request.param == "wrapper":
        monkeypatch.setattr(syrk, "_DSYRK", None)
    else:
        assert syrk._DSYRK is not None  # this SciPy declares the arguments that are handed over


@pytest.mark.parametrize(("n", "d"), [(7, 5), (1, 1), (1, 4), (9, 1), (300, 40)])
@pytest.mark.parametrize("order", ["C", "F"])
def test_the_upper_triangle_of_the_product_is_added_and_nothing_else_is_touched(n, d, order, way):
    x = np.array(np.random.default_rng(0).normal(size=(n + 3, d)), order=order)[:n]
    whole = np.full((d + 2, d + 1), 2.0, order="F")
    expected = whole.copy()
    exact = x.astype(np.longdouble)
    expected[:d, :d] += np.triu(2 * exact.T @ exact).astype(np.float64)
    for _ in range(2):
        rank_k_update(x, whole[:d, :d])
    # Whatever the order of its sums, a product of n terms is within n units in the last place of the terms' sizes.
    bound = np.finfo(np.float64).eps * (n + 2) * (2 * abs(x).T @ abs(x) + 2)
    assert (abs(whole - expected)[:d, :d] <= bound).all()
    assert_array_equal(whole[d:], expected[d:])
    assert_array_equal(whole[:, d:], expected[:, d:])
    assert_array_equal(np.tril(whole[:d, :d], -1), np.tril(np.full((d, d), 2.0), -1))


def capsule(signature):
    """An address as SciPy shows it to compiled code, with this signature; it must not be called."""
    return PYFUNCTYPE(py_object, c_void_p, c_char_p, c_void_p)(("PyCapsule_New", pythonapi))(1, signature, None)


@pytest.mark.parametrize(
    "signature",
    [
        b"void (char *, char *, int64_t *, int64_t *, double *, double *, int64_t *, double *, double *, int64_t *)",
        b"void (char *, char *, int *, int *, float *, float *, int *, float *, float *, int *)",
        b"void (char *, char *, int *, int *, double *, double *, int *, double *, double *)",
        b"void (char *, char *, int *, int *, double *, double *, int *, double *, double *, int *, size_t, size_t)",
    ],
)
def test_a_routine_with_other_arguments_is_not_called(signature):
    assert syrk._routine(capsule(signature)) is None


def test_the_signatures_of_scipy_tell_routines_apart():
    double = b"void (char *, char *, int *, int *, double *, double *, int *, double *, double *, int *)"
    assert syrk._routine(capsule(double)) is not None
    assert syrk._routine(cython_blas.__pyx_capi__["dsyrk"]) is not None
    assert syrk._routine(cython_blas.__pyx_capi__["ssyrk"]) is None
    assert syrk._routine(cython_blas.__pyx_capi__["zsyrk"]) is None
    assert syrk._routine(cython_blas.__pyx_capi__["dsyr2k"]) is None
