"""First-order training of one stack: epochs of batches, each member with its own order, rate and end."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from skdl._array import Array
from skdl._compiled import Work
from skdl._protocols import ForwardContext
from skdl.engine.augmented import augmented, rows_to_augment
from skdl.engine.batches import Batches
from skdl.engine.data_initialization import learn_from_rows, learn_numbers
from skdl.engine.epoch_end import end_epoch
from skdl.engine.evaluation import Validation
from skdl.engine.network import Network
from skdl.engine.objective import Objective
from skdl.engine.over_time import FactorOverTime
from skdl.engine.state import Progress, State
from skdl.engine.step import Step
from skdl.engine.training_spec import Signal, TrainingResult, TrainingSpec


def initial_state(member: TrainingSpec) -> State:
    """The state that a member starts from: the given one, copied, or a new network's."""
    if member.state is not None:
        state = member.state.copy()
        progress = state.progress[0]
        progress.started = time.monotonic()
        progress.exact_buffers = None
        progress.keep_by(member.kept_by)
        if state.mask is not None:  # something else may have been put in the place of what was pruned
            state.theta *= state.mask
        if state.optimizer_state.keys() != set(member.optimizer.state_names):
            # another optimizer than before remembers nothing
            state.optimizer_state = {name: np.zeros_like(state.theta) for name in member.optimizer.state_names}
            state.step[:] = 0
        if member.resume:
            return state
        progress.end_phases()
        progress.first_epoch = progress.epoch
        if member.patience is not None and progress.waited > member.patience:
            progress.waited = 0  # it had come to its end, and is asked to go on
        return state
    network = Network([member.architecture], member.dtype)
    theta, buffers = network.initial([member.generator])
    arrays, taken = network.arrays(theta, buffers), member.taken or {}
    for leaf, named in taken.items():
        for name, value in named.items():
            arrays[leaf][name][0] = value
    learn_from_rows(network, member.rows, arrays, member.generator, but=taken)
    if member.moving is not None:
        learn_numbers(network, member.rows, arrays, member.moving, member.generator, only=taken)
    for idle, views in zip(member.idle, network.ends(theta), strict=True):
        for weights in [] if idle is None else views:
            weights[idle] = 0
    return State(
        theta,
        buffers,
        {name: np.zeros_like(theta) for name in member.optimizer.state_names},
        np.zeros(1, np.int64),
        [member.generator],
        [_first_progress(member)],
        None if member.pruned is None else _mask_of(network, member.pruned),
    )


def _mask_of(network: Network, pruned: Mapping[int, Mapping[str, Array]]) -> Array:
    """The mask of all parameters where some of some leaves were pruned."""
    mask = np.ones((1, network.layout.size), bool)
    views = network.layout.views(mask)
    for leaf, named in pruned.items():
        for name, gone in named.items():
            views[leaf][name][0] = ~gone
    return mask


def _first_progress(member: TrainingSpec) -> Progress:
    """The record of a training that begins; what it is given, such as the start of a trial's time, stays."""
    if member.progress is None:
        return Progress(started=time.monotonic(), kept_by=member.kept_by)
    progress = member.progress.copy()
    progress.started, progress.kept_by = progress.started or time.monotonic(), member.kept_by
    return progress


def train_stack(members: Sequence[TrainingSpec], interrupted: Signal) -> list[TrainingResult]:
    """Train members of one structure; each leaves the stack when it is done, and the others go on unchanged.

    `interrupted` is set by a KeyboardInterrupt, here or in another thread, and ends all members after their last
    complete epoch. It may fall anywhere: each assignment below leaves something whole to return.
    """
    outcomes: dict[int, TrainingResult] = {}
    active = list(range(len(members)))
    stack: Stack | None = None
    try:
        states = State.stack([initial_state(member) for member in members])
        work = Work()
        stack = Stack(members, states, work)
        while stack is not None:
            reasons: list[str | None] = [None] * len(active)
            if not interrupted.is_set():
                reasons = stack.advance()
            if "interrupted" in reasons:
                interrupted.set()
            if interrupted.is_set():
                reasons = [reason or "interrupted" for reason in reasons]
            ended = {active[j]: stack.outcome(j, reason) for j, reason in enumerate(reasons) if reason is not None}
            left = [j for j, reason in enumerate(reasons) if reason is None]
            if ended:
                rest = Stack([stack.members[j] for j in left], stack.state.take(left), work) if left else None
                outcomes.update(ended)
                active, stack = [active[j] for j in left], rest
    except KeyboardInterrupt:
        interrupted.set()
        for j, i in enumerate(active):
            if i not in outcomes:
                outcomes[i] = interrupted_outcome(members[i]) if stack is None else stack.interrupted_outcome(j)
    return [outcomes[i] for i in range(len(members))]


