"""Rules for what stands between a network's affine maps: activations and normalizations."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from skdl import _registry
from skdl.testing._elementwise import check_elementwise_activation
from skdl.testing._gradient import check_gradient
from skdl.testing._rules import Arrays, B, K, N, check_arrays, require, require_close

EXTREME = 1e4


def check_activation(activation: Any) -> None:
    """Check gradients by x and by learned parameters, stability, and that rows do not affect each other."""
    check_elementwise_activation(activation)
    inputs = _inputs(activation)
    check_arrays(activation, _evaluate, inputs, ndim=3)
    _check_gradients(activation, _evaluate, inputs)
    _check_rows(activation, _evaluate, inputs)
    rule = "initializer names a registered initializer"
    known = _registry.initializers.names()
    require(activation.initializer in known, activation, rule, f"{activation.initializer!r} is not one of {known}")
    extreme = np.tile(np.array([-EXTREME, -1.0, 0.0, EXTREME], np.float32), activation.n_pieces)
    rule = f"finite in float32 at +-{EXTREME:g} and at 0"
    arrays = {name: value.astype(np.float32) for name, value in inputs.items()}
    arrays["x"] = np.broadcast_to(extreme, arrays["x"].shape)
    for name, result in _evaluate(activation, arrays).items():
        require(np.isfinite(result).all(), activation, rule, f"{name} is not")
    x = extreme.copy()
    activation(x)
    require(np.array_equal(x, extreme), activation, "a call f(x) leaves x as it is", f"x became {x}")


def check_normalization(normalization: Any) -> None:
    """Check training and prediction: gradients by x and learned parameters, and what becomes of buffers."""
    inputs = _inputs(normalization)
    for evaluate in (_evaluate_training, _evaluate_prediction):
        check_arrays(normalization, evaluate, inputs, ndim=3)
        _check_gradients(normalization, evaluate, inputs)
        one_row = {name: value[:, :1] if value.shape[1] == B else value for name, value in inputs.items()}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a batch that says too little
            check_arrays(normalization, evaluate, one_row, ndim=3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        _check_rows(normalization, _evaluate_prediction, inputs)
    predicted = _evaluate_prediction(normalization, inputs)
    for name in normalization.buffers(N):
        kept = np.array_equal(predicted[f"buffer {name}"], inputs[name])
        require(kept, normalization, "prediction leaves buffers as they are", f"{name} has changed")


def _inputs(component: Any) -> Arrays:
    """Random x and gradient by y, and learned parameters and buffers near their initial values."""
    rng = np.random.default_rng(0)
    n_pieces = getattr(component, "n_pieces", 1)
    inputs = {"x": rng.normal(0.3, 2.0, (K, B, n_pieces * N)), "dy": rng.normal(size=(K, B, N))}
    for kind in ("parameters", "buffers"):
        for name, value in getattr(component, kind, lambda n: {})(N).items():
            shape = np.shape(value)
            rule = f"initial {kind} have the shape (1, n_units) or (1, 1)"
            require(shape in ((1, N), (1, 1)), component, rule, f"{name} has {shape}")
            # Moved upwards only: a buffer may have to be positive.
            inputs[name] = np.asarray(value) + rng.uniform(0.0, 0.2, (K, *shape))
    return inputs


def _evaluate(component: Any, inputs: Arrays, **mode: bool) -> dict[str, np.ndarray]:
    """Forward and backprop on copies: y, dx, the parameters' gradients and the buffers afterwards."""
    arrays = {name: value.copy() for name, value in inputs.items()}
    x, dy = arrays.pop("x"), arrays.pop("dy")
    x_shape, y_shape = x.shape, dy.shape
    y, backprop = component.forward(x, **mode, **arrays)
    results = {"y": y.copy()}
    if mode:
        y[...] = np.nan  # a normalization's result is handed over; an activation's adjoint may use its own
    dx, gradients = backprop(dy)
    results["gradient by x"] = dx
    learned = component.parameters(N)
    tracked: Arrays = getattr(component, "buffers", lambda n: {})(N)
    for name, result, shape in (("y", y, y_shape), ("gradient by x", dx, x_shape)):
        finding = f"{name} has shape {result.shape}, must be {shape}"
        require(result.shape == shape, component, "a number a unit, from its n_pieces", finding)
    rule = "backprop gives the gradient of every learned parameter"
    require(set(gradients) == set(learned), component, rule, f"{sorted(gradients)}, must be {sorted(learned)}")
    for name in learned:
        shapes = f"{name}: {np.shape(gradients[name])}, must be {inputs[name].shape}"
        require(np.shape(gradients[name]) == inputs[name].shape, component, "gradients have the shape", shapes)
        results[f"gradient by {name}"] = gradients[name]
    for name in tracked:
        shapes = f"{name}: {arrays[name].shape}, must be {inputs[name].shape}"
        require(arrays[name].shape == inputs[name].shape, component, "buffers keep their shape", shapes)
        results[f"buffer {name}"] = arrays[name]
    return results


def _evaluate_training(component: Any, inputs: Arrays) -> dict[str, np.ndarray]:
    return _evaluate(component, inputs, training=True)


def _evaluate_prediction(component: Any, inputs: Arrays) -> dict[str, np.ndarray]:
    return _evaluate(component, inputs, training=False)


def _check_gradients(component: Any, evaluate: Any, inputs: Arrays) -> None:
    """The adjoint of every array that something is learned by, against central differences of sum(dy * y)."""
    results = evaluate(component, inputs)
    mode = evaluate.__name__.removeprefix("_evaluate").replace("_", ", ")
    for name in ("x", *component.parameters(N)):

        def objective(value: np.ndarray, name: str = name) -> float:
            return float((evaluate(component, {**inputs, name: value})["y"] * inputs["dy"]).sum())

        title = f"{type(component).__name__}: gradient by {name}{mode}"
        check_gradient(objective, results[f"gradient by {name}"], inputs[name], name=title)


def _check_rows(component: Any, evaluate: Any, inputs: Arrays) -> None:
    """A row's result does not depend on the other rows of its batch."""
    together = evaluate(component, inputs)["y"]
    for row in range(B):
        part = slice(row, row + 1)
        alone = evaluate(component, {**inputs, "x": inputs["x"][:, part], "dy": inputs["dy"][:, part]})["y"]
        require_close(alone, together[:, part], component, f"a row does not depend on the others (row {row})", 1e-12)
