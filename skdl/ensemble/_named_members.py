"""Members that have names: their pairs, and parameters that reach into them."""

from __future__ import annotations

from collections.abc import Container
from typing import Any, Self

from sklearn.utils import Bunch

from skdl.ensemble._base import BaseEnsemble, Estimator


class NamedPairs(BaseEnsemble):
    """An ensemble with a parameter of (name, estimator) pairs, whose parameters are reached by their names."""

    _pairs = "estimators"  # the name of that parameter

    def _named(self) -> list[tuple[str, Any]]:
        """The pairs, as far as they are pairs."""
        given = getattr(self, self._pairs)
        if not isinstance(given, (list, tuple)):
            return []
        return [
            tuple(item)
            for item in given
            if isinstance(item, (list, tuple)) and len(item) == 2 and isinstance(item[0], str)
        ]

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Parameters of this estimator.

        Parameters
        ----------
        deep : bool, default=True
            Whether to add the named members, as `name`, and their parameters, as `name__parameter`.

        Returns
        -------
        params : dict
        """
        params: dict[str, Any] = super().get_params(deep)
        if deep:
            for name, member in self._named():
                params[name] = member
                if hasattr(member, "get_params"):
                    params |= {f"{name}__{key}": value for key, value in member.get_params(deep=True).items()}
        return params

    def set_params(self, **params: object) -> Self:
        """Set parameters of this estimator, a named member with `name`, or its parameters with `name__parameter`.

        Parameters
        ----------
        **params : dict
            "drop" for a member of an ensemble of `estimators` leaves it out.

        Returns
        -------
        self : estimator
        """
        if self._pairs in params:
            setattr(self, self._pairs, params.pop(self._pairs))
        names = {name for name, _ in self._named()} - set(super().get_params(deep=False))
        replaced = {name: params.pop(name) for name in names & set(params)}
        if replaced:
            setattr(self, self._pairs, [(name, replaced.get(name, member)) for name, member in self._named()])
        return super().set_params(**params)

    def _settable(self) -> Container[str]:
        return {*super().get_params(deep=False), *(name for name, _ in self._named())}


class NamedMembers(NamedPairs):
    """An ensemble of the members in its parameter `estimators`."""

    def _kept(self) -> list[tuple[str, Any]]:
        return [(name, member) for name, member in self._named() if not is_dropped(member)]

    @property
    def named_estimators(self) -> Bunch:
        """The unfitted members of `estimators` by their names; their fitted clones are in `named_estimators_`."""
        return Bunch(**dict(self._named()))

    def _check_names(self) -> None:
        if self.estimators is None:
            return
        owner = type(self).__name__
        if self.estimator is not None:
            raise ValueError(f"{owner} takes either estimators=[(name, estimator), ...] or estimator=, not both.")
        named = self._named()
        if not isinstance(self.estimators, (list, tuple)) or not named or len(named) != len(self.estimators):
            hint = " For several members of one kind, give it as estimator=." if hasattr(self.estimators, "fit") else ""
            raise ValueError(
                f"The 'estimators' parameter of {owner} must be a list of (name, estimator) pairs, at least one. "
                f"Got {self.estimators!r} instead.{hint}"
            )
        names = [name for name, _ in named]
        taken = set(super().get_params(deep=False))
        wrong = sorted({name for name in names if names.count(name) > 1 or "__" in name or name in taken})
        if wrong:
            raise ValueError(
                f"The names in the 'estimators' parameter of {owner} must be unique, without '__' and none of its "
                f"parameters. Got {wrong}."
            )
        for name, member in named:
            if not is_dropped(member) and not Estimator().accepts(member):
                raise ValueError(
                    f"The member {name!r} of {owner} must be {Estimator()} or 'drop'. Got {member!r} instead."
                )
        if not self._kept():
            raise ValueError(f"All members of {owner} are dropped: it needs at least one.")


def is_dropped(member: object) -> bool:
    """True for "drop" in place of a member."""
    return isinstance(member, str) and member == "drop"
