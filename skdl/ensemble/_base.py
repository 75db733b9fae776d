"""The base of the ensembles: validation, seeds, and the average of the members' predictions."""

from __future__ import annotations

from abc import ABCMeta, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils import get_tags
from sklearn.utils.metadata_routing import MetadataRouter
from sklearn.utils.validation import check_is_fitted

from skdl._callbacks_adapter import CallbackMixin
from skdl._constraints import Constraint, check_params
from skdl._diagnosis import is_frame
from skdl._estimator import RootEstimator
from skdl._search_space import SearchSpaceMixin
from skdl._validation import validate_label_targets, validate_table, validate_targets
from skdl._warnings import Warned, collecting, warn
from skdl.ensemble._routing import route, router_of
from skdl.ensemble._running_mean import RunningMean
from skdl.ensemble._sampling import select_columns
from skdl.neural.joint_prediction import JointPrediction


class Estimator(Constraint):
    """An object with `fit` and `predict`."""

    def accepts(self, value: Any) -> bool:
        return not isinstance(value, type) and hasattr(value, "fit") and hasattr(value, "predict")

    def __str__(self) -> str:
        return "an estimator (an instance with fit and predict)"


def root_entropy(random_state: Any) -> int:
    """The number that all of an ensemble's seeds come from; a RandomState gives one and moves on."""
    if isinstance(random_state, np.random.RandomState):
        return int(random_state.randint(2**31 - 1))
    entropy = np.random.SeedSequence(random_state).entropy
    return int(entropy)  # type: ignore[arg-type]  # the sequences that the stub has are not in `random_state`


def seed_of(entropy: int, *key: int) -> np.random.SeedSequence:
    """A stream that depends on its own key only: further members leave the earlier ones as they are."""
    return np.random.SeedSequence(entropy, spawn_key=key)


