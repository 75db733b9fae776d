"""Bagging: members that each learn a random sample of the rows."""

from __future__ import annotations

from abc import abstractmethod
from contextlib import ExitStack
from copy import copy
from typing import Any

import numpy as np
from sklearn.metrics import accuracy_score, r2_score

from skdl._callbacks_adapter import with_callbacks
from skdl._constraints import NONE, Boolean, Integer, RandomState, Real
from skdl._interrupts import columns_kept
from skdl._search_space import Uniform
from skdl._validation import in_units, validate_sample_weight
from skdl._warnings import warn
from skdl.ensemble._base import BaseEnsemble, Estimator, root_entropy, seed_of
from skdl.ensemble._diagnostics import error_correlation
from skdl.ensemble._docs import document
from skdl.ensemble._fitting import check_takes_weight, finish, fit_members, seeded
from skdl.ensemble._following import Following
from skdl.ensemble._kinds import ClassifierEnsemble, RegressorEnsemble
from skdl.ensemble._sampling import Sampler, select_rows

SAMPLE_NUMBERS = 1 << 24  # of residuals that the members' correlation is taken from: 128 MB


class BaseBagging(BaseEnsemble):
    """What both kinds of bagging share."""

    _unseen_by = "Set oob_score=True: each member is then asked for the rows out of its bag."
    _entropy: int
    estimators_: list[Any]
    estimators_samples_: list[np.ndarray]

    _constraints = {
        "estimator": NONE | Estimator(),
        "n_estimators": Integer(1),
        "max_samples": NONE | Integer(1) | Real(0, 1, open_low=True),
        "bootstrap": Boolean(),
        "oob_score": Boolean(),
        "warm_start": Boolean(),
        "n_jobs": NONE | Integer(),
        "random_state": RandomState(),
        "verbose": Boolean() | Integer(0),
    }

    def __init__(
        self,
        estimator: Any = None,
        n_estimators: int = 10,
        *,
        max_samples: float | None = 1.0,
        bootstrap: bool = True,
        oob_score: bool = False,
        warm_start: bool = False,
        n_jobs: int | None = None,
        random_state: Any = None,
        verbose: Any = 0,
    ):
        self.estimator = estimator
        self.n_estimators = n_estimators
        self.max_samples = max_samples
        self.bootstrap = bootstrap
        self.oob_score = oob_score
        self.warm_start = warm_start
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    def _search_spaces(self) -> tuple[dict[str, Any], dict[str, Any]]:
        small, more = super()._search_spaces()
        return {"max_samples": Uniform(0.3, 1.0), **small}, {"bootstrap": [True, False], **more}

    @abstractmethod
    def _store_out_of_bag(self, average: np.ndarray, covered: np.ndarray, y: np.ndarray, weight: Any) -> None:
        """Write the out-of-bag attributes; rows that are not `covered` have NaN for an average."""

    @with_callbacks
    def fit(self, X: Any, y: Any, sample_weight: Any = None):
        """Draw the members' rows and fit the members.

        Parameters
        ----------
        X : {array-like, sparse matrix, frame} of shape (n_samples, n_features)
            Training data, as the members take it: frames are split by rows and stay frames.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Targets.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each row. With `bootstrap`, rows are drawn with a probability proportional to it, and the members
            get no weights; without, the members get them.

        Returns
        -------
        self : estimator
            The fitted ensemble.
        """
        self._check_parameters()
        template = self._templates()[0]
        if sample_weight is not None and not self.bootstrap:
            check_takes_weight(template, self)
        warm = self.warm_start and hasattr(self, "estimators_")
        kept = list(self.estimators_) if warm else []
        samples = list(self.estimators_samples_) if warm else []
        if len(kept) > self.n_estimators:
            raise ValueError(
                f"n_estimators={self.n_estimators} must be at least the {len(kept)} members that there are already "
                "when warm_start=True."
            )
        with columns_kept(self), ExitStack() as held:
            X, y = self._check_data(X, y, reset=not warm)
            classes = self._classes_of(y, warm)
            weight = validate_sample_weight(sample_weight, X)
            shares = None if weight is None else in_units(weight)  # where ratios count
            sampler = Sampler(X, y, weight, self.max_samples, self.bootstrap)
            if self.oob_score and sampler.takes_all:
                raise ValueError(
                    "oob_score=True needs rows out of the bag: set bootstrap=True or max_samples below the number of "
                    "rows."
                )
            entropy = self._entropy if warm else root_entropy(self.random_state)
            new = range(len(kept), self.n_estimators)
            if not new:
                warn("n_estimators has not grown: warm_start=True adds no members.", stacklevel=3)
            drawn = [sampler.draw(np.random.default_rng(seed_of(entropy, i, 1))) for i in new]
            following = held.enter_context(Following(self, len(new), X, y, weight, len(kept)))
            members = fit_members(
                [seeded(template, seed_of(entropy, i, 0)) for i in new],
                X,
                y,
                following,
                weight=None if self.bootstrap else weight,
                row_weight=shares if self.bootstrap else None,
                samples=drawn,
                alike=True,
                n_jobs=self.n_jobs,
            )
            fitted = members.as_far_as(self)

        def store() -> None:
            done = copy(self)  # takes the ensemble's place once all is known
            for name in ("oob_score_", "oob_decision_function_", "oob_prediction_", "_member_correlation"):
                done.__dict__.pop(name, None)  # of an earlier fit with other parameters
            done._entropy = entropy
            done.estimators_ = kept + fitted
            done.estimators_samples_ = samples + drawn[: len(fitted)]
            done._output_shape = y.shape[1:]
            if classes is not None:
                done.classes_ = classes
            if self.oob_score:
                done._judge_out_of_bag(X, y, shares)
            self.__dict__ = done.__dict__

        finish(self, store, members.interrupt, following)
        return self

    def _templates(self) -> list[Any]:
        return [self._default() if self.estimator is None else self.estimator]

    def _judge_out_of_bag(self, X: Any, y: np.ndarray, weight: np.ndarray | None) -> None:
        """Average over each row's members that have not seen it."""
        if max(int(rows.max()) for rows in self.estimators_samples_) >= len(y):
            raise ValueError("oob_score=True and warm_start=True need the rows of the earlier fits, too.")
        unseen = np.ones((len(self.estimators_), len(y)), dtype=bool)
        for out_of_bag, rows in zip(unseen, self.estimators_samples_, strict=True):
            out_of_bag[rows] = False
        total: Any = None
        sample: Any = None  # of the rows, for the correlation
        for j, out_of_bag in enumerate(unseen):
            if not out_of_bag.any():
                continue
            rows = np.flatnonzero(out_of_bag)
            [output] = self._outputs(select_rows(X, rows), [j])
            if total is None:
                total = np.zeros((len(y), *output.shape[1:]))
                sample = sampled_rows(len(y), len(unseen) * output[0].size)
                residuals = np.zeros((len(unseen), len(sample), output[0].size))
            total[rows] += output
            judged = np.flatnonzero(out_of_bag[sample])
            places = np.searchsorted(rows, sample[judged])
            residuals[j, judged] = self._residuals(output[None, places], y[sample[judged]])[0]
        count = unseen.sum(axis=0)
        covered = count > 0
        if not covered.all():
            warn(
                f"{(~covered).sum()} of {len(y)} rows were in the bag of every member and have no out-of-bag estimate "
                "(NaN). Use more estimators.",
                stacklevel=7,
            )
        if total is None:
            total = np.zeros(len(y))
        total[~covered] = np.nan
        average = (total.T / np.maximum(count, 1)).T
        self._store_out_of_bag(average, covered, y, weight)
        share = None if weight is None or sample is None else weight[sample]
        k = len(unseen)
        self._member_correlation = (
            np.full((k, k), np.nan) if sample is None else error_correlation(residuals, share, unseen[:, sample])
        )


