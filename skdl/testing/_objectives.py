"""Rules for what a network minimises: losses and penalties."""

from __future__ import annotations

from typing import Any

import numpy as np

from skdl._layer_names import layer_names
from skdl._protocols import WeightPlaces
from skdl.testing._elementwise import check_elementwise_penalty
from skdl.testing._gradient import check_gradient
from skdl.testing._rules import Arrays, B, K, N, check_arrays, require, require_close

EXTREME = 1e4
TASKS = ("classification", "binary", "regression")


def check_loss(loss: Any) -> None:
    """Check value against gradient, weights, the link's range, and stability at scores of +-1e4."""
    require(loss.task in TASKS, loss, "task is known", f"{loss.task!r} is not one of {TASKS}")
    rng = np.random.default_rng(0)
    targets = _targets(loss, rng)
    inputs = {"scores": rng.normal(0, 2, (K, B, N)), "targets": targets, "weight": rng.uniform(0.1, 1.0, (K, B, 1))}
    check_arrays(loss, _evaluate_loss, inputs, ndim=3)

    def objective(scores: np.ndarray) -> float:
        return float(_evaluate_loss(loss, {**inputs, "scores": scores})["value"].sum())

    gradient = _evaluate_loss(loss, inputs)["gradient"]
    check_gradient(objective, gradient, inputs["scores"], name=f"{type(loss).__name__}: gradient by the scores")
    _check_weights(loss, inputs)
    _check_link(loss, inputs["scores"])
    _check_extremes(loss, targets)


def check_penalty(penalty: Any) -> None:
    """Check value against gradient, away from zero, and that the weights stay as they are."""
    check_elementwise_penalty(penalty)
    rng = np.random.default_rng(0)
    size = (K, B * N)
    layers = np.arange(B * N).reshape(2, 1, -1)  # two of one shape
    names = layer_names(1)
    places = WeightPlaces(dict(zip(names[1:], ([layers[0]], [layers[1]]), strict=True)), layers[0].T, names)
    penalty = penalty.for_weights(places)
    inputs = {"weights": rng.uniform(0.1, 2.0, size) * rng.choice([-1.0, 1.0], size)}
    check_arrays(penalty, _evaluate_penalty, inputs, ndim=2)
    results = _evaluate_penalty(penalty, inputs)
    require((results["value"] >= 0).all(), penalty, "a penalty is not negative", f"{results['value'].min():.1e}")

    def objective(weights: np.ndarray) -> float:
        return float(penalty.value(weights).sum())

    check_gradient(objective, results["gradient"], inputs["weights"], name=f"{type(penalty).__name__}: gradient")
    _check_parts(penalty, inputs["weights"], results)
    at_zero = _evaluate_penalty(penalty, {"weights": np.zeros(size)})
    for name, result in at_zero.items():
        require(np.isfinite(result).all(), penalty, "finite at zero weights", f"{name} is {result}")


def _targets(loss: Any, rng: np.random.Generator) -> np.ndarray:
    """Targets as the task has them, certain ones among them; not negative ones where the loss refuses these."""
    if loss.task == "regression":
        targets = rng.normal(size=(K, B, N))
        try:
            loss.check_targets(targets[0])
        except ValueError:
            return np.abs(targets)
        return targets
    if loss.task == "binary":
        targets = rng.uniform(size=(K, B, N))
        targets[:, 0] = targets[:, 0] > 0.5
        return targets
    targets = rng.dirichlet(np.ones(N), (K, B))
    targets[:, 0] = np.eye(N)[:K]
    return targets


def _evaluate_loss(loss: Any, inputs: Arrays) -> dict[str, np.ndarray]:
    arrays = {name: value.copy() for name, value in inputs.items()}
    value, gradient = loss.value_and_gradient(**arrays)
    shape = inputs["scores"].shape
    require(value.shape == shape[:1], loss, "one value a member", f"shape {value.shape}, must be {shape[:1]}")
    require(gradient.shape == shape, loss, "gradient has the scores' shape", f"{gradient.shape}, must be {shape}")
    for name in ("targets", "weight"):
        kept = np.array_equal(arrays[name], inputs[name])
        require(kept, loss, "targets and weights stay as they are", f"{name} has changed")
    return {"value": value, "gradient": gradient}


