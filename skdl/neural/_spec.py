"""Parts of the engine's task: `alpha` and `prior` for each of its weights, the state to go on from, printed lines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from skdl._component import Component
from skdl._layer_names import layer_names
from skdl._progress import EpochLines
from skdl._protocols import InputColumns, Loss
from skdl._words import nearest
from skdl.engine import Dataset, Network, Progress, State, learn_numbers
from skdl.layers.architecture import Architecture
from skdl.layers.prediction import affine_leaves
from skdl.neural._settings import Settings
from skdl.neural._source import Source
from skdl.neural._training import Training

Mask = np.ndarray | None
MANY_CATEGORIES = 1000  # that are embedded where any are
PHASES = ("", "trial, ", "all rows, ")  # in front of an epoch's line


def epoch_lines(
    settings: Settings, n_epochs: int, before: Progress | None = None, *, resume: bool = False
) -> EpochLines:
    """The function that prints one line per epoch, after those that were trained `before`."""
    progress = Progress() if before is None else before
    first = progress.first_epoch if resume else progress.epoch
    phase = progress.phase if before is None or resume or not progress.epoch else 0
    last, word = first + n_epochs, settings.epoch_word
    return EpochLines(last, word, settings.max_time, PHASES[phase], is_scored=phase < 2)


def state_to_go_on_from(
    training: Training, rows: Dataset, idle_before: Mask, idle: tuple[Mask, Mask], generator: np.random.Generator
) -> State:
    """The state of a training, in which inputs and outputs that have been idle so far have initial weights.

    They are those that were drawn for them in the beginning, when they were set to zero, and what an encoding has to
    know of such an input comes from these rows. `idle_before` are the outputs that had nothing to learn in the
    training, and `idle` the inputs and outputs that have nothing to learn now.
    """
    state = training.state
    inputs = None if idle[0] is None else (training.scale == 0) & ~idle[0]
    outputs = None if idle[1] is None or idle_before is None else idle_before & ~idle[1]
    if not (np.any(inputs) or np.any(outputs)):
        return state
    seed: Any = generator.bit_generator.seed_seq
    engine = Network([training.architecture], training.dtype)
    drawn, _ = engine.initial([np.random.default_rng(seed)])
    state = state.copy()
    for mask, views, fresh in zip((inputs, outputs), engine.ends(state.theta), engine.ends(drawn), strict=True):
        if mask is not None:
            for view, initial in zip(views, fresh, strict=True):
                view[mask] = initial[mask]
    if inputs is not None and inputs.any():
        columns = training.architecture.columns
        numbers = inputs if columns is None else inputs[np.equal(columns.n_categories, 0)]
        learn_numbers(engine, rows, engine.arrays(state.theta, state.buffers), numbers, generator)
    return state


def frozen_layers(settings: Settings, architecture: Architecture) -> tuple[int, ...]:
    """The layers that are not trained, by their places; with an input layer below them that learns nothing."""
    chosen, learned = set(settings.frozen), architecture.outline.learned
    if chosen and not learned[0]:
        chosen.add(0)
    if chosen and not sum(n for i, n in enumerate(learned) if i not in chosen):
        names = layer_names(len(architecture.widths))
        raise ValueError(
            f"The 'frozen' parameter freezes {[names[i] for i in sorted(settings.frozen)]}, and the other layers have "
            "nothing to learn. Leave one out that has."
        )
    return tuple(sorted(chosen))


def taken_layers(
    settings: Settings,
    source: Source,
    architecture: Architecture,
    encoding: Any,
    loss: Loss,
    output_map: tuple[np.ndarray, np.ndarray] | None,
    scale: np.ndarray | None,
) -> dict[str, Any]:
    """What a network takes from the source, as fields of the engine's task."""
    with_output = source.keeps_output(architecture, encoding, loss)
    output = len(architecture.widths) + 1
    n_taken = min(output - 1, len(source.training.architecture.widths))
    new = [i for i in settings.frozen if n_taken < i < output or (i == output and not with_output)]
    if new:
        name = layer_names(output - 1)[new[0]]
        raise ValueError(
            f"The 'frozen' parameter freezes {name!r}, which is new: the network in 'init' has no layer for it. Leave "
            "it out."
        )
    return {
        "taken": source.layers_for(architecture, output_map, with_output=with_output),
        "pruned": source.pruned_for(architecture, with_output=with_output),
        "moving": None if settings.keeps_inputs else source.moving(scale),
    }


def alpha_in_training(settings: Settings, rows: Dataset) -> Any:
    """The factor of the penalty: for coefficients of X as it is, if `penalises_raw`."""
    if not settings.penalises_raw or rows.scale is None or settings.penalty.degree is None:
        return settings.alpha
    return np.asarray(settings.alpha) * rows.scale.astype(np.float64) ** settings.penalty.degree


def flat_alpha(alpha: Any, architecture: Architecture, dtype: Any) -> float | np.ndarray:
    """One factor for all weights; of an array, each feature's for the weights of its input, and their mean above."""
    if np.ndim(alpha) == 0:
        return float(alpha)
    network, alpha = Network([architecture], np.float64), np.asarray(alpha, dtype=np.float64)
    flat = np.full((1, network.layout.size), alpha.mean())
    views = network.ends(flat)[0]
    if not views:
        raise ValueError(
            "An array as 'alpha' has a factor for each feature's weights, and no layer of this network, with "
            f"encoding={architecture.encoding!r}{' and a table' * (architecture.columns is not None)}, takes the "
            "features as they are. Give one number."
        )
    for view in views:
        view[...] = alpha.reshape(-1, *[1] * (view.ndim - 1))
    return flat[0, : network.layout.n_penalised].astype(dtype)


