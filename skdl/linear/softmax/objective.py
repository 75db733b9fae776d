"""Softmax regression for a full-batch optimizer: the objective in one pass over X, in variables easy to search.

    f(W, b) = sum_i w_i [log sum_c exp(s_ic) - sum_c t_ic s_ic] + alpha R(W),    s_i = W'x_i + b,    sum_i w_i = 1

Without an intercept, b has no entries.

A block of rows is multiplied by W, turned to probabilities less targets, and multiplied back, while it is in the cache.
The scores of a block are turned so that each class has a row: what then goes over classes is a few operations on long
rows, rather than many on short ones. Products are in X's precision; sums over blocks, the penalty and the search are
in float64.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import numpy as np

from skdl._threads import blas_threads, thread_map
from skdl.engine import FullFunction, Network, Objective, State, TrainingSpec
from skdl.linear.softmax.hessian import HessianPreconditioner, hessian_diagonal
from skdl.linear.softmax.preconditioner import BohningPreconditioner, DiagonalPreconditioner, SplitPreconditioner
from skdl.linear.softmax.row_blocks import RowBlocks

THREADS_FROM = 1 << 22  # multiplications of an evaluation from which threads gain


class SoftmaxObjective(FullFunction):
    """The objective of a softmax regression, and its gradient by the variables of a preconditioner.

    Parameters
    ----------
    member : TrainingSpec
        The training.
    state : State
        Where it starts.
    name : {"bohning", "hessian", "diagonal", "split"}
        The preconditioner.
    raw, goes_on, n_threads
        As in `SoftmaxSearch`.
    """

    def __init__(
        self, member: TrainingSpec, state: State, name: str, *, raw: bool, goes_on: bool, n_threads: int | None
    ):
        super().__init__(member, state)
        self.raw, self.n_biases = raw, member.architecture.n_outputs * member.architecture.output_bias
        self.tol = 0.0  # the gradient by the search's variables has other units: `has_converged` ends the search
        n_columns, n_classes = member.rows.X.shape[1], member.architecture.n_outputs
        threads = 1
        if member.rows.n * n_columns * n_classes >= THREADS_FROM:
            threads = n_threads or blas_threads()
        with ExitStack() as held:
            self.blocks = RowBlocks(member.rows, member.dtype, held.enter_context(thread_map(threads)))
            exact = replace(member, dtype=np.float64)
            self.objective = Objective(Network([member.architecture], np.float64), [exact])
            alpha = np.broadcast_to(self.objective.alpha[0], n_columns * n_classes)
            self.preconditioner = self._make_preconditioner(name, alpha, goes_on=goes_on)
            self.lower = self.preconditioner.lower
            self.unit = self._unit(alpha)
            self.held = held.pop_all()

    def _make_preconditioner(self, name: str, alpha: np.ndarray, *, goes_on: bool) -> DiagonalPreconditioner:
        penalty: Any = self.objective.penalty
        ends = penalty.smooth_gradient(np.array([[0.0, 1.0]]))[0] if penalty.is_separable else (0.0, 0.0)
        curvature = self._by_column(alpha) * max(ends[1] - ends[0], 0.0)
        start = self.state.theta[0].astype(np.float64)
        if name == "bohning":
            return BohningPreconditioner(self.blocks, curvature)
        if name == "hessian":
            return HessianPreconditioner(self.blocks, curvature, self.n_biases, start)
        if name == "split":
            known = hessian_diagonal(self.blocks, start) if goes_on else None
            prior = np.zeros(alpha.shape) if self.objective.prior is None else self.objective.prior[0]
            kink = alpha * float(np.ravel(penalty.l1_weight)[0])
            return SplitPreconditioner(self.blocks, curvature, known, kink, prior, self.n_biases)
        return DiagonalPreconditioner(self.blocks, curvature)

    def _by_column(self, alpha: np.ndarray) -> np.ndarray:
        return alpha[:: len(self.blocks.targets)]

    def _unit(self, alpha: np.ndarray) -> np.ndarray:
        """The factors that make of theta's gradient that by columns over sqrt(variance + 4 alpha).

        With a penalty on standardised columns, these have a variance of one.
        """
        n_classes, scale, degree = len(self.blocks.targets), self.blocks.scale, self.objective.penalty.degree
        own = self._by_column(alpha)
        if self.raw and degree is not None:
            own = own * scale ** (2 - degree)
        spread = self.preconditioner.mean_squares + 4 * own
        of_weights = np.repeat(1 / np.sqrt(np.where(spread > 0, spread, 1.0)), n_classes)
        return np.append(of_weights, np.ones(self.n_biases))

    def point(self, theta: np.ndarray) -> np.ndarray:
        return self.preconditioner.point(theta)

    def theta(self, point: np.ndarray) -> np.ndarray:
        return self.preconditioner.theta(point)

    @property
    def has_converged(self) -> bool:
        """True if no component of the gradient exceeds `tol`, for columns divided by sqrt(variance + 4 alpha)."""
        return bool(abs(self.gradient * self.unit).max() <= self.member.tol)

    def evaluate(self, point: np.ndarray) -> tuple[float, np.ndarray]:
        theta = self.theta(point)
        self.state.theta[0] = theta
        value, gradient = self._loss(*self.preconditioner.unpack(theta))
        self.objective.add_penalty_gradient(theta[None], gradient[None])
        self.value = value + float(self.objective.penalty_value(theta[None])[0])
        slope = self.preconditioner.transform_gradient(gradient)
        self.gradient = gradient[None]
        if self.objective.nonsmooth:
            self.objective.make_pseudo_gradient(theta[None], self.gradient)
        return self.value + self.preconditioner.excess(point), slope

    def _loss(self, weight: np.ndarray, bias: np.ndarray) -> tuple[float, np.ndarray]:
        """The mean cross entropy, and its gradient (P,)."""
        blocks = self.blocks
        n_classes, sparse = len(blocks.targets), not blocks.dense
        weight, bias = blocks.fold(weight, bias if len(bias) else np.zeros(n_classes))
        weight, bias = weight.astype(blocks.dtype), bias.astype(blocks.dtype)[:, None]

        def chunk_sums(chunk: range) -> tuple[float, np.ndarray, np.ndarray]:
            value, by_weight, by_bias = 0.0, np.zeros((n_classes, blocks.n_columns)), np.zeros(n_classes)
            for x, part in blocks.blocks(chunk):
                targets = blocks.targets[:, part]
                scores = (x @ weight).T.copy()  # (K, B)
                scores += bias
                scores -= scores.max(axis=0)
                losses = -(scores * targets).sum(axis=0)
                np.exp(scores, out=scores)
                total = scores.sum(axis=0)
                losses += np.log(total)
                scores /= total
                scores -= targets
                if blocks.equal:
                    value += losses.sum(dtype=np.float64)
                else:
                    row_weight = blocks.weight[part]
                    value += row_weight @ losses
                    scores *= row_weight.astype(scores.dtype)
                by_weight += (x.T @ scores.T).T if sparse else scores @ x
                by_bias += scores.sum(axis=1)
            return value, by_weight, by_bias

        values, by_weights, by_biases = zip(*blocks.map(chunk_sums, blocks.chunks), strict=True)
        share = 1 / blocks.n if blocks.equal else 1.0
        by_weight, by_bias = share * np.sum(by_weights, axis=0), share * np.sum(by_biases, axis=0)
        of_weight, of_bias = blocks.unfold(by_weight.T, by_bias)
        return share * float(sum(values)), np.concatenate([of_weight.ravel(), of_bias[: self.n_biases]])
