"""Maps of the plane that a matrix describes, and the distortion of a lens."""

from __future__ import annotations

import numpy as np

from skdl._constraints import Boolean, Integer, Real
from skdl._protocols import GeometricAugmentation
from skdl._registry import register

ANGLE = Real(0, 180)
PROBABILITY = Real(0, 1)


def _matrices(n: int) -> np.ndarray:
    """Identities of n images, (n, 2, 3)."""
    return np.repeat(np.eye(2, 3, dtype=np.float32)[None], n, axis=0)


class _Flip(GeometricAugmentation):
    constraints = {**GeometricAugmentation.constraints, "probability": PROBABILITY}
    per_member = ("probability",)
    axis: int

    def __init__(self, probability: float = 0.5, *, fill: float | str | None = None):
        super().__init__(fill=fill)
        self.probability = probability

    def matrices(self, generator: np.random.Generator, n: int, shape: tuple[int, int]) -> np.ndarray:
        found = _matrices(n)
        found[:, self.axis, self.axis] = np.where(generator.random(n) < self.probability, -1, 1)
        return found


@register("horizontal_flip")
class HorizontalFlip(_Flip):
    """Left and right exchanged, at random.

    Parameters
    ----------
    probability : float, default=0.5
        Of an image to be flipped, in [0, 1].
    fill : float, "edge" or None, default=None
        Outside of the image, see `GeometricAugmentation`.

    Examples
    --------
    >>> import numpy as np
    >>> from skdl.augmentations import HorizontalFlip, augmented
    >>> augmented(np.array([[[1.0, 2.0, 3.0]]]), HorizontalFlip(1.0))
    array([[[3., 2., 1.]]])
    """

    axis = 1


@register("vertical_flip")
class VerticalFlip(_Flip):
    """Top and bottom exchanged, at random.

    Parameters
    ----------
    probability : float, default=0.5
        Of an image to be flipped, in [0, 1].
    fill : float, "edge" or None, default=None
        Outside of the image, see `GeometricAugmentation`.

    Examples
    --------
    >>> import numpy as np
    >>> from skdl.augmentations import VerticalFlip, augmented
    >>> augmented(np.array([[[1.0], [2.0]]]), VerticalFlip(1.0)).ravel()
    array([2., 1.])
    """

    axis = 0


@register("translation")
class Translation(GeometricAugmentation):
    """A shift, by y and by x each uniform in [-max_shift, max_shift] pixels.

    Parameters
    ----------
    max_shift : float, default=2.0
        Pixels, in [0, inf).
    fill : float, "edge" or None, default=None
        Outside of the image, see `GeometricAugmentation`.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skdl.augmentations import Translation, augmented
    >>> augmented(load_digits().images, Translation(1.0), random_state=0).shape
    (1797, 8, 8)
    """

    constraints = {**GeometricAugmentation.constraints, "max_shift": Real(0)}
    per_member = ("max_shift",)

    def __init__(self, max_shift: float = 2.0, *, fill: float | str | None = None):
        super().__init__(fill=fill)
        self.max_shift = max_shift

    def matrices(self, generator: np.random.Generator, n: int, shape: tuple[int, int]) -> np.ndarray:
        found = _matrices(n)
        found[:, :, 2] = self.max_shift * generator.uniform(-1, 1, (n, 2))
        return found


@register("crop")
class Crop(GeometricAugmentation):
    """A random window of the image's size in the image with a frame: a shift by whole pixels.

    Parameters
    ----------
    padding : int, default=2
        The width of the frame, at least 0: by y and x the shift is uniform in -padding, ..., padding.
    fill : float, "edge" or None, default=None
        What the frame holds, see `GeometricAugmentation`.

    Examples
    --------
    >>> import numpy as np
    >>> from skdl.augmentations import Crop, augmented
    >>> image = np.zeros((1, 5, 5))
    >>> image[0, 2, 2] = 1
    >>> augmented(image, Crop(2), random_state=0).sum()
    np.float64(1.0)
    """

    constraints = {**GeometricAugmentation.constraints, "padding": Integer(0)}
    per_member = ("padding",)

    def __init__(self, padding: int = 2, *, fill: float | str | None = None):
        super().__init__(fill=fill)
        self.padding = padding

    def matrices(self, generator: np.random.Generator, n: int, shape: tuple[int, int]) -> np.ndarray:
        found = _matrices(n)
        found[:, :, 2] = np.rint(np.floor((2 * self.padding + 1) * generator.random((n, 2)))) - self.padding
        return found


