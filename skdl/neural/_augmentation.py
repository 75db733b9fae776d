"""The augmentation of a network's training rows: what its parameters ask for, held to the data."""

from __future__ import annotations

from typing import Any

import numpy as np

from skdl._augmenting import Augmenter, common_fill
from skdl._protocols import GeometricAugmentation, RowAugmentation, RowLayout
from skdl.engine import Dataset
from skdl.neural._settings import Settings
from skdl.neural.encoded_data import EncodedData


def check_augmentation(network: Any, settings: Settings) -> None:
    """Raise for augmentations that do not go with the other parameters."""
    if not settings.augmentations:
        return
    if settings.optimizer.full_batch:
        raise ValueError(
            f"Augmentation makes the loss random, and optimizer={network.optimizer!r} needs the same loss at every "
            "call. Choose a first-order optimizer, such as 'adam', or set augmentation=None."
        )
    common_fill([each for each in settings.augmentations if isinstance(each, GeometricAugmentation)])


def augmenter_of(network: Any, settings: Settings, data: EncodedData, rows: Dataset) -> Augmenter | None:
    """What changes the rows of batches; None where nothing does."""
    if not settings.augmentations:
        return None
    n_columns, columns = data.X.shape[1], data.columns
    is_category = np.zeros(n_columns, bool) if columns is None else np.array(columns.n_categories) > 0
    shape = getattr(network, "image_shape_", None)
    of_images = [type(each).__name__ for each in settings.augmentations if each.needs_images]
    if of_images and shape is None:
        raise ValueError(
            f"{of_images[0]} augments images, and X holds rows of {n_columns} numbers. Give images, as an array of "
            "shape (n_samples, height, width) or (n_samples, height, width, channels), or say with "
            "image_shape=(height, width) what a row is."
        )
    if of_images and columns is not None and (is_category.any() or any(columns.has_missing)):
        raise ValueError(
            f"{of_images[0]} augments images, and X has columns of categories or missing numbers. Images are numbers, "
            "all of which are there."
        )
    varies = np.ones(n_columns, bool) if rows.scale is None else rows.scale != 0
    layout = RowLayout(shape, ~is_category & varies)
    for each in settings.augmentations:
        if isinstance(each, RowAugmentation):
            each.check(layout, bool(is_category.any()))
    return Augmenter(settings.augmentations, layout)
