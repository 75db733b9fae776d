"""Rules for encodings: those of the layers that they build, and that each column is encoded by itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from skdl._component import Component
from skdl._protocols import CategoryEncoding, ForwardContext, Layer, NumberEncoding
from skdl.testing._built_layers import check_layer
from skdl.testing._from_rows import arrays_of, initial_arrays, learn_from_rows
from skdl.testing._rules import B, K, N, require, variants

ROWS = 40
FAR = 1e9  # from all that the training rows held
SIZES = (2, 5, 1, 12)  # of columns of categories


def check_number_encoding(encoding: NumberEncoding) -> None:
    """Check the layer that an encoding of numbers builds, its width, and what missing and far numbers do."""
    members = variants(encoding)

    def build(which: Sequence[int]) -> Layer:
        stacked: NumberEncoding = Component.stacked([members[i] for i in which], 3, np.float64)
        return stacked.build(N)

    check_layer(build, N, name=type(encoding).__name__)
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(ROWS, N))
    rows[:, 1] = rng.integers(3, size=ROWS)
    rows[rng.random(rows.shape) < 0.2] = np.nan
    rows[:, 2] = np.nan
    for dtype in (np.float32, np.float64):
        for x in (rng.normal(size=(B, N)), np.full((B, N), FAR), np.full((B, N), -FAR)):
            y = _encoded(build([0]), x.astype(dtype), rows.astype(dtype))
            rule = "finite for numbers far away, and where some were missing"
            require(np.isfinite(y).all(), encoding, rule, f"it is not in {np.dtype(dtype)}")
    _check_each_by_itself(encoding, build([0]), rng.normal(size=(B, N)), (rows, 3 - 2 * rows), (encoding.width,) * N)


def check_category_encoding(encoding: CategoryEncoding) -> None:
    """Check the layer that an encoding of categories builds, its widths, and what unseen categories do."""
    members = variants(encoding)
    rng = np.random.default_rng(0)

    def build(which: Sequence[int]) -> Layer:
        stacked: CategoryEncoding = Component.stacked([members[i] for i in which], 3, np.float64)
        return stacked.build(SIZES)

    codes = np.stack([rng.integers(n + 1, size=(K, B)) for n in SIZES], axis=-1).astype(float)
    check_layer(build, len(SIZES), name=type(encoding).__name__, x=codes)
    rows = np.stack([rng.integers(1, n + 1, size=ROWS) for n in SIZES], axis=-1).astype(float)
    _check_each_by_itself(encoding, build([0]), codes[0], (rows, rows[::-1]), encoding.widths(SIZES))
    most = encoding.max_categories
    rule = "max_categories is a number of categories or None"
    require(most is None or (isinstance(most, int) and most >= 2), encoding, rule, repr(most))


def _check_each_by_itself(
    encoding: Any, layer: Layer, x: np.ndarray, learned: tuple[np.ndarray, np.ndarray], widths: Sequence[int]
) -> None:
    """Check that what column j becomes lies at its place, and depends on column j alone, whatever others hold."""
    rows, other_rows = learned
    y = _encoded(layer, x, rows)
    due = (len(x), sum(widths))
    require(y.shape == due, encoding, "the output is as wide as the encoding says", f"{y.shape}, must be {due}")
    ends = np.cumsum(widths)
    for j, (start, stop) in enumerate(zip(ends - widths, ends, strict=True)):
        moved, moved_rows = x[::-1].copy(), other_rows.copy()
        moved[:, j], moved_rows[:, j] = x[:, j], rows[:, j]
        same = np.array_equal(_encoded(layer, moved, moved_rows)[:, start:stop], y[:, start:stop])
        rule = "each column becomes what it does without the others, at its place"
        require(same, encoding, rule, f"column {j} depends on others")


def _encoded(layer: Layer, x: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """The rows x, encoded by the layer of one member that has learned the others."""
    arrays = initial_arrays(layer, [np.random.default_rng(0)])
    targets = np.random.default_rng(1).normal(size=(len(rows), 2))
    learn_from_rows(layer, arrays, rows, None, targets, np.random.default_rng(2))
    cast = [{name: value.astype(x.dtype) for name, value in named.items()} for named in arrays]
    own = x[None].copy()
    return layer.forward(own, arrays_of(layer, cast), ForwardContext(training=False))[0][0].copy()