@register("rotation")
class Rotation(GeometricAugmentation):
    """A rotation about the middle, by an angle that is uniform in [-max_angle, max_angle].

    Parameters
    ----------
    max_angle : float, default=15.0
        Degrees, in [0, 180].
    fill : float, "edge" or None, default=None
        Outside of the image, see `GeometricAugmentation`.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skdl.augmentations import Rotation, augmented
    >>> augmented(load_digits().images, Rotation(20.0), random_state=0).shape
    (1797, 8, 8)
    """

    constraints = {**GeometricAugmentation.constraints, "max_angle": ANGLE}
    per_member = ("max_angle",)

    def __init__(self, max_angle: float = 15.0, *, fill: float | str | None = None):
        super().__init__(fill=fill)
        self.max_angle = max_angle

    def matrices(self, generator: np.random.Generator, n: int, shape: tuple[int, int]) -> np.ndarray:
        angle = np.deg2rad(self.max_angle * generator.uniform(-1, 1, n))
        found = _matrices(n)
        found[:, 0, 0] = found[:, 1, 1] = np.cos(angle)
        found[:, 0, 1] = np.sin(angle)
        found[:, 1, 0] = -np.sin(angle)
        return found


@register("scaling")
class Scaling(GeometricAugmentation):
    """The image made larger or smaller about its middle, by a factor uniform in [1 - max_change, 1 + max_change].

    Parameters
    ----------
    max_change : float, default=0.15
        In [0, 1).
    keeps_aspect : bool, default=True
        Whether height and width have the same factor, or one each.
    fill : float, "edge" or None, default=None
        Outside of the image, see `GeometricAugmentation`.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skdl.augmentations import Scaling, augmented
    >>> augmented(load_digits().images, Scaling(0.2, keeps_aspect=False), random_state=0).shape
    (1797, 8, 8)
    """

    constraints = {
        **GeometricAugmentation.constraints,
        "max_change": Real(0, 1, open_high=True),
        "keeps_aspect": Boolean(),
    }
    per_member = ("max_change",)

    def __init__(self, max_change: float = 0.15, *, keeps_aspect: bool = True, fill: float | str | None = None):
        super().__init__(fill=fill)
        self.max_change = max_change
        self.keeps_aspect = keeps_aspect

    def matrices(self, generator: np.random.Generator, n: int, shape: tuple[int, int]) -> np.ndarray:
        factor = 1 + self.max_change * generator.uniform(-1, 1, (n, 1 if self.keeps_aspect else 2))
        found = _matrices(n)
        found[:, 0, 0] = 1 / factor[:, 0]
        found[:, 1, 1] = 1 / factor[:, -1]
        return found


@register("shear")
class Shear(GeometricAugmentation):
    """Upright lines made slanted, by an angle that is uniform in [-max_angle, max_angle].

    Parameters
    ----------
    max_angle : float, default=15.0
        Degrees, in [0, 90).
    fill : float, "edge" or None, default=None
        Outside of the image, see `GeometricAugmentation`.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skdl.augmentations import Shear, augmented
    >>> augmented(load_digits().images, Shear(10.0), random_state=0).shape
    (1797, 8, 8)
    """

    constraints = {**GeometricAugmentation.constraints, "max_angle": Real(0, 90, open_high=True)}
    per_member = ("max_angle",)

    def __init__(self, max_angle: float = 15.0, *, fill: float | str | None = None):
        super().__init__(fill=fill)
        self.max_angle = max_angle

    def matrices(self, generator: np.random.Generator, n: int, shape: tuple[int, int]) -> np.ndarray:
        found = _matrices(n)
        found[:, 1, 0] = np.tan(np.deg2rad(self.max_angle * generator.uniform(-1, 1, n)))
        return found
