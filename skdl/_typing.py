"""Types of what users give, for the signatures of constructors and methods."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from os import PathLike
from typing import Any, Literal, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy import sparse

from skdl._protocols import (
    Activation,
    Augmentation,
    Block,
    CategoryEncoding,
    Initializer,
    Loss,
    Normalization,
    NumberEncoding,
    Optimizer,
    Penalty,
    Schedule,
)

MatrixLike: TypeAlias = npt.ArrayLike | sparse.sparray | sparse.spmatrix  # frames are array-like
VectorLike: TypeAlias = npt.ArrayLike
ClassesLike: TypeAlias = npt.ArrayLike | Sequence[npt.ArrayLike]
TasksLike: TypeAlias = Any  # a frame, or an array, of a column for each task
WeightLike: TypeAlias = npt.ArrayLike | float
ActivationLike: TypeAlias = str | Activation
Activations: TypeAlias = str | Activation | Sequence[str | Activation]
Augmentations: TypeAlias = str | Augmentation | Sequence[str | Augmentation]
Blocks: TypeAlias = str | Block | Sequence[str | Block]
NumberEncodingLike: TypeAlias = str | NumberEncoding
CategoryEncodingLike: TypeAlias = str | CategoryEncoding
Normalizations: TypeAlias = str | Normalization | Sequence[str | Normalization | None]
InitializerLike: TypeAlias = str | Initializer
LossLike: TypeAlias = str | Loss
OptimizerLike: TypeAlias = str | Optimizer
PenaltyLike: TypeAlias = str | Penalty | Sequence[str | Penalty]
ScheduleLike: TypeAlias = str | Schedule
Factors: TypeAlias = Mapping[str, float]
PriorLike: TypeAlias = npt.ArrayLike | Sequence[npt.ArrayLike | None]
CategoricalLike: TypeAlias = str | Sequence[bool] | Sequence[int] | Sequence[str] | npt.ArrayLike
ClassWeight: TypeAlias = Mapping[Any, float] | Sequence[Mapping[Any, float]] | str
Scoring: TypeAlias = str | Callable[..., float]
TaskName: TypeAlias = str | int  # that of a column of y
TaskKinds: TypeAlias = Mapping[Any, str]
TaskLosses: TypeAlias = Mapping[Any, LossLike]
TaskWeights: TypeAlias = Mapping[Any, float] | Sequence[float]
TaskClasses: TypeAlias = Mapping[Any, ClassesLike]
# Configurations of networks, and folds; what else of an object is asked for is checked where they are used.
FrozenLayers: TypeAlias = str | int | Sequence[str | int]
PortfolioLike: TypeAlias = str | Sequence[object] | Mapping[str, object]
Folds: TypeAlias = Iterable[tuple[Any, Any]] | object
RandomStateLike: TypeAlias = int | np.random.RandomState
VoteLike: TypeAlias = str | Callable[[np.ndarray], npt.ArrayLike] | None


class EstimatorLike(Protocol):
    """An instance with `fit` and `predict`, such as every classifier and regressor of scikit-learn."""

    @property
    def fit(self) -> Callable[..., object]: ...

    @property
    def predict(self) -> Callable[..., object]: ...


# A fitted network, or the path of a checkpoint of one.
InitLike: TypeAlias = EstimatorLike | str | PathLike[str]
Members: TypeAlias = Sequence[tuple[str, EstimatorLike | Literal["drop"]]]
