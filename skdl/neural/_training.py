"""What a fitted network keeps to go on from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from skdl.engine import Architecture, Member, State

HISTORY = ("epoch", "loss", "validation_loss", "validation_score", "learning_rate", "gradient_norm", "seconds")


@dataclass
class Training:
    """A network's state, and how its data was encoded and standardised."""

    state: State
    architecture: Architecture
    encoding: Any
    dtype: Any
    shift: np.ndarray | None
    scale: np.ndarray | None
    input_dtype: Any
    reason: str = "interrupted"  # why it ended, see `Outcome`; of a training in progress, this

    @classmethod
    def of(cls, member: Member, encoding: Any, state: State, reason: str = "interrupted") -> Training:
        """The training of a member that has come to `state`."""
        rows = member.rows
        return cls(state, member.architecture, encoding, member.dtype, rows.shift, rows.scale, rows.X.dtype, reason)

    def history(self) -> Any:
        """The records of the epochs as a DataFrame; what an epoch did not have is NaN."""
        import pandas as pd  # here, since importing it takes longer than importing skdl

        records = self.state.progress[0].history
        frame = pd.DataFrame([[record[name] for name in HISTORY] for record in records], columns=list(HISTORY))
        return frame.astype({name: np.int64 if name == "epoch" else np.float64 for name in HISTORY})
