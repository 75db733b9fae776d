"""Snapshot ensembles: several networks from one training.

The learning rate falls along a cosine to zero and starts anew, again and again. At the end of each fall the network has
come to rest in a minimum, and a copy of it is kept; the restart throws it out, to come to rest in another one. k copies
cost the training of one network. They are less different than networks with initial weights of their own, and the
earlier ones have been trained for less long.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from copy import copy
from dataclasses import replace
from functools import partial
from typing import Any, Self

from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning

from skdl import _registry
from skdl._callbacks_adapter import with_callbacks
from skdl._component import constructor_arguments
from skdl._constraints import NONE, Boolean, Integer, OneOf, RandomState
from skdl._estimator import is_set
from skdl._interrupts import columns_kept
from skdl._typing import EstimatorLike, MatrixLike, RandomStateLike, VectorLike, WeightLike
from skdl._validation import validate_sample_weight
from skdl._warnings import warn
from skdl.engine import State, TrainingResult, TrainingSpec
from skdl.ensemble._averages import PredictionAverage, ProbabilityAverage
from skdl.ensemble._base import BaseEnsemble, Estimator, root_entropy, seed_of
from skdl.ensemble._docs import document
from skdl.ensemble._fitting import finish, take_columns
from skdl.ensemble._member_job import is_mlp_without_callbacks, seeded, told_of_images
from skdl.ensemble._observers import Observers
from skdl.execution import train_members
from skdl.neural.trainable import trainable


class BaseSnapshot(BaseEnsemble):
    """Base of the snapshot ensembles."""

    _constraints = {
        "estimator": NONE | Estimator(),
        "n_estimators": Integer(1),
        "cycle": OneOf("auto") | Integer(1),
        "random_state": RandomState(),
        "verbose": Boolean() | Integer(0),
    }

    def __init__(
        self,
        estimator: EstimatorLike | None = None,
        n_estimators: int = 5,
        *,
        cycle: int | str = "auto",
        random_state: RandomStateLike | None = None,
        verbose: int = 0,
    ):
        self.estimator = estimator
        self.n_estimators = n_estimators
        self.cycle = cycle
        self.random_state = random_state
        self.verbose = verbose

    def _templates(self) -> list[Any]:
        return [self._default() if self.estimator is None else self.estimator]

    def _search_spaces(self) -> tuple[dict[str, Any], dict[str, Any]]:
        small, more = super()._search_spaces()
        more.pop("estimator__schedule", None)  # the cosine with restarts is not to be searched over
        return small, {**more, "n_estimators": [3, 5, 8]}

    @with_callbacks
    def fit(self, X: MatrixLike, y: VectorLike, sample_weight: WeightLike | None = None) -> Self:
        """Train one network, and keep a copy of it at the end of each cycle.

        Parameters
        ----------
        X : {array-like, sparse matrix, frame} of shape (n_samples, n_features)
            Training data, as the network takes it.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Targets.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each row in the mean loss.

        Returns
        -------
        self : estimator
            The fitted ensemble.
        """
        self._check_parameters()
        routed = self._route({}, sample_weight)["estimator"]
        with columns_kept(self):
            with ExitStack() as held:
                X, y = self._check_data(X, y)
                classes = self._classes_of(y, False)
                weight = validate_sample_weight(routed.get("sample_weight"), X)
                template = self._templates()[0]
                cycle: Any = self.cycle
                if cycle == "auto":
                    cycle = max(1, trainable(template).settings.max_iter // self.n_estimators)
                n_epochs = cycle * self.n_estimators
                network = seeded(template, seed_of(root_entropy(self.random_state), 0, 0)).set_params(
                    schedule=_registry.schedules.resolve("cosine").with_params(cycle=cycle),
                    max_iter=n_epochs,
                    early_stopping=False,  # its cycles are trained to the end
                )
                fit = trainable(told_of_images(network, self))
                data = fit.prepare(X, y, weight)
                member = fit.spec(data)
                observers = held.enter_context(Observers(self, 1, X, y, weight))
                followed = observers.only(fit, member, partial(fit.attributes_at, member, data))
                states, outcome = train_with_snapshots(replace(followed, keeps=None), cycle)
                fit.check_outcome(outcome)
                fit.store(member, data, outcome)
                observers.end_of(0)

            def store() -> None:
                done = copy(self)  # takes the ensemble's place once all is known
                done.estimators_ = [
                    _fitted(network, fit.attributes_at(member, data, state)) for state in states or [outcome.state]
                ]
                done._output_shape = y.shape[1:]
                if classes is not None:
                    done.classes_ = classes
                self.__dict__ = done.__dict__

            finish(self, store, KeyboardInterrupt() if outcome.stop_reason == "interrupted" else None, observers)
        warning = fit.warning(outcome)
        if warning is not None and outcome.stop_reason == "diverged":
            category, message = warning
            warn(message, category)
        if len(states) < self.n_estimators:
            warn(
                f"The training ended after {outcome.state.progress[0].epoch} of {n_epochs} epochs: the ensemble has "
                f"{len(self.estimators_)} of {self.n_estimators} members.",
                ConvergenceWarning,
            )
        return self

    def _check_parameters(self) -> None:
        super()._check_parameters()
        [template], owner = self._templates(), type(self).__name__
        if not is_mlp_without_callbacks(template):
            raise ValueError(
                f"{owner} takes its members from one training of a multilayer perceptron of skdl without callbacks. "
                f"Got {template!r}."
            )
        if trainable(template).settings.optimizer.full_batch:
            raise ValueError(
                f"{owner} restarts the learning rate, and optimizer={template.optimizer!r} has none. Choose a "
                "first-order optimizer, such as 'adam'."
            )
        judging = ("early_stopping", "n_iter_no_change", "scoring", "validation_fraction", "calibrate")
        for name in ("schedule", *judging):
            if is_set(template, name) and getattr(template, name) is not False:
                neutral = constructor_arguments(type(template))[name]
                raise ValueError(
                    f"{owner} trains its cycles to the end, with a schedule of its own. Leave {name}={neutral!r} in "
                    f"its estimator. Got {getattr(template, name)!r}."
                )


def train_with_snapshots(member: TrainingSpec, cycle: int) -> tuple[list[State], TrainingResult]:
    """Train a member; copies of its state after each `cycle` epochs, and where it ended."""
    states: list[State] = []
    copy: Callable[[], State]

    def begin(copy_of_state: Callable[[], State]) -> None:
        nonlocal copy
        copy = copy_of_state
        if member.begin is not None:
            member.begin(copy_of_state)

    def report(record: dict[str, Any]) -> bool:
        if record["epoch"] % cycle == 0:
            states.append(copy())
        return member.report is not None and member.report(record)

    [outcome] = train_members([replace(member, begin=begin, report=report)])
    return states, outcome


def _fitted(network: Any, attributes: dict[str, Any]) -> Any:
    """A fitted estimator of its own: the network when its training had come to a state with these attributes."""
    snapshot = clone(network).set_params(max_iter=max(1, attributes["n_iter_"]))
    take_columns(snapshot, network)
    vars(snapshot).update(attributes)
    return snapshot


@document
class SnapshotEnsembleClassifier(ProbabilityAverage, BaseSnapshot):
    """Average of the class probabilities of one network at several moments of one training.

    p(. | x) = 1/k sum_j p_j(. | x),  with p_j the network at the end of cycle j of its learning rate

    Parameters
    ----------
    estimator : MLPClassifier, default=None
        The network; None is `MLPClassifier()`. Its `schedule` is replaced by a cosine with warm restarts.
    {snapshots}

    Attributes
    ----------
    classes_ : array of shape (n_classes,)
        Labels, sorted.
    {taken}
    {seen}

    See Also
    --------
    SnapshotEnsembleRegressor : The same for real targets.
    EnsembleClassifier : Networks that are each trained from initial weights of their own.

    Notes
    -----
    {snapshot_laws}

    References
    ----------
    G. Huang et al., "Snapshot ensembles: train 1, get M for free", ICLR, 2017.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from skdl import MLPClassifier, SnapshotEnsembleClassifier
    >>> X, y = load_wine(return_X_y=True, as_frame=True)
    >>> mlp = MLPClassifier((16,), batch_size=16, max_iter=60)
    >>> ensemble = SnapshotEnsembleClassifier(mlp, 4, random_state=0).fit(X, y)
    >>> [member.n_iter_ for member in ensemble.estimators_]
    [15, 30, 45, 60]
    >>> ensemble.score(X, y) > 0.95
    True
    """


@document
class SnapshotEnsembleRegressor(PredictionAverage, BaseSnapshot):
    """Average of the predictions of one network at several moments of one training.

    f(x) = 1/k sum_j f_j(x),  with f_j the network at the end of cycle j of its learning rate

    Parameters
    ----------
    estimator : MLPRegressor, default=None
        The network; None is `MLPRegressor()`. Its `schedule` is replaced by a cosine with warm restarts.
    {snapshots}

    Attributes
    ----------
    {taken}
    {seen}

    See Also
    --------
    SnapshotEnsembleClassifier : The same for classes.
    EnsembleRegressor : Networks that are each trained from initial weights of their own.

    Notes
    -----
    {snapshot_laws}

    References
    ----------
    G. Huang et al., "Snapshot ensembles: train 1, get M for free", ICLR, 2017.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from skdl import MLPRegressor, SnapshotEnsembleRegressor
    >>> X, y = load_diabetes(return_X_y=True, as_frame=True)
    >>> ensemble = SnapshotEnsembleRegressor(MLPRegressor((16,)), 3, random_state=0).fit(X, y)
    >>> ensemble.predict_members(X).shape
    (3, 442)
    """
