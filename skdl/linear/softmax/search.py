"""The choice of a search for a softmax regression, by the data and the penalty."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from skdl.engine import State, TrainingSpec
from skdl.linear.softmax.hessian import hessian_pays_off
from skdl.linear.softmax.objective import SoftmaxObjective
from skdl.linear.softmax.preconditioner import gram_sample_size


@dataclass(frozen=True)
class SoftmaxSearch:
    """A full-batch search that suits a member: the preconditioner, and what else the objective needs to know.

    Parameters
    ----------
    name : {"bohning", "hessian", "diagonal", "split"}
        The preconditioner: the variables that the search is in.
    raw : bool
        Whether the penalty is on the coefficients for X as it is, rather than on those of the columns in training.
    goes_on : bool
        Whether it starts where an earlier training ended.
    n_threads : int or None
        Threads over blocks of rows; None are as many as BLAS has.
    """

    name: str
    raw: bool
    goes_on: bool
    n_threads: int | None = None

    @classmethod
    def of(cls, member: TrainingSpec, *, raw: bool, n_threads: int | None) -> SoftmaxSearch:
        """The search that suits a member's data and penalty."""
        rows, n_classes = member.rows, member.architecture.n_outputs
        goes_on = member.state is not None and member.n_epochs > 1
        n_columns, entries = rows.X.shape[1], rows.X.size * rows.n / rows.X.shape[0]
        if np.any(member.penalty.l1_weight) and np.any(member.alpha):
            name = "split"
        elif goes_on and hessian_pays_off(rows.n, n_columns, n_classes, entries):
            name = "hessian"
        elif isinstance(rows.X, np.ndarray) and gram_sample_size(rows.n, n_columns, n_classes):
            name = "bohning"
        else:
            name = "diagonal"
        return cls(name, raw, goes_on, n_threads)

    def __call__(self, member: TrainingSpec, state: State) -> SoftmaxObjective:
        return SoftmaxObjective(member, state, self.name, raw=self.raw, goes_on=self.goes_on, n_threads=self.n_threads)
