"""The cost model: how long trainings take, as far as can be told beforehand, and what that is worth.

Between two array operations a thread needs Python's lock. Networks so small that an operation takes a few microseconds
hand the lock over all the time: on two cores, two threads train 80 networks 64-32-10 in batches of 32 no faster than
one does, and two processes nearly twice as fast. So long trainings go to processes, and threads get what is left.

No result depends on any of these numbers: they only say where and together with whom a network is trained.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from skdl.engine import TrainingSpec

STEP_SECONDS = 8e-6  # of a member in a stack, however small the network
OPERATIONS_PER_SECOND = 4e10  # of the products, and of what comes with them
LEAST_PROCESS_SECONDS = 0.5  # of work for a process: to start one takes about as long, once
LEAST_STEP_SECONDS = 0.5e-3  # of work for a thread in each step: with less, two are slower than one
BLOCK_BYTES = 1 << 23  # working set of a block of members: larger arrays hide the hand-over between threads

FLUSH_SECONDS = 2.0  # of work for each core that waits to be trained: a ledger records it when that has ended
ENOUGH_MEMBERS = 16  # that are worth a stack though they take longer: up to about so many, each costs less in a stack
LONGEST_SECONDS = 30.0  # of each core, for all that: so much work, and a fit, is lost where the search is killed

TRIALS = 2  # tasks whose time is taken before others are offloaded, where it matters; imports may slow the first down
OTHER_THREADS_SHARE = 0.2  # of the time that a task takes, which threads of libraries may take besides


def step_seconds(member: TrainingSpec) -> float:
    """A rough estimate of how long one thread takes for a step of the member in a stack."""
    operations = 6 * member.batch_size * member.architecture.outline.n_parameters
    return STEP_SECONDS + operations / OPERATIONS_PER_SECOND


def seconds_of(member: TrainingSpec) -> float:
    """The same for all its steps, if it stops no earlier than it must."""
    return member.n_epochs * math.ceil(member.rows.n / member.batch_size) * step_seconds(member)


def fit_seconds(member: TrainingSpec) -> float:
    """The same for all trainings of the fit: after a trial comes one of about as many steps."""
    return seconds_of(member) * (2 if member.phase == 1 else 1)


def processes_worth(seconds: float, at_most: int) -> int:
    """The number of processes that work of so many seconds is worth; 1 for none."""
    return max(1, min(at_most, math.floor(seconds / LEAST_PROCESS_SECONDS)))


def threads_worth(members: Sequence[TrainingSpec], at_most: int) -> int:
    """The number of threads that the members are worth: each needs enough to do between two hand-overs."""
    return max(1, min(at_most, math.floor(sum(map(step_seconds, members)) / LEAST_STEP_SECONDS)))


def members_per_block(member: TrainingSpec) -> int:
    """Members whose parameters, optimizer's memory and activations fit the cache together."""
    network = member.architecture.outline
    numbers = (4 + len(member.optimizer.state_names)) * network.n_parameters
    numbers += member.batch_size * network.n_activations
    return max(1, int(BLOCK_BYTES / (numbers * np.dtype(member.dtype).itemsize)))


def bytes_of(members: Sequence[TrainingSpec]) -> int:
    """Memory that members hold while they wait and train: their rows, their parameters, and the optimizer's memory."""
    rows = [rows for member in members for rows in (member.rows, member.validation) if rows is not None]
    arrays = {id(part.X): part.X for part in rows}
    data = sum(X.nbytes if isinstance(X, np.ndarray) else X.data.nbytes + X.indices.nbytes for X in arrays.values())
    arrays_each = ((4 + len(member.optimizer.state_names), member.architecture.outline) for member in members)
    numbers = sum(n_arrays * outline.n_parameters for n_arrays, outline in arrays_each)
    return int(data + numbers * np.dtype(members[0].dtype).itemsize)


def is_enough(n_members: int, seconds: float, n_threads: int, share: float = 1.0) -> bool:
    """True if members that wait are worth a training now; with a `share`, that part of the usual work is enough."""
    enough = share * FLUSH_SECONDS if n_members >= ENOUGH_MEMBERS else LONGEST_SECONDS
    return seconds >= enough * n_threads


def tasks_per_part(n_members: int, seconds: float) -> int:
    """Tasks that a process takes at a time, each of so many members and seconds; then it gives back what it has."""
    return math.ceil(max(min(ENOUGH_MEMBERS / n_members, LONGEST_SECONDS / seconds), FLUSH_SECONDS / seconds))


def uses_other_threads(seconds: float, seconds_of_others: float) -> bool:
    """True if threads of libraries took a part of a task's work; in processes they would have no cores."""
    return seconds_of_others > OTHER_THREADS_SHARE * seconds
