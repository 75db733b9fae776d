"""Rules that hold for the arrays of every family: precision, members, repetition."""

from __future__ import annotations

import math
import numbers
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from skdl._component import Component

K, B, N = 3, 5, 4  # members, rows and units (or columns) of the arrays that components are checked on
Arrays = Mapping[str, np.ndarray]
Evaluate = Callable[[Any, Arrays], dict[str, np.ndarray]]


def require(holds: Any, component: Any, rule: str, finding: str) -> None:
    """Raise an AssertionError with the component, the rule and what was found instead."""
    if not holds:
        raise AssertionError(f"{type(component).__name__}: {rule}: {finding}")


def require_close(found: np.ndarray, expected: np.ndarray, component: Any, rule: str, rtol: float) -> None:
    """Require that arrays of one shape agree to `rtol` of the largest number expected."""
    shapes = f"shape {np.shape(found)}, must be {np.shape(expected)}"
    require(np.shape(found) == np.shape(expected), component, rule, shapes)
    scale = max(np.abs(expected).max(initial=0.0), np.finfo(float).tiny)
    error = float(np.abs(np.asarray(found) - expected).max(initial=0.0) / scale)
    require(error <= rtol, component, rule, f"relative error {error:.1e}, allowed {rtol:.1e}")


def require_same_bits(found: Any, expected: Any, component: Any, rule: str) -> None:
    """Require that two arrays agree in dtype, shape and every bit."""
    a, b = np.asarray(found), np.asarray(expected)
    require(a.dtype == b.dtype, component, rule, f"{a.dtype} and {b.dtype}, must be one dtype")
    require(a.shape == b.shape, component, rule, f"shapes {a.shape} and {b.shape}, must be equal")
    with np.errstate(all="ignore"):
        difference = np.abs(a - b).max(initial=0.0)
    require(a.tobytes() == b.tobytes(), component, rule, f"largest difference {difference:.1e}, must be 0 bit for bit")


def check_arrays(
    component: Any,
    evaluate: Evaluate,
    inputs: Arrays,
    *,
    ndim: int,
    dtypes: Sequence[Any] = (np.float32, np.float64),
) -> None:
    """Check the rules of every family on what `evaluate(component, inputs)` gives, arrays with the members first.

    `evaluate` calls the component on copies. `ndim` is the number of axes that per-member numbers get in a stack.
    """
    params = component.get_params(deep=False)
    for dtype in dtypes:
        arrays = {name: value.astype(dtype) for name, value in inputs.items()}
        results = evaluate(component, arrays)
        for name, result in results.items():
            require(result.dtype == dtype, component, "dtype kept", f"{name} is {result.dtype} for {np.dtype(dtype)}")
            require(len(result) == K, component, "member axis kept", f"{name} has shape {result.shape} for {K} members")
            require(np.isfinite(result).all(), component, "finite results", f"{name} is not finite in {result.dtype}")
        for name, again in evaluate(component, arrays).items():
            require_same_bits(again, results[name], component, f"a second call agrees ({name})")
        held = vars(component)
        kept = held.keys() == params.keys() and all(held[name] is params[name] for name in params)
        require(kept, component, "a call changes no hyperparameter", f"holds {sorted(held)} after it")
        _check_members(component, evaluate, arrays, ndim, dtype)
    # Columns of equal numbers do what the number does.
    stacked = Component.stacked([component] * K, ndim, np.float64)
    arrays = {name: value.astype(np.float64) for name, value in inputs.items()}
    expected = evaluate(component, arrays)
    for name, result in evaluate(stacked, arrays).items():
        require_close(result, expected[name], component, f"stacked equals unstacked ({name})", 1e-12)


def _check_members(component: Any, evaluate: Evaluate, arrays: Arrays, ndim: int, dtype: Any) -> None:
    members = variants(component)
    together = evaluate(Component.stacked(members, ndim, dtype), arrays)
    for i, member in enumerate(members):
        alone = evaluate(
            Component.stacked([member], ndim, dtype), {name: value[i : i + 1] for name, value in arrays.items()}
        )
        for name, result in alone.items():
            rule = f"member {i} of a stack equals it alone ({name}, {np.dtype(dtype)})"
            require_same_bits(together[name][i : i + 1], result, component, rule)


def variants(component: Any) -> list[Any]:
    """K components of one structure whose per-member numbers differ as far as their ranges allow."""
    values = {}
    for name in component.per_member:
        value = getattr(component, name)
        number = isinstance(value, numbers.Real) and not isinstance(value, bool)
        require(number, component, "per-member hyperparameters are numbers", f"{name}={value!r}")
        value = value if isinstance(value, numbers.Integral) else float(value)
        values[name] = _nearby(value, component.constraints.get(name))
    return [component.with_params(**{name: near[i] for name, near in values.items()}) for i in range(K)]


def _nearby(value: Any, constraint: Any) -> list[Any]:
    """K numbers in the range, the first of them `value` and as many different ones as there are; ints for an int."""
    near = [value]
    whole = isinstance(value, numbers.Integral)
    fractions = () if whole else (0.9 * value, 1.1 * value, 0.5 * value, value + 0.1, value - 0.1)
    for candidate in (*fractions, value + 1, value - 1, value + 2):
        if math.isfinite(candidate) and candidate not in near and (constraint is None or constraint.accepts(candidate)):
            near.append(candidate)
    return (near * K)[:K]
