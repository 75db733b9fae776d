"""The base of the bagged ensembles: the draws of rows and columns, and the fit."""

from __future__ import annotations

import math
import numbers
from abc import abstractmethod
from contextlib import ExitStack
from copy import copy
from typing import Any, Self

import numpy as np

from skdl._callbacks_adapter import with_callbacks
from skdl._constraints import NONE, Boolean, Integer, RandomState, Real
from skdl._interrupts import columns_kept
from skdl._search_space import Uniform
from skdl._typing import EstimatorLike, MatrixLike, RandomStateLike, VectorLike, WeightLike
from skdl._validation import in_units, validate_sample_weight
from skdl._warnings import warn
from skdl.ensemble._base import BaseEnsemble, Estimator, root_entropy, seed_of
from skdl.ensemble._fitting import finish, fit_members
from skdl.ensemble._member_job import MemberJob, check_takes_weight, seeded, told_of_images
from skdl.ensemble._observers import Observers
from skdl.ensemble._out_of_bag import evaluate_out_of_bag
from skdl.ensemble._routing import routes_metadata
from skdl.ensemble._sampling import Sampler


class BaseBagging(BaseEnsemble):
    """Base of the bagged classifiers and regressors."""

    _unseen_by = "Set oob_score=True: each member is then asked for the rows out of its bag."
    _entropy: int
    estimators_: list[Any]
    estimators_samples_: list[np.ndarray]
    estimators_features_: list[np.ndarray]

    _constraints = {
        "estimator": NONE | Estimator(),
        "n_estimators": Integer(1),
        "max_samples": NONE | Integer(1) | Real(0, 1, open_low=True),
        "max_features": Integer(1) | Real(0, 1, open_low=True),
        "bootstrap": Boolean(),
        "bootstrap_features": Boolean(),
        "oob_score": Boolean(),
        "warm_start": Boolean(),
        "n_jobs": NONE | Integer(),
        "random_state": RandomState(),
        "verbose": Boolean() | Integer(0),
    }

    def __init__(
        self,
        estimator: EstimatorLike | None = None,
        n_estimators: int = 10,
        *,
        max_samples: float | None = 1.0,
        max_features: float = 1.0,
        bootstrap: bool = True,
        bootstrap_features: bool = False,
        oob_score: bool = False,
        warm_start: bool = False,
        n_jobs: int | None = None,
        random_state: RandomStateLike | None = None,
        verbose: int = 0,
    ):
        self.estimator = estimator
        self.n_estimators = n_estimators
        self.max_samples = max_samples
        self.max_features = max_features
        self.bootstrap = bootstrap
        self.bootstrap_features = bootstrap_features
        self.oob_score = oob_score
        self.warm_start = warm_start
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    def _search_spaces(self) -> tuple[dict[str, Any], dict[str, Any]]:
        small, more = super()._search_spaces()
        return {"max_samples": Uniform(0.3, 1.0), **small}, {"bootstrap": [True, False], **more}

    @with_callbacks
    def fit(self, X: MatrixLike, y: VectorLike, sample_weight: WeightLike | None = None, **fit_params: object) -> Self:
        """Draw the members' rows and columns and fit the members.

        Parameters
        ----------
        X : {array-like, sparse matrix, frame} of shape (n_samples, n_features)
            Training data, as the members take it: frames are split by rows and stay frames.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Targets.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each row. With `bootstrap`, rows are drawn with a probability proportional to it, and the members
            get no weights; without, the members get them.
        **fit_params : dict
            Further metadata that the members have requested, with `enable_metadata_routing=True`; of values
            for each row, a member gets those of the rows that it learns.

        Returns
        -------
        self : estimator
            The fitted ensemble.
        """
        self._check_parameters()
        template = self._templates()[0]
        if sample_weight is not None and not self.bootstrap and not routes_metadata():
            check_takes_weight(template, self)
        routed = self._route(fit_params, None if self.bootstrap else sample_weight)["estimator"]
        warm = self.warm_start and hasattr(self, "estimators_")
        kept = list(self.estimators_) if warm else []
        samples = list(self.estimators_samples_) if warm else []
        features = list(self.estimators_features_) if warm else []
        if len(kept) > self.n_estimators:
            raise ValueError(
                f"n_estimators={self.n_estimators} must be at least {len(kept)}, the number of members already fitted, "
                "when warm_start=True."
            )
        with columns_kept(self):
            with ExitStack() as held:
                X, y = self._check_data(X, y, reset=not warm)
                self._check_square(X)
                classes = self._classes_of(y, warm)
                weight = validate_sample_weight(sample_weight, X)
                shares = None if weight is None else in_units(weight)  # where ratios count
                sampler = Sampler(X, y, weight, self.max_samples, self.bootstrap)
                if self.oob_score and sampler.takes_all:
                    raise ValueError(
                        "oob_score=True needs rows out of the bag: set bootstrap=True or max_samples below the "
                        "number of rows."
                    )
                entropy = self._entropy if warm else root_entropy(self.random_state)
                new = range(len(kept), self.n_estimators)
                if not new:
                    warn("n_estimators has not grown: warm_start=True adds no members.")
                drawn = [sampler.draw(np.random.default_rng(seed_of(entropy, i, 1))) for i in new]
                if self._takes_distances:
                    chosen = drawn  # the distances from the rows that a member knows
                else:
                    chosen = [self._draw_columns(np.random.default_rng(seed_of(entropy, i, 3))) for i in new]
                members_weight = validate_sample_weight(routed.pop("sample_weight", None), X)
                observers = held.enter_context(Observers(self, len(new), X, y, weight, len(kept)))
                members = fit_members(
                    [
                        MemberJob(
                            self._member(template, seed_of(entropy, i, 0), columns),
                            rows,
                            self._subset(columns),
                            members_weight,
                            routed,
                            recipe="estimator",
                        )
                        for i, rows, columns in zip(new, drawn, chosen, strict=True)
                    ],
                    X,
                    y,
                    observers,
                    classify=classes is not None,
                    row_weight=shares if self.bootstrap else None,
                    n_jobs=self.n_jobs,
                )
                fitted = members.as_far_as(self)

            def store() -> None:
                done = copy(self)  # takes the ensemble's place once all is known
                for name in ("oob_score_", "oob_decision_function_", "oob_prediction_", "_member_correlation"):
                    done.__dict__.pop(name, None)  # of an earlier fit with other parameters
                done._entropy = entropy
                done.estimator_ = template
                done.estimators_ = kept + fitted
                done.estimators_samples_ = samples + drawn[: len(fitted)]
                done.estimators_features_ = features + chosen[: len(fitted)]
                done._output_shape = y.shape[1:]
                if classes is not None:
                    done.classes_ = classes
                if self.oob_score:
                    found = evaluate_out_of_bag(
                        done, done.estimators_samples_, done._output_of, done._residuals, X, y, shares
                    )
                    done._member_correlation = found.correlation
                    done._store_out_of_bag(found.average, found.covered, y, shares)
                self.__dict__ = done.__dict__

            finish(self, store, members.interrupt, observers)
        return self

    def _check_parameters(self) -> None:
        super()._check_parameters()
        draws_columns = isinstance(self.max_features, numbers.Integral) or self.max_features < 1
        if (draws_columns or self.bootstrap_features) and self._takes_distances:
            raise ValueError(
                f"max_features={self.max_features!r} and bootstrap_features={self.bootstrap_features!r} draw columns, "
                f"and {self._templates()[0]!r} takes distances or kernels: a column for each row that it has drawn. "
                "Leave both at their defaults."
            )

    @abstractmethod
    def _store_out_of_bag(self, average: np.ndarray, covered: np.ndarray, y: np.ndarray, weight: Any) -> None:
        """Write the out-of-bag attributes; rows that are not `covered` have NaN for an average."""

    def _output_of(self, X: Any, i: int) -> np.ndarray:
        """The contribution of member i to the average."""
        [output] = self._outputs(X, [i])
        return output

    def _draw_columns(self, generator: np.random.Generator) -> np.ndarray:
        """The columns of one member, in their order."""
        n, count = self.n_features_in_, self.max_features
        if not isinstance(count, numbers.Integral):
            count = max(1, math.floor(count * n * (1 + 1e-9)))
        elif count > n:
            raise ValueError(f"max_features={count} must be at most the {n} columns of X.")
        if self.bootstrap_features:
            return np.sort(generator.integers(n, size=count))
        return np.sort(generator.permutation(n)[:count])

    def _member(self, template: Any, seed: np.random.SeedSequence, columns: np.ndarray) -> Any:
        """An unfitted member for these columns."""
        member = seeded(template, seed)
        return told_of_images(member, self) if self._subset(columns) is None else member

    def _subset(self, columns: np.ndarray) -> np.ndarray | None:
        """The columns of a member, None for all as they stand."""
        return None if np.array_equal(columns, np.arange(self.n_features_in_)) else columns

    def _columns_of(self, i: int) -> np.ndarray | None:
        return self._subset(self.estimators_features_[i])

    def _templates(self) -> list[Any]:
        return [self._default() if self.estimator is None else self.estimator]
