"""Rules that are compiled: they can be traced, and each way of running them gives the bits of plain NumPy."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from skdl._array import in_order
from skdl._compiled import Kind, Rule, trace
from skdl._compiled.loop_code import loop_source
from skdl._compiled.numpy_code import numpy_executor
from skdl._component import Component
from skdl.testing._rules import K, require, require_same_bits, variants

N_NUMBERS = 6
STEPS = 3  # after which an optimizer's memory is as it may be


def check_elementwise_optimizer(optimizer: Any) -> None:
    """Check the rule of an optimizer, where it is written by one."""
    rule = optimizer.elementwise_rule
    if rule is None:
        return
    for dtype in (np.float32, np.float64):
        stacked = Component.stacked(variants(optimizer), 2, dtype)
        gradient = _numbers(dtype)
        state = {name: np.zeros_like(gradient) for name in optimizer.state_names}
        more = stacked.numbers(np.full((K, 1), STEPS, dtype))
        given = _given(optimizer, "rule", rule, stacked, more, optimizer.state_names)
        outputs = ["g", *optimizer.state_names]
        _trace(optimizer, "rule", rule, [*outputs], given, outputs)
        for step in range(1, STEPS):
            stacked.direction(gradient[:, ::-1].copy(), state, np.full((K, 1), step, dtype))
        _check(optimizer, "rule", rule, {"g": gradient, **state}, given, outputs)


def check_elementwise_activation(activation: Any) -> None:
    """Check rule and derivative of an activation, where it is written by them."""
    if activation.elementwise_rules is None:
        return
    for dtype in (np.float32, np.float64):
        stacked = Component.stacked(variants(activation), 2, dtype)
        x = _numbers(dtype)
        for name, rule in zip(("rule", "derivative"), activation.elementwise_rules, strict=True):
            given = _given(activation, name, rule, stacked)
            _check(activation, name, rule, {"x": x}, given, ["x"])
            x = np.array(np.broadcast_to(rule(x, **given), x.shape), dtype)  # the derivative sees the result


def check_elementwise_penalty(penalty: Any) -> None:
    """Check the derivative of a penalty, where it is written by one."""
    derivative = penalty.elementwise_derivative
    if derivative is None:
        return
    for dtype in (np.float32, np.float64):
        stacked = Component.stacked(variants(penalty), 2, dtype)
        given = _given(penalty, "derivative", derivative, stacked)
        _check(penalty, "derivative", derivative, {"weight": _numbers(dtype)}, given, ["weight"])


def _numbers(dtype: Any) -> np.ndarray:
    found = np.random.default_rng(0).normal(size=(K, N_NUMBERS)).astype(dtype)
    found[:, 0] = 0.0
    return found


def _given(
    component: Any,
    name: str,
    rule: Rule,
    stacked: Any,
    more: Mapping[str, Any] | None = None,
    memory: Sequence[str] = (),
) -> dict[str, np.ndarray]:
    """The numbers that a rule asks for by the names of its arguments, (K, 1)."""
    try:
        values = rule.numbers(stacked, more, memory)
    except TypeError as error:
        rule_of_arguments = f"the arguments of {name} are hyperparameters, or given by name"
        raise AssertionError(f"{type(component).__name__}: {rule_of_arguments}: {error}") from error
    dtype = np.float64 if not values else np.result_type(*values.values())
    return {each: in_order(np.broadcast_to(value, (K, 1)), dtype) for each, value in values.items()}


def _trace(
    component: Any, name: str, rule: Rule, elements: Sequence[str], given: Mapping[str, Any], outputs: Sequence[str]
) -> tuple[Any, Callable[..., tuple[Any, ...]]]:
    kinds: dict[str, Kind] = {}
    kinds.update(dict.fromkeys(elements, "element"), **dict.fromkeys(given, "member"))

    def function(first: Any, *others: Any) -> tuple[Any, ...]:
        found = rule(first, **dict(zip(list(kinds)[1:], others, strict=True)))
        return tuple(found) if isinstance(found, tuple | list) else (found,)

    try:
        return trace(function, kinds, outputs), function
    except Exception as error:
        raise AssertionError(f"{type(component).__name__}: {name} is scalar mathematics: {error}") from error


def _check(
    component: Any,
    name: str,
    rule: Rule,
    elements: Mapping[str, np.ndarray],
    given: Mapping[str, np.ndarray],
    outputs: Sequence[str],
) -> None:
    expression, function = _trace(component, name, rule, list(elements), given, outputs)
    dtype = next(iter(elements.values())).dtype
    arrays = [*elements.values(), *(in_order(value, dtype) for value in given.values())]
    expected = [np.asarray(each) for each in function(*(array.copy() for array in arrays))]
    for output, result in zip(outputs, expected, strict=True):
        kept = result.ndim == 0 or result.dtype in (dtype, bool)  # a constant has none
        require(kept, component, f"{name}: dtype kept", f"{output} is {result.dtype}")
    names: dict[str, Any] = {}
    exec(loop_source(expression, dtype.name), names)
    for way, run in (("by NumPy's calls", numpy_executor(expression)), ("as a loop", names["loop"])):
        after = [array.copy() for array in arrays]
        run(0, 0, N_NUMBERS, *after)
        for output, result, wanted in zip(outputs, after, expected, strict=False):
            wanted = np.array(np.broadcast_to(wanted, result.shape), dtype)
            require_same_bits(result, wanted, component, f"{name} gives the same {way} ({output}, {dtype})")
