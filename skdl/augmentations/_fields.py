"""Displacements that differ from pixel to pixel."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from skdl._constraints import Real
from skdl._protocols import GeometricAugmentation
from skdl._registry import register


@register("lens")
class LensDistortion(GeometricAugmentation):
    """The radial distortion of a lens: a pixel at p takes its value from p (1 + a |p|^2 / R^2).

    R is the distance of the corners from the middle, and a is uniform in [-max_distortion, max_distortion]: with a > 0
    straight lines bulge outwards (a barrel), with a < 0 inwards (a pincushion).

    Parameters
    ----------
    max_distortion : float, default=0.2
        In [0, 1).
    fill : float, "edge" or None, default=None
        Outside of the image, see `GeometricAugmentation`.

    References
    ----------
    D. C. Brown, "Decentering distortion of lenses", Photogrammetric Engineering 32, 1966.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skdl.augmentations import LensDistortion, augmented
    >>> augmented(load_digits().images, LensDistortion(0.3), random_state=0).shape
    (1797, 8, 8)
    """

    constraints = {**GeometricAugmentation.constraints, "max_distortion": Real(0, 1, open_high=True)}
    per_member = ("max_distortion",)

    def __init__(self, max_distortion: float = 0.2, *, fill: float | str | None = None):
        super().__init__(fill=fill)
        self.max_distortion = max_distortion

    def displacements(self, generator: np.random.Generator, n: int, shape: tuple[int, int]) -> np.ndarray:
        amount = (self.max_distortion * generator.uniform(-1, 1, n)).astype(np.float32)
        return amount[:, None, None, None] * _radial(*shape)


@lru_cache(maxsize=16)
def _radial(h: int, w: int) -> np.ndarray:
    """The displacements p |p|^2 / R^2 of the pixels, (2, h, w)."""
    at = np.indices((h, w)) - np.array([[[(h - 1) / 2]], [[(w - 1) / 2]]])
    square = (at**2).sum(axis=0)
    return (at * (square / max(square.max(), 1))).astype(np.float32)


@register("elastic")
class ElasticDeformation(GeometricAugmentation):
    """A smooth random displacement of each pixel, as that of a hand that writes the same again.

    d = alpha G_sigma * u: for y and for x, numbers u that are uniform in (-1, 1), one a pixel, are smoothed by a
    Gaussian of deviation sigma (zeros beyond the image), and multiplied by alpha. A component of d has a deviation of
    about alpha / (2 sqrt(3 pi) sigma) pixels: 1.4 by default, far from the edges.

    Parameters
    ----------
    alpha : float, default=34.0
        In [0, inf).
    sigma : float, default=4.0
        Pixels, in (0, inf).
    fill : float, "edge" or None, default=None
        Outside of the image, see `GeometricAugmentation`.

    References
    ----------
    P. Y. Simard, D. Steinkraus, J. C. Platt, "Best practices for convolutional neural networks applied to visual
    document analysis", ICDAR 2003, whose values for images of 28 x 28 are the defaults.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skdl.augmentations import ElasticDeformation, augmented
    >>> augmented(load_digits().images, ElasticDeformation(8.0, 2.0), random_state=0).shape
    (1797, 8, 8)
    """

    constraints = {**GeometricAugmentation.constraints, "alpha": Real(0), "sigma": Real(0, open_low=True)}
    per_member = ("alpha",)

    def __init__(self, alpha: float = 34.0, sigma: float = 4.0, *, fill: float | str | None = None):
        super().__init__(fill=fill)
        self.alpha = alpha
        self.sigma = sigma

    def displacements(self, generator: np.random.Generator, n: int, shape: tuple[int, int]) -> np.ndarray:
        h, w = shape
        noise = symmetric_uniforms(generator, (n * 2 * h, w))
        # The Gaussian of two axes is a product of matrices from both sides.
        along_x = noise @ (gaussian_matrix(w, float(self.sigma)) * np.float32(self.alpha))
        return np.matmul(gaussian_matrix(h, float(self.sigma)), along_x.reshape(n, 2, h, w))


def symmetric_uniforms(generator: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Numbers of sixteen random bits, uniform in (-1, 1), four to a draw of the generator."""
    size = int(np.prod(shape))
    bits = generator.bit_generator.random_raw(-(-size // 4)).view(np.uint16)[:size]
    numbers = bits.astype(np.float32)
    numbers -= np.float32(32767.5)
    numbers *= np.float32(1 / 32768)
    return numbers.reshape(shape)


@lru_cache(maxsize=32)
def gaussian_matrix(size: int, sigma: float) -> np.ndarray:
    """The symmetric matrix (size, size) that smooths by a Gaussian, cut off at 4 sigma, with zeros beyond the ends."""
    reach = int(4 * sigma + 0.5)
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    distance = np.abs(np.subtract.outer(np.arange(size), np.arange(size)))
    weights = np.where(distance <= reach, np.exp(-0.5 * (distance / sigma) ** 2), 0) / kernel.sum()
    return weights.astype(np.float32)
