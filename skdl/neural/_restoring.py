"""A training as plain values, and back: what is read is held to what a training of this network must be."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from skdl.engine import RECORD, Network, State
from skdl.engine.state import Progress
from skdl.neural._archive import Stored
from skdl.neural._restoring_encodings import MOST, array_of, check, encoding_of, finite, whole
from skdl.neural._rows import of_type
from skdl.neural._settings import Settings
from skdl.neural._training import Training
from skdl.tables import TableSchema, sort_key

FLOATS = {"float32": np.float32, "float64": np.float64}
REASONS = ("converged", "max_iter", "max_time", "stopped", "stalled", "interrupted", "diverged")
SEARCHES = ("split", "hessian", "bohning", "diagonal")
NOT_PLAIN = ("history", "trial", "started")  # of a training's progress


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
    check(whole(n_features) and n_features > 0, "n_features_in_")
    encoding = encoding_of(given.pop("encoding"))
    check(accepts(encoding), "encoding")
    schema = _schema(given.pop("schema"), n_features)
    columns = None if schema is None else schema.columns
    encoded = given.pop("is_encoded")
    check(type(encoded) is bool, "is_encoded")
    architecture = settings.architecture_for(n_features, encoding.n_outputs, columns, encoded=encoded)
    dtype, input_dtype = FLOATS[given.pop("dtype")], FLOATS[given.pop("input_dtype")]
    layers = Network([architecture], dtype)
    weights, buffers = (1, layers.layout.size), (1, layers.buffer_layout.size)
    records = given.pop("history"), given.pop("trial")
    progress = _progress(given.pop("progress"), *records, weights, buffers, encoding.n_outputs, dtype)
    optimizer_state = given.pop("optimizer_state")
    check(optimizer_state.keys() == set(settings.optimizer.state_names), "optimizer_state")
    step = array_of(given.pop("step"), (1,), np.int64)
    check(0 <= step[0] <= MOST, "step")
    theta, mask = finite(given.pop("theta"), weights, dtype), given.pop("mask")
    if mask is not None:
        mask = array_of(mask, weights, np.bool_)
        check(not theta[~mask].any(), "weights that were pruned")
    state = State(
        theta,
        finite(given.pop("buffers"), buffers, dtype),
        {name: array_of(array, weights, dtype) for name, array in optimizer_state.items()},
        step,
        [_generator(given.pop("random numbers"))],
        [progress],
        mask,
    )
    shift, scale = given.pop("shift"), given.pop("scale")
    check((shift is not None) == (scale is not None) == settings.scales_columns, "shift and scale")
    if shift is not None:
        # A scale that is out of float32's range is in float64.
        unit = np.float64 if isinstance(scale, Stored) and scale.dtype.itemsize == 8 else dtype
        shift, scale = (
            finite(shift, (architecture.n_inputs,), input_dtype),
            finite(scale, (architecture.n_inputs,), unit),
        )
        check((scale >= 0).all() and of_type(scale, dtype).dtype == scale.dtype, "scale")
    stop_reason, search = given.pop("stop_reason"), given.pop("search")
    check(stop_reason in REASONS and (search is None or search in SEARCHES) and not given, "the rest")
    return Training(
        state, architecture, encoding, dtype, shift, scale, input_dtype, schema, stop_reason, search, loaded=True
    )


def _schema(given: Any, n_features: int) -> TableSchema | None:
    """The schema of a table whose columns can be like that."""
    if given is None:
        return None
    schema = TableSchema(**given)
    check(schema.names is None or len(set(schema.names)) == len(schema.names) == n_features, "names of columns")
    check(schema.missing in ("auto", "encode", "error"), "the choice of missing cells")
    for flags in (schema.has_infrequent, schema.has_missing):
        check(type(flags) is tuple and len(flags) == n_features and {*map(type, flags)} == {bool}, "flags of columns")
    check(type(schema.categories) is tuple and len(schema.categories) == n_features, "columns of categories")
    for values, shared in zip(schema.categories, schema.has_infrequent, strict=True):
        check(not shared if values is None else _are_categories(values), "categories")
    return schema


def _are_categories(values: Any) -> bool:
    plain = type(values) is tuple and {*map(type, values)} <= {bool, int, float, str}
    return plain and list(values) == sorted(set(values), key=sort_key)


def image_shape(given: Any, n_features: int) -> tuple[int, ...]:
    """The shape of the images that rows of this length are."""
    are_sizes = isinstance(given, tuple) and all(map(whole, given))
    check(are_sizes and len(given) in (2, 3) and math.prod(given) == n_features, "image_shape_")
    shape: tuple[int, ...] = given
    return shape


def _number(value: Any) -> bool:
    return type(value) in (int, float) and not math.isnan(value) and (abs(value) <= MOST or type(value) is float)


def _generator(given: dict[str, Any]) -> np.random.Generator:
    """A generator that goes on as the one that was written, which was one of `numpy.random.default_rng`."""
    check(given.keys() == {"entropy", "spawn_key", "state"}, "random numbers")
    generator = np.random.PCG64(np.random.SeedSequence(given["entropy"], spawn_key=given["spawn_key"]))
    generator.state = given["state"]
    check(generator.state == given["state"], "state of the random numbers")
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
    check(given.keys() == fields and all(FIELDS[name](given[name]) for name in FIELDS), "progress")
    epoch = given["epoch"]
    check(max(given[name] for name in ("first_epoch", "waited", "kept_epoch")) <= epoch, "the count of epochs")
    check((given["best_theta"] is None) == (given["best_buffers"] is None), "the best weights")
    check(given["best_theta"] is None or given["kept_by"] is not None, "the best weights")
    arrays = {"best_theta": weights, "best_buffers": buffers, "exact_buffers": buffers}
    kept = {name: finite(given[name], shape, dtype) for name, shape in arrays.items() if given[name] is not None}
    if given["factors"] is not None:
        kept["factors"] = finite(given["factors"], (n_outputs,), np.float64)
        check((kept["factors"] >= 0).all(), "the factors")
    phase, chosen, n_trial = given["phase"], given["chosen"], trial.shape[0]
    check(phase < 2 or epoch <= chosen <= n_trial, "the epochs that were chosen")
    check(chosen <= epoch if phase == 1 else bool(chosen) == (phase == 2), "the epochs that were chosen")
    check(bool(n_trial) == (phase == 2), "the trial")
    return Progress(**{**given, **kept}, history=_records(history, epoch), trial=_records(trial, n_trial))


def _table(records: Sequence[dict[str, Any]]) -> np.ndarray:
    rows = [[np.nan if record[name] is None else record[name] for name in RECORD] for record in records]
    return np.array(rows, np.float64).reshape(len(rows), len(RECORD))


def _records(given: Any, n_epochs: int) -> list[dict[str, Any]]:
    rows = array_of(given, (n_epochs, len(RECORD)), np.float64)
    column = dict(zip(RECORD, rows.T, strict=True))
    check(np.array_equal(column["epoch"], np.arange(1, n_epochs + 1)), "the history's epochs")
    check(np.isfinite(column["loss"]).all(), "the history's losses")
    check(not any((column[name] < 0).any() for name in ("learning_rate", "gradient_norm", "seconds")), "the history")
    return [_record(row) for row in rows]


FIELDS: dict[str, Callable[[Any], bool]] = {
    "epoch": whole,
    "first_epoch": whole,
    "seen": whole,
    "waited": whole,
    "kept_epoch": whole,
    "loss": _number,
    "best": _number,
    "kept": _number,
    "first_score": lambda value: value is None or _number(value) or value != value,
    "by_score": lambda value: type(value) is bool,
    "kept_by": lambda value: value is None or value in RECORD,
    "phase": lambda value: type(value) is int and value in (0, 1, 2),
    "chosen": whole,
}


def _record(row: np.ndarray) -> dict[str, Any]:
    record = {name: None if np.isnan(value) else float(value) for name, value in zip(RECORD, row, strict=True)}
    if record["validation_loss"] is not None and record["validation_score"] is None:
        record["validation_score"] = math.nan  # rows that validate have a score, if not one that is defined
    return {**record, "epoch": int(row[0])}
