"""Full-batch training: an optimizer that drives the objective of all rows by itself."""

from __future__ import annotations

import math
import time
from threading import Event

import numpy as np

from skdl._array import norms
from skdl.engine.batches import Batches
from skdl.engine.judge import judge
from skdl.engine.layers import Run
from skdl.engine.member import Member, Outcome
from skdl.engine.network import Network
from skdl.engine.objective import Objective
from skdl.engine.state import State
from skdl.engine.train import initial_state
from skdl.engine.validation import Validation

BLOCK_ROWS = 1024


class FullObjective:
    """The objective of one member as a function of a flat float64 vector, computed block by block of rows."""

    def __init__(self, member: Member, state: State):
        self.state, dtype = state, member.dtype
        self.network = Network([member.architecture], dtype)
        self.objective = Objective(self.network, [member])
        # Statistics over the batch are those of all rows, so a network that tracks any gets them in one block.
        block = member.rows.n if self.network.buffer_layout.size else min(member.rows.n, BLOCK_ROWS)
        self.batches = Batches([member.rows], block, dtype)
        self.gradient = np.empty_like(state.theta)
        self.gradients = self.network.layout.views(self.gradient)
        self.arrays = self.network.arrays(state.theta, state.buffers)
        self.value = math.inf
        self.begin = member.begin
        self.begun = False

    def __call__(self, theta: np.ndarray) -> tuple[float, np.ndarray]:
        """Value, and gradient of shape (P,)."""
        if self.begin is not None and not self.begun:  # an iteration begins where a search first asks for a value
            self.begun = True
            self.begin(self.state.copy)
        self.state.theta[0] = theta
        run = Run(training=True, generators=self.state.generators)
        value, total = 0.0, np.zeros(theta.shape)
        for x, targets, weight in self.batches.epoch(whole=True):
            loss = self.objective.loss_and_gradient(x, targets, weight, self.arrays, self.gradients, run)
            value += float(loss[0])
            total += self.gradient[0]
        self.gradient[0] = total
        self.objective.add_penalty_gradient(self.state.theta, self.gradient, smooth=False)
        value += float(self.objective.penalty_value(self.state.theta)[0])
        self.value = value  # a search that ends where this is not finite has diverged
        return value, self.gradient[0].astype(np.float64)


def train_full_batch(member: Member, interrupted: Event) -> Outcome:
    """Train one member by its full-batch optimizer; an iteration takes the place of an epoch.

    `interrupted` is set by a KeyboardInterrupt; a member that finds it set is not trained.
    """
    state = initial_state(member)
    function = FullObjective(member, state)
    validation = Validation([member], function.network)
    last = state.theta.copy()
    reasons: list[str] = []
    clock = time.perf_counter()

    def report(theta: np.ndarray, value: float) -> bool:
        nonlocal clock
        function.begun = False
        state.theta[0] = theta
        [validated] = validation.evaluate(function.arrays)
        # A search evaluates the point that it goes to last: its gradient is still there.
        norm = float(norms(function.gradient)[0])
        seconds, clock = time.perf_counter() - clock, time.perf_counter()
        record = {"learning_rate": None, "gradient_norm": norm, "seconds": seconds}
        weights = lambda: (state.theta.copy(), state.buffers.copy())  # noqa: E731
        reason = judge(member, state.progress[0], value, validated, weights, record)
        if reason != "diverged":
            last[0] = theta
        if reason is None or reason == "max_iter":
            return False
        reasons.append(reason)
        return True

    converged = False
    if interrupted.is_set():
        reasons.append("interrupted")
    elif member.n_epochs:
        try:
            with np.errstate(all="ignore"):
                theta, converged = member.optimizer.minimize(
                    function,
                    state.theta[0].astype(np.float64),
                    max_iter=member.n_epochs,
                    tol=member.tol,
                    report=report,
                )
            if not reasons and not (math.isfinite(function.value) and np.isfinite(theta).all()):
                reasons.append("diverged")
            if not reasons:
                last[0] = theta
        except KeyboardInterrupt:
            reasons.append("interrupted")
    if "interrupted" in reasons:
        interrupted.set()
    state.theta[...] = last
    if not reasons:
        progress = state.progress[0]
        to_the_end = progress.epoch >= progress.first_epoch + member.n_epochs
        reasons.append("converged" if converged else "max_iter" if to_the_end else "stalled")
    return Outcome.of(state, reasons[0])
