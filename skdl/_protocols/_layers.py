"""The components that a network is built of; shapes are as in `skdl._protocols`."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Self

import numpy as np

from skdl._array import Array
from skdl._compiled import Rule, rule_of
from skdl._component import Component

Gradients = Mapping[str, Array]
Backprop = Callable[[Array], tuple[Array, Gradients]]
NO_GRADIENTS: Gradients = {}


class Activation(Component):
    """A function f between layers: elementwise, or of the same few numbers for each unit.

    One of +, -, *, /, np.sqrt, np.abs, np.sign, np.maximum, np.minimum, np.clip, np.where, x**2 and comparisons may be
    written as scalar mathematics, by two static methods of a number: `rule(x, <hyperparameters by name>) -> y` and
    `derivative(y, <hyperparameters by name>) -> f'(x)`, which sees the result. They are compiled into loops, with the
    bias of the layer, where Numba is installed. Others define `forward`.

    Attributes
    ----------
    initializer : str
        The name of the initializer that `initializer="auto"` takes for a layer with this activation.
    n_pieces : int
        Numbers that a unit takes, 1 for an elementwise function. They are those that lie n_units apart in x.
    """

    initializer = "glorot_uniform"
    n_pieces: int = 1

    def parameters(self, n_units: int) -> Mapping[str, Array]:
        """Initial values of learned parameters by name, each of shape (1, n_units) or (1, 1); none by default."""
        return {}

    rule: ClassVar[Any] = None
    derivative: ClassVar[Any] = None

    @property
    def elementwise_rules(self) -> tuple[Rule, Rule] | None:
        """Rule and derivative, where the activation is written by them, rather than by array code."""
        rule, derivative = (rule_of(type(self), name, "forward") for name in ("rule", "derivative"))
        return None if rule is None or derivative is None else (rule, derivative)

    def forward(self, x: Array, *args: Any, **parameters: Any) -> tuple[Array, Backprop]:
        """f(x) and its adjoint.

        Parameters
        ----------
        x : array of shape (k, B, n_pieces * n)
            Owned by this call.
        **parameters : arrays of shape (k, 1, n) or (k, 1, 1)
            The learned parameters, if `parameters` names any.

        Returns
        -------
        y : array of shape (k, B, n)
            Stays as it is until `backprop` was called, which may use it.
        backprop : callable
            Takes the loss's gradient by y, which it owns, and returns (gradient by x, gradients of parameters by name).
        """
        rule, derivative = (Rule(getattr(type(self), name)) for name in ("rule", "derivative"))
        y: Array = np.asarray(rule(x, **rule.numbers(self)), x.dtype)

        def backprop(dy: Array) -> tuple[Array, Gradients]:
            dy *= derivative(y, **derivative.numbers(self))
            return dy, NO_GRADIENTS

        return y, backprop

    def validate(self) -> Self:
        if self.elementwise_rules is None and type(self).forward is Activation.forward:
            raise TypeError(
                f"{type(self).__name__} must define rule and derivative, or forward, as its family asks for."
            )
        if self.elementwise_rules is not None and (self.n_pieces != 1 or self.parameters(1)):
            raise TypeError(
                f"{type(self).__name__} must define forward: a rule is a function of one number, and learns nothing."
            )
        return super().validate()

    def __call__(self, x: Array) -> Array:
        """f(x), of each row, with x left as it is."""
        x = np.array(x, ndmin=1)
        x = x.astype(np.result_type(x, np.float32), copy=False)
        learned = self.parameters(x.shape[-1] // self.n_pieces)
        arrays = {name: np.asarray(value, x.dtype)[0] for name, value in learned.items()}
        return self.forward(x, **arrays)[0]


class Initializer(Component):
    """A distribution of initial weights.

    Attributes
    ----------
    learns_from_rows : bool
        Whether the training rows have a say in them (`from_rows`).
    """

    learns_from_rows = False

    @abstractmethod
    def draw(self, generator: np.random.Generator, n_in: int, n_out: int) -> np.ndarray:
        """One member's weights of one layer, a float64 array of shape (n_in, n_out)."""

    def from_rows(
        self, drawn: np.ndarray, x: np.ndarray, weight: np.ndarray | None, generator: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """One member's weights (n_in, n_out) and biases (n_out,) of one layer, when its inputs are known.

        Parameters
        ----------
        drawn : array of shape (n_in, n_out)
            What `draw` has given.
        x : array of shape (n, n_in)
            What comes to the layer of training rows.
        weight : array of shape (n,) or None
            Weights of the rows up to a common factor; None where they are equal.
        generator : numpy.random.Generator
            The member's own.
        """
        raise TypeError(f"{type(self).__name__} learns nothing from rows.")


class Normalization(Component):
    """A map between the affine map and the activation that fixes the scale of what passes.

    Attributes
    ----------
    folds : bool
        Whether at prediction it is a fixed scale and shift of each unit (`fold`), to be folded into the affine map.
    one_row_warning : str or None
        What a training warns of, once, when a batch has one row only; None where it is a batch like others.
    from_population : bool
        Whether after training its buffers are set (`set_statistics`) to the exact statistics of all training rows.
    """

    folds = False
    one_row_warning: str | None = None

    @property
    def from_population(self) -> bool:
        return False

    def fold(self, *args: Any, **arrays: Any) -> tuple[Array, Array]:
        """Scale and shift of each unit at prediction, from its parameters and buffers."""
        raise TypeError(f"{type(self).__name__} does not fold into a fixed scale and shift.")

    def set_statistics(self, moments: tuple[Array, Array], **arrays: Array) -> None:
        """Write the mean and variance of its inputs over all training rows, (k, 1, n), into its buffers."""

    def parameters(self, n_units: int) -> Mapping[str, Array]:
        """Initial values of the learned parameters by name, each of shape (1, n_units)."""
        return {}

    def buffers(self, n_units: int) -> Mapping[str, Array]:
        """Initial values of what is tracked in training but not learned, each of shape (1, n_units)."""
        return {}

    @abstractmethod
    def forward(self, x: Array, *args: Any, **arrays: Any) -> tuple[Array, Backprop]:
        """The normalized x and its adjoint; in training, buffers are updated in place.

        Parameters
        ----------
        x : array of shape (k, B, n)
            Owned by this call.
        **arrays
            `training`, a bool, and parameters and buffers by name, arrays of shape (k, 1, n).

        Returns
        -------
        y : array of shape (k, B, n)
            Handed over to the activation, which may overwrite it before `backprop` is called.
        backprop : callable
            As that of an activation.
        """
