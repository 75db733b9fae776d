"""Interrupts (Ctrl-C) leave an estimator fitted as far as its training has come, or as it was before.

The rule: what is complete is kept, and the KeyboardInterrupt is raised again, so that it ends whatever called the fit,
a search or a script; nothing takes an interrupted fit for a finished one. An interrupt comes to the main thread between
any two instructions. So what belongs together is written in one of them, and what follows a training is short, and is
done once more where the interrupt fell into it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, TypeVar, cast

import numpy as np

from skdl._warnings import filters, put_back

Fit = TypeVar("Fit", bound=Callable[..., Any])
COLUMNS = ("n_features_in_", "feature_names_in_", "image_shape_")  # written by validation before there is a model
_ABSENT = object()


class _Held(threading.local):
    def __init__(self) -> None:
        self.releases: list[Callable[[], None]] = []


_held = _Held()


def held() -> list[Callable[[], None]]:
    """Functions that release, each once, what this thread holds of the process's settings."""
    return _held.releases


def to_the_end(function: Callable[[], object]) -> KeyboardInterrupt | None:
    """Do something short to its end; returns the interrupt that fell into it, after which it was done once more."""
    try:
        function()
    except KeyboardInterrupt as interrupt:
        function()
        return interrupt
    return None


def interrupted(interrupt: KeyboardInterrupt | None, note: str) -> KeyboardInterrupt:
    """The interrupt, or one for a training that has said so, with a note for the user."""
    interrupt = KeyboardInterrupt() if interrupt is None else interrupt
    interrupt.add_note(note)
    return interrupt


@contextmanager
def columns_kept(estimator: Any) -> Iterator[None]:
    """Put back the columns that an estimator knows, if there is no new model that has learned others.

    The model is stored inside, for an interrupt between the training and that must find the columns put back, too.
    """
    before = dict(vars(estimator))
    try:
        with _told(estimator, unless=lambda: _has_new_model(estimator, before)):
            yield
    except BaseException:
        if not _has_new_model(estimator, before):
            for name in COLUMNS:
                vars(estimator).pop(name, None)
            vars(estimator).update({name: before[name] for name in COLUMNS if name in before})
        raise


def _has_new_model(estimator: Any, before: dict[str, Any]) -> bool:
    """True if attributes of a fitted model, beside its columns, are others than before."""
    now = vars(estimator)
    names = {name for name in (*now, *before) if name.endswith("_") and name not in COLUMNS}
    return any(now.get(name, _ABSENT) is not before.get(name, _ABSENT) for name in names)


def whole(fit: Fit) -> Fit:
    """A fit that ends with a model or, by whatever is raised in it, with the estimator as it was before.

    One that was interrupted and has kept what it had learned returns the interrupt, which is then raised.
    """

    @wraps(fit)
    def wrapped(self: Any, *args: Any, **kwargs: Any) -> Any:
        before = dict(vars(self))
        try:
            with _told(self):
                found = fit(self, *args, **kwargs)
        except BaseException:
            self.__dict__ = before
            raise
        if isinstance(found, KeyboardInterrupt):
            raise found
        return found

    return cast(Fit, wrapped)


@contextmanager
def _told(estimator: Any, unless: Callable[[], bool] = lambda: False) -> Iterator[None]:
    """Note on an interrupt that has no note yet that the estimator is as it was before, `unless` it is not.

    NumPy's handling of errors, the filters of warnings, and what is `held` are put back: an interrupt may fall between
    the setting of them and the body that it is for, or between that and its end.
    """
    errors, n_held, found = np.geterr(), len(held()), filters()
    try:
        yield
    except KeyboardInterrupt as interrupt:
        put_back(found)
        if not hasattr(interrupt, "__notes__"):
            state = "fitted" if unless() else "as it was before"
            interrupted(interrupt, f"{type(estimator).__name__} was interrupted, and is {state}.")
        raise
    finally:  # an interrupt that the training has kept is not raised here
        while len(held()) > n_held:
            held().pop()()
        np.seterr(**errors)
