"""The loss of several tasks: a weighted sum of losses over groups of columns, of the rows that have labels there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from skdl._array import Array
from skdl._protocols import Loss


class TaskLoss(Loss):
    """A factor times the loss of the rows that have a label; where there is none, the targets are NaN.

    Parameters
    ----------
    loss : Loss
    n_outputs : int
        Columns of scores and targets.
    factor : float, default=1.0
        In [0, inf).

    Shape
    -----
    scores and targets (k, B, n_outputs), weight (k, B, 1) -> value (k,), gradient (k, B, n_outputs)

    Examples
    --------
    >>> import numpy as np
    >>> from skdl.losses import SquaredError
    >>> from skdl.neural._task_losses import TaskLoss
    >>> scores, targets, weight = np.ones((1, 2, 1)), np.array([[[0.0], [np.nan]]]), np.ones((1, 2, 1))
    >>> TaskLoss(SquaredError(), 1, 2.0).value_and_gradient(scores, targets, weight)
    (array([1.]), array([[[2.],
            [0.]]]))
    """

    per_member = ("factor",)
    depends_on_rows = True

    def __init__(self, loss: Loss, n_outputs: int, factor: float = 1.0):
        self.loss = loss
        self.n_outputs = n_outputs
        self.factor = factor

    def for_rows(self, targets: np.ndarray, weight: np.ndarray) -> TaskLoss:
        """The same with a factor by which the weights of the rows with labels sum to that of all, if there are any."""
        labelled = _labelled(targets)
        if labelled.all():
            return self
        share = float(weight[labelled].sum(dtype=np.float64) / weight.sum(dtype=np.float64))
        return self.with_params(factor=self.factor / share if share > 0 else 0.0)

    def check_targets(self, targets: np.ndarray) -> None:
        self.loss.check_targets(targets[_labelled(targets)[..., 0]])

    def link(self, scores: Array) -> Array:
        return self.loss.link(scores)

    def value_and_gradient(self, scores: Array, targets: Array, weight: Array) -> tuple[Array, Array]:
        labelled = _labelled(targets)
        if not labelled.all():
            targets = np.where(labelled, targets, 0)
            weight = weight * labelled
        return self.loss.value_and_gradient(scores, targets, weight * self.factor)


class TaskLosses(Loss):
    """The sum of the losses of several tasks, each of neighbouring columns of its own.

    l(s, t) = sum_h factor_h loss_h(s_h, t_h)

    Parameters
    ----------
    tasks : sequence of TaskLoss

    Shape
    -----
    scores and targets (k, B, C), weight (k, B, 1) -> value (k,), gradient (k, B, C), C the sum of the tasks' columns

    Examples
    --------
    >>> import numpy as np
    >>> from skdl.losses import CrossEntropy
    >>> from skdl.neural._task_losses import TaskLoss, TaskLosses
    >>> losses = TaskLosses((TaskLoss(CrossEntropy(), 2), TaskLoss(CrossEntropy(), 3)))
    >>> losses.link(np.zeros((1, 5))).round(2)
    array([[0.5 , 0.5 , 0.33, 0.33, 0.33]])
    """

    depends_on_rows = True

    def __init__(self, tasks: Sequence[TaskLoss]):
        self.tasks = tasks

    @classmethod
    def mean(cls, losses: list[Loss], sizes: tuple[int, ...], weights: np.ndarray) -> TaskLosses:
        """The mean of losses by weights; each has so many columns."""
        shares = weights / weights.sum()
        return cls(tuple(TaskLoss(*task) for task in zip(losses, sizes, shares.tolist(), strict=True)))

    @property
    def link_name(self) -> str:
        """The links' names, those of all tasks where they differ."""
        names = [task.loss.link_name for task in self.tasks]
        return names[0] if len(set(names)) == 1 else ", ".join(names)

    def for_rows(self, targets: np.ndarray, weight: np.ndarray) -> TaskLosses:
        return TaskLosses(tuple(task.for_rows(targets[..., columns], weight) for task, columns in self._groups()))

    def check_targets(self, targets: np.ndarray) -> None:
        for task, columns in self._groups():
            task.check_targets(targets[:, columns])

    def link(self, scores: Array) -> Array:
        """Each loss's link."""
        linked = np.empty_like(scores)
        for task, columns in self._groups():
            linked[..., columns] = task.link(scores[..., columns])
        return linked

    def value_and_gradient(self, scores: Array, targets: Array, weight: Array) -> tuple[Array, Array]:
        if len(self.tasks) == 1:  # in the bits of its loss alone
            return self.tasks[0].value_and_gradient(scores, targets, weight)
        value = 0.0
        for task, columns in self._groups():
            # Copies, so that a group is computed as if it were alone, whatever stands beside it.
            part, gradient = task.value_and_gradient(scores[..., columns].copy(), targets[..., columns].copy(), weight)
            scores[..., columns] = gradient
            value = value + part
        return value, scores

    def _groups(self) -> Iterator[tuple[TaskLoss, slice]]:
        stop = 0
        for task in self.tasks:
            start, stop = stop, stop + task.n_outputs
            yield task, slice(start, stop)


def _labelled(targets: np.ndarray) -> np.ndarray:
    """Which rows have a label, (..., 1)."""
    first = targets[..., :1]
    there: np.ndarray = first == first
    return there
