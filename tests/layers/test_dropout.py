"""Dropout drops what the random bits of each member's generator say, by NumPy and by its loop."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from skdl._array import bernoulli_rows
from skdl._compiled import COMPILER
from skdl._protocols import ForwardContext
from skdl.layers import dropout
from skdl.layers.dropout import Dropout


def drawn(seed, shape, probability):
    """True where one of sixteen bits a number, from a generator of this seed, are below the probability."""
    size = int(np.prod(shape))
    bits = np.random.default_rng(seed).bit_generator.random_raw(size // 4 + 1).view(np.uint16)[:size]
    return bits.reshape(shape).astype(float) < np.rint(float(probability) * 65536)


def results(layer, x):
    k = len(layer.probabilities)
    context = ForwardContext(training=True, generators=[np.random.default_rng(i) for i in range(k)])
    y, backprop = layer.forward(x, {}, context)
    return y, backprop(np.full_like(y, 2), {}, True)


CASES = [
    (probabilities, n_given, shape, inverted)
    for probabilities, n_given in [((0.3,), 1), ((0.0, 0.5, 0.9), 3), ((0.2, 0.999999), 1)]
    for shape in [(128, 30), (3, 7)]
    for inverted in (True, False)
]


@pytest.mark.parametrize(("probabilities", "n_given", "shape", "inverted"), CASES)
@pytest.mark.parametrize(
    ("dtype", "way"),
    [
        (np.float32, "NumPy"),
        (np.float64, "NumPy"),
        (np.float32, "plain Python"),
        (np.float64, "plain Python"),
        (np.float32, "compiled"),
    ],
)
def test_dropout_is_its_random_bits(probabilities, n_given, shape, inverted, dtype, way, monkeypatch):
    x = np.random.default_rng(9).normal(size=(n_given, *shape)).astype(dtype)
    x.flags.writeable = False  # it may be rows that somebody else has
    layer, loop = Dropout(probabilities, inverted), dropout._loop(x.dtype)
    if way == "plain Python":
        names = {}
        exec(loop.source, names)
        monkeypatch.setattr(loop, "run", names["loop"])
    if way == "compiled":
        pytest.importorskip("numba")
    with COMPILER.using("eager" if way == "compiled" else COMPILER.way):
        assert (loop.compiled is None) <= (way != "compiled")
        y, dx = results(layer, x)
    for i, p in enumerate(probabilities):
        keep = 1 - dtype(p)
        mask = np.where(drawn(i, shape, keep), 1 / keep if inverted else dtype(1), dtype(0))
        assert_array_equal(y[i], x[min(i, n_given - 1)] * mask)
        assert_array_equal(dx[i], 2 * mask)


def test_rows_of_zeros_and_ones_are_the_random_bits_too():
    probability = np.array([0.0, 0.3, 1.0])
    ones = bernoulli_rows([np.random.default_rng(i) for i in range(3)], probability, np.empty((1, 5, 9), np.float32))
    assert ones.dtype == np.float32
    for i, share in enumerate(probability):
        assert_array_equal(ones[i], drawn(i, (5, 9), share))
