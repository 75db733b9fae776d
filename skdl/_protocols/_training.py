"""The components that a network is trained by, optimizers and schedules; shapes are as in `skdl._protocols`."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Self

import numpy as np

from skdl._array import Array
from skdl._compiled import Rule, rule_of
from skdl._component import Component
from skdl._constraints import NONE, Constraint, Real


class Optimizer(Component):
    """A rule that turns gradients into steps: a `FirstOrderOptimizer` or a `FullBatchOptimizer`.

    Attributes
    ----------
    full_batch : bool
        Whether the rule drives the objective of all rows by itself, or gives a direction for each batch.
    state_names : tuple of str
        Names of the arrays that the rule keeps from step to step.
    """

    full_batch = False
    state_names: tuple[str, ...] = ()


class FirstOrderOptimizer(Optimizer):
    """A rule that gives a direction d for each batch from its gradient.

    The engine applies all else: theta <- theta - learning_rate * factor * (d + weight_decay * theta), with the
    schedule's factor, the decay on weights only, and the gradient clipped before the rule sees it.

    It is written in one of two ways. `rule` is scalar mathematics, a static method
    `rule(g, <memory>, <numbers>) -> (d, <memory>)` of one number of the gradient: +, -, *, /, np.sqrt, np.abs, np.sign,
    np.maximum, np.minimum, np.clip, np.where, x**2 and comparisons. Its other arguments are, by their names, those of
    `state_names`, whose new values it gives after d in that order, hyperparameters, and what `numbers` makes of the
    step; others have defaults, and whatever else it reads is a constant. It is compiled into one loop with all that the
    engine does in a step, where Numba is installed. `direction` is array code, for rules that are not elementwise.

    Parameters
    ----------
    learning_rate : float
        In (0, inf).
    clip_norm : float or None, default=None
        Largest norm of a member's gradient, in (0, inf); a longer one is scaled down to it. None for no limit.
    clip_value : float or None, default=None
        Largest absolute value of a gradient's component, in (0, inf). None for no limit.

    Attributes
    ----------
    weight_decay : float
        Share of a weight that is taken off, times the learning rate, in each step: 0 unless a rule has the parameter.
    """

    constraints: ClassVar[Mapping[str, Constraint]] = {
        "learning_rate": Real(0, open_low=True),
        "clip_norm": NONE | Real(0, open_low=True),
        "clip_value": NONE | Real(0, open_low=True),
    }
    per_member: ClassVar[tuple[str, ...]] = ("learning_rate",)  # limits are none: None is not a number of a column
    weight_decay: Any = 0.0
    clip_norm: float | None = None  # of a rule whose own constructor does without
    clip_value: float | None = None

    def __init__(self, learning_rate: Any, *, clip_norm: float | None = None, clip_value: float | None = None):
        self.learning_rate = learning_rate
        self.clip_norm = clip_norm
        self.clip_value = clip_value

    rule: ClassVar[Any] = None

    def numbers(self, step: Array) -> Mapping[str, Array]:
        """What `rule` takes beside the memory and the hyperparameters, by name: numbers that depend on the step.

        Parameters
        ----------
        step : array of shape (k, S)
            The numbers of S steps, from 1, in the gradient's dtype. Hyperparameters are (k, 1).

        Returns
        -------
        numbers : mapping of arrays of shape (k, S)
        """
        return {}

    @property
    def elementwise_rule(self) -> Rule | None:
        """The rule, where the optimizer is written by one, rather than by array code."""
        return rule_of(type(self), "rule", "direction")

    def direction(self, gradient: Array, state: Mapping[str, Array], step: Array) -> Array:
        """The direction d of one step.

        Parameters
        ----------
        gradient : array of shape (k, P)
            Owned by this call: it may be overwritten, and returned.
        state : mapping of arrays of shape (k, P)
            One array for each name in `state_names`, zeros at the start. They belong to the engine, which saves, stacks
            and restores them: they are changed in place (`state["velocity"][...] = v`), and neither bound anew
            (`state["velocity"] = v`) nor returned.
        step : array of shape (k, 1)
            The number of this step, from 1, in the gradient's dtype. It stays as it is.

        Returns
        -------
        d : array of shape (k, P)
            Owned by the engine, which overwrites it.
        """
        rule = rule_of(type(self), "rule")
        assert rule is not None  # `validate` has seen to it
        given = rule.numbers(self, self.numbers(step), self.state_names)
        results = rule(gradient, **{name: state[name] for name in self.state_names}, **given)
        # copies: a result may be an argument as it was
        direction, *memory = (
            np.array(np.broadcast_to(each, gradient.shape), gradient.dtype)
            for each in (results if isinstance(results, tuple | list) else (results,))
        )
        for name, value in zip(self.state_names, memory, strict=True):
            state[name][...] = value
        return direction

    def validate(self) -> Self:
        if rule_of(type(self), "rule") is None and type(self).direction is FirstOrderOptimizer.direction:
            raise TypeError(f"{type(self).__name__} must define rule or direction, as its family asks for.")
        return super().validate()


class FullBatchOptimizer(Optimizer):
    """A search for the minimum of the objective of all rows, without learning rate, schedule or batches.

    Attributes
    ----------
    takes_bounds : bool
        Whether `minimize` has one more argument, `lower=None`: an array of shape (P,) of the least that theta may be.
    """

    full_batch = True
    takes_bounds = False

    @abstractmethod
    def minimize(
        self,
        function: Callable[[np.ndarray], tuple[float, np.ndarray]],
        theta: np.ndarray,
        *,
        max_iter: int,
        tol: float,
        report: Callable[[np.ndarray, float], bool],
    ) -> tuple[np.ndarray, bool]:
        """Minimise a function from `theta`, in float64.

        Parameters
        ----------
        function : callable
            From theta of shape (P,) to the objective and its gradient, of shape (P,).
        theta : array of shape (P,)
            Where to begin. It stays as it is.
        max_iter : int
            Most iterations.
        tol : float
            Largest absolute component of the gradient at which the search has converged.
        report : callable
            To be called as `report(theta, value)` after each iteration; when it returns True the search ends.

        Returns
        -------
        theta : array of shape (P,)
        converged : bool
            Whether the gradient fell to `tol`; at a bound, it may point over it.
        """


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

    def annealed_epochs(self, max_epochs: int) -> Sequence[int]:
        """The epochs, counted from 1, after which the network has come to rest; by default all.

        Where the factor falls and rises again, they are those at whose end it is lowest: in between the last steps were
        large, and the network is a noisy one. Where it falls only once, or never, no epoch is better than others.

        Parameters
        ----------
        max_epochs : int
            Epochs of the whole fit, at least 1.

        Returns
        -------
        epochs : sequence of int
            Rising, from 1 to `max_epochs`, at least one.
        """
        return range(1, max_epochs + 1)
