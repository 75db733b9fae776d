"""Callbacks: what follows a training epoch by epoch, and may end it.

They are set with `network.set_callbacks(...)`, together with those of `sklearn.callback` (a `ProgressBar`, a
`ScoringMonitor`) and of your own. One instance serves any number of fits, one after the other or at the same time.
`EarlyStopping` and `TimeBudget` are propagated: set on a pipeline or a search, they reach each network inside, each of
whose fits they judge by itself; there they must be set on the outermost estimator. `Checkpoint` belongs to one network.
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from skdl._constraints import Boolean, Constraint, Instance, Integer, OneOf, Real, check_params
from skdl.engine import RECORD, gain

__all__ = ["Checkpoint", "EarlyStopping", "TimeBudget"]

EPOCH = "epoch"  # the name that networks give to these tasks


class _Callback:
    """Hooks that do nothing, and parameters that are checked where they are given."""

    _constraints: dict[str, Constraint] = {}

    def setup(self, estimator: Any, context: Any) -> None:
        """Called before a fit begins."""

    def teardown(self, estimator: Any, context: Any) -> None:
        """Called after a fit has ended, or failed."""

    def on_fit_task_begin(self, estimator: Any, context: Any) -> None:
        """Called before the fit and before each epoch."""

    def on_fit_task_end(self, estimator: Any, context: Any) -> bool:
        """Called after each epoch and after the fit; True ends the epochs."""
        return False

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={getattr(self, name)!r}" for name in self._constraints)
        return f"{type(self).__name__}({shown})"


def _is_epoch(context: Any) -> bool:
    """True for a task that is an epoch of a network; the fit is a task too, which ends after its last epoch."""
    return bool(context.task_name == EPOCH)


class EarlyStopping(_Callback):
    """End a training when what it monitors has not improved for a while.

    The weights of the last epoch are kept, with `restore_best` those of the best one. (Without it, a network that has
    validation rows, by `early_stopping=True` or given to fit, keeps those that scored best on them.)

    Parameters
    ----------
    monitor : str, default="loss"
        A column of the network's `history_`: "loss", "validation_loss", "validation_score", "gradient_norm", ...
        A score is to grow, everything else to fall.
    patience : int, default=10
        The fit ends after more than this many epochs in a row without progress, at least 1.
    min_delta : float, default=0.0
        An epoch that gains no more than this on the best value so far, in [0, inf), is without progress.
    restore_best : bool, default=False
        Whether the weights of the epoch that is best by `monitor` (of equals, the last) are the network's in the end,
        whatever ends the training.

    Notes
    -----
    It looks at the history of all epochs, so that a training that goes on (`partial_fit`, `warm_start`, a checkpoint)
    is judged as one. A fit that goes on after its patience had run out has it in full again.

    A fit of `early_stopping="refit"` ends with its first training where that is ended by a callback: its network is the
    one that was best on the validation rows, and no second training follows. Epochs that were not evaluated on these do
    not count for `monitor="validation_loss"`.

    With `restore_best`, `coefs_` are those of the best epoch, and so is `fitted_estimator` at any time; `history_` and
    `n_iter_` count all epochs. A training goes on from its last epoch, not from the best one, so that it can be resumed
    to the last bit.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from skdl import MLPClassifier
    >>> from skdl.callbacks import EarlyStopping
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> stopping = EarlyStopping(monitor="loss", patience=2, min_delta=0.01)
    >>> mlp = MLPClassifier((16,), max_iter=200, random_state=0).set_callbacks(stopping).fit(X, y)
    >>> mlp.n_iter_ < mlp.max_iter
    True

    With validation rows, the weights of the least validation loss:

    >>> stopping = EarlyStopping("validation_loss", patience=5, restore_best=True)
    >>> mlp = MLPClassifier((16,), early_stopping=True, n_iter_no_change=300, max_iter=300, random_state=0)
    >>> history = mlp.set_callbacks(stopping).fit(X, y).history_
    >>> bool(history["validation_loss"].idxmin() == len(history) - 7)  # more than five epochs were no better
    True
    """

    max_propagation_depth = None  # through pipelines and searches to every network
    _constraints = {
        "monitor": OneOf(*(name for name in RECORD if name not in ("epoch", "seconds"))),
        "patience": Integer(1),
        "min_delta": Real(0),
        "restore_best": Boolean(),
    }

    def __init__(
        self, monitor: str = "loss", *, patience: int = 10, min_delta: float = 0.0, restore_best: bool = False
    ):
        self.monitor = monitor
        self.patience = patience
        self.min_delta = min_delta
        self.restore_best = restore_best
        check_params(self, self._constraints)

    @property
    def keeps(self) -> str | None:
        """The column of the history whose best epoch's weights the network is to keep."""
        return self.monitor if self.restore_best else None

    def on_fit_task_end(self, estimator: Any, context: Any, *, fitted_estimator: Any = None) -> bool:
        training = getattr(fitted_estimator, "_training", None)
        if training is None or not _is_epoch(context):  # another estimator of a pipeline, or the fit itself
            return False
        progress = training.state.progress[0]
        now_and_then = getattr(estimator, "early_stopping", None) == "refit"
        return self._waited(progress.history, progress.first_epoch, now_and_then) > self.patience

    def _waited(self, history: Sequence[dict[str, Any]], first_epoch: int, is_judged_now_and_then: bool) -> int:
        """Epochs in a row without progress; `first_epoch` of them were before this fit."""
        best, waited = -math.inf, 0
        for i, record in enumerate(history):
            if i == first_epoch and waited > self.patience:
                waited = 0
            value = record[self.monitor]
            if value is None and is_judged_now_and_then:
                continue
            if value is None:
                raise ValueError(
                    f"EarlyStopping cannot monitor {self.monitor!r}: this training has none. Validation needs rows "
                    "(early_stopping=True, or X_val and y_val given to fit), and a learning rate a first-order "
                    "optimizer."
                )
            found = gain(self.monitor, value)
            waited = 0 if found > best + self.min_delta else waited + 1
            best = max(best, found)
        return waited


