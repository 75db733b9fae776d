"""Compile loops from source files, and remember that it was done. Run as a script, it needs Numba alone, not skdl.

A loop is a module of functions, of which the last one, `loop`, is called from Python. Beside it lies what Numba keeps
of it, and an empty file that says that this is complete: it is made last, so that a process that is killed leaves
nothing that another one would trust.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import sys
from pathlib import Path
from types import FunctionType
from typing import Any


def load(source: Path, signatures: list[str]) -> Any:
    """The compiled `loop` of a source file, from what is kept of it, or compiled now."""
    numba: Any = importlib.import_module("numba")
    spec = importlib.util.spec_from_file_location(source.stem, source)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[source.stem] = module  # Numba looks there for a function's globals
    spec.loader.exec_module(module)
    # Without fastmath nothing is contracted or reordered: the bits are NumPy's. Python's error model would test every
    # divisor for zero, and keep divisions from being packed.
    options = {"nogil": True, "error_model": "numpy"}
    for name, function in list(vars(module).items()):
        if isinstance(function, FunctionType) and name != "loop":
            setattr(module, name, numba.njit(**options)(function))
    return numba.njit(signatures, cache=True, **options)(module.loop)


def mark_of(source: Path) -> Path:
    """The file that says that a loop is compiled; with a text in it, why it cannot be."""
    return source.with_suffix(".compiled")


def build(source: Path, signatures: list[str]) -> str:
    """Compile a loop into the files beside it; returns why it could not be, or nothing."""
    try:
        load(source, signatures)
        message = ""
    except Exception as error:  # whatever a compiler may say: the loop stays NumPy's
        message = f"{type(error).__name__}: {error}"
    part = mark_of(source).with_suffix(f".{os.getpid()}")
    part.write_text(message)
    part.replace(mark_of(source))
    return message


def main(arguments: list[str]) -> None:
    """Build what a file of requests lists, `[[source, [signature, ...]], ...]`, with what is left of the machine."""
    requests = Path(arguments[0])
    listed = json.loads(requests.read_text())
    requests.unlink()
    if hasattr(os, "nice"):
        os.nice(10)
    for source, signatures in listed:
        if not mark_of(Path(source)).exists():
            build(Path(source), signatures)


if __name__ == "__main__":
    main(sys.argv[1:])
