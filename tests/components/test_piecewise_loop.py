"""Shares of bins in one pass, against their formula and NumPy's calls."""

import numpy as np
import pytest

from skdl._compiled import COMPILER
from skdl.encodings._piecewise_loop import encode, encode_by_numpy, encoding_loop, limits_of


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("first", [0, 1])
@pytest.mark.parametrize("k", [1, 3])
def test_shares_and_the_number_itself(dtype, first, k):
    rng = np.random.default_rng(0)
    x = rng.normal(0, 2, (k, 11, 8)).astype(dtype)[..., 1:6]
    x[0, 0], x[0, 1, :4] = 1e30, [np.nan, np.inf, -np.inf, -0.0]
    memory = rng.normal(size=(k, 100)).astype(dtype)  # of a stack, in which a member's arrays lie side by side
    low, slope = (memory[:, start : start + 15].reshape(k, 5, 3) for start in (0, 20))
    centre, scale = memory[:, 40:45], memory[:, 60:65]
    slope[:, 2, 1:] = 0  # bins that are left over
    given = (x, low, np.abs(slope), centre, np.abs(scale), limits_of(4.0, np.dtype(dtype)), first)
    found = []
    with np.errstate(all="ignore"):
        for way, run in (("off", encode_by_numpy), ("off", encode), ("eager", encoding_loop().run)):
            y = np.full((k, 5, 3 + first, 11), 7, dtype)
            with COMPILER.using(way):
                (encoding_loop().run if way == "eager" else run)(*given, y)
            found.append(y)
        columns = x.mT[:, :, None].astype(np.float64)
        shares = np.clip((columns - given[1][..., None]) * given[2][..., None], 0, 1)
        z = np.clip((columns - centre[..., None, None]) * given[4][..., None, None], -1e9, 1e9)
        z = z / np.sqrt(1 + (z / 4) ** 2)
    for y in found[1:]:
        np.testing.assert_array_equal(y, found[0])
        np.testing.assert_array_equal(np.signbit(y), np.signbit(found[0]))
    np.testing.assert_allclose(found[0][:, :, first:], shares, rtol=1e-4, atol=1e-5)
    if first:
        np.testing.assert_allclose(found[0][:, :, :1], z, rtol=1e-4, atol=1e-5)
