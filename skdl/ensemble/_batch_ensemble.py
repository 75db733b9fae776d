"""Members that share the weights of their hidden layers: trained as one network, handed out as estimators of their own.

In training, member j's map of each hidden layer is the shared W times the matrix r_j^T s_j of rank one (see
`skdl.layers.batch_ensemble`). Afterwards that product is written out: each member is an ordinary fitted network.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from skdl._interrupts import to_the_end
from skdl._protocols import Loss
from skdl._threads import n_threads
from skdl._warnings import warn
from skdl.engine import Network, State, TrainingResult, TrainingSpec
from skdl.ensemble._fitting import take_columns
from skdl.ensemble._member_job import MemberJob, is_mlp_without_callbacks
from skdl.ensemble._observers import Observers
from skdl.layers.batch_ensemble import BatchEnsembleMaps
from skdl.neural.refitting import train_fits
from skdl.neural.trainable import trainable


def check_shareable(template: Any, owner: str) -> None:
    """Raise for an estimator whose fit is not defined, or not known, for members that share weights."""
    if not is_mlp_without_callbacks(template):
        raise ValueError(
            f"With share='batch_ensemble', {owner} takes its members from one training of a multilayer perceptron of "
            f"skdl without callbacks. Got {template!r}."
        )
    fit = trainable(template)
    fit.check_validation_effects()
    if fit.settings.prior is not None or np.ndim(fit.settings.alpha):
        raise ValueError(
            f"With share='batch_ensemble', {owner} takes one number as alpha, and no prior: of shared weights no "
            "member has coefficients of its own in training."
        )
    if template.init is not None or template.frozen is not None:
        raise ValueError(
            f"With share='batch_ensemble', {owner} takes no init and no frozen layers: members have the layers of "
            "another network only in part, and share what they train. Share nothing, or leave both at None."
        )
    if any(initializer.learns_from_rows for initializer in fit.settings.architecture.initializers):
        raise ValueError(
            f"With share='batch_ensemble', {owner} takes no initializer that learns from the rows: members see them in "
            f"several ways. Got initializer={template.initializer!r}."
        )
    if fit.settings.penalty.projects:
        raise ValueError(
            f"With share='batch_ensemble', {owner} takes no penalty that bounds weights: the members' scalings would "
            f"undo it. Got penalty={template.penalty!r}."
        )


def check_own_batches(template: Any) -> None:
    """Raise for an estimator whose members cannot differ in what they see in a step."""
    settings = trainable(template).settings
    if settings.optimizer.full_batch or not settings.shuffle:
        reason = "takes all rows at once" if settings.optimizer.full_batch else "takes the rows in one order"
        raise ValueError(f"share_batches=False has no effect: {template!r} {reason}. Leave it at its default.")


def fit_batch_ensemble(
    jobs: Sequence[MemberJob],
    X: Any,
    y: np.ndarray,
    n_jobs: int | None,
    observers: Observers,
    *,
    share_batches: bool,
) -> tuple[list[Any], KeyboardInterrupt | None]:
    """Fit unfitted perceptrons, alike but for their random state, with shared weights; the first one's seed is used.

    They are fitted as far as an interrupt has let them, which is given back.
    """
    if jobs[0].params:
        raise ValueError(
            "With share='batch_ensemble' the members' fit is one, which takes no metadata but sample_weight. Got "
            f"{sorted(jobs[0].params)}."
        )
    fits = [trainable(job.member) for job in jobs]
    first = fits[0]
    data = first.prepare(X, y, jobs[0].weight)
    alone = first.spec(data)
    shared = _sharing(alone, len(jobs), share_batches=share_batches)
    second: list[TrainingSpec] = []

    def observe(i: int, task: TrainingSpec) -> TrainingSpec:
        """The training on all rows that follows a trial, for all members."""
        second.append(task)
        together = _sharing(task, len(jobs), share_batches=share_batches)
        return observers.only(first, together, partial(first.history_at, task, data))

    # Before the end there is no estimator yet that predicts: callbacks see how the training goes.
    begun = observers.only(first, shared, partial(first.history_at, alone, data))
    [(trained, outcome)] = train_fits([first], [data], [begun], n_threads(n_jobs), observe=observe)
    if trained is not begun:
        shared, [alone] = trained, second
    first.check_outcome(outcome)

    def store() -> None:
        for fit, state in zip(fits, _states(shared, alone, outcome, len(fits)), strict=True):
            take_columns(fit.network, first.network)
            state.generators = [fit.generator()]
            fit.store(alone, data, TrainingResult.of(state, outcome.stop_reason))

    interrupt = to_the_end(store)
    observers.end_of(0)
    if outcome.stop_reason == "interrupted":
        interrupt = interrupt or KeyboardInterrupt()
    else:
        warning = first.warning(outcome)
        if warning is not None:
            category, message = warning
            warn(message, category)
    return [fit.network for fit in fits], interrupt


def _sharing(task: TrainingSpec, size: int, *, share_batches: bool) -> TrainingSpec:
    """The task for all members: the mean of their losses and penalties, and what validation finds for their average."""
    architecture = replace(task.architecture, maps=BatchEnsembleMaps(size))
    changes: dict[str, Any] = {"architecture": architecture, "n_orders": 1 if share_batches else size}
    score = task.score
    if score is not None:
        changes["score"] = lambda raw: score(_average(task.loss, raw, size))
    scaling = task.scaling
    if scaling is not None:  # the members have one factor in common: that of their average
        changes["scaling"] = lambda raw: scaling(_average(task.loss, raw, size))
    if task.alpha and not task.penalty.on_activations:
        layout = Network([architecture], task.dtype).layout
        alpha = np.empty((1, layout.size), task.dtype)
        for _, spec, values in layout.placed(alpha):
            values[...] = (
                task.alpha / spec.owners
            )  # a member's own weights are penalised in its share of the loss, 1 / m
        changes["alpha"] = alpha[0, : layout.n_penalised]
    return replace(task, **changes)


def _average(loss: Loss, raw: np.ndarray, size: int) -> np.ndarray:
    """Scores (n, C) of the average of the members' predictions, from their own (m n, C)."""
    members = raw.reshape(size, -1, raw.shape[-1]).astype(np.float64)
    scores = loss.unlink(loss.link(members).mean(axis=0))
    return (members.mean(axis=0) if scores is None else scores).astype(raw.dtype)


