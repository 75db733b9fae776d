"""Pruning of fitted networks: small weights become zero and stay so, or units are taken out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate
from typing import Any, TypeVar, cast

import numpy as np
from sklearn.base import clone
from sklearn.utils.validation import check_is_fitted

from skdl._constraints import NONE, Boolean, Constraint, InvalidParameterError, OneOf, Real
from skdl._layer_names import INPUT, OUTPUT, find_layer, layer_names
from skdl._typing import MatrixLike
from skdl._warnings import warn
from skdl.engine import Network, TrainingResult
from skdl.layers.prediction import prediction_arrays
from skdl.neural._coefficients import begun_anew, unfold
from skdl.neural._fit import NetworkFit
from skdl.neural._parameters import own_arrays, separate
from skdl.neural._perceptron import Perceptron
from skdl.neural._training import Training
from skdl.neural._unit_removal import choose_units, without_units

AnyNetwork = TypeVar("AnyNetwork")
CONSTRAINTS: dict[str, Constraint] = {
    "amount": NONE | Real(0, 1, open_high=True),
    "threshold": NONE | Real(0),
    "structured": Boolean(),
    "scope": OneOf("auto", "global", "layer"),
}


def prune(
    network: AnyNetwork,
    amount: float | None = None,
    threshold: float | None = None,
    structured: bool = False,
    *,
    scope: str = "auto",
    layers: Sequence[str | int] | None = None,
    X: MatrixLike | None = None,
) -> AnyNetwork:
    """A fitted network without its smallest weights, or without its least units.

    Weights w with |w| <= threshold become exactly zero, and stay zero when the network is trained on (`partial_fit`,
    `fit` with `warm_start=True`, another network with `init=pruned`), by whatever optimizer, penalty and decay.
    Whatever is zero already in the layers that are pruned, such as what an L1 penalty has left, stays zero as well:
    prune(network, threshold=0) only holds these.

    With `structured=True`, units of hidden layers are taken out, so that the network is really smaller: shapes of
    `coefs_`, `hidden_layer_sizes`, `n_parameters_`, its file, and the time that it takes to predict. A unit counts by
    the norm of the weights into it times that of the weights out of it, or with rows `X` by the standard deviation of
    what it gives for them, h_j, in place of the first:

        s_j = ||W[:, j]|| ||V[j, :]||,  with X  s_j = sd(h_j) ||V[j, :]||

    The first form is the same whatever factor a rectifier passes on. Where a unit goes, the mean of h_j over X goes to
    the biases above, and without X its value where no weights lead to it. So to take out units with s_j = 0 changes no
    prediction, but for rounding (and normalization, see the notes): without X those that are the same for all rows
    whatever these are, and with X those that are so for these, such as dead ones.

    Parameters
    ----------
    network : MLPClassifier, MLPRegressor, MLPMultitask or Autoencoder
        Fitted. It stays as it is.
    amount : float or None, default=None
        Share of the weights of these layers that are zero afterwards, in [0, 1), those that were zero before among
        them; of units, the share of those there are that is taken out. Either `amount` or `threshold` is given.
    threshold : float or None, default=None
        The largest magnitude of a weight that becomes zero, or the largest s_j of a unit that is taken out, at least 0.
    structured : bool, default=False
        Whether whole units are pruned in place of single weights.
    scope : {"auto", "global", "layer"}, default="auto"
        Whether `amount` is one of all layers together, so that those with small weights lose more, or of each layer.
        "auto" is "global" for weights and "layer" for units, whose s_j depend on the layer's width.
    layers : list of str or int, or None, default=None
        The layers that are pruned, out of `layer_names_`, or by index. None is all hidden layers: the output layer has
        few weights, on each of which much depends, and is pruned where it is named, or is the only one. Intercepts,
        normalizations, and what lies below the first hidden layer (encodings, points of categories, scales) never are.
    X : {array-like, sparse matrix, frame} of shape (n_samples, n_features) or None, default=None
        Rows, such as those of training, by which units count, with `structured=True`; None to go by the weights alone.

    Returns
    -------
    pruned : MLPClassifier, MLPRegressor, MLPMultitask or Autoencoder
        A new fitted network, with the state of the training to go on from. Its `n_nonzero_parameters_` tells how sparse
        it is. A `fit` without `warm_start` begins anew, and does not know of what was pruned.

    Raises
    ------
    ValueError
        For units of layers that cannot lose any: those of a residual block's stream, which is added to, have to stay
        (inside of the block units can go), and so do inner units of a block of your own without `resized`, and with
        the tied weights of an autoencoder all units but those of the code.

    Warns
    -----
    UserWarning
        When a layer is left without any weights, so that nothing of the inputs passes it.

    Notes
    -----
    Magnitudes are those of weights for standardised inputs and targets, as at prediction: with a batch normalization's
    scale in them. They are `coefs_` in other units: columns of X on a small scale have large `coefs_`, which says
    nothing of their use. A network that was trained with `standardize=False` is taken as it is.

    With layer or group normalization, whose statistics are of all units, those that are left change their values when
    others are taken out: train such a network on. Group normalization needs a number of units that its groups divide.

    References
    ----------
    S. Han, J. Pool, J. Tran, W. J. Dally, "Learning both weights and connections for efficient neural networks",
    NeurIPS 2015. D. Blalock, J. J. Gonzalez Ortiz, J. Frankle, J. Guttag, "What is the state of neural network
    pruning?", MLSys 2020 (global and by layer, and without the output layer). H. Li et al., "Pruning filters for
    efficient ConvNets", ICLR 2017 (units).

    Examples
    --------
    >>> import numpy as np
    >>> from skdl import MLPClassifier, prune
    >>> X = np.random.default_rng(0).normal(size=(200, 5))
    >>> network = MLPClassifier((16, 8), encoding=None, random_state=0).fit(X, X[:, 0] * X[:, 1] > 0)
    >>> sparse = prune(network, amount=0.75)
    >>> [round(float(np.mean(coef == 0)), 2) for coef in sparse.coefs_]
    [0.74, 0.76, 0.0]
    >>> small = prune(network, amount=0.5, structured=True)
    >>> small.hidden_layer_sizes, network.n_parameters_, small.n_parameters_
    ((8, 4), 241, 89)
    """
    _check(amount=amount, threshold=threshold, structured=structured, scope=scope)
    if not isinstance(network, Perceptron):
        raise ValueError(
            f"prune takes a fitted perceptron, such as an MLPClassifier. Got {network!r}. Of a pipeline or a search, "
            "give the network in it; of an ensemble, each of its members."
        )
    check_is_fitted(network)
    if (amount is None) == (threshold is None):
        given = "neither" if amount is None else f"amount={amount} and threshold={threshold}"
        raise ValueError(f"prune takes either 'amount' or 'threshold'. Got {given}.")
    names = _names(network, layers, structured=structured)
    if X is not None and not structured:
        raise ValueError("'X' has no effect with structured=False: single weights count by their magnitude.")
    training = _to_go_on_from(network)
    engine = Network([training.architecture], np.float64)
    weights = _at_prediction(engine, training)
    is_global = scope == "global" or (scope == "auto" and not structured)
    if structured:
        rows = None if X is None else cast(Any, network)._with_all_numbers(cast(Any, network)._validated(X))
        groups = choose_units(training, engine, weights, names, amount, threshold, rows, is_global=is_global)
        changes, training = without_units(network, training, engine, groups)
        return _fitted(network, changes, training)
    kept = _mask(engine, training, weights, names, amount, threshold, is_global=is_global)
    state = training.state
    state = replace(
        state,
        theta=state.theta * kept,
        optimizer_state={name: array * kept for name, array in state.optimizer_state.items()},
        mask=None if kept.all() else kept,
    )
    return _fitted(network, {}, replace(training, state=state))


def _check(**given: Any) -> None:
    for name, value in given.items():
        if not CONSTRAINTS[name].accepts(value):
            raise InvalidParameterError(
                f"The {name!r} parameter of prune must be {CONSTRAINTS[name]}. Got {value!r} instead."
            )


def _names(network: Any, layers: Sequence[str | int] | None, *, structured: bool) -> list[str]:
    """The names of the layers that are to be pruned."""
    known = network.layer_names_
    unable = {INPUT: "which has no weights that can be pruned"}
    if structured:
        unable[OUTPUT] = "whose units are the answers"
    if layers is None:
        hidden = [name for name in known if name not in (INPUT, OUTPUT)]
        if structured and not hidden:
            raise ValueError("structured=True takes out units of hidden layers, and this network has none.")
        return hidden or [OUTPUT]
    if isinstance(layers, str) or not isinstance(layers, (list, tuple)) or not len(layers):
        raise ValueError(f"The 'layers' parameter must be a list of names or indices of layers. Got {layers!r}.")
    names = [find_layer(layer, known, "layers") for layer in layers]
    for name in names:
        if name in unable:
            raise ValueError(f"The 'layers' parameter holds {name!r}, {unable[name]}.")
    return names


def _to_go_on_from(network: Any) -> Training:
    """A copy of the training that goes on from the weights that predict, and has no fit that is still to be ended."""
    training: Training = network._training
    progress = training.state.progress[0]
    if network._is_edited() or progress.factors is not None:
        coefs, intercepts = network._coefficients()
        training = unfold(training, coefs, intercepts, network._output_map(training.encoding))
        state = training.state.copy()
    else:
        outcome = TrainingResult.of(training.state, training.stop_reason)
        state = training.state.copy()
        state.theta, state.buffers = outcome.theta.copy(), outcome.buffers.copy()
        state.progress = [begun_anew(progress)]
    if state.mask is not None:
        state.theta *= state.mask
    is_open = training.loaded or training.stop_reason == "interrupted"
    return replace(training, state=state, stop_reason="stopped" if is_open else training.stop_reason, loaded=False)


def _at_prediction(engine: Network, training: Training) -> np.ndarray:
    """The weights (1, P) for standardised inputs, with normalizations that are a fixed scale and shift in them."""
    theta = training.state.theta.astype(np.float64)
    arrays = own_arrays(engine, theta, training.state.buffers.astype(np.float64))
    separate(engine, arrays)
    prediction_arrays(engine.root, arrays, None)
    return theta


def _mask(
    engine: Network,
    training: Training,
    weights: np.ndarray,
    names: Sequence[str],
    amount: float | None,
    threshold: float | None,
    *,
    is_global: bool,
) -> np.ndarray:
    """False for the parameters that are pruned, (1, P)."""
    theta, mask = training.state.theta[0], training.state.mask
    kept = np.ones_like(theta, dtype=bool) if mask is None else mask[0].copy()
    size = np.where(kept, np.abs(weights[0]), -1.0)  # what is pruned already is what goes first
    places = _places(engine, training.architecture.outline.sections, dict.fromkeys(names))
    for part in [np.concatenate(list(places.values()))] if is_global else places.values():
        if amount is None:
            kept[part[size[part] <= threshold]] = False
        else:
            least = np.argsort(size[part], kind="stable")[: round(amount * len(part))]
            kept[part[least]] = False
    for name, part in places.items():
        kept[part] &= theta[part] != 0
        if not kept[part].any():
            warn(
                f"No weights are left in layer {name!r}, so that nothing of its inputs passes it. Take a smaller "
                f"{'amount' if threshold is None else 'threshold'}, scope='layer', or fewer 'layers'."
            )
    return kept[None]


def _places(engine: Network, sections: Sequence[int], names: dict[str, Any]) -> dict[str, np.ndarray]:
    """The places of each layer's weights in the flat array."""
    ends = np.array(list(accumulate(sections)))
    known = layer_names(len(sections) - 2)
    found: dict[str, list[np.ndarray]] = {name: [] for name in known if name in names}
    for leaf, spec, place in engine.layout.placed(np.arange(engine.layout.size)[None]):
        name = known[int(np.searchsorted(ends, leaf, side="right"))]
        if spec.is_penalised and name in found:
            found[name].append(place.ravel())
    return {name: np.concatenate(parts) for name, parts in found.items() if parts}


def _fitted(network: Any, changes: dict[str, Any], training: Training) -> Any:
    """A new network of the same parameters but for `changes`, with this training."""
    pruned = clone(network).set_params(**changes)
    known = {name: value for name, value in vars(network).items() if name not in vars(pruned)}  # of the columns of X
    vars(pruned).update(known)
    vars(pruned).update(pruned._results(NetworkFit(pruned).settings, training))
    return pruned
