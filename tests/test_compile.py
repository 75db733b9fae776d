"""`python -m skdl.compile`: what is compiled ahead is there, and what cannot be is said."""

from weakref import WeakSet

import pytest

from skdl import MLPRegressor, _descent, compile
from skdl._compiled import COMPILER


@pytest.fixture
def new_process(tmp_path, monkeypatch):
    """The compiler as in a new process, with a cache directory of its own."""
    monkeypatch.setenv("SKDL_CACHE_DIR", str(tmp_path / "cache"))
    for name, value in {"store": None, "trouble": None, "wanted": WeakSet(), "failures": {}}.items():
        monkeypatch.setattr(COMPILER, name, value)
    _descent._loop.cache_clear()
    yield tmp_path / "cache"
    _descent._loop.cache_clear()


def test_compile_and_clear(new_process, monkeypatch, capsys):
    network = MLPRegressor((2,), encoding=None, early_stopping=False, batch_size=4, max_iter=1, random_state=0)
    monkeypatch.setattr(compile, "trainings", lambda: [network])
    assert compile.main([]) == 0
    n_loops = len(list(new_process.rglob("digests.json")))
    assert n_loops > 0
    assert f"{n_loops} loops compiled, " in capsys.readouterr().out
    assert compile.main([]) == 0
    assert f"; {n_loops} were there. They are in {new_process}" in capsys.readouterr().out
    assert compile.main(["--clear"]) == 0
    assert list(new_process.iterdir()) == []
    assert f"{new_process / 'loops'} is removed." in capsys.readouterr().out


def test_nothing_can_be_compiled(new_process, monkeypatch, capsys):
    monkeypatch.setattr(COMPILER, "trouble", "ModuleNotFoundError: No module named 'numba'")
    assert compile.main([]) == 1
    assert capsys.readouterr().err == "Nothing can be compiled: ModuleNotFoundError: No module named 'numba'\n"


def test_trainings_are_of_all_rules():
    asked = [estimator.get_params() for estimator in compile.trainings()]
    of_optimizers = {type(params.get("optimizer")) for params in asked}
    assert {cls for cls in compile._registry.optimizers.built_in() if not cls.full_batch} <= of_optimizers
    assert set(compile._registry.activations.names()) <= {params.get("activation") for params in asked}
