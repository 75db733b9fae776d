"""The parameters of a network as one fit uses them: components resolved once, words turned into numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from skdl._protocols import Augmentation, InputColumns, Optimizer, Penalty, Schedule
from skdl._typing import Scoring
from skdl.layers.architecture import Architecture
from skdl.neural._source import Source

LEAST_VALIDATED = 40  # rows of which "auto" sets some apart
MOST_ENCODED = 500  # numbers that "auto" encodes: wide data, such as images, would make the first layer too wide


def at_most_200(n_rows: int) -> int:
    """The rows of a batch by scikit-learn's rule."""
    return min(200, n_rows)


@dataclass(frozen=True)
class Settings:
    """The parameters of one fit, which its functions read in place of the estimator.

    An estimator makes them in `_settings`. The fields with a default are extension points: a kind of network that
    differs from the others sets other values, and the base knows none of its descendants.

    Parameters
    ----------
    name : str
        The estimator's name in messages; where the network is a part of another estimator, the name of that one.
    optimizer, schedule, penalty : components
    architecture : Architecture
        The layers, for one input and one output until the data are known, see `architecture_for`.
    alpha : float or array of shape (n_features,)
    prior : coefficients or None
        As the user gave them.
    max_iter : int
        Epochs of a fit.
    max_time : float or None
        Seconds.
    batch_size : int or "auto"
    shuffle : bool
    tol : float
    n_iter_no_change : int, inf or None
    dtype : {"auto", "float32", "float64"}
    verbose : int
    default_scoring : str
        What `scoring=None` stands for.
    early_stopping : bool or "refit"
    is_validated_by_default : bool
        Whether that was left to "auto", which sets none of few rows apart.
    validation_fraction : float
    calibrate : bool or "auto"
    scoring : str, callable or None
    stratified_batches : bool
    auto_batch_size : callable
        From the number of rows to the batch size that "auto" stands for.
    scales_columns : bool
        Whether training sees columns of one scale.
    categorical_features : "from_dtype", None or array-like
        Which columns of a table hold categories.
    missing : {"auto", "encode", "error"}
        Whether cells may be missing.
    centres_columns : bool
        Whether these have a mean of zero, which takes an intercept.
    drops_constants : bool
        Whether columns that are constant in training have the scale 0 (where all weights begin at zero, no need).
    penalises_raw : bool
        Whether alpha penalises the coefficients for X as it is, though training scales columns.
    splits_l1 : bool
        Whether a full-batch search splits a penalty of |w| into bounded parts.
    rate_parameter : str
        The parameter that sets the learning rate.
    learning_rate_factors, weight_decay_factors : mapping from roles of parameters to numbers
    weight_decay_schedule, dropout_schedule : Schedule or None
    parametrization : {"standard", "ntk"}
    augmentations : tuple of Augmentation
        Of training rows.
    without_encoding : mapping
        What differs in the architecture for inputs that "auto" leaves as they are; empty where nothing is left to it.
    find_source : callable or None
        Finds the fitted network that a new one takes its lower layers from.
    frozen : tuple of int
        Layers that are not trained, by their places among the network's names.
    design_width : callable or None
        The number of columns of the design matrix that a table becomes, for a network that sees it rather than encodes
        the table's columns in its first layer.
    """

    name: str
    optimizer: Optimizer
    schedule: Schedule
    penalty: Penalty
    architecture: Architecture
    alpha: Any
    prior: Any
    max_iter: int
    max_time: float | None
    batch_size: int | str
    shuffle: bool
    tol: float
    n_iter_no_change: Any  # int, inf or None
    dtype: str
    verbose: int
    default_scoring: str
    scales_columns: bool
    categorical_features: Any = None
    missing: str = "error"
    early_stopping: bool | str = False
    validation_fraction: float = 0.1
    calibrate: bool | str = False
    scoring: Scoring | None = None
    stratified_batches: bool = False
    is_validated_by_default: bool = False
    auto_batch_size: Callable[[int], int] = at_most_200
    centres_columns: bool = True
    drops_constants: bool = False
    penalises_raw: bool = False
    splits_l1: bool = False
    rate_parameter: str = "optimizer__learning_rate"
    learning_rate_factors: Mapping[str, float] = field(default_factory=dict)
    weight_decay_factors: Mapping[str, float] = field(default_factory=dict)
    weight_decay_schedule: Schedule | None = None
    dropout_schedule: Schedule | None = None
    parametrization: str = "standard"
    augmentations: tuple[Augmentation, ...] = ()
    without_encoding: Mapping[str, Any] = field(default_factory=dict)
    find_source: Callable[[], Source | None] | None = None
    frozen: tuple[int, ...] = ()
    design_width: Callable[[InputColumns], int] | None = None

    @cached_property
    def source(self) -> Source | None:
        """The network that layers are taken from: looked at by who begins, and not by who goes on."""
        return None if self.find_source is None else self.find_source()

    @property
    def keeps_inputs(self) -> bool:
        """True if the first layer that sees the inputs is not trained, so that these are standardised as they were."""
        return not {0, 1}.isdisjoint(self.frozen)

    @property
    def scores_by_default(self) -> bool:
        """True if validation rows are scored by the estimator's own score."""
        return self.scoring is None or self.scoring == self.default_scoring == "r2"

    @property
    def max_categories(self) -> int | None:
        """Most categories that a column is encoded with; None for no limit."""
        encoding = self.architecture.category_encoding
        return None if encoding is None else encoding.max_categories

    @property
    def epoch_word(self) -> str:
        """The name of a pass over all rows."""
        return "iteration" if self.optimizer.full_batch else "epoch"

    def encodes(self, n_inputs: int, columns: InputColumns | None, *, is_sparse: bool) -> bool:
        """True if "auto" encodes inputs like these in a new training: dense ones, with not too many numbers."""
        n_numbers = n_inputs if columns is None else sum(n == 0 for n in columns.n_categories)
        return self.scales_columns and not is_sparse and n_numbers <= MOST_ENCODED

    def architecture_for(
        self, n_inputs: int, n_outputs: int, columns: InputColumns | None, *, encoded: bool
    ) -> Architecture:
        """The layers for data of this width and these columns, with the penalty where it is one on activations.

        `encoded` says what "auto" does with the inputs, see `encodes`.
        """
        if columns is not None and self.design_width is not None:
            n_inputs, columns = self.design_width(columns), None
        changes = {} if encoded else self.without_encoding
        architecture = replace(self.architecture, n_inputs=n_inputs, n_outputs=n_outputs, columns=columns, **changes)
        if self.penalty.of_activations is not None:
            activity = self.penalty.of_activations
            architecture = replace(architecture, activity=activity, activity_alpha=self.alpha)
        return architecture

    def batch_rows(self, n_rows: int) -> int:
        """Rows of a step, of `n_rows` rows."""
        if self.optimizer.full_batch:
            return n_rows
        size = self.auto_batch_size(n_rows) if isinstance(self.batch_size, str) else self.batch_size
        return min(size, n_rows)

    def stops_early(self, n_rows: int) -> bool:
        """True if some of `n_rows` rows are set apart for validation."""
        return bool(self.early_stopping) and not (self.is_validated_by_default and n_rows < LEAST_VALIDATED)

    def without_default_validation(self) -> Settings:
        """The settings of a training that has no trial, such as that of `partial_fit`: no rows are set apart."""
        return replace(self, early_stopping=False) if self.is_validated_by_default else self

    @property
    def changes_pixels(self) -> bool:
        """True if training sees images that are changed in the units of X."""
        return any(each.changes_pixels for each in self.augmentations)

    @property
    def refits(self) -> bool:
        """True if the rows set apart only choose a number of epochs, for which all rows are trained on."""
        return self.early_stopping == "refit"

    @property
    def calibrates(self) -> bool:
        """True if the outputs are scaled by a factor that validation rows have found."""
        return self.refits if self.calibrate == "auto" else bool(self.calibrate)

    def training_dtype(self, dtype: Any, n_rows: int) -> np.dtype[Any]:
        """float32 for mini-batches; X's precision where each step sees all rows, for little is gained by less."""
        if self.dtype != "auto":
            return np.dtype(self.dtype)
        return np.dtype(dtype if self.batch_rows(n_rows) >= n_rows else np.float32)

    def patience(self, *, is_evaluated: bool) -> Any:
        """Epochs without progress that end a fit; by default only with validation rows: a training loss has no end."""
        if is_evaluated:
            return 10 if self.n_iter_no_change is None else self.n_iter_no_change
        # The tol of a full-batch optimizer is on the gradient.
        return None if self.optimizer.full_batch else self.n_iter_no_change
