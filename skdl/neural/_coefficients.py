"""The public coefficients: validated, compared with those of the training, and taken over when training goes on."""

from __future__ import annotations

import hashlib
import reprlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

import numpy as np

from skdl.engine import Network, Progress, TrainingResult
from skdl.layers.architecture import Architecture
from skdl.layers.prediction import affine_leaves
from skdl.neural._parameters import own_arrays, separate
from skdl.neural._training import Training

Arrays: TypeAlias = list[dict[str, np.ndarray]]
BLOCK_WORDS = 1 << 13  # of 8 bytes
HALF_WORD = np.uint64(32)  # bits
SAME = 1e-4  # of the largest weight: rounding of single precision
ODD = np.random.default_rng(0).integers(1 << 63, size=(2, BLOCK_WORDS), dtype=np.uint64) * np.uint64(2) + np.uint64(1)


def checked(
    architecture: Architecture,
    public: Callable[[], tuple[Sequence[Any], Sequence[Any]]],
    named: Callable[[list[np.ndarray], list[np.ndarray]], dict[str, Any]],
    attributes: Mapping[str, Any],
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """The public coefficients as arrays (n_in, n_out) and (n_out,) of each layer.

    Parameters
    ----------
    architecture : Architecture
        Of the network.
    public : callable
        Gives the coefficients and intercepts of each layer, which a user may have set.
    named : callable
        From coefficients and intercepts of each layer to the public attributes.
    attributes : mapping
        Those of the network.
    """
    outline = architecture.outline
    shapes, units = list(outline.coefficients), list(outline.intercepts)
    try:
        weights, biases = ([np.asarray(array) for array in arrays] for arrays in public())
    except (TypeError, ValueError):  # rows of different lengths, or no list at all
        weights, biases = [], []
    fits = [array.shape for array in weights] == shapes and [array.shape for array in biases] == units
    if fits and all(array.dtype.kind in "biuf" for array in (*weights, *biases)):
        return weights, biases
    due = named([np.empty(shape) for shape in shapes], [np.empty(shape) for shape in units])
    parts = [f"{name} must hold real numbers in {_shapes(value)}" for name, value in due.items()]
    found = [f"{name} holds {_shapes(attributes[name])}" for name in due]
    raise ValueError(f"In this fitted network {', and '.join(parts)}. Now {', and '.join(found)}.")


def _shapes(value: Any) -> str:
    """The shapes of an array, or of those in a list, as text."""
    if isinstance(value, np.ndarray):
        return f"an array of shape {value.shape}" + ("" if value.dtype.kind in "biuf" else f" and type {value.dtype}")
    if not (isinstance(value, (list, tuple)) and all(isinstance(array, np.ndarray) for array in value)):
        return reprlib.repr(value)
    kinds = "" if all(array.dtype.kind in "biuf" for array in value) else ", not all of numbers"
    return f"a list of {len(value)} arrays, of shapes {', '.join(str(array.shape) for array in value)}{kinds}"


def fingerprint(coefs: Sequence[Any], intercepts: Sequence[Any]) -> str:
    """A fingerprint of the numbers: their type, and a hash of their bytes.

    It is kept in place of a copy, which would double the network. To fold the training again and compare would not do:
    a product may round differently with another number of threads, or on another machine.
    """
    arrays = [np.asarray(array) for array in (*coefs, *intercepts)]
    dtype = np.result_type(*arrays)
    return f"{dtype} {_digest([array.astype(dtype, copy=False) for array in arrays])}"


def is_edited(stored: str, coefs: Sequence[Any], intercepts: Sequence[Any]) -> bool:
    """True for other numbers than those of the fingerprint; the same numbers as another type are not edited."""
    dtype, _, digest = stored.partition(" ")
    arrays = []
    for given in map(np.asarray, (*coefs, *intercepts)):
        arrays.append(given.astype(dtype, copy=False))
        if arrays[-1] is not given and not np.array_equal(arrays[-1], given, equal_nan=True):
            return True
    return _digest(arrays) != digest


def _digest(arrays: Sequence[np.ndarray]) -> str:
    """A hash of the arrays' bytes: BLAKE2's of two sums of each block, which are found many times as fast as its own.

    They are sums of the block's words times odd numbers, modulo 2^64. Another word in it is another sum for certain;
    several others leave both as they are with a probability below 2^-60. For that, the upper half of each word, which
    holds a sign, is joined to the lower: it would reach few bits of a product.
    """
    digest, joined = hashlib.blake2b(digest_size=16), np.empty(BLOCK_WORDS, np.uint64)
    for array in arrays:
        raw = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
        whole = raw.size - raw.size % joined.nbytes
        blocks = raw[:whole].view(np.uint64).reshape(-1, BLOCK_WORDS)
        sums = np.empty((len(blocks), len(ODD)), np.uint64)
        for block, found in zip(blocks, sums, strict=True):
            np.right_shift(block, HALF_WORD, out=joined)
            np.bitwise_xor(joined, block, out=joined)
            found[:] = [joined @ factors for factors in ODD]
        digest.update(sums.data)
        digest.update(raw[whole:].data)
    return digest.hexdigest()


def unfold(
    training: Training,
    coefs: Sequence[np.ndarray],
    intercepts: Sequence[np.ndarray],
    output_map: tuple[np.ndarray, np.ndarray] | None,
) -> Training:
    """A training that goes on from these coefficients: the inverse of `fold`, in float64.

    The optimizer keeps its memory and the schedule its step. What was best so far was another network's: the best
    weights, and the count of epochs without progress, begin anew.
    """
    for name, given in (("coefficients", coefs), ("intercepts", intercepts)):
        if not all(np.isfinite(array).all() for array in given):
            raise ValueError(f"Training cannot go on: the network's {name} hold NaN or infinity.")
    outcome = TrainingResult.of(training.state, training.stop_reason)
    theta, buffers = outcome.theta.astype(np.float64), outcome.buffers
    network = Network([training.architecture], np.float64)
    arrays = own_arrays(network, theta, buffers.astype(np.float64))
    separate(network, arrays)
    _write(network, arrays, coefs, intercepts)
    encoding, scale = training.encoding, training.scale
    if output_map is not None:
        encoding = _undo_output(network, arrays, encoding, *output_map)
    if scale is not None and training.shift is not None:
        scale = _undo_standardisation(network, arrays, training.shift, scale)
    _undo_absorptions(network, arrays)
    _check_ties(network, arrays)
    progress = begun_anew(training.state.progress[0])
    dtype = training.state.theta.dtype
    state = replace(training.state, theta=theta.astype(dtype), buffers=buffers.astype(dtype), progress=[progress])
    return replace(training, state=state, encoding=encoding, scale=scale)


def begun_anew(progress: Progress) -> Progress:
    """The record of a training that goes on from other weights than its own, of which none were the best so far."""
    return replace(
        progress,
        best=-np.inf,
        first_score=None,
        by_score=False,
        kept=-np.inf,
        kept_epoch=0,
        best_theta=None,
        best_buffers=None,
        exact_buffers=None,
        waited=0,
        factors=None,
    )


def _write(network: Network, arrays: Arrays, coefs: Sequence[np.ndarray], intercepts: Sequence[np.ndarray]) -> None:
    """Write public coefficients into the arrays of a training, which share the memory of its parameters."""
    for affine, coef, intercept in zip(affine_leaves(network.root), coefs, intercepts, strict=True):
        named = arrays[affine.leaf]
        named[affine.weight.name][...] = coef
        if affine.bias is not None:
            named[affine.bias.name][...] = np.reshape(intercept, affine.bias.shape)
        elif intercept.any():
            raise ValueError("Training cannot go on from these intercepts: with fit_intercept=False they must be zero.")


def _check_ties(network: Network, arrays: Arrays) -> None:
    """Raise where weights that are tied in training are not each other's transposed any more."""
    for leaf, name, owner, owners_name in network.layout.tied:
        below, above = arrays[owner][owners_name], arrays[leaf][name]
        if np.abs(above - below.T).max(initial=0.0) > SAME * np.abs(below).max(initial=0.0):
            raise ValueError(
                "Training cannot go on from edited coefficients: with tied=True the weights of the decoder must be "
                "those of the encoder transposed, in the units of training: in the first layer times the columns' "
                "deviations, X_scale_, and in the last one over them."
            )


def _undo_output(network: Network, arrays: Arrays, encoding: Any, scale: np.ndarray, shift: np.ndarray) -> Any:
    """Take the map of the scores out of the output layer; the encoding of the targets from now on."""
    output, last = network.root.output_fold(), affine_leaves(network.root)[-1]
    assert output is not None
    assert last.bias is not None
    weight, bias = arrays[last.leaf][last.weight.name], arrays[last.leaf][last.bias.name][0]
    # An output that was constant has the scale 0, which nothing can be divided by: if it is none any more, 1.
    left = (scale == 0) & ((weight != 0).any(axis=0) | (bias != shift))
    output.undo(arrays, scale, shift)
    return replace(encoding, scale=np.where(left, 1.0, scale)) if left.any() else encoding


def _undo_standardisation(network: Network, arrays: Arrays, shift: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Take the standardisation out of the layers that see the inputs; the scale of the columns from now on."""
    fold = network.root.input_fold()
    if fold is None:
        return scale
    views = network.root.input_weights([{name: value[None] for name, value in named.items()} for named in arrays])
    moved = [(view.reshape(len(view), -1) != 0).any(axis=1) for view in views or []]
    unit = np.where((scale == 0) & np.logical_or.reduce(moved), scale.dtype.type(1), scale)  # as of the outputs
    fold.undo(arrays, unit.astype(np.float64), shift.astype(np.float64))
    return unit


def _undo_absorptions(network: Network, arrays: Arrays) -> None:
    """Take normalizations that are a scale and a shift out of the affine maps that hold them at prediction."""
    places = {affine.leaf: i for i, affine in enumerate(affine_leaves(network.root), start=1)}
    for leaf, fixed, absorber, start, fold in reversed(network.root.absorptions()):
        scale, shift = fixed(arrays[leaf])
        if not scale.all():
            raise ValueError(
                f"Training cannot go on from edited coefficients: the normalization of layer {places[start]} "
                f"multiplies unit {int((scale == 0).argmax())} by zero, so that no weights of the layer give them."
            )
        fold.undo(arrays[absorber.place(start)], scale, shift)
