"""The objective of a fitted network as a function of its parameters, and what passes through its layers and back."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import replace
from itertools import accumulate
from typing import Any

import numpy as np

from skdl._array import Array
from skdl._layer_names import layer_names
from skdl._protocols import ForwardContext, Layer, LayerArrays, LayerBackprop
from skdl._warnings import collecting
from skdl.engine import TrainingResult, TrainingSpec
from skdl.engine.batch_statistics import exact_buffers
from skdl.engine.batches import Batches
from skdl.engine.full_batch import FullObjective
from skdl.inspection._fitted import unwrapped
from skdl.layers.sequential import Sequential
from skdl.neural.refitting import train_fits
from skdl.neural.trainable import trainable


def network_in(estimator: Any, X: Any = None) -> tuple[Any, Any]:
    """The fitted network in a pipeline or search, and rows as it takes them; an error for anything else."""
    network, X = unwrapped(estimator, X)
    if hasattr(network, "estimators_"):
        raise TypeError(f"{type(network).__name__} is an ensemble: give one of its members, such as estimators_[0].")
    if not (hasattr(network, "layer_names_") or hasattr(network, "_settings")):
        raise TypeError(f"{type(network).__name__} is not a network of skdl. Give an MLPClassifier, for example.")
    return network, X


class FittedObjective:
    """Mean loss plus penalty of a fitted network on some rows, in float64, as a function of its parameters.

    They are those of the training, in which inputs (and, of regressors, targets) are standardised. Nothing is dropped,
    and a batch normalization takes its statistics from all rows. The network stays as it is.

    Parameters
    ----------
    network : BaseNetwork
        Fitted.
    X, y, sample_weight
        Rows, as its `fit` takes them.
    """

    def __init__(self, network: Any, X: Any, y: Any, sample_weight: Any = None) -> None:
        self._fit, self._data, member = _task(network, X, y, sample_weight)
        assert member.state is not None
        outcome = TrainingResult.of(member.state, "max_iter")  # the weights that predict
        architecture = replace(member.architecture, dropouts=(0.0,) * len(member.architecture.dropouts))
        self._member = replace(member, architecture=architecture, dtype=np.float64)
        state = member.state.copy()
        state.theta, state.buffers = outcome.theta.astype(np.float64), outcome.buffers.astype(np.float64)
        self.theta: np.ndarray = state.theta[0].copy()
        self._buffers = state.buffers.copy()
        self._function = FullObjective(self._member, state)
        sections = architecture.outline.sections
        self.names = layer_names(len(architecture.widths))
        self.ends = dict(zip(self.names, accumulate(sections), strict=True))

    def __call__(self, theta: np.ndarray) -> tuple[float, np.ndarray]:
        """Value and gradient."""
        self._function.state.buffers[...] = self._buffers
        with np.errstate(all="ignore"):
            value, gradient = self._function.evaluate(theta)
        return value, gradient.copy()

    def parameters(self) -> Iterator[tuple[str, str, slice, tuple[int, int]]]:
        """Layer, role, place in theta and shape of each learned array."""
        layout = self._function.network.layout
        marks = np.arange(layout.size)[None]
        for leaf, spec, view in layout.placed(marks):
            layer = next(name for name, end in self.ends.items() if leaf < end)
            first = int(view.reshape(-1)[0])
            yield layer, spec.role, slice(first, first + spec.size), spec.shape

    def passed_back(self) -> dict[str, np.ndarray]:
        """The gradient of each row's loss by what each layer gives for it, (n, n_units), at the fitted parameters."""
        function = self._function
        network, objective = function.network, function.objective
        root, probes = _with_probes(network.root, self.ends)
        function.state.theta[0] = self.theta
        function.state.buffers[...] = self._buffers
        arrays = _at_leaves(root, network.arrays(function.state.theta, function.state.buffers))
        gradients = _at_leaves(root, network.layout.views(np.zeros_like(function.state.theta)))
        rows = self._member.rows
        for x, targets, weight in Batches([rows], rows.n, np.float64).epoch(whole=True):  # one block
            context = ForwardContext(training=True, generators=function.state.generators)
            context.start(weight)
            scores, backprop = root.forward(network.own_rows(x), arrays, context)
            _, gradient = objective.loss.value_and_gradient(scores, targets, weight)
            backprop(gradient, gradients, False)
        return {name: probe.dy * rows.n for name, probe in probes.items() if probe.dy is not None}

    def step(self) -> np.ndarray:
        """What one step of the training on all rows, as a batch, adds to the parameters."""
        member = replace(self._fit.spec(self._data, n_epochs=1, go_on=True, stopping=False), watch=None)
        assert member.state is not None
        before = member.state.theta[0].astype(np.float64)
        with collecting():
            [(_, outcome)] = train_fits([self._fit], [self._data], [replace(member, batch_size=member.rows.n)])
        change: np.ndarray = outcome.state.theta[0] - before
        return change


