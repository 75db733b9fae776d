"""When loops are loaded: never for a piece of work that is short, but for many of them."""

import pytest

from skdl._compiled.policy import Compiler


@pytest.fixture
def compiler(monkeypatch):
    compiler = Compiler()
    compiler.way, compiler.wanted, compiler.looks = "auto", [object()], 0

    def take():
        compiler.looks += 1
        return []

    monkeypatch.setattr(compiler, "_take", take)
    return compiler


def test_a_short_piece_of_work_loads_nothing(compiler):
    compiler.work(0.9, 0.9, 5.0)
    compiler.work(0.9, 0.9, 0.5)
    assert compiler.looks == 0


def test_a_long_piece_of_work_loads_what_is_compiled_while_it_lasts(compiler):
    compiler.work(1.1, 1.1, 5.0)
    assert compiler.looks == 1


def test_many_short_pieces_load_what_is_compiled(compiler):
    for _ in range(5):
        compiler.work(0.5, 0.5, 0.0)
    assert compiler.looks == 0
    compiler.work(0.5, 0.5, 0.0)
    assert compiler.looks == 1
