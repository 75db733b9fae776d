"""Arguments of rules that are no hyperparameters: their defaults hold, and without one it is an error."""

import numpy as np
import pytest

from skdl import MLPRegressor
from skdl.activations import LeakyReLU
from skdl.optimizers import SGD, minimize
from skdl.penalties import L2


class Halved(SGD):
    @staticmethod
    def rule(g, share=0.5):
        return g * share


class Misspelt(SGD):
    @staticmethod
    def rule(g, lerning_rate):
        return g * lerning_rate


class Steep(LeakyReLU):
    @staticmethod
    def rule(x, slope=0.25):
        return np.maximum(x, x * slope)

    @staticmethod
    def derivative(y, slope=0.25):
        return (y > 0) * (1 - slope) + slope


class Doubled(L2):
    def value(self, weights):
        return 2 * super().value(weights)

    @staticmethod
    def derivative(weight, factor=2.0):
        return weight * factor


X = np.random.default_rng(0).normal(size=(40, 3))
COMMON = {"encoding": None, "early_stopping": False, "max_iter": 3, "batch_size": 10, "random_state": 0}


def weights(**settings):
    settings = {"optimizer": SGD(0.1), "activation": "relu", **COMMON, **settings}
    mlp = MLPRegressor((4,), **settings).fit(X, X[:, 0])
    return np.concatenate([each.ravel() for each in mlp.coefs_])


@pytest.mark.parametrize(
    ("written", "known"),
    [
        ({"optimizer": Halved(0.1)}, {"optimizer": SGD(0.05)}),
        ({"activation": Steep(alpha=0.7)}, {"activation": LeakyReLU(alpha=0.25)}),
        ({"penalty": Doubled(), "alpha": 0.1}, {"penalty": "l2", "alpha": 0.2}),
    ],
)
def test_a_default_holds(written, known):
    np.testing.assert_allclose(weights(**written), weights(**known), rtol=1e-6)


def test_a_default_holds_in_array_code():
    state, gradient = {}, np.array([[2.0, -4.0]])
    assert Halved().direction(gradient.copy(), state, np.ones((1, 1))).tolist() == [[1.0, -2.0]]
    assert Steep()(np.array([-4.0, 2.0])).tolist() == [-1.0, 2.0]
    assert Doubled().gradient(gradient).tolist() == [[4.0, -8.0]]


class Learns(Steep):
    def parameters(self, n_units):
        return {"slope": np.full((1, n_units), 0.25)}


class Pieces(Steep):
    n_pieces = 2


@pytest.mark.parametrize("cls", [Learns, Pieces])
def test_what_a_rule_cannot_do_is_an_error(cls):
    with pytest.raises(TypeError, match="must define forward: a rule is a function of one number"):
        weights(activation=cls())


def test_a_misspelt_hyperparameter_is_no_other_number():
    message = "Misspelt: nothing gives the argument 'lerning_rate' of rule, which has no default"
    with pytest.raises(TypeError, match=message):
        weights(optimizer=Misspelt(0.1))
    with pytest.raises(TypeError, match=message):
        minimize(lambda x: (x**2).sum(), [1.0], optimizer=Misspelt(0.1))
