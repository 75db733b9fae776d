"""The protocol of a fit in its parts, by which several networks are trained together: all that ensembles use.

    fit = trainable(network)
    data = fit.prepare(X, y)
    member = fit.spec(data)
    [(member, outcome)] = train_fits([fit], [data], [member])
    fit.check_outcome(outcome)
    fit.store(member, data, outcome)

is `network.fit(X, y)`. One `data` may serve several networks, and one call of `train_fits` several members.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, TypeVar

import numpy as np

from skdl._progress import EpochLines
from skdl._warnings import Warned
from skdl.engine import Progress, State, TrainingResult, TrainingSpec
from skdl.neural._settings import Settings
from skdl.neural.encoded_data import EncodedData

Function = TypeVar("Function", bound=Callable[..., Any])


class Trainable(Protocol):
    """One fit of one network.

    Parameters
    ----------
    network : estimator
        It is written to by `prepare`, which sets its columns' number and names, and by `store`.
    settings : Settings
        Its parameters, checked, as they were when the fit was made.
    """

    @property
    def network(self) -> Any: ...

    @property
    def settings(self) -> Settings: ...

    def check_validation_effects(self, *, given: bool = False, incremental: bool = False) -> None:
        """Raise for parameters that act on validation rows where there are none.

        Parameters
        ----------
        given : bool
            Whether the user has given such rows.
        incremental : bool
            Whether the fit is one epoch of `partial_fit`, which sets no rows apart.
        """

    def prepare(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        n_rows: int | None = None,
        drawn_by: np.ndarray | None = None,
        like: EncodedData | None = None,
    ) -> EncodedData:
        """Check and encode data.

        Parameters
        ----------
        X, y, sample_weight
            As `fit` takes them.
        n_rows : int or None
            Rows that a member will train on; None for all.
        drawn_by : array of shape (n_samples,) or None
            Where members train on samples of the rows, the weights that these were drawn by: they count in the
            encoding of y, and rows of weight zero are not looked at.
        like : EncodedData or None
            What another network has made of the same X, whose matrix is taken where this one makes the same of it.
        """

    def generator(self) -> np.random.Generator:
        """A new stream of the fit's random numbers."""

    def spec(
        self,
        data: EncodedData,
        *,
        index: np.ndarray | None = None,
        validation_index: np.ndarray | None = None,
        stopping: bool = True,
    ) -> TrainingSpec:
        """Make the engine's task.

        Parameters
        ----------
        data : EncodedData
            By this network, or by one with the same parameters.
        index : int array or None
            Rows to train on, with repetitions; None for all.
        validation_index : int array or None
            Rows that decide when to stop; None for some of `index` that `early_stopping` sets apart, if it does.
        stopping : bool
            Whether anything may end the training before its last epoch.
        """

    def decoded(self, data: EncodedData, raw: np.ndarray) -> np.ndarray:
        """The predictions, or class probabilities, of raw scores (n, n_outputs) as the engine gives them."""

    def epochs_of_second(self, outcome: TrainingResult) -> int:
        """The epochs of a second training that follows this outcome, on all rows; 0 where none does."""

    def second(
        self, data: EncodedData, outcome: TrainingResult, n_epochs: int, *, index: np.ndarray | None = None
    ) -> TrainingSpec:
        """Make the engine's task of the second training; `index` as in `spec`."""

    def most_epochs(self, member: TrainingSpec) -> int:
        """The epochs that a fit can have, which begins with this task."""

    def stop_reason(self, outcome: TrainingResult) -> str:
        """What has ended the fit, whose last training has this outcome, see `TrainingResult`."""

    def epoch_lines(self, n_epochs: int, before: Progress | None = None) -> EpochLines:
        """The function that prints one line per epoch of a training that begins with this record."""

    def check_outcome(self, outcome: TrainingResult) -> None:
        """Raise for a training that diverged or was interrupted in its first epoch."""

    def store(self, member: TrainingSpec, data: EncodedData, outcome: TrainingResult) -> None:
        """Write every attribute of the fitted network."""

    def warning(self, outcome: TrainingResult) -> Warned | None:
        """Category and text of the warning for the way a training ended, None where all is well."""

    def attributes_at(self, member: TrainingSpec, data: EncodedData, state: State) -> dict[str, Any]:
        """Every attribute as if the training had ended in this state."""

    def history_at(self, member: TrainingSpec, data: EncodedData, state: State) -> dict[str, Any]:
        """The attributes that `history_` reads in this state, without those that predict."""


def in_parts(parts: Callable[[Any], Trainable]) -> Callable[[Function], Function]:
    """Decorator of `fit`: declare that it only runs the parts that `parts` makes of an estimator.

    A subclass that overrides `fit` is not declared so, and is trained by its own.
    """

    def declare(fit: Function) -> Function:
        fit.__dict__["parts"] = parts
        return fit

    return declare


def is_trainable(estimator: object) -> bool:
    """True for an estimator whose `fit` is declared to consist of parts."""
    return _parts_of(estimator) is not None


def trainable(estimator: object) -> Trainable:
    """The fit of an estimator in its parts, with its parameters checked."""
    parts = _parts_of(estimator)
    if parts is None:
        raise TypeError(f"{type(estimator).__name__} does not declare its fit to consist of parts.")
    return parts(estimator)


def _parts_of(estimator: object) -> Callable[[Any], Trainable] | None:
    return getattr(getattr(type(estimator), "fit", None), "parts", None)