class BaseEnsemble(CallbackMixin, SearchSpaceMixin, RootEstimator, metaclass=ABCMeta):
    """Base of the estimators that average others."""

    _doc_page = "docs/ensembles.md"
    estimators_: list[Any]
    _constraints: dict[str, Constraint]
    _kind: str  # "classifier" or "regressor"
    _unseen_by = "Take an ensemble that keeps rows from its members."  # how to get rows that the members have not seen

    @abstractmethod
    def _templates(self) -> list[Any]:
        """The unfitted estimators that the members are made of."""

    @abstractmethod
    def _default(self) -> Any:
        """The estimator that None stands for."""

    @abstractmethod
    def _output_method(self, member: object) -> str:
        """The name of the method of a member whose result it contributes to the average."""

    @abstractmethod
    def _output(self, member: object, answer: np.ndarray) -> np.ndarray:
        """The contribution of a member whose `_output_method` has returned this."""

    def _search_spaces(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """That of the one estimator that the members are made of, if there is one that has any."""
        template = getattr(self, "estimator", None)
        if not isinstance(template, SearchSpaceMixin):
            return {}, {}
        small, large = (
            {f"estimator__{name}": values for name, values in space.items()} for space in template._search_spaces()
        )
        return small, large

    def _member_weights(self) -> np.ndarray:
        """Weights of the fitted members in the average."""
        return np.ones(len(self.estimators_))

    def _check_parameters(self) -> None:
        check_params(self, self._constraints)
        for template in self._templates():
            tags = tags_of(template)
            if tags is None or tags.estimator_type == self._kind:
                continue
            if tags.estimator_type is not None or tags.target_tags.multi_output:  # such as one of tasks of both kinds
                raise ValueError(
                    f"{type(self).__name__} averages {self._kind}s. Got {template!r}, which is not a {self._kind}."
                )

    def _check_data(self, X: Any, y: Any, *, reset: bool = True) -> tuple[Any, np.ndarray]:
        X = validate_table(self, X, reset=reset)
        return X, self._check_targets(X, y, multi_output=get_tags(self).target_tags.multi_output)

    @property
    def _takes_distances(self) -> bool:
        """True if the members take distances or kernels, of which X has a column for each row."""
        return bool(get_tags(self).input_tags.pairwise)

    def _check_square(self, X: Any) -> None:
        """Refuse an X that members of distances cannot learn from."""
        if self._takes_distances and X.shape[0] != X.shape[1]:
            raise ValueError(
                f"X in fit must be square, since a member of {type(self).__name__} takes distances or kernels: those "
                f"of each row from each row. Got shape {X.shape}."
            )

    def _check_targets(self, X: Any, y: Any, *, multi_output: bool) -> np.ndarray:
        if self._kind == "classifier":
            return validate_label_targets(self, X, y)
        return validate_targets(self, X, y, multi_output=multi_output)

    def _classes_of(self, y: np.ndarray, warm: bool) -> np.ndarray | None:
        """The labels of a classification, held to those that earlier members have learned."""
        return None

    def _checked(self, X: Any) -> Any:
        check_is_fitted(self)
        # Members of weight zero do not predict: the input that they would refuse is refused here.
        finite = not (self._member_weights().all() or get_tags(self).input_tags.allow_nan)
        return self._as_in_fit(validate_table(self, X, reset=False, finite=finite))

    def _as_in_fit(self, X: Any) -> Any:
        """X with names if the members have learned names, and without them if not.

        A warning that the names differ was given here, once; to filter those of the members would change the filters
        of other threads.
        """
        names = getattr(self, "feature_names_in_", None)
        if names is not None and isinstance(X, np.ndarray):
            return pd.DataFrame(X, columns=names, copy=False)
        strange = names is None and is_frame(X) and set(map(type, X.columns)) == {str}  # fit has no other names
        return X.to_numpy() if strange else X

    def _outputs(self, X: Any, which: Sequence[int] | None = None) -> Iterator[np.ndarray]:
        """The contributions of the members, or of those in `which`, to the average, one after the other."""
        members = dict(enumerate(self.estimators_))
        return self._outputs_of(members if which is None else {i: members[i] for i in which}, X)

    def _outputs_of(self, members: Mapping[int, Any], X: Any) -> Iterator[np.ndarray]:
        """The contributions of these members, which are given by their numbers."""
        methods = {i: self._output_method(member) for i, member in members.items()}
        of_all_columns = {i: member for i, member in members.items() if self._columns_of(i) is None}
        joint = JointPrediction(of_all_columns, methods, X)
        told: dict[Warned, None] = {}
        for i, member in members.items():
            with collecting() as found:
                answer = joint.output(i) if i in joint else getattr(member, methods[i])(self._seen_by(i, X))
                output = self._output(member, np.asarray(answer))
            told.update(dict.fromkeys(found))
            yield output
        for category, message in told:  # once, whatever the number of members
            warn(message, category)

    def _seen_by(self, i: int, X: Any) -> Any:
        """X as member i has learned it."""
        columns = self._columns_of(i)
        return X if columns is None else select_columns(X, columns)

    def _columns_of(self, i: int) -> np.ndarray | None:
        """The columns that member i has learned, None for all."""
        return None

    def _routed(self) -> Mapping[str, Any]:
        """The unfitted members by the names that metadata are routed to."""
        return {"estimator": self._templates()[0]}

    def get_metadata_routing(self) -> MetadataRouter:
        """The routes of metadata to the ensemble itself and to its members.

        Returns
        -------
        routing : MetadataRouter
            With a route of `fit` to each member's `fit`. The ensemble's own use of `sample_weight` needs no request:
            weights that a member has requested reach the ensemble, too.
        """
        return router_of(self, super().get_metadata_routing(), self._routed())

    def _route(self, params: Mapping[str, Any], weight: Any, *, used: bool = False) -> dict[str, dict[str, Any]]:
        """The metadata for each member's fit; `used` if the ensemble itself uses the weights: no member has to."""
        return route(self, self._routed(), params, weight, used=used)

    def __len__(self) -> int:
        check_is_fitted(self)
        return len(self.estimators_)

    def __getitem__(self, index: Any) -> Any:
        check_is_fitted(self)
        return self.estimators_[index]

    def __iter__(self) -> Iterator[Any]:
        check_is_fitted(self)
        return iter(self.estimators_)

    def _average(self, X: Any) -> np.ndarray:
        """The average over members, which are never held all at once."""
        X = self._checked(X)
        weights = self._member_weights()
        mean = RunningMean(weights)
        asked = np.flatnonzero(weights)  # members that were not selected do not predict
        for i, output in zip(asked, self._outputs(X, asked.tolist()), strict=True):
            mean.add(float(weights[i]), output)
        return mean.result()

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "estimators_")  # the columns' names alone, which a failed fit leaves, are not a model

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        members = [member for member in map(tags_of, self._templates()) if member is not None]
        if members:
            tags.input_tags.sparse = all(member.input_tags.sparse for member in members)
            tags.input_tags.allow_nan = all(member.input_tags.allow_nan for member in members)
            tags.input_tags.categorical = all(member.input_tags.categorical for member in members)
            tags.input_tags.positive_only = any(member.input_tags.positive_only for member in members)
            tags.input_tags.pairwise = any(member.input_tags.pairwise for member in members)
        return tags


def tags_of(estimator: object) -> Any:
    """The tags of an estimator; None for one without scikit-learn's base classes, of which nothing is known."""
    try:
        return get_tags(estimator)
    except (AttributeError, TypeError):
        return None