def check_roles(settings: Settings, architecture: Architecture) -> None:
    """Raise for factors of parameters that the network does not have, whatever the columns of its table are."""
    known, layers = architecture.outline.roles, layer_names(len(architecture.widths))
    for name in ("learning_rate_factors", "weight_decay_factors"):
        for role in getattr(settings, name):
            if role not in (*known, *layers, *_of_a_mixed_table(architecture).outline.roles):
                raise ValueError(
                    f"The {name!r} parameter has a factor for {role!r}, and no parameter of this network has that "
                    f"role.{nearest(role, (*known, *layers))} Its roles are: {list(known)}; its layers, which may have "
                    f"factors too: {layers}."
                )


def _of_a_mixed_table(architecture: Architecture) -> Architecture:
    """The layers of the inputs for a number and many categories: one recipe is for tables of all kinds.

    Hidden layers have the same roles for any table, and may not fit that one's width.
    """
    hidden: dict[str, Any] = dict.fromkeys(("widths", "activations", "normalizations", "blocks"), ())
    hidden |= {"initializers": architecture.initializers[-1:], "dropouts": architecture.dropouts[:1], "tied": False}
    columns = InputColumns((0, MANY_CATEGORIES), (False, False))
    return replace(architecture, n_inputs=2, columns=columns, **hidden)


def check_alpha(alpha: Any, n_inputs: int) -> None:
    """Raise for an array that is not one factor for each feature."""
    if np.ndim(alpha) == 0:
        return
    expected = f"The 'alpha' parameter must be a number in the range [0, inf) or an array of {n_inputs} such numbers, "
    expected += "one for each feature."
    try:
        alpha = np.asarray(alpha, dtype=np.float64)
    except (TypeError, ValueError):
        raise ValueError(f"{expected} Got {alpha!r}.") from None
    if alpha.shape != (n_inputs,):
        raise ValueError(f"{expected} Got an array of shape {alpha.shape}.")
    wrong = alpha[~(np.isfinite(alpha) & (alpha >= 0))]
    if wrong.size:
        raise ValueError(f"{expected} Got {wrong[0]} among them.")


def check_range(estimator: Any, dtype: Any) -> None:
    """Raise for a number among the hyperparameters that the training's precision does not hold."""
    given = {name: getattr(estimator, name) for name in ("alpha", "prior")}
    for mapping in estimator._mappings:
        given |= {f"{mapping}__{role}": factor for role, factor in (getattr(estimator, mapping) or {}).items()}
    for slot in estimator._slots:
        held = getattr(estimator, slot)
        for component in held if isinstance(held, (list, tuple)) else [held]:
            if isinstance(component, Component) and "schedule" not in slot:  # whose factors are computed in float64
                given |= {f"{slot}__{name}": value for name, value in component.get_params().items()}
    largest = float(np.finfo(dtype).max)
    for name, value in given.items():
        for numbers in map(np.asarray, value if isinstance(value, (list, tuple)) else [value]):  # one a layer
            if numbers.dtype.kind == "f" and numbers.size and (worst := np.abs(numbers).max()) > largest:
                own = np.dtype(dtype) != np.float64 and hasattr(estimator, "dtype")
                advice = ", or set dtype='float64'" if own else ""
                raise ValueError(
                    f"{name} holds {worst:.4g}, and the training is in {np.dtype(dtype)}, whose largest number is "
                    f"{largest:.2g}. Give a smaller one{advice}."
                )


def flat_prior(
    prior: Sequence[Any] | None,
    architecture: Architecture,
    rows: Dataset,
    output_map: tuple[np.ndarray, np.ndarray] | None,
) -> np.ndarray | None:
    """Given coefficients of each layer as weights in training, where inputs and targets are standardised."""
    if prior is None:
        return None
    network = Network([architecture], np.float64)
    affine = affine_leaves(network.root)
    if len(prior) > len(affine):
        raise ValueError(f"The 'prior' parameter lists {len(prior)} layers for a network of {len(affine)}.")
    flat = np.zeros((1, network.layout.size))
    views = network.layout.views(flat)
    for i, (given, each) in enumerate(zip(prior, affine, strict=False)):
        try:
            views[each.leaf][each.weight.name][...] = 0.0 if given is None else np.asarray(given, dtype=np.float64)
        except ValueError as error:
            raise ValueError(
                f"The 'prior' parameter of layer {i} must have the shape {each.weight.shape} of its coefficients. "
                f"Got {np.shape(given)}."
            ) from error
    inputs, outputs = network.ends(flat)
    if rows.scale is not None and network.root.input_fold() is not None:
        for view in inputs:
            view[...] = _divided(view, rows.scale.astype(np.float64).reshape(-1, *[1] * (view.ndim - 1)))
    if output_map is not None:
        for view in outputs:
            view[...] = _divided(view, output_map[0].reshape(-1, *[1] * (view.ndim - 1)))
    return flat[0, : network.layout.n_penalised]


def _divided(weights: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Weights over a scale; 0 where that is 0, for columns and targets that are constant."""
    return np.where(scale == 0, 0.0, weights / np.where(scale == 0, 1.0, scale))