def with_statistics(network: Any, X: Any, y: Any) -> Any:
    """A copy of a network that no epoch has trained, whose batch normalizations have the statistics of these rows."""
    own = copy.copy(network)
    fit, data, member = _task(network, X, y, None)
    assert member.state is not None
    exact = tuple(_of_population(each) for each in member.architecture.normalizations)
    state = member.state.copy()
    counted = replace(member, architecture=replace(member.architecture, normalizations=exact))
    state.buffers = exact_buffers(counted, state.theta, state.buffers)
    vars(own).update(fit.attributes_at(member, data, state))
    return own


def _of_population(normalization: Any) -> Any:
    """The normalization with statistics of all rows, if it has any of several rows."""
    parameters = {} if normalization is None else normalization.get_params()
    if "statistics" not in parameters:
        return normalization
    return type(normalization)(**{**parameters, "statistics": "population"})


def parameters_of(network: Any) -> np.ndarray:
    """The parameters of a fitted network as `FittedObjective` takes them, (P,)."""
    own = copy.copy(network)
    own._take_over_public(resume=False)
    theta: np.ndarray = TrainingResult.of(own._training.state, "max_iter").theta[0].astype(np.float64)
    return theta


def _task(network: Any, X: Any, y: Any, sample_weight: Any) -> tuple[Any, Any, TrainingSpec]:
    """The fit of a copy of a network, its data, and the task to go on from where it is."""
    own = copy.copy(network)
    with collecting():  # a batch size that is larger than these few rows
        own._take_over_public(resume=False)
        fit: Any = trainable(own)
        data = fit.prepare(X, y, sample_weight, reset=False)
        return fit, data, fit.spec(data, n_epochs=1, go_on=True, stopping=False)


class _Probe(Layer):
    """What passes, and the gradient by it on the way back."""

    dy: Array | None = None

    def forward(self, x: Array, arrays: LayerArrays, context: ForwardContext) -> tuple[Array, LayerBackprop]:
        def backprop(dy: Array, gradients: LayerArrays, needed: bool) -> Array:
            self.dy = dy[0].copy()
            return dy

        return x, backprop


def _with_probes(root: Any, ends: dict[str, int]) -> tuple[Sequential, dict[str, _Probe]]:
    """The layers of a network with a probe at the end of each section, which have names."""
    names = {end: name for name, end in ends.items() if end}
    layers: list[Layer] = []
    probes: dict[str, _Probe] = {}
    for start, child in root.placed():
        layers.append(child)
        name = names.get(start + child.n_leaves)
        if name is not None:
            probes[name] = _Probe()
            layers.append(probes[name])
    return Sequential(layers), probes


def _at_leaves(root: Sequential, arrays: Any) -> list[Any]:
    """The arrays of all leaves, of which probes have none."""
    left = iter(arrays)
    return [{} if isinstance(leaf, _Probe) else next(left) for leaf in root.leaves()]
