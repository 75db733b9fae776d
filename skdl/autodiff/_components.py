"""Components from a forward function alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from skdl._array import Array, namespace, to_numpy, weighted_sum
from skdl._constraints import NONE, Function, OneOf, Text
from skdl._protocols import NO_GRADIENTS, Activation, Backprop, Gradients, Loss
from skdl.autodiff._tape import Variable, gradients


class FunctionActivation(Activation):
    """An activation from its function; the derivative comes from the tape.

    It is also called `skdl.activations.from_function`. An instance pickles when its function does, as one of a module
    does, and a lambda does not.

    Parameters
    ----------
    function : callable
        From a `Variable` to one of the same shape, elementwise, by what NumPy offers. Its constants should be Python
        numbers, so that float32 stays float32, and it should neither overflow nor divide by zero.
    name : str or None, default=None
        Name in errors and `repr`; the function's own name by default.

    Shape
    -----
    (k, B, n) -> (k, B, n)

    Examples
    --------
    >>> import numpy as np
    >>> from skdl import MLPClassifier
    >>> from skdl.activations import from_function
    >>> def softsign(x):
    ...     return x / (1 + np.abs(x))
    >>> MLPClassifier(activation=from_function(softsign))
    MLPClassifier(activation=FunctionActivation(function=softsign))
    """

    constraints = {"function": Function(), "name": NONE | Text()}

    def __init__(self, function: Callable[[Variable], Variable], *, name: str | None = None):
        self.function = function
        self.name = name

    def forward(self, x: Array) -> tuple[Array, Backprop]:
        given = Variable(to_numpy(x))
        y = self.function(given)
        _check(self, y, given.shape)

        def backprop(dy: Array) -> tuple[Array, Gradients]:
            return gradients(y, [given], dy)[0], NO_GRADIENTS

        return np.array(y.value, dtype=given.dtype), backprop

    def __repr__(self) -> str:
        return _with_named_function(self, super().__repr__())


class FunctionLoss(Loss):
    """A loss from its function; the gradient comes from the tape.

    It is also called `skdl.losses.from_function`. An instance pickles when its function does, as one of a module does,
    and a lambda does not.

    Parameters
    ----------
    function : callable
        From scores, a `Variable` of shape (k, B, C), and targets, an array of that shape, to the losses of the rows, a
        `Variable` of shape (k, B).
    task : {"regression", "classification", "binary"}, default="regression"
        Kind of the targets, and with it the link: the identity for reals, the softmax for probabilities of classes,
        the sigmoid for probabilities of events. The function gets the scores before the link.
    name : str or None, default=None
        Name in errors and `repr`; the function's own name by default.

    Shape
    -----
    scores and targets (k, B, C), weight (k, B, 1) -> value (k,), gradient (k, B, C)

    Examples
    --------
    >>> import numpy as np
    >>> from skdl.losses import from_function
    >>> def log_cosh(scores, targets):
    ...     error = scores - targets
    ...     return (np.logaddexp(error, -error) - np.log(2)).mean(axis=-1)
    >>> loss = from_function(log_cosh)
    >>> loss
    FunctionLoss(function=log_cosh)
    >>> loss.value_and_gradient(np.array([[[1.0]]]), np.zeros((1, 1, 1)), np.ones((1, 1, 1)))[1].round(4)  # tanh(1)
    array([[[0.7616]]])
    """

    constraints = {
        "function": Function(),
        "task": OneOf("regression", "classification", "binary"),
        "name": NONE | Text(),
    }

    def __init__(
        self, function: Callable[[Variable, Array], Variable], *, task: str = "regression", name: str | None = None
    ):
        self.function = function
        self.task = task
        self.name = name

    def link(self, scores: Array) -> Array:
        """The task's link: the identity, the softmax or the sigmoid."""
        if self.task == "regression":
            return scores
        xp = namespace(scores)
        if self.task == "binary":
            small = xp.exp(-xp.abs(scores))
            return xp.maximum(small, scores >= 0) / (1 + small)
        p = xp.exp(scores - xp.max(scores, axis=-1, keepdims=True))
        return p / xp.sum(p, axis=-1, keepdims=True)

    def value_and_gradient(self, scores: Array, targets: Array, weight: Array) -> tuple[Array, Array]:
        given = Variable(to_numpy(scores))
        rows = self.function(given, targets)
        _check(self, rows, given.shape[:-1])
        value = weighted_sum(np.asarray(rows.value, dtype=given.dtype)[..., None], weight)
        return value, gradients(rows, [given], weight[..., 0])[0]

    def __repr__(self) -> str:
        return _with_named_function(self, super().__repr__())


def _check(component: Any, result: Any, shape: tuple[int, ...]) -> None:
    """Raise for what a function of these shapes cannot mean."""
    name = component.name or getattr(component.function, "__name__", "the function")
    if not isinstance(result, Variable):
        raise TypeError(f"{name} must return a Variable. Got {type(result).__name__}.")
    if result.shape != shape:
        raise ValueError(f"{name} must return a Variable of shape {shape}. Got {result.shape}.")


def _with_named_function(component: Any, text: str) -> str:
    """A component's repr, in which a function is its name rather than its address."""
    return text.replace(repr(component.function), getattr(component.function, "__name__", repr(component.function)))
