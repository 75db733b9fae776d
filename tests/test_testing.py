"""The checks themselves: a component that breaks one rule fails, with that rule in the message."""

import random
import re
from dataclasses import replace

import numpy as np
import pytest
from sklearn.base import BaseEstimator

from skdl import MLPRegressor, activations, initializers, losses, normalizations, optimizers, penalties, schedules
from skdl._component import Component
from skdl._protocols import NO_GRADIENTS
from skdl.plugins import Activation, FirstOrderOptimizer, Normalization, Real
from skdl.testing import check_component, check_estimator_members, check_gradient, check_members


class WrongGradient(activations.Tanh):
    def forward(self, x):
        y, backprop = super().forward(x)
        return y, lambda dy: backprop(dy * (1 + 1e-5))


class LeaksFloat64(activations.Tanh):
    def forward(self, x):
        y, backprop = super().forward(x)
        return y.astype(np.float64), lambda dy: backprop(dy.astype(x.dtype))


class LeaksFloat64Backwards(activations.Tanh):
    def forward(self, x):
        y, backprop = super().forward(x)
        return y, lambda dy: (backprop(dy)[0].astype(np.float64), NO_GRADIENTS)


class MixesMembers(activations.Identity):
    def forward(self, x):
        share = 1e-9 * (x.sum(axis=0) - x)
        return x + share, lambda dy: (dy + 1e-9 * (dy.sum(axis=0) - dy), NO_GRADIENTS)


class MixesRows(activations.Identity):
    def forward(self, x):
        return x - x.mean(axis=1, keepdims=True), lambda dy: (dy - dy.mean(axis=1, keepdims=True), NO_GRADIENTS)


class Overflows(activations.Identity):
    def forward(self, x):
        y = np.exp(x)
        return y, lambda dy: (dy * y, NO_GRADIENTS)


class Random(activations.Identity):
    def forward(self, x):
        factor = 1 + np.random.default_rng().random()
        return x * x.dtype.type(factor), lambda dy: (dy * dy.dtype.type(factor), NO_GRADIENTS)


class Remembers(activations.Identity):
    def forward(self, x):
        self.last = x
        return super().forward(x)


class NoInitializer(activations.Identity):
    initializer = "none_such"


class Scaled(Activation):
    """A learned factor, for the rules of learned parameters."""

    def parameters(self, n_units):
        return {"factor": np.ones((1, n_units))}

    def forward(self, x, factor):
        return x * factor, lambda dy: (dy * factor, {"factor": (dy * x).sum(axis=1, keepdims=True)})


class WrongLearnedGradient(Scaled):
    def forward(self, x, factor):
        return x * factor, lambda dy: (dy * factor, {"factor": dy.sum(axis=1, keepdims=True)})


class MissesLearnedGradient(Scaled):
    def forward(self, x, factor):
        return x * factor, lambda dy: (dy * factor, NO_GRADIENTS)


class ParameterOfWrongShape(Scaled):
    def parameters(self, n_units):
        return {"factor": np.ones(n_units)}


class GradientOfWrongShape(Scaled):
    def forward(self, x, factor):
        return x * factor, lambda dy: (dy * factor, {"factor": (dy * x).sum(axis=1)})


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


class WrongTrainingGradient(normalizations.BatchNorm):
    def forward(self, x, *, training, **arrays):
        """Mean and variance taken as constants."""
        y, backprop = super().forward(x, training=training, **arrays)
        inverse = 1 / np.sqrt(arrays["variance"] + self.epsilon)
        return y, lambda dy: (dy * arrays["gamma"] * inverse, backprop(dy.copy())[1])


class TracksAtPrediction(normalizations.BatchNorm):
    def forward(self, x, *, training, **arrays):
        arrays["mean"] += 0.1
        return super().forward(x, training=training, **arrays)


class NeedsItsResult(Normalization):
    def forward(self, x, *, training):
        y = np.tanh(x)
        return y, lambda dy: (dy * (1 - y * y), NO_GRADIENTS)


class BatchAtPrediction(normalizations.BatchNorm):
    def forward(self, x, *, training, **arrays):
        buffers = {name: arrays[name].copy() for name in ("mean", "variance")}
        return super().forward(x, training=True, **{**arrays, **(arrays if training else buffers)})


