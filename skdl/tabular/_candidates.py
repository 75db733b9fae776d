"""The candidates of a committee: configurations of networks, and other estimators that join, each with its jobs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from sklearn.base import clone

from skdl.engine import TrainingSpec
from skdl.ensemble._base import Estimator, seed_of
from skdl.ensemble._member_job import MemberJob, ScoreRecord, seeded
from skdl.neural.trainable import is_trainable, trainable
from skdl.tabular._folds import Fold
from skdl.tabular._table_member import for_tables
from skdl.tabular.portfolio import configurations

MOST_RECORDED = 1 << 25  # scores of rows after epochs, of all members of a configuration: 128 MB in float32
REFIT = 1  # in the key of seeds: of networks that are trained on all rows


@dataclass(frozen=True)
class Candidate:
    """An unfitted estimator of which there is one member for each fold.

    Parameters
    ----------
    name : str
    template : estimator
    number : int
        Its place in the committee, which its seeds depend on.
    """

    name: str
    template: Any
    number: int

    @property
    def is_network(self) -> bool:
        """True if its members are trained as one stack."""
        return is_trainable(self.template)

    def for_table(self, X: Any) -> Candidate:
        """The candidate as it can take X, which may be a frame."""
        return self if self.is_network else replace(self, template=for_tables(self.template, X))

    def jobs(self, folds: Sequence[Fold], weight: np.ndarray | None, entropy: int, n_outputs: int) -> list[MemberJob]:
        """The jobs of its members, one for each fold; of networks with so many outputs."""
        if not self.is_network:
            return [
                MemberJob(self._seeded(entropy, k), rows=fold.training, weight=weight) for k, fold in enumerate(folds)
            ]
        settings = trainable(self.template).settings
        training = self._training([len(fold.training) for fold in folds])
        numbers = n_outputs * settings.max_iter * sum(len(fold.unseen) for fold in folds)
        records = [ScoreRecord() if settings.early_stopping and numbers <= MOST_RECORDED else None for _ in folds]
        return [
            MemberJob(
                self._seeded(entropy, k),
                rows=fold.training,
                weight=weight,
                recipe=self.number,
                validation=fold.unseen if settings.early_stopping else None,
                training=training,
                record=record,
                is_needed=False,
            )
            for k, (fold, record) in enumerate(zip(folds, records, strict=True))
        ]

    def refit_jobs(
        self, n_members: int, n_epochs: int | None, kept: np.ndarray, weight: np.ndarray | None, entropy: int
    ) -> list[MemberJob]:
        """The jobs of members that learn all rows in `kept`: of networks so many, for so many epochs (None: as
        many as their parameters say); else one.
        """
        if not self.is_network:
            return [MemberJob(self._seeded(entropy, REFIT), rows=kept, weight=weight)]
        training = self._training([len(kept)], **({} if n_epochs is None else {"n_epochs": n_epochs}))
        return [
            MemberJob(
                self._seeded(entropy, k, REFIT),
                rows=kept,
                weight=weight,
                recipe=self.number,
                stopping=False,
                training=training,
            )
            for k in range(n_members)
        ]

    def _seeded(self, entropy: int, *key: int) -> Any:
        return seeded(self.template, seed_of(entropy, self.number, *key), keep=True)

    def _training(self, sizes: Sequence[int], **changes: Any) -> Callable[[TrainingSpec], TrainingSpec]:
        """The changes, and the batch size for members that learn so many rows each.

        It is one with which all take the same number of steps, and none is left with a batch of a single row, of which
        there is no variance. The rule for `batch_size="auto"` would give some of them another one, and networks with
        other batches are trained in stacks of their own.
        """
        settings = trainable(self.template).settings
        if not settings.optimizer.full_batch and isinstance(settings.batch_size, str):
            usual = settings.batch_rows(max(sizes))
            for size in range(usual, max(1, usual // 2), -1):
                if -(-min(sizes) // size) == -(-max(sizes) // size) and all(n % size != 1 for n in sizes):
                    changes["batch_size"] = size
                    break
        return partial(replace, **changes)


def candidates_of(portfolio: Any, members: Any, kind: str, owner: str) -> list[Candidate]:
    """The configurations of the portfolio, in their order, and the members that join."""
    named = [] if portfolio is None else configurations(portfolio, kind, owner)
    joined = [] if members is None else _members(members, owner)
    names = [name for name, _ in [*named, *joined]]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"The names of members and configurations of {owner} must differ. Got {twice} more than once.")
    if not names:
        raise ValueError(f"{owner} needs a configuration in its 'portfolio', or one of 'members'. Got neither.")
    return [Candidate(name, _stopping(template), i) for i, (name, template) in enumerate([*named, *joined])]


def _stopping(estimator: Any) -> Any:
    """The estimator; a network that would set rows apart for a trial is judged by its fold's rows, as they come.

    What is calibrated is the committee.
    """
    if not is_trainable(estimator) or not isinstance(getattr(estimator, "early_stopping", False), str):
        return estimator
    return clone(estimator).set_params(early_stopping="refit", calibrate=False)


def _members(members: Any, owner: str) -> list[tuple[str, Any]]:
    pairs = [tuple(item) for item in members if isinstance(item, (list, tuple)) and len(item) == 2]
    valid = len(pairs) == len(members) and all(
        isinstance(name, str) and "__" not in name and Estimator().accepts(member) for name, member in pairs
    )
    if not valid:
        raise ValueError(
            f"The 'members' parameter of {owner} must be a list of (name, estimator) pairs, with names "
            f"that have no '__'. Got {members!r} instead."
        )
    return pairs
