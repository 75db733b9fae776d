"""The only module that knows `sklearn.callback`: from the engine's epochs to the hooks of scikit-learn's callbacks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from sklearn.callback import CallbackSupportMixin, with_callbacks

__all__ = ["CallbackMixin", "FitTask", "callbacks_of", "with_callbacks"]


def callbacks_of(estimator: Any) -> list[Any]:
    """The callbacks that were set on an estimator, or that a pipeline or search has handed down to it."""
    return list(getattr(estimator, "_skl_callbacks", ()))


class CallbackMixin(CallbackSupportMixin):
    """An estimator whose fit is a task for callbacks, and each of its epochs a subtask.

    Callbacks are no parameters: a clone shares them, a pickle holds them. `_has_callbacks` says whether there are any,
    so that a fit without any does nothing for them.
    """

    _has_callbacks = False

    def set_callbacks(self, *callbacks: Any):
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

    def __sklearn_clone__(self):
        cloned = super().__sklearn_clone__()
        if self._has_callbacks:
            cloned._has_callbacks = True
        return cloned

    def _begin_fit(self, n_epochs: int, X: Any, y: Any, sample_weight: Any) -> FitTask | None:
        """The task of this fit, begun, with `n_epochs` ahead; None when nobody listens."""
        if not self._has_callbacks:
            return None
        metadata = None if sample_weight is None else {"sample_weight": sample_weight}
        return FitTask(self, n_epochs, {"X": X, "y": y, "metadata": metadata})


class FitTask:
    """A fit as a tree of tasks: the fit and its epochs.

    Parameters
    ----------
    estimator : CallbackMixin
        The estimator in training.
    n_epochs : int
        Most subtasks.
    data : dict
        What the hooks may ask for: X and y as they were given, and sample weights as metadata.
    """

    def __init__(self, estimator: CallbackMixin, n_epochs: int, data: dict[str, Any]):
        self.estimator, self.data = estimator, data
        self.root = estimator._init_callback_context(max_subtasks=n_epochs)
        self.root.call_on_fit_task_begin(estimator=estimator, **data)
        self.epoch: Any = None

    def observe(self, member: Any, results: Callable[[Any], dict[str, Any]]) -> Any:
        """The engine's member with its epochs reported; `results` are the attributes of a state.

        They are computed only for a callback that asks for `fitted_estimator`.
        """
        attributes: Callable[[], dict[str, Any]] = dict

        def begin(copy: Callable[[], Any]) -> None:
            nonlocal attributes
            attributes = lambda: results(copy())  # noqa: E731
            self.epoch = self.root.subcontext(task_name="epoch")
            self.epoch.call_on_fit_task_begin(
                estimator=self.estimator, **self.data, reconstruction_attributes=attributes
            )

        def report(record: dict[str, Any]) -> bool:
            stop = member.report is not None and member.report(record)
            epoch, self.epoch = self.epoch, None
            return stop | epoch.call_on_fit_task_end(
                estimator=self.estimator, **self.data, reconstruction_attributes=attributes
            )

        return replace(member, begin=begin, report=report, keeps=self._keeps())

    def _keeps(self) -> str | None:
        """The column of the history whose best epoch's weights a callback wants to be kept."""
        wanted = [getattr(callback, "keeps", None) for callback in callbacks_of(self.estimator)]
        columns = {column for column in wanted if column is not None}
        if len(columns) > 1:
            raise ValueError(
                f"Callbacks want the best weights by different columns to be kept, {sorted(columns)}: of these, set "
                "restore_best=True in one only."
            )
        return next(iter(columns), None)

    def end(self) -> None:
        """End the fit's task; an epoch that diverged, broke off or never came is ended without a result."""
        if self.epoch is not None:
            self.epoch.call_on_fit_task_end(estimator=self.estimator)
        self.root.call_on_fit_task_end(estimator=self.estimator, **self.data, reconstruction_attributes={})
