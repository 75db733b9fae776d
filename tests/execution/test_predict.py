"""Prediction, whose blocks of rows threads take."""

import numpy as np
from numpy.testing import assert_array_equal
from threadpoolctl import threadpool_limits

from skdl import MLPClassifier
from skdl._threads import blas_threads
from skdl.layers import Sequential


def test_predictions_of_large_networks_do_not_depend_on_the_threads_of_blas(monkeypatch):
    """In a process BLAS has one thread; blocks of rows are taken by our own, with one each."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(1300, 64)), rng.integers(0, 3, 1300)
    network = MLPClassifier((80,), max_iter=1, random_state=0).fit(X, y)
    seen, found = set(), {}
    forward = Sequential.forward

    def watched(self, x, *arguments):
        seen.add((x.shape[1], blas_threads()))
        return forward(self, x, *arguments)

    monkeypatch.setattr(Sequential, "forward", watched)
    for n_threads in (1, 2):
        with threadpool_limits(n_threads, "blas"):
            found[n_threads] = network.predict_proba(X)
    assert seen == {(256, 1), (20, 1)}
    assert_array_equal(found[1], found[2], strict=True)
