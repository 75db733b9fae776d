"""Digests of estimators, scorers and data, equal for equal computations in any process.

A digest must be equal in every process that would compute the same thing, be it this one, a worker, or the same
script started again tomorrow, and differ whenever something that can change the result does. Pickles do not:
a class of the user's own script is pickled by name in one process and by value in another, and a name says nothing of
the code. So an estimator is described by its class and its parameters, all the way down; a class or function of a
package by its name and the package's version; and one without a version, that of a script or notebook, by its name and
byte code.
"""

from __future__ import annotations

import copyreg
import functools
import hashlib
import inspect
import json
import pickle
import reprlib
import sys
import types
from collections.abc import Mapping
from typing import Any

import joblib
import numpy as np
import pandas as pd

from skdl._callbacks_adapter import callbacks_of

# Parameters that say how a result is computed, not which: a search may go on with other ones.
HOW = ("n_jobs", "verbose")
LENGTH = 16  # hexadecimal digits: 64 bits
DEEPEST = 20  # lists in lists that are written for people


def data_digest(*values: Any) -> str:
    """A digest of rows, targets and metadata, by content: at 1.9 GB/s, which is fast beside any fit.

    The memory layout counts, since it changes the rounding of matrix products; being mapped from a file does not.
    """
    digest: str = joblib.hash(_content(values), hash_name="sha1", coerce_mmap=True)
    return digest[:LENGTH]


def _content(value: Any) -> Any:
    """A value with what is in its frames and series in their place: a pickle also tells how they came to be."""
    if isinstance(value, (list, tuple)):
        return type(value).__name__, [_content(item) for item in value]
    if isinstance(value, dict):
        return "dict", [(key, _content(item)) for key, item in value.items()]
    if isinstance(value, pd.Series):
        return "series", value.name, _column(value.index), _column(value)
    if isinstance(value, pd.DataFrame):
        types = set(value.dtypes)
        alike = len(types) == 1 and isinstance(types.pop(), np.dtype)
        columns = value.to_numpy() if alike else [_column(value.iloc[:, i]) for i in range(value.shape[1])]
        return "frame", value.columns.tolist(), _column(value.index), columns
    return value


def _column(values: Any) -> Any:
    """The content of a series or an index: an array, or for types that NumPy does not have, hashes of 64 bits."""
    if isinstance(values.dtype, np.dtype) and not isinstance(values, pd.MultiIndex):
        return values.to_numpy()
    more = (list(values.dtype.categories), values.dtype.ordered) if hasattr(values.dtype, "categories") else None
    return str(values.dtype), more, pd.util.hash_pandas_object(values, index=False).to_numpy()


def digest(value: Any) -> str:
    """A digest of an estimator, a scorer, or anything that may be a parameter of one."""
    return hashlib.sha256(json.dumps(_describe(value)).encode()).hexdigest()[:LENGTH]


