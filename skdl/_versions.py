"""What a report of a problem should say of the machine."""

from __future__ import annotations

import platform
import sys
import textwrap
from importlib.metadata import PackageNotFoundError, version

from threadpoolctl import threadpool_info

from skdl._compiled import way_in_words

PACKAGES = (
    "skdl", "numpy", "scipy", "scikit-learn", "joblib", "pandas", "threadpoolctl", "cloudpickle",
    "numba", "llvmlite", "matplotlib",
)  # fmt: skip


def show_versions() -> None:
    """Print versions of Python, of skdl and of what it uses, the threads of BLAS, and which way its loops run.

    Loops run compiled where Numba is installed (the extra `skdl[fast]`), in trainings that take longer than a second,
    else by NumPy, with equal results. Nothing is imported to find out.

    Examples
    --------
    >>> import skdl
    >>> skdl.show_versions()  # doctest: +ELLIPSIS
    <BLANKLINE>
    System:
        python      3...
    """
    print("\nSystem:")
    _print_table(
        {"python": sys.version.replace("\n", " "), "executable": str(sys.executable), "machine": platform.platform()}
    )
    print("\nPython dependencies:")
    _print_table({name: _version(name) for name in PACKAGES})
    print("\nThreads of BLAS and of others:")
    for library in threadpool_info():
        name, kind = library.get("internal_api"), library.get("user_api")
        print(f"  {library.get('num_threads')} of {name} {library.get('version')} ({kind}): {library.get('filepath')}")
    print("\nLoops run:")
    print(textwrap.indent(way_in_words(), "  "))


def _version(package: str) -> str:
    if package == "skdl":  # of this one, whichever is installed
        return str(sys.modules["skdl"].__version__)
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _print_table(rows: dict[str, str]) -> None:
    width = max(map(len, rows))
    for name, value in rows.items():
        print(f"    {name:<{width}}  {value}")
