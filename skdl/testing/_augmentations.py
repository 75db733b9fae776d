"""Rules of augmentations: shapes, precision, and random numbers from one place."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np

from skdl._protocols import Augmentation, GeometricAugmentation, PixelAugmentation, RowAugmentation, RowLayout
from skdl.testing._rules import require, require_same_bits, variants

SHAPES = [(6, 5, 4), (1, 3, 7)]  # images, height, width
Result = list[np.ndarray | None]


def check_augmentation(augmentation: Augmentation) -> None:
    """Check shapes, precision, and that nothing is random but by the generator."""
    checks = {GeometricAugmentation: _check_map, PixelAugmentation: _check_pixels, RowAugmentation: _check_rows}
    kinds = [check for base, check in checks.items() if isinstance(augmentation, base)]
    families = ", ".join(base.__name__ for base in checks)
    require(len(kinds) == 1, augmentation, "its kind", f"must derive from exactly one of {families}")
    for member in variants(augmentation):
        for n, h, w in SHAPES:
            kinds[0](member, n, h, w)


def _repeated(augmentation: Any, call: Callable[[np.random.Generator], Result]) -> Result:
    """The results of a call, which a second one with the same random numbers repeats, whatever was drawn elsewhere."""
    held = copy.copy(vars(augmentation))
    np.random.seed(0)  # noqa: NPY002  # what a component may not draw from
    first = call(np.random.default_rng(3))
    np.random.seed(1)  # noqa: NPY002
    for a, b in zip(first, call(np.random.default_rng(3)), strict=True):
        if a is not None:
            require_same_bits(b, a, augmentation, "all random numbers are those of the generator")
    require(vars(augmentation) == held, augmentation, "a call changes no hyperparameter", f"holds {vars(augmentation)}")
    return first


def _finite(augmentation: Any, name: str, found: Any, shape: tuple[int, ...], dtype: Any = None) -> None:
    require(np.shape(found) == shape, augmentation, f"shape of {name}", f"{np.shape(found)}, must be {shape}")
    require(np.isfinite(found).all(), augmentation, "finite results", f"{name} is not")
    right = dtype is None or found.dtype == dtype
    require(right, augmentation, "dtype kept", f"{name} is {found.dtype} for {np.dtype(dtype)}")


def _check_map(augmentation: Any, n: int, h: int, w: int) -> None:
    matrices, field = _repeated(
        augmentation,
        lambda generator: [
            augmentation.matrices(generator, n, (h, w)),
            augmentation.displacements(generator, n, (h, w)),
        ],
    )
    given = matrices is not None or field is not None
    require(given, augmentation, "a share in the map", "neither matrices nor displacements")
    for name, found, shape in (("matrices", matrices, (n, 2, 3)), ("displacements", field, (n, 2, h, w))):
        if found is not None:
            _finite(augmentation, name, found, shape)


def _check_pixels(augmentation: Any, n: int, h: int, w: int) -> None:
    for dtype in (np.float32, np.float64):
        images = np.random.default_rng(0).uniform(0, 9, (n, h, w, 2)).astype(dtype)
        [changed] = _repeated(augmentation, lambda generator: [augmentation.adjust(images.copy(), generator)])  # noqa: B023
        _finite(augmentation, "adjust", changed, images.shape, dtype)


def _check_rows(augmentation: Any, n: int, h: int, w: int) -> None:
    random = np.random.default_rng(0)
    layout = RowLayout((h, w), np.arange(h * w) % 3 > 0)
    for dtype in (np.float32, np.float64):
        x = random.normal(size=(n, h * w)).astype(dtype)
        targets = np.eye(3, dtype=dtype)[random.integers(3, size=n)]
        weight = random.uniform(0.5 / n, 2 / n, (n, 1)).astype(dtype)

        def call(generator: np.random.Generator) -> Result:
            return list(augmentation.augment(x.copy(), targets.copy(), weight.copy(), generator, layout))  # noqa: B023

        results = _repeated(augmentation, call)
        for name, found, like in zip(("x", "targets", "weight"), results, (x, targets, weight), strict=True):
            _finite(augmentation, name, found, like.shape, dtype)
        _, mixed, shares = results
        assert mixed is not None
        assert shares is not None
        within = mixed.min() >= targets.min() - 1e-6 and mixed.max() <= targets.max() + 1e-6
        require(within, augmentation, "targets stay between the batch's", f"{mixed.min()} to {mixed.max()}")
        require((shares > 0).all(), augmentation, "weights are positive", f"the smallest is {shares.min()}")
