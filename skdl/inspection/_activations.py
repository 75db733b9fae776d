"""What passes through the layers of networks, and what comes back: distributions, saturation, dead units, steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skdl._protocols import ForwardContext, Layer
from skdl._typing import MatrixLike, VectorLike
from skdl.engine import Network, TrainingResult
from skdl.inspection._fitted import named
from skdl.inspection._objective import FittedObjective, network_in, with_statistics
from skdl.inspection._style import MARKERS, QUIET, color, line, panels
from skdl.neural._layer_values import layer_values

if TYPE_CHECKING:
    import pandas as pd

SMALL_SLOPE = 0.05  # of the largest one: below it an activation is near its limit
DEAD_SLOPE = 1e-6  # of the largest one: what a step of the weights under it cannot change
GRID = np.linspace(-10.0, 10.0, 2001)  # where the largest slope is looked for
STATISTICS = {
    "std": "deviation of activations",
    "gradient_std": "deviation of gradients",
    "saturated": "share saturated",
    "dead": "share of dead units",
    "update_ratio": "step / weights",
}


class ActivationDisplay:
    """The activations of the layers of one or several networks: their distributions, and statistics by layer.

    Parameters
    ----------
    values : dict
        From names of networks to dicts from names of hidden layers to pairs of arrays (n_samples, n_units): what comes
        to the activation, and what the layer gives; the first is None where a layer has no activation.
    statistics : DataFrame
        A row for each layer of each network; see below.

    Attributes
    ----------
    statistics : DataFrame
        `network`, `layer` ("input", "hidden_1", ..., "output") and `n_units`; `mean` and `std` of the values of the
        layer, and `pre_std`, the deviation of what comes to its activation, over all rows and units; `saturated`, the
        share of values near a limit of the activation: the activation is bounded on that side, and its slope there is
        below 5 % of its largest one (of a ReLU, zeros); `dead`, the share of units whose slope is zero (below 1e-6 of
        the largest one) in every row. With targets: `gradient_std`, the deviation of the gradients of each row's loss
        by the layer's values; `weight_norm`, that of the weights into the layer; `update_ratio`, the norm of what one
        step on these rows adds to them over `weight_norm`, of which 1e-3 is usual. NaN where there is no such number.
    axes_ : array of Axes
        Of shape (n_layers, n_networks); of kind="statistics" of shape (n_quantities,).
    figure_ : Figure

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skdl import MLPClassifier
    >>> from skdl.initializers import Normal
    >>> from skdl.inspection import ActivationDisplay
    >>> X, y = load_digits(return_X_y=True)
    >>> deep = MLPClassifier((50,) * 4, activation="tanh", encoding=None, random_state=0)
    >>> networks = {
    ...     "N(0, 0.01)": deep.set_params(initializer=Normal(0.1)).initialize(X, y),
    ...     "Glorot": MLPClassifier(**{**deep.get_params(deep=False), "initializer": "glorot_normal"}).initialize(X, y),
    ... }
    >>> display = ActivationDisplay.from_estimator(networks, X[:200], y[:200])
    >>> table = display.statistics.pivot(index="layer", columns="network", values="std")
    >>> bool(table.loc["hidden_4", "N(0, 0.01)"] < 0.6 * table.loc["hidden_4", "Glorot"])
    True
    """

    def __init__(
        self,
        *,
        values: Mapping[str, Mapping[str, tuple[np.ndarray | None, np.ndarray]]],
        statistics: pd.DataFrame,
    ):
        self.values = values
        self.statistics = statistics

    @classmethod
    def from_estimator(
        cls, estimator: Any, X: MatrixLike, y: VectorLike | None = None, *, ax: Any = None, **options: Any
    ) -> Self:
        """Pass rows through fitted networks, or through such as `initialize` gives.

        Parameters
        ----------
        estimator : estimator, list of estimators, or dict from names to estimators
            Networks of skdl with hidden layers; pipelines that end in one, and searches whose best estimator is one.
        X : {array-like, sparse matrix, frame} of shape (n_samples, n_features)
            Rows; a few hundred tell enough.
        y : array-like of shape (n_samples,), default=None
            Their targets, by which gradients and one step are taken, and by which batch normalizations of networks that
            no epoch has trained have statistics, of these rows. No network is changed.
        ax, **options
            As in `plot`, which draws at once.

        Returns
        -------
        display : ActivationDisplay
        """
        import pandas as pd

        values, rows = {}, []
        for name, given in named(estimator).items():
            check_is_fitted(given)
            network, own = network_in(given, X)
            found, table = _passed(network, own, y)
            values[name] = found
            rows += [{"network": name, **row} for row in table]
        return cls(values=values, statistics=pd.DataFrame(rows)).plot(ax, **options)

    def plot(
        self, ax: Any = None, *, kind: str = "values", n_bins: int = 50, show: Sequence[str] | None = None
    ) -> Self:
        """Draw the distributions of each hidden layer, the first one on top, or statistics over the layers.

        Activations are filled, and what comes to them is an outline; the axis is logarithmic where one value, such as
        zero, is most of all. Of statistics there is a line for each network.

        Parameters
        ----------
        ax : Axes, array of Axes or None, default=None
            One, in whose place all are drawn, or as many as there are layers of all networks, or statistics; None for a
            new figure.
        kind : {"values", "statistics"}, default="values"
        n_bins : int, default=50
            Bins of a histogram.
        show : sequence of str, default=None
            Statistics, columns of `statistics`, a panel each. None for the deviations, shares and ratios that are
            known.

        Returns
        -------
        display : ActivationDisplay
            Itself.
        """
        if kind not in ("values", "statistics"):
            raise ValueError(f"The 'kind' parameter must be 'values' or 'statistics'. Got {kind!r}.")
        if kind == "statistics":
            return self._plot_statistics(ax, show)
        names = list(self.values)
        depth = max(len(layers) for layers in self.values.values())
        self.figure_, axes = panels(ax, depth * len(names), len(names), (3.6, 1.6))
        self.axes_ = axes.reshape(depth, len(names))
        table = self.statistics.set_index(["network", "layer"])
        for column, name in enumerate(names):
            layers = list(self.values[name])
            for row, place in enumerate(self.axes_[:, column]):
                if row >= len(layers):
                    place.set_axis_off()
                    continue
                layer = layers[row]
                self._histogram(place, *self.values[name][layer], n_bins)
                place.set_title(_words(layer, table.loc[(name, layer)]), fontsize="small")
                place.set_yticks([])
                place.minorticks_off()
                place.locator_params(axis="x", nbins=5)
            self.axes_[0, column].legend(fontsize="small")
            if len(names) > 1:
                self.axes_[0, column].set_title(f"{name}\n{self.axes_[0, column].get_title()}", fontsize="small")
        return self

    def _plot_statistics(self, ax: Any, show: Sequence[str] | None) -> Self:
        known = [name for name in self.statistics if name not in ("network", "layer")]
        shown = list(show or [name for name in STATISTICS if self.statistics[name].notna().any()])
        wrong = [name for name in shown if name not in known]
        if wrong:
            raise ValueError(f"The 'show' parameter may list {known}. Got {wrong[0]!r}.")
        self.figure_, self.axes_ = panels(ax, len(shown), min(len(shown), 3), (4.0, 3.0))
        order = max(self.values, key=lambda name: len(self.values[name]))
        layers = self.statistics.loc[self.statistics["network"] == order, "layer"].tolist()
        for place, quantity in zip(self.axes_, shown, strict=True):
            for i, name in enumerate(self.values):
                own = self.statistics[self.statistics["network"] == name].dropna(subset=[quantity])
                at = [layers.index(layer) for layer in own["layer"]]
                place.plot(at, own[quantity], label=name, marker=MARKERS[i % len(MARKERS)], markersize=4, **line(i))
            drawn = self.statistics[quantity].dropna()
            if quantity not in ("saturated", "dead", "mean") and (drawn > 0).all() and drawn.max() > 20 * drawn.min():
                place.set_yscale("log")
            place.set_xticks(
                range(len(layers)), layers, rotation=0 if len(layers) < 4 else 40 if len(layers) < 7 else 90
            )
            place.set_title(STATISTICS.get(quantity, quantity), fontsize="medium")
        self.axes_[0].legend(fontsize="small")
        return self

    @staticmethod
    def _histogram(ax: Any, before: np.ndarray | None, after: np.ndarray, n_bins: int) -> None:
        bins = _bins(after, n_bins)
        if before is not None:
            outline = _bins(before, n_bins)
            ax.hist(before.ravel(), outline, density=True, histtype="step", color=QUIET, label="before")
            width = bins[-1] - bins[0]  # what comes to an activation may be so wide that what it gives is not seen
            ends = max(outline[0], bins[0] - width), min(outline[-1], bins[-1] + width)
            ax.set_xlim(min(ends[0], bins[0] - 0.05 * width), max(ends[1], bins[-1] + 0.05 * width))
        ax.hist(after.ravel(), bins, density=True, color=color(0), alpha=0.6, label="activation")
        ax.set_yscale("log" if _is_peaked(after, n_bins) else "linear")


def _bins(values: np.ndarray, n_bins: int) -> np.ndarray:
    low, high = np.quantile(values, (0.001, 0.999))
    return np.linspace(low, high if high > low else low + 1e-12 + abs(low) * 1e-6, n_bins + 1)


def _is_peaked(values: np.ndarray, n_bins: int) -> bool:
    """True if one value, such as zero, is so frequent that nothing else is to be seen."""
    counts = np.histogram(values, _bins(values, n_bins))[0]
    return bool(counts.max() > 0.5 * counts.sum())


def _words(layer: str, row: Any) -> str:
    words = [layer.replace("_", " "), f"deviation {row['std']:.2g}"]
    if row["saturated"] >= 0.005:
        words.append(f"saturated {row['saturated']:.0%}".replace("%", " %"))
    if row["dead"] >= 0.005:
        words.append(f"dead units {row['dead']:.0%}".replace("%", " %"))
    return ", ".join(words)


def _passed(network: Any, X: Any, y: Any) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The values of the hidden layers of a network, and the statistics of all layers."""
    names = network.layer_names_
    if len(names) < 3:
        raise ValueError(f"{type(network).__name__} has no hidden layer here, and no activations.")
    if y is not None and not network.n_iter_:
        network = with_statistics(network, X, y)
    checked = network._validated(X)
    functions = _activation_layers(network)
    objective = None if y is None else FittedObjective(network, X, y)
    gradients = {} if objective is None else objective.passed_back()
    values: dict[str, Any] = {}
    rows = []
    for i, name in enumerate(names):
        after = layer_values(network, checked, name).astype(np.float64)
        row = {"layer": name, "n_units": after.shape[1], "mean": after.mean(), "std": after.std()}
        row |= dict.fromkeys(("pre_std", "saturated", "dead", "gradient_std", "weight_norm", "update_ratio"), np.nan)
        if 0 < i < len(names) - 1:
            function, before = functions[i - 1], None
            if function is not None:
                before = layer_values(network, checked, name, pre_activation=True).astype(np.float64)
                row |= {"pre_std": before.std(), **_flat(*function, before)}
            values[name] = before, after
        if name in gradients:
            row["gradient_std"] = gradients[name].std()
        rows.append(row)
    if objective is not None:
        step = objective.step()
        for row in rows:
            places = objective.parameters()
            own = [place for layer, role, place, _ in places if (layer, role) == (row["layer"], "weight")]
            if own:
                norm = float(np.sqrt(sum((objective.theta[place] ** 2).sum() for place in own)))
                moved = float(np.sqrt(sum((step[place] ** 2).sum() for place in own)))
                row |= {"weight_norm": norm, "update_ratio": moved / norm if norm else np.nan}
    return values, rows


