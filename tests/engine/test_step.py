"""One step: clipping, decay, proximal steps and projections, each against its formula."""

from dataclasses import replace

import numpy as np
import pytest
from nets import classification, member

from skdl import optimizers, penalties
from skdl.engine.state import State
from skdl.engine.train import Stack, initial_state
from skdl.execution import train_members
from skdl.plugins import FirstOrderOptimizer


class Plain(FirstOrderOptimizer):
    """The gradient itself."""

    per_member = ()

    def __init__(self, learning_rate=0.1, weight_decay=0.0, clip_norm=None, clip_value=None):
        super().__init__(learning_rate, clip_norm=clip_norm, clip_value=clip_value)
        self.weight_decay = weight_decay

    def direction(self, gradient, state, step):
        return gradient.copy()


def stack(optimizer, penalty="l2", alpha=0.0, prior=None, k=2):
    tasks = [
        replace(
            member(classification(20, 4, 3, dtype=np.float64), seed=i, optimizer=optimizer, dtype=np.float64),
            penalty=penalties.resolve(penalty),
            alpha=alpha,
            prior=prior,
        )
        for i in range(k)
    ]
    return Stack(tasks, State.stack([initial_state(task) for task in tasks]))


def step(running, gradient, number):
    """Step `number` of all members, with a rate of 0.1."""
    running.step.plan(1)
    running.step.rates = np.full((len(gradient), 1), 0.1)
    running.step.steps = np.full((len(gradient), 1), number)
    running.step(0, gradient.copy())


def one_step(running, gradient):
    before = running.state.theta.copy()
    step(running, gradient, 1)
    return before, running.state.theta


@pytest.fixture
def gradient():
    running = stack(Plain())
    return np.random.default_rng(0).normal(0, 3, running.state.theta.shape)


def test_values_are_clipped(gradient):
    before, after = one_step(stack(Plain(clip_value=0.5)), gradient)
    np.testing.assert_allclose(after, before - 0.1 * np.clip(gradient, -0.5, 0.5), rtol=1e-12)


def test_norms_are_clipped_member_by_member(gradient):
    gradient[1] *= 1e-3
    before, after = one_step(stack(Plain(clip_norm=1.0)), gradient)
    steps = np.linalg.norm(after - before, axis=1)
    np.testing.assert_allclose(steps, [0.1, 0.1 * np.linalg.norm(gradient[1])], rtol=1e-9)


def test_decay_is_decoupled_and_leaves_intercepts(gradient):
    running = stack(Plain(weight_decay=0.3))
    before, after = one_step(running, gradient)
    n = running.whole.network.layout.n_penalised
    np.testing.assert_allclose(after[:, :n], before[:, :n] * (1 - 0.03) - 0.1 * gradient[:, :n], rtol=1e-12)
    np.testing.assert_allclose(after[:, n:], before[:, n:] - 0.1 * gradient[:, n:], rtol=1e-12)


def with_factors(rates=None, decays=None, **changes):
    """A stack of two members with two hidden layers, the first of them with factors by role."""
    data = classification(20, 4, 3, dtype=np.float64)
    tasks = [member(data, (5, 6), seed=i, optimizer=Plain(**changes), dtype=np.float64) for i in range(2)]
    tasks[0] = replace(tasks[0], learning_rate_factors=rates or {}, weight_decay_factors=decays or {})
    tasks = [replace(task, alpha=0.0) for task in tasks]
    return Stack(tasks, State.stack([initial_state(task) for task in tasks]))


def named(running, flat, i):
    """The parameters of member i, by layer: those of the activations, which have none, are left out."""
    views = running.whole.network.layout.views(flat)
    return [{name: value[i] for name, value in leaf.items()} for leaf in views if leaf]


@pytest.mark.parametrize(
    ("rates", "decays", "expected_rates", "expected_decays"),
    [
        ({"bias": 0.1}, {}, [(1, 0.1)] * 3, [(1, 0)] * 3),
        ({"weight": 2.0}, {"bias": 0.5}, [(2, 1)] * 3, [(1, 0.5)] * 3),
        ({"first_weight": 0.0, "last_weight": 3.0}, {"weight": 0.0}, [(0, 1), (1, 1), (3, 1)], [(0, 0)] * 3),
        ({"weight": 2.0, "last_weight": 3.0, "bias": 6.0}, {"first_weight": 7.0}, [(2, 6), (2, 6), (3, 6)],
         [(7, 0), (1, 0), (1, 0)]),
    ],
)  # fmt: skip
def test_factors_by_role(rates, decays, expected_rates, expected_decays):
    """The step is rate f (d + g weight_decay theta), with f and g the factors of the learning rate and of the decay."""
    running = with_factors(rates, decays, weight_decay=0.3)
    gradient = np.random.default_rng(0).normal(0, 3, running.state.theta.shape)
    before, after = one_step(running, gradient)
    for i in range(2):
        f, g = (expected_rates, expected_decays) if i == 0 else ([(1, 1)] * 3, [(1, 0)] * 3)
        layers = (named(running, flat, i) for flat in (before, after, gradient))
        for old, new, slope, fs, gs in zip(*layers, f, g, strict=True):
            for name, factor, decay in zip(("weight", "bias"), fs, gs, strict=True):
                expected = old[name] - 0.1 * factor * (slope[name] + 0.3 * decay * old[name])
                np.testing.assert_allclose(new[name], expected, rtol=1e-12, atol=1e-14)


