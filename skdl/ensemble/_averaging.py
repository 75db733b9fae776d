"""What the averages share: named members, their parameters and weights, and the fit."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.utils import Bunch
from sklearn.utils.validation import check_is_fitted

from skdl._constraints import NONE, ArrayLike, Boolean, Instance, Integer, RandomState, Real
from skdl._validation import validate_sample_weight
from skdl.ensemble._base import BaseEnsemble, Estimator, root_entropy, seed_of
from skdl.ensemble._fitting import check_takes_weight, fit_members, seeded

COMMON = {
    "estimators": NONE | Instance(list, tuple, name="list of (name, estimator) pairs"),
    "estimator": NONE | Estimator(),
    "n_estimators": Integer(1),
    "weights": NONE | ArrayLike(),
    "prefit": Boolean(),
    "n_jobs": NONE | Integer(),
    "random_state": RandomState(),
}


class BaseAveraging(BaseEnsemble):
    """What both kinds of averages share."""

    def _named(self) -> list[tuple[str, Any]]:
        """The pairs in `estimators`, as far as they are pairs."""
        if not isinstance(self.estimators, (list, tuple)):
            return []
        return [
            tuple(item)
            for item in self.estimators
            if isinstance(item, (list, tuple)) and len(item) == 2 and isinstance(item[0], str)
        ]

    def _kept(self) -> list[tuple[str, Any]]:
        return [(name, member) for name, member in self._named() if not is_dropped(member)]

    def _templates(self) -> list[Any]:
        if self.estimators is not None:
            return [member for _, member in self._kept()]
        return [self._default() if self.estimator is None else self.estimator]

    def _member_weights(self) -> np.ndarray | None:
        if self.weights is None:
            return None
        weights = np.asarray(self.weights, dtype=np.float64)
        if self.estimators is None:
            return weights
        return weights[[not is_dropped(member) for _, member in self._named()]]

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
        params = super().get_params(deep)
        if deep:
            for name, member in self._named():
                params[name] = member
                if hasattr(member, "get_params"):
                    params |= {f"{name}__{key}": value for key, value in member.get_params(deep=True).items()}
        return params

    def set_params(self, **params: Any):
        """Set parameters of this estimator, a named member with `name`, or its parameters with `name__parameter`.

        Parameters
        ----------
        **params : dict
            "drop" for a member leaves it out.

        Returns
        -------
        self : estimator
        """
        if "estimators" in params:
            self.estimators = params.pop("estimators")
        names = {name for name, _ in self._named()} - set(super().get_params(deep=False))
        replaced = {name: params.pop(name) for name in names & set(params)}
        if replaced:
            self.estimators = [(name, replaced.get(name, member)) for name, member in self._named()]
        return super().set_params(**params)

    def __sklearn_clone__(self):
        copy = super().__sklearn_clone__()
        if self.prefit:
            copy.estimators = self.estimators  # clones of fitted members would not be fitted
        return copy

    def fit(self, X: Any, y: Any, sample_weight: Any = None):
        """Fit clones of the members to all rows; with `prefit`, take the members as they are.

        Parameters
        ----------
        X : {array-like, sparse matrix, frame} of shape (n_samples, n_features)
            Training data, as the members take it.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Targets.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each row, given to every member's fit, which has to take it.

        Returns
        -------
        self : estimator
            The fitted ensemble.
        """
        self._check_parameters()
        templates = self._templates()
        if sample_weight is not None:
            if self.prefit:
                raise ValueError("sample_weight has no use with prefit=True: the members are fitted already.")
            for template in templates:
                check_takes_weight(template, self)
        X, y = self._check_data(X, y)
        weight = validate_sample_weight(sample_weight, X)
        if self.prefit:
            members = templates
            self._check_prefit(members, y)
        else:
            members = fit_members(
                self._unfitted(templates),
                X,
                y,
                weight=weight,
                alike=self.estimators is None,
                n_jobs=self.n_jobs,
            )
        self._store_members(members, y)
        return self

    def _unfitted(self, templates: list[Any]) -> list[Any]:
        if self.estimators is None:
            entropy = root_entropy(self.random_state)
            return [seeded(templates[0], seed_of(entropy, i, 0)) for i in range(self.n_estimators)]
        if self.random_state is None:
            return [clone(template) for template in templates]
        entropy = root_entropy(self.random_state)
        return [seeded(template, seed_of(entropy, i, 0), keep=True) for i, template in enumerate(templates)]

    def _store_members(self, members: list[Any], y: np.ndarray) -> None:
        self.estimators_ = members
        self._output_shape = y.shape[1:]
        fitted = iter(members)
        self.named_estimators_ = Bunch(
            **{name: member if is_dropped(member) else next(fitted) for name, member in self._named()}
        )

    def _check_parameters(self) -> None:
        self._check_names()
        super()._check_parameters()
        self._check_weights()
        if self.prefit and self.estimators is None:
            raise ValueError("prefit=True takes fitted members: give them as estimators=[(name, estimator), ...].")

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

    def _check_weights(self) -> None:
        if self.weights is None:
            return
        count = self.n_estimators if self.estimators is None else len(self._named())
        weights = list(self.weights)
        valid = len(weights) == count and all(Real(0).accepts(weight) for weight in weights)
        if not valid or not np.any(self._member_weights()):
            raise ValueError(
                f"The 'weights' parameter of {type(self).__name__} must hold {count} numbers in the range [0, inf), "
                f"one for each member, and not only zeros. Got {self.weights!r} instead."
            )

    def _check_prefit(self, members: list[Any], y: np.ndarray) -> None:
        for name, member in self._kept():
            try:
                check_is_fitted(member)
            except NotFittedError:
                raise NotFittedError(
                    f"prefit=True takes fitted members, and {name!r} is not fitted: fit it first, or set prefit=False."
                ) from None
            n_features = getattr(member, "n_features_in_", self.n_features_in_)
            if n_features != self.n_features_in_:
                raise ValueError(
                    f"X has {self.n_features_in_} features, and the fitted member {name!r} has seen {n_features}."
                )


def is_dropped(member: Any) -> bool:
    """Whether "drop" stands in a member's place."""
    return isinstance(member, str) and member == "drop"
