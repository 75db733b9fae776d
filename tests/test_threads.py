"""BLAS's threads are held and given back."""

import pytest
from threadpoolctl import threadpool_info

from skdl._threads import n_threads, one_blas_thread


def blas_threads():
    return [library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"]


def test_blas_threads_are_limited_inside_and_restored_after_overlapping_uses():
    before = blas_threads()
    first, second = one_blas_thread(), one_blas_thread()
    first.__enter__()
    second.__enter__()
    assert blas_threads() == [1] * len(before)
    first.__exit__(None, None, None)
    assert blas_threads() == [1] * len(before)
    second.__exit__(None, None, None)
    assert blas_threads() == before


def test_blas_threads_are_restored_after_an_error():
    before = blas_threads()
    with pytest.raises(KeyError), one_blas_thread():
        raise KeyError
    assert blas_threads() == before


def test_none_is_one_thread():
    assert n_threads(None) == 1
    assert n_threads(3) == 3
