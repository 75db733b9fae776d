"""Values as JSON, with their arrays beside it, and back: an object names the kind of what JSON does not have."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from skdl import _encoding

ENCODINGS: dict[str, Any] = {name: cls for name, cls in vars(_encoding).items() if dataclasses.is_dataclass(cls)}


class Tree:
    """Values as JSON, with their arrays beside it."""

    def __init__(self, arrays: Mapping[str, Any] | None = None):
        self.arrays = {} if arrays is None else dict(arrays)

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
        """The value that was packed, with encodings as (name, fields); each array is taken once."""
        if isinstance(value, list):
            return [self.unpack(item) for item in value]
        if not isinstance(value, dict):
            return value
        if value.keys() == {"encoding", "fields"}:
            return value["encoding"], {name: self.unpack(item) for name, item in value["fields"].items()}
        [(kind, content)] = value.items()
        if kind == "array":
            return self.arrays.pop(content)
        if kind == "strings" and all(isinstance(item, str) for item in content):
            return np.array(content, dtype=object)
        if kind == "tuple":
            return tuple(self.unpack(item) for item in content)
        if kind == "dict":
            return {key: self.unpack(item) for key, item in content.items()}
        raise ValueError(f"a part of kind {kind!r}")
