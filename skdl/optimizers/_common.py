"""Ranges of the rules' hyperparameters."""

from __future__ import annotations

from skdl._constraints import Real

POSITIVE = Real(0, open_low=True)
DECAY = Real(0, 1, open_high=True)
