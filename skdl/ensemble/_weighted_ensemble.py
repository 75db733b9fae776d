"""The base of ensembles whose members all learn all rows: their fit, and their weights in the average."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from contextlib import ExitStack
from copy import copy
from functools import partial
from typing import Any, Self

import numpy as np
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.utils import Bunch
from sklearn.utils.validation import check_is_fitted

from skdl._callbacks_adapter import with_callbacks
from skdl._constraints import NONE, ArrayLike, Boolean, Instance, Integer, OneOf, RandomState, Real
from skdl._estimator import is_set
from skdl._interrupts import columns_kept
from skdl._typing import MatrixLike, VectorLike, WeightLike
from skdl._validation import in_units, validate_sample_weight
from skdl._warnings import warn
from skdl.ensemble._base import Estimator, root_entropy, seed_of
from skdl.ensemble._batch_ensemble import check_own_batches, check_shareable, fit_batch_ensemble
from skdl.ensemble._diagnostics import error_correlation
from skdl.ensemble._fitting import finish, fit_members
from skdl.ensemble._member_job import MemberJob, check_takes_weight, seeded, select_rows_of, told_of_images
from skdl.ensemble._named_members import NamedMembers, is_dropped
from skdl.ensemble._observers import Observers
from skdl.ensemble._routing import routes_metadata
from skdl.ensemble._sampling import select_rows, set_contents_apart

COMMON = {
    "estimators": NONE | Instance(list, tuple, name="list of (name, estimator) pairs"),
    "estimator": NONE | Estimator(),
    "n_estimators": Integer(1),
    "weights": NONE | OneOf("validation", "greedy") | ArrayLike(),
    "validation_fraction": Real(0, 1, open_low=True, open_high=True),
    "share": NONE | OneOf("batch_ensemble"),
    "share_batches": Boolean(),
    "prefit": Boolean(),
    "warm_start": Boolean(),
    "n_jobs": NONE | Integer(),
    "random_state": RandomState(),
    "verbose": Boolean() | Integer(0),
}


class WeightedEnsemble(NamedMembers):
    """Base of the weighted averages of classifiers and of regressors."""

    _unseen_by = "Set weights='validation' or 'greedy', which keep rows from the members."
    _entropy: int
    weights_: np.ndarray

    @abstractmethod
    def _fitted_weights(self, outputs: np.ndarray, y: np.ndarray, weight: np.ndarray) -> np.ndarray:
        """The weights that the parameter `weights` names, from the members' outputs (k, n, ...) on unseen rows."""

    def _templates(self) -> list[Any]:
        if self.estimators is not None:
            return [member for _, member in self._kept()]
        return [self._default() if self.estimator is None else self.estimator]

    def _routed(self) -> Mapping[str, Any]:
        if self.prefit:
            return {}
        return {"estimator": self._templates()[0]} if self.estimators is None else dict(self._kept())

    def _member_weights(self) -> np.ndarray:
        return in_units(self.weights_)  # whose sum is a number, however large or small they are

    def __sklearn_clone__(self) -> Any:
        cloned = super().__sklearn_clone__()
        if self.prefit:
            cloned.estimators = self.estimators  # clones of fitted members would not be fitted
        return cloned

    @with_callbacks
    def fit(self, X: MatrixLike, y: VectorLike, sample_weight: WeightLike | None = None, **fit_params: object) -> Self:
        """Fit clones of the members; with `prefit`, take the members as they are.

        Parameters
        ----------
        X : {array-like, sparse matrix, frame} of shape (n_samples, n_features)
            Training data, as the members take it.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Targets.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each row, given to every member's fit, which has to take it, and to a fit of `weights`.
            With `enable_metadata_routing=True`, members get it that have requested it.
        **fit_params : dict
            Further metadata that the members have requested, with `enable_metadata_routing=True`. Where rows are set
            apart for the `weights`, the members get the rows of it that they learn.

        Returns
        -------
        self : estimator
            The fitted ensemble.
        """
        self._check_parameters()
        self._check_weighted_fit(sample_weight)
        routed = self._route(fit_params, sample_weight, used=isinstance(self.weights, str))
        warm = self.warm_start and hasattr(self, "estimators_")
        kept = list(self.estimators_) if warm else []
        if len(kept) > self.n_estimators:
            raise ValueError(
                f"n_estimators={self.n_estimators} must be at least {len(kept)}, the number of members already fitted, "
                "when warm_start=True."
            )
        with columns_kept(self):
            with ExitStack() as held:
                X, y = self._check_data(X, y, reset=not warm)
                classes = self._classes_of(y, warm)
                weight = validate_sample_weight(sample_weight, X)
                entropy = self._entropy if warm else root_entropy(self.random_state)
                training, unseen = self._split(X, y, weight, entropy)
                interrupt: KeyboardInterrupt | None = None
                observers: Observers | None = None
                if self.prefit:
                    members = self._templates()
                    self._check_prefit(members, y)
                else:
                    self._check_square(X)
                    unfitted = self._unfitted(entropy, len(kept))
                    if not unfitted:
                        warn("n_estimators has not grown: warm_start=True adds no members.")
                    # The rows are taken once for all members: each equals its own fit on them.
                    rows = slice(None) if training is None else training
                    learned = (X if training is None else select_rows(X, training), y[rows])
                    alike = self.estimators is None
                    jobs = self._jobs(unfitted, routed, X, training)
                    share = None if weight is None else weight[rows]
                    together = self.share is not None and len(jobs) > 1
                    n_fits = 1 if together else len(jobs)
                    observers = held.enter_context(Observers(self, n_fits, *learned, share, len(kept)))
                    if together:
                        members, interrupt = fit_batch_ensemble(
                            jobs, *learned, self.n_jobs, observers, share_batches=self.share_batches
                        )
                    else:
                        classify = classes is not None
                        found = fit_members(jobs, *learned, observers, classify=classify, n_jobs=self.n_jobs)
                        interrupt = found.interrupt
                        members = kept + found.as_far_as(self, least=1 if alike else len(unfitted))
            store = partial(self._store, members, X, y, weight, unseen, classes, entropy)
            finish(self, store, interrupt, observers)
        return self

    def _split(
        self, X: Any, y: np.ndarray, weight: np.ndarray | None, entropy: int
    ) -> tuple[np.ndarray | None, np.ndarray | None]:
        """Rows that the members learn (None for all), and those that their weights are fitted to, if they are."""
        if not isinstance(self.weights, str):
            return None, None
        if self.prefit:
            return None, np.arange(len(y))
        generator = np.random.default_rng(seed_of(entropy, 0, 2))
        stratify = self._kind == "classifier"
        training, unseen = set_contents_apart(X, y, weight, self.validation_fraction, generator, stratify=stratify)
        if not len(unseen):
            raise ValueError(
                f"weights={self.weights!r} sets rows apart, and needs two different rows of positive weight, of one "
                f"class where there are classes. Got n_samples={len(y)} without any."
            )
        return training, unseen

    def _unfitted(self, entropy: int, n_kept: int) -> list[Any]:
        templates = self._templates()
        if self.estimators is None:
            return [seeded(templates[0], seed_of(entropy, i, 0)) for i in range(n_kept, self.n_estimators)]
        if self.random_state is None:
            return [clone(template) for template in templates]
        return [seeded(template, seed_of(entropy, i, 0), keep=True) for i, template in enumerate(templates)]

    def _jobs(
        self, unfitted: list[Any], routed: Mapping[str, Mapping[str, Any]], X: Any, training: np.ndarray | None
    ) -> list[MemberJob]:
        """The job of each member on the rows in `training`, with the metadata that were routed to it."""
        names = ["estimator"] * len(unfitted) if self.estimators is None else list(routed)
        weights: dict[int, np.ndarray | None] = {}  # members that are given the same share one array
        jobs = []
        for name, member in zip(names, unfitted, strict=True):
            params = dict(routed[name])
            given = params.pop("sample_weight", None)
            if id(given) not in weights:
                weight = validate_sample_weight(given, X)
                weights[id(given)] = weight if weight is None or training is None else weight[training]
            params = params if training is None else select_rows_of(params, training, X.shape[0])
            recipe = "estimator" if self.estimators is None else None
            jobs.append(
                MemberJob(told_of_images(member, self), weight=weights[id(given)], params=params, recipe=recipe)
            )
        return jobs

    def _store(
        self,
        members: list[Any],
        X: Any,
        y: np.ndarray,
        weight: np.ndarray | None,
        unseen: np.ndarray | None,
        classes: np.ndarray | None,
        entropy: int,
    ) -> None:
        """Write every attribute of the fitted ensemble, once all of them are known."""
        fitted = copy(self)
        for name in ("validation_indices_", "_member_correlation"):
            fitted.__dict__.pop(name, None)  # of an earlier fit with other parameters
        fitted._entropy = entropy
        fitted.estimators_ = members
        fitted._output_shape = y.shape[1:]
        if classes is not None:
            fitted.classes_ = classes
        kept = iter(members)
        fitted.named_estimators_ = Bunch(
            **{name: member if is_dropped(member) else next(kept) for name, member in self._named()}
        )
        if unseen is None:
            fitted.weights_ = self._given_weights(len(members))
        else:
            outputs = np.stack(list(fitted._outputs(select_rows(X, unseen))))
            share = np.ones(len(unseen)) if weight is None else in_units(weight[unseen])
            fitted.weights_ = fitted._fitted_weights(outputs, y[unseen], share)
            fitted.validation_indices_ = unseen
            fitted._member_correlation = error_correlation(fitted._residuals(outputs, y[unseen]), share)
        self.__dict__ = fitted.__dict__

    def _given_weights(self, n_members: int) -> np.ndarray:
        if self.weights is None:
            return np.ones(n_members)
        weights = np.asarray(self.weights, dtype=np.float64)
        if self.estimators is None:
            return weights[:n_members]
        return weights[[not is_dropped(member) for _, member in self._named()]]

    def _check_parameters(self) -> None:
        self._check_names()
        super()._check_parameters()
        self._check_weights()
        self._check_apart()
        if self.prefit and self.estimators is None:
            raise ValueError("prefit=True takes fitted members: give them as estimators=[(name, estimator), ...].")
        if self.warm_start and (self.estimators is not None or self.share is not None):
            raise ValueError(
                "warm_start=True adds members made of estimator=, each trained by itself: it cannot be combined with "
                "estimators= or share=."
            )
        if self.share is not None:
            if self.estimators is not None:
                raise ValueError(
                    f"share={self.share!r} takes members that are all made of estimator=, not estimators=."
                )
            check_shareable(self._templates()[0], type(self).__name__)
        self._check_effects()

    def _check_effects(self) -> None:
        """Raise for a parameter that was set and has no effect beside the others."""
        if self.estimators is not None and is_set(self, "n_estimators"):
            raise ValueError(
                f"n_estimators={self.n_estimators} has no effect beside estimators=, which are the members. Give "
                "estimator= for so many clones of one."
            )
        if not self.share_batches:
            if self.share is None:
                raise ValueError("share_batches=False has no effect without share: members have batches of their own.")
            check_own_batches(self._templates()[0])
        if is_set(self, "validation_fraction") and (self.prefit or not isinstance(self.weights, str)):
            reason = (
                "with prefit=True: all rows given to fit are for the weights"
                if self.prefit
                else f"with weights={self.weights!r}: only 'validation' and 'greedy' set rows apart"
            )
            raise ValueError(f"validation_fraction={self.validation_fraction} has no effect {reason}.")

    def _check_weights(self) -> None:
        if self.weights is None or isinstance(self.weights, str):
            return
        count = self.n_estimators if self.estimators is None else len(self._named())
        weights = list(self.weights)
        valid = len(weights) == count and all(Real(0).accepts(weight) for weight in weights)
        if not valid or not np.any(self._given_weights(count)):
            raise ValueError(
                f"The 'weights' parameter of {type(self).__name__} must hold {count} numbers in the range [0, inf), "
                f"one for each member, and not only zeros. Got {self.weights!r} instead."
            )

    def _check_apart(self) -> None:
        """Refuse to set rows apart where the members' columns are rows."""
        if isinstance(self.weights, str) and not self.prefit and self._takes_distances:
            raise ValueError(
                f"weights={self.weights!r} sets rows apart, and a member takes distances or kernels from all rows of "
                "X. Give the weights as numbers, or members fitted to other rows with prefit=True."
            )

    def _check_weighted_fit(self, sample_weight: Any) -> None:
        if sample_weight is None:
            return
        if not self.prefit:
            for template in self._templates() if not routes_metadata() else ():
                check_takes_weight(template, self)
        elif not isinstance(self.weights, str):
            raise ValueError("sample_weight has no effect with prefit=True: the members are fitted already.")

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
