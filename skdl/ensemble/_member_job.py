"""The job of one member of an ensemble: an unfitted estimator, and its part of the data."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.utils.validation import has_fit_parameter

from skdl._callbacks_adapter import has_callbacks
from skdl.engine import TrainingSpec
from skdl.ensemble._sampling import select_columns, select_rows
from skdl.neural.mlp_classifier import MLPClassifier
from skdl.neural.mlp_regressor import MLPRegressor
from skdl.neural.trainable import is_trainable


class ScoreRecord:
    """What a network predicts for its validation rows after each epoch that is evaluated.

    The scores are there anyway, as they decide when to stop. So predictions of each epoch cost no more than the memory.
    """

    def __init__(self) -> None:
        self._raw: list[np.ndarray] = []
        self._decode: Callable[[np.ndarray], np.ndarray] | None = None

    def __len__(self) -> int:
        return len(self._raw)

    def taken(self, member: TrainingSpec) -> TrainingSpec:
        """The training, which notes its scores here."""
        score = member.score
        if score is None:
            return member

        def noted(raw: np.ndarray) -> float:
            self._raw.append(raw.copy())
            return score(raw)

        return replace(member, score=noted)

    def end(self, decode: Callable[[np.ndarray], np.ndarray]) -> None:
        """The function from raw scores to predictions, which is known once the member is fitted."""
        self._decode = decode

    def of(self, evaluation: int) -> np.ndarray:
        """The predictions, or class probabilities, of this evaluation, from 1 on."""
        assert self._decode is not None
        return self._decode(self._raw[evaluation - 1])


@dataclass(frozen=True)
class MemberJob:
    """An unfitted member and its part of the data.

    Parameters
    ----------
    member : estimator
    rows : int array or None
        Its rows, with repetitions; None for all.
    columns : int array or None
        Its columns; None for all.
    weight : array of shape (n,) or None
        Weights of all rows, which its fit takes.
    params : mapping
        Other metadata for its fit.
    recipe : hashable
        Networks of one recipe, unless it is None, differ in random states and rows only: their data are prepared once.
    validation : int array or None
        Rows by which a network stops; None for some of its own that `early_stopping` sets apart, if it does.
    stopping : bool
        Whether anything may end the training of a network before its last epoch.
    training : callable or None
        From a network's `TrainingSpec` to the one that is trained.
    record : ScoreRecord or None
        Takes the scores of the validation rows after each epoch.
    is_needed : bool
        Whether it is an error if a network diverges in its first epoch; else it is not fitted, with a warning.
    """

    member: Any
    rows: np.ndarray | None = None
    columns: np.ndarray | None = None
    weight: np.ndarray | None = None
    params: Mapping[str, Any] = field(default_factory=dict)
    recipe: Hashable = None
    validation: np.ndarray | None = None
    stopping: bool = True
    training: Callable[[TrainingSpec], TrainingSpec] | None = None
    record: ScoreRecord | None = None
    is_needed: bool = True

    def table(self, X: Any) -> Any:
        """Its columns of X."""
        return X if self.columns is None else select_columns(X, self.columns)

    def fit(self, X: Any, y: np.ndarray) -> Any:
        """Fit the member by its own method to the rows, of a table that has its columns."""
        weight, params, n = self.weight, dict(self.params), len(y)
        if self.rows is not None:
            X, y = select_rows(X, self.rows), y[self.rows]
            weight = None if weight is None else weight[self.rows]
            params = select_rows_of(params, self.rows, n)
        if weight is not None:
            params["sample_weight"] = weight
        self.member.fit(X, y, **params)
        return self.member  # not what fit returns, which with some is nothing

    @property
    def is_stackable(self) -> bool:
        """True if the member may be trained in a stack: its fit takes rows and their weights alone."""
        return not self.params and is_trainable(self.member)


def select_rows_of(params: Mapping[str, Any], rows: np.ndarray, n: int) -> dict[str, Any]:
    """The metadata of a fit, those for each row cut to the `rows`; validation data have rows of their own."""

    def part(name: str, value: Any) -> Any:
        n_rows = (
            value.shape[0] if getattr(value, "shape", ()) else len(value) if isinstance(value, (list, tuple)) else -1
        )
        if n_rows != n or name.endswith("_val"):
            return value
        return [value[i] for i in rows] if isinstance(value, (list, tuple)) else select_rows(value, rows)

    return {name: part(name, value) for name, value in params.items()}


def seeded(estimator: Any, seed: np.random.SeedSequence, *, keep: bool = False) -> Any:
    """A clone in which every `random_state` is a number from `seed`; with `keep`, only those that were None."""
    member = clone(estimator)
    params = member.get_params(deep=True)
    names = sorted(name for name in params if name == "random_state" or name.endswith("__random_state"))
    states = dict(zip(names, map(int, seed.generate_state(len(names))), strict=True))
    chosen = {name: state for name, state in states.items() if not keep or params[name] is None}
    return member.set_params(**chosen) if chosen else member


def told_of_images(member: Any, owner: object) -> Any:
    """A member that is to learn all columns of its owner's rows; a network that may be told what images these are is.

    Members are given rows, whatever the owner was.
    """
    shape = getattr(owner, "image_shape_", None)
    if shape is None or getattr(member, "image_shape", shape) is not None:
        return member
    return member.set_params(image_shape=shape)


def check_takes_weight(estimator: object, owner: object) -> None:
    """Raise unless the estimator's fit takes `sample_weight`."""
    if not has_fit_parameter(estimator, "sample_weight"):
        raise ValueError(
            f"{type(owner).__name__} was given sample_weight, and the fit of its member {type(estimator).__name__} "
            "does not take it. Fit without it, or use members that take it."
        )


def is_mlp_without_callbacks(estimator: object) -> bool:
    """True for an estimator of which one training can give several members."""
    is_mlp = isinstance(estimator, (MLPClassifier, MLPRegressor)) and is_trainable(estimator)
    return is_mlp and not has_callbacks(estimator)
