"""The base of the committees for tables: their fit, and what it has found out of fold."""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import Sequence
from contextlib import ExitStack
from copy import copy
from functools import partial
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from scipy import sparse
from sklearn.utils.validation import check_is_fitted

from skdl._callbacks_adapter import with_callbacks
from skdl._constraints import NONE, Boolean, Constraint, Function, Instance, Integer, OneOf, RandomState, Real, Text
from skdl._interrupts import columns_kept, to_the_end
from skdl._typing import MatrixLike, VectorLike, WeightLike
from skdl._validation import validate_groups
from skdl.ensemble._base import root_entropy, seed_of
from skdl.ensemble._fitting import finish
from skdl.ensemble._member_job import check_takes_weight
from skdl.ensemble._named_members import NamedPairs
from skdl.ensemble._observers import Observers
from skdl.ensemble._running_mean import RunningMean
from skdl.tabular._candidates import Candidate, candidates_of
from skdl.tabular._evaluation import Evaluation, evaluate, unseen_rows
from skdl.tabular._folds import contents_of, folds_of
from skdl.tabular._importances import SampledRows, permutation_importances
from skdl.tabular._report import COLUMNS, COMMITTEE, report_of
from skdl.tabular._training import Trained, Trainer, refitted, trained_on_folds
from skdl.tabular.portfolio import REFIT_BELOW

if TYPE_CHECKING:
    import pandas as pd


class Splits(Constraint):
    """An object with `split`, or an iterable of pairs of rows."""

    def accepts(self, value: Any) -> bool:
        return hasattr(value, "split") or (hasattr(value, "__iter__") and not isinstance(value, str))

    def __str__(self) -> str:
        return "a splitter of scikit-learn or an iterable of (rows to learn, rows not to see)"


COMMON = {
    "portfolio": NONE | Text() | Instance(list, tuple, dict, name="list or dict"),
    "members": NONE | Instance(list, tuple, name="list of (name, estimator) pairs"),
    "cv": Integer(2) | Splits(),
    "scoring": NONE | Text() | Function(),
    "time_limit": NONE | Real(0, open_low=True),
    "refit": OneOf("auto") | Boolean(),
    "n_jobs": NONE | Integer(),
    "random_state": RandomState(),
    "verbose": Boolean() | Integer(0),
}


