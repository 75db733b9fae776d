"""A training as a file of arrays and JSON, written in one step: a checkpoint.

The file is a NumPy archive (`.npz`) without pickles. Its entry `header` is JSON in UTF-8: the parameters, and the
training as a tree, in which an object names the kind of what JSON does not have (arrays, dtypes, tuples, encodings).
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from skdl import _encoding
from skdl._component import Component
from skdl.engine import RECORD, Network, State
from skdl.engine.state import Progress
from skdl.neural._tasks import architecture_of
from skdl.neural._training import Training

FORMAT, VERSION = "skdl checkpoint", 1
BIT_GENERATORS = {
    cls.__name__: cls
    for cls in (np.random.PCG64, np.random.PCG64DXSM, np.random.MT19937, np.random.Philox, np.random.SFC64)
}
ENCODINGS: dict[str, Any] = {name: cls for name, cls in vars(_encoding).items() if dataclasses.is_dataclass(cls)}
# What may differ when training goes on: how long it lasts and what is said of it.
FREE = {"max_iter", "max_time", "tol", "n_iter_no_change", "warm_start", "verbose", "n_jobs"}
SHORT = 64  # numbers of an array that a header spells out


class CheckpointMixin:
    """Networks that are written to a checkpoint and read from it."""

    _training: Training
    _results: Any
    _named: Any
    _coefficients: Any
    _is_edited: Any

    def save_checkpoint(self, path: str | os.PathLike[str]) -> None:
        """Write the fitted network and the whole state of its training to a file.

        The file holds arrays and JSON, no pickle. It is written beside its place and moved there in one step, so that
        there is never half a file. `skdl.callbacks.Checkpoint` does this during training.

        Parameters
        ----------
        path : str or path-like
            The file, by custom named `.npz`.
        """
        tree = Tree()
        header = {
            "format": FORMAT,
            "version": VERSION,
            "estimator": type(self).__name__,
            "parameters": _described(self),
            "n_features_in_": self.n_features_in_,
            "feature_names_in_": tree.pack(getattr(self, "feature_names_in_", None)),
            "training": tree.pack(_contents(self._training)),
            "edited": tree.pack(self._named(*self._coefficients()) if self._is_edited() else None),
        }
        text = np.frombuffer(json.dumps(header).encode(), np.uint8)
        path = Path(path)
        beside = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}")
        try:
            with open(beside, "wb") as file:
                np.savez(file, **{"header": text, **tree.arrays})  # type: ignore[arg-type]
                file.flush()
                os.fsync(file.fileno())
            os.replace(beside, path)
        finally:
            beside.unlink(missing_ok=True)

    def load_checkpoint(self, path: str | os.PathLike[str]):
        """Take over the network and the state of its training from a file of `save_checkpoint`.

        The network predicts as it did when the file was written. With `warm_start=True`, the next fit on the same data
        brings the fit that was written to its end, up to `max_iter` epochs in total: it ends in the same bits as if it
        had not been broken off (with a full-batch optimizer, which forgets its past steps, at the same minimum). A fit
        that had ended by itself or by a callback is left as it is; one that had come to the end of `max_iter` or
        `max_time` goes on if there is more of it now. `partial_fit` trains a further epoch.

        Parameters
        ----------
        path : str or path-like
            A checkpoint of an estimator of this class with the same parameters (`max_iter`, `max_time`, `tol`,
            `n_iter_no_change`, `warm_start`, `verbose` and `n_jobs` may differ).

        Returns
        -------
        self : estimator
            The network in training.

        Raises
        ------
        ValueError
            When the file is damaged or no checkpoint, or of an estimator with other parameters.
        """
        self._check_parameters()  # type: ignore[attr-defined]
        with open(path, "rb") as file:
            try:
                with np.load(file, allow_pickle=False) as archive:
                    arrays = {name: archive[name] for name in archive.files}
                header = json.loads(arrays.pop("header").tobytes().decode())
                known = header["format"] == FORMAT
            except Exception as error:  # an archive can be broken in any layer: zip, NumPy's, JSON
                raise ValueError(f"{path} is not a checkpoint of skdl, or is damaged: {error}") from error
        if not known or header["version"] != VERSION:
            raise ValueError(f"{path} is not a checkpoint that this version of skdl reads.")
        _check_same(self, header, path)
        try:
            contents = Tree(arrays).unpack(header["training"])
            training = _training_of(self, contents, header["n_features_in_"])
            names = Tree(arrays).unpack(header["feature_names_in_"])
            edited = Tree(arrays).unpack(header["edited"])
        except (KeyError, TypeError, AttributeError, IndexError) as error:
            raise ValueError(f"{path} is damaged: {error!r}") from error
        self.__dict__.pop("feature_names_in_", None)
        if names is not None:
            self.feature_names_in_ = names
        self.n_features_in_ = header["n_features_in_"]
        self.__dict__.update(self._results(training))
        if edited is not None:  # coefficients that were set by hand, which training has not gone on from
            self.__dict__.update(edited)
            self._coefficients()
        return self


class Tree:
    """Values as JSON, with their arrays beside it."""

    def __init__(self, arrays: dict[str, np.ndarray] | None = None):
        self.arrays = {} if arrays is None else arrays

    def pack(self, value: Any) -> Any:
        """A value as JSON; of objects, only strings have a place in a checkpoint."""
        if value is None or isinstance(value, (bool, int, float, str)):
            return value
        if isinstance(value, np.generic):
            return value.item()
        if isinstance(value, np.ndarray) and not value.dtype.hasobject:
            name = f"array_{len(self.arrays)}"
            self.arrays[name] = value
            return {"array": name}
        if isinstance(value, np.ndarray) and value.ndim == 1 and all(isinstance(item, str) for item in value):
            return {"strings": value.tolist()}
        if isinstance(value, np.dtype):
            return {"dtype": value.str}
        if isinstance(value, tuple):
            return {"tuple": [self.pack(item) for item in value]}
        if isinstance(value, list):
            return [self.pack(item) for item in value]
        if isinstance(value, Mapping):
            return {"dict": {key: self.pack(item) for key, item in value.items()}}
        if type(value).__name__ in ENCODINGS:
            fields = {field.name: self.pack(getattr(value, field.name)) for field in dataclasses.fields(value)}
            return {"encoding": type(value).__name__, "fields": fields}
        raise ValueError(
            f"A checkpoint holds numbers, strings and arrays of these, no other objects. Got {value!r}. Labels can be "
            "strings, integers, booleans or floats."
        )

    def unpack(self, value: Any) -> Any:
        """What `pack` was given."""
        if isinstance(value, list):
            return [self.unpack(item) for item in value]
        if not isinstance(value, dict):
            return value
        [kind, *_] = value
        content = value[kind]
        if kind == "array":
            return self.arrays[content]
        if kind == "strings":
            return np.array(content, dtype=object)
        if kind == "dtype":
            return np.dtype(content)
        if kind == "tuple":
            return tuple(self.unpack(item) for item in content)
        if kind == "encoding":
            return ENCODINGS[content](**{name: self.unpack(item) for name, item in value["fields"].items()})
        return {key: self.unpack(item) for key, item in content.items()}


def _contents(training: Training) -> dict[str, Any]:
    """All that a training depends on, but for the architecture, which the parameters describe."""
    state = training.state
    progress, generator = state.progress[0], state.generators[0].bit_generator
    seed: Any = generator.seed_seq  # of the stream's children, such as the one that sets validation rows apart
    rows = [[np.nan if record[name] is None else record[name] for name in RECORD] for record in progress.history]
    return {
        "theta": state.theta,
        "buffers": state.buffers,
        "slots": state.slots,
        "step": state.step,
        "random numbers": {
            "kind": type(generator).__name__,
            "entropy": seed.entropy,
            "spawn_key": seed.spawn_key,
            "state": generator.state,
        },
        "progress": {name: value for name, value in vars(progress).items() if name not in ("history", "started")},
        "history": np.array(rows, np.float64).reshape(len(rows), len(RECORD)),
        "encoding": training.encoding,
        "dtype": np.dtype(training.dtype),
        "shift": training.shift,
        "scale": training.scale,
        "input_dtype": np.dtype(training.input_dtype),
        "reason": training.reason,
        "search": training.search,
    }


def _training_of(network: Any, contents: dict[str, Any], n_features: int) -> Training:
    numbers = contents["random numbers"]
    seed = np.random.SeedSequence(numbers["entropy"], spawn_key=numbers["spawn_key"])
    bit_generator = BIT_GENERATORS[numbers["kind"]](seed)
    bit_generator.state = numbers["state"]
    state = State(
        contents["theta"],
        contents["buffers"],
        contents["slots"],
        contents["step"],
        [np.random.Generator(bit_generator)],
        [Progress(history=[_record(row) for row in contents["history"]], **contents["progress"])],
    )
    encoding = contents["encoding"]
    architecture = architecture_of(network, n_features, encoding.n_outputs)
    shape = (1, Network([architecture], state.theta.dtype).layout.size)
    slots = network._resolve("optimizer").slots
    if state.theta.shape != shape or set(state.slots) != set(slots):
        raise ValueError(f"The checkpoint is damaged: it holds {state.theta.shape} weights, not {shape}.")
    return Training(
        state,
        architecture,
        encoding,
        contents["dtype"],
        contents["shift"],
        contents["scale"],
        contents["input_dtype"],
        contents["reason"],
        contents["search"],
        loaded=True,
    )


def _record(row: np.ndarray) -> dict[str, Any]:
    record = {name: None if np.isnan(value) else float(value) for name, value in zip(RECORD, row, strict=True)}
    return {**record, "epoch": int(row[0])}


def _check_same(network: Any, header: dict[str, Any], path: Any) -> None:
    """Raise unless the header is that of this class and these parameters."""
    if header["estimator"] != type(network).__name__:
        raise ValueError(f"{path} is a checkpoint of {header['estimator']}, not of {type(network).__name__}.")
    given, written = json.loads(json.dumps(_described(network))), header["parameters"]
    names = [name for name in sorted({*given, *written}) if given.get(name) != written.get(name)]
    if names:
        found = ", ".join(f"{name}={written.get(name)} (here {given.get(name)})" for name in names)
        raise ValueError(
            f"{path} was written with other parameters: {found}. Load it with those, and change what you wish by "
            "set_params afterwards."
        )


def _described(network: Any) -> dict[str, Any]:
    """The parameters that a training depends on, in words that can be compared."""
    return {
        name: _words(network._held(name, value) if name in network._slots and network._held(name, value) else value)
        for name, value in network.get_params(deep=False).items()
        if name not in FREE
    }


def _words(value: Any) -> Any:
    if isinstance(value, np.ndarray) and value.size > SHORT:
        return f"array {value.shape} {value.dtype} {hashlib.sha256(value.tobytes()).hexdigest()[:16]}"
    if isinstance(value, (np.generic, np.ndarray)):
        return value.tolist()
    if isinstance(value, (list, tuple)):
        return [_words(item) for item in value]
    if isinstance(value, Mapping):
        return {repr(_words(key)): _words(item) for key, item in value.items()}
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, Component) or not callable(value):
        # A generator of random numbers has moved on when the file is written.
        return type(value).__name__ if isinstance(value, np.random.RandomState) else repr(value)
    return getattr(value, "__qualname__", None) or repr(value)
