"""The descent of any function: against closed forms, and against the weights of a network that trains."""

from dataclasses import replace

import numpy as np
import pytest
from nets import member, regression
from numpy.testing import assert_allclose, assert_array_equal

from skdl import losses, optimizers, schedules
from skdl.engine.train import initial_state
from skdl.execution import train_members
from skdl.optimizers import LBFGS, SGD, Adam, AdamW, minimize

ROWS = regression(12, 3, 2, dtype=np.float64)
RULES = [
    *(optimizers.resolve(name) for name in optimizers.names() if name != "lbfgs"),
    SGD(learning_rate=0.3, clip_norm=0.5),
    Adam(learning_rate=0.05, clip_value=0.05),
    AdamW(learning_rate=0.05, weight_decay=0.7),
]


def loss(theta):
    """The mean squared error of a linear map, halved."""
    W, b = np.reshape(theta[:6], (3, 2)), theta[6:]
    return 0.5 * ((ROWS.X @ W + b - ROWS.targets) ** 2).mean()


@pytest.mark.parametrize("rule", RULES, ids=repr)
@pytest.mark.parametrize("schedule", ["constant", "cosine", "plateau", "exponential"])
def test_the_path_is_that_of_the_weights_of_a_network(rule, schedule):
    plan = schedules.Plateau(patience=1, threshold=0.3) if schedule == "plateau" else schedules.resolve(schedule)
    changes = {
        "loss": losses.resolve("squared_error"),
        "alpha": 0.0,
        "batch_size": 12,
        "dtype": np.float64,
        "n_epochs": 8,
    }
    task = member(ROWS, (), optimizer=rule, schedule=plan, max_epochs=8, weight_decay_factors={"bias": 1.0}, **changes)
    state = initial_state(task)
    start = state.theta[0].copy()
    [result] = train_members([replace(task, state=state)])
    path = minimize(loss, start, optimizer=rule, schedule=plan, n_steps=8)
    assert_allclose(path.x, result.state.theta[0], rtol=1e-10, atol=1e-14)
    records = result.state.progress[0].history
    assert_allclose(path.values[:-1], [record["loss"] for record in records], rtol=1e-10)
    assert_allclose(path.learning_rates, [record["learning_rate"] for record in records], rtol=1e-12)
    assert_allclose(path.gradient_norms[:-1], [record["gradient_norm"] for record in records], rtol=1e-9)


def test_a_quadratic_by_its_closed_form():
    """x_t = (1 - rate a)^t x_0 for f = a x^2 / 2, of any shape, with the factor of the schedule in each step."""
    a = np.array([[1.0, 3.0], [0.5, 2.0]])
    start = np.array([[1.0, -2.0], [3.0, 4.0]])
    path = minimize(lambda x: 0.5 * (a * x * x).sum(), start, optimizer=SGD(learning_rate=0.2), n_steps=10)
    t = np.arange(11)[:, None, None]
    assert_allclose(path.points, (1 - 0.2 * a) ** t * start, rtol=1e-12)
    assert_allclose(path.values, 0.5 * (a * path.points**2).sum(axis=(1, 2)), rtol=1e-12)
    assert_allclose(path.gradient_norms, np.sqrt(((a * path.points) ** 2).sum(axis=(1, 2))), rtol=1e-12)
    assert_array_equal(path.learning_rates, np.full(10, 0.2))
    halved = minimize(
        lambda x: 0.5 * (a * x * x).sum(),
        start,
        optimizer=SGD(learning_rate=0.2),
        n_steps=3,
        schedule=schedules.Exponential(gamma=0.5),
    )
    assert_allclose(halved.x, (1 - 0.2 * a) * (1 - 0.1 * a) * (1 - 0.05 * a) * start, rtol=1e-12)
    assert repr(path).startswith("DescentPath(10 steps to ")


def rosenbrock(x):
    return (1 - x[0]) ** 2 + 100 * (x[1] - x[0] ** 2) ** 2


def test_lbfgs_finds_the_valley_of_rosenbrock():
    path = minimize(rosenbrock, [-1.2, 1.0], optimizer="lbfgs", n_steps=200, tol=1e-8)
    assert path.reason == "tol"
    assert_allclose(path.x, [1, 1], rtol=1e-7)
    assert_allclose(path.values, [rosenbrock(x) for x in path.points], rtol=1e-12)
    assert np.isnan(path.learning_rates).all()
    assert minimize(rosenbrock, [1.0, 1.0], optimizer=LBFGS(memory=2), tol=1e-8).points.tolist() == [[1.0, 1.0]]
    assert minimize(rosenbrock, [-1.2, 1.0], optimizer="lbfgs", n_steps=3).reason == "n_steps"


def test_single_precision_whole_numbers_and_no_steps():
    path = minimize(rosenbrock, np.array([0.5, 0.5], np.float32), n_steps=3, schedule="cosine")
    assert path.points.dtype == np.float32
    path = minimize(rosenbrock, [0, 0], n_steps=0, schedule="cosine")
    assert (path.points.tolist(), path.value, path.reason) == ([[0.0, 0.0]], 1.0, "n_steps")
    assert minimize(lambda x: x**2, 3, optimizer=SGD(learning_rate=0.5), n_steps=1).x == 0.0


def test_a_gradient_of_ones_own_is_asked_once_at_each_point():
    rng = np.random.default_rng(0)
    noise = rng.normal(size=(6, 2))
    drawn = iter(noise)
    path = minimize(
        lambda x: float(x @ x) / 2, [1.0, 2.0], optimizer=SGD(learning_rate=0.1), n_steps=5,
        gradient=lambda x: x + next(drawn),
    )  # fmt: skip
    expected = [np.array([1.0, 2.0])]
    for each in noise[:5]:
        expected.append(expected[-1] - 0.1 * (expected[-1] + each))
    assert_allclose(path.points, expected, rtol=1e-12)


def test_ends():
    high = minimize(lambda x: (x**4).sum(), [3.0], optimizer=SGD(learning_rate=1.0), n_steps=50)
    assert high.reason == "diverged"
    assert len(high.points) < 51
    assert len(high.points) == len(high.values) == len(high.learning_rates) + 1
    assert not np.isfinite(high.value)
    found = minimize(lambda x: (x**2).sum(), [1.0], optimizer=SGD(learning_rate=0.25), tol=1e-3)
    assert found.reason == "tol"
    assert abs(2 * found.x[0]) <= 1e-3 < abs(2 * found.points[-2, 0])
    assert minimize(lambda x: 7.0, [1.0]).points.tolist() == [[1.0]]  # a constant is at its minimum


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"n_steps": -1}, "The 'n_steps' parameter of minimize must be an int in"),
        ({"tol": -1.0}, "The 'tol' parameter of minimize must be a float in"),
        ({"optimizer": "adamm"}, "Unknown name 'adamm' in skdl.optimizers"),
        ({"optimizer": SGD(learning_rate=-1.0)}, "The 'learning_rate' parameter of SGD"),
        ({"schedule": 3}, "Expected one of"),
        ({"f": lambda x: x}, r"f must give a number. It gave an array of shape \(2,\)"),
        ({"gradient": lambda x: 1.0}, r"gradient must give an array of the shape of x, \(2,\). It gave \(\)"),
        ({"x0": ["a"]}, "x0 must be an array of real numbers"),
    ],
)
def test_mistakes(changes, message):
    with pytest.raises(ValueError, match=message):
        minimize(**{"f": rosenbrock, "x0": [0.0, 0.0], **changes})