def sampled_rows(n_rows: int, numbers_a_row: int) -> np.ndarray:
    """All rows, or as many as `SAMPLE_NUMBERS` allow (but a thousand), evenly spread."""
    most = max(1000, SAMPLE_NUMBERS // numbers_a_row)
    return np.arange(n_rows) if n_rows <= most else np.linspace(0, n_rows - 1, most).astype(np.intp)


@document
class BaggingClassifier(ClassifierEnsemble, BaseBagging):
    """Average of classifiers that each learn a random sample of the rows.

    p(. | x) = 1/k sum_j p_j(. | x), the members' class probabilities; members without `predict_proba` vote.

    Parameters
    ----------
    estimator : classifier, default=None
        What the members are; None is `MLPClassifier()`. Networks of skdl are trained together as one stack.
    {bagging}

    Attributes
    ----------
    classes_ : array of shape (n_classes,)
        Labels, sorted.
    {fitted}
    oob_decision_function_ : array of shape (n_samples, n_classes)
        Class probabilities of each training row, averaged over the members that have not seen it; NaN where all have.
        Only with `oob_score`.
    oob_score_ : float
        Their accuracy, over the rows that have any. Only with `oob_score`.
    {correlated}
    {seen}

    See Also
    --------
    BaggingRegressor : The same for real targets.
    EnsembleClassifier : Members that all learn all rows, or that are of different kinds.

    Notes
    -----
    {laws}
    A member's sample may lack a rare class: a network then learns that the class is unlikely, and any other member
    gives it the probability zero.

    References
    ----------
    L. Breiman, "Bagging predictors", Machine Learning 24, 1996.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from skdl import BaggingClassifier, MLPClassifier
    >>> X, y = load_wine(return_X_y=True, as_frame=True)
    >>> mlp = MLPClassifier((16,), batch_size=16, tol=0.01)
    >>> bagging = BaggingClassifier(mlp, 30, oob_score=True, random_state=0).fit(X, y)
    >>> bagging.oob_score_ > 0.95
    True
    >>> bagging.predict_members(X).shape
    (30, 178, 3)
    """

    def _store_out_of_bag(self, average: np.ndarray, covered: np.ndarray, y: np.ndarray, weight: Any) -> None:
        self.oob_decision_function_ = average
        self.oob_score_ = np.nan
        if covered.any():
            predicted = self.classes_[average[covered].argmax(axis=1)]
            weight = None if weight is None else weight[covered]
            self.oob_score_ = float(accuracy_score(y[covered], predicted, sample_weight=weight))


@document
class BaggingRegressor(RegressorEnsemble, BaseBagging):
    """Average of regressors that each learn a random sample of the rows.

    f(x) = 1/k sum_j f_j(x)

    Parameters
    ----------
    estimator : regressor, default=None
        What the members are; None is `MLPRegressor()`. Networks of skdl are trained together as one stack.
    {bagging}

    Attributes
    ----------
    {fitted}
    oob_prediction_ : array of shape (n_samples,) or (n_samples, n_outputs)
        Prediction of each training row, averaged over the members that have not seen it; NaN where all have. Only with
        `oob_score`.
    oob_score_ : float
        Their R^2, over the rows that have any. Only with `oob_score`.
    {correlated}
    {seen}

    See Also
    --------
    BaggingClassifier : The same for classes.
    EnsembleRegressor : Members that all learn all rows, or that are of different kinds.

    Notes
    -----
    {laws}

    References
    ----------
    L. Breiman, "Bagging predictors", Machine Learning 24, 1996.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from skdl import BaggingRegressor, MLPRegressor
    >>> X, y = load_diabetes(return_X_y=True, as_frame=True)
    >>> bagging = BaggingRegressor(MLPRegressor((16,), tol=0.01), 30, oob_score=True, random_state=0)
    >>> bagging.fit(X, y).oob_score_ > 0.4
    True
    >>> bagging.predict_members(X).std(axis=0).shape
    (442,)
    """

    def _store_out_of_bag(self, average: np.ndarray, covered: np.ndarray, y: np.ndarray, weight: Any) -> None:
        self.oob_prediction_ = average
        self.oob_score_ = np.nan
        if covered.sum() > 1:
            weight = None if weight is None else weight[covered]
            self.oob_score_ = float(r2_score(y[covered], average[covered], sample_weight=weight))
