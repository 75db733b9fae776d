"""Which way loops run, in words."""

from __future__ import annotations

import sys
from importlib.metadata import PackageNotFoundError, version

from skdl._compiled.policy import COMPILER, OLDEST, VARIABLE, numbers_of
from skdl._compiled.store import places


def way_in_words() -> str:
    """Whether loops run compiled or by NumPy, from where or why; Numba is not imported for it."""
    try:
        numba = version("numba")
    except PackageNotFoundError:
        numba = None
    if COMPILER.way == "off":
        return f"by NumPy, switched off by {VARIABLE}"
    if COMPILER.trouble is not None:
        return f"by NumPy: {COMPILER.trouble}"
    if numba is None and "numba" not in sys.modules:
        return 'by NumPy: Numba is not installed; the extra "skdl[fast]" has it'
    if numba is not None and numbers_of(numba) < OLDEST:
        return f"by NumPy: Numba {numba} is older than {'.'.join(map(str, OLDEST))}"
    if COMPILER.store is None:
        kept = next((root.joinpath(*own, "loops") for root, own in places()), None)
        n_kept = 0 if kept is None else len({path.name for path in kept.glob("*/loop_*") if path.is_dir()})
        return f"compiled by Numba {numba}, not needed so far in this process; {n_kept} loops are kept in {kept}"
    loops = list(COMPILER.loops)
    n_compiled = sum(loop.compiled is not None for loop in loops)
    lines = [f"compiled by Numba {numba}: {n_compiled} of {len(loops)} so far, kept in {COMPILER.store.folder}"]
    lines += [f"{name} by NumPy: {reason.splitlines()[0]}" for name, reason in sorted(COMPILER.failures.items())]
    return "\n".join(lines)
