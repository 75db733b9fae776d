"""Rules for what drives the training: optimizers, schedules, initializers."""

from __future__ import annotations

import pickle
import random
from typing import Any

import numpy as np

from skdl.testing._elementwise import check_elementwise_optimizer
from skdl.testing._rules import Arrays, B, K, N, check_arrays, require, require_close, require_same_bits

STEPS = 100
P = 6


def check_optimizer(optimizer: Any) -> None:
    """Check a first-order rule's directions and memory, or that a full-batch optimizer finds a minimum."""
    if optimizer.full_batch:
        _check_full_batch(optimizer)
        return
    check_elementwise_optimizer(optimizer)
    rng = np.random.default_rng(0)
    gradients = rng.normal(size=(K, STEPS // 20, P))
    gradients[:, :, 0] = 0.0  # of a unit that nothing passes
    check_arrays(optimizer, _evaluate_directions, {"gradients": gradients}, ndim=2)
    _check_downhill(optimizer)


def check_schedule(schedule: Any) -> None:
    """Check that factors are finite, not negative, and broadcast to the steps, past the planned end too."""

    def evaluate(schedule: Any, inputs: Arrays) -> dict[str, np.ndarray]:
        results = {}
        for steps_per_epoch, max_epochs in ((1, 1), (4, 3)):
            step = inputs["step"].copy()
            factor = schedule.factor(step, steps_per_epoch=steps_per_epoch, max_epochs=max_epochs)
            name = f"factor, {max_epochs} epochs of {steps_per_epoch}"
            kept = np.array_equal(step, inputs["step"])
            require(kept, schedule, "the steps stay as they are", "they have changed")
            try:
                results[name] = np.broadcast_to(factor, step.shape)
            except ValueError:
                require(False, schedule, "factor broadcasts to the steps", f"{np.shape(factor)} and {step.shape}")
            rule = "factor is not negative"
            require((results[name] >= 0).all(), schedule, rule, f"{name} falls to {results[name].min():.1e}")
        return results

    steps = np.arange(20.0)
    check_arrays(schedule, evaluate, {"step": np.stack([steps, steps + 3, steps + 7])}, ndim=2, dtypes=(np.float64,))
    require(evaluate(schedule, {"step": steps})["factor, 3 epochs of 4"].any(), schedule, "factor is not zero", "it is")
    for losses in ([], [1.0], [1.0] * 50, list(range(50)), [-1.0, float("nan"), float("inf")]):
        factor = schedule.epoch_factor(losses)
        right = isinstance(factor, float) and 0 <= factor < float("inf")
        require(right, schedule, "epoch_factor is a finite float, not negative", f"{factor!r} after {losses}")
        again = schedule.epoch_factor(list(losses))
        require(again == factor, schedule, "epoch_factor depends on the losses alone", f"{factor!r}, then {again!r}")


def check_initializer(initializer: Any) -> None:
    """Check the shape and dtype of a draw, and that the given generator is the only source of it."""
    for n_in, n_out in ((B, N), (1, 1)):
        before = _global_state()
        weights = initializer.draw(np.random.default_rng(0), n_in, n_out)
        after = _global_state()
        shapes = f"{weights.shape}, must be {(n_in, n_out)}"
        require(weights.shape == (n_in, n_out), initializer, "a draw has the shape (n_in, n_out)", shapes)
        require(weights.dtype == np.float64, initializer, "a draw is float64", f"it is {weights.dtype}")
        require(np.isfinite(weights).all(), initializer, "a draw is finite", f"for {n_in} inputs and {n_out} units")
        require(before == after, initializer, "no global random numbers are drawn", "a global state has changed")
        rule = "equal generators give equal draws"
        require_same_bits(initializer.draw(np.random.default_rng(0), n_in, n_out), weights, initializer, rule)
    generator = np.random.default_rng(0)
    first, second = (initializer.draw(generator, B, N) for _ in range(2))
    untouched = generator.bit_generator.state == np.random.default_rng(0).bit_generator.state
    rule = "draws that use the generator differ"
    require(untouched or not np.array_equal(first, second), initializer, rule, "two in a row are equal")


def _global_state() -> bytes:
    return pickle.dumps((random.getstate(), np.random.get_state()))  # noqa: NPY002


def _state(optimizer: Any, like: np.ndarray) -> dict[str, np.ndarray]:
    return {name: np.zeros_like(like) for name in optimizer.state_names}


def _direction(optimizer: Any, gradient: np.ndarray, state: dict[str, np.ndarray], step: int) -> np.ndarray:
    """The direction that one call gives, held to the rules of every call."""
    arrays = dict(state)
    steps = np.full((len(gradient), 1), step, gradient.dtype)
    direction: np.ndarray = optimizer.direction(gradient.copy(), state, steps)
    shapes = f"{direction.shape}, must be {gradient.shape}"
    require(direction.shape == gradient.shape, optimizer, "a direction has the gradient's shape", shapes)
    kept = state.keys() == arrays.keys() and all(state[name] is arrays[name] for name in arrays)
    rule = "state is updated in place, under the names in state_names"
    require(kept, optimizer, rule, f"{sorted(state)} is other arrays")
    shared = [name for name, array in state.items() if np.shares_memory(direction, array)]
    require(not shared, optimizer, "a direction shares no memory with the state", f"it does with {shared}")
    require((steps == step).all(), optimizer, "the step's number stays as it is", "it has changed")
    return direction


def _evaluate_directions(optimizer: Any, inputs: Arrays) -> dict[str, np.ndarray]:
    """The directions of some steps, and the state after them."""
    gradients = inputs["gradients"]
    state = _state(optimizer, gradients[:, 0])
    directions = [_direction(optimizer, gradients[:, i], state, i + 1) for i in range(gradients.shape[1])]
    return {"direction": np.stack(directions, axis=1), **{f"state {name}": array for name, array in state.items()}}


def _check_downhill(optimizer: Any) -> None:
    """From (1, -1, 1, ...) down a bowl, at the optimizer's own learning rate."""
    curvature = np.linspace(0.5, 2.0, P)
    theta = np.where(np.arange(P) % 2, 1.0, -1.0)[None]
    state, start = _state(optimizer, theta), 0.5 * (curvature * theta**2).sum()
    for step in range(1, STEPS + 1):
        theta = theta - optimizer.learning_rate * _direction(optimizer, curvature * theta, state, step)
    value = 0.5 * (curvature * theta**2).sum()
    rule = f"goes downhill on a quadratic in {STEPS} steps"
    require(value < start, optimizer, rule, f"from {start:.6g} to {value:.6g}, must be less")
    unused = sorted(name for name, array in state.items() if not array.any())
    require(not unused, optimizer, "every name in state_names is used", f"{unused} stay zero in {STEPS} steps")


def _check_full_batch(optimizer: Any) -> None:
    names = list(optimizer.state_names)
    require(not names, optimizer, "a full-batch optimizer has no state_names", f"it has {names}, which nothing fills")
    rng = np.random.default_rng(0)
    root = rng.normal(size=(P, P))
    matrix, vector = root @ root.T / P + np.eye(P), rng.normal(size=P)
    start = rng.normal(size=P)
    reported: list[float] = []

    def function(theta: np.ndarray) -> tuple[float, np.ndarray]:
        return float(0.5 * theta @ matrix @ theta - vector @ theta), matrix @ theta - vector

    def minimize(**changes: Any) -> tuple[np.ndarray, bool]:
        def report(theta: np.ndarray, value: float) -> bool:
            rule = "report gets the parameters and their objective"
            require_close(np.asarray(value), np.asarray(function(theta)[0]), optimizer, rule, 1e-12)
            reported.append(value)
            return bool(changes.get("stop", False))

        given = start.copy()
        limits = {"max_iter": 1000, "tol": 1e-8, **{key: changes[key] for key in changes if key != "stop"}}
        theta, converged = optimizer.minimize(function, given, report=report, **limits)
        require(np.array_equal(given, start), optimizer, "the start stays as it is", "it has changed")
        require(theta.shape == start.shape, optimizer, "shape kept", f"{theta.shape}, must be {start.shape}")
        require(theta.dtype == np.float64, optimizer, "dtype kept", f"{theta.dtype}, must be float64")
        return theta, converged

    theta, converged = minimize()
    rule = "minimises a convex quadratic"
    require_close(theta, np.linalg.solve(matrix, vector), optimizer, rule, 1e-7)
    require(converged, optimizer, "says that it has converged", f"converged={converged!r}")
    require_same_bits(minimize()[0], theta, optimizer, "a second call agrees")
    n_iterations = len(reported)
    require(n_iterations >= 2, optimizer, "report is called after each iteration", f"{n_iterations} calls")
    reported.clear()
    _, converged = minimize(stop=True)
    require(len(reported) == 1, optimizer, "stops when report returns True", f"{len(reported)} calls of report")
    require(not converged, optimizer, "says that it has not converged when stopped", f"converged={converged!r}")
    reported.clear()
    minimize(max_iter=1, tol=0.0)
    require(len(reported) <= 1, optimizer, "stops after max_iter iterations", f"{len(reported)} iterations for 1")
