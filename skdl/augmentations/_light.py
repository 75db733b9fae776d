"""Changes of light: of the values of pixels, wherever they are."""

from __future__ import annotations

import numpy as np

from skdl._constraints import Real
from skdl._protocols import PixelAugmentation
from skdl._registry import register

SHARE = Real(0, 1)


def _factors(generator: np.random.Generator, images: np.ndarray, amount: float) -> np.ndarray:
    """One number for each image, uniform in [1 - amount, 1 + amount]."""
    drawn = 1 + amount * generator.uniform(-1, 1, (len(images), 1, 1, 1))
    return drawn.astype(images.dtype)


@register("brightness")
class Brightness(PixelAugmentation):
    """All pixels of an image times a number that is uniform in [1 - max_change, 1 + max_change].

    Parameters
    ----------
    max_change : float, default=0.2
        In [0, 1].

    Examples
    --------
    >>> import numpy as np
    >>> from skdl.augmentations import Brightness, augmented
    >>> augmented(np.ones((1, 1, 2)), Brightness(0.5), random_state=0).round(2)
    array([[[1.14, 1.14]]])
    """

    constraints = {"max_change": SHARE}
    per_member = ("max_change",)

    def __init__(self, max_change: float = 0.2):
        self.max_change = max_change

    def adjust(self, images: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        images *= _factors(generator, images, self.max_change)
        return images


@register("contrast")
class Contrast(PixelAugmentation):
    """Differences from the image's mean times a number that is uniform in [1 - max_change, 1 + max_change].

    Parameters
    ----------
    max_change : float, default=0.2
        In [0, 1].

    Examples
    --------
    >>> import numpy as np
    >>> from skdl.augmentations import Contrast, augmented
    >>> augmented(np.array([[[0.0, 1.0]]]), Contrast(0.5), random_state=0).round(2)
    array([[[-0.07,  1.07]]])
    """

    constraints = {"max_change": SHARE}
    per_member = ("max_change",)

    def __init__(self, max_change: float = 0.2):
        self.max_change = max_change

    def adjust(self, images: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        mean = images.mean(axis=(1, 2, 3), keepdims=True)
        images -= mean
        images *= _factors(generator, images, self.max_change)
        images += mean
        return images
