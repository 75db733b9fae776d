"""Full-batch training: an optimizer that drives the objective of all rows by itself."""

from __future__ import annotations

import math
import time
from abc import ABC, abstractmethod
from contextlib import ExitStack, closing
from typing import Any

import numpy as np

from skdl._array import norms
from skdl._protocols import ForwardContext
from skdl.engine.batches import Batches
from skdl.engine.epoch_end import end_epoch
from skdl.engine.evaluation import Validation
from skdl.engine.network import Network
from skdl.engine.objective import Objective
from skdl.engine.state import State
from skdl.engine.train import initial_state
from skdl.engine.training_spec import Signal, TrainingResult, TrainingSpec

BLOCK_ROWS = 1024


class FullFunction(ABC):
    """The objective of one member as what a search minimises: a function of a flat float64 point.

    The point is the parameters `theta`, unless a subclass searches in other variables. Whatever these are, `value` and
    `gradient` are the objective's and its derivative by `theta` (at kinks the subgradient of least norm), at the point
    that was evaluated last: they are what is reported, and what `tol` is held to.
    """

    lower: np.ndarray | None = None  # bounds of the point, where it has any
    gradient: np.ndarray  # (1, P)

    def __init__(self, member: TrainingSpec, state: State):
        self.member, self.state = member, state
        self.network = Network([member.architecture], member.dtype)
        self.arrays = self.network.arrays(state.theta, state.buffers)
        self.held = ExitStack()  # what the evaluations need until the search has ended
        self.tol = member.tol  # of the search, on its own gradient
        self.value = math.inf
        self.begun = False
        self.first: tuple[float, np.ndarray] | None = None

    @abstractmethod
    def evaluate(self, point: np.ndarray) -> tuple[float, np.ndarray]:
        """The objective to minimise, and its gradient by the point; the state's theta becomes the point's."""

    def point(self, theta: np.ndarray) -> np.ndarray:
        """The point of parameters (P,)."""
        return theta

    def theta(self, point: np.ndarray) -> np.ndarray:
        """The parameters (P,) of a point."""
        return point

    def close(self) -> None:
        """Give back what is held."""
        self.held.close()

    def __call__(self, point: np.ndarray) -> tuple[float, np.ndarray]:
        # An iteration begins where a search first asks for a value.
        if self.member.begin is not None and not self.begun:
            self.begun = True
            self.member.begin(self.state.copy)
        if self.first is None:
            return self.evaluate(point)
        found, self.first = self.first, None
        return found

    def starts_converged(self, point: np.ndarray) -> bool:
        """True if there is nothing to search for; a search evaluates its start first, which then costs nothing."""
        self.first = self.evaluate(point)
        return self.has_converged

    @property
    def has_converged(self) -> bool:
        """True if no component of the gradient is larger than `tol`."""
        return bool(abs(self.gradient).max(initial=0.0) <= self.member.tol)


class FullObjective(FullFunction):
    """The objective of any network, computed block by block of rows."""

    def __init__(self, member: TrainingSpec, state: State):
        super().__init__(member, state)
        self.objective = Objective(self.network, [member])
        # Statistics over the batch are those of all rows, so a network that tracks any gets them in one block.
        block = member.rows.n if self.network.buffer_layout.size else min(member.rows.n, BLOCK_ROWS)
        self.batches = Batches([member.rows], block, member.dtype)
        self.gradient = np.empty_like(state.theta)
        self.gradients = self.network.layout.views(self.gradient)

    def theta(self, point: np.ndarray) -> np.ndarray:
        return point if self.state.mask is None else point * self.state.mask[0]

    def evaluate(self, point: np.ndarray) -> tuple[float, np.ndarray]:
        self.state.theta[0] = self.theta(point)
        context = ForwardContext(training=True, generators=self.state.generators)
        value, total = 0.0, np.zeros(point.shape)
        for x, targets, weight in self.batches.epoch(whole=True):
            loss = self.objective.loss_and_gradient(x, targets, weight, self.arrays, self.gradients, context)
            value += float(loss[0])
            total += self.gradient[0]
        self.gradient[0] = total
        self.objective.add_penalty_gradient(self.state.theta, self.gradient, smooth=False)
        if self.state.mask is not None:
            self.gradient *= self.state.mask
        value += float(self.objective.penalty_value(self.state.theta)[0])
        self.value = value
        return value, self.gradient[0].astype(np.float64)


