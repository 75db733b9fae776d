"""The graph of a computation, with the value and the gradient at every node."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from skdl.autodiff._rules import RULES
from skdl.autodiff._tape import Variable, ordered, upstream

ELEMENTWISE = {ufunc.__name__ for ufunc in RULES} - {"matmul"} | {"erf", "where"}
SIGNS = {"add": "+", "subtract": "-", "multiply": "*", "divide": "/", "power": "**", "matmul": "@"}
RULE_WORDS = {
    "add": "passes the gradient on",
    "subtract": "passes it on, to the second with its sign turned",
    "multiply": "times the other factor",
    "divide": "times 1 / denominator, to the denominator times -quotient / denominator",
    "maximum": "to the larger one only, equal ones share",
    "max": "to the largest one only, equal ones share",
    "minimum": "to the smaller one only, equal ones share",
    "matmul": "of Y = A B: dL/dA = dL/dY B', dL/dB = A' dL/dY",
    "transpose": "transposed back",
    "reciprocal": "times -value^2",
    "negative": "with its sign turned",
    "exp": "times the value itself",
    "log": "divided by the argument",
    "tanh": "times 1 - value^2",
    "sum": "the same to each summand",
    "inverse": "of Y = X^-1: dL/dX = -Y' dL/dY Y'",
}
MOST_NUMBERS = 4  # of an array that is written out; of a larger one it is the shape


@dataclass(frozen=True)
class Edge:
    """One use of a node by another.

    Attributes
    ----------
    source, target : str
        The operand, and the result of the operation.
    local : array or None
        d target / d source: for an operation on each element, and wherever the target is a number. None for others,
        where it would be a tensor.
    passed : array of the shape of the source
        The part of the source's gradient that comes back along this edge: local times the gradient of the target.
    """

    source: str
    target: str
    local: np.ndarray | None
    passed: np.ndarray


@dataclass(frozen=True)
class Node:
    """One array of a computation.

    Attributes
    ----------
    name : str
        An argument's own, "v1", "v2", ... in between, and that of the function for the result.
    operation : str
        "input", or what it is the result of.
    formula : str
        The operation with its operands; that of an input is empty.
    value, gradient : arrays of one shape
        The gradient of the result's sum by this node.
    depth : int
        The longest way from an input, in edges.
    """

    name: str
    operation: str
    formula: str
    value: np.ndarray
    gradient: np.ndarray
    depth: int


class ComputationGraph:
    """What `trace` gives: the nodes of a computation, each after its operands, and the edges between them.

    `print` shows it as two tables: the way forward, with the value and the gradient of each node, and the way back,
    edge by edge, with the rule of each operation and the sums where paths meet. `graph["x"]` is a node by its name.

    Attributes
    ----------
    nodes : tuple of Node
        Inputs first, the result last.
    edges : tuple of Edge
        One for each use, so that x * x has two from x.
    """

    def __init__(self, nodes: Sequence[Node], edges: Sequence[Edge]):
        self.nodes = tuple(nodes)
        self.edges = tuple(edges)

    def __getitem__(self, name: str) -> Node:
        for node in self.nodes:
            if node.name == name:
                return node
        raise KeyError(f"No node is called {name!r}; there are {[node.name for node in self.nodes]}.")

    def __len__(self) -> int:
        return len(self.nodes)

    def __repr__(self) -> str:
        return f"ComputationGraph({len(self.nodes)} nodes, {len(self.edges)} edges)"

    def __str__(self) -> str:
        rows = [("node", "formula", "value", "gradient")]
        rows += [
            (node.name, node.formula or "input", written(node.value), written(node.gradient)) for node in self.nodes
        ]
        widths = [max(len(row[i]) for row in rows) for i in range(4)]
        lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
        lines += ["", f"backward, from d{self.nodes[-1].name}/d{self.nodes[-1].name} = 1"]
        for node in reversed(self.nodes):
            lines += self._way_to(node)
        used = [node.operation for node in self.nodes if node.operation in RULE_WORDS]
        lines += ["", *(f"{operation}: {RULE_WORDS[operation]}" for operation in dict.fromkeys(used))]
        return "\n".join(lines).rstrip()

    def _way_to(self, node: Node) -> list[str]:
        """The lines of what comes back to a node, and of their sum."""
        result = self.nodes[-1].name
        lines = []
        edges = [edge for edge in self.edges if edge.source == node.name]
        for edge in edges:
            due = f"  {edge.target} -> {node.name}: "
            if edge.local is None:
                lines.append(f"{due}{written(edge.passed)}")
            else:
                after = written(self[edge.target].gradient)
                local = f"d{edge.target}/d{node.name} = {written(edge.local)}"
                lines.append(f"{due}{local}, times {after} = {written(edge.passed)}")
        if len(edges) > 1:
            parts = " + ".join(written(edge.passed) for edge in edges)
            lines.append(f"  d{result}/d{node.name} = {parts} = {written(node.gradient)}, where paths meet")
        return lines


def trace(f: Callable[..., Any], *x: Any, names: Sequence[str] | None = None) -> ComputationGraph:
    """Run a function, and its backpropagation, and keep what was computed at every node.

    Parameters
    ----------
    f : callable
        From arrays to an array, in NumPy's functions; it is called with Variables. The gradients are those of the sum
        of its result.
    *x : array-like
        Where.
    names : sequence of str or None, default=None
        What the arguments are called; None for their names in f.

    Returns
    -------
    graph : ComputationGraph
        To print, to draw (`skdl.inspection.GraphDisplay`), or to read.

    Examples
    --------
    >>> from skdl.autodiff import trace
    >>> def f(x, y, z):
    ...     return (x + y) * z
    >>> print(trace(f, -2.0, 5.0, -4.0))
    node  formula  value  gradient
    x     input    -2     -4
    y     input    5      -4
    z     input    -4     3
    v1    x + y    3      -4
    f     v1 * z   -12    1
    <BLANKLINE>
    backward, from df/df = 1
      f -> v1: df/dv1 = -4, times 1 = -4
      f -> z: df/dz = 3, times 1 = 3
      v1 -> y: dv1/dy = 1, times -4 = -4
      v1 -> x: dv1/dx = 1, times -4 = -4
    <BLANKLINE>
    add: passes the gradient on
    multiply: times the other factor
    """
    given = [Variable(each) for each in x]
    called = _names(f, len(given)) if names is None else list(names)
    if len(called) != len(given) or len(set(called)) != len(called):
        raise ValueError(f"names must be {len(given)} different ones, one for each argument. Got {called}.")
    output = f(*given)
    if not isinstance(output, Variable):
        raise TypeError(f"f must give an array that depends on its arguments. It gave a {type(output).__name__}.")
    order = ordered(output)
    depths: dict[int, int] = {}
    for each in order:
        depths[id(each)] = 1 + max((depths[id(parent)] for parent, _ in each.parents), default=-1)
    inner = [each for each in order[::-1] if not any(each is one for one in given)]
    inner.sort(key=lambda each: depths[id(each)])  # and the first operands first, where the walk takes the last
    labels = {id(each): name for each, name in zip(given, called, strict=True)}
    result = _free(f.__name__ if getattr(f, "__name__", "").isidentifier() else "f", called)
    for each in inner:
        labels[id(each)] = result if each is output else _free(f"v{len(labels) - len(given) + 1}", [*called, result])
    found = upstream(output)
    nodes, edges = [], []
    for each in [*given, *inner]:
        gradient = np.array(found.get(id(each), np.zeros_like(each.value)), dtype=each.dtype)
        depth = depths.get(id(each), 0)
        formula = "" if each.operation == "input" else _formula(each, labels)
        nodes.append(Node(labels[id(each)], each.operation, formula, each.value, gradient, depth))
        edges += [_edge(each, parent, pullback, gradient, labels) for parent, pullback in each.parents]
    return ComputationGraph(nodes, edges)


def _edge(node: Variable, parent: Variable, pullback: Any, gradient: np.ndarray, labels: dict[int, str]) -> Edge:
    local = None
    if node.size == 1 or (node.operation in ELEMENTWISE and node.shape == parent.shape):
        local = np.array(pullback(np.ones_like(node.value), node.value), dtype=node.dtype)
    passed = np.array(pullback(gradient, node.value), dtype=parent.dtype)
    return Edge(labels[id(parent)], labels[id(node)], local, passed)


def _names(f: Callable[..., Any], n: int) -> list[str]:
    """The names of a function's arguments; those that it does not name are x1, x2, ..."""
    try:
        parameters = list(inspect.signature(f).parameters.values())
    except (TypeError, ValueError):  # of a function in C
        parameters = []
    found = [each.name for each in parameters if each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD)][:n]
    return found + [_free(f"x{i + 1}", found) for i in range(len(found), n)]


