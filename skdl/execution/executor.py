"""The entry of each fit, once: its members are left to the stacker of its thread, or trained at once."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from threading import Event

from skdl._interrupts import to_the_end
from skdl._threads import one_blas_thread
from skdl.engine import TrainingResult, TrainingSpec, with_batch_statistics
from skdl.engine.frozen import train_rest
from skdl.engine.full_batch import train_full_batch
from skdl.engine.train import interrupted_outcome, train_stack
from skdl.engine.training_spec import Signal
from skdl.execution.plan import Plan, groups_of
from skdl.execution.processes import end_with_parent, train_in_processes
from skdl.execution.shared_data import with_standardised_rows
from skdl.execution.stacker import current_stacker
from skdl.execution.threads import train_in_threads


def train_members(members: Sequence[TrainingSpec], n_threads: int = 1) -> list[TrainingResult]:
    """Train all members; the result of each is the same as alone, bit for bit on a CPU.

    In a thread with a stacker it trains them, together with those of other threads. A KeyboardInterrupt ends all
    members after their last complete epoch, with "interrupted" as the reason: what they have learned is the caller's to
    keep, before it raises the interrupt again.
    """
    stacker = current_stacker()
    if stacker is not None and any(member.n_epochs for member in members):
        return stacker.train(members)
    interrupted = Event()
    outcomes: dict[int, TrainingResult] = {}
    for indices in groups_of(members):
        outcomes.update(zip(indices, train_group([members[i] for i in indices], n_threads, interrupted), strict=True))
    return [outcomes[i] for i in range(len(members))]


def train_group(group: Sequence[TrainingSpec], n_threads: int, interrupted: Signal) -> list[TrainingResult]:
    """Train members of one structure, here and now; an interrupt sets `interrupted`, which ends those that follow."""
    end_with_parent()
    outcomes: list[TrainingResult | None] = [None] * len(group)
    try:
        _train(group, n_threads, interrupted, outcomes)
    except KeyboardInterrupt:  # between the trainings, or the second one
        interrupted.set()
    ended: list[TrainingResult] = []

    def end() -> None:
        for i in range(len(ended), len(group)):
            ended.append(with_batch_statistics(group[i], outcomes[i] or interrupted_outcome(group[i])))

    if to_the_end(end) is not None:
        interrupted.set()
        return [replace(outcome, stop_reason="interrupted") for outcome in ended]
    return ended


def _train(
    group: Sequence[TrainingSpec], n_threads: int, interrupted: Signal, outcomes: list[TrainingResult | None]
) -> None:
    """Write the members' outcomes, each when its block has ended."""
    plan = Plan.of(group, n_threads)
    blocks = [[group[i] for i in block] for block in plan.blocks]
    with nullcontext() if plan.threads_blas else one_blas_thread():
        if plan.n_threads == 1 or len(blocks) == 1:
            for indices, block in zip(plan.blocks, blocks, strict=True):
                _take(indices, train_block(block, interrupted), outcomes)
            return
        results = None
        if plan.n_processes > 1:
            results = train_in_processes(train_block, blocks, plan.n_processes, interrupted)
        if results is None:
            results = train_in_threads(train_block, blocks, plan.n_threads, interrupted)
    for indices, result in zip(plan.blocks, results, strict=True):
        _take(indices, result, outcomes)


def _take(indices: Sequence[int], result: Sequence[TrainingResult], outcomes: list[TrainingResult | None]) -> None:
    for i, outcome in zip(indices, result, strict=True):
        outcomes[i] = outcome


def train_block(block: Sequence[TrainingSpec], interrupted: Signal) -> list[TrainingResult]:
    """Train members of one structure as one stack, or one by one where the optimizer takes all rows at a time."""
    if block[0].frozen:
        return train_rest(block, lambda rest: train_block(rest, interrupted))
    if block[0].optimizer.full_batch:
        return [train_full_batch(member, interrupted) for member in block]
    try:
        block = with_standardised_rows(block)
    except KeyboardInterrupt:
        interrupted.set()
    return train_stack(block, interrupted)
