"""The components that make the objective of a training, losses and penalties; shapes are as in `skdl._protocols`."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np

from skdl._array import Array
from skdl._compiled import Rule, rule_of
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
    depends_on_rows : bool
        Whether there is another one for each set of rows, see `for_rows`.
    """

    task = "regression"
    standardizes = True
    depends_on_rows = False

    @property
    def link_name(self) -> str:
        """Name of the link; a loss whose link is not that of its task gives its own."""
        return {"classification": "softmax", "binary": "logistic"}.get(self.task, "identity")

    def check_targets(self, targets: np.ndarray) -> None:
        """Raise a ValueError for targets of shape (n, C) that the loss is not defined for."""

    def for_rows(self, targets: np.ndarray, weight: np.ndarray) -> Loss:
        """The loss for batches of these rows, or for all of them at once; by default itself.

        Parameters
        ----------
        targets : array of shape (1, n, C)
        weight : array of shape (1, n, 1)
            With a positive sum.
        """
        return self

    def link(self, scores: Array) -> Array:
        """Predictions (probabilities, means) from scores of shape (..., C), which stay as they are."""
        return scores

    def unlink(self, predictions: np.ndarray) -> np.ndarray | None:
        """Scores (..., C) of given predictions, the inverse of the link; None where there is none that is known.

        It is asked for targets of a regression that are all equal, and for averages of several networks' predictions.
        By default it is that of the task's own link: the logarithm of probabilities, for "binary" of their odds.
        """
        if self.task == "regression":
            return predictions if self.standardizes else None
        probabilities = np.maximum(np.asarray(predictions, np.float64), np.finfo(np.float64).tiny)
        scores: np.ndarray = np.log(probabilities)
        if self.task == "binary":
            scores -= np.log(np.maximum(1 - probabilities, np.finfo(np.float64).tiny))
        return scores

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


class WeightPlaces(NamedTuple):
    """Where the weights of a network lie among the W that a penalty is given, as indices.

    Parameters
    ----------
    layers : mapping from names to sequences of int arrays of shape (n_in, n_out)
        The weight matrices of each layer that has any, from below, by its name.
    inputs : sequence of int arrays
        The weights of each column of X; empty where no layer takes the columns as they are.
    names : sequence of str
        "input", "hidden_1", ..., "output": all layers of the network, with those that have no weights to penalise, such
        as frozen ones.
    """

    layers: Mapping[str, Sequence[np.ndarray]]
    inputs: Sequence[np.ndarray]
    names: Sequence[str]


class Penalty(Component):
    """A function of the weights that is added to the mean loss, times the estimator's `alpha`.

    One that treats all weights alike, without kinks, may give its gradient as scalar mathematics, a static method
    `derivative(weight, <hyperparameters by name>)` of a number: it joins the loop of the optimizer's rule. Others
    define `gradient`.

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
    is_separable : bool
        Whether it is a sum over the weights, so that each of them may have its own `alpha`.
    """

    l1_weight: Any = 0.0
    projects = False
    on_activations = False
    degree: int | None = None
    is_separable = True

    @property
    def parts(self) -> Sequence[Penalty]:
        """What it is a sum of."""
        return (self,)

    @property
    def of_activations(self) -> Penalty | None:
        """The part of it that is a function of the hidden activations."""
        return self if self.on_activations else None

    def for_weights(self, places: WeightPlaces) -> Penalty:
        """The same penalty of the weights of one network, of which it knows the places; asked where not separable."""
        return self

    @abstractmethod
    def value(self, weights: Array) -> Array:
        """The penalty of each member: shape (k,), for weights of shape (k, W)."""

    derivative: ClassVar[Any] = None

    @property
    def elementwise_derivative(self) -> Rule | None:
        """The derivative, where the penalty is written by one, rather than by array code."""
        return rule_of(type(self), "derivative", "gradient", "smooth_gradient")

    def gradient(self, weights: Array) -> Array:
        """Its gradient (or a subgradient) by the weights, of the same shape; may be `weights` itself."""
        # not by this method: it may be a subclass that asks
        derivative = rule_of(type(self), "derivative", "smooth_gradient")
        return self.smooth_gradient(weights) if derivative is None else self._by(derivative, weights)

    def smooth_gradient(self, weights: Array) -> Array:
        """The gradient of the part without kinks."""
        derivative = rule_of(type(self), "derivative", "gradient")
        return self.gradient(weights) if derivative is None else self._by(derivative, weights)

    def _by(self, derivative: Rule, weights: Array) -> Array:
        found: Array = derivative(weights, **derivative.numbers(self))
        return found

    def validate(self) -> Self:
        cls = type(self)
        if self.elementwise_derivative is None and cls.gradient is Penalty.gradient:
            raise TypeError(f"{cls.__name__} must define derivative or gradient, as its family asks for.")
        return super().validate()

    def project(self, weight: Array) -> None:
        """Move one layer's weights, of shape (k, n_in, n_out), to the nearest allowed ones, in place."""
