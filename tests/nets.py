"""Small networks and data for the tests of the engine and of what executes it."""

from dataclasses import replace

import numpy as np

from skdl import activations, initializers, losses, normalizations, optimizers, penalties, schedules
from skdl.engine import Dataset, TrainingSpec
from skdl.layers.architecture import Architecture


def architecture(n_inputs, widths, n_outputs, *, activation="tanh", normalization=None, dropout=0.0):
    """A network with one kind of hidden layer; the dropout of inputs is half that of units."""
    depth = len(widths)
    return Architecture(
        n_inputs,
        tuple(widths),
        n_outputs,
        (activations.resolve(activation),) * depth,
        (None if normalization is None else normalizations.resolve(normalization),) * depth,
        (initializers.resolve("glorot_uniform"),) * (depth + 1),
        (dropout / 2, *(dropout,) * depth),
    )


def classification(n_rows, n_inputs, n_classes, *, dtype=np.float32, seed=0):
    """Rows whose classes a network can learn in part."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_rows, n_inputs))
    labels = (X @ rng.normal(size=(n_inputs, n_classes)) + rng.normal(size=(n_rows, n_classes))).argmax(axis=1)
    return Dataset(X.astype(dtype), np.eye(n_classes, dtype=dtype)[labels])


def regression(n_rows, n_inputs, n_outputs, *, dtype=np.float32, seed=0):
    """Rows with noisy real targets."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_rows, n_inputs))
    y = np.tanh(X @ rng.normal(size=(n_inputs, n_outputs))) + 0.1 * rng.normal(size=(n_rows, n_outputs))
    return Dataset(X.astype(dtype), y.astype(dtype))


def penalty_of(name):
    """A penalty for networks of any shape."""
    return penalties.Tied(columns=[[0, 1]]) if name == "tied" else penalties.resolve(name)


def member(rows, widths=(5,), *, seed=0, network=None, **changes):
    """A member with tiny defaults; `network` are arguments of `architecture`."""
    built = architecture(rows.X.shape[1], widths, rows.targets.shape[1], **(network or {}))
    defaults = TrainingSpec(
        architecture=built,
        loss=losses.resolve("cross_entropy"),
        penalty=penalties.resolve("l2"),
        optimizer=optimizers.resolve("adam"),
        schedule=schedules.resolve("constant"),
        alpha=1e-3,
        rows=rows,
        batch_size=min(16, rows.n),
        dtype=np.float32,
        generator=np.random.default_rng(seed),
        n_epochs=3,
        max_epochs=3,
        patience=None,
    )
    return replace(defaults, **changes)
