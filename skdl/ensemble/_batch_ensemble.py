"""Members that share the weights of their hidden layers: trained as one network, handed out as estimators of their own.

In training, member j's map of each hidden layer is the shared W times the matrix r_j^T s_j of rank one (see
`skdl.layers.batch_ensemble`). Afterwards that product is written out: each member is an ordinary fitted network.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from skdl._interrupts import to_the_end
from skdl._threads import n_threads
from skdl.engine import Member, Network, Outcome, State, train_members
from skdl.ensemble._fitting import take_columns
from skdl.ensemble._following import Following
from skdl.ensemble._tasks import Task, is_stackable
from skdl.layers.batch_ensemble import BatchEnsembleMaps
from skdl.neural._effects import check_judged
from skdl.neural._endings import check_ending
from skdl.neural._perceptron import Perceptron
from skdl.neural._training import Training


def check_shareable(template: Any, owner: Any) -> None:
    """Raise for an estimator whose fit has no sense, or none that is known, for members that share weights."""
    name = type(owner).__name__
    if not isinstance(template, Perceptron) or not is_stackable(template) or template._has_callbacks:
        raise ValueError(
            f"With share='batch_ensemble', {name} takes its members from one training of a multilayer perceptron of "
            f"skdl without callbacks. Got {template!r}."
        )
    template._check_parameters()
    check_judged(template, is_judged=False, incremental=False)
    if template.prior is not None or np.ndim(template.alpha):
        raise ValueError(
            f"With share='batch_ensemble', {name} takes one number as alpha, and no prior: of shared weights no member "
            "has coefficients of its own in training."
        )
    if template._resolve("penalty").projects:
        raise ValueError(
            f"With share='batch_ensemble', {name} takes no penalty that bounds weights: the members' scalings would "
            f"undo it. Got penalty={template.penalty!r}."
        )


def fit_batch_ensemble(
    tasks: Sequence[Task], X: Any, y: np.ndarray, n_jobs: int | None, following: Following
) -> tuple[list[Any], KeyboardInterrupt | None]:
    """Fit unfitted perceptrons, alike but for their random state, with shared weights; the first one's seed is used.

    They are fitted as far as an interrupt has let them, which is given back.
    """
    networks = [task.member for task in tasks]
    first = networks[0]
    if tasks[0].params:
        raise ValueError(
            "With share='batch_ensemble' the members' fit is one, which takes no metadata but sample_weight. Got "
            f"{sorted(tasks[0].params)}."
        )
    data = first._prepare(X, y, tasks[0].weight)
    task = first._member(data, first._generator(), n_epochs=first._max_iter())
    shared = _sharing(task, len(networks))
    # Before the end there is no estimator yet that predicts: callbacks see how the training goes.
    results: Callable[[State], dict[str, Any]] = lambda state: {"_training": Training.of(task, data.encoding, state)}  # noqa: E731
    [outcome] = train_members([following.only(first, shared, results)], n_threads(n_jobs))
    check_ending(first, outcome)

    def store() -> None:
        for network, state in zip(networks, _states(shared, task, outcome, len(networks)), strict=True):
            take_columns(network, first)
            state.generators = [network._generator()]
            training = Training.of(task, data.encoding, state, outcome.reason)
            network.__dict__.update(network._results(training))

    interrupt = to_the_end(store)
    following.end_of(0)
    if outcome.reason == "interrupted":
        interrupt = interrupt or KeyboardInterrupt()
    else:
        first._warn_of(outcome)
    return list(networks), interrupt


def _sharing(task: Member, size: int) -> Member:
    """The task for all members: the mean of their losses, penalties and scores."""
    architecture = replace(task.architecture, maps=BatchEnsembleMaps(size))
    changes: dict[str, Any] = {"architecture": architecture}
    score = task.score
    if score is not None:
        changes["score"] = lambda raw: float(np.mean([score(part) for part in np.split(raw, size)]))
    if task.alpha and not task.penalty.on_activations:
        layout = Network([architecture], task.dtype).layout
        alpha = np.empty((1, layout.size), task.dtype)
        for _, spec, values in layout.placed(alpha):
            values[...] = (
                task.alpha / spec.owners
            )  # a member's own weights are penalised in its share of the loss, 1 / m
        changes["alpha"] = alpha[0, : layout.n_penalised]
    return replace(task, **changes)


def _states(shared: Member, task: Member, outcome: Outcome, n_members: int) -> list[State]:
    """Where each member has come to, as an ordinary network's state; its optimizer's memory is empty."""
    together, alone = Network([shared.architecture], np.float64), Network([task.architecture], task.dtype)
    trained = together.layout.views(outcome.theta.astype(np.float64))
    progress = replace(outcome.state.progress[0], settled_buffers=None)
    progress.keep_by(None)  # the weights are the best ones, if such were kept
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
