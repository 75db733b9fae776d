"""What each kind of network defines: the extension points of a fit, and the parameters that it reads."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from skdl import _registry
from skdl._component import Component
from skdl._constraints import Constraint
from skdl._protocols import Loss, Optimizer, Penalty
from skdl._slots import SlotMixin
from skdl.layers.architecture import Architecture
from skdl.neural._calibration import Scaling
from skdl.neural._settings import Settings
from skdl.neural._training import Training
from skdl.neural.encoded_data import EncodedData
from skdl.tables import TableSchema

OutputMap = tuple[np.ndarray, np.ndarray]


class NetworkKind(SlotMixin, ABC):
    """The extension points that each kind of network defines, with what most of them have in common."""

    _constraints: Mapping[str, Constraint]
    _training: Training
    _default_scoring: str  # what scoring=None stands for
    alpha: Any
    prior: Any
    penalty: str | Component | Sequence[str | Component]
    optimizer: str | Component
    standardize: bool
    batch_size: int | str
    max_iter: int | str
    max_time: float | None
    shuffle: bool
    tol: float
    n_iter_no_change: float | None
    dtype: str
    verbose: int
    n_jobs: int | None
    random_state: Any
    n_features_in_: int

    def _penalty(self) -> Penalty:
        """The penalty, of a list the sum of its entries."""
        if isinstance(self.penalty, (list, tuple)):
            parts = [self._resolve_value("penalty", each) for each in self.penalty]
            return self._resolve_value("penalty", _registry.penalties.resolve("sum").with_params(penalties=parts))
        return self._resolve("penalty")

    def _settings(self) -> Settings:
        """The parameters as a fit uses them; a kind of network that differs from the others changes fields here."""
        optimizer = self._resolve("optimizer")
        return Settings(
            name=type(self).__name__,
            optimizer=optimizer,
            schedule=self._resolve("schedule"),
            penalty=self._penalty(),
            architecture=self._architecture(1, 1),
            alpha=self.alpha,
            prior=self.prior,
            max_iter=self._max_iter(optimizer),
            max_time=self.max_time,
            batch_size=self.batch_size,
            shuffle=self.shuffle,
            tol=self.tol,
            n_iter_no_change=self.n_iter_no_change,
            dtype=self.dtype,
            verbose=self.verbose,
            default_scoring=self._default_scoring,
            scales_columns=self.standardize,
            categorical_features=getattr(self, "categorical_features", None),
            missing=self._missing,
        )

    def _max_iter(self, optimizer: Optimizer) -> int:
        """Epochs of a fit."""
        return int(self.max_iter)

    @abstractmethod
    def _architecture(self, n_inputs: int, n_outputs: int) -> Architecture:
        """The network that the parameters describe."""

    @abstractmethod
    def _check_data(
        self, X: Any, y: Any, sample_weight: Any, *, reset: bool, **checks: Any
    ) -> tuple[Any, np.ndarray, Any]:
        """X, y and weights, validated, with further `checks` of the border."""

    @abstractmethod
    def _encoding_of(self, X: Any, y: np.ndarray, weight: np.ndarray | None, classes: Any) -> Any:
        """The encoding of y as targets and of scores as predictions; `classes` are the labels that were declared."""

    def _encoding_now(self, y: np.ndarray, weight: np.ndarray | None) -> Any:
        """The encoding of the first training, for the targets of a later one."""
        return self._training.encoding

    def _smoothed(self, settings: Settings, encoding: Any, n_rows: int, *, is_validated: bool) -> Any:
        """The encoding of a first training, of so many rows and perhaps with the user's validation rows, to learn."""
        return encoding

    def _unsmoothed(self, data: EncodedData) -> EncodedData:
        """The data with the targets of a training that is not calibrated."""
        return data

    @abstractmethod
    def _accepts_encoding(self, encoding: Any) -> bool:
        """True for an encoding, read from a file, that this network can have."""

    @abstractmethod
    def _loss(self, encoding: Any) -> Loss:
        """The loss component for these targets."""

    @abstractmethod
    def _scorer(self, y: np.ndarray, weight: np.ndarray | None, encoding: Any) -> Callable[[np.ndarray], float]:
        """From raw scores of validation rows to a number, larger is better."""

    @abstractmethod
    def _output_map(self, encoding: Any) -> OutputMap | None:
        """Scale and shift to fold into the last layer."""

    @abstractmethod
    def _results(self, settings: Settings, training: Training) -> dict[str, Any]:
        """Every attribute of a network that was trained so far."""

    def _as_given(self, y: np.ndarray, encoding: Any) -> Any:
        """A validated y as the user's scorers are to see it."""
        return y

    def _idle_outputs(self, encoding: Any) -> np.ndarray | None:
        """The outputs that have nothing to learn, their targets being zero."""
        return None

    def _scaling(self, evaluated: EncodedData, loss: Loss) -> Scaling | None:
        """What finds the factors of raw scores on validation rows; None where no scaling makes sense."""
        return None

    def _with_class_weight(
        self, y: np.ndarray, weight: np.ndarray | None, encoding: Any, kept: np.ndarray | None
    ) -> np.ndarray | None:
        """The rows' weights, times those of their classes, for which rows that are not `kept` do not count."""
        return weight

    def _prior(self) -> Sequence[Any] | None:
        """Given coefficients (n_in, n_out) of each layer that the penalty draws to, None where there are none."""
        return None

    @property
    def _column_names(self) -> Any:
        """The names of X's columns, by which messages call them, or None."""
        return getattr(self, "feature_names_in_", None)

    @property
    def _missing(self) -> str:
        """The parameter `missing`; a network without it takes numbers, all of which are there."""
        return getattr(self, "missing", "error")

    @property
    def _schema(self) -> TableSchema | None:
        """The schema of the tables that this network was trained on."""
        return self._training.schema
