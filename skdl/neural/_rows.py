"""The rows that a network trains on, as the engine takes them: standardised, weighted, and in range."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from skdl._diagnosis import column_name
from skdl._weights import require_spread_seen
from skdl.engine import Dataset
from skdl.neural._settings import Settings
from skdl.neural._standardize import (
    Moments,
    largest_numbers,
    mean_and_scale,
    row_weights,
    scale_about,
    scale_of_channels,
    zero_and_scale,
)
from skdl.neural._training import Training
from skdl.neural.encoded_data import EncodedData

# Powers of two between which reciprocal deviations may lie, so that coefficients for X as it is are of X's type.
LIMITS = {np.dtype(np.float64): 960, np.dtype(np.float32): 100}
LIMIT_OF_SQUARES = 480  # where the penalty needs their squares
LIMIT_OF_FLOAT32 = 100  # beyond it, differences in X are scaled before they become float32


def training_rows(
    settings: Settings,
    data: EncodedData,
    index: np.ndarray | None,
    before: Training | None,
    image_shape: tuple[int, ...] | None = None,
) -> Dataset:
    """The training rows, with their standardisation: that of the training `before`, where one goes on.

    Images of this shape, of which training changes the pixels, have one scale for all pixels of a channel.
    """
    weight, shift, scale = data.weight, None, None
    if settings.scales_columns if before is None else before.scale is not None:
        if before is None:
            shift, scale = _codes_as_they_are(data, *_moments(settings, data, index))
            if settings.changes_pixels and image_shape is not None:
                scale = scale_of_channels(scale, image_shape)
        else:
            shift, scale = _goes_on(settings, before, data, index)
        limit = LIMIT_OF_SQUARES if settings.penalises_raw else LIMITS[data.X.dtype]
        check_scales(scale, min(limit, LIMITS[data.X.dtype]), data.X, partial(column_name, data.column_names))
        if before is None:
            scale = _for_training(settings, scale)
        scale, shift = of_type(scale, data.dtype), shift.astype(data.X.dtype)
        if before is not None:  # by moments of other rows
            _check_standardised(settings, data, data.X, index, (shift, scale))
    else:
        _check_numbers(data, index)
    if weight is not None:
        own = weight if index is None else weight[index]
        # Equal ones are none: dividing by the mean rounds, and so does a sum of products with it.
        weight = None if own.min() == own.max() else (weight / own.mean()).astype(data.dtype)
    strata = None
    if settings.stratified_batches:
        labels = data.encoding.strata(data.y)
        if labels is None:
            raise ValueError("stratified_batches=True has no effect on this y: it keeps the shares of single labels.")
        strata = np.unique(labels, return_inverse=True)[1]
    return Dataset(data.X, data.targets, weight, index, shift, scale, strata)


def _moments(settings: Settings, data: EncodedData, index: np.ndarray | None) -> Moments:
    """Shift and scale of the columns, the scale of constant ones 0."""
    if not (settings.penalises_raw and np.all(np.asarray(settings.alpha) > 0)):  # a penalty settles what is lost
        name = partial(column_name, data.column_names)
        require_spread_seen(data.X, data.weight, index, name, centred=settings.centres_columns)
    if index is data.kept and settings.centres_columns:
        return data.moments
    of_columns = mean_and_scale if settings.centres_columns else zero_and_scale
    return of_columns(data.X, row_weights(data.X.shape[0], index, data.weight), data.kept)


def _codes_as_they_are(data: EncodedData, shift: np.ndarray, scale: np.ndarray) -> Moments:
    """The moments, but of categories, whose codes are no quantities."""
    if data.columns is None:
        return shift, scale
    is_category = np.array(data.columns.n_categories) > 0
    return np.where(is_category, 0.0, shift), np.where(is_category, 1.0, scale)


def _goes_on(settings: Settings, before: Training, data: EncodedData, index: np.ndarray | None) -> Moments:
    """Those of the first training; a column that was constant takes its scale from the first rows that differ."""
    shift, scale = before.shift, before.scale
    assert shift is not None
    assert scale is not None
    idle = np.flatnonzero(scale == 0)
    if len(idle) and not settings.keeps_inputs:
        weight = row_weights(data.X.shape[0], index, data.weight)
        scale = scale.astype(np.float64)
        scale[idle] = scale_about(data.X, weight, shift.astype(np.float64), idle, data.kept)
    return shift, scale


def _for_training(settings: Settings, scale: np.ndarray) -> np.ndarray:
    """The scale that the training sees columns in."""
    if not settings.drops_constants:
        scale = np.where(scale == 0, 1.0, scale)
    if not settings.penalises_raw:
        return scale
    if settings.penalty.degree is None:
        return np.ones_like(scale)  # the penalty of scaled coefficients is another one: centring is all
    # The curvature of the cross entropy by a column's weight is about its variance / 4, and the penalty's is alpha: in
    # units of their root, all weights are alike for the search.
    return np.asarray(1 / np.sqrt(1 / scale**2 + 4 * np.asarray(settings.alpha)))


def of_type(scale: np.ndarray, dtype: Any) -> np.ndarray:
    """The scale in the precision of the training, but in float64 where some of it is out of float32's range."""
    power = np.abs(np.frexp(scale)[1])
    return scale if dtype == np.float32 and (power > LIMIT_OF_FLOAT32).any() else scale.astype(dtype)


