"""The loop around a traced rule, as source text for Numba.

What differs between members only is computed once a member, outside of the inner loop, which runs over one contiguous
row, from 0 to its size: so it is compiled to packed instructions.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from skdl._compiled.symbols import LOGIC, Expression, Node, Place, literal

INFIX = {
    np.add: "+",
    np.subtract: "-",
    np.multiply: "*",
    np.divide: "/",
    np.greater: ">",
    np.greater_equal: ">=",
    np.less: "<",
    np.less_equal: "<=",
    np.equal: "==",
    np.not_equal: "!=",
}
HEADER = "from numpy import float32, float64, inf, nan, sqrt\n\n\n"


def loop_source(expression: Expression, real: str) -> str:
    """Source of `loop(...)` in the precision `real`, "float32" or "float64".

    A flat one takes (column, start, stop, *arrays), with elements start:stop of arrays (k, P), and numbers of members
    from the given column of (k, S), or the only one; another takes arrays (k, B, n).
    """
    return HEADER + (_flat if expression.is_flat else _grid)(expression, real)


def signature(expression: Expression, real: str) -> str:
    """The types of the arguments, as Numba writes them; what is only read may be memory that cannot be written to."""
    n_dims = 2 if expression.is_flat else 3
    written = {name for name, _ in expression.outputs}
    arrays = [f"Array({real}, {n_dims}, 'C', readonly={name not in written})" for name in expression.arrays]
    return f"void({', '.join((['int64'] * 3 if expression.is_flat else []) + arrays)})"


def _flat(expression: Expression, real: str) -> str:
    kinds = dict(expression.inputs)
    of_members = [name for name in kinds if kinds[name] == "member"]
    of_elements = [name for name in expression.arrays if kinds.get(name, "element") == "element"]
    lines = [f"def loop(column, start, stop, {', '.join(expression.arrays)}):"]
    lines.append(f"    for j in range({of_elements[0]}.shape[0]):")
    for name in of_members:
        lines.append(f"        {name}_j = {name}[j, min(column, {name}.shape[1] - 1)]")
    for name in of_elements:
        lines.append(f"        {name}_j = {name}[j, start:stop]")
    lines += _statements(expression, real, {"member"}, 8)
    lines.append(f"        for i in range({of_elements[0]}_j.size):")
    lines += _statements(expression, real, {"member", "row", "unit"}, 12)
    lines += _writes(expression, real, {name: f"{name}_j[i]" for name in of_elements}, 12)
    return "\n".join(lines) + "\n"


def _grid(expression: Expression, real: str) -> str:
    kinds = dict(expression.inputs)
    of_elements = [name for name in expression.arrays if kinds.get(name, "element") == "element"]
    lines = [f"def loop({', '.join(expression.arrays)}):"]
    lines.append(f"    for j in range({of_elements[0]}.shape[0]):")
    for name, kind in expression.inputs:
        if kind == "member":
            lines.append(f"        {name}_j = {name}[j, 0, 0]")
        if kind == "unit":
            lines.append(f"        {name}_j = {name}[j, 0]")
    lines += _statements(expression, real, {"member"}, 8)
    lines.append(f"        for r in range({of_elements[0]}.shape[1]):")
    for name, kind in expression.inputs:
        if kind == "row":
            lines.append(f"            {name}_j = {name}[j, r, 0]")
    for name in of_elements:
        lines.append(f"            {name}_j = {name}[j, r]")
    lines += _statements(expression, real, {"member", "row"}, 12)
    lines.append(f"            for i in range({of_elements[0]}_j.size):")
    lines += _statements(expression, real, {"member", "row", "unit"}, 16)
    lines += _writes(expression, real, {name: f"{name}_j[i]" for name in of_elements}, 16)
    return "\n".join(lines) + "\n"


def _statements(expression: Expression, real: str, level: set[str], indent: int) -> list[str]:
    """Lines of the nodes that are computed at one level of the loops."""
    found = []
    for index, node in enumerate(expression.nodes):
        if node.axes == frozenset({"member"}) or not node.axes:
            own = {"member"}
        else:
            own = {"member", "row"} if "unit" not in node.axes else {"member", "row", "unit"}
        if own != level:
            continue
        if node.operation == "input":
            name = node.operands[0]
            found.append(f"v{index} = {name}_j" + ("[i]" if "unit" in node.axes else ""))
        else:
            found.append(f"v{index} = {_formula(expression, node, real)}")
    return [" " * indent + line for line in found]


def _writes(expression: Expression, real: str, places: dict[str, str], indent: int) -> list[str]:
    return [
        " " * indent + f"{places[name]} = {_operand(expression, operand, real)}" for name, operand in expression.outputs
    ]


def _operand(expression: Expression, operand: Any, real: str, *, as_bool: bool = False) -> str:
    if not isinstance(operand, Place):
        return f"{real}({literal(operand)})"
    name = f"v{operand.index}"
    return f"{real}({name})" if expression.nodes[operand.index].is_bool and not as_bool else name


def _formula(expression: Expression, node: Node, real: str) -> str:
    if node.operation == "where":
        condition, then, other = node.operands
        a, b = (_operand(expression, each, real) for each in (then, other))
        return f"{a} if {_condition(expression, condition, real)} else {b}"
    if node.operation in LOGIC:
        conditions = [_condition(expression, each, real) for each in node.operands]
        word = LOGIC[node.operation]
        return f"not ({conditions[0]})" if word == "not" else f" {word} ".join(f"({each})" for each in conditions)
    operands = [_operand(expression, each, real) for each in node.operands]
    if node.operation in INFIX:
        return f"{operands[0]} {INFIX[node.operation]} {operands[1]}"
    x = operands[0]
    zero, one = f"{real}(0.0)", f"{real}(1.0)"
    if node.operation is np.maximum:  # NaN of either; of equal numbers the second, as packed instructions have it
        return f"{x} if {x} > {operands[1]} or {x} != {x} else {operands[1]}"
    if node.operation is np.minimum:
        return f"{x} if {x} < {operands[1]} or {x} != {x} else {operands[1]}"
    if node.operation is np.sign:
        return f"{one} if {x} > {zero} else (-{one} if {x} < {zero} else ({zero} if {x} == {zero} else {x}))"
    return {np.negative: f"-{x}", np.absolute: f"abs({x})", np.sqrt: f"sqrt({x})"}[node.operation]


def _condition(expression: Expression, operand: Any, real: str) -> str:
    text = _operand(expression, operand, real, as_bool=True)
    is_bool = isinstance(operand, Place) and expression.nodes[operand.index].is_bool
    return text if is_bool else f"{text} != {real}(0.0)"
