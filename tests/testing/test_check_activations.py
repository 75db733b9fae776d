"""Rules of activations and normalizations: what breaks one fails, with that rule in the message."""

import numpy as np
import pytest

from skdl import activations, normalizations
from skdl.plugins import NO_GRADIENTS, Activation, Normalization
from skdl.testing import check_component


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
    WrongTrainingGradient: "gradient by x, training: relative error",
    TracksAtPrediction: "prediction leaves buffers as they are",
    NeedsItsResult: "gradient by x is not finite",
    BatchAtPrediction: "a row does not depend on the others",
}


@pytest.mark.parametrize("broken", BROKEN, ids=lambda cls: cls.__name__)
def test_a_broken_component_fails(broken):
    with pytest.raises(AssertionError, match=f"^{broken.__name__}: .*(?:{BROKEN[broken]})"):
        check_component(broken)


def test_the_base_of_the_broken_ones_is_sound():
    check_component(Scaled)
