"""Gradients by differences, and what they cost."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from skdl._constraints import Real
from skdl.autodiff._tape import Variable, gradients

RELATIVE_STEP = float(np.finfo(np.float64).eps) ** (1 / 3)  # where truncation and rounding are about equal
SHOWN = 8


def numerical_gradient(f: Callable[[np.ndarray], Any], x: Any, *, step: float | None = None) -> np.ndarray:
    """The gradient of f at x by central differences in float64, from two values of f for each number of x.

    g_j = (f(x + h_j e_j) - f(x - h_j e_j)) / 2 h_j,  h_j = step max(1, |x_j|)

    The error is of the order h^2, from the terms that are left out, and eps / h, from the rounding of f.

    Parameters
    ----------
    f : callable
        From an array like x to a number. It may overwrite its argument.
    x : array-like
        Where; it stays as it is.
    step : float or None, default=None
        In (0, inf); None for eps^(1/3) = 6e-6, where both parts of the error are about equal.

    Returns
    -------
    gradient : array of the shape of x, float64

    Examples
    --------
    >>> import numpy as np
    >>> from skdl.autodiff import numerical_gradient
    >>> numerical_gradient(lambda x: x[0] ** 2 * x[1], [3.0, 2.0]).round(6)
    array([12.,  9.])
    """
    positive = Real(0, open_low=True)
    if not (step is None or positive.accepts(step)):
        raise ValueError(
            f"The 'step' parameter of numerical_gradient must be {positive} or None. Got {step!r} instead."
        )
    x = np.array(x, dtype=np.float64)
    gradient = np.empty_like(x)
    for index in np.ndindex(*x.shape):
        h = (RELATIVE_STEP if step is None else step) * max(1.0, abs(x[index]))
        ends = []
        for sign in (-1, 1):
            moved = x.copy()
            moved[index] += sign * h
            ends.append((float(moved[index]), number(f(moved))))  # the point is read before the call
        (low, below), (high, above) = ends
        gradient[index] = (above - below) / (high - low)
    return gradient


def number(y: Any) -> float:
    """What a function gave, which must be one number."""
    if y is None:
        raise TypeError("f must give a number. It gave None: does it return its result?")
    if np.size(y) != 1:
        raise ValueError(f"f must give a number. It gave an array of shape {np.shape(y)}.")
    return float(np.reshape(y, ()))


@dataclass(frozen=True)
class GradientComparison:
    """A gradient beside that of central differences.

    Attributes
    ----------
    value : float
        f(x).
    analytic, numerical : arrays of the shape of x
        The gradient that is compared, and that of the differences.
    relative_error : float
        The largest difference, relative to the largest component of both.
    n_evaluations : int
        How often f was called for the differences: twice for each number of x.
    analytic_seconds, numerical_seconds : float
        What each of the two took.
    """

    value: float
    analytic: np.ndarray
    numerical: np.ndarray
    relative_error: float
    n_evaluations: int
    analytic_seconds: float
    numerical_seconds: float

    def __str__(self) -> str:
        lines = [f"f = {self.value:.8g}", f"{'component':>12}{'analytic':>16}{'numerical':>16}{'difference':>12}"]
        indices = list(np.ndindex(*self.analytic.shape))
        for index in indices[:SHOWN]:
            one, other = self.analytic[index], self.numerical[index]
            lines.append(f"{','.join(map(str, index)):>12}{one:>16.8g}{other:>16.8g}{one - other:>12.1e}")
        if len(indices) > SHOWN:
            lines.append(f"{'...':>12} {len(indices) - SHOWN} more")
        cost = f"{self.n_evaluations} values of f in {1e3 * self.numerical_seconds:.3g} ms"
        lines.append(f"relative error {self.relative_error:.1e}")
        lines.append(f"cost: {cost}, against {1e3 * self.analytic_seconds:.3g} ms for the analytic gradient")
        return "\n".join(lines)


def compare_gradients(
    f: Callable[[Any], Any],
    x: Any,
    *,
    gradient: Callable[[np.ndarray], Any] | None = None,
    step: float | None = None,
) -> GradientComparison:
    """Put the gradient of f at x beside the numerical one, with the error and the cost of both.

    Parameters
    ----------
    f : callable
        From an array to a number, in NumPy's functions; without `gradient` it is called with a `Variable` too.
    x : array-like
        Where; computed in float64.
    gradient : callable or None, default=None
        From x to the gradient that is compared; None for that of the tape: one forward and one backward pass, whatever
        the number of variables.
    step : float or None, default=None
        Of `numerical_gradient`.

    Returns
    -------
    comparison : GradientComparison
        `print` shows it as a table.

    Examples
    --------
    >>> import numpy as np
    >>> from skdl.autodiff import compare_gradients
    >>> comparison = compare_gradients(lambda x: (np.sin(x) ** 2).sum(), np.linspace(0, 1, 50))
    >>> comparison.n_evaluations, comparison.relative_error < 1e-9
    (100, True)
    """
    x = np.array(x, dtype=np.float64)
    began = time.perf_counter()
    if gradient is None:
        given = Variable(x)
        y = f(given)
        found = gradients(y, [given])[0] if isinstance(y, Variable) else np.zeros_like(x)
    else:
        found = np.asarray(gradient(x.copy()))
    between = time.perf_counter()
    if found.shape != x.shape:
        raise ValueError(f"gradient must give an array of the shape of x, {x.shape}. It gave {found.shape}.")
    numerical = numerical_gradient(f, x, step=step)
    ended = time.perf_counter()
    scale = max(abs(found).max(initial=0.0), abs(numerical).max(initial=0.0), np.finfo(np.float64).tiny)
    error = float(abs(found - numerical).max(initial=0.0) / scale)
    value = number(f(x.copy()))
    return GradientComparison(value, found, numerical, error, 2 * x.size, between - began, ended - between)