def train_full_batch(member: TrainingSpec, interrupted: Signal) -> TrainingResult:
    """Train one member by its full-batch optimizer; an iteration takes the place of an epoch.

    `interrupted` is set by a KeyboardInterrupt; a member that finds it set is not trained.
    """
    state = initial_state(member)
    if not member.n_epochs:
        return TrainingResult.of(state, "max_iter")
    reason, last = "interrupted", Last(state)
    try:
        if not interrupted.is_set():
            with np.errstate(all="ignore"), closing((member.function or FullObjective)(member, state)) as function:
                reason = _search(function, last)
    except KeyboardInterrupt:
        interrupted.set()
    if reason == "interrupted":
        interrupted.set()
    if member.watch is not None:
        member.watch(None, reason)
    return TrainingResult.of(last.state(), reason)


class Last:
    """Parameters and progress after the last complete iteration, which are taken together."""

    def __init__(self, state: State):
        self._state = state
        self.take()

    def take(self, theta: np.ndarray | None = None) -> None:
        """The state is that of a complete iteration; `theta` takes the place of its parameters."""
        state = self._state
        self._taken = (state.theta.copy() if theta is None else theta[None], state.progress[0].mark())

    def state(self) -> State:
        theta, mark = self._taken
        self._state.theta[...] = theta
        self._state.progress[0] = self._state.progress[0].back_to(mark)
        return self._state


def _search(function: FullFunction, last: Last) -> str:
    """Minimise the function; what each iteration leaves is taken into `last`. Returns the reason to end."""
    member, state = function.member, function.state
    progress = state.progress[0]
    validation = Validation([member], function.network)
    reasons: list[str] = []
    clock = time.perf_counter()

    def report(point: np.ndarray, value: float) -> bool:
        nonlocal clock
        function.begun = False
        state.theta[0] = function.theta(point)
        [validated] = validation.evaluate(function.arrays, [member.is_evaluated(progress.epoch + 1)])
        # A search evaluates the point that it goes to last: its value and gradient are still there.
        norm = float(norms(function.gradient)[0])
        seconds, clock = time.perf_counter() - clock, time.perf_counter()
        record = {"learning_rate": None, "gradient_norm": norm, "seconds": seconds}
        weights = lambda: (state.theta.copy(), state.buffers.copy())  # noqa: E731
        reason = end_epoch(member, progress, function.value, validated, weights, record)
        if reason != "diverged":
            last.take()
        if reason in (None, "max_iter") and function.has_converged:
            reason = "converged"
        if reason is None or reason == "max_iter":
            return False
        reasons.append(reason)
        return True

    first = state.theta[0].copy()
    start = function.point(first.astype(np.float64))
    if function.starts_converged(start):
        progress.loss = function.value
        last.take(first)
        return "converged"
    bounds: dict[str, Any] = {} if function.lower is None else {"lower": function.lower}
    optimizer: Any = member.optimizer
    point, converged = optimizer.minimize(
        function, start, max_iter=member.n_epochs, tol=function.tol, report=report, **bounds
    )
    if reasons:
        return reasons[0]
    if not (math.isfinite(function.value) and np.isfinite(point).all()):  # it ended where the objective is not finite
        return "diverged"
    last.take(function.theta(point))
    to_the_end = progress.epoch >= progress.first_epoch + member.n_epochs
    return "converged" if converged else "max_iter" if to_the_end else "stalled"
