"""The base of the multilayer perceptrons: hidden layers from the constructor's arguments."""

from __future__ import annotations

import math
import numbers
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skdl import _registry
from skdl._constraints import (
    NONE,
    ArrayLike,
    Boolean,
    Function,
    Integer,
    ListOf,
    MappingOf,
    OneOf,
    RandomState,
    Real,
    Text,
)
from skdl._protocols import Activation, Block, Optimizer
from skdl._search_space import LogUniform, SearchSpaceMixin, Uniform
from skdl._table_input import CONSTRAINTS as TABLES
from skdl._table_input import tag_tables
from skdl._validation import names_of_features
from skdl.engine import TrainingResult
from skdl.layers.architecture import Architecture
from skdl.neural._base import BaseNetwork
from skdl.neural._settings import Settings
from skdl.neural._table import encoded_names
from skdl.neural._transfer import TransferMixin, frozen_places, source_of

PROBABILITY = Real(0, 1, open_high=True)
LEARNED = {  # what the losses of each task are for
    "regression": "real targets",
    "binary": "two classes, or labels that are each present or absent",
    "classification": "one class a row, out of several",
}
COMMON = {
    "hidden_layer_sizes": Integer(1) | ListOf(Integer(1)),
    "dropout": PROBABILITY | ListOf(PROBABILITY),
    "input_dropout": PROBABILITY,
    "dropout_mode": OneOf("inverted", "standard"),
    "depth": Integer(1),
    "parametrization": OneOf("standard", "ntk"),
    "frozen": NONE | Text() | Integer() | ListOf(Text() | Integer()),
    "learning_rate_factors": NONE | MappingOf(Real(0)),
    "weight_decay_factors": NONE | MappingOf(Real(0)),
    "input_scale": Boolean() | OneOf("auto"),
    "alpha": OneOf("auto") | Real(0) | ArrayLike(),
    "prior": NONE | ArrayLike(),
    **TABLES,
    "standardize": Boolean(),
    "batch_size": OneOf("auto") | Integer(1),
    "max_iter": OneOf("auto") | Integer(1),
    "max_time": NONE | Real(0, open_low=True),
    "shuffle": Boolean(),
    "tol": Real(0),
    "n_iter_no_change": NONE | Integer(1) | OneOf(math.inf),
    "early_stopping": Boolean() | OneOf("auto", "refit"),
    "calibrate": Boolean() | OneOf("auto"),
    "scoring": NONE | Text() | Function(),
    "validation_fraction": Real(0, 1, open_low=True, open_high=True),
    "warm_start": Boolean(),
    "dtype": OneOf("auto", "float32", "float64"),
    "random_state": RandomState(),
    "verbose": Boolean() | Integer(0),
    "n_jobs": NONE | Integer(),
}
IMAGE_SHAPE = {"image_shape": NONE | ListOf(Integer(1))}  # of networks that take augmentations


FEW_ROWS = 32  # are one batch, in which weight 2 equals the row twice