class TimeBudget(_Callback):
    """End a training after the first epoch that ends later than its budget.

    The network's parameter `max_time` does the same. In a search each fit has the whole budget.

    Parameters
    ----------
    seconds : float
        Time from the beginning of a network's fit, in (0, inf). At least one epoch is trained.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skdl import MLPClassifier
    >>> from skdl.callbacks import TimeBudget
    >>> X, y = load_digits(return_X_y=True)
    >>> mlp = MLPClassifier(max_iter=10_000, random_state=0)
    >>> mlp.set_callbacks(TimeBudget(0.2)).fit(X, y).n_iter_ < 1000
    True
    """

    max_propagation_depth = None
    _constraints = {"seconds": Real(0, open_low=True)}

    def __init__(self, seconds: float):
        self.seconds = seconds
        check_params(self, self._constraints)

    def on_fit_task_end(self, estimator: Any, context: Any) -> bool:
        if context.parent is None or not _is_epoch(context):
            return False
        passed: float = (datetime.now(UTC) - context.parent.init_time).total_seconds()
        return passed >= self.seconds


class Checkpoint(_Callback):
    """Write the whole state of a training to a file, from which `load_checkpoint` goes on to the very same end.

    A file is written when an epoch begins, from the state that the last one left, and when the fit ends. It replaces
    the one before in a single step: a process that is killed at any time leaves a whole file.

    Parameters
    ----------
    path : str or path-like
        The file, in a folder that exists; see `save_checkpoint` of the network for what it holds.
    every : int, default=1
        Number of epochs between two files, at least 1.

    Notes
    -----
    A checkpoint is that of one network: set it on the network itself, also inside a pipeline. Clones, as in a search or
    a cross-validation, would all write to the one file.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from sklearn.datasets import load_iris
    >>> from skdl import SoftmaxClassifier
    >>> from skdl.callbacks import Checkpoint
    >>> X, y = load_iris(return_X_y=True)
    >>> path = Path(tempfile.mkdtemp()) / "softmax.npz"
    >>> softmax = SoftmaxClassifier().set_callbacks(Checkpoint(path, every=10)).fit(X, y)
    >>> copy = SoftmaxClassifier().load_checkpoint(path)
    >>> bool((copy.predict_proba(X) == softmax.predict_proba(X)).all())
    True
    """

    _constraints = {"path": Instance(str, os.PathLike), "every": Integer(1)}

    def __init__(self, path: str | os.PathLike[str], *, every: int = 1):
        self.path = path
        self.every = every
        check_params(self, self._constraints)

    def setup(self, estimator: Any, context: Any) -> None:
        if not hasattr(estimator, "save_checkpoint"):
            raise TypeError(
                f"A Checkpoint is that of one network. Set it on the network itself, not on {type(estimator).__name__}."
            )

    def on_fit_task_begin(self, estimator: Any, context: Any, *, fitted_estimator: Any = None) -> None:
        if fitted_estimator is not None and fitted_estimator.n_iter_ % self.every == 0:
            fitted_estimator.save_checkpoint(self.path)

    def on_fit_task_end(self, estimator: Any, context: Any, *, fitted_estimator: Any = None) -> bool:
        # Of an epoch the next one writes, if there is one: what has ended the training is known only then.
        if fitted_estimator is not None and not _is_epoch(context):
            fitted_estimator.save_checkpoint(self.path)
        return False
