"""Rules that are compiled: what breaks a rule of theirs fails, with that rule in the message."""

import numpy as np
import pytest

from skdl import activations, optimizers, penalties
from skdl.testing import check_component


class Branches(optimizers.SGD):
    @staticmethod
    def rule(g):
        return g if g > 0 else 2 * g


class Exponential(optimizers.SGD):
    @staticmethod
    def rule(g):
        return g * np.exp(-g)


class ForgetsItsMemory(optimizers.Momentum):
    @staticmethod
    def rule(g, velocity, momentum):
        return velocity * momentum + g


class AsksForMore(optimizers.SGD):
    @staticmethod
    def rule(g, beta):
        return beta * g


class OfDoublePrecision(optimizers.SGD):
    @staticmethod
    def rule(g):
        return np.float64(1.1) * g


class OfAnArray(optimizers.SGD):
    @staticmethod
    def rule(g):
        return g * np.ones(6)


class CallsOther(activations.ReLU):
    @staticmethod
    def derivative(y):
        return np.tanh(y)


class RootOfWeights(penalties.L2):
    @staticmethod
    def derivative(weight):
        return weight**3


@pytest.mark.parametrize(
    ("cls", "message"),
    [
        (Branches, r"Branches: rule is scalar mathematics: A rule is the same for all numbers: choose by np\.where"),
        (Exponential, r"Exponential: rule is scalar mathematics: np\.exp cannot be in a rule that is compiled"),
        (ForgetsItsMemory, r"rule is scalar mathematics: A rule has to give 2 values, for g, velocity\. It gave 1"),
        (
            AsksForMore,
            "the arguments of rule are hyperparameters, or given by name: AsksForMore: nothing gives .*'beta'",
        ),
        (OfDoublePrecision, r"rule: dtype kept: g is float64"),
        (OfAnArray, r"rule is scalar mathematics: A rule is made of its arguments and numbers, not of ndarray"),
        (CallsOther, r"CallsOther: derivative is scalar mathematics: np\.tanh cannot be in a rule"),
        (RootOfWeights, r"RootOfWeights: derivative is scalar mathematics: np\.power cannot be in a rule"),
    ],
)
def test_a_broken_rule_is_named(cls, message):
    with pytest.raises(AssertionError, match=message):
        check_component(cls)


def test_array_code_is_not_held_to_rules():
    class WithArrays(optimizers.SGD):
        def direction(self, gradient, state, step):
            return np.tanh(gradient)

    check_component(WithArrays)


@pytest.mark.parametrize("component", [optimizers.NAdam(), activations.LeakyReLU(), penalties.ElasticNet()], ids=repr)
def test_what_differs_between_the_ways_is_found(component, monkeypatch):
    """As if NumPy's way, or the loop, computed something else."""
    from skdl.testing import _elementwise

    monkeypatch.setattr(_elementwise, "loop_source", lambda *args: "def loop(*args): pass")
    with pytest.raises(AssertionError, match=r"gives the same as a loop \(\w+, float32\): largest difference"):
        check_component(component)
