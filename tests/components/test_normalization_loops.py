"""Normalizations are the same to the last bit by NumPy, by their loops read as plain Python, and compiled."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from skdl import normalizations
from skdl._compiled import COMPILER
from skdl._component import Component

NORMALIZATIONS = {
    "batch": normalizations.BatchNorm(0.8, epsilon=1e-3),
    "layer": normalizations.LayerNorm(),
    "group": normalizations.GroupNorm(3),
}


def results(normalization, shape, dtype):
    """Of a stack: the output, both kinds of gradients, and parameters and buffers after it, views of one array."""
    k, _, n = shape
    rng = np.random.default_rng(0)
    x, dy = rng.normal(2, 3, (2, *shape)).astype(dtype)
    kept = rng.uniform(0.5, 2, (k, 4 * n)).astype(dtype)
    names = [*normalization.parameters(n), *normalization.buffers(n)]
    arrays = {name: kept[:, i * n : (i + 1) * n].reshape(k, 1, n) for i, name in enumerate(names)}
    stacked = Component.stacked([normalization] * k, 3, dtype)
    y, backprop = stacked.forward(x, training=True, **arrays)
    y, (dx, gradients) = y.copy(), backprop(dy)
    return [y, dx, *gradients.values(), kept]


def loops_of(normalization):
    return [loop for loop in COMPILER.loops if loop.by_numpy.__module__ == type(normalization).__module__]


@pytest.mark.parametrize("name", NORMALIZATIONS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(1, 20, 6), (3, 7, 12), (2, 2, 33)])
def test_loops_in_plain_python_are_what_numpy_does(name, dtype, shape, monkeypatch):
    normalization = NORMALIZATIONS[name]
    expected = results(normalization, shape, dtype)
    loops = loops_of(normalization)
    assert loops
    for loop in loops:
        names = {}
        exec(loop.source, names)
        monkeypatch.setattr(loop, "run", names["loop"])
    for found, own in zip(results(normalization, shape, dtype), expected, strict=True):
        assert_array_equal(found, own)


@pytest.mark.parametrize("name", NORMALIZATIONS)
@pytest.mark.parametrize("shape", [(1, 128, 60), (3, 7, 12), (2, 2, 33), (2, 1, 6)])
def test_compiled_loops_give_the_bits_of_numpy(name, shape):
    pytest.importorskip("numba")
    dtype = np.float32  # each loop takes a second to compile, and in float64 Python's numbers are no trap
    normalization = NORMALIZATIONS[name]
    expected = results(normalization, shape, dtype)
    with COMPILER.using("eager"):
        assert all(loop.compiled is not None for loop in loops_of(normalization))
        for found, own in zip(results(normalization, shape, dtype), expected, strict=True):
            assert_array_equal(found, own)


@pytest.mark.parametrize("name", NORMALIZATIONS)
def test_the_order_in_memory_is_no_matter(name):
    normalization = NORMALIZATIONS[name]
    rng = np.random.default_rng(0)
    x, dy = rng.normal(size=(2, 2, 8, 6))
    arrays = {each: np.ones((2, 1, 6)) for each in (*normalization.parameters(6), *normalization.buffers(6))}
    found = []
    for laid_out in (np.array, lambda values: values.mT.copy().mT):
        own = {each: values.copy() for each, values in arrays.items()}
        y, backprop = normalization.forward(laid_out(x), training=True, **own)
        found.append([y.copy(), backprop(laid_out(dy))[0], *own.values()])
    for one, other in zip(*found, strict=True):
        assert_array_equal(one, other)
