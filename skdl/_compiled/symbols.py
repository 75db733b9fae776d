"""Rules written as scalar mathematics, traced: called with symbols, they leave the list of their operations.

The operations are those whose results IEEE 754 fixes to the last bit, so that it makes no difference who executes them:
+, -, *, /, the square root, comparisons, choices. The exponential and its kind are not among them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

Kind = Literal["element", "unit", "row", "member"]  # (k, B, n) or (k, P); (k, 1, n); (k, B, 1); (k, 1) or (k, 1, 1)

ARITHMETIC = {np.add, np.subtract, np.multiply, np.divide, np.negative, np.absolute, np.sqrt, np.sign}
CHOICES = {np.maximum, np.minimum}
COMPARISONS = {np.greater, np.greater_equal, np.less, np.less_equal, np.equal, np.not_equal}
LOGIC = {np.logical_and: "and", np.logical_or: "or", np.logical_not: "not"}
LOGIC_OF_BITS = {np.bitwise_and: np.logical_and, np.bitwise_or: np.logical_or, np.invert: np.logical_not}


@dataclass(frozen=True)
class Node:
    """One operation, or an input: `operation` is a ufunc, "where", or "input".

    `operands` are numbers of nodes, or constants; those of an input are its name.
    """

    operation: Any
    operands: tuple[Any, ...]
    axes: frozenset[str]  # of "member", "row", "unit", along which the value differs
    is_bool: bool = False


@dataclass(frozen=True)
class Place:
    """The number of a node, as an operand."""

    index: int


AXES: Mapping[str, frozenset[str]] = {
    "element": frozenset({"member", "row", "unit"}),
    "unit": frozenset({"member", "unit"}),
    "row": frozenset({"member", "row"}),
    "member": frozenset({"member"}),
}


class Tape:
    """The operations in the order in which they were asked for, each once."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self._known: dict[Any, int] = {}

    def add(self, operation: Any, operands: tuple[Any, ...], axes: frozenset[str], is_bool: bool = False) -> Symbol:
        # 0.0 == -0.0 and 1 == True, but they are different operands
        key = operation, tuple((type(each), str(each)) if isinstance(each, float) else each for each in operands)
        if key not in self._known:
            self._known[key] = len(self.nodes)
            self.nodes.append(Node(operation, operands, axes, is_bool))
        return Symbol(self, self._known[key])


class Symbol(NDArrayOperatorsMixin):
    """What stands for numbers while a rule is traced."""

    def __init__(self, tape: Tape, index: int) -> None:
        self.tape, self.index = tape, index

    @property
    def node(self) -> Node:
        return self.tape.nodes[self.index]

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Symbol:
        if "out" in options:
            raise TypeError("A rule changes nothing in place: write a = a + b, not a += b.")
        if method != "__call__" or options:
            raise TypeError(f"A rule is scalar mathematics: np.{ufunc.__name__} has no options and methods in it.")
        if ufunc is np.positive:
            return self
        if ufunc is np.square or (ufunc is np.power and isinstance(inputs[1], int | float) and inputs[1] == 2):
            return self._new(np.multiply, inputs[0], inputs[0])
        if ufunc in LOGIC_OF_BITS:
            ufunc = LOGIC_OF_BITS[ufunc]
        if ufunc in COMPARISONS or ufunc in LOGIC:
            return self._new(ufunc, *inputs, is_bool=True)
        if ufunc in ARITHMETIC or ufunc in CHOICES:
            return self._new(ufunc, *inputs)
        raise TypeError(
            f"np.{ufunc.__name__} cannot be in a rule that is compiled: its last digits depend on who computes it. "
            "A rule has +, -, *, /, np.sqrt, np.abs, np.sign, np.maximum, np.minimum, np.clip, np.where, x**2 and "
            "comparisons; give array code for others."
        )

    def __array_function__(self, function: Any, types: Any, args: tuple[Any, ...], options: dict[str, Any]) -> Any:
        if function is np.where and len(args) == 3 and not options:
            condition, then, other = args
            if not isinstance(condition, Symbol):
                return then if condition else other
            return self._new("where", condition if condition.node.is_bool else condition != 0, then, other)
        if function is np.clip and not options:
            x, low, high = args
            x = x if low is None else np.maximum(x, low)
            clipped: Symbol = x if high is None else np.minimum(x, high)
            return clipped
        raise TypeError(f"{function.__name__} cannot be in a rule, which is scalar mathematics.")

    def __bool__(self) -> bool:
        raise TypeError("A rule is the same for all numbers: choose by np.where(condition, a, b), not by `if`.")

    def _new(self, operation: Any, *inputs: Any, is_bool: bool = False) -> Symbol:
        operands: list[Any] = []
        axes = frozenset[str]()
        for each in inputs:
            if isinstance(each, Symbol):
                operands.append(Place(each.index))
                axes |= each.node.axes
            elif isinstance(each, int | float | np.number | np.bool_):
                operands.append(float(each))
            else:
                raise TypeError(f"A rule is made of its arguments and numbers, not of {type(each).__name__}.")
        return self.tape.add(operation, tuple(operands), axes, is_bool)


