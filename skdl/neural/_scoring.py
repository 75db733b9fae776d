"""How an epoch is judged on validation rows: the estimator's own score, the loss, or any scorer of scikit-learn."""

from __future__ import annotations

import copy
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
from sklearn.base import is_regressor
from sklearn.metrics import check_scoring, get_scorer_names

from skdl._words import nearest
from skdl.engine import Rows

NAMES = [*get_scorer_names(), "loss"]


def validation_score(
    network: Any, data: Any, rows: Rows, loss: Any, output_map: tuple[np.ndarray, np.ndarray] | None
) -> Callable[[np.ndarray], float]:
    """From raw scores of the validation rows to a number, larger is better; `data` holds their y, and `rows` their X.

    Where the score cannot tell two networks apart, it is NaN or constant, and the loss decides, see `judge`.
    """
    scoring = network._option("scoring")
    if scoring is None or (scoring == "r2" and network._default_scoring == "r2"):
        return network._scorer(data.y, data.weight, data.encoding)
    if scoring == "loss":
        share = np.ones(len(data.y)) if data.weight is None else data.weight
        weight = (share / share.sum()).astype(data.dtype)[None, :, None]
        return lambda raw: -float(loss.value_and_gradient(raw[None].copy(), data.targets[None], weight)[0][0])
    if isinstance(scoring, str) and scoring not in NAMES:
        raise ValueError(
            f"scoring={scoring!r} is not the name of a scorer of scikit-learn, nor 'loss'.{nearest(scoring, NAMES)} "
            "sklearn.metrics.get_scorer_names() lists them."
        )
    scorer = check_scoring(network, scoring=scoring)
    weights = {} if data.weight is None else {"sample_weight": data.weight}
    X = rows.X if rows.index is None else rows.X[rows.index]
    answers: list[float] = []

    def score(raw: np.ndarray) -> float:
        if answers and not np.isfinite(answers[0]):
            return np.nan  # it is not defined on these rows: it need not say so in every epoch
        if output_map is not None:
            raw = raw * output_map[0] + output_map[1]
        answers.append(asked(raw))
        return answers[-1]

    def asked(raw: np.ndarray) -> float:
        try:
            return float(scorer(_answering(network, data.encoding, raw), X, data.y, **weights))
        except (AttributeError, TypeError, ValueError) as error:
            raise ValueError(f"scoring={scoring!r} cannot judge {type(network).__name__}: {error}") from error

    if isinstance(scoring, str) and is_regressor(network) and len(data.y) > 1:
        asked(np.zeros(data.targets.shape, data.dtype))  # before any work: most scorers are for classifiers
    return score


def _answering(network: Any, encoding: Any, raw: np.ndarray) -> Any:
    """A stand-in for the network as it is in this epoch: it answers any question with the scores that are known."""
    stand_in = copy.copy(network)
    stand_in._training = SimpleNamespace(encoding=encoding)
    if hasattr(encoding, "classes"):
        stand_in.classes_ = encoding.classes
    stand_in._validated = lambda X: X
    stand_in._raw_scores = lambda X: raw
    return stand_in
