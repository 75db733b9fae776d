"""The candidates of a committee: configurations of networks, and other estimators that join, each with its jobs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from skdl.ensemble._base import Estimator, seed_of
from skdl.ensemble._member_job import MemberJob, seeded
from skdl.neural.trainable import is_trainable, trainable
from skdl.tabular._folds import Fold
from skdl.tabular._table_member import for_tables
from skdl.tabular.portfolio import configurations

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

    def jobs(self, folds: Sequence[Fold], weight: np.ndarray | None, entropy: int) -> list[MemberJob]:
        """The jobs of its members, one for each fold."""
        if not self.is_network:
            return [
                MemberJob(self._seeded(entropy, k), rows=fold.training, weight=weight) for k, fold in enumerate(folds)
            ]
        stops = trainable(self.template).settings.early_stopping
        training = self._training([len(fold.training) for fold in folds])
        return [
            MemberJob(
                self._seeded(entropy, k),
                rows=fold.training,
                weight=weight,
                recipe=self.number,
                validation=fold.unseen if stops else None,
                training=training,
            )
            for k, fold in enumerate(folds)
        ]

    def refit_jobs(
        self, n_members: int, n_epochs: int, kept: np.ndarray, weight: np.ndarray | None, entropy: int
    ) -> list[MemberJob]:
        """The jobs of members that learn all rows in `kept`: of networks so many, for so many epochs; else one."""
        if not self.is_network:
            return [MemberJob(self._seeded(entropy, REFIT), rows=kept, weight=weight)]
        training = {"n_epochs": n_epochs}
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

    def _training(self, sizes: Sequence[int]) -> Mapping[str, Any]:
        """The batch size for members that learn so many rows each: one with which all take the same number of steps.

        The rule for `batch_size="auto"` would give some of them another one, and networks with other batches are
        trained in stacks of their own.
        """
        settings = trainable(self.template).settings
        if settings.optimizer.full_batch or not isinstance(settings.batch_size, str):
            return {}
        usual = settings.batch_rows(max(sizes))
        for size in range(usual, max(1, usual // 2), -1):
            if -(-min(sizes) // size) == -(-max(sizes) // size):
                return {"batch_size": size}
        return {}


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
    return [Candidate(name, template, i) for i, (name, template) in enumerate([*named, *joined])]


def _members(members: Any, owner: str) -> list[tuple[str, Any]]:
    pairs = [tuple(item) for item in members if isinstance(item, (list, tuple)) and len(item) == 2]
    valid = len(pairs) == len(members) and all(
        isinstance(name, str) and Estimator().accepts(member) for name, member in pairs
    )
    if not valid:
        raise ValueError(
            f"The 'members' parameter of {owner} must be a list of (name, estimator) pairs. Got {members!r} instead."
        )
    return pairs
