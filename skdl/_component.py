"""The base of components, which are hyperparameters and mathematics, and nothing else."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Hashable, Mapping, Sequence
from functools import cache, wraps
from typing import Any, ClassVar, TypeVar

from skdl._array import column
from skdl._constraints import Constraint, check_params
from skdl._structure import stand_in
from skdl._words import our_hyperparameter

C = TypeVar("C", bound="Component")


def constructor_arguments(cls: Any) -> dict[str, Any]:
    """A constructor's arguments by name, and their defaults; a fit asks some sixty times, and it takes 50 us."""
    return _constructor_arguments(cls)  # a function, to which a class that is pickled with its code can refer


@cache
def _constructor_arguments(cls: Any) -> dict[str, Any]:
    parameters = () if cls.__init__ is object.__init__ else inspect.signature(cls).parameters.values()
    return {each.name: each.default for each in parameters if each.kind is not each.VAR_KEYWORD}


@cache
def _missing_methods(cls: type) -> list[str]:
    """The abstract methods that a class has left to its descendants."""
    return [name for name in dir(cls) if getattr(getattr(cls, name), "__isabstractmethod__", False)]


def explain_constructor(cls: type, our: Callable[[str, list[str]], str]) -> None:
    """Make the constructor that a class defines suggest the name of an unknown argument here, by the sentence `our`."""
    init: Any = cls.__dict__.get("__init__")
    if init is None:
        return

    @wraps(init)  # its signature is that of the class still
    def explaining(self: Any, *args: Any, **kwargs: Any) -> None:
        try:
            init(self, *args, **kwargs)
        except TypeError:
            refuse_unknown(type(self), kwargs, our)
            raise

    cls.__init__ = explaining  # type: ignore[misc]  # mypy lets no constructor be replaced


def refuse_unknown(cls: Any, given: Mapping[str, Any], our: Callable[[str, list[str]], str]) -> None:
    """Raise for a parameter that a class does not have.

    It is a function of its own, since a class of `__main__` is pickled with its constructor's code, which finds this
    one by its name.
    """
    unknown = [name for name in given if name not in constructor_arguments(cls)]
    if unknown:
        raise TypeError(unknown_parameter(cls, unknown[0], our)) from None


def unknown_parameter(cls: Any, name: str, our: Callable[[str, list[str]], str]) -> str:
    """The message for a parameter that a class does not have."""
    known = list(constructor_arguments(cls))
    listed = f"Its parameters are: {known}." if known else "It has no parameters."
    return f"Invalid parameter {name!r} for {cls.__name__}.{our(name, known)} {listed}"


class Component:
    """Base of all components: activations, optimizers, losses, ...

    A component stores its constructor's arguments under their own names, and holds no arrays. It clones
    (`sklearn.base.clone`) and pickles, and its hyperparameters are reached by `get_params` and `set_params`.

    Attributes
    ----------
    constraints : mapping
        The allowed range of each hyperparameter, checked before any work is done.
    per_member : tuple of str
        The numbers that may differ between the members of one stack. In a stack they are columns, one row a member;
        the type and all other hyperparameters are the component's `structure`, by which fits are grouped.
    """

    constraints: ClassVar[Mapping[str, Constraint]] = {}
    per_member: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        explain_constructor(cls, our_hyperparameter)

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Hyperparameters by name; with `deep`, those of a component within too, as `name__parameter`."""
        params: dict[str, Any] = {}
        for name in constructor_arguments(type(self)):
            params[name] = value = getattr(self, name)
            if deep and isinstance(value, Component):
                params |= {f"{name}__{key}": inner for key, inner in value.get_params().items()}
        return params

    def set_params(self: C, **params: Any) -> C:
        """Change hyperparameters in place; an unknown name is a ValueError that lists the known ones."""
        for key, value in params.items():
            name, _, inner = key.partition("__")
            if name not in constructor_arguments(type(self)) or (
                inner and not isinstance(getattr(self, name), Component)
            ):
                raise ValueError(unknown_parameter(type(self), key, our_hyperparameter))
            setattr(self, name, getattr(self, name).with_params(**{inner: value}) if inner else value)
        return self

    def with_params(self: C, **changes: Any) -> C:
        """A copy with some hyperparameters changed; this one stays as it is."""
        return type(self)(**self.get_params(deep=False)).set_params(**changes)

    def validate(self: C) -> C:
        """Raise a ValueError for a hyperparameter out of its range, a TypeError for a missing method; return self."""
        cls: Any = type(self)
        missing = _missing_methods(cls)
        if missing:
            raise TypeError(f"{cls.__name__} must define {' and '.join(missing)}, as its family asks for.")
        check_params(self, self.constraints)
        for value in self.get_params(deep=False).values():
            for each in value if isinstance(value, (list, tuple)) else (value,):
                if isinstance(each, Component):
                    each.validate()
        return self

    @property
    def structure(self) -> Hashable:
        """A value that is equal for two components which may share a stack."""
        cls = type(self)
        counting = [name for name in constructor_arguments(cls) if name not in self.per_member]
        return cls, *[(name, stand_in(getattr(self, name))) for name in counting]

    @staticmethod
    def stacked(members: Sequence[C], ndim: int, dtype: Any) -> C:
        """One component for a whole stack: each per-member number becomes a column of shape (k, 1, ...).

        The columns have `ndim` axes, to broadcast over arrays with as many. The members must have one structure. A
        stack of one goes the same way, so that a lone fit computes the very same bits as a member of a stack.
        """
        first = members[0]
        changes: dict[str, Any] = {}
        for name, value in first.get_params(deep=False).items():
            if name in first.per_member:
                changes[name] = column([getattr(member, name) for member in members], ndim, dtype)
            elif isinstance(value, Component):
                changes[name] = Component.stacked([getattr(member, name) for member in members], ndim, dtype)
            elif isinstance(value, (list, tuple)) and any(isinstance(each, Component) for each in value):
                held = zip(*[getattr(member, name) for member in members], strict=True)
                changes[name] = [Component.stacked(parts, ndim, dtype) for parts in held]
        return first.with_params(**changes)

    def __repr__(self) -> str:
        defaults = constructor_arguments(type(self))
        shown = [
            f"{name}={value!r}"
            for name, value in self.get_params(deep=False).items()
            if not _same(value, defaults[name])
        ]
        return f"{type(self).__name__}({', '.join(shown)})"


def _same(value: Any, default: Any) -> bool:
    return value is default or (type(value) is type(default) and not hasattr(value, "shape") and value == default)
