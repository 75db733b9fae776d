"""Several fitted networks that predict the same rows: the input is checked once.

To check a few rows takes longer than to send them through. Bits are those of each network alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from skdl.neural._base import BaseNetwork

METHODS = ("_validated", "_raw_scores")  # by which a network predicts from the scores of its layers


class JointPrediction:
    """Networks that predict the same rows.

    Parameters
    ----------
    members : mapping from int to estimator
        Fitted. Those of them that are networks which have learned the columns of the first one, and predict as the base
        does, are taken; the others, which this object does not contain, have to predict one by one.
    methods : mapping from int to str
        The name of the method that each is to predict by, such as "predict_proba".
    X : array, sparse matrix or frame
        The rows.
    """

    def __init__(self, members: Mapping[int, object], methods: Mapping[int, str], X: Any):
        decoders = {i: _decoder(each, methods[i]) for i, each in members.items()}
        first: Any = next((members[i] for i, decoder in decoders.items() if decoder), None)
        self._decoders = {
            i: (members[i], decoder)
            for i, decoder in decoders.items()
            if decoder and (first is members[i] or see_alike(first, members[i]))
        }
        self._X: Any = None if first is None else first._validated(X)

    def __contains__(self, i: int) -> bool:
        return i in self._decoders

    def output(self, i: int) -> np.ndarray:
        """The predictions, or class probabilities, of network i."""
        network: Any
        network, decoder = self._decoders[i]
        decoded: np.ndarray = getattr(network, decoder)(network._raw_scores(self._X))
        return decoded


def _decoder(member: object, method: str) -> str:
    """The name of the method that turns raw scores into the result of `method`; empty for a member that has none."""
    if not isinstance(member, BaseNetwork) or method in vars(member):
        return ""
    kind = type(member)
    if any(getattr(kind, name) is not getattr(BaseNetwork, name) for name in METHODS):
        return ""
    return getattr(getattr(kind, method, None), "decode", "")


def see_alike(first: Any, second: Any) -> bool:
    """True for two networks that make the same matrix of rows: of columns that they have learned as the same."""
    one: Any = getattr(first, "feature_names_in_", None)
    other: Any = getattr(second, "feature_names_in_", None)
    same = first.n_features_in_ == second.n_features_in_ and (one is other or np.array_equal(one, other))
    return same and first._schema == second._schema and first._missing == second._missing
