"""Components by name: one registry a family.

A name is written once, in the decorator::

    @register("leaky_relu")
    class LeakyReLU(Activation): ...

The family is the one whose base the class derives from. A third-party package registers in the same way, by
`skdl.plugins.register`, or declares an entry point in the group `skdl.activations` (and so on), which is read on the
first unknown name only.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Generic, TypeVar

from skdl import _protocols
from skdl._component import Component
from skdl._words import our_name

T = TypeVar("T", bound=Component)
C = TypeVar("C", bound=type)

REGISTRIES: dict[str, Registry[Any]] = {}


class Registry(Generic[T]):
    """The components of one family by name.

    Parameters
    ----------
    family : str
        The plural name, such as "activations"; also the entry-point group `skdl.<family>`.
    base : type
        The class that all components of the family derive from.
    """

    def __init__(self, family: str, base: Any):
        self.family = family
        self.base = base
        self._classes: dict[str, type[T]] = {}
        self._plug_ins: dict[str, Any] = {}  # name -> how another process finds a class registered at run time
        self._entry_points: dict[str, EntryPoint] | None = None
        REGISTRIES[family] = self

    def add(self, name: str, cls: Any) -> None:
        """Give a class of the family its name."""
        known = self._classes.get(name)
        # The same class again is a module that is imported twice or reloaded, not a second owner of the name.
        same = known is not None and (known.__module__, known.__qualname__) == (cls.__module__, cls.__qualname__)
        if known is not None and not (same and name in self._plug_ins):
            raise ValueError(f"{name!r} is already registered in skdl.{self.family}, by {known.__module__}.")
        self._classes[name] = cls
        if not cls.__module__.startswith("skdl."):
            self._plug_ins[name] = cls

    def names(self) -> list[str]:
        """All names: built-in, registered and declared by installed packages."""
        return sorted({*self._classes, *self._plug_ins, *self._declared()})

    def built_in(self) -> list[type[T]]:
        """The classes of this library."""
        return [cls for cls in self._classes.values() if cls.__module__.startswith("skdl.")]

    def get(self, name: str) -> type[T]:
        """The class of that name; an unknown name is a ValueError that lists the known ones and the nearest."""
        if name not in self._classes:
            if name in self._plug_ins:
                self._classes[name] = self._find(name)
            elif name in self._declared():
                self._classes[name] = self._load(self._declared()[name])
            else:
                known = self.names()
                hint = our_name(self.family, str(name), known)
                raise ValueError(f"Unknown name {name!r} in skdl.{self.family}.{hint} Known names: {known}.")
        return self._classes[name]

    def resolve(self, spec: Any) -> T:
        """A component from its name, or the instance itself."""
        if isinstance(spec, str):
            return self.get(spec)()
        if isinstance(spec, self.base):
            component: T = spec
            return component
        raise ValueError(
            f"Expected one of {self.names()} or an instance of {self.base.__name__} (skdl.{self.family}). Got {spec!r}."
        )

    def name_of(self, component: T) -> str:
        """The name of a component's class; of one that has none, its own."""
        cls = type(component)
        return next((name for name, known in self._classes.items() if known is cls), cls.__name__)

    def _declared(self) -> dict[str, EntryPoint]:
        if self._entry_points is None:
            self._entry_points = {point.name: point for point in entry_points(group=f"skdl.{self.family}")}
        return self._entry_points

    def _find(self, name: str) -> type[T]:
        found = self._plug_ins[name]
        if isinstance(found, type):
            return self._checked(found, f"The plug-in {name!r} of skdl.{self.family}, which was pickled by value,")
        origin = f"The plug-in {name!r} of skdl.{self.family} ({found}), known from another process,"
        try:
            cls = _imported(found)
        except Exception as error:
            raise ImportError(f"{origin} cannot be imported in this one: {error}") from error
        return self._checked(cls, origin)

    def _load(self, point: EntryPoint) -> type[T]:
        origin = f"The plug-in {point.name!r} of skdl.{self.family} ({point.value})"
        try:
            cls = point.load()
        except Exception as error:
            raise ImportError(f"{origin} cannot be imported: {error}") from error
        return self._checked(cls, origin)

    def _checked(self, cls: Any, origin: str) -> type[T]:
        if not (isinstance(cls, type) and issubclass(cls, self.base)):
            raise TypeError(f"{origin} must be a class derived from {self.base.__name__}.")
        return cls


