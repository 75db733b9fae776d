"""Factors of the learning rate and of weight decay, by the roles of parameters and by layers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

import numpy as np

from skdl._array import Array
from skdl._layer_names import layer_names
from skdl._protocols import ParameterSpec
from skdl.engine.layout import Layout
from skdl.engine.training_spec import TrainingSpec
from skdl.layers.architecture import FIRST_WEIGHT, LAST_WEIGHT, Architecture

Usual: TypeAlias = Callable[[ParameterSpec], float]


def rate_factors(members: Sequence[TrainingSpec], layout: Layout) -> Array | None:
    """The factor of each parameter's learning rate, (k, P) or (1, P); None where all are one."""
    if not any(member.learning_rate_factors for member in members):
        return None
    factors = [member.learning_rate_factors for member in members]
    return _unless_usual(_flat(factors, layout, members[0].architecture, _one), layout, _one)


def weight_units(members: Sequence[TrainingSpec], layout: Layout) -> np.ndarray | None:
    """The unit of each parameter in which steps are taken, (1, P); None where it is one of all.

    In the neural tangent parametrisation the weights of units with n_in inputs are W = w / sqrt(n_in). A step of w
    follows the gradient by w, which is that by W over sqrt(n_in), and W moves by the step over sqrt(n_in).
    """
    if members[0].parametrization == "standard":
        return None
    usual: Usual = lambda spec: spec.fan_in**-0.5 if spec.role == "weight" else 1.0  # noqa: E731
    return _usual(layout, usual)


def decay_factors(members: Sequence[TrainingSpec], layout: Layout) -> Array | None:
    """The factor of the learning rate times that of the decay, (k, P) or (1, P): what a step takes off.

    None where it is one of weights and zero of all else.
    """
    if not any(member.learning_rate_factors or member.weight_decay_factors for member in members):
        return None
    network = members[0].architecture
    rates = _flat([member.learning_rate_factors for member in members], layout, network, _one)
    decays = _flat([member.weight_decay_factors for member in members], layout, network, _of_weights)
    return _unless_usual(rates * decays, layout, _of_weights)


def _one(spec: ParameterSpec) -> float:
    return 1.0


def _of_weights(spec: ParameterSpec) -> float:
    return float(spec.is_penalised)


def _flat(factors: Sequence[Mapping[str, float]], layout: Layout, network: Architecture, usual: Usual) -> np.ndarray:
    """One factor a parameter, (k, P), in float64: that of its role times that of its layer.

    That of the first or the last weight goes before that of weights.
    """
    flat = np.empty((len(factors), layout.size))
    weights = [i for i, (_, spec) in enumerate(layout.entries) if spec.role == "weight"]
    place = dict.fromkeys(weights[:1], FIRST_WEIGHT) | dict.fromkeys(weights[-1:], LAST_WEIGHT)
    layers = np.repeat(layer_names(len(network.widths)), network.outline.sections)[-layout.n_leaves :]
    for i, (leaf, spec, view) in enumerate(layout.placed(flat)):
        names, layer = (place.get(i, spec.group), spec.group), str(layers[leaf])
        for given, values in zip(factors, view, strict=True):
            of_role = next((given[name] for name in names if name in given), usual(spec))
            values[...] = of_role * given.get(layer, 1.0)
    return flat


def _usual(layout: Layout, usual: Usual) -> np.ndarray:
    flat = np.empty((1, layout.size))
    for _, spec, view in layout.placed(flat):
        view[...] = usual(spec)
    return flat


def _unless_usual(flat: np.ndarray, layout: Layout, usual: Usual) -> np.ndarray | None:
    if (flat == _usual(layout, usual)).all():
        return None
    return flat[:1] if (flat == flat[0]).all() else flat  # of members alike, one for all
