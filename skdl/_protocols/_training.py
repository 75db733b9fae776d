"""The components that a network is trained by; shapes are as in `skdl._protocols`."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from skdl._array import Array
from skdl._component import Component


class Loss(Component):
    """A loss on raw scores that owns its link.

    Attributes
    ----------
    task : str
        "classification" (targets are probabilities), "binary" (each column is the probability of one event) or
        "regression" (targets are reals).
    standardizes : bool
        Whether targets of a regression may be shifted and scaled before the training, and predictions shifted and
        scaled back. Not where the loss is one of counts, or its link is not the identity.
    """

    task = "regression"
    standardizes = True

    @property
    def link_name(self) -> str:
        """Name of the link; a loss whose link is not that of its task gives its own."""
        return {"classification": "softmax", "binary": "logistic"}.get(self.task, "identity")

    def check_targets(self, targets: np.ndarray) -> None:
        """Raise a ValueError for targets of shape (n, C) that the loss is not defined for."""

    def link(self, scores: Array) -> Array:
        """Predictions (probabilities, means) from scores of shape (..., C), which stay as they are."""
        return scores

    def unlink(self, predictions: np.ndarray) -> np.ndarray | None:
        """Scores (..., C) of given predictions, the inverse of the link; None where there is none that is known.

        It is asked for targets that are all equal.
        """
        return predictions if self.standardizes else None

    @abstractmethod
    def value_and_gradient(self, scores: Array, targets: Array, weight: Array) -> tuple[Array, Array]:
        """The weighted sum of the rows' losses and its gradient, computed stably.

        Parameters
        ----------
        scores : array of shape (k, B, C)
            Owned by this call.
        targets : array of shape (k, B, C)
        weight : array of shape (k, B, 1)
            With 1 / B in each row the value is the mean loss.

        Returns
        -------
        value : array of shape (k,)
        gradient : array of shape (k, B, C)
        """


class Optimizer(Component):
    """A rule that turns gradients into steps.

    Attributes
    ----------
    full_batch : bool
        Whether the rule drives the objective of all rows by itself (`minimize`), or gives a direction for each batch.
    takes_bounds : bool
        Whether `minimize` takes bounds, `lower`.
    state_names : tuple of str
        Names of the arrays that the rule keeps from step to step.
    learning_rate, weight_decay, clip_norm, clip_value
        Applied by the engine: theta <- theta - learning_rate * factor * (d + weight_decay * theta), the decay on
        weights only, with the gradient clipped before the rule sees it, to numbers in [-clip_value, clip_value] and to
        a norm of at most clip_norm for each member (None for neither).
    """

    full_batch = False
    takes_bounds = False
    state_names: tuple[str, ...] = ()
    learning_rate: Any
    weight_decay: Any = 0.0
    clip_norm: float | None = None
    clip_value: float | None = None

    def direction(self, gradient: Array, state: Mapping[str, Array], step: Array) -> Array:
        """The direction d of one step; the engine goes theta <- theta - learning_rate * schedule * d.

        Parameters
        ----------
        gradient : array of shape (k, P)
            Owned by this call.
        state : mapping of arrays of shape (k, P)
            One array for each name in `state_names`, zeros at the start, updated in place.
        step : array of shape (k, 1)
            The number of this step, from 1, in the gradient's dtype.
        """
        raise TypeError(f"{type(self).__name__} has no direction of its own: it is a full-batch optimizer.")

    def minimize(
        self,
        function: Callable[[np.ndarray], tuple[float, np.ndarray]],
        theta: np.ndarray,
        *,
        max_iter: int,
        tol: float,
        report: Callable[[np.ndarray, float], bool],
    ) -> tuple[np.ndarray, bool]:
        """Minimise the objective of all rows from `theta` of shape (P,), in float64.

        `report(theta, value)` is called after each iteration; when it returns True the search stops. An optimizer that
        takes bounds has one more argument, `lower=None`: an array of shape (P,) of the least that theta may be.

        Returns
        -------
        theta : array of shape (P,)
        converged : bool
            Whether the largest absolute component of the gradient fell to `tol`; at a bound, the gradient may point
            over it.
        """
        raise TypeError(f"{type(self).__name__} is not a full-batch optimizer.")


class Schedule(Component):
    """The learning rate over time, as a factor of the optimizer's learning rate."""

    @abstractmethod
    def factor(self, step: Array, *, steps_per_epoch: int, max_epochs: int) -> Array:
        """The factor for each step.

        Parameters
        ----------
        step : array of shape (k, S)
            Steps done before, from 0, in float64.
        steps_per_epoch, max_epochs : int
            The length of an epoch, and of the whole fit, for schedules that are stretched over it.

        Returns
        -------
        factor : array that broadcasts to the shape of `step`
        """

    def epoch_factor(self, losses: Sequence[float]) -> float:
        """One more factor, for all steps of the coming epoch, from what one member has reached so far; 1 by default.

        It is asked of the member's own component, not of a stack, and must depend on nothing but its arguments, so that
        a fit goes on as it would have without a break.

        Parameters
        ----------
        losses : sequence of float
            The loss after each epoch done: of the validation rows where there are any, else of the training.
        """
        return 1.0


class Penalty(Component):
    """A function of the weights that is added to the mean loss, times the estimator's `alpha`.

    Attributes
    ----------
    l1_weight : float
        The factor of sum_j |w_j| in it; at its kinks, first-order training holds weights at exactly zero.
    projects : bool
        Whether it is a constraint on each weight matrix, which `project` meets after every step.
    on_activations : bool
        Whether it is a function of the hidden activations rather than of the weights.
    degree : int or None
        The power by which it grows with its weights, R(c w) = |c|^degree R(w), if there is one.
    """

    l1_weight: Any = 0.0
    projects = False
    on_activations = False
    degree: int | None = None

    @abstractmethod
    def value(self, weights: Array) -> Array:
        """The penalty of each member: shape (k,), for weights of shape (k, W)."""

    @abstractmethod
    def gradient(self, weights: Array) -> Array:
        """Its gradient (or a subgradient) by the weights, of the same shape; may be `weights` itself."""

    def smooth_gradient(self, weights: Array) -> Array:
        """The gradient of the part without kinks."""
        return self.gradient(weights)

    def project(self, weight: Array) -> None:
        """Move one layer's weights, of shape (k, n_in, n_out), to the nearest allowed ones, in place."""