@dataclass(frozen=True)
class Expression:
    """The operations of a rule.

    Parameters
    ----------
    inputs : tuple of (name, kind)
        Arrays in the order in which they are handed over, named x0, x1, ...
    nodes : tuple of Node
        In an order in which they can be executed; the first ones are the inputs.
    outputs : tuple of (name, operand)
        Arrays that are written, and what is written into them: the place of a node, or a number.
    is_flat : bool
        Whether arrays are (k, P), of elements and numbers of members, rather than (k, B, n).
    """

    inputs: tuple[tuple[str, Kind], ...]
    nodes: tuple[Node, ...]
    outputs: tuple[tuple[str, Any], ...]
    is_flat: bool

    @property
    def arrays(self) -> tuple[str, ...]:
        """Those that are handed over: the inputs, and those that are only written."""
        names = [name for name, _ in self.inputs]
        return (*names, *(name for name, _ in self.outputs if name not in names))


def trace(
    function: Callable[..., Any], inputs: Mapping[str, Kind], outputs: Sequence[str], *, grid: bool = False
) -> Expression:
    """The operations of `function`, which takes symbols for the inputs in order and gives what the outputs become.

    An output with the name of an input takes its place; the arrays of others come after the inputs. Arrays are (k, P);
    they are (k, B, n) where units or rows have numbers of their own, or with `grid`.
    """
    tape = Tape()
    symbols = [tape.add("input", (f"x{i}",), AXES[kind]) for i, kind in enumerate(inputs.values())]
    given = function(*symbols)
    results = given if isinstance(given, tuple | list) else (given,)
    if len(results) != len(outputs):
        raise TypeError(f"A rule has to give {len(outputs)} values, for {', '.join(outputs)}. It gave {len(results)}.")
    needed = {each.index for each in results if isinstance(each, Symbol)}
    for index in range(len(tape.nodes) - 1, -1, -1):  # operands come before
        if index in needed:
            needed |= {each.index for each in tape.nodes[index].operands if isinstance(each, Place)}
    kept = [i for i, node in enumerate(tape.nodes) if node.operation == "input" or i in needed]
    place = {old: Place(new) for new, old in enumerate(kept)}
    nodes = []
    for old in kept:
        node = tape.nodes[old]
        operands = tuple(place[each.index] if isinstance(each, Place) else each for each in node.operands)
        nodes.append(Node(node.operation, operands, node.axes, node.is_bool))
    written = [place[each.index] if isinstance(each, Symbol) else float(each) for each in results]
    names = {name: f"x{i}" for i, name in enumerate([*inputs, *(name for name in outputs if name not in inputs)])}
    return Expression(
        tuple((names[name], kind) for name, kind in inputs.items()),
        tuple(nodes),
        tuple((names[name], value) for name, value in zip(outputs, written, strict=True)),
        not grid and all(kind in ("element", "member") for kind in inputs.values()),
    )


def literal(number: float) -> str:
    """A constant in source text."""
    if math.isfinite(number):
        return repr(number)
    return "nan" if math.isnan(number) else "inf" if number > 0 else "-inf"
