"""Augmented images, to be looked at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from skdl._augmenting import Augmenter
from skdl._protocols import Augmentation, RowLayout
from skdl._registry import augmentations


def augmented(
    images: Any, augmentation: str | Augmentation | Sequence[str | Augmentation], *, random_state: int | None = None
) -> np.ndarray:
    """Images as a network with this augmentation might see them in an epoch, before they are standardised.

    Parameters
    ----------
    images : array-like
        Of shape (n, height, width) or (n, height, width, channels). Real numbers; they stay as they are.
    augmentation : str, Augmentation or list of these
        As networks take it. Augmentations of rows act on X as it is here, and targets are nobody's.
    random_state : int or None, default=None
        The seed of the random numbers.

    Returns
    -------
    images : array of the same shape
        In float32 where they were so, else in float64.

    Raises
    ------
    ValueError
        For an array that is not one of images, or a name that no augmentation has.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skdl.augmentations import Rotation, augmented
    >>> seven = load_digits().images[7:8]
    >>> turned = augmented(seven.repeat(5, axis=0), [Rotation(20.0), "elastic"], random_state=0)
    >>> turned.shape
    (5, 8, 8)
    """
    given = np.asarray(images)
    if given.ndim not in (3, 4) or given.dtype.kind not in "biuf":
        raise ValueError(
            "images must be numbers of shape (n, height, width) or (n, height, width, channels). Got shape "
            f"{given.shape} of {given.dtype}."
        )
    several = augmentation if isinstance(augmentation, (list, tuple)) else [augmentation]
    rows = given.reshape(len(given), -1).astype(np.float32 if given.dtype == np.float32 else np.float64)
    layout = RowLayout(given.shape[1:], np.ones(rows.shape[1], bool))
    augmenter = Augmenter([augmentations.resolve(each).validate() for each in several], layout)
    generator = np.random.default_rng(random_state)
    if augmenter.changes_pixels:
        augmenter.pixels(rows, generator, out=rows)
    ones = np.ones((len(rows), 1), rows.dtype)
    return augmenter.rows(rows, ones, ones.copy(), generator)[0].reshape(given.shape)
