"""The graph of a computation, drawn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, Self

from skdl.autodiff import ComputationGraph, trace
from skdl.autodiff._graph import Node, written
from skdl.inspection._graph_layout import LayeredLayout
from skdl.inspection._style import COLORS, QUIET, foreground, panel

LETTER, MARGIN = 0.078, 0.25  # the width of one, and of what is beside a box's longest line, in inches
BETWEEN, HEIGHT = 0.8, 0.95  # between layers, and of a node, in inches
TALL = 0.36  # half the height of a box, where that of a node is 1
TIMES = "\N{MULTIPLICATION SIGN}"
LONGEST = 20  # letters of an array that is written out


class GraphDisplay:
    """A computation as a graph, from left to right, with the value and the gradient at every node.

    Made by `from_function`. In each box stand the operation, the value (blue) and the gradient of the result by it
    (orange). Beside each arrow stands what backpropagation multiplies by on its way back, the derivative of the node at
    its head by that at its foot; at a node that several arrows leave, what comes back adds up.

    Parameters
    ----------
    graph : ComputationGraph
        As `skdl.autodiff.trace` gives it.

    Attributes
    ----------
    graph : ComputationGraph
    ax_ : Axes
        After `plot`.
    figure_ : Figure

    Examples
    --------
    >>> from skdl.inspection import GraphDisplay
    >>> def f(x, y, z):
    ...     return (x + y) * z
    >>> display = GraphDisplay.from_function(f, -2.0, 5.0, -4.0)
    >>> display.graph["x"].gradient
    array(-4.)
    """

    def __init__(self, graph: ComputationGraph):
        self.graph = graph

    @classmethod
    def from_function(
        cls, f: Callable[..., Any], *x: Any, names: Sequence[str] | None = None, ax: Any = None, **options: Any
    ) -> Self:
        """Run a function and its backpropagation.

        Parameters
        ----------
        f : callable
            From arrays to an array, in NumPy's functions. The gradients are those of the sum of its result.
        *x : array-like
            Where.
        names : sequence of str or None, default=None
            What the arguments are called; None for their names in f.
        ax, **options
            As in `plot`, which draws at once.

        Returns
        -------
        display : GraphDisplay
        """
        return cls(trace(f, *x, names=names)).plot(ax, **options)

    def plot(self, ax: Any = None, *, gradients: bool = True, local: bool = True) -> Self:
        """Draw the graph.

        Parameters
        ----------
        ax : Axes or None, default=None
            None for a new figure, of a size that the text has room in.
        gradients : bool, default=True
            Whether to write the gradients; without them it is the way forward.
        local : bool, default=True
            Whether to write the derivative of each operation beside its arrow, where it is a number or a few.

        Returns
        -------
        self : GraphDisplay
        """
        nodes, edges = self.graph.nodes, self.graph.edges
        layout = LayeredLayout({node.name: node.depth for node in nodes}, [(e.source, e.target) for e in edges])
        texts = {node.name: _lines(node, gradients) for node in nodes}
        box = MARGIN + LETTER * max(len(line) for lines in texts.values() for line in lines)
        n_layers = len(layout.layers)
        heights = [height for route in layout.routes for _, height in route] + [h for _, h in layout.places.values()]
        low, high = min(heights) - 0.5, max(heights) + 0.5
        size = ((box + BETWEEN) * n_layers - BETWEEN + 0.2, HEIGHT * (high - low))
        self.figure_, self.ax_ = panel(ax, size)
        self._box = box / (box + BETWEEN)  # in units of the layers
        self.ax_.set_axis_off()
        self.ax_.set_xlim(-self._box / 2 - 0.05, n_layers - 1 + self._box / 2 + 0.05)
        self.ax_.set_ylim(high, low)  # the first argument is at the top
        uses = [(edge.source, edge.target) for edge in edges]
        for number, (edge, route) in enumerate(zip(edges, layout.routes, strict=True)):
            aside = 0.0 if uses.count(uses[number]) == 1 else 0.3 * (uses[:number].count(uses[number]) - 0.5)
            self._arrow(route, aside, edge.local if local and gradients else None)
        for node in nodes:
            self._draw(node, layout.places[node.name], texts[node.name])
        return self

    def _arrow(self, route: Sequence[tuple[float, float]], aside: float, local: Any) -> None:
        """An edge, level where it passes other nodes; several between the same two stand aside of their middle."""
        from matplotlib.patches import FancyArrowPatch
        from matplotlib.path import Path

        vertices: list[tuple[float, float]] = []
        codes: list[Any] = []
        for (x0, y0), (x1, y1) in pairwise(route):
            (left, y0), (right, y1) = (x0 + self._box / 2, y0 + aside), (x1 - self._box / 2, y1 + aside)
            middle = ((left + right) / 2, (y0 + y1) / 2)
            vertices += [(left, y0), (middle[0], y0), (middle[0], y1), (right, y1)]
            codes += [Path.LINETO if codes else Path.MOVETO, *[Path.CURVE4] * 3]
        arrow = FancyArrowPatch(path=Path(vertices, codes), arrowstyle="-|>", mutation_scale=9, color=QUIET, lw=1.1)
        self.ax_.add_patch(arrow)
        text = "" if local is None else _short(local)
        if text and not text.startswith("array"):
            self._text(
                *middle, f"{TIMES} {text}", foreground(), size="x-small", background=self.figure_.get_facecolor()
            )

    def _draw(self, node: Node, place: tuple[float, float], lines: Sequence[str]) -> None:
        """A box with its lines: what the node is, its value, its gradient."""
        from matplotlib.patches import FancyBboxPatch

        x, y = place
        corner = (x - self._box / 2, y - TALL)
        look = {"facecolor": "none", "edgecolor": foreground(), "linewidth": 1.1}
        dashes = "--" if node.operation == "input" else "-"
        round_ = "round,pad=0,rounding_size=0.06"
        self.ax_.add_patch(FancyBboxPatch(corner, self._box, 2 * TALL, boxstyle=round_, linestyle=dashes, **look))
        colors = (foreground(), COLORS[0], COLORS[1])
        for i, (text, color) in enumerate(zip(lines, colors, strict=False)):
            step = 2 * TALL / (len(lines) + 0.2)
            at = y + step * (i - (len(lines) - 1) / 2)
            self._text(x, at, text, color, weight="normal" if i else "bold")

    def _text(
        self, x: float, y: float, text: str, color: Any, *, size: str = "small", weight: str = "normal",
        background: Any = None,
    ) -> None:  # fmt: skip
        box = None if background is None else {"facecolor": background, "edgecolor": "none", "pad": 0.5}
        look = {"fontsize": size, "fontweight": weight, "bbox": box}
        self.ax_.text(x, y, text, color=color, ha="center", va="center", **look)


def _lines(node: Node, gradients: bool) -> list[str]:
    """What is written into a box."""
    title = node.name if node.operation == "input" else f"{node.name} = {node.formula}"
    return [title, _short(node.value), *([_short(node.gradient)] if gradients else [])]


def _short(value: Any) -> str:
    text = written(value)
    return text if len(text) <= LONGEST else f"array {value.shape}"
