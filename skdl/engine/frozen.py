"""The training of networks of which some layers are frozen: the rest is trained, as a network of its own.

What is frozen is no part of the parameters of that network: it is neither moved nor penalised, has no place in norms
of the gradient or in an optimizer's memory, and full-batch searches do not see it. Layers below all that is trained are
computed once for all rows, where nothing in them or in the rows is random, and what they give takes the place of the
inputs.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from skdl._array import Array
from skdl._protocols import ForwardContext
from skdl.engine.batches import Batches
from skdl.engine.dataset import Dataset
from skdl.engine.network import PREDICTION_ROWS, Network
from skdl.engine.state import Progress, State
from skdl.engine.train import initial_state
from skdl.engine.training_spec import TrainingResult, TrainingSpec
from skdl.layers.architecture import FIRST_WEIGHT, LAST_WEIGHT, Architecture
from skdl.layers.sequential import Sequential

MOST_NUMBERS = 1 << 28  # that are kept of what frozen layers give: 1 GiB in float32; more are computed in each epoch
Train = Callable[[Sequence[TrainingSpec]], list[TrainingResult]]
Known = dict[Hashable, Dataset]


def train_rest(members: Sequence[TrainingSpec], train: Train) -> list[TrainingResult]:
    """Train what is not frozen of members of one structure by `train`; the results are of the whole networks."""
    known: Known = {}
    rests = [Rest(member, known) for member in members]
    outcomes = train([rest.member for rest in rests])
    return [rest.result(outcome) for rest, outcome in zip(rests, outcomes, strict=True)]


class Rest:
    """What is not frozen of a member, as a member of its own.

    Parameters
    ----------
    whole : TrainingSpec
    known : dict
        What frozen layers have given for rows, which members with the same layers and rows share.
    """

    def __init__(self, whole: TrainingSpec, known: Known):
        self.state = initial_state(whole)
        network = Network([whole.architecture], whole.dtype)
        architecture = whole.architecture.with_frozen(whole.frozen)
        is_random = whole.augmenter is not None  # what frozen layers give is another thing in each epoch
        if is_random or _numbers_of_values(whole, architecture) > MOST_NUMBERS:
            architecture = replace(architecture, n_cut=0)
        n_cut = sum(architecture.outline.sections[: architecture.n_cut])  # leaves that are computed once
        self.n_cut, self.network = n_cut, network
        self.rest = Network([architecture], whole.dtype)
        learned = [leaf for leaf, each in enumerate(self.rest.leaves, start=n_cut) if each.parameters()]
        self.trained = np.zeros((1, network.layout.size), bool)  # a mask of all parameters
        for leaf, _, view in network.layout.placed(self.trained):
            view[...] = leaf in learned
        self.trained = self.trained[0]
        changes: dict[str, Any] = {}
        if n_cut:
            values = partial(self._values, known=known)
            changes = {
                "rows": values(whole.rows),
                "validation": None if whole.validation is None else values(whole.validation),
            }
        for name in ("alpha", "prior"):  # one a weight
            given = getattr(whole, name)
            if np.ndim(given):
                changes[name] = given[self.trained[: network.layout.n_penalised]]
        gone = _frozen_places(network, self.trained)
        for name in ("learning_rate_factors", "weight_decay_factors"):
            changes[name] = {role: each for role, each in getattr(whole, name).items() if role not in gone}
        if whole.begin is not None:
            changes["begin"] = partial(self._begin, whole.begin)
        if whole.max_time is not None:  # of which some has passed
            changes["max_time"] = whole.max_time + self.state.progress[0].started - time.monotonic()
        state, progress = self.state, self.state.progress[0]
        narrow = replace(progress)
        if progress.best_theta is not None and progress.best_buffers is not None:
            narrow.best_theta = progress.best_theta[:, self.trained]
            narrow.best_buffers = self._narrow_buffers(progress.best_theta, progress.best_buffers)
        of_rest = State(
            state.theta[:, self.trained],
            self._narrow_buffers(state.theta, state.buffers),
            {name: array[:, self.trained] for name, array in state.optimizer_state.items()},
            state.step,
            state.generators,
            [narrow],
            None if state.mask is None else state.mask[:, self.trained],
        )
        self.member = replace(
            whole, architecture=architecture, frozen=(), state=of_rest, resume=True, taken=None, **changes
        )

    def result(self, outcome: TrainingResult) -> TrainingResult:
        """The result of the whole member."""
        return TrainingResult.of(self._whole_state(outcome.state), outcome.stop_reason)

    def _whole_state(self, state: State) -> State:
        """The state of the whole member; what is frozen is as it was, with what the optimizer remembers of it."""
        memory = {name: array.copy() for name, array in self.state.optimizer_state.items()}
        for name, array in memory.items():
            array[:, self.trained] = state.optimizer_state[name]
        theta, buffers = self._whole_arrays(state.theta, state.buffers)
        before = self.state.progress[0]
        progress = replace(state.progress[0], started=before.started)
        self._widen(progress, before)
        return State(theta, buffers, memory, state.step, state.generators, [progress], self.state.mask)

    def _widen(self, progress: Progress, before: Progress) -> None:
        """Let the weights that are kept be those of the whole member, in place."""
        if progress.best_theta is None or progress.best_buffers is None:
            return
        if progress.kept_epoch == before.kept_epoch:  # of an earlier training, which may have changed other layers
            progress.best_theta, progress.best_buffers = before.best_theta, before.best_buffers
        else:
            progress.best_theta, progress.best_buffers = self._whole_arrays(progress.best_theta, progress.best_buffers)

    def _whole_arrays(self, theta: Array, buffers: Array) -> tuple[Array, Array]:
        whole_theta, whole_buffers = self.state.theta.copy(), self.state.buffers.copy()
        whole_theta[:, self.trained] = theta
        views = self.rest.buffer_layout.views(buffers)
        for named, own in zip(self.network.buffer_layout.views(whole_buffers)[self.n_cut :], views, strict=True):
            for name, view in named.items():
                view[...] = own[name]
        return whole_theta, whole_buffers

    def _narrow_buffers(self, theta: Array, buffers: Array) -> Array:
        """The buffers of the rest, among which are all arrays of frozen layers that are not cut off."""
        narrow = np.empty((1, self.rest.buffer_layout.size), theta.dtype)
        arrays = self.network.arrays(theta, buffers)[self.n_cut :]
        for view, own in zip(self.rest.buffer_layout.views(narrow), arrays, strict=True):
            for name in view:
                view[name][...] = own[name]
        return narrow

    def _begin(self, begin: Callable[[Callable[[], State]], None], copy: Callable[[], State]) -> None:
        begin(lambda: self._whole_state(copy()))

    def _values(self, rows: Dataset, known: Known) -> Dataset:
        """The rows, with what the layers that are cut off give for them in the place of X."""
        layers = _below(self.network.root, self.n_cut)
        arrays = self.network.arrays(self.state.theta, self.state.buffers)[: self.n_cut]
        constants = tuple(array.tobytes() for named in arrays for array in named.values())
        index = None if rows.index is None else rows.index.tobytes()
        key = rows.data_key, id(rows.targets), id(rows.weight), id(rows.strata), index, constants
        if key not in known:
            known[key] = _rows_of_values(layers, arrays, rows, self.network)
        return known[key]


def _numbers_of_values(whole: TrainingSpec, architecture: Architecture) -> int:
    """About how many numbers the layers that are cut off give for all training rows; equal for all of one structure."""
    n_rows = -(-whole.rows.n // whole.batch_size) * whole.batch_size
    width = architecture.widths[architecture.n_cut - 2] if architecture.n_cut > 1 else architecture.n_inputs
    return n_rows * width


def _below(root: Sequential, n_leaves: int) -> Sequential:
    """The layers with the first leaves; none of these is in one layer with others."""
    steps = []
    for step in root.layers:
        if not n_leaves:
            break
        steps.append(step)
        n_leaves -= step.n_leaves
    return Sequential(steps)


def _rows_of_values(layers: Sequential, arrays: Any, rows: Dataset, network: Network) -> Dataset:
    """What the first layers of a network give for some rows, in its precision, as rows of their own."""
    used, place = (None, None) if rows.index is None else np.unique(rows.index, return_inverse=True)
    own = rows if used is None else replace(rows, index=used)
    batches, context = Batches([own], min(own.n, PREDICTION_ROWS), network.dtype), ForwardContext(training=False)
    values: np.ndarray | None = None
    start = 0
    with np.errstate(all="ignore"):  # a member that is not finite is judged by its loss
        for x, _, _ in batches.epoch():
            y = layers.forward(x.copy() if layers.overwrites_x else x, arrays, context)[0][0]
            if values is None:
                values = np.empty((own.n, y.shape[1]), network.dtype)
            values[start : start + len(y)] = y
            start += len(y)
    by_row: dict[str, Any] = {"targets": rows.targets, "weight": rows.weight, "strata": rows.strata}
    if used is not None:
        by_row = {name: None if each is None else each[used] for name, each in by_row.items()}
    return replace(rows, X=values, index=place, shift=None, scale=None, **by_row)


def _frozen_places(network: Network, trained: np.ndarray) -> set[str]:
    """Names of the first and of the last weight, where these are frozen."""
    learned = [bool(view.all()) for _, spec, view in network.layout.placed(trained[None]) if spec.role == "weight"]
    ends = ((FIRST_WEIGHT, learned[0]), (LAST_WEIGHT, learned[-1])) if learned else ()
    return {name for name, is_learned in ends if not is_learned}
