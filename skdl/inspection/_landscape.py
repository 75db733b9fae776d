"""Losses over two directions, and the paths of optimizers on them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skdl._typing import MatrixLike, VectorLike, WeightLike
from skdl.inspection._directions import around, place_of, principal_directions, random_directions, trail
from skdl.inspection._objective import FittedObjective, network_in
from skdl.inspection._style import QUIET, SEQUENTIAL, foreground, heights, line, panel, pyplot

EXPECTED = "The 'directions' parameter must be 'random', 'trajectory' or two triples (layer, input, unit)."
STEEP = 6.0  # times the median height, that the largest is, from which on levels grow geometrically


class LossLandscapeDisplay:
    """A loss over a plane, with the paths of optimizers on it.

    Parameters
    ----------
    x, y : arrays of shape (n_x,) and (n_y,)
        Coordinates of the grid.
    values : array of shape (n_y, n_x)
        The loss there.
    labels : (str, str)
        Of the two coordinates.
    paths : dict, default=None
        From names to the points (n_points, 2) that a path has in the plane, or the nearest to it.
    center : (float, float) or None, default=None
        Where a network is.

    Attributes
    ----------
    ax_ : Axes
        After `plot`.
    figure_ : Figure

    Examples
    --------
    The steps of gradient descent in a narrow valley:

    >>> import numpy as np
    >>> from skdl.inspection import LossLandscapeDisplay
    >>> point, path = np.array([-2.0, 1.0]), []
    >>> for _ in range(20):
    ...     path.append(point)
    ...     point = point - 0.18 * np.array([1.0, 10.0]) * point
    >>> valley = lambda w: 0.5 * (w[0] ** 2 + 10 * w[1] ** 2)
    >>> display = LossLandscapeDisplay.from_function(valley, (-2.5, 2.5), (-1.5, 1.5), paths={"rate 0.18": path})
    >>> display.values.shape
    (80, 80)

    Around a network:

    >>> from sklearn.datasets import load_wine
    >>> from skdl import SoftmaxClassifier
    >>> X, y = load_wine(return_X_y=True)
    >>> softmax = SoftmaxClassifier().fit(X, y)
    >>> display = LossLandscapeDisplay.from_estimator(softmax, X, y, n_points=11)
    >>> bool(display.values[5, 5] == display.values.min())
    True
    """

    def __init__(
        self,
        *,
        x: np.ndarray,
        y: np.ndarray,
        values: np.ndarray,
        labels: tuple[str, str] = ("x", "y"),
        paths: Mapping[str, np.ndarray] | None = None,
        center: tuple[float, float] | None = None,
    ):
        self.x = x
        self.y = y
        self.values = values
        self.labels = labels
        self.paths = dict(paths or {})
        self.center = center

    @classmethod
    def from_function(
        cls,
        f: Callable[[np.ndarray], Any],
        x_range: tuple[float, float],
        y_range: tuple[float, float],
        *,
        n_points: int = 80,
        paths: Mapping[str, Any] | None = None,
        labels: tuple[str, str] = ("x", "y"),
        ax: Any = None,
        **options: Any,
    ) -> Self:
        """Take a function of two variables.

        Parameters
        ----------
        f : callable
            From an array of two numbers to a number, as `skdl.optimizers.minimize` takes it.
        x_range, y_range : (float, float)
            From where to where.
        n_points : int, default=80
            Points of the grid, along each side.
        paths : dict, default=None
            From names to points, array-like of shape (n_points, 2), or to what `skdl.optimizers.minimize` gives.
        labels : (str, str), default=("x", "y")
            Of the variables.
        ax, **options
            As in `plot`, which draws at once.

        Returns
        -------
        display : LossLandscapeDisplay
        """
        x, y = np.linspace(*x_range, n_points), np.linspace(*y_range, n_points)
        values = np.array([[float(f(np.array([a, b]))) for a in x] for b in y])
        points = {name: _points(name, path) for name, path in (paths or {}).items()}
        return cls(x=x, y=y, values=values, labels=labels, paths=points).plot(ax, **options)

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: MatrixLike,
        y: VectorLike,
        sample_weight: WeightLike | None = None,
        *,
        directions: str | Sequence[tuple[str, int, int]] = "random",
        paths: Mapping[str, Sequence[Any]] | None = None,
        extent: float = 1.0,
        n_points: int = 25,
        random_state: int | None = 0,
        ax: Any = None,
        **options: Any,
    ) -> Self:
        """Take the objective of a network, mean loss plus penalty, around where it is.

        Parameters are those of the training, in which inputs are standardised. Nothing is dropped, and a batch
        normalization takes its statistics from all rows.

        Parameters
        ----------
        estimator : estimator
            A fitted network of skdl; a pipeline that ends in one, or a search whose best estimator is one.
        X : {array-like, sparse matrix, frame} of shape (n_samples, n_features)
            Rows; the loss is computed on all of them at each point of the grid.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Their targets.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each row.
        directions : {"random", "trajectory"} or two triples, default="random"
            "random" for two random directions, in each of which the weights of a unit have the norm that they have in
            the network (and all else stays): so networks are comparable whose weights have other scales. "trajectory"
            for the two in which the `paths` extend most, by a principal component analysis of their differences to the
            network. Two triples (layer, input, unit), such as ("hidden_1", 0, 3), for two weights.
        paths : dict, default=None
            From names to networks at successive moments of a training, of the same structure and data. They are drawn
            where they are nearest to in the plane.
        extent : float, default=1.0
            How far the picture reaches to each side: of random directions, 1 is as far as the weights are from zero; of
            two weights, in units of these. With "trajectory" the paths decide.
        n_points : int, default=25
            Points of the grid, along each side.
        random_state : int or None, default=0
            Of the random directions.
        ax, **options
            As in `plot`, which draws at once.

        Returns
        -------
        display : LossLandscapeDisplay

        References
        ----------
        H. Li, Z. Xu, G. Taylor, C. Studer, T. Goldstein, "Visualizing the loss landscape of neural nets", NeurIPS 2018.
        """
        check_is_fitted(estimator)
        network, X = network_in(estimator, X)
        objective = FittedObjective(network, X, y, sample_weight)
        trails = {name: trail(name, path, objective) for name, path in (paths or {}).items()}
        origin, center = objective.theta, (0.0, 0.0)
        spans = [(-extent, extent)] * 2
        if isinstance(directions, str):
            if directions not in ("random", "trajectory"):
                raise ValueError(f"{EXPECTED} Got {directions!r}.")
            if directions == "random":
                plane, labels = random_directions(objective, random_state), ("direction 1", "direction 2")
            else:
                plane, labels = principal_directions(objective, trails)
        else:
            if [np.size(each) for each in directions] != [3, 3]:
                raise ValueError(f"{EXPECTED} Got {directions!r}.")
            places = [place_of(objective, each) for each in directions]
            if len(set(places)) != 2:
                raise ValueError(f"The 'directions' parameter must name two different weights. Got {directions!r}.")
            plane = np.zeros((2, len(origin)))
            plane[[0, 1], places] = 1.0
            first, second = ("{}[{}, {}]".format(*each) for each in directions)
            labels, center = (first, second), (origin[places[0]], origin[places[1]])
        project = np.linalg.pinv(plane)
        points = {name: (each - origin) @ project + center for name, each in trails.items()}
        if directions == "trajectory":
            spans = around([*points.values(), np.zeros((1, 2))])
        across, up = (np.linspace(low, high, n_points) for low, high in spans)
        values = np.array([[objective(origin + a * plane[0] + b * plane[1])[0] for a in across] for b in up])
        return cls(
            x=across + center[0], y=up + center[1], values=values, labels=labels, paths=points, center=center
        ).plot(ax, **options)

    def plot(self, ax: Any = None, *, kind: str = "contour", n_levels: int = 20, log_scale: bool | None = None) -> Self:
        """Draw levels of equal loss, and the paths, each from a dot to a star; or the loss as a surface.

        Parameters
        ----------
        ax : Axes or None, default=None
            None for a new figure; a surface is drawn into axes with projection="3d".
        kind : {"contour", "surface"}, default="contour"
        n_levels : int, default=20
            Lines of equal loss.
        log_scale : bool, default=None
            Whether their heights above the lowest point grow geometrically, so that a valley shows; None for where the
            walls are steep.

        Returns
        -------
        display : LossLandscapeDisplay
            Itself.
        """
        if kind not in ("contour", "surface"):
            raise ValueError(f"The 'kind' parameter must be 'contour' or 'surface'. Got {kind!r}.")
        if kind == "surface":
            return self._plot_surface(ax)
        self.figure_, self.ax_ = panel(ax, (5.5, 4.2))
        levels = self._levels(n_levels, log_scale)
        filled = self.ax_.contourf(self.x, self.y, self.values, levels, cmap=heights(), extend="both")
        self.ax_.contour(self.x, self.y, self.values, levels, colors=QUIET, linewidths=0.5)
        for i, (name, path) in enumerate(self.paths.items()):
            look = line(i)
            self.ax_.plot(path[:, 0], path[:, 1], label=name, marker=".", markersize=4, linewidth=1.5, **look)
            self.ax_.plot(*path[0], marker="o", color=look["color"], markersize=7)
            self.ax_.plot(*path[-1], marker="*", color=look["color"], markersize=12)
        if self.center is not None:
            self.ax_.plot(*self.center, marker="x", color=foreground(), markersize=8, linestyle="none", label="network")
        self.ax_.set_xlim(self.x[0], self.x[-1])
        self.ax_.set_ylim(self.y[0], self.y[-1])
        self.ax_.set_xlabel(self.labels[0])
        self.ax_.set_ylabel(self.labels[1])
        self.figure_.colorbar(filled, ax=self.ax_, label="loss", format="%.3g")
        if self.paths or self.center is not None:
            self.ax_.legend(fontsize="small")
        return self

    def _plot_surface(self, ax: Any) -> Self:
        if ax is None:
            ax = pyplot().figure(figsize=(5.5, 4.5)).add_subplot(projection="3d")
        self.figure_, self.ax_ = ax.figure, ax
        ax.plot_surface(*np.meshgrid(self.x, self.y), self.values, cmap=SEQUENTIAL, linewidth=0, alpha=0.9)
        ax.set_xlabel(self.labels[0])
        ax.set_ylabel(self.labels[1])
        ax.set_zlabel("loss")
        return self

    def _levels(self, n_levels: int, log_scale: bool | None) -> np.ndarray:
        finite = self.values[np.isfinite(self.values)]
        if not len(finite) or finite.max() == finite.min():
            return np.array([0.0, 1.0]) + (finite[0] if len(finite) else 0.0)
        heights = finite - finite.min()
        median = float(np.median(heights))
        if log_scale or (log_scale is None and heights.max() > STEEP * median):
            low = float(np.quantile(heights[heights > 0], 0.01))
            return finite.min() + np.geomspace(low, heights.max(), n_levels)
        return np.linspace(finite.min(), finite.max(), n_levels)


def _points(name: str, path: Any) -> np.ndarray:
    points = np.asarray(getattr(path, "points", path), np.float64)
    if points.ndim != 2 or points.shape[1] != 2:
        raise ValueError(f"The path {name!r} must be points of shape (n_points, 2). Got shape {points.shape}.")
    return points