class Remembering(Plain):
    """A rule with a memory, and a direction that does not scale with its gradients."""

    state_names = ("squares",)

    def direction(self, gradient, state, step):
        state["squares"] *= 0.5
        state["squares"] += gradient * gradient
        return gradient / (np.sqrt(state["squares"]) + 0.3)


@pytest.mark.parametrize("rule", [Plain, Remembering])
def test_the_neural_tangent_parametrisation(rule):
    """It is plain training of w where the network has W = w / sqrt(n_in): gradients, decay and all."""
    data = classification(20, 4, 3, dtype=np.float64)
    optimizer = rule(weight_decay=0.3, clip_norm=2.0)
    tasks = [member(data, (5, 6), seed=i, optimizer=optimizer, dtype=np.float64) for i in range(2)]
    factors = {"last_weight": 0.5}
    tasks = [replace(task, alpha=0.0, parametrization="ntk", learning_rate_factors=factors) for task in tasks]
    running = Stack(tasks, State.stack([initial_state(task) for task in tasks]))
    layout, theta = running.whole.network.layout, running.state.theta
    units, share = np.ones((1, layout.size)), np.ones((1, layout.size))
    decayed = np.zeros((1, layout.size))
    for _, spec, view in layout.placed(units):
        view[...] = 1 / np.sqrt(spec.shape[0]) if spec.name == "weight" else 1.0
    for views, value in ((layout.views(share)[-1]["weight"], 0.5), (decayed[:, : layout.n_penalised], 1.0)):
        views[...] = value
    w, memory = theta / units, {"squares": np.zeros_like(theta)}
    for t in range(1, 4):
        gradient = np.random.default_rng(t).normal(0, 3, theta.shape)
        slope = gradient * units
        slope *= 2.0 / np.maximum(np.linalg.norm(slope, axis=1, keepdims=True), 2.0)
        w = w - 0.1 * share * (rule().direction(slope, memory, t) + 0.3 * decayed * w)
        step(running, gradient, t)
        np.testing.assert_allclose(running.state.theta, w * units, rtol=1e-12)


def test_factors_of_one_cost_nothing():
    running = with_factors({"bias": 1.0}, {"weight": 1.0, "bias": 0.0}, weight_decay=0.3)
    recipe = running.step.descent.after.recipe
    assert not recipe.rate_factors
    assert recipe.decay == "member"


@pytest.mark.parametrize(("penalty", "l1", "l2"), [("l1", 1.0, 0.0), ("elastic_net", 0.5, 0.5)])
@pytest.mark.parametrize("prior", [False, True])
def test_a_step_takes_the_least_subgradient_and_stops_at_kinks(gradient, penalty, l1, l2, prior):
    n = stack(Plain()).whole.network.layout.n_penalised
    rng = np.random.default_rng(1)
    towards = rng.normal(size=n) if prior else None
    running = stack(Plain(), penalty, 0.7, towards)
    centre = np.zeros(n) if towards is None else towards
    running.state.theta[:, :n][rng.random((2, n)) < 0.5] = 0.0
    running.state.theta[:, :n] += 0.0 if towards is None else np.where(running.state.theta[:, :n] == 0, towards, 0)
    before, after = one_step(running, gradient)
    for w, g, now, p in zip(
        before[:, :n].ravel(), gradient[:, :n].ravel(), after[:, :n].ravel(), np.tile(centre, 2), strict=True
    ):
        u, g = w - p, g + 0.7 * l2 * (w - p)
        if u == 0:
            allowed = g - np.sign(g) * 0.7 * l1 if abs(g) > 0.7 * l1 else 0.0
            expected = -0.1 * allowed
        else:
            moved = u - 0.1 * (g + 0.7 * l1 * np.sign(u))
            expected = moved if np.sign(moved) == np.sign(u) else 0.0
        np.testing.assert_allclose(now - p, expected, atol=1e-12)


def test_norms_of_incoming_weights_are_bounded(gradient):
    running = stack(Plain(), penalties.MaxNorm(0.8))
    one_step(running, gradient * 10)
    for named in running.whole.network.layout.views(running.state.theta):
        if "weight" in named:
            norms = np.linalg.norm(named["weight"], axis=1)
            assert norms.max() <= 0.8 * (1 + 1e-12)


def test_l1_reaches_exact_zeros_and_keeps_what_matters():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 10))
    labels = (X[:, 0] + X[:, 1] > 0).astype(int)
    data = replace(classification(200, 10, 2, dtype=np.float64), X=X, targets=np.eye(2)[labels])
    task = replace(
        member(data, (), seed=0, optimizer=Plain(0.5), dtype=np.float64),
        penalty=penalties.L1(),
        alpha=0.05,
        batch_size=200,
        n_epochs=300,
        patience=None,
    )
    [outcome] = train_members([task])
    weights = outcome.theta[0, :20].reshape(10, 2)
    assert (weights[2:] == 0).all()
    assert (weights[:2] != 0).all()


def test_the_memory_is_found_by_its_names(gradient):
    """A state that was stored may list its arrays in another order than the rule gives them in."""
    ends = []
    for order in (1, -1):
        running = stack(optimizers.resolve("adam"))
        state = running.state
        state.optimizer_state = dict(list(state.optimizer_state.items())[::order])
        again = Stack(running.members, state)
        step(again, gradient, 1)
        ends.append(state)
    np.testing.assert_array_equal(ends[0].theta, ends[1].theta)
    for name, array in ends[0].optimizer_state.items():
        np.testing.assert_array_equal(array, ends[1].optimizer_state[name])
