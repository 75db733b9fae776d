"""Loops that run compiled where Numba is installed, and by NumPy elsewhere, with equal bits.

`trace` makes operations of a rule that is written as scalar mathematics, `elementwise_loop` a loop of them; `Loop` is
for those that are written by hand. `COMPILER` decides when to compile,
by what pieces of `Work` tell it.
"""

from skdl._compiled.loop import Loop, elementwise_loop, source_of
from skdl._compiled.policy import COMPILER, Work
from skdl._compiled.report import way_in_words
from skdl._compiled.rule import Rule, rule_of
from skdl._compiled.symbols import Expression, Kind, trace

__all__ = [
    "COMPILER",
    "Expression",
    "Kind",
    "Loop",
    "Rule",
    "Work",
    "elementwise_loop",
    "rule_of",
    "source_of",
    "trace",
    "way_in_words",
]
