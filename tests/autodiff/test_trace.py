"""Traced computations: the classical examples by hand, and what goes back against the tape's own gradients."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from skdl.autodiff import Variable, erf, gradients, inverse, trace, where

RNG = np.random.default_rng(0)


def f(x, y, z):
    return (x + y) * z


def neuron(w0, x0, w1, x1, w2):
    return 1 / (1 + np.exp(-(w0 * x0 + w1 * x1 + w2)))


def test_the_sum_times_z():
    graph = trace(f, -2.0, 5.0, -4.0)
    found = {node.name: (float(node.value), float(node.gradient)) for node in graph.nodes}
    assert found == {"x": (-2, -4), "y": (5, -4), "z": (-4, 3), "v1": (3, -4), "f": (-12, 1)}
    assert [node.formula for node in graph.nodes] == ["", "", "", "x + y", "v1 * z"]
    uses = {(edge.source, edge.target): (float(edge.local), float(edge.passed)) for edge in graph.edges}
    assert uses == {("v1", "f"): (-4, -4), ("z", "f"): (3, 3), ("x", "v1"): (1, -4), ("y", "v1"): (1, -4)}
    assert repr(graph) == "ComputationGraph(5 nodes, 4 edges)"
    assert len(graph) == 5


def test_a_sigmoid_neuron():
    """The derivative of the sigmoid is y (1 - y)."""
    w0, x0, w1, x1, w2 = point = [2.0, -1.0, -3.0, -2.0, -3.0]
    y = 1 / (1 + np.exp(-(w0 * x0 + w1 * x1 + w2)))
    graph = trace(neuron, *point)
    assert_allclose([graph[name].gradient for name in ("w0", "x0", "w1", "x1", "w2")],
                    y * (1 - y) * np.array([x0, w0, x1, w1, 1]), rtol=1e-14)  # fmt: skip
    assert_allclose(graph["neuron"].value, y)
    assert "v6      exp(v5)  0.3679" in str(graph)
    assert "exp: times the value itself" in str(graph)


def test_paths_that_meet_add_up():
    graph = trace(lambda x: x * x + np.sin(x) * x, 2.0)
    parts = [float(edge.passed) for edge in graph.edges if edge.source == "x"]
    assert sorted(parts) == pytest.approx(sorted([2.0, 2.0, 2 * np.cos(2.0), np.sin(2.0)]))
    assert float(graph["x"].gradient) == pytest.approx(sum(parts))
    assert "df/dx = " in str(graph)
    assert "where paths meet" in str(graph)


X, T = RNG.normal(size=(5, 3)), RNG.normal(size=(5, 2))
FUNCTIONS = {
    "network": (
        lambda W, b, V: ((np.maximum(X @ W + b, 0) @ V - T) ** 2).mean(),
        [RNG.normal(size=(3, 4)), RNG.normal(size=4), RNG.normal(size=(4, 2))],
    ),
    "matrices": (lambda A, B: inverse(A.T @ A + np.eye(3)) @ B[:, [0, 0]] + B[0, :2], [*RNG.normal(size=(2, 3, 3))]),
    "pieces": (
        lambda a, b: np.stack([where(a > 0, a, b), np.maximum(a, b)]) * np.concatenate([a[1:], b[:1]]) + erf(a).max(),
        [*RNG.normal(size=(2, 4))],
    ),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_what_comes_back_is_the_sum_over_all_uses(name):
    function, point = FUNCTIONS[name]
    graph = trace(function, *point)
    given = [Variable(each) for each in point]
    output = function(*given)
    for node, expected in zip(graph.nodes, gradients(output, given), strict=False):
        assert_allclose(node.gradient, expected, rtol=1e-12)
    assert_allclose(graph.nodes[-1].value, output.value)
    depths = {}
    for node in graph.nodes:
        parts = [edge for edge in graph.edges if edge.source == node.name]
        if parts:
            assert_allclose(node.gradient, sum(edge.passed for edge in parts), rtol=1e-12)
        for edge in graph.edges:
            if edge.target == node.name:
                assert depths[edge.source] < node.depth  # operands come first
                if edge.local is not None:
                    assert_allclose(edge.passed, edge.local * node.gradient, rtol=1e-12)
        depths[node.name] = node.depth
    assert str(graph)


def test_names():
    assert [node.name for node in trace(lambda *a: a[0] * a[1], 1.0, 2.0).nodes] == ["x1", "x2", "f"]
    assert [node.name for node in trace(np.tanh, 1.0, names=["z"]).nodes] == ["z", "tanh"]
    assert [node.name for node in trace(lambda f: f * 2.0, 1.0).nodes] == ["f", "f'"]
    graph = trace(lambda a, b: a * 1.0, 1.0, 2.0)
    assert graph["b"].gradient == 0
    assert [node.name for node in trace(lambda x: x, 1.0).nodes] == ["x"]
    with pytest.raises(ValueError, match="names must be 2 different ones, one for each argument"):
        trace(lambda a, b: a * b, 1.0, 2.0, names=["a", "a"])
    with pytest.raises(TypeError, match="f must give an array that depends on its arguments"):
        trace(lambda a: 1.0, 1.0)
    with pytest.raises(KeyError, match=r"No node is called 'q'; there are \['a', 'b', 'f'\]"):
        graph["q"]
