"""A loop: what runs by NumPy, and compiled where that is possible, with the same result."""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from skdl._compiled.loop_code import loop_source, signature
from skdl._compiled.numpy_code import numpy_executor
from skdl._compiled.policy import COMPILER
from skdl._compiled.symbols import Expression


class Loop:
    """Work on arrays, in place, that `run(*arguments)` does, in the best way that there is at the moment.

    Parameters
    ----------
    by_numpy : callable
        Does it in NumPy's calls.
    source : str
        A module with a function `loop` that does the same to the last bit, with the same arguments. Empty where there
        is nothing to compile.
    signatures : sequence of str
        The types of the arguments that it is compiled for, as Numba writes them.
    """

    def __init__(self, by_numpy: Callable[..., Any], source: str, signatures: Sequence[str]) -> None:
        self.run: Callable[..., Any] = by_numpy
        self.by_numpy, self.source, self.signatures = by_numpy, source, list(signatures)
        self.compiled: Callable[..., Any] | None = None
        COMPILER.add(self)

    def exchange(self, compiled: Callable[..., Any]) -> None:
        """Take the compiled form from now on."""
        self.compiled = self.run = compiled

    def use(self, *, compiled: bool) -> None:
        """Run compiled, if there is such a form, or by NumPy."""
        self.run = self.compiled if compiled and self.compiled is not None else self.by_numpy


def elementwise_loop(expression: Expression, dtype: Any) -> Loop:
    """The loop of a traced rule, for arrays of one precision, float32 or float64, in C order.

    `run(column, start, stop, *arrays)` works on elements start:stop of arrays (k, P), with numbers of members (k, S)
    from the given column, or from the only one. A rule with numbers of units or rows, which is not flat, runs as
    `run(*arrays)` on arrays (k, B, n).
    """
    real = np.dtype(dtype).name
    by_numpy = numpy_executor(expression)
    return Loop(by_numpy, loop_source(expression, real), [signature(expression, real)])


def source_of(*functions: Callable[..., Any]) -> str:
    """Functions written by hand as the module that is compiled: the last one is `loop`, and calls the others.

    They are plain Python, of `np`, `range` and numbers, so that they can be read, and tested, without a compiler.
    """
    try:
        texts = [textwrap.dedent(inspect.getsource(function)) for function in functions]
    except OSError:  # a package without its sources: nothing is compiled
        return ""
    name = functions[-1].__name__
    return "from __future__ import annotations\n\nimport numpy as np\n\n\n" + "\n\n".join([*texts, f"loop = {name}\n"])
