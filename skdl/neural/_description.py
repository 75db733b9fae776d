"""What the training asks of a network estimator, and what holds where it does not say otherwise."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np

from skdl.layers.architecture import Architecture


class Description(ABC):
    """The questions that each kind of network answers for itself."""

    _training: Any
    standardize: bool
    max_iter: Any
    _default_scoring: str  # what scoring=None stands for
    # Of parameters that not every network has, what holds without them.
    _without = {"early_stopping": False, "label_smoothing": 0.0, "scoring": None, "stratified_batches": False}
    _told_as: str | None = None  # the estimator that a user knows, where the network is a part of it
    _rate_name = "optimizer__learning_rate"  # by which a user sets it
    _splits_l1 = False  # whether its full-batch function splits a penalty of |w| into bounded parts

    @property
    def _column_names(self) -> Any:
        """The names of X's columns, by which messages call them, or None."""
        return getattr(self, "feature_names_in_", None)

    def _option(self, name: str) -> Any:
        """The value of a parameter that not every network has."""
        return getattr(self, name, self._without[name])

    @property
    def _scales_columns(self) -> bool:
        """Whether training sees columns of one scale."""
        return self.standardize

    @property
    def _centres_columns(self) -> bool:
        """Whether these have a mean of zero, which takes an intercept."""
        return True

    @property
    def _drops_constants(self) -> bool:
        """Whether columns that are constant in training have the scale 0 (where all weights begin at zero, no need)."""
        return False

    def _idle_outputs(self, encoding: Any) -> np.ndarray | None:
        """Which outputs have nothing to learn, their targets being zero."""
        return None

    @property
    def _penalises_raw(self) -> bool:
        """Whether alpha speaks of the coefficients for X as it is, though training scales columns."""
        return False

    @abstractmethod
    def _check_data(self, X: Any, y: Any, sample_weight: Any, *, reset: bool) -> tuple[Any, np.ndarray, Any]:
        """X, y and weights, validated."""

    @abstractmethod
    def _encoding_of(self, X: Any, y: np.ndarray, weight: np.ndarray | None, classes: Any) -> Any:
        """How y becomes targets and scores predictions; `classes` are the labels that a caller declared."""

    @property
    @abstractmethod
    def _encodings(self) -> tuple[type, ...]:
        """The classes of encodings that there can be."""

    @abstractmethod
    def _architecture(self, n_inputs: int, n_outputs: int) -> Architecture:
        """The network that the parameters describe."""

    @abstractmethod
    def _loss(self, encoding: Any) -> Any:
        """The loss component for these targets."""

    @abstractmethod
    def _scorer(self, y: np.ndarray, weight: np.ndarray | None, encoding: Any) -> Any:
        """From raw scores of validation rows to a number, larger is better."""

    @abstractmethod
    def _output_map(self, encoding: Any) -> tuple[np.ndarray, np.ndarray] | None:
        """Scale and shift to fold into the last layer."""

    def _encoding_now(self, y: np.ndarray, weight: np.ndarray | None) -> Any:
        """The encoding of the first training, for the targets of a later one."""
        return self._training.encoding

    def _with_class_weight(
        self, y: np.ndarray, weight: np.ndarray | None, encoding: Any, kept: np.ndarray | None
    ) -> np.ndarray | None:
        """The rows' weights, times those of their classes, for which rows that are not `kept` do not count."""
        return weight

    def _max_iter(self) -> int:
        """Epochs of a fit."""
        return self.max_iter

    def _prior(self) -> Sequence[Any] | None:
        """Given coefficients (n_in, n_out) of each layer that the penalty draws to, None where there are none."""
        return None
