"""The augmentations of a network, applied to a batch: all geometric ones as one map, then those of pixels and rows."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from skdl._protocols import Augmentation, GeometricAugmentation, PixelAugmentation, RowAugmentation, RowLayout

# At a time: memory for more is taken from the system anew in each batch, which costs five times what all else does.
BLOCK_PIXELS = 25000


class Augmenter:
    """The augmentations of one network.

    Parameters
    ----------
    augmentations : sequence of Augmentation
        In the order in which they were given. Geometric ones come first, as one map; then those of pixels; those of
        rows follow once the rows are standardised.
    layout : RowLayout
    """

    def __init__(self, augmentations: Sequence[Augmentation], layout: RowLayout):
        self.layout = layout
        self.geometric = [each for each in augmentations if isinstance(each, GeometricAugmentation)]
        self.of_pixels = [each for each in augmentations if isinstance(each, PixelAugmentation)]
        self.of_rows = [each for each in augmentations if isinstance(each, RowAugmentation)]
        self.fill = common_fill(self.geometric)

    @property
    def changes_pixels(self) -> bool:
        """True if there is something to do before rows are standardised."""
        return bool(self.geometric or self.of_pixels)

    def pixels(self, rows: np.ndarray, generator: np.random.Generator, out: np.ndarray) -> None:
        """Write into `out`, which may be the rows themselves, what becomes of the images in rows (n, d) of X."""
        assert self.layout.image_shape is not None
        h, w, *c = self.layout.image_shape
        size = max(1, BLOCK_PIXELS // (h * w))
        for start in range(0, len(rows), size):
            block = rows[start : start + size]
            images = block.reshape(len(block), h, w, *(c or [1]))
            images = self._warped(images, generator) if self.geometric else images.copy()
            for each in self.of_pixels:
                images = each.adjust(images, generator)
            out[start : start + size] = images.reshape(len(block), -1)

    def rows(
        self, x: np.ndarray, targets: np.ndarray, weight: np.ndarray, generator: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Changed rows (n, d), targets (n, C) and weights (n, 1), in place of those given."""
        for each in self.of_rows:
            x, targets, weight = each.augment(x, targets, weight, generator, self.layout)
        return x, targets, weight

    def _warped(self, images: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        n, h, w, _ = images.shape
        matrix, displacement = None, None
        for each in self.geometric:
            own = each.matrices(generator, n, (h, w))
            if own is not None:
                matrix = own if matrix is None else composed(matrix, own)
            field = each.displacements(generator, n, (h, w))
            if field is not None:
                displacement = field if displacement is None else displacement + field
        return warped(images, matrix, displacement, self.fill)


def common_fill(augmentations: Sequence[GeometricAugmentation]) -> float | str:
    """What all of them say that lies outside of an image."""
    found = {each.fill for each in augmentations if each.fill is not None}
    if len(found) > 1:
        raise ValueError(
            f"Geometric augmentations have different values of 'fill', {sorted(map(str, found))}: all of them are one "
            "map, outside of whose images lies one thing. Give it to one of them."
        )
    return found.pop() if found else 0.0


def composed(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """The matrices (n, 2, 3) of p -> A (B p), with A the first and B the second."""
    product = np.matmul(first[:, :, :2], second)
    product[:, :, 2] += first[:, :, 2]
    return product


def warped(
    images: np.ndarray, matrix: np.ndarray | None, displacement: np.ndarray | None, fill: float | str
) -> np.ndarray:
    """Images (n, h, w, c) whose pixels at p are what the given ones have at M (p, 1) + d(p), between pixels linearly.

    Four numbers a pixel are gathered, each by one call: with an index of the right type and an array for the result,
    that is five times faster than an index in brackets. A frame of what lies outside spares all tests for that.
    """
    n, h, w, c = images.shape
    if isinstance(fill, str):
        framed = np.pad(images, ((0, 0), (1, 2), (1, 2), (0, 0)), mode="edge")  # one more: the lower right neighbour
    else:
        framed = np.full((n, h + 3, w + 3, c), fill, images.dtype)
        framed[:, 1:-2, 1:-2] = images
    if matrix is None:
        at = np.repeat(_grid(h, w)[None, :2], n, axis=0)
    else:
        at = (matrix.astype(np.float32).reshape(-1, 3) @ _grid(h, w)).reshape(n, 2, h * w)
    if displacement is not None:
        at += displacement.reshape(n, 2, h * w)
    at += np.array([[(h + 1) / 2], [(w + 1) / 2]], np.float32)  # from the middle to the frame's corner
    for axis, size in enumerate((h, w)):
        np.clip(at[:, axis], 0, size + 1, out=at[:, axis])
    corner = np.floor(at)
    at -= corner
    corner[:, 0] *= w + 3
    corner[:, 0] += corner[:, 1]
    index = corner[:, 0].astype(np.intp)  # exact in float32, up to images of 16 million pixels
    index += (np.arange(n) * ((h + 3) * (w + 3)))[:, None]
    values = framed.reshape(-1) if c == 1 else framed.reshape(-1, c)
    shape = (n, h * w) if c == 1 else (n, h * w, c)
    down, right = (at[:, 0], at[:, 1]) if c == 1 else (at[:, 0, :, None], at[:, 1, :, None])

    def between(index: np.ndarray) -> np.ndarray:
        left = np.take(values, index, axis=0, out=np.empty(shape, images.dtype), mode="clip")
        index += 1
        found = np.take(values, index, axis=0, out=np.empty(shape, images.dtype), mode="clip")
        found -= left
        found *= right
        found += left
        return found

    above = between(index)
    index += w + 2
    result = between(index)
    result -= above
    result *= down
    result += above
    return result.reshape(n, h, w, c)


@lru_cache(maxsize=16)
def _grid(h: int, w: int) -> np.ndarray:
    """The positions of an image's pixels from its middle, and ones, (3, h w)."""
    y, x = np.indices((h, w), dtype=np.float32).reshape(2, -1)
    grid = np.stack([y - np.float32((h - 1) / 2), x - np.float32((w - 1) / 2), np.ones_like(x)])
    grid.flags.writeable = False
    return grid