def _activation_layers(network: Any) -> list[tuple[Layer, Any] | None]:
    """The activation of each hidden layer, with what it has learned; None where there is none."""
    training = network._training
    outcome = TrainingResult.of(training.state, training.stop_reason)
    engine = Network([training.architecture], np.float64)
    arrays = engine.arrays(outcome.theta.astype(np.float64), outcome.buffers.astype(np.float64))
    ends = list(accumulate(training.architecture.outline.sections))
    found = []
    for start, end in list(pairwise(ends))[:-1]:
        places = [leaf for leaf in range(start, end) if engine.leaves[leaf].is_activation]
        found.append((engine.leaves[places[0]], arrays[places[0]]) if places else None)
    return found


def _flat(layer: Layer, arrays: Any, before: np.ndarray) -> dict[str, float]:
    """Shares of saturated values and of dead units among (n, n_units) that come to an activation."""
    n_units = before.shape[1]
    (far_low, low, high, far_high), _ = _applied(layer, arrays, np.array([-1e3, -5e2, 5e2, 1e3])[:, None], n_units)
    if len(far_low) != n_units:  # of several numbers, the largest passes: nothing is flat
        return {"saturated": 0.0, "dead": 0.0}
    is_bounded = np.isclose(far_low, low, rtol=0, atol=1e-6), np.isclose(far_high, high, rtol=0, atol=1e-6)
    largest = np.abs(_applied(layer, arrays, GRID[:, None], n_units)[1]).max(axis=0)
    slopes = np.abs(_applied(layer, arrays, before, n_units)[1])
    on_bounded_side = np.where(before <= 0, *is_bounded)
    return {
        "saturated": float((on_bounded_side & (slopes < SMALL_SLOPE * largest)).mean()),
        "dead": float((slopes < DEAD_SLOPE * largest).all(axis=0).mean()),
    }


def _applied(layer: Layer, arrays: Any, x: np.ndarray, n_units: int) -> tuple[np.ndarray, np.ndarray]:
    """Values and slopes of an activation for x (n, n_units), or (n, 1) for all units."""
    with np.errstate(all="ignore"):
        own = np.repeat(x, n_units // x.shape[1], axis=1)[None].astype(np.float64)
        y, backprop = layer.forward(own, arrays, ForwardContext(training=False))
        y = y[0].copy()
        gradients = {name: np.empty_like(array) for name, array in arrays.items()}
        slopes = backprop(np.ones_like(y)[None], gradients, True)
    assert slopes is not None
    return y, slopes[0]
