"""The loops of the cross entropy, and the calls of NumPy in their place, against the formula."""

import numpy as np
import pytest

from skdl._compiled import COMPILER
from skdl.losses import CrossEntropy
from skdl.losses._loops import are_in_order, gradient_loop, largest_loop, subtract_largest


@pytest.fixture
def arrays():
    rng = np.random.default_rng(0)
    s, t, p = rng.normal(0, 3, (3, 2, 4, 7)).astype(np.float32)
    total, w = rng.random((2, 2, 1, 7)).astype(np.float32)
    return s, t, p, total, w


@pytest.mark.parametrize("way", ["off", "eager"])
def test_the_largest_score_becomes_zero(arrays, way):
    s = arrays[0]
    s[0, 2, 3], s[1, 0, 0], s[1, 1, 1] = np.inf, np.nan, -np.inf
    with np.errstate(invalid="ignore"):
        expected = s - s.max(axis=1, keepdims=True)
        for run in (largest_loop().run, subtract_largest):
            found = s.copy()
            with COMPILER.using(way):
                run(found, np.empty((2, 7), np.float32))
            np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("way", ["off", "eager"])
def test_the_gradient_is_probabilities_less_targets(arrays, way):
    s, t, p, total, w = arrays
    expected = s * t, (p / total - t) * w
    w.flags.writeable = False  # equal weights are memory in common
    with COMPILER.using(way):
        gradient_loop(np.dtype("f4")).run(s, t, p, total, w)
    np.testing.assert_array_equal(s, expected[0])
    np.testing.assert_array_equal(p, expected[1])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n_classes", [2, 3, 40])
@pytest.mark.parametrize("by_classes", [False, True])
def test_the_cross_entropy_has_equal_bits_in_both_ways(dtype, n_classes, by_classes):
    rng = np.random.default_rng(0)
    scores = rng.normal(0, 5, (3, 16, n_classes)).astype(dtype)
    targets = np.eye(n_classes, dtype=dtype)[rng.integers(0, n_classes, (3, 16))]
    weight = rng.random((3, 16, 1)).astype(dtype)
    found = []
    for way in ("off", "eager"):
        given = [scores.copy(), targets]
        if by_classes:
            given = [np.ascontiguousarray(each.mT).mT for each in given]
        assert are_in_order(given[0].mT, given[1].mT, weight.mT) == by_classes
        with COMPILER.using(way):
            found.append(CrossEntropy().value_and_gradient(*given, weight))
    np.testing.assert_array_equal(found[0][0], found[1][0])
    np.testing.assert_array_equal(found[0][1], found[1][1])
    p = np.exp(scores - scores.max(axis=-1, keepdims=True))
    p /= p.sum(axis=-1, keepdims=True)
    value = -(weight * targets * np.log(p)).sum(axis=(1, 2))
    np.testing.assert_allclose(found[1][0], value, rtol=2e-5)
    np.testing.assert_allclose(found[1][1], (p - targets) * weight, rtol=1e-4, atol=1e-6)
