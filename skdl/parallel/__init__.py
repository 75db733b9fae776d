"""Concurrent fits trained as one computation: a backend for joblib, under which the fits of a search meet.

    with joblib.parallel_config(backend="skdl"):
        GridSearchCV(pipeline, grid).fit(X, y)

Importing skdl registers it. See `StackBackend` for its settings.
"""

from skdl.parallel.backend import StackBackend

__all__ = ["StackBackend"]