def _states(shared: TrainingSpec, task: TrainingSpec, outcome: TrainingResult, n_members: int) -> list[State]:
    """The state of each member as an ordinary network, with an optimizer that remembers nothing."""
    together, alone = Network([shared.architecture], np.float64), Network([task.architecture], task.dtype)
    trained = together.layout.views(outcome.theta.astype(np.float64))
    progress = replace(outcome.state.progress[0], exact_buffers=None)
    kept_epoch, factors = progress.kept_epoch, progress.factors
    progress.keep_by(None)
    progress.kept_epoch, progress.factors = kept_epoch, factors  # the weights are the best ones, if such were kept
    if progress.phase == 1:  # broken off: no member could go on with what was a trial of all
        progress.end_phases()
    states = []
    for j in range(n_members):
        theta = np.empty((1, alone.layout.size), task.dtype)
        own = [
            leaf.alone({name: values[0] for name, values in named.items()}, j)
            for leaf, named in zip(together.leaves, trained, strict=True)
        ]
        alone.layout.fill(theta, 0, [named for named in own if named is not None])
        optimizer_state = {name: np.zeros_like(theta) for name in task.optimizer.state_names}
        step = outcome.state.step.copy()
        states.append(State(theta, outcome.buffers.copy(), optimizer_state, step, [task.generator], [progress.copy()]))
    return states
