"""A compiler of a test's own, with a place of its own for what it compiles."""

import pytest

from skdl._compiled import policy


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty cache directory, for this process and those that it starts."""
    monkeypatch.setenv("SKDL_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def compiler(cache, monkeypatch):
    """A compiler as in a new process, that takes no time into account."""
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
