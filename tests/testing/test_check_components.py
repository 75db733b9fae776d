"""Rules of hyperparameters and families: a component that breaks one fails, with that rule in the message."""

import numpy as np
import pytest

from skdl.plugins import NO_GRADIENTS, Activation, Component, Real
from skdl.testing import check_component


class Slope(Activation):
    """A hyperparameter, for the rules of hyperparameters."""

    constraints = {"slope": Real(0)}
    per_member = ("slope",)

    def __init__(self, slope=0.5):
        self.slope = slope

    def forward(self, x):
        return x * self.slope, lambda dy: (dy * self.slope, NO_GRADIENTS)


class BadSetParams(Slope):
    def set_params(self, **params):
        return self


class TakesAnyName(Slope):
    def set_params(self, **params):
        for name, value in params.items():
            setattr(self, name, value)
        return self


class ReturnsNothing(Slope):
    def set_params(self, **params):
        super().set_params(**params)


class HidesParameter(Slope):
    def get_params(self, deep=True):
        return {}


class Converts(Slope):
    def __init__(self, slope=0.5):
        self.slope = slope if slope is None else np.abs(slope) if isinstance(slope, float) else None


class DerivesInConstructor(Slope):
    def __init__(self, slope=0.5):
        self.slope = slope
        self.half = 1.0


class BadRepr(Slope):
    def __repr__(self):
        return "BadRepr(slope=0.75)"


class UnreadableRepr(Slope):
    def __repr__(self):
        return "<a slope>"


class DefaultOutOfRange(Slope):
    def __init__(self, slope=-0.5):
        self.slope = slope


class NoValidation(Slope):
    def validate(self):
        return self


class ConstrainsUnknown(Slope):
    constraints = {"slopes": Real(0)}


class PerMemberWord(Slope):
    constraints = {}

    def __init__(self, slope="steep"):
        self.slope = slope

    def forward(self, x):
        return super().forward(x)


class StructureOfNumbers(Slope):
    @property
    def structure(self):
        return (type(self), self.slope)


class Unpicklable(Slope):
    def __reduce__(self):
        raise TypeError("no")


class LosesInPickle(Slope):
    def __reduce__(self):
        return (LosesInPickle, (0.25,))


class ChangesItsOriginal(Slope):
    def with_params(self, **changes):
        return self.set_params(**changes)


class StackedByTheFirst(Slope):
    def forward(self, x):
        slope = self.slope if np.ndim(self.slope) == 0 else self.slope[:1]
        return x * slope, lambda dy: (dy * slope, NO_GRADIENTS)


class WrongWithNumbers(Slope):
    def forward(self, x):
        slope = self.slope if np.ndim(self.slope) else 2 * self.slope
        return x * slope, lambda dy: (dy * slope, NO_GRADIENTS)


class Misspelt(Activation):
    def foward(self, x):
        return x, lambda dy: (dy, {})


class NoFamily(Component):
    pass


BROKEN = {
    BadSetParams: "set_params sets: slope is 0.5",
    TakesAnyName: "set_params refuses unknown names",
    ReturnsNothing: "set_params returns the component itself",
    HidesParameter: "get_params gives every hyperparameter",
    Converts: "the constructor stores its arguments as they are",
    DerivesInConstructor: "holds its hyperparameters and nothing else",
    BadRepr: "repr evaluates to an equal component",
    UnreadableRepr: "repr evaluates",
    DefaultOutOfRange: "validate passes",
    NoValidation: "validate refuses what is out of range",
    ConstrainsUnknown: "constraints names hyperparameters",
    PerMemberWord: "per-member hyperparameters are numbers",
    StructureOfNumbers: "structure is the same for all per-member numbers",
    Unpicklable: "raised TypeError",
    LosesInPickle: "pickle gives an equal copy",
    ChangesItsOriginal: "with_params leaves the original as it is",
    StackedByTheFirst: "member 1 of a stack equals it alone",
    WrongWithNumbers: "stacked equals unstacked",
    Misspelt: "Misspelt must define rule and derivative, or forward, as its family asks for",
    NoFamily: "must derive from exactly one of",
}


@pytest.mark.parametrize("broken", BROKEN, ids=lambda cls: cls.__name__)
def test_a_broken_component_fails(broken):
    with pytest.raises(AssertionError, match=f"^{broken.__name__}: .*(?:{BROKEN[broken]})"):
        check_component(broken)


def test_classes_without_an_import_path():
    class Local(Slope):
        pass

    check_component(Local)


@pytest.mark.parametrize("sound", [Slope, Slope(0.0), Slope(slope=3)])
def test_the_base_of_the_broken_ones_is_sound(sound):
    check_component(sound)
