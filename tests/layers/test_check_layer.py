"""The contract of layers: every built-in layer keeps it, and a layer that breaks a rule does not pass."""

from dataclasses import dataclass

import numpy as np
import pytest

from skdl import activations, initializers, normalizations, penalties
from skdl._component import Component
from skdl.layers import (
    ActivationLayer,
    ActivityPenalty,
    BatchEnsembleDense,
    Dense,
    Dropout,
    NormalizationLayer,
    PerMemberDense,
    Residual,
    Sequential,
    Standardization,
    Tile,
)
from skdl.plugins import Container, Fold, ForwardContext, Layer, ParameterSpec
from skdl.testing import check_layer

N = 4
HE = initializers.HeNormal()


def stack_of(component, members):
    return Component.stacked([component] * len(members), 3, np.float64)


def batch_norm(members, **params):
    return NormalizationLayer(N, stack_of(normalizations.BatchNorm(**params), members))


def tanh(members):
    return ActivationLayer(N, stack_of(activations.resolve("tanh"), members))


def dense(members, n_out=3):
    return Dense(N, n_out, [HE] * len(members))


LAYERS = {
    "dense": dense,
    "dense of one unit": lambda members: dense(members, 1),
    "dense without bias": lambda members: Dense(N, 3, [HE] * len(members), bias=False),
    "scores": lambda members: Dense(N, 3, [HE] * len(members), makes_scores=True),
    "activation": tanh,
    "learned activation": lambda members: ActivationLayer(N, stack_of(activations.Swish(learned=True), members)),
    "batch norm": batch_norm,
    "layer norm": lambda members: NormalizationLayer(N, stack_of(normalizations.LayerNorm(), members)),
    "dropout": lambda members: Dropout([0.1 * (i + 1) for i in members]),
    "standard dropout": lambda members: Dropout([0.1 * (i + 1) for i in members], inverted=False),
    "standardization": lambda members: Standardization(N),
    "tile": lambda members: Tile(2),
    "batch ensemble": lambda members: Sequential(
        [Tile(2), BatchEnsembleDense(N, 3, 2, [HE] * len(members), ((2, 1), (1, N - 2)))]
    ),
    "per member": lambda members: Sequential([Tile(3), PerMemberDense(N, 2, 3, [HE] * len(members))]),
    "nothing": lambda members: Sequential([]),
    "identity shortcut": lambda members: Residual(dense(members, N), Sequential([])),
    "two of what overwrites": lambda members: Residual(tanh(members), batch_norm(members)),
    "copies between": lambda members: Sequential(
        [dense(members, N), tanh(members), batch_norm(members), tanh(members)]
    ),
    "folds below dropout": lambda members: Sequential([Dropout([0.3] * len(members), inverted=False), dense(members)]),
    "residual folds": lambda members: Residual(Sequential([dense(members)]), dense(members)),
}


class Centre(Layer):
    """Subtracts the mean of the training rows."""

    learns_from_rows = True
    gives_y = True

    def buffers(self):
        return {"mean": np.zeros((1, N))}

    def from_rows(self, x, weight, targets, arrays, generator):
        arrays["mean"][...] = np.average(x, axis=0, weights=weight)

    def forward(self, x, arrays, context):
        return x - arrays["mean"], lambda dy, gradients, needed: dy


LAYERS["learns from rows"] = lambda members: Centre()
LAYERS["learns from rows of another"] = lambda members: Sequential([Tile(2), dense(members, N), Centre()])


@pytest.mark.parametrize("kind", LAYERS)
def test_built_in_layers(kind):
    check_layer(LAYERS[kind], N)


def test_a_penalty_on_activations_is_the_identity_but_for_its_gradient():
    """It adds to the loss beside y, so that its gradient is not that of y alone."""
    layer = ActivityPenalty(penalties.ActivityL1(), [0.0] * 3)
    check_layer(lambda members: ActivityPenalty(layer.penalty, [0.0] * len(members)), N)


class OfTwo(Dense):
    def forward(self, x, arrays, context):
        y, backprop = super().forward(x, arrays, context)
        return y, lambda dy, gradients, needed: backprop(2 * dy, gradients, needed)


class ForgetsBias(Dense):
    def forward(self, x, arrays, context):
        y, backprop = super().forward(x, arrays, context)
        return y, lambda dy, gradients, needed: backprop(
            dy, {**gradients, "bias": np.empty_like(gradients["bias"])}, needed
        )