def _free(name: str, taken: Sequence[str]) -> str:
    """The name, or with strokes behind it what is not taken."""
    while name in taken:
        name += "'"
    return name


def _formula(node: Variable, labels: dict[int, str]) -> str:
    """The operation with the names of its operands."""
    if node.operation == "index":
        return f"{labels[id(node.operands[0])]}[{_index(node.operands[1])}]"
    operands = [labels[id(each)] if isinstance(each, Variable) else _constant(each) for each in node.operands]
    if node.operation in SIGNS:
        return f"{operands[0]} {SIGNS[node.operation]} {operands[1]}"
    if node.operation == "negative":
        return f"-{operands[0]}"
    return f"{node.operation}({', '.join(operands)})"


def _constant(value: Any) -> str:
    return written(np.asarray(value)) if np.asarray(value).dtype.kind in "biuf" else str(value)


def _index(index: Any) -> str:
    parts = index if isinstance(index, tuple) else (index,)
    return ", ".join("..." if each is Ellipsis else _slice(each) for each in parts)


def _slice(each: Any) -> str:
    if not isinstance(each, slice):
        return _constant(each)
    ends = ["" if end is None else str(end) for end in (each.start, each.stop, each.step)]
    return ":".join(ends if ends[2] else ends[:2])


def written(value: np.ndarray) -> str:
    """A number, the numbers of a small array, or the shape of a large one."""
    value = np.asarray(value)
    if value.size == 1:
        return f"{value.item():.4g}"
    if value.size > MOST_NUMBERS or value.ndim > 2 or not value.size:
        return f"array {value.shape}"
    rows = [" ".join(f"{each:.4g}" for each in row) for row in np.atleast_2d(value)]
    return f"[{'; '.join(rows)}]"
