"""Rules for hyperparameters: what scikit-learn's searches, clones and pickles rely on."""

from __future__ import annotations

import inspect
import numbers
import pickle
import sys
from typing import Any

import numpy as np
from sklearn.base import clone

from skdl._component import Component, constructor_arguments
from skdl.testing._rules import K, require, variants


def check_hyperparameters(component: Any) -> None:
    """Check storing, get_params and set_params, copies, repr, ranges and structure."""
    _check_constructor(component)
    _check_set_params(component)
    _check_copies(component)
    _check_ranges(component)
    _check_structure(component)


def _check_constructor(component: Any) -> None:
    names = list(constructor_arguments(type(component)))
    rule = "a component holds its hyperparameters and nothing else"
    require(set(vars(component)) == set(names), component, rule, f"holds {sorted(vars(component))}, not {names}")
    params = component.get_params(deep=False)
    require(list(params) == names, component, "get_params gives every hyperparameter", f"{list(params)}, not {names}")
    for name in names:
        marker = _Marker()
        stored = getattr(type(component)(**{**params, name: marker}), name)
        rule = "the constructor stores its arguments as they are"
        require(stored is marker, component, rule, f"{name} became {stored!r}")


def _check_set_params(component: Any) -> None:
    params = component.get_params(deep=False)
    other = type(component)(**params)
    returned = other.set_params(**component.get_params(deep=True))
    require(returned is other, component, "set_params returns the component itself", repr(returned))
    rule = "set_params(**get_params()) changes nothing"
    require(same(other, component), component, rule, f"{other!r}, must be {component!r}")
    for name in params:
        marker = _Marker()
        changed = type(component)(**params).set_params(**{name: marker})
        require(getattr(changed, name) is marker, component, "set_params sets", f"{name} is {getattr(changed, name)!r}")
        component.with_params(**{name: marker})
        untouched = getattr(component, name) is params[name]
        require(untouched, component, "with_params leaves the original as it is", f"{name} has changed")
    try:
        type(component)(**params).set_params(no_such_hyperparameter=1)
    except ValueError:
        return
    require(False, component, "set_params refuses unknown names", "no_such_hyperparameter was accepted")


def _check_copies(component: Any) -> None:
    copy = clone(component)
    equal = copy is not component and same(copy, component)
    require(equal, component, "sklearn.base.clone gives an equal copy", repr(copy))
    loaded = pickle.loads(_dumps(component))
    require(same(loaded, component), component, "pickle gives an equal copy", repr(loaded))
    text = repr(component)
    try:
        evaluated = eval(text, _names_in_repr(component))
    except Exception as error:
        raise AssertionError(f"{type(component).__name__}: repr evaluates: {text} raised {error!r}") from error
    rule = "repr evaluates to an equal component"
    require(same(evaluated, component), component, rule, f"{text} has {getattr(evaluated, 'get_params', str)()}")


def _check_ranges(component: Any) -> None:
    names = list(constructor_arguments(type(component)))
    for declared in ("constraints", "per_member"):
        unknown = sorted(set(getattr(component, declared)) - set(names))
        require(not unknown, component, f"{declared} names hyperparameters", f"{unknown} are not among {names}")
    free = [name for name in names if _is_number(component, name) and name not in component.constraints]
    rule = "every number among the hyperparameters has a constraint"
    require(
        not free, component, rule, f"{free} may be out of any range: constraints has {sorted(component.constraints)}"
    )
    try:
        returned = component.validate()
    except ValueError as error:
        raise AssertionError(f"{type(component).__name__}: validate passes: {error}") from error
    require(returned is component, component, "validate returns the component itself", repr(returned))
    for name in component.constraints:
        try:
            component.with_params(**{name: _Marker()}).validate()
        except ValueError:
            continue
        require(False, component, "validate refuses what is out of range", f"{name} may be any object")


def _is_number(component: Any, name: str) -> bool:
    """True for a hyperparameter that is a number, or may be one, by its value, its default or its annotation."""
    argument = inspect.signature(type(component)).parameters[name]
    values = (getattr(component, name), argument.default)
    if any(isinstance(value, numbers.Real) and not isinstance(value, bool) for value in values):
        return True
    text = (
        argument.annotation if isinstance(argument.annotation, str) else inspect.formatannotation(argument.annotation)
    )
    return bool({"float", "int"} & {part.strip() for part in text.split("|")})


def _check_structure(component: Any) -> None:
    members = variants(component)
    for member in members:
        equal = member.structure == component.structure and hash(member.structure) == hash(component.structure)
        rule = "structure is the same for all per-member numbers"
        require(equal, component, rule, f"{member.structure}, must be {component.structure}")
    stacked = Component.stacked(members, 3, np.float32)
    for name in component.per_member:
        column = getattr(stacked, name)
        right = column.shape == (K, 1, 1) and column.dtype == np.float32
        rule = "stacked makes a column of a per-member number"
        require(right, component, rule, f"{name} has shape {column.shape} and dtype {column.dtype}")


class _Marker:
    """A value that no component expects."""


def same(a: Any, b: Any) -> bool:
    """True for two hyperparameters that are equal, or components that are so in all of theirs."""
    if isinstance(a, Component) and isinstance(b, Component):
        left, right = a.get_params(deep=False), b.get_params(deep=False)
        return (
            type(a) is type(b) and left.keys() == right.keys() and all(same(left[name], right[name]) for name in left)
        )
    if isinstance(a, (list, tuple)) and type(a) is type(b):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
        return np.array_equal(a, b)
    return a is b or (type(a) is type(b) and bool(a == b))


def _dumps(component: Any) -> bytes:
    """A pickle; a class that no import finds (of a notebook, of a function) goes by value, as to another process."""
    cls = type(component)
    found: Any = sys.modules.get(cls.__module__)
    for part in cls.__qualname__.split("."):
        found = getattr(found, part, None)
    if found is not cls or cls.__module__ == "__main__":
        import cloudpickle

        return bytes(cloudpickle.dumps(component))
    return pickle.dumps(component)


def _names_in_repr(component: Any) -> dict[str, Any]:
    """The names that a component's repr may use."""
    names = {"array": np.array, "np": np, "nan": np.nan, "inf": np.inf, type(component).__name__: type(component)}
    for value in component.get_params(deep=False).values():
        for each in value if isinstance(value, (list, tuple)) else (value,):
            if isinstance(each, Component):
                names |= _names_in_repr(each)
            elif callable(each):
                names[getattr(each, "__name__", "")] = each
    return names