class NoGradientByX(Dense):
    def forward(self, x, arrays, context):
        y, backprop = super().forward(x, arrays, context)
        return y, lambda dy, gradients, needed: backprop(dy, gradients, False)


class StopsWhereNotNeeded(Dense):
    def forward(self, x, arrays, context):
        y, backprop = super().forward(x, arrays, context)
        return y, lambda dy, gradients, needed: backprop(dy, gradients, needed) if needed else None


class Widens(Dense):
    def forward(self, x, arrays, context):
        y, backprop = super().forward(x, arrays, context)
        return y * np.float64(1.0) + np.zeros(1), backprop


class ChangesX(Dense):
    def forward(self, x, arrays, context):
        x += 1.0
        return super().forward(x, arrays, context)


class ChangesWeights(Dense):
    def forward(self, x, arrays, context):
        arrays["weight"] *= 1.01
        return super().forward(x, arrays, context)


class MeansOverMembers(Dense):
    def forward(self, x, arrays, context):
        y, backprop = super().forward(x, arrays, context)
        return y + 1e-9 * y.mean(axis=0, keepdims=True), backprop


class MixesRows(Dense):
    def forward(self, x, arrays, context):
        if context.training:
            return super().forward(x, arrays, context)
        y, backprop = super().forward(x - x.mean(axis=1, keepdims=True), arrays, context)

        def centred(dy, gradients, needed):
            dx = backprop(dy, gradients, needed)
            return None if dx is None else dx - dx.mean(axis=1, keepdims=True)

        return y, centred


class WrongShape(Dense):
    def initial(self, member, generator):
        return {**super().initial(member, generator), "bias": np.zeros(self.n_out)}


class OwnRandomness(Dense):
    def initial(self, member, generator):
        return {**super().initial(member, generator), "bias": np.random.default_rng().normal(size=(1, self.n_out))}


class FoldsWrongly(Dense):
    def input_fold(self):
        right = super().input_fold()
        return Fold(lambda arrays, scale, shift: right.apply(arrays, scale, -shift), right.undo)


class UndoesNothing(Dense):
    def output_fold(self):
        return Fold(super().output_fold().apply, lambda arrays, scale, shift: None)


class OtherInputs(Dense):
    def input_weights(self, arrays):
        return [np.moveaxis(arrays["weight"], 1, 0)[::-1]]


class TwoWeights(Dense):
    def parameters(self):
        return [
            ParameterSpec("weight", (self.n_in, self.n_out), "weight"),
            ParameterSpec("bias", (1, self.n_out), "weight"),
        ]


class NotHanded(Dense):
    def forward(self, x, arrays, context):
        y, backprop = super().forward(x, arrays, context)
        return y, lambda dy, gradients, needed: backprop(dy + 0 * y, gradients, needed)


class NotPickled(Dense):
    def __reduce__(self):
        return NotPickled, (self.n_in, self.n_out, self.initializers, False)


BROKEN = {
    OfTwo: "gradient by x, training: relative error",
    ForgetsBias: "finite results, all written: gradient by bias",
    NoGradientByX: "the gradient by x is given where it is needed",
    StopsWhereNotNeeded: "the same gradients where that by x is not needed",
    Widens: "dtype kept",
    ChangesX: "x stays as it is, or overwrites_x says so",
    ChangesWeights: "only buffers change, and only in training",
    MeansOverMembers: "member 0 of a stack equals it alone",
    MixesRows: "at prediction a row does not depend on the others",
    WrongShape: "initial values have the shape of the spec",
    OwnRandomness: "initial values come from the given generator only",
    FoldsWrongly: "input_fold does what scale and shift do",
    UndoesNothing: "output_fold is undone",
    OtherInputs: "weights of an input that is zero mean nothing",
    TwoWeights: "a leaf has one weight at most",
    NotHanded: "finite results, all written",
    NotPickled: "a pickled copy agrees",
}


@pytest.mark.parametrize("cls", BROKEN, ids=lambda cls: cls.__name__)
def test_each_rule_can_fail(cls):
    with pytest.raises(AssertionError, match=f"{cls.__name__}: .*{BROKEN[cls]}|{cls.__name__}: {BROKEN[cls]}"):
        check_layer(lambda members: cls(N, 3, [HE] * len(members)), N)


class PassesOnWrongly(Dropout):
    def passed_map(self, scale, shift):
        return scale, shift