def _describe(value: Any, within: tuple[int, ...] = ()) -> Any:
    """A value as nested lists of text; `within` are the objects that it is a part of, lest a cycle be endless."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return ["float", float.__repr__(value)]
    if value is None or isinstance(value, (bool, int, str, bytes)):
        return [type(value).__name__, repr(value)]
    if id(value) in within:
        return ["part of itself", within[::-1].index(id(value))]
    describe = functools.partial(_describe, within=(*within, id(value)))
    if isinstance(value, type):
        return ["class", _class(value)]
    if isinstance(value, (list, tuple)):
        return [type(value).__name__, [describe(item) for item in value]]
    if isinstance(value, (set, frozenset)):
        return [type(value).__name__, sorted(json.dumps(describe(item)) for item in value)]
    if isinstance(value, dict):
        return [
            type(value).__name__,
            sorted(json.dumps([describe(key), describe(item)]) for key, item in value.items()),
        ]
    if isinstance(value, types.FunctionType):
        return ["function", _function(value, describe)]
    if isinstance(value, types.MethodType):
        return ["method", value.__name__, describe(value.__self__)]
    if isinstance(value, functools.partial):
        return ["partial", describe(value.func), describe(value.args), describe(value.keywords)]
    if hasattr(value, "get_params"):
        params = {name: item for name, item in value.get_params(deep=False).items() if name not in HOW}
        # Those of scikit-learn only watch; others may end a training.
        callbacks = [each for each in callbacks_of(value) if not type(each).__module__.startswith("sklearn.")]
        # The weights of a fitted network that a fit begins with; its parameters do not tell them.
        beginning = value._beginning() if hasattr(value, "_beginning") else None
        begins = [] if beginning is None else [data_digest(*beginning)]
        return ["object", _class(type(value)), describe(params), describe(callbacks), *begins]
    try:
        reduced = None if type(value) in copyreg.dispatch_table else value.__reduce_ex__(2)
        if isinstance(reduced, tuple) and reduced[0] is copyreg.__newobj__:  # type: ignore[attr-defined]  # no stub has it
            _, (cls, *args), *content = reduced  # an object that is its class and its attributes
            return ["object", _class(cls), describe(args), describe([part for part in content if part])]
        return ["hash", data_digest(value)]
    except (pickle.PicklingError, TypeError, ValueError, AttributeError) as error:
        raise ValueError(
            f"A SearchLedger must be able to tell one {type(value).__qualname__} from another, and {value!r} cannot be "
            f"pickled ({error}). Use a value that can, such as the name of a file in place of the open file."
        ) from error


def _version(module: str) -> str | None:
    """The version of the package that a module belongs to; None for a script or notebook."""
    root = module.partition(".")[0]
    version = None if root == "__main__" else getattr(sys.modules.get(root), "__version__", None)
    return version if isinstance(version, str) else None


def _class(cls: type) -> list[Any]:
    """Name and version of a class, or its own functions' code, and the same of its bases."""
    name, version = f"{cls.__module__}.{cls.__qualname__}", _version(cls.__module__)
    if version is not None or cls.__module__ == "builtins":
        return [name, version]
    codes = [
        [key, _code(function.__code__)] for key, item in sorted(vars(cls).items()) for function in _functions(item)
    ]
    return [name, codes, [_class(base) for base in cls.__bases__]]


def _functions(member: Any) -> list[types.FunctionType]:
    """The function of a method, of a class or static method, or of a property; none of anything else."""
    for name in ("__func__", "fget", "func"):
        member = getattr(member, name, member)
    function = inspect.unwrap(member) if callable(member) else None
    return [function] if isinstance(function, types.FunctionType) else []


def _function(function: types.FunctionType, describe: Any) -> list[Any]:
    """Name, code, default arguments and enclosed variables; what the function calls is known by name only."""
    place = [function.__module__, function.__qualname__, _version(function.__module__ or "")]
    if place[2] is not None and "<" not in function.__qualname__:  # no lambda, and not made inside of another function
        return place
    cells = [cell.cell_contents for cell in function.__closure__ or () if not _is_empty(cell)]
    return [*place, _code(function.__code__), describe([function.__defaults__, function.__kwdefaults__, cells])]


def _is_empty(cell: types.CellType) -> bool:
    try:
        return cell.cell_contents is cell
    except ValueError:
        return True


def _code(code: types.CodeType) -> list[Any]:
    """Byte code, names and constants: equal wherever in a file the function stands."""
    constants = [_code(item) if isinstance(item, types.CodeType) else _describe(item) for item in code.co_consts]
    return [code.co_code.hex(), list(code.co_names), constants]


def readable(value: Any, depth: int = 0) -> Any:
    """A parameter or score for people: what JSON knows as it is, anything else as its representation."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return float(value) if np.isfinite(value) else str(float(value))
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if depth == DEEPEST:
        return reprlib.repr(value)
    if isinstance(value, Mapping):
        return {str(key): readable(item, depth + 1) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [readable(item, depth + 1) for item in value]
    return repr(value)