class WrongLossGradient(losses.SquaredError):
    def value_and_gradient(self, scores, targets, weight):
        value, gradient = super().value_and_gradient(scores, targets, weight)
        return value, 2 * gradient


class ForgetsWeights(losses.SquaredError):
    def value_and_gradient(self, scores, targets, weight):
        return super().value_and_gradient(scores, targets, np.ones_like(weight))


class AveragesMembers(losses.SquaredError):
    def value_and_gradient(self, scores, targets, weight):
        value, gradient = super().value_and_gradient(scores, targets, weight)
        return np.full_like(value, value.mean()), gradient


class OneValue(losses.SquaredError):
    def value_and_gradient(self, scores, targets, weight):
        value, gradient = super().value_and_gradient(scores, targets, weight)
        return value.sum(), gradient


class NaiveCrossEntropy(losses.CrossEntropy):
    def value_and_gradient(self, scores, targets, weight):
        p = np.exp(scores)
        p /= p.sum(axis=-1, keepdims=True)
        rows = -(targets * np.log(p)).sum(axis=-1, keepdims=True)
        return (rows * weight).sum(axis=(1, 2)), (p - targets) * weight


class NoLink(losses.CrossEntropy):
    def link(self, scores):
        return scores


class NoInverse(losses.Poisson):
    def unlink(self, predictions):
        return predictions


class ChangesScores(losses.CrossEntropy):
    def link(self, scores):
        scores -= scores.max(axis=-1, keepdims=True)
        return super().link(scores)


class ChangesTargets(losses.SquaredError):
    def value_and_gradient(self, scores, targets, weight):
        result = super().value_and_gradient(scores, targets, weight)
        targets *= 0
        return result


class UnknownTask(losses.SquaredError):
    task = "ranking"


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


class WrongPenalty(penalties.L2):
    def gradient(self, weights):
        return 2 * weights


class SumsMembers(penalties.L2):
    def value(self, weights):
        return np.full(len(weights), super().value(weights).sum(), weights.dtype)


class ChangesWeights(penalties.L2):
    def gradient(self, weights):
        weights *= 1.5
        return weights / 1.5


class NegativePenalty(penalties.L2):
    def value(self, weights):
        return -super().value(weights)

    def gradient(self, weights):
        return -weights


class HiddenKink(penalties.L1):
    l1_weight = 0.0


class WrongDegree(penalties.L1):
    degree = 2


class ProjectsUnasked(penalties.MaxNorm):
    projects = False


class Shrinks(penalties.MaxNorm):
    def project(self, weight):
        weight *= 0.5


class Misspelt(Activation):
    def foward(self, x):
        return x, lambda dy: (dy, {})


class NoFamily(Component):
    pass


BROKEN = {
    WrongGradient: "gradient by x: relative error 1.0e-05 .* allowed 1.0e-06",
    LeaksFloat64: "dtype kept: y is float64 for float32",
    LeaksFloat64Backwards: "dtype kept: gradient by x is float64 for float32",
    MixesMembers: "member 0 of a stack equals it alone",
    MixesRows: "a row does not depend on the others",
    Overflows: "activation: raised FloatingPointError.*overflow",
    Random: "a second call agrees",
    Remembers: "a call changes no hyperparameter: holds .*last",
    NoInitializer: "initializer names a registered initializer",
    WrongLearnedGradient: "gradient by factor: relative error",
    MissesLearnedGradient: "backprop gives the gradient of every learned parameter",
    ParameterOfWrongShape: "initial parameters have the shape",
    GradientOfWrongShape: "gradients have the shape",
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
    WrongTrainingGradient: "gradient by x, training: relative error",
    TracksAtPrediction: "prediction leaves buffers as they are",
    NeedsItsResult: "gradient by x is not finite",
    BatchAtPrediction: "a row does not depend on the others",
    WrongLossGradient: "gradient by the scores: relative error 1.0e\\+00|relative error 5.0e-01",
    ForgetsWeights: "weight 0 leaves the row out, 2 is the row twice|gradient is proportional",
    AveragesMembers: "member 0 of a stack equals it alone",
    OneValue: "one value a member",
    NaiveCrossEntropy: "loss: raised FloatingPointError",
    NoLink: "link gives probabilities",
    NoInverse: "unlink is the inverse of link",
    ChangesScores: "link leaves the scores as they are",
    ChangesTargets: "targets and weights stay as they are",
    UnknownTask: "task is known",
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
    WrongPenalty: "gradient: relative error",
    SumsMembers: "member 0 of a stack equals it alone",
    ChangesWeights: "the weights stay as they are",
    NegativePenalty: "a penalty is not negative",
    HiddenKink: "gradient is smooth_gradient \\+ l1_weight sign",
    WrongDegree: "the value of 2 w is 2\\^2 that of w, by degree",
    ProjectsUnasked: "project moves weights where projects is True",
    Shrinks: "project leaves allowed weights as they are",
    Misspelt: "Misspelt must define forward, as its family asks for",
    NoFamily: "must derive from exactly one of",
}


