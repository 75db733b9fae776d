"""Descent of any function by any of the optimizers, with the path that it takes."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from skdl import _registry
from skdl._array import in_order, norms
from skdl._component import Component
from skdl._constraints import Integer, Real
from skdl._descent import Descent
from skdl._protocols import FirstOrderOptimizer, Schedule
from skdl.autodiff import Variable, gradients
from skdl.autodiff._numerical import number

ValueAndGradient = Callable[[np.ndarray], tuple[float, np.ndarray]]


@dataclass(frozen=True)
class DescentPath:
    """Where a descent has been: points 0, ..., T, and what was found at each.

    Attributes
    ----------
    points : array of shape (T + 1, ...)
        The start, and the point after each step.
    values : array of shape (T + 1,)
        The function there.
    gradient_norms : array of shape (T + 1,)
        The Euclidean norm of the gradient there, before it is clipped.
    learning_rates : array of shape (T,)
        The rate of each step; NaN where the optimizer has none.
    reason : {"n_steps", "tol", "diverged", "stalled"}
        Why it ended: all steps are done; no component of the gradient is larger than `tol`; the function or its
        gradient is not finite at the last point; or a line search found nothing lower.
    """

    points: np.ndarray
    values: np.ndarray
    gradient_norms: np.ndarray
    learning_rates: np.ndarray
    reason: str

    @property
    def x(self) -> np.ndarray:
        """The last point."""
        last: np.ndarray = self.points[-1]
        return last

    @property
    def value(self) -> float:
        """The function at the last point."""
        return float(self.values[-1])

    def __repr__(self) -> str:
        return f"DescentPath({len(self.points) - 1} steps to {self.value:.6g}, reason={self.reason!r})"


def minimize(
    f: Callable[[Any], Any],
    x0: Any,
    *,
    optimizer: Any = "adam",
    n_steps: int = 100,
    schedule: Any = None,
    gradient: Callable[[np.ndarray], Any] | None = None,
    tol: float = 0.0,
) -> DescentPath:
    """Follow an optimizer's steps down a function, as it walks in the training of a network.

    x <- x - learning_rate * factor(t) (d + weight_decay x),  t = 0, ..., n_steps - 1

    with the direction d that the optimizer makes of the clipped gradient; the decay is on all of x. Rate, schedule,
    clipping and decay are applied by the code that trains networks, a step taking the place of an epoch of one batch; a
    network without penalty whose batches are all rows ends at the same point. An `LBFGS` searches by itself.

    Parameters
    ----------
    f : callable
        From x to a number, in NumPy's functions: the gradient comes from the tape, see `skdl.autodiff`. With
        `gradient`, any function of an array.
    x0 : array-like
        Where to begin, of any shape. float32 stays float32.
    optimizer : str or Optimizer, default="adam"
        A name of `skdl.optimizers.names()`, or an instance, as in `Adam(learning_rate=0.1)`.
    n_steps : int, default=100
        Most steps, at least 0.
    schedule : str, Schedule or None, default=None
        Of the learning rate, stretched over `n_steps`; None for a constant rate.
    gradient : callable or None, default=None
        From x to the gradient at x, of the shape of x; it is asked once at each point, in order. One that is noisy,
        such as that of a random batch, makes the descent a stochastic one. None for the tape.
    tol : float, default=0.0
        Largest absolute component of the gradient at which the descent ends, in [0, inf).

    Returns
    -------
    path : DescentPath
        `path.points` (n_steps + 1, ...), `path.values` (n_steps + 1,), the last of both as `path.x` and `path.value`. A
        descent that diverges ends at the first point where f or its gradient is not finite, and says so in
        `path.reason`.

    Examples
    --------
    >>> import numpy as np
    >>> from skdl.optimizers import SGD, minimize
    >>> path = minimize(lambda x: 0.5 * (x**2).sum(), [4.0, -2.0], optimizer=SGD(learning_rate=0.5), n_steps=3)
    >>> path.points
    array([[ 4.  , -2.  ],
           [ 2.  , -1.  ],
           [ 1.  , -0.5 ],
           [ 0.5 , -0.25]])
    >>> path
    DescentPath(3 steps to 0.15625, reason='n_steps')
    """
    for name, value, constraint in (("n_steps", n_steps, Integer(0)), ("tol", tol, Real(0))):
        if not constraint.accepts(value):
            raise ValueError(f"The {name!r} parameter of minimize must be {constraint}. Got {value!r} instead.")
    rule: Any = _registry.optimizers.resolve(optimizer).validate()
    plan = _registry.schedules.resolve("constant" if schedule is None else schedule).validate()
    x = np.array(x0, order="C")
    if x.dtype.kind not in "biuf":
        raise ValueError(f"x0 must be an array of real numbers. Got one of type {x.dtype}.")
    x = x if x.dtype == np.float32 else x.astype(np.float64)
    evaluate = _with_gradient(f, gradient, x.shape)
    with np.errstate(all="ignore"):  # a rate that is too high ends in infinities
        if rule.full_batch:
            return _search(evaluate, x, rule, n_steps, tol)
        return _descend(evaluate, x, rule, n_steps, tol, plan)


def _with_gradient(f: Callable[[Any], Any], gradient: Any, shape: tuple[int, ...]) -> ValueAndGradient:
    """From a point of this shape to value and gradient."""

    def evaluate(x: np.ndarray) -> tuple[float, np.ndarray]:
        if gradient is None:
            given = Variable(x)
            y = f(given)
            found = gradients(y, [given])[0] if isinstance(y, Variable) else np.zeros_like(x)
            y = y.value if isinstance(y, Variable) else y
        else:
            y, found = f(x.copy()), np.array(gradient(x.copy()), dtype=x.dtype)
        if found.shape != shape:
            raise ValueError(f"gradient must give an array of the shape of x, {shape}. It gave {found.shape}.")
        return number(y), found

    return evaluate


class _Record:
    """The points so far."""

    def __init__(self) -> None:
        self.points: list[np.ndarray] = []
        self.values: list[float] = []
        self.norms: list[float] = []

    def add(self, x: np.ndarray, value: float, gradient: np.ndarray) -> bool:
        """Take a point; False where value or gradient is not finite."""
        self.points.append(x.copy())
        self.values.append(value)
        self.norms.append(float(norms(gradient.reshape(1, -1))[0]))
        return math.isfinite(value) and bool(np.isfinite(gradient).all())

    def path(self, rates: Any, reason: str) -> DescentPath:
        return DescentPath(np.array(self.points), np.array(self.values), np.array(self.norms), np.array(rates), reason)


def _descend(
    evaluate: ValueAndGradient, x: np.ndarray, rule: FirstOrderOptimizer, n_steps: int, tol: float, plan: Schedule
) -> DescentPath:
    """Steps as in the engine, for a stack of one member with the parameters x."""
    theta = x.reshape(1, -1)  # a view: x moves with it
    stacked: FirstOrderOptimizer = Component.stacked([rule], 2, x.dtype)
    memory = {name: np.zeros_like(theta) for name in rule.state_names}
    factors = Component.stacked([plan], 2, np.float64).factor(
        np.arange(n_steps, dtype=float)[None], steps_per_epoch=1, max_epochs=max(n_steps, 1)
    )
    descent = Descent(stacked, theta, memory)
    planned = np.broadcast_to(np.array([[rule.learning_rate]], dtype=float) * factors, (1, n_steps))
    record = _Record()
    rates: list[float] = []
    for t in range(n_steps + 1):
        value, gradient = evaluate(x)
        if not record.add(x, value, gradient):
            return record.path(rates, "diverged")
        if abs(gradient).max(initial=0.0) <= tol:
            return record.path(rates, "tol")
        if t < n_steps:
            rate = (planned[:, t : t + 1] * plan.epoch_factor(record.values[:t])).astype(x.dtype)
            step = np.full((1, 1), t + 1, x.dtype)
            descent.plan(rate, step)
            descent.step(0, in_order(gradient, x.dtype).reshape(1, -1))
            rates.append(float(rate[0, 0]))
    return record.path(rates, "n_steps")


def _search(evaluate: ValueAndGradient, x: np.ndarray, rule: Any, n_steps: int, tol: float) -> DescentPath:
    """The iterations of an optimizer that searches by itself."""
    record = _Record()
    last: list[Any] = []

    def function(point: np.ndarray) -> tuple[float, np.ndarray]:
        value, gradient = evaluate(point.reshape(x.shape).astype(x.dtype))
        last[:] = value, gradient
        return value, gradient.reshape(-1).astype(np.float64)

    def report(point: np.ndarray, value: float) -> bool:
        return not record.add(point.reshape(x.shape).astype(x.dtype), value, last[1])

    start = x.reshape(-1).astype(np.float64)
    finite, converged = record.add(x, *evaluate(x)), False
    if finite and n_steps and abs(function(start)[1]).max(initial=0.0) > tol:
        _, converged = rule.minimize(function, start, max_iter=n_steps, tol=tol, report=report)
    done = len(record.points) - 1
    finite = math.isfinite(record.values[-1]) and math.isfinite(record.norms[-1])
    reason = "tol" if converged else "n_steps" if done == n_steps else "stalled"
    return record.path(np.full(done, np.nan), reason if finite else "diverged")