class BaseTabular(NamedPairs):
    """Base of the committees of classifiers and of regressors."""

    _pairs = "members"
    _doc_page = "docs/ensembles.md"
    _unseen_by = "Its members have each seen all rows but those of their fold."
    portfolio: Any
    members: Any
    cv: Any
    scoring: Any
    time_limit: float | None
    refit: bool | str
    n_jobs: int | None
    random_state: Any
    verbose: int
    weights_: dict[str, float]
    fold_estimators_: dict[str, list[Any]]
    _fold_weights: np.ndarray  # (K, C) of the fitted candidates, chosen on the other folds
    _shares: list[float]  # of the fitted members in the average
    _report: dict[str, dict[str, float]]
    _sample: SampledRows
    _entropy: int

    @abstractmethod
    def _losses(self, average: np.ndarray, y: np.ndarray) -> np.ndarray:
        """The loss (n,) of each row."""

    @abstractmethod
    def _scored(self, average: np.ndarray, y: np.ndarray, weight: np.ndarray) -> float:
        """The score of averages by `scoring`."""

    @abstractmethod
    def _chosen_weights(self, outputs: np.ndarray, y: np.ndarray, weight: np.ndarray) -> np.ndarray:
        """Weights (C,) for the outputs (C, n, ...) of candidates."""

    @abstractmethod
    def _temperature(self, average: np.ndarray, y: np.ndarray, weight: np.ndarray) -> float:
        """The temperature of averages; 1 where there is none."""

    @abstractmethod
    def _at_temperature(self, average: np.ndarray, temperature: float) -> np.ndarray:
        """Averages with it."""

    @abstractmethod
    def _row_weights(self, sample_weight: Any, X: Any, y: np.ndarray) -> np.ndarray | None:
        """The rows' weights, with those of their classes."""

    def _candidates(self) -> list[Candidate]:
        return candidates_of(self.portfolio, self.members, self._kind, type(self).__name__)

    def _templates(self) -> list[Any]:
        try:
            return [candidate.template for candidate in self._candidates()]
        except ValueError:  # told by fit; tags are asked for before
            return [self._default()]

    def _routed(self) -> dict[str, Any]:
        return {}  # the weights are the committee's own, and its members' by what it chooses

    def _check_parameters(self) -> None:
        super()._check_parameters()
        self._candidates()

    def _check_data(self, X: Any, y: Any, *, reset: bool = True) -> tuple[Any, np.ndarray]:
        if sparse.issparse(X):
            raise ValueError(
                f"{type(self).__name__} takes dense tables, and X is a sparse matrix. Give X.toarray(), or take "
                "EnsembleClassifier or EnsembleRegressor, whose networks learn from sparse rows."
            )
        return super()._check_data(X, y, reset=reset)

    @with_callbacks
    def fit(
        self,
        X: MatrixLike,
        y: VectorLike,
        sample_weight: WeightLike | None = None,
        groups: VectorLike | None = None,
    ) -> Self:
        """Train the members on the folds, and choose their weights by the rows that they did not see.

        Parameters
        ----------
        X : {array-like, frame} of shape (n_samples, n_features)
            Training data.
        y : array-like of shape (n_samples,)
            Targets.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each row, in the training of all members and in all that is chosen or estimated out of fold.
            Rows of weight zero are left out.
        groups : array-like of shape (n_samples,), default=None
            The group of each row: no member learns rows of a group that it is judged by.

        Returns
        -------
        self : estimator
            The fitted committee.
        """
        begun = time.monotonic()
        self._check_parameters()
        candidates = self._candidates()
        with columns_kept(self):
            with ExitStack() as held:
                X, y = self._check_data(X, y)
                classes = self._classes_of(y, False)
                weight = self._row_weights(sample_weight, X, y)
                if weight is not None:
                    for candidate in candidates:
                        check_takes_weight(candidate.template, self)
                candidates = [candidate.for_table(X) for candidate in candidates]
                own_groups = validate_groups(groups, X)
                kept = np.arange(len(y)) if weight is None else np.flatnonzero(weight)
                entropy = root_entropy(self.random_state)
                generator = np.random.default_rng(seed_of(entropy, 0, 0, 0))
                content = contents_of(X, y)
                folds = folds_of(self.cv, X, y, content, kept, own_groups, generator, classify=classes is not None)
                refits = len(kept) < REFIT_BELOW if isinstance(self.refit, str) else bool(self.refit)
                n_fits = len(candidates) * len(folds)
                observers = held.enter_context(Observers(self, n_fits, X, y, weight))
                ends = None if self.time_limit is None else begun + self.time_limit
                trainer = Trainer(X, y, weight, entropy, observers, classes is not None, self.n_jobs, ends)
                trained = trained_on_folds(trainer, candidates, folds, type(self).__name__)
                judge = copy(self)
                judge._output_shape = y.shape[1:]
                if classes is not None:
                    judge.classes_ = classes
                found: list[Evaluation] = []

                def judge_members() -> None:
                    unseen, epochs = unseen_rows(judge, trained, X, weight, content)
                    found[:] = [evaluate(judge, unseen, epochs, y, len(trained.folds))]

                interrupt = to_the_end(judge_members) or trained.interrupt
                again = None
                if refits and interrupt is None:
                    again, interrupt = self._refitted(trainer, trained, found[0], kept)
            store = partial(
                self._store, judge, trained, found[0], again, X, y, weight, entropy, [c.name for c in candidates]
            )
            finish(self, store, interrupt, observers)
        return self

    def _refitted(
        self, trainer: Trainer, trained: Trained, evaluation: Evaluation, kept: np.ndarray
    ) -> tuple[dict[int, list[Any]] | None, KeyboardInterrupt | None]:
        """Members of the candidates with a weight that learn all rows."""
        chosen = np.flatnonzero(evaluation.choice.weights).tolist()
        epochs = {c: evaluation.epochs[c] for c in chosen}
        return refitted(trainer, trained, chosen, epochs, kept)

    def _store(
        self,
        judge: BaseTabular,
        trained: Trained,
        evaluation: Evaluation,
        again: dict[int, list[Any]] | None,
        X: Any,
        y: np.ndarray,
        weight: np.ndarray | None,
        entropy: int,
        names: Sequence[str],
    ) -> None:
        """Write every attribute of the fitted committee, once all of them are known."""
        done, choice = copy(judge), evaluation.choice
        done.__dict__.pop("_importances", None)  # of an earlier fit
        done._entropy = entropy
        used = np.flatnonzero(choice.weights + choice.nested.sum(axis=0)).tolist()
        done.fold_estimators_ = {trained.candidates[c].name: trained.members[c] for c in used}
        done._fold_weights = choice.nested[:, used]
        members = dict(enumerate(trained.members)) if again is None else again
        done.refitted_ = again is not None
        averaged = [(c, member) for c in np.flatnonzero(choice.weights).tolist() for member in members[c]]
        done.estimators_ = [member for _, member in averaged]
        done._shares = [float(choice.weights[c]) / len(members[c]) for c, _ in averaged]
        by_name = {each.name: float(choice.weights[c]) for c, each in enumerate(trained.candidates)}
        done.weights_ = {name: by_name.get(name, 0.0) for name in names}
        done.oof_predictions_ = evaluation.by_row(len(y))
        done._report = report_of(judge, judge._scored, trained, evaluation, y)
        done.score_, done.score_std_ = (done._report[COMMITTEE][name] for name in ("score", "score_std"))
        done.loss_, done.loss_std_ = (done._report[COMMITTEE][name] for name in ("loss", "loss_std"))
        generator = np.random.default_rng(seed_of(entropy, 0, 0, 1))
        done._sample = SampledRows.of(X, y, weight, [fold.unseen for fold in trained.folds], generator)
        self._store_more(done, evaluation, y)
        self.__dict__ = done.__dict__

    def _store_more(self, done: Any, evaluation: Evaluation, y: np.ndarray) -> None:
        """Write what only one kind of committee has."""

    def _member_weights(self) -> np.ndarray:
        return np.array(self._shares)

    @property
    def leaderboard_(self) -> pd.DataFrame:
        """The committee and its candidates on rows that their members did not see, by their loss.

        Columns are `loss` (log loss, or squared error) and `score` with their standard deviations over folds,
        `weight` in the average, `epochs` (mean of the members' best ones) and `seconds` of training.
        """
        import pandas as pd  # here, since importing it takes longer than importing skdl

        check_is_fitted(self)
        lines = pd.DataFrame([[line[name] for name in COLUMNS] for line in self._report.values()], columns=COLUMNS)
        lines.index = pd.Index(list(self._report), name="candidate")
        return lines.sort_values("loss", kind="stable")

    @property
    def feature_importances_(self) -> np.ndarray:
        """The importance (n_features_in_,) of each column of X, at least 0, in shares of their sum.

        It is the rise of the mean loss where a column's values change places among rows that the members did not see
        (of at most 2000 rows, which fit keeps). It is computed when it is asked for, once.
        """
        check_is_fitted(self)
        if "_importances" not in self.__dict__:
            generator = np.random.default_rng(seed_of(self._entropy, 0, 0, 2))
            rises = np.maximum(
                permutation_importances(self._sample, self._losses_of_fold, self.n_features_in_, generator), 0
            )
            self._importances = rises / (rises.sum() or 1.0)
        return self._importances

    def _losses_of_fold(self, k: int, X: Any, y: np.ndarray) -> np.ndarray:
        """The losses of rows by the members that have not seen fold k."""
        return self._losses(self._at_temperature(self._average_without(k, X), self._fitted_temperature), y)

    _fitted_temperature = 1.0

    def _average_without(self, k: int, X: Any) -> np.ndarray:
        """The average of the members that have not seen fold k, with weights chosen on the other folds."""
        weights = self._fold_weights[k]
        members = {c: each[k] for c, each in enumerate(self.fold_estimators_.values()) if weights[c]}
        mean = RunningMean(weights[list(members)])
        for c, output in zip(members, self._outputs_of(members, X), strict=True):
            mean.add(float(weights[c]), output.astype(np.float64))
        return mean.result()

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = False
        tags.input_tags.categorical = True  # of frames, for all members, see `for_tables`
        tags.input_tags.pairwise = False
        return tags
