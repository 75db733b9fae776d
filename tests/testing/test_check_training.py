"""Rules of optimizers, schedules and initializers: what breaks one fails, with that rule in the message."""

import random

import numpy as np
import pytest

from skdl import initializers, optimizers, schedules
from skdl.plugins import FirstOrderOptimizer, Real
from skdl.testing import check_component


class Uphill(optimizers.SGD):
    def direction(self, gradient, state, step):
        return -super().direction(gradient, state, step)


class NewState(optimizers.Momentum):
    def direction(self, gradient, state, step):
        state["velocity"] = state["velocity"] * self.momentum + gradient
        return state["velocity"].copy()


class SharesState(optimizers.Momentum):
    def direction(self, gradient, state, step):
        super().direction(gradient, state, step)
        return state["velocity"]


class LeaksStep(optimizers.SGD):
    def direction(self, gradient, state, step):
        return super().direction(gradient, state, step) / step.astype(np.float64)


class NormOfAll(optimizers.SGD):
    def direction(self, gradient, state, step):
        return super().direction(gradient / np.sqrt((gradient * gradient).sum()), state, step)


class Decaying(FirstOrderOptimizer):
    """Steps of constant size, for the rules of optimizers' own hyperparameters and state."""

    constraints = {"learning_rate": Real(0), "weight_decay": Real(0)}
    per_member = ()

    def __init__(self, learning_rate=0.01, weight_decay=0.0):
        self.learning_rate, self.weight_decay = learning_rate, weight_decay

    def direction(self, gradient, state, step):
        return np.sign(gradient)


class UnconstrainedNumber(Decaying):
    constraints = {"learning_rate": Real(0)}


class UnconstrainedWithoutDefault(Decaying):
    def __init__(self, learning_rate=0.01, weight_decay=0.0, clip: "float | None" = None):
        super().__init__(learning_rate, weight_decay)
        self.clip = clip


class UnusedState(Decaying):
    state_names = ("mean", "velocity")

    def direction(self, gradient, state, step):
        state["velocity"] += gradient
        return super().direction(gradient, state, step)


class StateThatNothingFills(optimizers.LBFGS):
    state_names = ("curvature",)


class GivesUp(optimizers.LBFGS):
    def minimize(self, function, theta, **options):
        return super().minimize(function, theta, **{**options, "tol": 1e-2})


class NeverReports(optimizers.LBFGS):
    def minimize(self, function, theta, *, report, **options):
        return super().minimize(function, theta, report=lambda theta, value: False, **options)


class IgnoresReport(optimizers.LBFGS):
    def minimize(self, function, theta, *, report, **options):
        return super().minimize(function, theta, report=lambda *found: report(*found) and False, **options)


class Negative(schedules.Constant):
    def factor(self, step, *, steps_per_epoch, max_epochs):
        return 1 - step / (steps_per_epoch * max_epochs)


class Divides(schedules.Constant):
    def factor(self, step, *, steps_per_epoch, max_epochs):
        return 1 + 1 / (steps_per_epoch * max_epochs - 1.0) + 0 * step


class WrongShape(schedules.Constant):
    def factor(self, step, *, steps_per_epoch, max_epochs):
        return np.ones(step.shape[-1] + 1)


class GlobalNumbers(initializers.Normal):
    def draw(self, generator, n_in, n_out):
        return np.random.normal(size=(n_in, n_out))  # noqa: NPY002


class PythonsNumbers(initializers.Normal):
    def draw(self, generator, n_in, n_out):
        return np.full((n_in, n_out), random.random())


class OwnGenerator(initializers.Normal):
    def draw(self, generator, n_in, n_out):
        return super().draw(np.random.default_rng(), n_in, n_out)


class Single(initializers.Normal):
    def draw(self, generator, n_in, n_out):
        return super().draw(generator, n_in, n_out).astype(np.float32)


class Transposed(initializers.Normal):
    def draw(self, generator, n_in, n_out):
        return super().draw(generator, n_out, n_in)


BROKEN = {
    Uphill: "goes downhill on a quadratic",
    NewState: "state is updated in place",
    SharesState: "a direction shares no memory with the state",
    LeaksStep: "dtype kept: direction is float64 for float32",
    NormOfAll: "member 0 of a stack equals it alone",
    UnconstrainedNumber: r"every number among the hyperparameters has a constraint: \['weight_decay'\]",
    UnconstrainedWithoutDefault: r"every number among the hyperparameters has a constraint: \['clip'\]",
    UnusedState: r"every name in state_names is used: \['mean'\] stay zero",
    StateThatNothingFills: "a full-batch optimizer has no state_names",
    GivesUp: "minimises a convex quadratic",
    NeverReports: "report is called after each iteration",
    IgnoresReport: "stops when report returns True",
    Negative: "factor is not negative",
    Divides: "schedule: raised ZeroDivisionError",
    WrongShape: "factor broadcasts to the steps",
    GlobalNumbers: "no global random numbers are drawn",
    PythonsNumbers: "no global random numbers are drawn",
    OwnGenerator: "equal generators give equal draws",
    Single: "a draw is float64",
    Transposed: "a draw has the shape",
}


@pytest.mark.parametrize("broken", BROKEN, ids=lambda cls: cls.__name__)
def test_a_broken_component_fails(broken):
    with pytest.raises(AssertionError, match=f"^{broken.__name__}: .*(?:{BROKEN[broken]})"):
        check_component(broken)


def test_the_base_of_the_broken_ones_is_sound():
    check_component(Decaying)
