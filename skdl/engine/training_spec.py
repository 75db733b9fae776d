"""One fit: what is asked of the engine, and what comes out."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from skdl._augmenting import Augmenter
from skdl._progress import Watch
from skdl._protocols import Loss, Optimizer, Penalty, Schedule
from skdl._structure import PER_MEMBER, RUN_TIME, counts_by, structure_of
from skdl.engine.dataset import Dataset
from skdl.engine.state import Progress, State
from skdl.layers.architecture import Architecture

BLAS_THREADS_FROM = 1 << 22  # multiplications of a product from which two BLAS threads were faster than one


class Signal(Protocol):
    """A flag that says that a training should end, such as a threading.Event."""

    def set(self) -> None:
        """Say so."""

    def is_set(self) -> bool:
        """True if somebody has said so."""


class MakesFunction(Protocol):
    """A maker of the function that a full-batch optimizer minimises in place of the engine's own objective."""

    @property
    def name(self) -> str:
        """The name of the search, in a word."""

    def __call__(self, member: TrainingSpec, state: State) -> Any:
        """A `FullFunction` of the member's objective, from the state on."""


@dataclass(frozen=True)
class TrainingSpec:
    """A network to be trained, alone or in a stack.

    Parameters
    ----------
    architecture : Architecture
    loss, penalty, optimizer, schedule : components
    alpha : float or array of shape (W,)
        Factor of the penalty, one for all weights or one for each in the layout's order.
    prior : array of shape (W,) or None
        Weights that the penalty draws to; None for zero.
    rows : Dataset
        Training data.
    batch_size : int
        At most the number of rows.
    dtype : dtype
        Precision of the training.
    generator : numpy.random.Generator
        The member's own stream: initial weights, shuffles, masks. Not used when a state is given.
    n_epochs : int
        Epochs to train now.
    max_epochs : int
        Epochs that a schedule may stretch over.
    shuffle : bool
    tol : float
        Gain that counts an epoch as progress; for a full-batch optimizer, on the gradient.
    patience : int or None
        Epochs without progress after which the fit ends; None for never.
    validation : Dataset or None
        Rows that decide, by `score`, when to stop and which epoch's weights are kept.
    score : callable or None
        From raw scores (n, C) of the validation rows to a number, larger is better; of copies all scores (m n, C).
    report : callable or None
        Called with each epoch's record (a dict); when it returns True the fit ends.
    watch : callable or None
        Called with each epoch's record, and with the reason to end, either of which may be None. It has no say in the
        training, and is called in this process, wherever the training is.
    begin : callable or None
        Called before each epoch with a function that copies the state: as it is then, and in `report` as it is there.
    abandoned : callable or None
        Asked after each epoch whether nobody waits for the outcome any more; the fit then ends.
    max_time : float or None
        Seconds after which no further epoch begins; at least one is trained.
    state : State or None
        Where to go on from; None for a new network.
    function : MakesFunction or None
        Makes what a full-batch optimizer minimises; None for the engine's own.
    resume : bool
        Whether the state is that of a fit which was broken off, and is now brought to its end: its count of epochs and
        of those without progress goes on.
    idle : tuple of two bool arrays or None
        Inputs that are zero in all rows, and outputs whose targets are: their weights begin at zero, and stay there.
    keeps : str or None
        A column of the epochs' records: the weights of the epoch that is best by it are kept. None for the score of the
        validation rows, where there are any, else for the weights of the last epoch.
    learning_rate_factors, weight_decay_factors : mapping from roles to numbers
        Factors of the learning rate and of the optimizer's weight decay, for the parameters of a role. Where there is
        none, the learning rate is as it is, and the decay is that of weights only.
    weight_decay_schedule, dropout_schedule : Schedule or None
        Factors of the weight decay and of all probabilities of dropping, over time; None where they stay.
    judged : sequence of int or None
        The epochs, rising and counted from the first one ever, which may be chosen, and after which the validation rows
        are scored; None for all.
    evaluates_all : bool
        Whether the validation rows are scored after other epochs too, for the record.
    scaling : callable or None
        From raw scores (n, C) of the validation rows to factors (C,): scores and losses of the rows are of the raw
        scores times these, and those of the epoch that is kept are kept with it. None for no factors.
    progress : Progress or None
        The record that a new training begins with; None for an empty one.
    n_orders : int
        Orders of the rows in an epoch, whose batches are one: one for each member of a batch ensemble that sees rows
        of its own. 1 for batches that all see.
    frozen : tuple of int
        Layers that are not trained, by their places among `layer_names`.
    taken : mapping from leaves to mappings from names to arrays, or None
        Initial values of layers of a new network, without the member axis, in the place of those that are drawn and
        learned from the rows.
    pruned : mapping of the same kind or None
        Bool arrays, which are True where a parameter of these layers was pruned, and stays zero.
    moving : bool array or None
        Inputs that are numbers, as a mask, of which encodings among the layers taken learn anew from the rows.
    augmenter : Augmenter or None
        Changes the rows of its batches at random, by its own stream; None where they stay.
    parametrization : {"standard", "ntk"}
        What first-order steps are taken in: the weights W, or W sqrt(n_in).
    """

    architecture: Architecture
    loss: Loss
    penalty: Penalty = field(  # a member without kinks leaves out what they need
        metadata=counts_by(lambda member: (member.penalty.structure, bool(np.any(member.penalty.l1_weight))))
    )
    optimizer: Optimizer
    schedule: Schedule
    alpha: float | np.ndarray = field(  # a member without any leaves out the penalty, and what kinks need
        metadata=counts_by(lambda member: (np.ndim(member.alpha), bool(np.any(member.alpha))))
    )
    rows: Dataset = field(  # steps in an epoch: the last batch may differ, see `Batches`
        metadata=counts_by(lambda member: -(-member.rows.n // member.batch_size))
    )
    batch_size: int
    dtype: Any = field(metadata=counts_by(lambda member: np.dtype(member.dtype).str))
    generator: np.random.Generator = field(metadata=PER_MEMBER)
    n_epochs: int = field(metadata=counts_by(lambda member: member.n_epochs == 0))
    max_epochs: int
    shuffle: bool = field(default=True, metadata=PER_MEMBER)
    tol: float = field(default=1e-4, metadata=PER_MEMBER)
    patience: int | None = field(default=10, metadata=PER_MEMBER)
    validation: Dataset | None = field(default=None, metadata=counts_by(lambda member: member.validation is None))
    score: Callable[[np.ndarray], float] | None = field(default=None, metadata=PER_MEMBER)
    report: Callable[[dict[str, Any]], bool] | None = field(default=None, metadata=RUN_TIME)
    begin: Callable[[Callable[[], State]], None] | None = field(default=None, metadata=RUN_TIME)
    abandoned: Callable[[], bool] | None = field(default=None, metadata=RUN_TIME)
    max_time: float | None = field(default=None, metadata=RUN_TIME)
    state: State | None = field(default=None, metadata=counts_by(lambda member: member.is_masked))
    function: MakesFunction | None = field(default=None, metadata=PER_MEMBER)  # full-batch members never share arrays
    resume: bool = field(default=False, metadata=PER_MEMBER)
    prior: np.ndarray | None = field(default=None, metadata=counts_by(lambda member: member.prior is None))
    idle: tuple[np.ndarray | None, np.ndarray | None] = field(default=(None, None), metadata=PER_MEMBER)
    keeps: str | None = field(default=None, metadata=PER_MEMBER)
    watch: Watch | None = field(default=None, metadata=RUN_TIME)
    learning_rate_factors: Mapping[str, float] = field(default_factory=dict, metadata=PER_MEMBER)
    weight_decay_factors: Mapping[str, float] = field(default_factory=dict, metadata=PER_MEMBER)
    weight_decay_schedule: Schedule | None = None
    dropout_schedule: Schedule | None = None
    judged: Sequence[int] | None = field(default=None, metadata=PER_MEMBER)
    evaluates_all: bool = field(default=False, metadata=PER_MEMBER)
    scaling: Callable[[np.ndarray], np.ndarray] | None = field(default=None, metadata=PER_MEMBER)
    progress: Progress | None = field(default=None, metadata=PER_MEMBER)
    n_orders: int = 1
    augmenter: Augmenter | None = field(default=None, metadata=counts_by(lambda member: member.augmenter is None))
    parametrization: str = "standard"
    frozen: tuple[int, ...] = ()
    taken: Mapping[int, Mapping[str, np.ndarray]] | None = field(default=None, metadata=PER_MEMBER)
    pruned: Mapping[int, Mapping[str, np.ndarray]] | None = field(
        default=None, metadata=counts_by(lambda member: member.is_masked)
    )
    moving: np.ndarray | None = field(default=None, metadata=PER_MEMBER)

    @property
    def kept_by(self) -> str | None:
        """The column of the history whose best epoch's weights are kept; None where the last ones are."""
        if self.phase == 2:
            return None  # the trial has chosen the number of epochs: the last one is the best
        return self.keeps or (None if self.validation is None else "validation_score")

    @property
    def is_masked(self) -> bool:
        """True if some parameters were pruned, and stay zero."""
        return self.pruned is not None if self.state is None else self.state.mask is not None

    @property
    def phase(self) -> int:
        """The phase of the training, see `Progress`."""
        if self.state is not None:
            return self.state.progress[0].phase if self.resume else 0
        return 0 if self.progress is None else self.progress.phase

    def is_judged(self, epoch: int) -> bool:
        """True if the member's progress is judged after this epoch."""
        return self.judged is None or epoch in self.judged

    def since_judged(self, epoch: int) -> int:
        """The epochs up to this one, since the one before it that was judged."""
        if self.judged is None:
            return 1
        before = bisect_left(self.judged, epoch)
        return epoch - (self.judged[before - 1] if before else 0)

    def is_evaluated(self, epoch: int) -> bool:
        """True if the validation rows are scored after this epoch."""
        return self.evaluates_all or self.is_judged(epoch)

    @property
    def structure(self) -> Hashable:
        """A value that is equal for fits which may share a stack."""
        return structure_of(self)

    @property
    def largest_product(self) -> int:
        """Multiplications in the largest matrix product of a step."""
        return self.batch_size * self.architecture.outline.largest_product

    @property
    def threads_blas(self) -> bool:
        """True if the largest product is so large that BLAS's threads share it."""
        return self.largest_product >= BLAS_THREADS_FROM


@dataclass(frozen=True)
class TrainingResult:
    """A finished fit.

    Parameters
    ----------
    state : State
        Of one member; training goes on from here.
    theta, buffers : arrays of shape (1, P) and (1, Q)
        The weights to predict with: the best ones where the member keeps any, else the last ones.
    stop_reason : {"converged", "max_iter", "max_time", "stopped", "stalled", "interrupted", "diverged"}
    """

    state: State
    theta: np.ndarray
    buffers: np.ndarray
    stop_reason: str

    @classmethod
    def of(cls, state: State, stop_reason: str) -> TrainingResult:
        """The outcome of a state: the best weights where such are kept."""
        best = state.progress[0]
        theta, buffers = state.theta, state.buffers
        if best.best_theta is not None and best.best_buffers is not None:
            theta, buffers = best.best_theta, best.best_buffers
        return cls(state, theta, buffers if best.exact_buffers is None else best.exact_buffers, stop_reason)
