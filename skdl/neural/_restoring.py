"""A training as plain values, and back: what is read is held to what a training of this network must be."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from skdl._encoding import Labels
from skdl.engine import RECORD, Network, State
from skdl.engine.state import Progress
from skdl.neural._archive import Stored
from skdl.neural._rows import of_type
from skdl.neural._settings import Settings
from skdl.neural._training import Training
from skdl.neural._tree import ENCODINGS
from skdl.tables import TableSchema, sort_key

FLOATS = {"float32": np.float32, "float64": np.float64}
REASONS = ("converged", "max_iter", "max_time", "stopped", "stalled", "interrupted", "diverged")
SEARCHES = ("split", "hessian", "bohning", "diagonal")
NOT_PLAIN = ("history", "trial", "started")  # of a training's progress
MOST = 2**53
LONGEST_LABEL = 2**16  # bytes


def contents(settings: Settings, training: Training) -> dict[str, Any]:
    """All that a training depends on, but for the architecture, which the parameters describe."""
    state, names, trained = training.state, settings.optimizer.state_names, training.architecture
    described = settings.architecture_for(
        trained.n_inputs, trained.n_outputs, trained.columns, encoded=training.is_encoded
    )
    if described.structure != trained.structure or settings.scales_columns != (training.shift is not None):
        raise ValueError(
            f"The parameters of this {settings.name} were set to those of another network after it was trained. Save "
            "it before you change them, or fit it again."
        )
    same = set(state.optimizer_state) == set(names)  # another optimizer than before remembers nothing
    progress, generator = state.progress[0], state.generators[0].bit_generator
    seed: Any = generator.seed_seq  # of the stream's children, such as the one that sets validation rows apart
    return {
        "theta": state.theta,
        "buffers": state.buffers,
        "optimizer_state": state.optimizer_state if same else {name: np.zeros_like(state.theta) for name in names},
        "step": state.step if same else np.zeros_like(state.step),
        "mask": state.mask,
        "random numbers": {
            "entropy": np.asarray(seed.entropy).tolist(),
            "spawn_key": tuple(map(int, seed.spawn_key)),
            "state": generator.state,
        },
        "progress": {name: value for name, value in vars(progress).items() if name not in NOT_PLAIN},
        "history": _table(progress.history),
        "trial": _table(progress.trial),
        "encoding": training.encoding,
        "dtype": np.dtype(training.dtype).name,
        "shift": training.shift,
        "scale": training.scale,
        "input_dtype": np.dtype(training.input_dtype).name,
        "is_encoded": training.is_encoded,
        "schema": None if training.schema is None else vars(training.schema),
        "stop_reason": training.stop_reason,
        "search": training.search,
    }


def training_of(settings: Settings, given: dict[str, Any], n_features: Any, accepts: Callable[[Any], bool]) -> Training:
    """The training that `contents` has described; any error is one of the description.

    `accepts` says whether an encoding of targets is one that the network can have.
    """
    _check(_whole(n_features) and n_features > 0, "n_features_in_")
    encoding = _encoding(given.pop("encoding"))
    _check(accepts(encoding), "encoding")
    schema = _schema(given.pop("schema"), n_features)
    columns = None if schema is None else schema.columns
    encoded = given.pop("is_encoded")
    _check(type(encoded) is bool, "is_encoded")
    architecture = settings.architecture_for(n_features, encoding.n_outputs, columns, encoded=encoded)
    dtype, input_dtype = FLOATS[given.pop("dtype")], FLOATS[given.pop("input_dtype")]
    layers = Network([architecture], dtype)
    weights, buffers = (1, layers.layout.size), (1, layers.buffer_layout.size)
    records = given.pop("history"), given.pop("trial")
    progress = _progress(given.pop("progress"), *records, weights, buffers, encoding.n_outputs, dtype)
    optimizer_state = given.pop("optimizer_state")
    _check(optimizer_state.keys() == set(settings.optimizer.state_names), "optimizer_state")
    step = _array(given.pop("step"), (1,), np.int64)
    _check(0 <= step[0] <= MOST, "step")
    theta, mask = _finite(given.pop("theta"), weights, dtype), given.pop("mask")
    if mask is not None:
        mask = _array(mask, weights, np.bool_)
        _check(not theta[~mask].any(), "weights that were pruned")
    state = State(
        theta,
        _finite(given.pop("buffers"), buffers, dtype),
        {name: _array(array, weights, dtype) for name, array in optimizer_state.items()},
        step,
        [_generator(given.pop("random numbers"))],
        [progress],
        mask,
    )
    shift, scale = given.pop("shift"), given.pop("scale")
    _check((shift is not None) == (scale is not None) == settings.scales_columns, "shift and scale")
    if shift is not None:
        # A scale that is out of float32's range is in float64.
        unit = np.float64 if isinstance(scale, Stored) and scale.dtype.itemsize == 8 else dtype
        shift, scale = (
            _finite(shift, (architecture.n_inputs,), input_dtype),
            _finite(scale, (architecture.n_inputs,), unit),
        )
        _check((scale >= 0).all() and of_type(scale, dtype).dtype == scale.dtype, "scale")
    stop_reason, search = given.pop("stop_reason"), given.pop("search")
    _check(stop_reason in REASONS and (search is None or search in SEARCHES) and not given, "the rest")
    return Training(
        state, architecture, encoding, dtype, shift, scale, input_dtype, schema, stop_reason, search, loaded=True
    )


def _schema(given: Any, n_features: int) -> TableSchema | None:
    """The schema of a table whose columns can be like that."""
    if given is None:
        return None
    schema = TableSchema(**given)
    _check(schema.names is None or len(set(schema.names)) == len(schema.names) == n_features, "names of columns")
    _check(schema.missing in ("auto", "encode", "error"), "the choice of missing cells")
    for flags in (schema.has_infrequent, schema.has_missing):
        _check(type(flags) is tuple and len(flags) == n_features and {*map(type, flags)} == {bool}, "flags of columns")
    _check(type(schema.categories) is tuple and len(schema.categories) == n_features, "columns of categories")
    for values, shared in zip(schema.categories, schema.has_infrequent, strict=True):
        _check(not shared if values is None else _are_categories(values), "categories")
    return schema


def _are_categories(values: Any) -> bool:
    plain = type(values) is tuple and {*map(type, values)} <= {bool, int, float, str}
    return plain and list(values) == sorted(set(values), key=sort_key)


def image_shape(given: Any, n_features: int) -> tuple[int, ...]:
    """The shape of the images that rows of this length are."""
    whole = isinstance(given, tuple) and all(map(_whole, given))
    _check(whole and len(given) in (2, 3) and math.prod(given) == n_features, "image_shape_")
    shape: tuple[int, ...] = given
    return shape


def _check(holds: Any, what: str) -> None:
    if not holds:
        raise ValueError(f"{what} cannot be")


def _array(value: Any, shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    """The numbers of an array that must have this shape and type."""
    _check(isinstance(value, Stored) and value.shape == shape, f"an array of shape {shape}")
    _check(value.dtype.newbyteorder("=") == dtype, f"an array of type {np.dtype(dtype)}")
    array: np.ndarray = value.read()
    return array


def _finite(value: Any, shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    array = _array(value, shape, dtype)
    _check(np.isfinite(array).all(), "what is not finite")
    return array


def _whole(value: Any) -> bool:
    return type(value) is int and 0 <= value <= MOST


def _number(value: Any) -> bool:
    return type(value) in (int, float) and not math.isnan(value) and (abs(value) <= MOST or type(value) is float)


def _generator(given: dict[str, Any]) -> np.random.Generator:
    """A generator that goes on as the one that was written, which was one of `numpy.random.default_rng`."""
    _check(given.keys() == {"entropy", "spawn_key", "state"}, "random numbers")
    generator = np.random.PCG64(np.random.SeedSequence(given["entropy"], spawn_key=given["spawn_key"]))
    generator.state = given["state"]
    _check(generator.state == given["state"], "state of the random numbers")
    return np.random.Generator(generator)


def _progress(
    given: dict[str, Any],
    history: Any,
    trial: Any,
    weights: tuple[int, ...],
    buffers: tuple[int, ...],
    n_outputs: int,
    dtype: Any,
) -> Progress:
    """The way so far; whose epochs are counted in several places."""
    fields = set(vars(Progress())) - {*NOT_PLAIN}
    _check(given.keys() == fields and all(FIELDS[name](given[name]) for name in FIELDS), "progress")
    epoch = given["epoch"]
    _check(max(given[name] for name in ("first_epoch", "waited", "kept_epoch")) <= epoch, "the count of epochs")
    _check((given["best_theta"] is None) == (given["best_buffers"] is None), "the best weights")
    _check(given["best_theta"] is None or given["kept_by"] is not None, "the best weights")
    arrays = {"best_theta": weights, "best_buffers": buffers, "exact_buffers": buffers}
    kept = {name: _finite(given[name], shape, dtype) for name, shape in arrays.items() if given[name] is not None}
    if given["factors"] is not None:
        kept["factors"] = _finite(given["factors"], (n_outputs,), np.float64)
        _check((kept["factors"] >= 0).all(), "the factors")
    phase, chosen, n_trial = given["phase"], given["chosen"], trial.shape[0]
    _check(phase < 2 or epoch <= chosen <= n_trial, "the epochs that were chosen")
    _check(chosen <= epoch if phase == 1 else bool(chosen) == (phase == 2), "the epochs that were chosen")
    _check(bool(n_trial) == (phase == 2), "the trial")
    return Progress(**{**given, **kept}, history=_records(history, epoch), trial=_records(trial, n_trial))


def _table(records: Sequence[dict[str, Any]]) -> np.ndarray:
    rows = [[np.nan if record[name] is None else record[name] for name in RECORD] for record in records]
    return np.array(rows, np.float64).reshape(len(rows), len(RECORD))


def _records(given: Any, n_epochs: int) -> list[dict[str, Any]]:
    rows = _array(given, (n_epochs, len(RECORD)), np.float64)
    column = dict(zip(RECORD, rows.T, strict=True))
    _check(np.array_equal(column["epoch"], np.arange(1, n_epochs + 1)), "the history's epochs")
    _check(np.isfinite(column["loss"]).all(), "the history's losses")
    _check(not any((column[name] < 0).any() for name in ("learning_rate", "gradient_norm", "seconds")), "the history")
    return [_record(row) for row in rows]


FIELDS: dict[str, Callable[[Any], bool]] = {
    "epoch": _whole,
    "first_epoch": _whole,
    "seen": _whole,
    "waited": _whole,
    "kept_epoch": _whole,
    "loss": _number,
    "best": _number,
    "kept": _number,
    "first_score": lambda value: value is None or _number(value) or value != value,
    "by_score": lambda value: type(value) is bool,
    "kept_by": lambda value: value is None or value in RECORD,
    "phase": lambda value: type(value) is int and value in (0, 1, 2),
    "chosen": _whole,
}


def _record(row: np.ndarray) -> dict[str, Any]:
    record = {name: None if np.isnan(value) else float(value) for name, value in zip(RECORD, row, strict=True)}
    if record["validation_loss"] is not None and record["validation_score"] is None:
        record["validation_score"] = math.nan  # rows that validate have a score, if not one that is defined
    return {**record, "epoch": int(row[0])}


def _encoding(given: Any) -> Any:
    """The encoding of labels or reals that is named, with fields that it can have."""
    name, fields = given
    _check(fields.keys() == {field.name for field in dataclasses.fields(ENCODINGS[name])}, "encoding")
    return ENCODINGS[name](**ENCODING_FIELDS[name](fields))


def _labels(fields: dict[str, Any]) -> dict[str, Any]:
    classes, columns = _of_labels(fields["classes"]), fields["columns"]
    _check(len(classes) and np.array_equal(np.unique(classes), classes), "classes")
    if columns is not None:
        columns = _of_labels(columns)
        _check(np.array_equal(np.sort(columns), classes), "columns of classes")
    _check(type(fields["binary"]) is bool and fields["binary"] <= (len(classes) == 2), "classes")
    return {**fields, "smoothing": _smoothing(fields["smoothing"]), "classes": classes, "columns": columns}


def _of_labels(value: Any) -> np.ndarray:
    labels: np.ndarray = value.read() if isinstance(value, Stored) else value
    _check(isinstance(labels, np.ndarray) and labels.ndim == 1, "classes")
    return labels


def _smoothing(value: Any) -> Any:
    _check(type(value) in (int, float) and 0 <= value <= 1, "smoothing")
    return value


def _type_of_labels(value: Any, kinds: str) -> str:
    dtype = np.dtype(value)
    _check(value == dtype.str and dtype.kind in kinds and dtype.itemsize <= LONGEST_LABEL, "type of labels")
    return str(value)


def _indicator(fields: dict[str, Any]) -> dict[str, Any]:
    _check(_whole(fields["n_labels"]) and fields["n_labels"] > 0, "number of labels")
    return {**fields, "smoothing": _smoothing(fields["smoothing"]), "dtype": _type_of_labels(fields["dtype"], "biuf")}


def _columns(fields: dict[str, Any]) -> dict[str, Any]:
    outputs = tuple(map(_encoding, fields["outputs"]))
    _check(isinstance(fields["outputs"], tuple) and outputs, "outputs")
    _check(all(isinstance(each, Labels) and not each.binary for each in outputs), "outputs")
    return {"outputs": outputs, "dtype": _type_of_labels(fields["dtype"], "biufUO")}


def _reals(fields: dict[str, Any]) -> dict[str, Any]:
    _check(isinstance(fields["shift"], Stored) and len(fields["shift"].shape) == 1, "shift")
    shift, scale = (_finite(fields[name], fields["shift"].shape, np.float64) for name in ("shift", "scale"))
    _check(len(shift) and (scale >= 0).all() and type(fields["flat"]) is bool, "scale")
    _check(len(shift) == 1 or not fields["flat"], "targets")
    lower, upper = fields["lower"], fields["upper"]
    _check((lower is None) == (upper is None), "the range of targets")
    if lower is not None:
        lower, upper = (_finite(bound, shift.shape, np.float64) for bound in (lower, upper))
        _check((lower <= upper).all(), "the range of targets")
    return {"shift": shift, "scale": scale, "flat": fields["flat"], "lower": lower, "upper": upper}


ENCODING_FIELDS = {"Labels": _labels, "Indicator": _indicator, "Columns": _columns, "Reals": _reals}