def between_8_and_128(n_rows: int) -> int:
    """The rows of a batch: few rows need small batches to see enough steps in their epochs.

    No batch is a single row, of which batch normalization knows no variance.
    """
    if n_rows <= FEW_ROWS:
        return n_rows
    size = max(8, min(128, n_rows // 32))
    while n_rows % size == 1:
        size += 1
    return size


def check_pieces(activations: Sequence[Activation], blocks: Sequence[Block]) -> None:
    """Raise for units of several pieces in a block that has activations of other numbers than its map gives."""
    for i, (activation, block) in enumerate(zip(activations, blocks, strict=True)):
        if activation.n_pieces > 1 and not block.takes_pieces:
            raise ValueError(
                f"The activation of hidden layer {i}, {activation!r}, takes {activation.n_pieces} numbers a unit of "
                f"the affine map right under it, and its layer, {block!r}, has activations elsewhere. Use "
                "layer='dense', or an elementwise activation, such as 'relu'."
            )


class Perceptron(TransferMixin, SearchSpaceMixin, BaseNetwork):
    """Hidden layers described by the constructor's arguments."""

    _several = ("augmentation",)
    _slots = {
        "augmentation": _registry.augmentations,
        "layer": _registry.layers,
        "encoding": _registry.encodings,
        "category_encoding": _registry.category_encodings,
        "activation": _registry.activations,
        "initializer": _registry.initializers,
        "normalization": _registry.normalizations,
        "optimizer": _registry.optimizers,
        "schedule": _registry.schedules,
        "weight_decay_schedule": _registry.schedules,
        "dropout_schedule": _registry.schedules,
        "penalty": _registry.penalties,
        "loss": _registry.losses,
    }
    _mappings = ("learning_rate_factors", "weight_decay_factors")

    @property
    def n_nonzero_parameters_(self) -> int:
        """Those of `n_parameters_` that are not zero, in the network that predicts."""
        check_is_fitted(self)
        training = self._training
        return int(np.count_nonzero(TrainingResult.of(training.state, training.stop_reason).theta))

    @property
    def X_mean_(self) -> np.ndarray:
        """The mean of the training inputs, which the network sees less it; zeros without standardisation."""
        check_is_fitted(self)
        shift = self._training.shift
        return np.zeros(self.n_features_in_) if shift is None else shift.copy()

    @property
    def X_scale_(self) -> np.ndarray:
        """The deviation of the training inputs, which the network sees in units of it; ones without standardisation."""
        check_is_fitted(self)
        scale = self._training.scale
        if scale is None:
            return np.ones(self.n_features_in_)
        return np.where(scale == 0, 0, 1 / np.where(scale == 0, 1, scale.astype(np.float64)))

    @property
    def categories_(self) -> list[np.ndarray | None]:
        """The values of each column of categories that have a code of their own, sorted, and None for numbers."""
        check_is_fitted(self)
        found = [None] * self.n_features_in_ if self._schema is None else self._schema.categories
        return [None if values is None else np.array([*values, None], dtype=object)[:-1] for values in found]

    @property
    def is_categorical_(self) -> np.ndarray:
        """A mask of the columns of categories."""
        return np.array([values is not None for values in self.categories_])

    def get_encoded_feature_names_out(self) -> np.ndarray:
        """Names of what the columns of X become in the first layer.

        Returns
        -------
        names : array of str
            First the numbers, each once, or as often as `encoding` makes numbers of it (`age`, or `age_0`, `age_1`,
            ...); then a flag for each column of numbers of which some were missing (`age_missing`); then the categories
            (`town_Bonn`, ..., and `town_infrequent` and `town_missing` where there were such), or where
            `category_encoding` learns points for them, the numbers of these (`town_0`, `town_1`, ...).
        """
        names = [str(name) for name in names_of_features(self)]
        return np.array(encoded_names(self._training.architecture, self._schema, names), dtype=object)

    def _settings(self) -> Settings:
        settings = super()._settings()
        early_stopping, is_auto = self.early_stopping, self.early_stopping == "auto"
        if is_auto:  # a full-batch search ends by itself
            early_stopping = False if settings.optimizer.full_batch else "refit"
        return replace(
            settings,
            auto_batch_size=between_8_and_128,
            drops_constants=True,
            alpha=self._alpha(settings.optimizer) if isinstance(self.alpha, str) else self.alpha,
            early_stopping=early_stopping,
            is_validated_by_default=is_auto,
            validation_fraction=self.validation_fraction,
            scoring="loss" if self.scoring is None and early_stopping == "refit" else self.scoring,
            calibrate=self.calibrate,
            learning_rate_factors=self.learning_rate_factors or {},
            weight_decay_factors=self.weight_decay_factors or {},
            parametrization=self.parametrization,
            find_source=partial(source_of, self),
            frozen=frozen_places(self.frozen, len(settings.architecture.widths)),
            augmentations=self._resolve_several("augmentation"),
            without_encoding=self._without_encoding,
            **{name: self._resolve_optional(name) for name in ("weight_decay_schedule", "dropout_schedule")},
        )

    def _alpha(self, optimizer: Optimizer) -> float:
        """What "auto" is: nothing beside the decay of an optimizer that has one, unless a penalty was chosen."""
        decays = optimizer.get_params(deep=False).get("weight_decay", 0) > 0
        return 0.0 if decays and self.penalty == "l2" and self.prior is None else 1e-3

    @property
    def _encodes_by_itself(self) -> bool:
        """True if the encoding is left to "auto", and no parameter is about the inputs as they are."""
        augmentations = self._resolve_several("augmentation")
        as_they_are = self.prior is not None or np.ndim(self.alpha) > 0 or any(a.changes_pixels for a in augmentations)
        is_linear = np.size(self.hidden_layer_sizes) == 0
        return isinstance(self.encoding, str) and self.encoding == "auto" and not as_they_are and not is_linear

    @property
    def _without_encoding(self) -> dict[str, Any]:
        if not self._encodes_by_itself:
            return {}
        scaled = {"input_scale": False} if self.input_scale == "auto" else {}
        return {"encoding": None, **scaled}

    def _widths(self) -> tuple[int, ...]:
        """Units of each hidden layer."""
        sizes = self.hidden_layer_sizes
        if isinstance(sizes, numbers.Integral):
            return (int(sizes),) * self.depth
        if self.depth != 1:
            raise ValueError(
                f"depth={self.depth} repeats one width: give hidden_layer_sizes as an int. Got {sizes!r} instead."
            )
        return tuple(int(size) for size in sizes)

    def _of_widths(self, widths: tuple[int, ...]) -> dict[str, Any]:
        """The constructor's arguments that change for hidden layers of other widths."""
        return {"hidden_layer_sizes": widths} | ({} if self.depth == 1 else {"depth": 1})

    def _activations(self, depth: int) -> tuple[Activation, ...]:
        """The activation of each hidden layer."""
        return self._resolve_layers("activation", depth)

    def _architecture(self, n_inputs: int, n_outputs: int) -> Architecture:
        widths = self._widths()
        depth = len(widths)
        activations = self._activations(depth)
        blocks = self._resolve_layers("layer", depth)
        check_pieces(activations, blocks)
        if self.initializer == "auto":
            # The output layer is linear: Glorot's, which the activations' default names too.
            names = [activation.initializer for activation in activations] + ["glorot_uniform"]
            initializers = tuple(_registry.initializers.resolve(name) for name in names)
        else:
            initializers = (self._resolve("initializer"),) * (depth + 1)
        encodes = self._encodes_by_itself
        dropouts = self.dropout if isinstance(self.dropout, (list, tuple, np.ndarray)) else [self.dropout] * depth
        if len(dropouts) != depth:
            raise ValueError(f"The 'dropout' parameter lists {len(dropouts)} entries for {depth} hidden layers.")
        return Architecture(
            n_inputs,
            widths,
            n_outputs,
            activations,
            self._resolve_layers("normalization", depth, optional=True),
            initializers,
            tuple(float(probability) for probability in (self.input_dropout, *dropouts)),
            self.dropout_mode == "inverted",
            blocks=blocks,
            encoding=None if not encodes and self.encoding == "auto" else self._resolve_optional("encoding"),
            category_encoding=self._resolve("category_encoding"),
            input_scale=encodes if self.input_scale == "auto" else bool(self.input_scale),
        )

    # Chosen by measurement: docs/defaults.md. The rate ends above zero, so that training can be gone on with.
    _auto = {
        **BaseNetwork._auto,
        "encoding": lambda: _registry.encodings.resolve("piecewise").with_params(n_bins=2, clip=5.0),
        "optimizer": lambda: _registry.optimizers.resolve("adamw").with_params(
            learning_rate=0.02, beta_1=0.8, beta_2=0.95, weight_decay=0.1
        ),
        "schedule": lambda: _registry.schedules.resolve("cosine").with_params(n_cycles=3, growth=2.0, end=0.03),
    }

    def _max_iter(self, optimizer: Optimizer) -> int:
        if isinstance(self.max_iter, str):
            return 200 if optimizer.full_batch else 21
        return int(self.max_iter)

    def _search_spaces(self) -> tuple[dict[str, Any], dict[str, Any]]:
        small = {
            "hidden_layer_sizes": [32, 128],  # few structures, each of which is a stack in a search
            "depth": [1, 2, 3],
            "optimizer__learning_rate": LogUniform(1e-3, 5e-2),
            "alpha": LogUniform(1e-6, 1e-1),
        }
        more = {
            "hidden_layer_sizes": [32, 64, 128, 256],
            "activation": ["relu", "tanh", "leaky_relu"],
            "normalization": [None, "batch", "layer"],
            "dropout": Uniform(0.0, 0.5),
            "input_dropout": [0.0, 0.0, 0.1, 0.2],
            "schedule": ["cosine", "one_cycle"],
            "batch_size": [16, 32, "auto"],
        }
        return small, more

    def _prior(self) -> Sequence[Any] | None:
        if self.prior is None:
            return None
        # A list holds one entry a layer; an array is the first layer's.
        return self.prior if isinstance(self.prior, (list, tuple)) else [self.prior]

    def _check_parameters(self, settings: Settings) -> None:
        super()._check_parameters(settings)
        random = np.any(np.asarray(self.dropout) > 0) or self.input_dropout > 0
        if self.dropout_schedule is not None and not random:
            raise ValueError(
                f"dropout_schedule={self.dropout_schedule!r} has no effect with dropout=0 and input_dropout=0. Leave "
                "it at None, or give a positive probability."
            )
        if self.dropout_schedule is not None and self.dropout_mode == "standard":
            raise ValueError(
                "dropout_mode='standard' scales by 1 - p at prediction, and with a dropout_schedule no p is that of "
                "all steps. Set dropout_mode='inverted'."
            )
        if random and settings.optimizer.full_batch:
            raise ValueError(
                f"Dropout makes the loss random, and optimizer={self.optimizer!r} needs the same loss at every call. "
                "Choose a first-order optimizer, such as 'adam', or set dropout=0 and input_dropout=0."
            )

    def _loss_of_task(self, tasks: tuple[str, ...], due: str) -> Any:
        """The loss, which must be for one of these tasks; `due` says what there is to learn, as a sentence."""
        loss = self._resolve("loss")
        if loss.task not in tasks:
            raise ValueError(
                f"The 'loss' parameter of {type(self).__name__}: {self.loss!r} is a loss for {LEARNED[loss.task]}, and "
                f"{due}. Use loss='auto'."
            )
        return loss

    def __sklearn_tags__(self) -> Any:
        return tag_tables(self, super().__sklearn_tags__())
