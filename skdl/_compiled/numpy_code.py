"""The same rule by NumPy: one call an operation, into arrays that are used again, some elements at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from skdl._array import zeros_of
from skdl._compiled.symbols import AXES, CHOICES, LOGIC, Expression, Node, Place, literal

BLOCK = 131072  # elements at a time: what lies in between stays in the cache, and calls are few


def numpy_executor(expression: Expression) -> Callable[..., None]:
    """The function `run(column, start, stop, *arrays)`, or `run(*arrays)` of a rule that is not flat."""
    names: dict[str, Any] = {"np": np, "inf": np.inf, "nan": np.nan, "width_of": _width, "zeros_of": zeros_of}
    lines = _Lines(expression)
    source = lines.flat() if expression.is_flat else lines.grid()
    exec(compile(source, "<rule by NumPy>", "exec"), names)
    run: Callable[..., None] = names["run"]
    return run


def _width(n_members: int) -> int:
    return max(1024, BLOCK // n_members)


class _Lines:
    """The statements: nodes of members as they come, nodes of elements into scratch arrays, or where they belong."""

    def __init__(self, expression: Expression) -> None:
        self.expression = expression
        self.kinds = dict(expression.inputs)
        self.elements = [name for name in expression.arrays if self.kinds.get(name, "element") == "element"]
        nodes = expression.nodes
        self.last_use = {each.index: i for i, node in enumerate(nodes) for each in node.operands if _is_place(each)}
        self.n_scratch = {False: 0, True: 0}
        self.where: dict[int, str] = {}  # the array that a node's value lies in
        self.occupied: dict[str, int] = {}  # and the node whose value an array has, while it is needed
        self.members, self.body = self._statements()

    def flat(self) -> str:
        first, suffix = self.elements[0], "_b"
        lines = [f"def run(column, start, stop, {', '.join(self.expression.arrays)}):"]
        for name, kind in self.expression.inputs:
            if kind == "member":
                lines.append(f"    if {name}.shape[1] > 1: {name} = {name}[:, column : column + 1]")
        lines += [f"    {line}" for line in self.members]
        lines.append(f"    width = min(stop - start, width_of(len({first})))")
        lines += self._scratch(f"(len({first}), width)")
        lines.append("    if width == 0: return")
        lines.append("    for a in range(start, stop, width):")
        lines.append("        b = min(a + width, stop)")
        for name in self.elements:
            lines.append(f"        {name}{suffix} = {name}[:, a:b]")
        lines.append("        if b - a < width:")
        lines += [f"            {each} = {each}[:, : b - a]" for each in self._scratch_names()] or ["            pass"]
        lines += [f"        {line}" for line in self.body]
        return "\n".join(lines) + "\n"

    def grid(self) -> str:
        lines = [f"def run({', '.join(self.expression.arrays)}):"]
        lines += [f"    {line}" for line in self.members]
        lines += self._scratch(f"{self.elements[0]}.shape")
        lines += [f"    {name}_b = {name}" for name in self.elements]
        lines += [f"    {line}" for line in self.body]
        return "\n".join(lines) + "\n"

    def _scratch_names(self) -> list[str]:
        return [f"t{i}" for i in range(self.n_scratch[False])] + [f"s{i}" for i in range(self.n_scratch[True])]

    def _scratch(self, shape: str) -> list[str]:
        first = self.elements[0]
        return [
            *(f"    t{i} = np.empty({shape}, {first}.dtype)" for i in range(self.n_scratch[False])),
            *(f"    s{i} = np.empty({shape}, bool)" for i in range(self.n_scratch[True])),
        ]

    def _statements(self) -> tuple[list[str], list[str]]:
        expression = self.expression
        targets: dict[int, list[str]] = {}
        for name, operand in expression.outputs:
            if _is_place(operand):
                targets.setdefault(operand.index, []).append(name)
        of_members: list[str] = []
        body: list[str] = []
        for index, node in enumerate(expression.nodes):
            if node.operation == "input":
                name = node.operands[0]
                self.where[index] = f"{name}_b" if name in self.elements else name
                continue
            operands = [self.where[each.index] if _is_place(each) else literal(each) for each in node.operands]
            forced = "" if any(map(self._is_real, node.operands)) else _forced(node, f"{self.elements[0]}.dtype")
            if node.axes != AXES["element"]:
                value = f"np.{_name(node)}({', '.join(operands)}{forced})"
                if node.operation == "where":  # which has no such option
                    value = f"np.where({', '.join(operands)}).astype({self.elements[0]}.dtype)"
                of_members.append(f"m{index} = {value}")
                self.where[index] = f"m{index}"
                continue
            for each in {each.index for each in node.operands if _is_place(each)}:
                if self.last_use[each] == index and each not in targets:
                    self.occupied.pop(self.where[each], None)  # all is elementwise: the result may take its place
            busy = set(operands) if node.operation == "where" else set()  # which is written before all is read
            own = [f"{name}_b" for name in targets.get(index, ())]
            out = next((place for place in self._places(index) if place in own and place not in busy), None)
            out = out or next((place for place in self._places(index) if place not in busy), None)
            if out is None:
                out = f"{'s' if node.is_bool else 't'}{self.n_scratch[node.is_bool]}"
                self.n_scratch[node.is_bool] += 1
            self.where[index], self.occupied[out] = out, index
            body += _lines(node, operands, out, forced)
        copies = [
            (f"{name}_b", self.where[operand.index] if _is_place(operand) else literal(operand))
            for name, operand in expression.outputs
        ]
        copies = [(out, value) for out, value in copies if out != value]
        taken = {out for out, _ in copies}
        for n, (out, value) in enumerate(copies):
            if value in taken:  # before another takes its place
                body.append(f"h{n} = {value}.copy()")
                copies[n] = out, f"h{n}"
        return of_members, body + [f"np.copyto({out}, {value})" for out, value in copies]

    def _is_real(self, operand: Any) -> bool:
        return _is_place(operand) and not self.expression.nodes[operand.index].is_bool

    def _places(self, index: int) -> list[str]:
        """Arrays that node `index` can lie in: outputs whose old values nobody reads any more, and scratch arrays."""
        nodes = self.expression.nodes
        if nodes[index].is_bool:
            found = [f"s{i}" for i in range(self.n_scratch[True])]
        else:
            kept = {each.index for _, each in self.expression.outputs if _is_place(each)}
            outputs = {name for name, _ in self.expression.outputs}
            read = {
                node.operands[0]
                for i, node in enumerate(nodes)
                if node.operation == "input" and (self.last_use.get(i, -1) > index or i in kept)
            }
            found = [f"{name}_b" for name in self.elements if name in outputs and name not in read]
            found += [f"t{i}" for i in range(self.n_scratch[False])]
        return [place for place in found if place not in self.occupied]


def _name(node: Node) -> str:
    return node.operation if isinstance(node.operation, str) else node.operation.__name__


def _forced(node: Node, real: str) -> str:
    """What makes NumPy compute in the precision of the loop where there are booleans and constants alone.

    They would have their own rules: a sum of booleans is a boolean, and with a constant it is float64.
    """
    if node.operation in LOGIC:
        return ""
    return f", signature=({', '.join([real] * len(node.operands))}, bool)" if node.is_bool else f", dtype={real}"


def _lines(node: Node, operands: list[str], out: str, forced: str) -> list[str]:
    if node.operation == "where":
        condition, then, other = operands
        return [f"np.copyto({out}, {other})", f"np.copyto({out}, {then}, where={condition})"]
    if node.operation in CHOICES:
        operands = [f"zeros_of({out})" if each == "0.0" else each for each in operands]
    return [f"np.{_name(node)}({', '.join(operands)}, out={out}{forced})"]


def _is_place(operand: Any) -> bool:
    return isinstance(operand, Place)
