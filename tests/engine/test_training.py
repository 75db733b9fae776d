"""Training as a textbook writes it: plain loops, one network, every formula spelled out."""

import itertools
import time
from dataclasses import replace

import numpy as np
import pytest
from nets import classification, member
from numpy.testing import assert_allclose

from skdl import optimizers, schedules
from skdl.execution import train_members

N, D, H, C = 23, 4, 5, 3
ALPHA, RATE, GAMMA, EPOCHS = 0.05, 0.02, 0.7, 4


def textbook(rows, seed, batch_size, *, shuffle=True):
    """Adam on the mean cross entropy of a tanh network plus ALPHA / 2 |W|^2; returns weights and the loss curve."""
    generator = np.random.default_rng(seed)
    bounds = [np.sqrt(6 / (D + H)), np.sqrt(6 / (H + C))]
    params = {
        "W1": generator.uniform(-bounds[0], bounds[0], (D, H)),
        "b1": np.zeros(H),
        "W2": generator.uniform(-bounds[1], bounds[1], (H, C)),
        "b2": np.zeros(C),
    }
    m, v = ({name: np.zeros_like(value) for name, value in params.items()} for _ in range(2))
    curve, t = [], 0
    for epoch in range(EPOCHS):
        order = generator.permutation(N) if shuffle else np.arange(N)
        total = 0.0
        for start in range(0, N, batch_size):
            chosen = order[start : start + batch_size]
            X, T, w = rows.X[chosen], rows.targets[chosen], rows.weight[chosen][:, None]
            hidden = np.tanh(X @ params["W1"] + params["b1"])
            scores = hidden @ params["W2"] + params["b2"]
            P = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
            total += -(w * T * np.log(P)).sum()
            dscores = w * (P - T) / len(chosen)
            dhidden = dscores @ params["W2"].T * (1 - hidden**2)
            gradients = {
                "W1": X.T @ dhidden + ALPHA * params["W1"],
                "b1": dhidden.sum(axis=0),
                "W2": hidden.T @ dscores + ALPHA * params["W2"],
                "b2": dscores.sum(axis=0),
            }
            t += 1
            for name, g in gradients.items():
                m[name] = 0.9 * m[name] + 0.1 * g
                v[name] = 0.999 * v[name] + 0.001 * g**2
                step = m[name] / (1 - 0.9**t) / (np.sqrt(v[name] / (1 - 0.999**t)) + 1e-8)
                params[name] = params[name] - RATE * GAMMA**epoch * step
        # The loss as it went along, with the penalty of the weights at the epoch's end.
        curve.append(total / N + ALPHA / 2 * sum((params[name] ** 2).sum() for name in ("W1", "W2")))
    return params, curve


def task(seed, batch_size, **changes):
    rows = classification(N, D, C, dtype=np.float64)
    rows = replace(rows, weight=np.random.default_rng(9).uniform(0.5, 1.5, N))
    fields = {
        "alpha": ALPHA,
        "dtype": np.float64,
        "batch_size": batch_size,
        "n_epochs": EPOCHS,
        "max_epochs": EPOCHS,
        "optimizer": optimizers.Adam(RATE),
        "schedule": schedules.Exponential(GAMMA),
    }
    return member(rows, (H,), seed=seed, **{**fields, **changes})


@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize("batch_size", [1, 5, 8, N])
def test_training_is_the_textbooks(batch_size, shuffle):
    tasks = [task(seed, batch_size, shuffle=shuffle) for seed in (3, 4)]
    for seed, one, outcome in zip((3, 4), tasks, train_members(tasks), strict=True):
        params, curve = textbook(one.rows, seed, batch_size, shuffle=shuffle)
        expected = np.concatenate([params[name].ravel() for name in ("W1", "W2", "b1", "b2")])
        assert_allclose(outcome.theta[0], expected, rtol=1e-9, atol=1e-11)
        assert_allclose(outcome.state.progress[0].losses, curve, rtol=1e-11)
        assert outcome.state.step.tolist() == [EPOCHS * -(-N // batch_size)]


def test_single_precision_is_near():
    one = task(3, 8, dtype=np.float32)
    params, curve = textbook(one.rows, 3, 8)
    [outcome] = train_members([one])
    assert_allclose(outcome.theta[0, : D * H], params["W1"].ravel(), atol=1e-4)
    assert_allclose(outcome.state.progress[0].losses, curve, rtol=1e-5)


def test_records_of_an_epoch():
    records = []
    train_members([task(3, 8, report=lambda record: records.append(record) is not None)])
    assert [record["learning_rate"] for record in records] == [RATE * GAMMA**epoch for epoch in range(EPOCHS)]
    assert [record["validation_score"] for record in records] == [None] * EPOCHS


@pytest.mark.parametrize(
    ("n_members", "optimizer", "seconds"), [(1, "adam", 0.5), (4, "adam", 0.125), (1, "lbfgs", 0.5)]
)
def test_the_seconds_of_an_epoch_are_shared_by_the_stack(n_members, optimizer, seconds, monkeypatch):
    clock = itertools.count(step=0.5)  # on which half a second lies between two looks
    monkeypatch.setattr(time, "perf_counter", lambda: next(clock))
    members = [task(seed, 8, optimizer=optimizers.resolve(optimizer)) for seed in range(n_members)]
    for outcome in train_members(members):
        assert [record["seconds"] for record in outcome.state.progress[0].history] == [seconds] * EPOCHS
