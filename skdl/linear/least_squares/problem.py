"""A validated least-squares problem, and its solution."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from scipy import sparse

from skdl.linear.solvers.reduction import Reduction


class Setting(NamedTuple):
    """The options of a problem: all that its solution depends on besides the rows."""

    alpha: float | np.ndarray  # of half the squares, one number or (d,)
    prior: np.ndarray | None  # (d, k)
    fit_intercept: bool
    noise: float  # relative rounding error of the numbers in X; that of float32 asks for fewer digits
    positive: bool = False  # whether no coefficient may be negative
    l1: float | np.ndarray = 0.0  # of the absolute values, one number or (d,)

    @property
    def penalised(self) -> bool:
        return bool(np.any(self.alpha) or self.has_kinks)

    @property
    def has_kinks(self) -> bool:
        """Whether absolute values are penalised."""
        return bool(np.any(self.l1))


@dataclass(frozen=True)
class Problem:
    """Minimise sum_i w_i (y_i - x_i w - b)^2 / sum_i w_i + sum_j (1/2 alpha_j v_j^2 + l1_j |v_j|), v = w - prior."""

    X: Any  # (n, d) array in any order, or CSR matrix
    y: np.ndarray  # (n, k)
    weight: np.ndarray | None  # (n,), positive, the largest 1
    unit: float  # the largest weight
    setting: Setting
    check: Callable[[], None]  # raises if X holds what is not finite; a sum over X may show this first

    @property
    def is_sparse(self) -> bool:
        return bool(sparse.issparse(self.X))

    @property
    def total(self) -> float:
        return float(len(self.y) if self.weight is None else self.weight.sum())

    @property
    def penalty(self) -> np.ndarray | None:
        """Factors (d,) of the squared coefficients in the sum (not the mean) of squares."""
        if not np.any(self.setting.alpha):
            return None
        return np.broadcast_to(np.asarray(self.setting.alpha) / 2 * self.total, self.X.shape[1])

    @cached_property
    def targets(self) -> np.ndarray:
        return self.y.astype(np.float64, copy=False)

    def rows(self, part: slice) -> np.ndarray:
        return np.asarray(self.X[part].toarray() if self.is_sparse else self.X[part])


class Solution(NamedTuple):
    """A minimum, and the statistics of its fit."""

    coef: np.ndarray  # (d, k)
    x_mean: np.ndarray  # (d,)
    y_mean: np.ndarray  # (k,)
    rss: np.ndarray  # (k,) weighted residual sums of squares, where the largest weight is 1
    tss: np.ndarray  # (k,) those of the targets, centred if an intercept is fitted
    total: float  # sum of weights, where the largest weight is 1
    unit: float  # the largest weight
    rank: int | None
    solver: str
    setting: Setting
    reduction: Reduction | None = None
    intercept: np.ndarray | None = None  # (k,), where it is known to more digits than the means and `coef` give it
    y_exponent: np.ndarray | int = 0  # rss and tss are those of targets over two to this power
    gap: np.ndarray | None = None  # (k,) by how much the objective may be above its minimum, where that was computed
