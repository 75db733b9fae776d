"""Weights of images, drawn as images."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skdl._layer_names import find_layer, layer_names
from skdl._typing import MatrixLike
from skdl.inspection._fitted import unwrapped
from skdl.inspection._style import diverging, panels


class WeightImageDisplay:
    """The weights of classes, or of the units of a layer, as images: blue below zero, orange above, zero as the paper.

    A pixel's colour says which way the score goes where the pixel grows. For a linear classifier the images are
    templates of its classes.

    Parameters
    ----------
    images : array
        Of shape (n_images, height, width) or (n_images, height, width, 3).
    titles : sequence of n_images str

    Attributes
    ----------
    axes_ : array of n_images Axes
        After `plot`.
    figure_ : Figure

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skdl import SoftmaxClassifier
    >>> from skdl.inspection import WeightImageDisplay
    >>> X, y = load_digits(return_X_y=True)
    >>> softmax = SoftmaxClassifier(alpha=1.0, standardize=False).fit(X / 16, y)
    >>> display = WeightImageDisplay.from_estimator(softmax)
    >>> display.images.shape, display.titles[3]
    ((10, 8, 8), '3')
    """

    def __init__(self, *, images: np.ndarray, titles: Sequence[str]):
        self.images = images
        self.titles = titles

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        image_shape: Sequence[int] | None = None,
        *,
        layer: int | str = 0,
        units: int | Sequence[int] | None = 25,
        X: MatrixLike | None = None,
        ax: Any = None,
        **options: Any,
    ) -> Self:
        """Take the weights of a fitted model.

        Parameters
        ----------
        estimator : estimator
            A model with `coef_` or `coefs_`, of skdl or scikit-learn; a pipeline that ends in one, or a search whose
            best estimator is one.
        image_shape : tuple of two or three int, default=None
            Height and width, and 3 for colours. None for that of the images in fit, where these were images, else for
            squares.
        layer : int or str, default=0
            Of a network: 0 or "hidden_1" for the weights into the first hidden layer. Those above are not of pixels.
        units : int, sequence of int, or None, default=25
            The first so many hidden units, or these; None for all. All classes are always drawn.
        X : array-like of shape (n_samples, n_features), default=None
            Rows, or images as in fit, whose standard deviation of each pixel multiplies its weights: images of what a
            usual change of the pixel does. Pixels that are nearly constant may else have the largest weights, and do
            least.
        ax, **options
            As in `plot`, which draws at once.

        Returns
        -------
        display : WeightImageDisplay
        """
        model, X = unwrapped(estimator, X)
        check_is_fitted(model)
        weights, titles = _weights(model, layer)
        if titles is None:
            chosen = np.arange(len(weights))
            chosen = chosen[:units] if units is None or isinstance(units, int) else np.asarray(units)
            if not np.isin(chosen, np.arange(len(weights))).all():
                raise ValueError(f"The 'units' parameter must list units of 0 to {len(weights) - 1}. Got {units!r}.")
            weights, titles = weights[chosen], [f"unit {unit}" for unit in chosen]
        n_pixels = weights.shape[1]
        seen = getattr(model, "image_shape_", None)  # of the images in fit
        if image_shape is None and seen is not None and math.prod(seen) == n_pixels:
            image_shape = seen[:2] if seen[2:] == (1,) else seen
        shape = _square(n_pixels) if image_shape is None else tuple(int(length) for length in image_shape)
        if math.prod(shape) != n_pixels or len(shape) not in (2, 3) or (len(shape) == 3 and shape[2] != 3):
            raise ValueError(
                f"image_shape={shape} has {math.prod(shape)} numbers, and a unit has {n_pixels} weights. Give (height, "
                "width), or (height, width, 3) for colours."
            )
        if X is not None:
            rows = np.asarray(X, np.float64)
            weights = weights * rows.reshape(len(rows), -1).std(axis=0)
        return cls(images=weights.reshape(-1, *shape), titles=titles).plot(ax, **options)

    def plot(self, ax: Any = None, *, n_columns: int | None = None, same_scale: bool = True) -> Self:
        """Draw the images.

        Parameters
        ----------
        ax : Axes, array of Axes or None, default=None
            One, in whose place all are drawn, or one for each image; None for a new figure.
        n_columns : int, default=None
            Images in a row; None for five, or fewer where they are few.
        same_scale : bool, default=True
            Whether a colour is the same weight in all images.

        Returns
        -------
        display : WeightImageDisplay
            Itself.
        """
        n = len(self.images)
        if n_columns is None:
            n_columns = min(n, 5) if n <= 25 else math.ceil(math.sqrt(n))
        self.figure_, self.axes_ = panels(ax, n, n_columns, (1.5, 1.7))
        largest = np.abs(self.images).reshape(n, -1).max(axis=1)
        limits = np.full(n, largest.max()) if same_scale else largest
        limits = np.where(limits > 0, limits, 1.0)
        colours = diverging()
        for place, image, title, limit in zip(self.axes_, self.images, self.titles, limits, strict=True):
            if image.ndim == 3:
                drawn = place.imshow(0.5 + image / (2 * limit), interpolation="nearest")  # grey is zero
            else:
                drawn = place.imshow(image, cmap=colours, vmin=-limit, vmax=limit, interpolation="nearest")
            place.set_title(title, fontsize="medium")
            place.set_xticks([])
            place.set_yticks([])
        if same_scale and self.images.ndim == 3:
            self.figure_.colorbar(drawn, ax=list(self.axes_), shrink=0.6, label="weight")
        return self


def _weights(model: Any, layer: int | str) -> tuple[np.ndarray, list[str] | None]:
    """Weights (n_units, n_inputs), and the titles of classes or outputs; None for those of hidden units."""
    if hasattr(model, "coefs_"):
        names = layer_names(len(model.coefs_) - 1)[1:]
        place = names.index(find_layer(layer, names, "layer", type(model).__name__))
        weights, is_last = np.asarray(model.coefs_[place], np.float64).T, place == len(names) - 1
        if place == 0 and weights.shape[1] != model.n_features_in_:
            raise ValueError(
                f"The first layer sees {weights.shape[1]} numbers that an encoding has made of {model.n_features_in_} "
                "pixels: its weights are no images. Fit the network with encoding=None."
            )
    elif hasattr(model, "coef_"):
        weights, is_last = np.atleast_2d(np.asarray(model.coef_, np.float64)), True
    else:
        raise TypeError(f"{type(model).__name__} has no coef_ or coefs_ to draw. Give a linear model or a network.")
    if not is_last:
        return weights, None
    classes = getattr(model, "classes_", None)
    if classes is None or isinstance(classes, list):
        return weights, ["weights"] if len(weights) == 1 else [f"output {i}" for i in range(len(weights))]
    if len(weights) == 1 and len(classes) == 2:
        return weights, [f"{classes[1]} against {classes[0]}"]
    return weights, [str(each) for each in classes]


def _square(n_pixels: int) -> tuple[int, ...]:
    side = math.isqrt(n_pixels)
    if side**2 != n_pixels:
        raise ValueError(f"{n_pixels} weights are no square: give image_shape=(height, width).")
    return side, side