def interrupted_outcome(member: TrainingSpec) -> TrainingResult:
    """That of a member whose training has not begun."""
    return TrainingResult.of(initial_state(member), "interrupted")


class StackSlice:
    """Some neighbouring members of a stack, or all: their network, with views of the stack's arrays."""

    def __init__(self, members: Sequence[TrainingSpec], state: State, gradient: Array, which: slice):
        self.which = which
        self.network = Network([member.architecture for member in members[which]], members[0].dtype)
        self.objective = Objective(self.network, members[which])
        self.arrays = self.network.arrays(state.theta[which], state.buffers[which])
        self.gradients = self.network.layout.views(gradient[which])
        self.context = ForwardContext(
            training=True, generators=state.generators[which], is_repeated=members[0].n_orders > 1
        )

    def loss_and_gradient(self, x: Array, targets: Array, weight: Array) -> Array:
        """Each member's loss on a batch; the gradient is written into the stack's."""
        return self.objective.loss_and_gradient(x, targets, weight, self.arrays, self.gradients, self.context)


@dataclass(frozen=True)
class EpochStart:
    """The state of members before an epoch, for those that are taken back to it."""

    state: State
    marks: list[Any]  # of their progress
    random_numbers: list[Any]  # where their generators stood

    @classmethod
    def of(cls, state: State) -> EpochStart:
        marks = [progress.mark() for progress in state.progress]
        random_numbers = [generator.bit_generator.state for generator in state.generators]
        return cls(state.take(range(state.n_members)), marks, random_numbers)

    def of_member(self, j: int) -> State:
        """The state of member j as it was then."""
        state = self.state.take([j])
        state.generators[0].bit_generator.state = self.random_numbers[j]
        state.progress[0] = state.progress[0].back_to(self.marks[j])
        return state


