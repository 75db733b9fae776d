"""Slots: estimator parameters that hold a component, as a name, an instance or a list with one entry a layer."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Self

from skdl._component import Component, constructor_arguments
from skdl._registry import Registry, with_plug_ins


class SlotMixin:
    """Hyperparameters of components as an estimator's own, `set_params(optimizer__learning_rate=0.1)`, of names too.

    A slot with a name is resolved, and a changed copy is stored. An instance is never changed in place, so that two
    estimators which share it stay independent.
    """

    _slots: ClassVar[Mapping[str, Registry[Any]]] = {}
    _several: ClassVar[tuple[str, ...]] = ()  # slots of any number of components, each found by its name
    _mappings: ClassVar[tuple[str, ...]] = ()  # parameters that hold a dict of numbers, which are set by name likewise
    # What "auto" makes in the slots that take it; None where that depends on the data or the layer, so that the
    # estimator asks for "auto" itself.
    _auto: ClassVar[Mapping[str, Callable[[], Component] | None]] = {"initializer": None, "loss": None}

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Parameters of this estimator.

        Parameters
        ----------
        deep : bool, default=True
            Whether to add the hyperparameters of the components in its slots, as `slot__parameter`.

        Returns
        -------
        params : dict
        """
        params = {name: getattr(self, name) for name in sorted(constructor_arguments(type(self)))}
        if deep:
            for slot in filter(params.__contains__, self._slots):  # a subclass may take fewer
                if slot in self._several:
                    for name, each in self._held_by_name(slot, params[slot]).items():
                        params |= {f"{slot}__{name}__{key}": value for key, value in each.get_params().items()}
                    continue
                held = self._held(slot, params[slot])
                if held is not None:
                    params |= {f"{slot}__{key}": value for key, value in held.get_params().items()}
            for name in self._mappings:
                held = params.get(name)
                params |= {f"{name}__{key}": held[key] for key in held} if isinstance(held, Mapping) else {}
        return params

    def set_params(self, **params: object) -> Self:
        """Set parameters of this estimator, and with `slot__parameter` those of the components in its slots.

        Parameters
        ----------
        **params : dict

        Returns
        -------
        self : estimator
        """
        nested: dict[str, dict[str, Any]] = defaultdict(dict)
        plain = {}
        for key, value in params.items():
            slot, _, name = key.partition("__")
            if name and (slot in self._slots or slot in self._mappings):
                nested[slot][name] = value
            else:
                plain[key] = value
        super().set_params(**plain)  # type: ignore[misc]  # the estimator's, which this is mixed into
        for slot, changes in nested.items():
            held = getattr(self, slot)
            setattr(self, slot, {**(held or {}), **changes} if slot in self._mappings else self._changed(slot, changes))
        return self

    def _held_by_name(self, slot: str, value: Any) -> dict[str, Component]:
        """The components in a slot of several by their registered names; the second of a name has a 2 behind it."""
        found: dict[str, Component] = {}
        for each in _entries(value):
            held = self._held(slot, each)
            if held is not None:
                name = self._slots[slot].name_of(held)
                count = sum(type(other) is type(held) for other in found.values())
                found[f"{name}_{count + 1}" if count else name] = held
        return found

    def _changed_by_name(self, slot: str, changes: dict[str, Any]) -> Any:
        value = getattr(self, slot)
        held = self._held_by_name(slot, value)
        nested: dict[str, dict[str, Any]] = defaultdict(dict)
        for key, change in changes.items():
            name, _, parameter = key.partition("__")
            if name not in held or not parameter:
                raise ValueError(
                    f"Cannot set {slot}__{key}: the slot {slot!r} of {type(self).__name__} holds "
                    f"{list(held) or value!r}. Write {slot}__<name>__<parameter>, with the name of what it holds."
                )
            nested[name][parameter] = change
        changed = {name: each.with_params(**nested[name]) if name in nested else each for name, each in held.items()}
        if repr(list(changed.values())) == repr(list(held.values())):
            return value  # names stay names
        return list(changed.values()) if isinstance(value, (list, tuple)) else next(iter(changed.values()))

    def _resolve_several(self, slot: str) -> tuple[Any, ...]:
        """The components in a slot of several, checked; none where an estimator does without the slot."""
        return tuple(self._resolve_value(slot, each, optional=True) for each in _entries(getattr(self, slot, None)))

    def _changed(self, slot: str, changes: dict[str, Any]) -> Any:
        if slot in self._several:
            return self._changed_by_name(slot, changes)
        value = getattr(self, slot)
        held = self._held(slot, value)
        if held is None:
            names = ", ".join(f"{slot}__{name}" for name in changes)
            raise ValueError(
                f"Cannot set {names}: the slot {slot!r} of {type(self).__name__} holds {value!r}, which has no "
                f"parameters. Set {slot} to one of {self._slots[slot].names()} or to an instance first."
            )
        changed = held.with_params(**changes)
        # A name stays a name when nothing differs from it, so that set_params(**get_params()) changes nothing.
        unchanged = isinstance(value, str) and repr(changed) == repr(held)
        return value if unchanged else changed

    def _held(self, slot: str, value: Any) -> Component | None:
        """The component that a slot's value stands for, or None."""
        if isinstance(value, Component):
            return value
        if not isinstance(value, str):
            return None
        if value == "auto" and slot in self._auto:
            make = self._auto[slot]
            return None if make is None else make()
        found: Component | None = self._slots[slot].resolve(value) if value in self._slots[slot].names() else None
        return found

    def _resolve(self, slot: str) -> Any:
        """The component in a slot, checked."""
        return self._resolve_value(slot, getattr(self, slot))

    def _resolve_optional(self, slot: str) -> Any:
        """The component in a slot that may hold None."""
        value = getattr(self, slot)
        return None if value is None else self._resolve_value(slot, value, optional=True)

    def _resolve_value(self, slot: str, value: Any, *, optional: bool = False) -> Any:
        make = self._auto.get(slot) if isinstance(value, str) and value == "auto" else None
        if make is not None:
            return make()
        others = ["'auto'"] * (slot in self._auto) + ["None"] * optional
        allowed = f" It may also be {' or '.join(others)}." if others else ""
        try:
            found = self._slots[slot].resolve(value)
            allowed = ""
            return found.validate()
        except ValueError as error:
            raise type(error)(f"The {slot!r} parameter of {type(self).__name__}: {error}{allowed}") from None

    def _resolve_layers(self, slot: str, n_layers: int, *, optional: bool = False) -> tuple[Any, ...]:
        """One component for each hidden layer, from one value for all or a list with an entry for each."""
        value = getattr(self, slot)
        values = list(value) if isinstance(value, (list, tuple)) else [value] * n_layers
        if len(values) != n_layers:
            raise ValueError(
                f"The {slot!r} parameter of {type(self).__name__} lists {len(values)} entries for {n_layers} hidden "
                "layers."
            )
        return tuple(
            None if optional and item is None else self._resolve_value(slot, item, optional=optional) for item in values
        )

    def __reduce_ex__(self, protocol: Any) -> Any:
        return with_plug_ins(super().__reduce_ex__(protocol))


def _entries(value: Any) -> list[Any]:
    """What a slot of several holds: nothing, one, or a list of any number."""
    if value is None:
        return []
    return list(value) if isinstance(value, (list, tuple)) else [value]
