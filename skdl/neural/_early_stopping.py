"""Validation rows: given ones, those that are set apart from the training rows, and how an epoch is scored on them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.base import is_regressor

from skdl._apart import set_apart
from skdl._diagnosis import is_frame
from skdl._encoding import Labels
from skdl._encoding.arrays import listed
from skdl._protocols import Loss
from skdl._typing import Scoring
from skdl._warnings import warn
from skdl._words import nearest
from skdl.engine import Dataset
from skdl.neural._epoch_estimator import EpochEstimator
from skdl.neural._kind import NetworkKind
from skdl.neural.encoded_data import EncodedData

# Scores that are not defined where the rows hold one class.
OF_SEVERAL_CLASSES = (
    "average_precision",
    "roc_auc",
    "roc_auc_ovo",
    "roc_auc_ovo_weighted",
    "roc_auc_ovr",
    "roc_auc_ovr_weighted",
)
Score = Callable[[np.ndarray], float]  # from raw scores of the validation rows to a number, larger is better


def check_alike(X: Any, X_val: Any, *, by_name: bool = False) -> None:
    """Raise for validation rows that cannot have come the way of the training rows, as far as it shows.

    Columns that are found `by_name` may be in another order.
    """
    frames = {name: is_frame(rows) for name, rows in (("X", X), ("X_val", X_val))}
    if frames["X"] != frames["X_val"]:
        words = {name: "a frame" if frame else "an array" for name, frame in frames.items()}
        reason = f"X_val is {words['X_val']}, and X {words['X']}"
    elif frames["X"] and _columns_differ(X, X_val, by_name):
        without = [name for name in X.columns if name not in set(X_val.columns)]
        besides = [name for name in X_val.columns if name not in set(X.columns)]
        differ = f"without {listed(without)}, with {listed(besides)}" if without or besides else "in another order"
        reason = f"X_val has other columns than X ({differ})"
    elif np.ndim(X) == np.ndim(X_val) == 2 and np.shape(X)[1] != np.shape(X_val)[1]:
        reason = f"X_val has {np.shape(X_val)[1]} columns, and X {np.shape(X)[1]}"
    else:
        return
    raise ValueError(
        f"{reason}: validation rows must be as the training rows are. In a Pipeline they do not pass the steps before "
        "the network by themselves: ask for it by Pipeline(..., transform_input=['X_val']) and "
        "set_fit_request(X_val=True, y_val=True) of the network, as docs/networks.md shows."
    )


def _columns_differ(X: Any, X_val: Any, by_name: bool) -> bool:
    one, other = list(X.columns), list(X_val.columns)
    return Counter(one) != Counter(other) if by_name else one != other


def split(
    data: EncodedData,
    index: np.ndarray | None,
    fraction: float,
    generator: np.random.Generator,
    *,
    is_sample: bool,
    required: bool,
) -> tuple[np.ndarray | None, np.ndarray | None]:
    """Training and validation rows, from a stream of their own: initial weights do not depend on the split.

    Of a sample with repetitions, only rows that occur once may validate: a copy of a training row would leak. A
    sample in which no row may is trained on without any; where validation rows are not `required`, so is all else.
    """
    everything, repeated = index, np.empty(0, np.intp)
    if index is None:
        index = np.arange(data.X.shape[0])
    size = math.ceil(fraction * len(index))
    rows, counts = np.unique(index, return_counts=True)
    if len(rows) < len(index):
        once = np.isin(index, rows[counts == 1])
        index, repeated = index[once], index[~once]
    # The stream's first child, whatever was spawned before: a training that goes on sets the same rows apart.
    seed: Any = generator.bit_generator.seed_seq
    stream = np.random.default_rng(np.random.SeedSequence(seed.entropy, spawn_key=(*seed.spawn_key, 0)))
    random = np.random.RandomState(int(stream.integers(2**31)))
    strata = data.encoding.strata(data.y[index])
    training, validation = set_apart(size, random, mass=np.ones(len(index)), strata=strata)
    if not len(validation):
        if required:
            _report_no_validation_rows(fraction, len(rows), strata, is_sample)
        return everything, None
    return np.concatenate([index[training], repeated]), index[validation]


def _report_no_validation_rows(fraction: float, n_rows: int, strata: np.ndarray | None, is_sample: bool) -> None:
    """Raise where no row can be spared to validate; for a sample that an ensemble has drawn, warn."""
    of_classes = "" if strata is None else " of each class"
    reason = f"early_stopping=True sets rows apart for validation, and one row{of_classes} has to stay in it"
    if is_sample:
        warn(f"{reason}: where a sample has no other, its member is trained without early_stopping.")
        return
    held = f"{n_rows} row{'s' * (n_rows != 1)}"
    if strata is not None:
        held += f" of {len(np.unique(strata))} classes"
    raise ValueError(
        f"{reason}: none of the {held} can be spared (validation_fraction={fraction}). Give more rows, or validation "
        "rows of your own as X_val and y_val, or set early_stopping=False."
    )


def validation_score(
    network: NetworkKind,
    scoring: Scoring | None,
    data: EncodedData,
    rows: Dataset,
    loss: Loss,
    output_map: tuple[np.ndarray, np.ndarray] | None,
) -> Score:
    """The score by the loss, or by a scorer of scikit-learn; `data` holds the validation rows' y, and `rows` their X.

    Where the score cannot tell two networks apart, it is NaN or constant, and the loss decides, see the engine.
    """
    if scoring == "loss":
        weight = (data.counts / data.counts.sum()).astype(data.dtype)[None, :, None]
        loss = loss.for_rows(data.targets[None], weight)
        return lambda raw: -float(loss.value_and_gradient(raw[None].copy(), data.targets[None], weight)[0][0])
    from sklearn.metrics import check_scoring, get_scorer_names

    names = [*get_scorer_names(), "loss"]
    if isinstance(scoring, str) and scoring not in names:
        raise ValueError(
            f"scoring={scoring!r} is not the name of a scorer of scikit-learn, nor 'loss'.{nearest(scoring, names)} "
            "sklearn.metrics.get_scorer_names() lists them."
        )
    if scoring in OF_SEVERAL_CLASSES and isinstance(data.encoding, Labels) and np.ptp(data.encoding.codes(data.y)) == 0:
        return lambda raw: np.nan  # of which scikit-learn would warn in every epoch, beside our own warning
    scorer = check_scoring(network, scoring=scoring)
    X = rows.X if rows.index is None else rows.X[rows.index]
    y = network._as_given(data.y, data.encoding)
    is_plain = data.weight is None or (data.weight == 1).all()  # where rows of weight zero are left out
    weights = {} if is_plain else {"sample_weight": data.weight}
    scores: list[float] = []

    def score(raw: np.ndarray) -> float:
        if scores and not np.isfinite(scores[0]):
            return np.nan  # it is not defined on these rows: one warning is enough
        if output_map is not None:
            raw = raw * output_map[0] + output_map[1]
        scores.append(scored(raw))
        return scores[-1]

    def scored(raw: np.ndarray) -> float:
        try:
            return float(scorer(EpochEstimator(network, data.encoding, raw), X, y, **weights))
        except (AttributeError, TypeError, ValueError) as error:
            raise ValueError(f"scoring={scoring!r} cannot score {type(network).__name__}: {error}") from error

    if isinstance(scoring, str) and is_regressor(network) and len(data.y) > 1:
        scored(np.zeros(data.targets.shape, data.dtype))  # before any work: most scorers are for classifiers
    return score
