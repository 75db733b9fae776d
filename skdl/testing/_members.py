"""Stacking never changes a result: members trained together against the same fits alone."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import fields, replace
from typing import Any

import numpy as np
from sklearn.base import clone

from skdl.engine import TrainingResult, TrainingSpec
from skdl.execution import train_members
from skdl.neural.refitting import train_fits
from skdl.neural.trainable import trainable


def check_members(members: Sequence[TrainingSpec], n_threads: int = 1) -> list[TrainingResult]:
    """Check that each member of the engine ends in the same bits together with the others as alone.

    Compared is all that a training leaves, except for times: weights, buffers, the optimizer's memory, the number of
    steps, the record of each epoch, the best weights, the state of the random numbers, the reason for the end.

    Parameters
    ----------
    members : list of TrainingSpec
        Left as they are: the training uses copies of their generators.
    n_threads : int, default=1
        Threads for the members together; alone is always one.

    Returns
    -------
    outcomes : list of TrainingResult
        Of the members together.

    Raises
    ------
    AssertionError
        For the first difference.

    Examples
    --------
    >>> import numpy as np
    >>> from skdl import activations, initializers, losses, optimizers, penalties, schedules
    >>> from skdl.engine import TrainingSpec, Dataset
    >>> from skdl.layers.architecture import Architecture
    >>> from skdl.testing import check_members
    >>> rows = Dataset(np.linspace(-1, 1, 20, dtype=np.float32)[:, None], np.ones((20, 1), np.float32))
    >>> network = Architecture(1, (3,), 1, (activations.Tanh(),), (None,), (initializers.HeNormal(),) * 2, (0.0, 0.0))
    >>> def spec(seed):
    ...     return TrainingSpec(
    ...         network, losses.SquaredError(), penalties.L2(), optimizers.Adam(), schedules.Constant(), alpha=1e-4,
    ...         rows=rows, batch_size=8, dtype=np.float32, generator=np.random.default_rng(seed), n_epochs=2,
    ...         max_epochs=2)
    >>> [outcome.stop_reason for outcome in check_members([spec(0), spec(1)])]
    ['max_iter', 'max_iter']
    """
    together = train_members([_fresh(member) for member in members], n_threads)
    for i, (member, outcome) in enumerate(zip(members, together, strict=True)):
        [alone] = train_members([_fresh(member)])
        expected = _facts(alone)
        for name, fact in _facts(outcome).items():
            _require_equal(fact, expected[name], f"member {i} of {len(members)}", name)
    return together


def check_estimator_members(estimators: Sequence[Any], X: Any, y: Any, sample_weight: Any = None) -> None:
    """Check that network estimators trained as one stack end in the same bits as when each is fitted alone.

    Parameters
    ----------
    estimators : list of network estimators
        Unfitted ones; left as they are. Give each an int as `random_state`.
    X, y, sample_weight : array-like
        Training data for all of them.

    Raises
    ------
    AssertionError
        For the first attribute (`coefs_`, `loss_curve_`, ...) that differs.

    Examples
    --------
    >>> import numpy as np
    >>> from skdl import MLPRegressor
    >>> from skdl.testing import check_estimator_members
    >>> X = np.random.default_rng(0).normal(size=(40, 3))
    >>> check_estimator_members([MLPRegressor(5, max_iter=3, random_state=i) for i in range(3)], X, X[:, 0])
    """
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a short fit need not converge
        alone = [clone(estimator).fit(X, y, sample_weight) for estimator in estimators]
        fits = [trainable(clone(estimator)) for estimator in estimators]
        prepared = [fit.prepare(X, y, sample_weight) for fit in fits]
        members = [fit.spec(data) for fit, data in zip(fits, prepared, strict=True)]
        trained = train_fits(fits, prepared, members)
    for i, (fit, data, (member, outcome)) in enumerate(zip(fits, prepared, trained, strict=True)):
        fit.store(member, data, outcome)
        expected = _attributes(alone[i])
        found = _attributes(fit.network)
        if found.keys() != expected.keys():
            raise AssertionError(f"estimator {i}: attributes {sorted(found)}, must be {sorted(expected)}")
        for name, value in found.items():
            _require_equal(value, expected[name], f"estimator {i} of {len(estimators)}", name)


def _fresh(member: TrainingSpec) -> TrainingSpec:
    return replace(member, generator=deepcopy(member.generator))


def _facts(outcome: TrainingResult) -> dict[str, Any]:
    """All that an outcome holds, except for times: each field of its state and of its progress."""
    state, [progress] = _fields(outcome.state), map(_fields, outcome.state.progress)
    del state["progress"], progress["started"]
    state["generators"] = [repr(each.bit_generator.state) for each in state["generators"]]
    memory = {f"optimizer's {name}": array for name, array in state.pop("optimizer_state").items()}
    progress["history"] = [repr({**record, "seconds": None}) for record in progress["history"]]
    progress["first_score"] = repr(progress["first_score"])  # NaN is equal to NaN
    last = {f"last {name}": value for name, value in state.items()}
    return {
        "stop_reason": outcome.stop_reason,
        "weights": outcome.theta,
        "buffers": outcome.buffers,
        **memory,
        **last,
        **progress,
    }


def _fields(of: Any) -> dict[str, Any]:
    return {each.name: getattr(of, each.name) for each in fields(of)}


def _attributes(estimator: Any) -> dict[str, Any]:
    return {name: value for name, value in vars(estimator).items() if name.endswith("_") and not name.startswith("_")}


def _require_equal(found: Any, expected: Any, who: str, name: str) -> None:
    """Require equal bits of arrays, of lists of arrays, or equal values."""
    if isinstance(found, list) and isinstance(expected, list) and len(found) == len(expected):
        for a, b in zip(found, expected, strict=True):
            _require_equal(a, b, who, name)
    elif isinstance(found, np.ndarray) and isinstance(expected, np.ndarray):
        equal = found.shape == expected.shape and found.dtype == expected.dtype
        alike = np.array_equal(found, expected) if found.dtype.hasobject else found.tobytes() == expected.tobytes()
        if not (equal and alike):  # the bytes of objects are their addresses
            detail = f"{found.dtype} {found.shape}, alone {expected.dtype} {expected.shape}"
            if equal and found.dtype.kind == "f":
                detail = f"largest difference {np.abs(found - expected).max():.1e}, must be 0 bit for bit"
            raise AssertionError(f"{who} differs from its lone fit: {name}: {detail}")
    elif found != expected or type(found) is not type(expected):
        raise AssertionError(f"{who} differs from its lone fit: {name}: {found!r}, alone {expected!r}")
