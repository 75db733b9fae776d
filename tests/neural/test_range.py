"""Hyperparameters beyond the range of the training's precision are refused before any work, by their name."""

import numpy as np
import pytest

from skdl import EnsembleRegressor, MLPRegressor, SoftmaxClassifier
from skdl.activations import ELU
from skdl.initializers import Normal
from skdl.losses import Huber
from skdl.normalizations import BatchNorm
from skdl.optimizers import Adam, AdamW
from skdl.penalties import MaxNorm

X = np.random.default_rng(0).normal(size=(40, 3))
Y = X @ [1.0, 2.0, 3.0]
MLP = MLPRegressor((4, 4), max_iter=2, random_state=0)


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("alpha", {"alpha": 1e300}),
        ("alpha", {"alpha": [1e39, 1.0, 1.0]}),
        ("optimizer__learning_rate", {"optimizer": Adam(learning_rate=1e39)}),
        ("optimizer__epsilon", {"optimizer": Adam(epsilon=1e300)}),
        ("optimizer__weight_decay", {"optimizer": AdamW(weight_decay=1e39)}),
        ("activation__alpha", {"activation": ELU(1e300)}),
        ("activation__alpha", {"activation": ["relu", ELU(1e300)]}),
        ("loss__delta", {"loss": Huber(delta=1e39)}),
        ("penalty__limit", {"penalty": MaxNorm(1e39)}),
        ("initializer__std", {"initializer": Normal(std=1e39)}),
        ("normalization__epsilon", {"normalization": BatchNorm(epsilon=1e39)}),
    ],
)
def test_numbers_that_float32_does_not_hold_are_named(name, params):
    model = MLPRegressor(**{**MLP.get_params(deep=False), **params})
    message = rf"{name} holds 1e\+(300|39), and the training is in float32, .* smaller one, or set dtype='float64'"
    for estimator in (model, EnsembleRegressor([("mlp", model)])):
        with pytest.raises(ValueError, match=message):
            estimator.fit(X, Y)
    with pytest.raises(ValueError, match=message):
        model.partial_fit(X, Y)


def test_priors_too():
    softmax = SoftmaxClassifier(prior=np.full((2, 3), 1e39), dtype="float32")
    with pytest.raises(ValueError, match=r"prior holds 1e\+39, and the training is in float32"):
        softmax.fit(X, Y > 0)


def test_float64_holds_them():
    huber = MLPRegressor((4,), loss=Huber(delta=1e300), dtype="float64", max_iter=2, random_state=0).fit(X, Y)
    squared = MLPRegressor((4,), dtype="float64", max_iter=2, random_state=0).fit(X, Y)
    np.testing.assert_allclose(huber.predict(X), squared.predict(X), rtol=1e-12)  # no residual is beyond delta
