"""The loss of several outputs to classify: the mean of one loss over groups of columns."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from skdl._array import Array
from skdl._protocols import Loss


class MultiOutputLoss(Loss):
    """The mean of a loss over groups of neighbouring columns, each with a link of its own.

    l(s, t) = 1/q sum_h loss(s_h, t_h),  h = 1 ... q

    Parameters
    ----------
    loss : Loss
        The loss of each group.
    sizes : tuple of int
        Columns of each group.

    Shape
    -----
    scores and targets (k, B, sum(sizes)), weight (k, B, 1) -> value (k,), gradient (k, B, sum(sizes))

    Examples
    --------
    >>> import numpy as np
    >>> from skdl.losses import CrossEntropy
    >>> from skdl.neural._multi_output_loss import MultiOutputLoss
    >>> MultiOutputLoss(CrossEntropy(), (2, 3)).link(np.zeros((1, 5))).round(2)
    array([[0.5 , 0.5 , 0.33, 0.33, 0.33]])
    """

    def __init__(self, loss: Loss, sizes: tuple[int, ...]):
        self.loss = loss
        self.sizes = sizes
        self.task = loss.task

    def check_targets(self, targets: np.ndarray) -> None:
        for columns in self._groups():
            self.loss.check_targets(targets[:, columns])

    def link(self, scores: Array) -> Array:
        """The loss's link, group by group."""
        linked = np.empty_like(scores)
        for columns in self._groups():
            linked[..., columns] = self.loss.link(scores[..., columns])
        return linked

    def value_and_gradient(self, scores: Array, targets: Array, weight: Array) -> tuple[Array, Array]:
        weight = weight * (1 / len(self.sizes))
        value = 0.0
        for columns in self._groups():
            # Copies, so that a group is computed as if it were alone, whatever stands beside it.
            part, gradient = self.loss.value_and_gradient(
                scores[..., columns].copy(), targets[..., columns].copy(), weight
            )
            scores[..., columns] = gradient
            value = value + part
        return value, scores

    def _groups(self) -> Iterator[slice]:
        stop = 0
        for size in self.sizes:
            start, stop = stop, stop + size
            yield slice(start, stop)