def check_scales(scale: np.ndarray, limit: int, X: Any, name: Callable[[int], str]) -> None:
    """Raise for a column whose reciprocal deviation is not between 2^-limit and 2^limit, and not 0."""
    wrong = ~np.isfinite(scale) | ((scale != 0) & (np.abs(np.frexp(scale)[1]) > limit))
    if wrong.any():
        j = int(wrong.argmax())
        column = X[:, j] if isinstance(X, np.ndarray) else X[:, [j]].toarray()[:, 0]
        value = column[np.abs(np.nan_to_num(column)).argmax()]
        bound = 2.0**limit
        raise ValueError(
            f"{name(j)} holds {value:.4g}, and its values cannot be standardised as {X.dtype}: their deviation must "
            f"lie between {1 / bound:.0e} and {bound:.0e}. Replace a value that stands for a missing or infinite one "
            "(as numpy.nan_to_num writes them), or divide the column by a constant."
        )


def check_validation_rows(settings: Settings, data: EncodedData, rows: Dataset) -> None:
    """Raise for validation rows whose numbers, as the network sees them, the training's precision does not hold."""
    shift = np.zeros(1, rows.X.dtype) if rows.shift is None else rows.shift
    scale = np.ones(1, rows.X.dtype) if rows.scale is None else rows.scale
    _check_standardised(settings, data, rows.X, rows.index, (shift, scale), " in a validation row")


def _check_standardised(
    settings: Settings, data: EncodedData, X: Any, index: np.ndarray | None, moments: Moments, where: str = ""
) -> None:
    """Raise for a column that is out of range in units of other rows, by whose moments it is standardised."""
    shift, scale = moments
    limit = np.sqrt(np.finfo(data.dtype).max)  # squares are numbers, and products of some layers

    def is_wrong(most: Any) -> np.ndarray:
        with np.errstate(all="ignore"):
            return np.asarray(~((most + np.abs(shift)) * scale.astype(np.float64) <= limit))

    values = X if isinstance(X, np.ndarray) else X.data
    if not (values.size and is_wrong(max(values.max(), -values.min())).any()):
        return  # two reductions of all rows, where they settle it, take a tenth of the time
    most = largest_numbers(X, index)
    wrong = is_wrong(most)
    if wrong.any():
        j = int(wrong.argmax())
        advice = "" if settings.scales_columns else ", or set standardize=True"
        raise ValueError(
            f"{column_name(data.column_names, j)} holds {most[j]:.4g}{where}, so far out of the range of the rows that "
            f"the network is trained on that {np.dtype(data.dtype)} does not hold it or its square. Replace a value "
            "that stands for a missing or infinite one (as numpy.nan_to_num writes them), or leave out the "
            f"row{advice}."
        )


def _check_numbers(data: EncodedData, index: np.ndarray | None) -> None:
    """Raise for columns of X as it is whose numbers the training's precision does not hold."""
    info = np.finfo(data.dtype)
    most = largest_numbers(data.X, index)
    wrong = (most > np.sqrt(info.max)) | ((most > 0) & (most < info.tiny))
    if wrong.any():
        j = int(wrong.argmax())
        raise ValueError(
            f"{column_name(data.column_names, j)} holds {most[j]:.4g} as its largest number, and {info.dtype} does "
            "not hold it or its square. Set standardize=True, or multiply the column by a constant."
        )