class FixedWrongly(NormalizationLayer):
    def fixed_map(self):
        right = super().fixed_map()
        return lambda arrays: (right(arrays)[0], 2 * right(arrays)[1])


class PredictsAsItTrains(NormalizationLayer):
    """Updates its running averages at prediction too."""

    def forward(self, x, arrays, context):
        y, backprop = super().forward(x, arrays, context)
        arrays["mean"] += 0.1
        return y, backprop


class KeepsOneChild(Container):
    """Has a parameter beside its child."""

    def __init__(self, child):
        self.child = child

    @property
    def children(self):
        return (self.child,)

    def with_children(self, children):
        return type(self)(*children)

    def parameters(self):
        return [ParameterSpec("own", (1, 1))]

    def inputs_of(self, leaf, x, arrays, context):
        return x

    def forward(self, x, arrays, context):
        y, backprop = self.child.forward(x, arrays[0], context)
        return y, lambda dy, gradients, needed: backprop(dy, gradients[0], needed)


class SharesWrongly(Layer):
    """Takes the rows of one member for all of them."""

    takes_shared_rows = True

    def forward(self, x, arrays, context):
        return x * 1.0, lambda dy, gradients, needed: dy


@dataclass(frozen=True)
class TwiceTheRows(Layer):
    """Does not say that it repeats rows."""

    def forward(self, x, arrays, context):
        return np.concatenate([x, x], axis=1), lambda dy, gradients, needed: dy[:, :5] + dy[:, 5:]


class IgnoresWeights(Centre):
    def from_rows(self, x, weight, targets, arrays, generator):
        arrays["mean"][...] = x.mean(axis=0)


class DrawsAnywhere(Centre):
    def from_rows(self, x, weight, targets, arrays, generator):
        arrays["mean"][...] = np.random.default_rng().normal(size=N)


class DividesByZero(Centre):
    def from_rows(self, x, weight, targets, arrays, generator):
        with np.errstate(all="ignore"):
            arrays["mean"][...] = 1 / (x.max(axis=0) - x.min(axis=0))


@pytest.mark.parametrize(
    ("build", "rule"),
    [
        (lambda members: IgnoresWeights(), "a row of weight 2 is the row twice"),
        (lambda members: DrawsAnywhere(), "what rows give comes from them and the given generator only"),
        (lambda members: DividesByZero(), "what is learned of one row is finite"),
        (lambda members: PassesOnWrongly([0.3] * len(members), inverted=False), "passed_map goes through the layer"),
        (lambda members: FixedWrongly(N, batch_norm(members).normalization), "fixed_map is what the layer does"),
        (lambda members: PredictsAsItTrains(N, batch_norm(members).normalization), "only buffers change"),
        (lambda members: KeepsOneChild(dense(members)), "parameters of its own or children, not both"),
        (lambda members: SharesWrongly(), "rows in common are rows of each member"),
        (lambda members: TwiceTheRows(), "members and rows come first"),
    ],
)
def test_more_rules_can_fail(build, rule):
    with pytest.raises(AssertionError, match=rule):
        check_layer(build, N)


def test_who_needs_the_gradient_of_its_input():
    """The layers above one that learns, and no others: for one that does not learn, nothing is computed below."""
    asked = {}

    class Watched(Dense):
        def forward(self, x, arrays, context):
            y, backprop = super().forward(x, arrays, context)

            def watched(dy, gradients, needed):
                asked[id(self)] = needed
                return backprop(dy, gradients, needed)

            return y, watched

    first, second = Watched(N, N, [HE]), Watched(N, N, [HE])
    layers = Sequential([Tile(1), first, ActivationLayer(N, activations.resolve("tanh")), second])
    arrays = [{}, {}, {}, {}]
    for i in (1, 3):
        arrays[i] = {"weight": np.eye(N)[None], "bias": np.zeros((1, 1, N))}
    gradients = [{name: np.empty_like(value) for name, value in named.items()} for named in arrays]
    y, backprop = layers.forward(np.ones((1, 2, N)), arrays, ForwardContext(training=True))
    assert backprop(np.ones_like(y), gradients, False) is None
    assert asked == {id(first): False, id(second): True}
    y, backprop = layers.forward(np.ones((1, 2, N)), arrays, ForwardContext(training=True))
    assert backprop(np.ones_like(y), gradients, True).shape == (1, 2, N)
    assert asked == {id(first): True, id(second): True}
