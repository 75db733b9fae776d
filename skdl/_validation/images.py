"""Images as rows of numbers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np


def rows_of_images(estimator: Any, X: Any, *, reset: bool) -> Any:
    """Images (n, h, w) or (n, h, w, c) as rows of numbers; sets `image_shape_`, or checks that the fit saw the same.

    Rows of numbers stay as they are.
    """
    if isinstance(X, (list, tuple)) and len(X) and np.ndim(X[0]) > 1:
        X = np.asarray(X)
    if reset:
        vars(estimator).pop("image_shape_", None)
    said = getattr(estimator, "image_shape", None)
    if getattr(X, "ndim", 2) not in (3, 4):
        if reset and said is not None:
            estimator.image_shape_ = _shape_of_rows(X, tuple(said))
        return X
    X = np.asarray(X)
    shape = X.shape[1:]
    known = getattr(estimator, "image_shape_", None)
    if reset:
        if said is not None and _without_one_channel(tuple(said)) != _without_one_channel(shape):
            raise ValueError(f"X holds images of shape {shape}, and image_shape={said!r} says another one.")
        estimator.image_shape_ = shape
    elif known is not None and _without_one_channel(shape) != _without_one_channel(known):
        raise ValueError(
            f"X holds images of shape {shape}, and {type(estimator).__name__} was fitted on images of shape {known}."
        )
    return X.reshape(len(X), math.prod(shape))


def _shape_of_rows(X: Any, said: tuple[int, ...]) -> tuple[int, ...]:
    """The shape of the images that rows of numbers are said to be."""
    if len(said) not in (2, 3):
        raise ValueError(f"image_shape={said} must be (height, width) or (height, width, channels).")
    n_columns = np.shape(X)[1] if len(np.shape(X)) == 2 else None  # of what is no table, validation has its message
    if n_columns not in (None, math.prod(said)):
        raise ValueError(
            f"image_shape={said} is that of rows of {math.prod(said)} numbers, and X has {n_columns} columns."
        )
    return said


def _without_one_channel(shape: tuple[int, ...]) -> tuple[int, ...]:
    """The shape of an image, which with a lone channel is that without."""
    return shape[:2] if shape[2:] == (1,) else shape