class Stack:
    """Members of one structure in training."""

    def __init__(self, members: Sequence[TrainingSpec], state: State, work: Work | None = None):
        self.members, self.state, self.work = members, state, work or Work()
        self.is_augmented = members[0].augmenter is not None
        self.batches = Batches([rows_to_augment(member) for member in members], members[0].batch_size, members[0].dtype)
        self.n_rows = np.array([member.rows.n for member in members])
        self.gradient = np.empty_like(state.theta)
        self.whole = StackSlice(members, state, self.gradient, slice(0, len(members)))
        which = self.batches.parts
        several = len(which) > 1
        self.parts = [StackSlice(members, state, self.gradient, part) for part in which] if several else [self.whole]
        self.step = Step(members, self.whole.objective, state)
        self.dropout_over_time = FactorOverTime(members, "dropout_schedule")
        self.validation = Validation(members, self.whole.network)
        self.is_whole = True  # whether the state is that of complete epochs
        self.start = EpochStart.of(state)  # of the epoch that is trained
        self.last_rates = np.zeros(len(members))  # of its last step

    def advance(self) -> list[str | None]:
        """Train one epoch; for each member the reason to stop, or None to go on."""
        if self.members[0].n_epochs == 0:
            return ["max_iter"] * len(self.members)
        self.start = EpochStart.of(self.state)
        self.is_whole = False
        for j, member in enumerate(self.members):
            if member.begin is not None:
                member.begin(partial(self._copy, j))
        started = time.perf_counter()
        with np.errstate(all="ignore"):  # a member that diverges is judged by its loss
            losses = self.epoch()
            evaluated = [
                member.is_evaluated(progress.epoch + 1)
                for member, progress in zip(self.members, self.state.progress, strict=True)
            ]
            validated = self.validation.evaluate(self.whole.arrays, evaluated)
        seconds = time.perf_counter() - started
        reasons = [
            end_epoch(
                member,
                self.state.progress[j],
                float(losses[j]),
                validated[j],
                partial(self._weights, j),
                {
                    "learning_rate": float(self.last_rates[j]),
                    "gradient_norm": float(self.step.gradient_norm[j]),
                    "seconds": seconds / len(self.members),
                },
            )
            for j, member in enumerate(self.members)
        ]
        self.is_whole = True
        return reasons

    def outcome(self, j: int, reason: str) -> TrainingResult:
        """The result of member j; an epoch that diverged is taken back, so that training can go on."""
        return TrainingResult.of(self.start.of_member(j) if reason == "diverged" else self.state.take([j]), reason)

    def interrupted_outcome(self, j: int) -> TrainingResult:
        """The result of member j after its last complete epoch: one that broke off is taken back."""
        return TrainingResult.of(self.state.take([j]) if self.is_whole else self.start.of_member(j), "interrupted")

    def _copy(self, j: int) -> State:
        return self.state.take([j]).copy()

    def _weights(self, j: int) -> tuple[Array, Array]:
        return self.state.theta[j : j + 1].copy(), self.state.buffers[j : j + 1].copy()

    def epoch(self) -> Array:
        """One pass over the rows; returns each member's objective, its loss as it went along, (k,)."""
        state = self.state
        orders = self._orders()
        last = self.batches.steps_per_epoch - 1
        self.step.plan(last + 1)
        dropouts = self.dropout_over_time.of_epoch(state, last + 1)
        self.last_rates = self.step.rates[:, -1]
        losses = np.full((last + 1, len(self.members)), np.nan, state.theta.dtype)  # of each step
        alive: Array = np.ones(len(self.members), bool)
        epochs = state.progress[0].epoch - state.progress[0].first_epoch
        for i, batches in enumerate(self.batches.steps(orders)):
            for part, batch in zip(self.parts if len(batches) > 1 else [self.whole], batches, strict=True):
                if dropouts is not None:
                    part.context.dropout_factor = dropouts[part.which, i, None, None]
                if self.is_augmented:
                    batch = augmented(self.members[part.which], state.generators[part.which], *batch)
                losses[i, part.which] = part.loss_and_gradient(*batch)
            self.step(i, self.gradient, measure=i == last)
            if i % 16 == 15:
                alive &= np.isfinite(losses[i - 15 : i + 1]).all(axis=0)
                if not alive.any():
                    break  # no member is left whose further steps mean anything
            if i % 16 == 0:
                self.work.tell((epochs + (i + 1) / (last + 1)) / max(self.members[0].n_epochs, 1))
        state.step += self.batches.steps_per_epoch
        batch_size = self.members[0].batch_size
        losses[:last] *= batch_size
        losses[last] *= self.n_rows - last * batch_size
        total = np.add.accumulate(losses, dtype=float)[-1]  # step by step: how a sum is taken depends on k
        value = total / self.n_rows + self.whole.objective.penalty_value(state.theta)
        for array in (state.theta, state.buffers):  # the last step may have gone too far, which no loss has seen
            finite = np.isfinite(array)
            if not finite.all():
                value[~finite.all(axis=1)] = np.inf
        return value

    def _orders(self) -> list[Array]:
        """Each member's rows in the order of the coming epoch.

        Candidates of a search often have one seed, and then the same batches: their order is one array, made once.
        """
        orders: list[Array] = []
        generators, states, after = self.state.generators, self.start.random_numbers, None
        for j, (member, generator) in enumerate(zip(self.members, generators, strict=True)):
            before = self.members[j - 1]
            alike = j > 0 and member.shuffle == before.shuffle
            if alike and member.shuffle:
                alike = generator is not generators[j - 1] and states_equal(states[j], states[j - 1])
            if not (alike and member.rows.orders_as(before.rows)):
                drawn = [member.rows.order(generator, member.shuffle) for _ in range(member.n_orders)]
                orders.append(drawn[0] if len(drawn) == 1 else np.stack(drawn))
                after = None
                continue
            orders.append(orders[-1])
            if member.shuffle:  # as if it had drawn the numbers itself
                after = after or generators[j - 1].bit_generator.state
                generator.bit_generator.state = after
        return orders


def states_equal(a: Any, b: Any) -> bool:
    """True if two states of generators, dicts of numbers and arrays, are equal."""
    try:
        return bool(a == b)  # there are arrays in few kinds of them
    except ValueError:
        return a.keys() == b.keys() and all(
            states_equal(value, b[name]) if isinstance(value, dict) else np.array_equal(value, b[name])
            for name, value in a.items()
        )
