"""Observers of the fit of an ensemble: printed lines, and the callbacks of the ensemble and of its members."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import replace
from tempfile import TemporaryDirectory
from typing import Any

from skdl._callbacks_adapter import FitTask, MembersTask, MemberTask, has_callbacks, task_data, tear_down
from skdl._progress import Work, labelled, together
from skdl.engine import State, TrainingSpec
from skdl.ensemble._base import BaseEnsemble
from skdl.execution.relay import listening
from skdl.neural.trainable import Trainable

FITTED = "fitted"  # the reason to end of a member that has no epochs


class Observers:
    """The observers of one fit of an ensemble, as a context in which the members are fitted.

    Parameters
    ----------
    ensemble : BaseEnsemble
    n_members : int
        Members that are fitted now.
    X, y, weight : data
        What callbacks may ask for.
    n_kept : int
        Members that there are already.
    """

    def __init__(self, ensemble: BaseEnsemble, n_members: int, X: Any, y: Any, weight: Any, n_kept: int = 0):
        self.ensemble, self.n_members, self.n_kept = ensemble, n_members, n_kept
        name = type(ensemble).__name__
        self.work = Work(f"[{name}] ", lambda: self.n_members, "members") if ensemble.verbose else None
        data = task_data(X, y, weight)
        self._task = MembersTask(ensemble, n_members, data) if has_callbacks(ensemble) else None
        self._held = ExitStack()  # contexts that the members were given
        self._fits: dict[int, FitTask] = {}

    def more(self, n_members: int) -> int:
        """So many members are fitted besides; the number of the first of them."""
        first = self.n_members
        self.n_members += n_members
        return first

    def label(self, i: int) -> str:
        """The label of the lines of member i."""
        return f"member {self.n_kept + i + 1}/{self.n_kept + self.n_members}"

    def member(self, i: int) -> MemberTask | None:
        """The task of a member that is fitted by its own fit."""
        return None if self._task is None else self._task.member(i)

    def network(
        self,
        i: int,
        fit: Trainable,
        member: TrainingSpec,
        data: dict[str, Any],
        attributes: Callable[[State], dict[str, Any]],
    ) -> TrainingSpec:
        """The training of a network with its observers; `attributes` are its own in a state."""
        if self._task is not None:
            self._held.enter_context(self._task.member(i).around(fit.network))
        if has_callbacks(fit.network):
            self._held.callback(tear_down, fit.network)
            self._fits[i] = task = FitTask(fit.network, fit.most_epochs(member), data)
            member = task.observe(member, attributes)
        return self._watched(i, member)

    def second(self, i: int, member: TrainingSpec, attributes: Callable[[State], dict[str, Any]]) -> TrainingSpec:
        """The second training of a network with the observers of its fit."""
        if i in self._fits:
            member = self._fits[i].observe(member, attributes)
        return self._watched(i, member)

    def _watched(self, i: int, member: TrainingSpec) -> TrainingSpec:
        if self.work is None:
            return member
        n_epochs, phase = member.n_epochs, member.phase
        watch = self.work.watch_phase(i, phase, n_epochs) if phase else self.work.watch(i, n_epochs)
        return replace(member, watch=together(member.watch, watch))

    def only(self, fit: Trainable, member: TrainingSpec, attributes: Callable[[State], dict[str, Any]]) -> TrainingSpec:
        """The one training that all members come from, or its second part; a verbose ensemble prints its epochs."""
        self.work = None
        if self.ensemble.verbose and member.watch is None:
            with labelled(type(self.ensemble).__name__):
                member = replace(member, watch=fit.epoch_lines(member.n_epochs, member.progress))
        if member.phase == 2:
            return self.second(0, member, attributes)
        return self.network(0, fit, member, {} if self._task is None else self._task.data, attributes)

    def end_of(self, i: int) -> None:
        """Member i is fitted."""
        if self.work is not None:
            self.work.note(i, 1, None, FITTED)
        if i in self._fits:
            self._fits.pop(i).end()

    @contextmanager
    def fits(self) -> Iterator[Callable[[int], None] | None]:
        """A function that members fitted in the body, in any process, call at their end; None without observers."""
        work = self.work
        if work is None:
            yield None
            return

        def receive(i: int) -> None:
            work.note(i, 1, None, FITTED)

        with TemporaryDirectory(prefix="skdl-") as folder, listening(os.path.join(folder, "fits"), receive) as listener:
            yield listener.relay

    def end(self) -> None:
        """The ensemble is fitted."""
        if self.work is not None:
            self.work.close()
        if self._task is not None:
            self._task.end()

    def __enter__(self) -> Observers:
        return self

    def __exit__(self, *error: Any) -> None:
        self._held.__exit__(*error)


def around(task: MemberTask | None, member: object) -> AbstractContextManager[None]:
    """A context in which the member is fitted."""
    return nullcontext() if task is None else task.around(member)
