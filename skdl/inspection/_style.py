"""How the displays look: colours for paper, for dark notebooks and for the colour-blind, and places to draw in.

Each colour of a series has a contrast of at least 3 to 1 against white and against black, and series differ in their
lines and markers, too. What is not a series, such as text and edges, takes its colour from matplotlib's settings.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

# Blue, vermillion, green, purple, ochre, grey: Okabe and Ito's, a little nearer to the middle between black and white.
COLORS = ("#1f83c4", "#d55e00", "#009e73", "#c06a99", "#b07d00", "#808080")
LINES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (1, 2)))
MARKERS = ("o", "s", "^", "D", "v", "P")
QUIET = COLORS[-1]  # lines of reference, not of data
SEQUENTIAL = "cividis"  # from dark to light, with equal steps for all eyes


def pyplot() -> Any:
    """`matplotlib.pyplot`, or an error that says how to install it."""
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError('plot() needs matplotlib: pip install "skdl[plot]".') from error
    return plt


def color(i: int) -> str:
    """The colour of series number i."""
    return COLORS[i % len(COLORS)]


def line(i: int) -> dict[str, Any]:
    """Colour and dashes of series number i, as arguments of `Axes.plot`."""
    return {"color": color(i), "linestyle": LINES[i % len(LINES)]}


def dots(i: int) -> dict[str, Any]:
    """Colour and marker of series number i, as arguments of `Axes.plot`."""
    return {"color": color(i), "marker": MARKERS[i % len(MARKERS)], "linestyle": "none"}


def foreground() -> Any:
    """The colour of text and of lines that are neither data nor quiet: dark on light figures, light on dark ones."""
    return pyplot().rcParams["text.color"]


def is_dark() -> bool:
    """True if axes are dark, as in many notebooks."""
    from matplotlib.colors import to_rgb

    return float(np.dot(to_rgb(pyplot().rcParams["axes.facecolor"]), (0.2126, 0.7152, 0.0722))) < 0.5


def diverging() -> Any:
    """A colour map for signed values, blue below zero and orange above it; zero is the colour of the axes."""
    from matplotlib.colors import LinearSegmentedColormap

    low, middle, high = ("#56b4e9", "#000000", "#ff9d3b") if is_dark() else ("#05386b", "#ffffff", "#8c2d04")
    steps = [low, "#1f83c4", middle, "#d55e00", high]
    return LinearSegmentedColormap.from_list("skdl_diverging", steps)


def heights() -> Any:
    """A colour map to draw lines on: from the colour of the axes, low, to one between it and grey."""
    from matplotlib.colors import LinearSegmentedColormap, to_rgb

    paper = np.array(to_rgb(pyplot().rcParams["axes.facecolor"]))
    return LinearSegmentedColormap.from_list("skdl_heights", [paper, 0.35 * paper + 0.65 * np.array(to_rgb("#7f8fa9"))])


def panel(ax: Any = None, size: tuple[float, float] = (6.0, 4.0)) -> tuple[Any, Any]:
    """The figure and the axes to draw in: those that are given, or new ones."""
    if ax is None:
        figure, ax = pyplot().subplots(figsize=size, layout="constrained")
        return figure, ax
    return ax.figure, ax


def panels(
    ax: Any,
    n: int,
    n_columns: int,
    size: tuple[float, float] = (4.0, 3.0),
    *,
    height_ratios: Sequence[float] | None = None,
    **options: Any,
) -> tuple[Any, Any]:
    """The figure and n axes, in rows of `n_columns`: in a new figure, in the place of one axes, or n given ones.

    Parameters
    ----------
    ax : Axes, sequence of n Axes, or None
    n, n_columns : int
    size : (width, height)
        Of each, in inches, in a new figure.
    height_ratios : sequence of float or None
        Of the rows; None for equal ones.
    **options : dict
        For `subplots`, such as `sharex`.
    """
    plt = pyplot()
    n_rows = math.ceil(n / n_columns)
    if isinstance(ax, (Sequence, np.ndarray)):
        given = np.asarray(ax, dtype=object).ravel()
        if len(given) != n:
            raise ValueError(f"ax holds {len(given)} axes, and {n} are drawn in: give {n}, a single one, or None.")
        return given[0].figure, given
    if ax is None:
        figure = plt.figure(figsize=(size[0] * n_columns, size[1] * n_rows), layout="constrained")
        place = figure.add_gridspec(n_rows, n_columns, height_ratios=height_ratios)
    else:
        figure = ax.figure
        ax.set_axis_off()
        place = ax.get_subplotspec().subgridspec(n_rows, n_columns, height_ratios=height_ratios)
    axes = place.subplots(squeeze=False, **options).ravel()
    for unused in axes[n:]:
        unused.set_axis_off()
    return figure, axes[:n]
