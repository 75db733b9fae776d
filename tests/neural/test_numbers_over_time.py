"""Dropout and weight decay that follow schedules of their own."""

import numpy as np
import pytest
from plain import PLAIN
from sklearn.base import clone

from skdl import MLPClassifier, MLPRegressor
from skdl._protocols import ForwardContext
from skdl.layers import Dropout
from skdl.optimizers import AdamW
from skdl.schedules import Constant, FlatCos, Plateau, Polynomial, StepDecay
from skdl.testing import check_estimator_members

rng = np.random.default_rng(0)
X = rng.normal(size=(80, 4))
Y = X[:, 0] * X[:, 1]


def mlp(**params):
    given = {**PLAIN, "optimizer": AdamW(0.01, weight_decay=0.3), "dropout": 0.3, "input_dropout": 0.1}
    return MLPRegressor((6, 5), max_iter=4, random_state=0, **{**given, **params})


def weights(network):
    return network._training.state.theta


@pytest.mark.parametrize("factor", [0.0, 0.5, 1.0, 9.0])
def test_the_share_that_is_dropped(factor):
    layer, x = Dropout([0.4, 0.2]), np.ones((2, 500, 40))
    factors = np.array([factor, 0.5]).reshape(2, 1, 1)
    context = ForwardContext(True, [np.random.default_rng(i) for i in range(2)], dropout_factor=factors)
    y, backprop = layer.forward(x, {}, context)
    for i, p in enumerate((min(0.4 * factor, 1 - 2.0**-16), 0.1)):
        kept = y[i] != 0
        assert kept.mean() == pytest.approx(1 - p, abs=0.02)
        np.testing.assert_allclose(y[i][kept], 1 / (1 - p), rtol=1e-9)
    np.testing.assert_array_equal(backprop(np.ones_like(x), {}, True), y)


def test_weight_decay_over_time():
    """With targets that are all equal there is no gradient: what is left is the product of the decays."""
    params = {"optimizer": AdamW(0.02, weight_decay=0.5), "schedule": Polynomial(), "alpha": 0.0, "dropout": 0.0}
    network = mlp(**params, input_dropout=0.0, batch_size=20, dtype="float64", weight_decay_schedule=FlatCos(0.25))
    t = np.arange(16) / 16
    factor = np.where(t <= 0.25, 1, (1 + np.cos(np.pi * (t - 0.25) / 0.75)) / 2)
    left = np.prod(1 - 0.02 * (1 - t) * 0.5 * factor)
    start = clone(network).initialize(X, 0 * Y)
    np.testing.assert_allclose(network.fit(X, 0 * Y).coefs_[0], left * start.coefs_[0], rtol=1e-12)
    np.testing.assert_allclose(network.coefs_[1], left * start.coefs_[1], rtol=1e-12)


def test_a_decay_that_reacts_to_the_losses():
    """A plateau of one epoch, and targets that are learned already: the decay halves after each epoch but the first."""
    params = {"optimizer": AdamW(0.02, weight_decay=0.5), "schedule": "constant", "alpha": 0.0, "dropout": 0.0}
    schedule = Plateau(0.5, patience=1)
    network = mlp(**params, input_dropout=0.0, batch_size=80, dtype="float64", weight_decay_schedule=schedule)
    start = clone(network).initialize(X, 0 * Y)
    left = np.prod(1 - 0.01 * np.array([1, 1, 0.5, 0.25]))
    np.testing.assert_allclose(network.fit(X, 0 * Y).coefs_[0], left * start.coefs_[0], rtol=1e-12)


def test_a_constant_schedule_changes_no_bit():
    plain, constant = mlp(), mlp(dropout_schedule="constant", weight_decay_schedule=Constant())
    assert np.array_equal(weights(plain.fit(X, Y)), weights(constant.fit(X, Y)))
    other = mlp(dropout_schedule="flat_cos").fit(X, Y)
    assert not np.array_equal(weights(plain), weights(other))


def test_dropout_that_has_fallen_to_zero_trains_without():
    """From the second epoch on the training losses are those without dropout, as of the same rows in validation."""
    network = mlp(dropout=0.5, dropout_schedule=StepDecay(1, gamma=1e-12), optimizer="sgd", batch_size=80, alpha=0.0)
    network.set_params(optimizer__learning_rate=1e-9, dtype="float64", scoring="loss")
    history = network.fit(X, Y, X_val=X, y_val=Y).history_
    np.testing.assert_allclose(history["loss"][1:], history["validation_loss"][1:], rtol=1e-6)
    assert abs(history["loss"][0] - history["validation_loss"][0]) > 1e-3


def test_members_of_a_stack_equal_their_lone_fits():
    members = [
        mlp(dropout=p, input_dropout=p / 2, dropout_schedule=FlatCos(flat), weight_decay_schedule=FlatCos(1 - flat))
        for p, flat in ((0.1, 0.5), (0.4, 0.2), (0.3, 0.8))
    ]
    for i, member in enumerate(members):
        member.set_params(random_state=i, batch_size=[16, 16, 17][i])  # 80 rows: a last step of its own
    check_estimator_members(members, X, Y)


def test_going_on_is_exact(tmp_path):
    scheduled = mlp(dropout_schedule="flat_cos", weight_decay_schedule="cosine")
    whole = clone(scheduled).fit(X, Y)
    steps = clone(scheduled)
    for i in range(4):
        steps.partial_fit(X, Y)
        if i == 1:
            steps.save_checkpoint(tmp_path / "scheduled.npz")
            steps = clone(scheduled).load_checkpoint(tmp_path / "scheduled.npz")
    assert np.array_equal(weights(steps), weights(whole))


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"dropout_schedule": "cosine"}, "dropout_schedule='cosine' has no effect with dropout=0 and input_dropout=0"),
        ({"dropout_schedule": "cosine", "dropout": 0.1, "dropout_mode": "standard"}, "no p is that of all steps"),
        (
            {"weight_decay_schedule": "cosine", "optimizer": "adam"},
            "weight_decay_schedule='cosine' has no effect: optimizer='adam' has no",
        ),
        ({"weight_decay_schedule": "cosine", "optimizer": "lbfgs"}, "has no effect: optimizer='lbfgs' takes all rows"),
        ({"dropout_schedule": "cosin", "dropout": 0.1}, "'dropout_schedule' parameter of MLPClassifier: Unknown name"),
    ],
)
def test_errors(params, message):
    with pytest.raises(ValueError, match=message):
        MLPClassifier((4,), **params).fit(X, Y > 0)
