"""From a network estimator and its data to a task for the engine."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from skdl._apart import set_apart
from skdl._progress import EpochLines
from skdl._warnings import warn
from skdl.engine import Member, Network, Progress, Rows, State
from skdl.engine.gathering import gathering
from skdl.layers.architecture import Architecture
from skdl.neural._penalty import check_alpha, flat_alpha, flat_prior
from skdl.neural._rows import check_validation, training_rows
from skdl.neural._scoring import validation_score
from skdl.neural._standardize import mean_and_scale, row_weights


@dataclass(frozen=True)
class Prepared:
    """Checked and encoded data, which several members may share; `validation` is the user's own, if there is any.

    `drawn_by` are the weights that the members' samples were drawn by, where there are such.
    """

    X: Any
    y: np.ndarray
    targets: np.ndarray
    weight: np.ndarray | None
    encoding: Any
    dtype: Any
    validation: Prepared | None = None
    drawn_by: np.ndarray | None = None

    def rows(self, index: np.ndarray) -> Prepared:
        """Some of the rows, but for X, which stays whole: they are gathered where they are needed."""
        weight = None if self.weight is None else self.weight[index]
        drawn_by = None if self.drawn_by is None else self.drawn_by[index]
        return replace(self, y=self.y[index], targets=self.targets[index], weight=weight, drawn_by=drawn_by)

    @cached_property
    def kept(self) -> np.ndarray | None:
        """The rows of positive weight, which are all that a training sees; None where these are all rows."""
        positive = [weight > 0 for weight in (self.weight, self.drawn_by) if weight is not None]
        return None if all(each.all() for each in positive) else np.flatnonzero(np.logical_and.reduce(positive))

    @cached_property
    def moments(self) -> tuple[np.ndarray, np.ndarray]:
        """Mean and scale of the columns over all rows, once for all members, and all fits that share the rows."""
        place = gathering()
        if place is None or self.weight is not None or self.drawn_by is not None:
            return mean_and_scale(self.X, row_weights(self.X.shape[0], None, self.weight), self.kept)
        return place.fact(self.X, lambda X: mean_and_scale(X, np.ones(X.shape[0])))


def make_member(
    network: Any,
    data: Prepared,
    generator: np.random.Generator,
    *,
    go_on: bool,
    n_epochs: int,
    stopping: bool,
    index: np.ndarray | None,
    resume: bool = False,
) -> Member:
    """The task of training `network` on the rows `index` of the data (None for all).

    Rows of weight zero are left out, as if they were not there.
    """
    is_sample = index is not None
    if index is None:
        index = data.kept
    elif data.weight is not None and data.kept is not None:
        index = index[data.weight[index] > 0]
    if go_on:
        generator = network._training.state.generators[0]
    architecture = architecture_of(network, data.X.shape[1], data.encoding.n_outputs)
    check_alpha(network.alpha, architecture.n_inputs)
    penalty, optimizer = network._resolve("penalty"), network._resolve("optimizer")
    if go_on and network._training.architecture.structure != architecture.structure:
        raise ValueError(
            f"{type(network).__name__} cannot go on from its last training: the network's structure has changed. "
            "Call fit with warm_start=False."
        )
    loss = network._loss(data.encoding)
    judged: Prepared | None = data.validation
    validation_index = None
    if judged is None and network._option("early_stopping") and stopping:
        index, validation_index = _split(network, data, index, generator, is_sample)
        judged = None if validation_index is None else data.rows(validation_index)
    rows = training_rows(network, data, index, go_on)
    n_given = rows.n + (0 if data.kept is None else data.X.shape[0] - len(data.kept))
    if network.batch_size != "auto" and network.batch_size > n_given:
        warn(
            f"batch_size={network.batch_size} is larger than the {rows.n} training rows and is clipped to them.",
        )
    validation = None
    if validation_index is not None:
        validation = replace(rows, index=validation_index, weight=data.weight)
    elif judged is not None:
        validation = replace(rows, X=judged.X, targets=judged.targets, index=None, weight=judged.weight, strata=None)
    if validation is not None:
        check_validation(network, validation, data.dtype)
    output_map = network._output_map(data.encoding)
    idle = (None if rows.scale is None else rows.scale == 0, network._idle_outputs(data.encoding))
    return Member(
        architecture=architecture,
        loss=loss,
        penalty=penalty,
        optimizer=optimizer,
        schedule=network._resolve("schedule"),
        alpha=flat_alpha(_alpha(network, penalty, rows), architecture, data.dtype),
        prior=flat_prior(network._prior(), architecture, rows, output_map),
        rows=rows,
        batch_size=network._batch_size(rows.n),
        dtype=data.dtype,
        generator=generator,
        n_epochs=n_epochs,
        max_epochs=network._max_iter(),
        max_time=network.max_time,
        shuffle=network.shuffle,
        tol=network.tol,
        patience=_patience(network, judged is not None, optimizer.full_batch) if stopping else None,
        validation=validation,
        score=None
        if judged is None or validation is None
        else validation_score(network, judged, validation, loss, output_map),
        watch=epoch_lines(network, n_epochs, go_on=go_on, resume=resume) if network.verbose else None,
        state=_awake(network, idle, generator) if go_on else None,
        idle=idle,
        resume=resume,
    )


def epoch_lines(network: Any, n_epochs: int, *, go_on: bool = False, resume: bool = False) -> EpochLines:
    """The function that prints one line per epoch."""
    progress = network._training.state.progress[0] if go_on else Progress()
    first = progress.first_epoch if resume else progress.epoch
    unit = "iteration" if network._resolve("optimizer").full_batch else "epoch"
    return EpochLines(first + n_epochs, unit, network.max_time)


def architecture_of(network: Any, n_inputs: int, n_outputs: int) -> Architecture:
    """The network that the parameters describe, with its penalty where that is on activations."""
    architecture, penalty = network._architecture(n_inputs, n_outputs), network._resolve("penalty")
    if penalty.on_activations:
        architecture = replace(architecture, activity=penalty, activity_alpha=network.alpha)
    return architecture


def _awake(network: Any, idle: tuple[Any, Any], generator: np.random.Generator) -> State:
    """The state to go on from, in which inputs and outputs that have been idle so far have initial weights.

    They are those that were drawn for them in the beginning, when they were set to zero.
    """
    training = network._training
    state, before = training.state, (training.scale, network._idle_outputs(training.encoding))
    inputs = None if idle[0] is None else (before[0] == 0) & ~idle[0]
    outputs = None if idle[1] is None else before[1] & ~idle[1]
    if not (np.any(inputs) or np.any(outputs)):
        return state
    seed: Any = generator.bit_generator.seed_seq
    engine = Network([training.architecture], training.dtype)
    drawn, _ = engine.initial([np.random.default_rng(seed)])
    state = state.copy()
    for mask, views, fresh in zip((inputs, outputs), engine.ends(state.theta), engine.ends(drawn), strict=True):
        for view, initial in zip(views, fresh, strict=True) if np.any(mask) else ():
            view[mask] = initial[mask]
    return state


def _patience(network: Any, is_judged: bool, full_batch: bool) -> int | None:
    """Epochs without progress that end a fit; by default only validation rows do, for a training loss has no end."""
    if is_judged:
        return 10 if network.n_iter_no_change is None else network.n_iter_no_change
    return None if full_batch else network.n_iter_no_change  # a full-batch optimizer's tol is on the gradient


def _alpha(network: Any, penalty: Any, rows: Rows) -> Any:
    """The factor of the penalty in training: that of coefficients for X as it is, where the network says so."""
    if not network._penalises_raw or rows.scale is None or penalty.degree is None:
        return network.alpha
    return np.asarray(network.alpha) * rows.scale.astype(np.float64) ** penalty.degree


def _split(
    network: Any, data: Prepared, index: np.ndarray | None, generator: np.random.Generator, is_sample: bool
) -> tuple[np.ndarray | None, np.ndarray | None]:
    """Training and validation rows, from a stream of their own: initial weights do not depend on the split.

    Of a sample with repetitions, only rows that occur once may validate: a copy of a training row judges nothing.
    A sample in which no row may is trained on without any.
    """
    everything, repeated = index, np.empty(0, np.intp)
    if index is None:
        index = np.arange(data.X.shape[0])
    size = math.ceil(network.validation_fraction * len(index))
    rows, counts = np.unique(index, return_counts=True)
    if len(rows) < len(index):
        once = np.isin(index, rows[counts == 1])
        index, repeated = index[once], index[~once]
    # The stream's first child, whatever was spawned before: a training that goes on sets the same rows apart.
    seed: Any = generator.bit_generator.seed_seq
    stream = np.random.default_rng(np.random.SeedSequence(seed.entropy, spawn_key=(*seed.spawn_key, 0)))
    random = np.random.RandomState(int(stream.integers(2**31)))
    strata = data.encoding.strata(data.y[index])
    training, validation = set_apart(size, random, mass=np.ones(len(index)), strata=strata)
    if not len(validation):
        _cannot_validate(network, len(rows), strata, is_sample)
        return everything, None
    return np.concatenate([index[training], repeated]), index[validation]


def _cannot_validate(network: Any, n_rows: int, strata: np.ndarray | None, is_sample: bool) -> None:
    """Say that no row can be spared to validate: an error, but for a sample that an ensemble has drawn."""
    of_classes = "" if strata is None else " of each class"
    reason = f"early_stopping=True sets rows apart to judge the training, and one row{of_classes} has to stay in it"
    if is_sample:
        warn(f"{reason}: where a sample has no other, its member is trained without early_stopping.")
        return
    held = f"{n_rows} row{'s' * (n_rows != 1)}"
    if strata is not None:
        held += f" of {len(np.unique(strata))} classes"
    raise ValueError(
        f"{reason}: none of the {held} can be spared (validation_fraction={network.validation_fraction}). Give more "
        "rows, or validation rows of your own as X_val and y_val, or set early_stopping=False."
    )
