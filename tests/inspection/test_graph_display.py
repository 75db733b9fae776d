"""The drawn graph: what is written where, and that nothing lies over anything else."""

from itertools import combinations

import numpy as np
import pytest

from skdl.autodiff import trace
from skdl.inspection import GraphDisplay
from skdl.inspection._graph import TIMES
from skdl.inspection._graph_layout import LayeredLayout

pytest.importorskip("matplotlib").use("Agg")


def f(x, y, z):
    return (x + y) * z


def tangled(x, y):
    return (x * x + np.sin(y) * x) * np.maximum(x, y) + x


def texts(display):
    return [text.get_text() for text in display.ax_.texts]


def test_value_and_gradient_stand_at_every_node():
    display = GraphDisplay.from_function(f, -2.0, 5.0, -4.0)
    written = texts(display)
    for lines in (["x", "-2", "-4"], ["y", "5", "-4"], ["z", "-4", "3"], ["v1 = x + y", "3", "-4"],
                  ["f = v1 * z", "-12", "1"]):  # fmt: skip
        start = written.index(lines[0])
        assert written[start : start + 3] == lines
    assert sorted(text for text in written if text.startswith(TIMES)) == [
        f"{TIMES} -4",
        f"{TIMES} 1",
        f"{TIMES} 1",
        f"{TIMES} 3",
    ]
    assert not [text for text in texts(display.plot(local=False)) if text.startswith(TIMES)]
    assert len(texts(display.plot(gradients=False))) == 2 * 5
    assert display.figure_ is display.ax_.figure


def test_boxes_lie_apart_and_hold_their_text():
    from matplotlib.patches import FancyBboxPatch

    def loss(W, b, V):
        return ((np.maximum(np.ones((5, 3)) @ W + b, 0) @ V) ** 2).mean()

    for function, point in [(tangled, (1.5, 2.0)), (loss, (np.ones((3, 4)), np.ones(4), np.ones((4, 1))))]:
        display = GraphDisplay.from_function(function, *point)
        display.figure_.canvas.draw()
        boxes = [each.get_window_extent() for each in display.ax_.patches if isinstance(each, FancyBboxPatch)]
        assert len(boxes) == len(display.graph)
        assert not [pair for pair in combinations(boxes, 2) if pair[0].overlaps(pair[1])]
        for text in display.ax_.texts:
            if not text.get_text().startswith(TIMES):
                extent = text.get_window_extent()
                assert any(box.x0 <= extent.x0 and extent.x1 <= box.x1 for box in boxes if box.overlaps(extent))


def test_it_draws_into_given_axes():
    from matplotlib.figure import Figure

    ax = Figure().subplots()
    display = GraphDisplay(trace(f, 1.0, 2.0, 3.0)).plot(ax)
    assert display.ax_ is ax


def layout(function, *point):
    graph = trace(function, *point)
    return LayeredLayout({n.name: n.depth for n in graph.nodes}, [(e.source, e.target) for e in graph.edges])


def test_edges_pass_beside_nodes():
    found = layout(tangled, 1.5, 2.0)
    for route in found.routes:
        assert [layer for layer, _ in route] == list(range(int(route[0][0]), int(route[-1][0]) + 1))
        for layer, height in route[1:-1]:
            assert all(abs(height - at) > 0.36 for where, at in found.places.values() if where == layer)


def test_a_tree_has_no_crossings_and_late_arguments_stand_beside_their_use():
    def tree(a, b, c, d, e):
        return ((a + d) * (b + c)) * e

    found = layout(tree, 1.0, 2.0, 3.0, 4.0, 5.0)
    assert found._crossings() == 0
    assert found.places["e"][0] == found.places["tree"][0] - 1
    for (one, low), (other, high) in combinations(found.places.values(), 2):
        assert one != other or abs(low - high) >= 1 - 1e-9
