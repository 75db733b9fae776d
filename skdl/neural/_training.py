"""The state of a training, which a fitted network keeps to go on from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from skdl.engine import RECORD, State, TrainingSpec
from skdl.layers.architecture import Architecture
from skdl.neural.encoded_data import EncodedData
from skdl.tables import TableSchema


@dataclass
class Training:
    """A network's state, and how its data was encoded and standardised.

    The precisions are NumPy's scalar types: whole estimators are kept in files, and a dtype object that a file has made
    up can have NumPy take numbers for objects.
    """

    state: State
    architecture: Architecture
    encoding: Any
    dtype: Any
    shift: np.ndarray | None
    scale: np.ndarray | None
    input_dtype: Any
    schema: TableSchema | None = None  # of the table that the inputs were made of
    stop_reason: str = "interrupted"  # to end, see `TrainingResult`; "interrupted" while it is in progress
    search: str | None = None  # of a full-batch optimizer, where an estimator has several
    loaded: bool = False  # from a checkpoint, and not gone on with yet

    @property
    def is_encoded(self) -> bool:
        """What "auto" did with the inputs, see `Settings.encodes`."""
        return self.architecture.encoding is not None

    def epochs_left(self, max_iter: int) -> int:
        """Epochs that the fit which a checkpoint was written in has still to go."""
        progress = self.state.progress[0]
        max_iter = progress.chosen or max_iter
        ended = self.stop_reason in ("converged", "stopped", "diverged")
        return 0 if ended else max(0, progress.first_epoch + max_iter - progress.epoch)

    @classmethod
    def of(cls, member: TrainingSpec, data: EncodedData, state: State, stop_reason: str = "interrupted") -> Training:
        """The training of a member, on encoded data, that has come to `state`."""
        rows = member.rows
        search = None if member.function is None else member.function.name
        dtype, input_dtype = np.dtype(member.dtype).type, rows.X.dtype.type
        return cls(
            state,
            member.architecture,
            data.encoding,
            dtype,
            rows.shift,
            rows.scale,
            input_dtype,
            data.schema,
            stop_reason,
            search,
        )

    def history(self) -> Any:
        """The records of the epochs as a DataFrame; what an epoch did not have is NaN."""
        import pandas as pd  # here, since importing it takes longer than importing skdl

        records = self.state.progress[0].history
        frame = pd.DataFrame([[record[name] for name in RECORD] for record in records], columns=list(RECORD))
        return frame.astype({name: np.int64 if name == "epoch" else np.float64 for name in RECORD})
