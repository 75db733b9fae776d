"""The only module that knows `sklearn.callback`: from the engine's epochs to the hooks of scikit-learn's callbacks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Protocol, Self, TypeVar

from sklearn.callback import CallbackSupportMixin
from sklearn.callback import with_callbacks as callbacks_around

__all__ = [
    "CallbackMixin",
    "FitTask",
    "MemberTask",
    "MembersTask",
    "callbacks_of",
    "has_callbacks",
    "task_data",
    "tear_down",
    "with_callbacks",
]


Method = TypeVar("Method", bound=Callable[..., Any])


class Decorator(Protocol):
    """A decorator of methods, which keep their types."""

    def __call__(self, method: Method, /) -> Method: ...


with_callbacks: Decorator = callbacks_around


def callbacks_of(estimator: Any) -> list[Any]:
    """The callbacks that were set on an estimator, or that a pipeline or search has handed down to it."""
    return list(getattr(estimator, "_skl_callbacks", ()))


def has_callbacks(estimator: object) -> bool:
    """True for an estimator whose own fit has callbacks to call."""
    return bool(getattr(estimator, "_has_callbacks", False))


class CallbackMixin(CallbackSupportMixin):
    """An estimator whose fit is a task for callbacks, and each of its epochs a subtask.

    Callbacks are not parameters: a clone shares them, a pickle holds them. `_has_callbacks` says whether there are any,
    so that a fit without any does nothing for them.
    """

    _has_callbacks = False

    def set_callbacks(self, *callbacks: object) -> Self:
        """Set the callbacks that follow, and may end, the training.

        Parameters
        ----------
        *callbacks : callback instances
            Those of `skdl.callbacks`, of `sklearn.callback`, or of your own, with the hooks of
            `sklearn.callback.FitCallback`. Each call replaces those before; none removes them.

        Returns
        -------
        self : estimator
            The estimator itself.
        """
        super().set_callbacks(*callbacks)
        self.__dict__.pop("_has_callbacks", None)
        if callbacks:
            self._has_callbacks = True
        return self

    def __sklearn_clone__(self) -> Self:
        cloned: Self = super().__sklearn_clone__()
        if self._has_callbacks:
            cloned._has_callbacks = True
        return cloned

    def _fit_task(self, n_epochs: int, X: Any, y: Any, sample_weight: Any) -> FitTask | None:
        """The task of this fit, with `n_epochs` ahead; None without callbacks."""
        return FitTask(self, n_epochs, task_data(X, y, sample_weight)) if self._has_callbacks else None


def task_data(X: Any, y: Any, sample_weight: Any) -> dict[str, Any]:
    """The data that hooks of a task may ask for: X and y as they were given, and sample weights as metadata."""
    return {"X": X, "y": y, "metadata": None if sample_weight is None else {"sample_weight": sample_weight}}


@with_callbacks
def tear_down(estimator: Any) -> None:
    """End what the callbacks have set up for a fit that no method of the estimator has called."""


class FitTask:
    """A fit as a tree of tasks: the fit and its epochs. It begins with the first epoch, or before.

    Parameters
    ----------
    estimator : CallbackMixin
        The estimator in training.
    n_epochs : int
        Most subtasks.
    data : dict
        Data that the hooks may ask for, see `task_data`.
    """

    def __init__(self, estimator: CallbackMixin, n_epochs: int, data: dict[str, Any]):
        self.estimator, self.n_epochs, self.data = estimator, n_epochs, data
        self.root: Any = None
        self.epoch: Any = None

    def begin(self) -> None:
        """Begin the fit's task, unless it has begun."""
        if self.root is None:
            self.root = self.estimator._init_callback_context(max_subtasks=self.n_epochs)
            self.root.call_on_fit_task_begin(estimator=self.estimator, **self.data)

    def observe(self, member: Any, results: Callable[[Any], dict[str, Any]]) -> Any:
        """The engine's member with its epochs reported; `results` are the attributes of a state.

        They are computed only for a callback that asks for `fitted_estimator`.
        """
        attributes: Callable[[], dict[str, Any]] = dict

        def begin(copy: Callable[[], Any]) -> None:
            nonlocal attributes
            self.begin()
            attributes = lambda: results(copy())  # noqa: E731
            self.epoch = self.root.subcontext(task_name="epoch")
            self.epoch.call_on_fit_task_begin(
                estimator=self.estimator, **self.data, reconstruction_attributes=attributes
            )

        def report(record: dict[str, Any]) -> bool:
            stop = member.report is not None and member.report(record)
            epoch, self.epoch = self.epoch, None
            stop |= epoch.call_on_fit_task_end(
                estimator=self.estimator, **self.data, reconstruction_attributes=attributes
            )
            return bool(stop)

        return replace(member, begin=begin, report=report, keeps=self._keeps())

    def _keeps(self) -> str | None:
        """The column of the history whose best epoch's weights a callback wants to be kept."""
        wanted = [getattr(callback, "keeps", None) for callback in callbacks_of(self.estimator)]
        columns = {column for column in wanted if column is not None}
        if len(columns) > 1:
            raise ValueError(
                f"Several callbacks with restore_best=True monitor different columns, {sorted(columns)}: set it in one "
                "of them only."
            )
        return next(iter(columns), None)

    def end(self) -> None:
        """End the fit's task; an epoch that diverged, broke off or never came is ended without a result."""
        self.begin()
        if self.epoch is not None:
            self.epoch.call_on_fit_task_end(estimator=self.estimator)
        self.root.call_on_fit_task_end(estimator=self.estimator, **self.data, reconstruction_attributes={})


class MembersTask:
    """The fit of an ensemble as a task, with the fits of its members as subtasks.

    Parameters
    ----------
    ensemble : CallbackMixin
    n_members : int
        Those that are fitted.
    data : dict
        Data that the hooks may ask for, see `task_data`.
    """

    def __init__(self, ensemble: Any, n_members: int, data: dict[str, Any]):
        self.ensemble, self.data = ensemble, data
        self.root = ensemble._init_callback_context(max_subtasks=n_members, sequential_subtasks=False)
        self.root.call_on_fit_task_begin(estimator=ensemble, **data)

    def member(self, i: int) -> MemberTask:
        """The fit of one of them."""
        return MemberTask(self.ensemble, self.root.subcontext(task_name="member", task_id=i), self.data)

    def end(self) -> None:
        """End the ensemble's task, when it is fitted."""
        self.root.call_on_fit_task_end(estimator=self.ensemble, **self.data, reconstruction_attributes={})


class MemberTask:
    """The fit of a member, in this process or another one."""

    def __init__(self, ensemble: Any, context: Any, data: dict[str, Any]):
        self.ensemble, self.context, self.data = ensemble, context, data

    @contextmanager
    def around(self, member: Any) -> Iterator[None]:
        """Fit the member in the body; it has the ensemble's callbacks there, if they are such as are handed on."""
        with self.context.propagate_callback_context(member):
            self.context.call_on_fit_task_begin(estimator=self.ensemble, **self.data)
            yield
            self.context.call_on_fit_task_end(estimator=self.ensemble, **self.data)
