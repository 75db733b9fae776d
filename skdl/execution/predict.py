"""Prediction: one member's layers, block by block of rows, which threads may take."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from skdl._array import Array
from skdl._compiled import Work
from skdl._protocols import ForwardContext
from skdl._threads import blas_threads, thread_map
from skdl.engine.layout import Views
from skdl.engine.network import PREDICTION_ROWS
from skdl.engine.training_spec import BLAS_THREADS_FROM
from skdl.layers.prediction import PredictionLayers

LARGE_PREDICTION_ROWS = 256  # of large networks, whose blocks are taken by threads: BLAS's own may round differently
BLAS_ALONE_BELOW = 1 << 18  # multiplications of a product below which BLAS does not use threads by itself


def predict(
    layers: PredictionLayers,
    X: Any,
    arrays: Views,
    *,
    into: int | None = None,
    masks: Callable[[], np.random.Generator] | None = None,
) -> Array:
    """Scores (n, C) of all rows of a dense or CSR matrix, by the layers of one member; or what comes `into` a leaf.

    Where `masks` gives the random numbers for them, anew for each block of rows, dropout drops the same of all rows.
    """
    root, product = layers.root, layers.largest_product
    size = LARGE_PREDICTION_ROWS if PREDICTION_ROWS * product >= BLAS_THREADS_FROM else PREDICTION_ROWS
    starts, work = range(0, X.shape[0], size), Work()

    def scores(start: int) -> Array:
        if start > 0:  # one block is over before anything could be gained
            work.tell(start / X.shape[0])
        context = ForwardContext(
            training=False, generators=() if masks is None else (masks(),), drops=masks is not None
        )
        block = X[start : start + size]
        dense = block if isinstance(block, np.ndarray) else block.toarray()
        x = dense[None].copy() if root.overwrites_x else dense[None]
        with np.errstate(over="ignore", invalid="ignore"):  # what is not finite, the estimator warns of
            y = root.forward(x, arrays, context)[0] if into is None else root.inputs_of(into, x, arrays, context)
            return y[0]

    if min(X.shape[0], size) * product < BLAS_ALONE_BELOW:
        return np.concatenate([scores(start) for start in starts])
    n_threads = min(len(starts), blas_threads()) if size == LARGE_PREDICTION_ROWS else 1
    with thread_map(n_threads) as each:
        return np.concatenate(list(each(scores, starts)))
