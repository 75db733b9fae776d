"""What training curves say in words: constructed ones, each rule by itself, and real fits at known rates."""

import numpy as np
import pytest
from sklearn.datasets import load_digits

from skdl import MLPClassifier
from skdl.inspection import TrainingCurveDisplay, training_verdict
from skdl.optimizers import SGD

EPOCHS = np.arange(40)
FALLING = 0.1 + 2.0 * np.exp(-EPOCHS / 5)  # fast first, then flat


def test_fast_first_and_then_flat_is_good():
    verdict = training_verdict(FALLING, FALLING + 0.05)
    assert verdict[:2] == ("good", "good")
    assert str(verdict).startswith("Learning rate good: the loss falls from 2.1 to 0.1")


def test_a_straight_curve_near_its_start_has_too_low_a_rate():
    assert training_verdict(2.0 - 0.002 * EPOCHS).learning_rate == "too low"
    # As straight, but it has fallen by more than a fifth; and as little, but the curve is flat at its end.
    assert training_verdict(2.0 - 0.02 * EPOCHS).learning_rate == "good"
    assert training_verdict(1.9 + 0.1 * np.exp(-EPOCHS / 2)).learning_rate == "good"
    assert training_verdict(np.full(10, 2.0)).learning_rate == "too low"


def test_a_rate_that_falls_to_zero_does_not_hide_that_it_was_too_low():
    rates = 1 + np.cos(np.pi * EPOCHS / 40)
    losses = 2.0 - 0.001 * np.cumsum(rates)
    assert training_verdict(losses, learning_rate=rates).learning_rate == "too low"
    assert training_verdict(losses).learning_rate == "good"  # without the rates it looks flat


@pytest.mark.parametrize(
    ("losses", "why"),
    [
        (1.0 + 0.1 * EPOCHS, "above its start"),
        (2.0 + 0.5 * (-1.0) ** EPOCHS - 0.01 * EPOCHS, "oscillates"),
        (np.where(EPOCHS == 39, np.inf, 1.0), "diverged"),
        (np.where(EPOCHS == 20, np.nan, 1.0), "diverged"),
    ],
)
def test_rising_oscillating_and_diverged_losses_have_too_high_a_rate(losses, why):
    verdict = training_verdict(losses, FALLING)
    assert verdict[:2] == ("too high", "unknown")
    assert why in verdict.reasons[0]
    assert "Over- or underfitting unknown" in str(verdict)


def test_noise_at_the_bottom_and_restarts_of_cycles_are_no_oscillation():
    noise = np.random.default_rng(0).normal(size=40)
    assert training_verdict(2 * np.exp(-EPOCHS / 3) + 0.002 * (1.5 + noise)).learning_rate == "good"
    rates = 1.0 - (EPOCHS % 2) * 0.9  # every second epoch is a restart, whose loss is higher
    restarts = 1.0 + 0.5 * rates + np.exp(-EPOCHS / 5)
    assert training_verdict(restarts, learning_rate=rates).learning_rate == "good"
    assert training_verdict(restarts).learning_rate == "too high"


def test_a_training_that_ended_as_its_loss_became_infinite_had_too_high_a_rate():
    assert training_verdict([2.0, 1.9], diverged=True).learning_rate == "too high"


def test_validation_that_rises_while_training_falls_is_overfitting():
    validation = 0.5 + 0.002 * (EPOCHS - 12) ** 2
    verdict = training_verdict(FALLING, validation)
    assert verdict.fit == "overfitting"
    assert "since epoch 1" in verdict.reasons[1]
    # By less than a twentieth; or while the training loss does not fall.
    assert training_verdict(FALLING, 0.5 + 0.00002 * (EPOCHS - 12) ** 2).fit == "good"
    assert training_verdict(np.maximum(FALLING, FALLING[5]), validation).fit != "overfitting"
    # And it ends below the training loss: noise of few rows.
    assert training_verdict(FALLING + 0.6, 0.3 * validation).fit == "good"


def test_losses_that_are_high_and_close_are_underfitting():
    high = 1.5 + 0.5 * np.exp(-EPOCHS / 5)
    assert training_verdict(high, high * 1.05).fit == "underfitting"
    assert training_verdict(high, high * 1.5).fit == "good"  # a gap: it has learned what others do not have
    assert training_verdict(FALLING, FALLING * 1.05).fit == "good"
    assert training_verdict(2.0 - 0.002 * EPOCHS).fit == "underfitting"  # straight and high, without validation
    assert training_verdict(FALLING).fit == "unknown"


def test_validation_may_be_known_of_some_epochs_only():
    some = np.where(EPOCHS % 10 == 9, FALLING + 0.02 * EPOCHS, np.nan)
    assert training_verdict(FALLING, some).fit == "overfitting"


def test_an_optimizer_without_a_rate_is_judged_by_its_fit_only():
    verdict = training_verdict(FALLING, FALLING + 0.05, np.full(40, np.nan))
    assert verdict[:2] == ("unknown", "good")
    assert "finds its steps by itself" in str(verdict)
    X, y = load_digits(n_class=3, return_X_y=True)
    network = MLPClassifier((8,), optimizer="lbfgs", max_iter=50, early_stopping=False, tol=1e-2, random_state=0).fit(
        X, y
    )
    assert TrainingCurveDisplay.from_estimator(network).verdicts_["MLPClassifier"].learning_rate == "unknown"


def test_few_epochs_are_not_judged_and_lengths_are_checked():
    assert training_verdict([2.0, 1.0], [2.0, 1.0])[:2] == ("unknown", "unknown")
    with pytest.raises(ValueError, match=r"one number an epoch\. Got 3, 2 and 3 numbers"):
        training_verdict([3, 2, 1], [3, 2])


def test_losses_below_zero_are_judged_by_their_way():
    assert training_verdict(FALLING - 5, FALLING - 4.9).learning_rate == "good"
    assert training_verdict(-2.0 - 0.002 * EPOCHS).learning_rate == "too low"


@pytest.mark.parametrize(
    ("rate", "expected"),
    [(1e-4, ("too low", "underfitting")), (0.1, ("good", "good")), (100.0, ("too high", "unknown"))],
)
def test_rates_on_digits(rate, expected):
    X, y = load_digits(return_X_y=True)
    options = {"encoding": None, "schedule": "constant", "activation": "tanh", "max_iter": 15, "random_state": 0}
    network = MLPClassifier((32,), optimizer=SGD(rate), early_stopping=True, n_iter_no_change=np.inf, **options)
    display = TrainingCurveDisplay.from_estimator(network.fit(X, y))
    assert display.verdicts_["MLPClassifier"][:2] == expected
    assert display.verdict_.startswith(f"Learning rate {expected[0]}: ")
