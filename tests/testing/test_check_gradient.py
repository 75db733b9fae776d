"""Gradients against central differences."""

import re

import numpy as np
import pytest

from skdl.testing import check_gradient


def test_check_gradient_gives_the_error():
    x = np.array([0.3, -2.0])
    assert check_gradient(lambda x: np.sin(x).sum(), np.cos, x) < 1e-9
    assert check_gradient(lambda x: 3.0, np.zeros(2), x) == 0.0
    with pytest.raises(AssertionError, match=r"relative error 1\.0e-05"):
        check_gradient(lambda x: np.sin(x).sum(), lambda x: np.cos(x) * (1 + 1e-5), x)
    with pytest.raises(AssertionError, match=re.escape("slope: shape (1,), must be (2,)")):
        check_gradient(lambda x: np.sin(x).sum(), np.ones(1), x, name="slope")
    with pytest.raises(AssertionError, match="1 components are not finite"):
        check_gradient(lambda x: np.sin(x).sum(), np.array([np.cos(0.3), np.nan]), x)


def test_check_gradient_lets_the_function_overwrite():
    def overwriting(x):
        x *= x
        return x.sum()

    x = np.array([1.0, 2.0])
    assert check_gradient(overwriting, 2 * x, x) < 1e-9
    assert np.array_equal(x, [1.0, 2.0])