@pytest.mark.parametrize("broken", BROKEN, ids=lambda cls: cls.__name__)
def test_a_broken_component_fails(broken):
    with pytest.raises(AssertionError, match=f"^{broken.__name__}: .*(?:{BROKEN[broken]})"):
        check_component(broken)


@pytest.mark.parametrize("sound", [Scaled, Slope, Slope(0.0), Slope(slope=3), Decaying])
def test_what_they_are_made_of_is_sound(sound):
    check_component(sound)


def test_classes_without_an_import_path():
    class Local(Slope):
        pass

    check_component(Local)


def test_check_gradient_gives_the_error():
    x = np.array([0.3, -2.0])
    assert check_gradient(lambda x: np.sin(x).sum(), np.cos, x) < 1e-9
    assert check_gradient(lambda x: 3.0, np.zeros(2), x) == 0.0
    with pytest.raises(AssertionError, match=r"relative error 1\.0e-05"):
        check_gradient(lambda x: np.sin(x).sum(), lambda x: np.cos(x) * (1 + 1e-5), x)
    with pytest.raises(AssertionError, match=re.escape("slope: shape (1,), must be (2,)")):
        check_gradient(lambda x: np.sin(x).sum(), np.ones(1), x, name="slope")
    with pytest.raises(AssertionError, match="1 components are not finite"):
        check_gradient(lambda x: np.sin(x).sum(), np.array([np.cos(0.3), np.nan]), x)


def test_check_gradient_lets_the_function_overwrite():
    def overwriting(x):
        x *= x
        return x.sum()

    x = np.array([1.0, 2.0])
    assert check_gradient(overwriting, 2 * x, x) < 1e-9
    assert np.array_equal(x, [1.0, 2.0])


def stacks(optimizer, n=3):
    from skdl.engine import Member, Rows
    from skdl.layers.architecture import Architecture

    rng = np.random.default_rng(0)
    rows = Rows(rng.normal(size=(20, 2)).astype(np.float32), rng.normal(size=(20, 1)).astype(np.float32))
    network = Architecture(2, (3,), 1, (activations.Tanh(),), (None,), (initializers.HeNormal(),) * 2, (0.0, 0.0))
    first = Member(
        architecture=network,
        loss=losses.SquaredError(),
        penalty=penalties.L2(),
        optimizer=optimizer,
        schedule=schedules.Constant(),
        alpha=0.1,
        rows=rows,
        batch_size=8,
        dtype=np.float32,
        generator=None,
        n_epochs=2,
        max_epochs=2,
    )
    return [replace(first, generator=np.random.default_rng(i)) for i in range(n)]


def test_check_members():
    assert len(check_members(stacks(optimizers.Adam()))) == 3
    with pytest.raises(AssertionError, match="member 0 of 3 differs from its lone fit: weights: largest difference"):
        check_members(stacks(NormOfAll()))


class Leaky(MLPRegressor):
    """Regressors that share a stream of random numbers: each draws what the others leave."""

    shared = np.random.default_rng(0)

    def _generator(self):
        return self.shared


def test_check_estimator_members():
    X = np.random.default_rng(0).normal(size=(40, 3))
    options = {"max_iter": 3, "tol": 0.0, "early_stopping": True}
    estimators = [MLPRegressor(4, alpha=0.1**i, random_state=i, **options) for i in range(3)]
    check_estimator_members(estimators, X, X[:, 0], np.linspace(0.5, 1.5, 40))
    assert not any(hasattr(estimator, "coefs_") for estimator in estimators)
    assert isinstance(estimators[0], BaseEstimator)
    with pytest.raises(AssertionError, match="estimator 0 of 2 differs from its lone fit"):
        check_estimator_members([Leaky(4, **options), Leaky(4, **options)], X, X[:, 0])