def register(name: str) -> Callable[[C], C]:
    """Class decorator that gives a component its name, in the family that it derives from.

    Parameters
    ----------
    name : str
        What estimators take in place of an instance. A name of this library cannot be taken.

    Raises
    ------
    ValueError
        When another class of the family has the name.
    TypeError
        When what is decorated is not a class derived from one of the families' bases, such as `Activation`.

    Examples
    --------
    >>> from skdl.plugins import Activation, register
    >>> @register("relu")
    ... class Mine(Activation):
    ...     def forward(self, x):
    ...         return x, lambda dy: (dy, {})
    Traceback (most recent call last):
        ...
    ValueError: 'relu' is already registered in skdl.activations, by skdl.activations._rectifiers.
    """

    def decorate(cls: C) -> C:
        owners = [each for each in REGISTRIES.values() if isinstance(cls, type) and issubclass(cls, each.base)]
        if len(owners) != 1:
            bases = ", ".join(each.base.__name__ for each in REGISTRIES.values())
            raise TypeError(
                f"{cls!r} must be a class derived from exactly one of {bases} to be registered as {name!r}."
            )
        owners[0].add(name, cls)
        return cls

    return decorate


def with_plug_ins(reduced: Any) -> Any:
    """The result of an estimator's `__reduce_ex__`, with the components that this process registered by decorator.

    An estimator takes them along when it is pickled, for a name may reach the other process alone, as a candidate of a
    search. They travel in what a pickle calls, never in the state: formats without pickle (skops) read and set the
    state alone, so that nothing that comes from such a file is ever imported or unpickled for them.
    """
    references = plug_in_references()
    if not references:
        return reduced
    function, arguments, *content = reduced
    return _adopting, (references, function, arguments), *content


def plug_in_references() -> dict[tuple[str, str], Any]:
    """References by which another process finds the components that this one registered by decorator.

    A class of an importable module travels as its path, which is imported when its name is asked for; one of `__main__`
    (a notebook) by value.
    """
    references: dict[tuple[str, str], Any] = {}
    for family, registry in REGISTRIES.items():
        for name, found in registry._plug_ins.items():
            if isinstance(found, type):
                importable = found.__module__ != "__main__" and "<locals>" not in found.__qualname__
                found = f"{found.__module__}:{found.__qualname__}" if importable else ByValue(found)
            references[family, name] = found
    return references


def _adopting(references: dict[tuple[str, str], Any], function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    adopt_references(references)
    return function(*arguments)


def adopt_references(references: dict[tuple[str, str], Any]) -> None:
    """Make names known that came with a pickled estimator."""
    for (family, name), found in references.items():
        registry = REGISTRIES[family]
        if name not in registry._classes:
            registry._plug_ins.setdefault(name, found)


class ByValue:
    """A class that is pickled with its code: what reads the pickle gets the class in its place."""

    def __init__(self, cls: type):
        self.cls = cls

    def __reduce__(self) -> tuple[Any, ...]:
        import cloudpickle

        return cloudpickle.loads, (cloudpickle.dumps(self.cls),)


def _imported(path: str) -> Any:
    module, _, qualname = path.partition(":")
    importlib.import_module(module)
    value: Any = sys.modules[module]
    for part in qualname.split("."):
        value = getattr(value, part)
    return value


activations: Registry[_protocols.Activation] = Registry("activations", _protocols.Activation)
augmentations: Registry[_protocols.Augmentation] = Registry("augmentations", _protocols.Augmentation)
category_encodings: Registry[_protocols.CategoryEncoding] = Registry("category_encodings", _protocols.CategoryEncoding)
encodings: Registry[_protocols.NumberEncoding] = Registry("encodings", _protocols.NumberEncoding)
initializers: Registry[_protocols.Initializer] = Registry("initializers", _protocols.Initializer)
layers: Registry[_protocols.Block] = Registry("layers", _protocols.Block)
losses: Registry[_protocols.Loss] = Registry("losses", _protocols.Loss)
normalizations: Registry[_protocols.Normalization] = Registry("normalizations", _protocols.Normalization)
optimizers: Registry[_protocols.Optimizer] = Registry("optimizers", _protocols.Optimizer)
penalties: Registry[_protocols.Penalty] = Registry("penalties", _protocols.Penalty)
schedules: Registry[_protocols.Schedule] = Registry("schedules", _protocols.Schedule)
