"""Floating-point errors raise in the tests of autodiff, components and engine, where nothing may go wrong unnoticed."""

import os
from pathlib import Path

os.environ.setdefault("SCIPY_ARRAY_API", "1")  # read when scipy is loaded; without it scikit-learn skips a check
# No test starts a compiler without its knowledge; those of compiled loops say so, by `COMPILER.using`.
os.environ.setdefault("SKDL_COMPILED", "off")

import numpy as np
import pytest

HERE = Path(__file__).parent
STRICT = (
    HERE / "engine",
    HERE / "autodiff",
    HERE / "components",
    HERE / "test_components.py",
    HERE / "test_encoding.py",
    HERE / "testing",
)


@pytest.fixture(autouse=True)
def strict_floating_point(request):
    """Raise for overflow, division by zero and invalid operations; scikit-learn's own code is not held to it."""
    if any(request.path.is_relative_to(place) for place in STRICT):
        with np.errstate(all="raise", under="ignore"):
            yield
    else:
        yield


@pytest.fixture
def threads_for_the_smallest(monkeypatch):
    """As many threads as are asked for, however little there is to do for them: for tests of what threads train."""
    from skdl.execution import cost

    monkeypatch.setattr(cost, "LEAST_STEP_SECONDS", 1e-12)


# Here, since a second conftest.py in a folder that comes before this file in the alphabet takes its name from it.
@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty cache directory for compiled loops, for this process and those that it starts."""
    monkeypatch.setenv("SKDL_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def compiler(cache, monkeypatch):
    """A compiler of loops as in a new process, that takes no time into account."""
    from skdl._compiled import policy

    for name in (
        "PAYS_TO_LOAD",
        "PAYS_AHEAD",
        "PAYS_AFTER_PIECES",
        "PAYS_TO_COMPILE",
        "PAYS_TO_COMPILE_AFTER_PIECES",
        "LOOK_AGAIN",
    ):
        monkeypatch.setattr(policy, name, 0.0)
    monkeypatch.setenv("SKDL_COMPILED", "auto")
    return policy.Compiler()
