"""Augmentations: how rows of a training batch are changed at random, in each epoch anew."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from skdl._component import Component
from skdl._constraints import NONE, Constraint, OneOf, Real


@dataclass(frozen=True)
class RowLayout:
    """The meaning of a network's inputs, as augmentations of rows have to know it.

    Parameters
    ----------
    image_shape : tuple of int or None
        (h, w) or (h, w, c), where rows are images, in the order of a C-ordered array; else None.
    is_number : bool array of shape (d,)
        True for columns of numbers that vary in training; False for constant ones, and for codes of categories.
    """

    image_shape: tuple[int, ...] | None
    is_number: np.ndarray


class Augmentation(Component):
    """A random change of training rows; its subclasses say of what.

    Members of a stack are augmented one by one, by their own component and their own generator, from which all random
    numbers have to come: so a network has the same rows in a stack as alone.

    Attributes
    ----------
    needs_images : bool
        Whether rows must be images.
    changes_pixels : bool
        Whether it acts on images in the units of X, before they are standardised.
    """

    needs_images = False
    changes_pixels = False


class GeometricAugmentation(Augmentation):
    """A random map of the plane, for images: its share in the one map by which all of them take pixels from images.

    A new image has at the position p = (y, x) what the old one has at

    q = M_1 ... M_m (p, 1) + sum_j d_j(p),

    with a matrix M (2 x 3, the last column a shift) or displacements d from each augmentation, in their order.
    Positions are in pixels from the middle of the image, y down and x to the right. What lies between pixels is
    interpolated linearly, once for all augmentations.

    Parameters
    ----------
    fill : float, "edge" or None, default=None
        What lies outside of the image: a number in the units of X, or the nearest pixel of its edge. None for what the
        other geometric augmentations of a network have, and 0 where none says anything.
    """

    needs_images = True
    changes_pixels = True
    constraints: ClassVar[Mapping[str, Constraint]] = {"fill": NONE | OneOf("edge") | Real()}

    def __init__(self, *, fill: float | str | None = None):
        self.fill = fill

    def matrices(self, generator: np.random.Generator, n: int, shape: tuple[int, int]) -> np.ndarray | None:
        """Matrices M of n images of this height and width, (n, 2, 3); None for the identity."""
        return None

    def displacements(self, generator: np.random.Generator, n: int, shape: tuple[int, int]) -> np.ndarray | None:
        """Displacements d of the pixels of n images, (n, 2, h, w), first by y; None for none."""
        return None


class PixelAugmentation(Augmentation):
    """A random change of the values of pixels, for images: of their light, say."""

    needs_images = True
    changes_pixels = True

    @abstractmethod
    def adjust(self, images: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        """The changed images.

        Parameters
        ----------
        images : array of shape (n, h, w, c)
            In the units of X, after the geometric augmentations. Owned by this call, which may return it.
        generator : numpy.random.Generator
            The network's own.
        """


class RowAugmentation(Augmentation):
    """A random change of rows as the network sees them, standardised, and of their targets."""

    @abstractmethod
    def augment(
        self, x: np.ndarray, targets: np.ndarray, weight: np.ndarray, generator: np.random.Generator, layout: RowLayout
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The changed rows of a batch, targets and weights.

        Parameters
        ----------
        x : array of shape (n, d)
            Owned by this call, as are targets and weights. NaN stands for a missing number.
        targets : array of shape (n, C)
            What the loss takes: of classes their probabilities.
        weight : array of shape (n, 1)
            The share of each row in the loss.
        generator : numpy.random.Generator
            The network's own.
        layout : RowLayout
        """

    def check(self, layout: RowLayout, has_categories: bool) -> Any:
        """Raise a ValueError for rows that it cannot change, some of whose columns may be codes of categories."""