def _check_weights(loss: Any, inputs: Arrays) -> None:
    """A weight counts a row: zero leaves it out, two is the row twice."""
    weight = inputs["weight"].copy()
    weight[:, 1], weight[:, 2] = 0.0, 2.0
    weighted = _evaluate_loss(loss, {**inputs, "weight": weight})
    rows = [0, 2, 2, *range(3, B)]
    repeated = {name: value[:, rows] for name, value in {**inputs, "weight": weight}.items()}
    repeated["weight"][:, 1:3] = 1.0
    expected = _evaluate_loss(loss, repeated)
    require_close(weighted["value"], expected["value"], loss, "weight 0 leaves the row out, 2 is the row twice", 1e-12)
    require_close(weighted["gradient"][:, 1], np.zeros((K, N)), loss, "weight 0 has no gradient", 1e-12)
    rule = "the gradient is proportional to the weight"
    require_close(weighted["gradient"][:, 2], 2 * expected["gradient"][:, 1], loss, rule, 1e-12)


def _check_link(loss: Any, scores: np.ndarray) -> None:
    for dtype, bound in ((np.float32, 1e-5), (np.float64, 1e-12)):
        for scale in (1.0, EXTREME):
            given = (scores * scale).astype(dtype)
            before = given.copy()
            linked = loss.link(given)
            require(np.array_equal(given, before), loss, "link leaves the scores as they are", "they have changed")
            require(linked.dtype == dtype, loss, "dtype kept", f"link is {linked.dtype} for {np.dtype(dtype)}")
            shapes = f"{linked.shape}, must be {given.shape}"
            require(linked.shape == given.shape, loss, "link keeps the shape", shapes)
            require(np.isfinite(linked).all(), loss, "link is finite", f"not for scores of {scale:g}")
            require_close(loss.link(given[0]), linked[0], loss, "link takes any leading axes", bound)
            if loss.task != "regression":
                low, high = linked.min(), linked.max()
                require(low >= 0 and high <= 1, loss, "link gives probabilities", f"from {low:.3g} to {high:.3g}")
            if loss.task == "classification":
                rule = "link gives rows that sum to one"
                require_close(linked.sum(axis=-1), np.ones(scores.shape[:-1]), loss, rule, bound)
    known = loss.unlink(loss.link(scores))
    if known is not None:
        require_close(loss.link(known), loss.link(scores), loss, "unlink is the inverse of link", 1e-12)


def _check_extremes(loss: Any, targets: np.ndarray) -> None:
    """At scores of +-1e4, float32 neither overflows nor loses its digits."""
    scores = np.broadcast_to(np.where(np.arange(N) % 2, EXTREME, -EXTREME), (K, B, N))
    inputs = {"scores": scores, "targets": targets, "weight": np.ones((K, B, 1))}
    exact = _evaluate_loss(loss, inputs)
    single = _evaluate_loss(loss, {name: value.astype(np.float32) for name, value in inputs.items()})
    for name, result in single.items():
        rule = f"no overflow in float32 at scores of +-{EXTREME:g}"
        require(np.isfinite(result).all(), loss, rule, f"{name} is not finite")
        require_close(result, exact[name], loss, f"float32 keeps its digits at scores of +-{EXTREME:g} ({name})", 1e-4)


def _check_parts(penalty: Any, weights: np.ndarray, results: Arrays) -> None:
    """The attributes of a penalty agree with its methods: l1_weight, degree and projects."""
    if not penalty.on_activations:
        parts = penalty.smooth_gradient(weights.copy()) + penalty.l1_weight * np.sign(weights)
        require_close(parts, results["gradient"], penalty, "gradient is smooth_gradient + l1_weight sign(w)", 1e-12)
    if penalty.degree is not None:
        rule = f"the value of 2 w is 2^{penalty.degree} that of w, by degree"
        require_close(penalty.value(2 * weights), 2.0**penalty.degree * results["value"], penalty, rule, 1e-12)
    matrices = weights.reshape(K, B, N) * 100
    projected = matrices.copy()
    penalty.project(projected)
    moved = not np.array_equal(projected, matrices)
    require(moved == penalty.projects, penalty, "project moves weights where projects is True", f"{moved=}")
    again = projected.copy()
    penalty.project(again)
    require_close(again, projected, penalty, "project leaves allowed weights as they are", 1e-12)


def _evaluate_penalty(penalty: Any, inputs: Arrays) -> dict[str, np.ndarray]:
    weights = inputs["weights"].copy()
    value, gradient = penalty.value(weights), penalty.gradient(weights)
    shape = weights.shape
    require(value.shape == shape[:1], penalty, "one value a member", f"shape {value.shape}, must be {shape[:1]}")
    require(gradient.shape == shape, penalty, "gradient has the weights' shape", f"{gradient.shape}, must be {shape}")
    kept = np.array_equal(weights, inputs["weights"])
    require(kept, penalty, "the weights stay as they are", "they have changed")
    return {"value": value, "gradient": gradient}
