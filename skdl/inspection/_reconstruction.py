"""Rows, and what is left of them in a code."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from scipy import sparse
from sklearn.utils.validation import check_is_fitted

from skdl._typing import MatrixLike
from skdl.inspection._style import dots, line, panels, pyplot

CURVE = 24  # columns of a table whose names are written below the curves


class ReconstructionDisplay:
    """Rows above their reconstructions, as images or as curves over the columns.

    What `inverse_transform` makes of `transform` tells what an encoder has kept: of an `Autoencoder`, or of anything
    with these methods, such as a principal component analysis.

    Parameters
    ----------
    originals, reconstructions : arrays of shape (n_rows, n_columns)
    inputs : array of shape (n_rows, n_columns) or None, default=None
        What was transformed, where it is not the originals.
    image_shape : tuple of two or three int, or None, default=None
        Height, width, and 3 for colours; None for curves.
    names : sequence of n_columns str, or None, default=None
        Of the columns.

    Attributes
    ----------
    errors : array of shape (n_rows,)
        The mean squared error of each row over its known columns, in the squares of their units.
    axes_ : array of Axes
        After `plot`: of images one row of axes each for the originals, the inputs, if these differ, and the
        reconstructions; of curves one for each row of the data.
    figure_ : Figure

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.decomposition import PCA
    >>> from skdl.inspection import ReconstructionDisplay
    >>> X = load_digits().data
    >>> display = ReconstructionDisplay.from_estimator(PCA(20).fit(X), X, image_shape=(8, 8))
    >>> display.reconstructions.shape, display.errors.shape
    ((8, 64), (8,))
    """

    def __init__(
        self,
        *,
        originals: np.ndarray,
        reconstructions: np.ndarray,
        inputs: np.ndarray | None = None,
        image_shape: Sequence[int] | None = None,
        names: Sequence[str] | None = None,
    ):
        self.originals = originals
        self.reconstructions = reconstructions
        self.inputs = inputs
        self.image_shape = image_shape
        self.names = names
        self.errors = np.nanmean((np.asarray(originals, np.float64) - reconstructions) ** 2, axis=1)

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: MatrixLike,
        n_samples: int = 8,
        image_shape: Sequence[int] | None = None,
        *,
        inputs: MatrixLike | None = None,
        ax: Any = None,
    ) -> Self:
        """Reconstruct rows.

        Parameters
        ----------
        estimator : estimator
            Fitted, with `transform` and `inverse_transform`.
        X : {array-like, sparse matrix, frame} of shape (n_samples, n_features)
            Rows, or images of shape (n_samples, height, width) or (n_samples, height, width, 3).
        n_samples : int, default=8
            The first so many rows are drawn.
        image_shape : tuple of two or three int, or None, default=None
            Height and width, and 3 for colours, of rows that are images; None for those of X or of the estimator
            (`image_shape_`), if these are images, else for curves.
        inputs : like X, default=None
            What is transformed in place of X, such as X with noise, to be drawn between.
        ax : Axes, array of Axes or None, default=None
            As in `plot`, which draws at once.

        Returns
        -------
        display : ReconstructionDisplay
        """
        for method in ("transform", "inverse_transform"):
            if not hasattr(estimator, method):
                raise TypeError(
                    f"{type(estimator).__name__} has no {method}, by which rows become codes and codes rows. Give an "
                    "Autoencoder, or a transformer with an inverse, such as PCA."
                )
        check_is_fitted(estimator)
        names = [str(name) for name in X.columns] if hasattr(X, "columns") else None
        rows, given = _first(X, n_samples), None if inputs is None else _first(inputs, n_samples)
        again = estimator.inverse_transform(estimator.transform(rows if given is None else given))
        originals, between = _flat(rows), None if given is None else _flat(given)
        if between is not None and between.shape != originals.shape:
            raise ValueError(
                f"The first rows of inputs have the shape {between.shape}, and those of X {originals.shape}: give "
                "inputs row by row as X."
            )
        if image_shape is None and np.ndim(rows) > 2:
            image_shape = np.shape(rows)[1:]
        elif image_shape is None:
            image_shape = getattr(estimator, "image_shape_", None)
        if image_shape is not None:
            image_shape = _checked(image_shape, originals.shape[1])
        return cls(
            originals=originals,
            reconstructions=_flat(again),
            inputs=between,
            image_shape=image_shape,
            names=names,
        ).plot(ax)

    def plot(self, ax: Any = None) -> Self:
        """Draw the rows.

        Parameters
        ----------
        ax : Axes, array of Axes or None, default=None
            One, in whose place all are drawn, or one for each image or curve; None for a new figure.

        Returns
        -------
        display : ReconstructionDisplay
            Itself.
        """
        if self.image_shape is None:
            self._plot_curves(ax)
        else:
            self._plot_images(ax, tuple(self.image_shape))
        return self

    def _plot_images(self, ax: Any, shape: tuple[int, ...]) -> None:
        lines = {"original": self.originals, "input": self.inputs, "reconstruction": self.reconstructions}
        drawn = {title: rows for title, rows in lines.items() if rows is not None}
        n = len(self.originals)
        self.figure_, self.axes_ = panels(ax, n * len(drawn), n, (1.1, 1.25))
        low, high = np.nanmin(self.originals), np.nanmax(self.originals)
        places = iter(self.axes_)
        for title, rows in drawn.items():
            for i, row in enumerate(rows):
                place, image = next(places), row.reshape(shape)
                if image.ndim == 3:
                    place.imshow(np.clip((image - low) / max(high - low, 1e-300), 0, 1), interpolation="nearest")
                else:
                    place.imshow(image, cmap=_ink(), vmin=low, vmax=high, interpolation="nearest")
                place.set_xticks([])
                place.set_yticks([])
                if i == 0:
                    place.set_ylabel(title)
                if title == "reconstruction":
                    place.set_xlabel(f"{self.errors[i]:.2g}", fontsize="small")
        self.figure_.supxlabel("mean squared error", fontsize="small")

    def _plot_curves(self, ax: Any) -> None:
        n = len(self.originals)
        columns = np.arange(self.originals.shape[1])
        names = self.names if len(columns) <= CURVE else None
        in_a_row, below = min(n, 4), 0.0 if names is None else 0.07 * max(map(len, names))  # inches for the names
        self.figure_, self.axes_ = panels(ax, n, in_a_row, (3.0, 2.2 + below), sharey=True)
        for i, place in enumerate(self.axes_):
            if self.inputs is not None:
                place.plot(columns, self.inputs[i], **line(2), alpha=0.6, label="input")
            place.plot(columns, self.originals[i], **dots(0), markersize=4, label="original")
            place.plot(columns, self.reconstructions[i], **line(1), label="reconstruction")
            place.set_title(f"error {self.errors[i]:.2g}", fontsize="medium")
            if i + in_a_row < n:
                place.set_xticks([] if names is None else columns, [])
            elif names is not None:
                place.set_xticks(columns, names, rotation=90, fontsize="small")
            else:
                place.set_xlabel("column")
        self.axes_[0].legend(fontsize="small")


def _first(X: Any, n: int) -> Any:
    """The first rows of an array, matrix, list or frame."""
    return X.iloc[:n] if hasattr(X, "iloc") else X[:n]


def _flat(X: Any) -> np.ndarray:
    """Rows of numbers."""
    dense = X.toarray() if sparse.issparse(X) else np.asarray(X)
    return dense.reshape(len(dense), -1).astype(np.float64)


def _checked(image_shape: Sequence[int], n_columns: int) -> tuple[int, ...]:
    shape = tuple(int(length) for length in image_shape)
    shape = shape[:2] if shape[2:] == (1,) else shape
    if math.prod(shape) != n_columns or len(shape) not in (2, 3) or shape[2:] not in ((), (3,)):
        raise ValueError(
            f"image_shape={tuple(image_shape)} has {math.prod(shape)} numbers, and a row has {n_columns}. Give "
            "(height, width), or (height, width, 3) for colours."
        )
    return shape


def _ink() -> Any:
    """From the colour of the paper to that of the text."""
    from matplotlib.colors import LinearSegmentedColormap

    settings = pyplot().rcParams
    return LinearSegmentedColormap.from_list("skdl_ink", [settings["axes.facecolor"], settings["text.color"]])
