"""Compile ahead what trainings of built-in components ask for: `python -m skdl.compile`.

Loops are compiled in the background of trainings that take longer than a second, and kept for all later ones (see
`skdl.show_versions`). Where no training should be without them, as in the image of a container or before a benchmark,
this compiles them at once. It takes some minutes, and seconds when nothing is missing.

Options
-------
--clear
    Remove all that was compiled, by any version of Numba, and compile nothing.

The environment variable `SKDL_CACHE_DIR` says where they are kept, if not in the user's cache directory.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from skdl import _registry, _warnings
from skdl._compiled import COMPILER
from skdl._compiled.store import places
from skdl.linear.least_squares.estimator import LeastSquaresRegressor
from skdl.linear.softmax.estimator import SoftmaxClassifier
from skdl.neighbors.knn_regressor import KNNRegressor
from skdl.neural.mlp_classifier import MLPClassifier
from skdl.neural.mlp_regressor import MLPRegressor
from skdl.optimizers import SGD, Adam


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command asks for; returns the exit code, 1 where something could not be compiled."""
    parser = argparse.ArgumentParser(
        prog="python -m skdl.compile", description="Compile ahead what trainings of built-in components ask for."
    )
    parser.add_argument("--clear", action="store_true", help="remove all that was compiled, and compile nothing")
    if parser.parse_args(arguments).clear:
        return _clear()
    return _compile()


def trainings() -> Iterator[Any]:
    """Estimators that ask for all loops between them."""
    small = {"hidden_layer_sizes": (4, 4), "encoding": None, "early_stopping": False, "batch_size": 4, "max_iter": 2}
    for dtype in ("float32", "float64"):
        settings: dict[str, Any] = {**small, "dtype": dtype, "random_state": 0}
        for optimizer in _registry.optimizers.built_in():
            if not optimizer.full_batch:
                for penalty in ("l2", "elastic_net"):
                    yield MLPRegressor(**settings, optimizer=optimizer(), penalty=penalty, alpha=0.1)
        for rule in (SGD, Adam):
            yield MLPRegressor(**settings, optimizer=rule(0.01, clip_norm=1.0))
            yield MLPRegressor(**settings, optimizer=rule(0.01, clip_value=1.0))
        for penalty in ("l1", "max_norm"):
            yield MLPRegressor(**settings, penalty=penalty, alpha=0.1)
        for activation in _registry.activations.names():
            yield MLPRegressor(**settings, activation=activation, normalization=[None, "batch"])
        for normalization in _registry.normalizations.names():
            yield MLPRegressor(**settings, normalization=normalization, dropout=0.1)
        yield MLPRegressor(**settings, dropout=0.1, input_dropout=0.1)
        yield MLPClassifier(**settings)
        yield SoftmaxClassifier(optimizer="adam", dtype=dtype, batch_size=4, max_iter=2, random_state=0)
    yield LeastSquaresRegressor(solver="adam", random_state=0)
    for metric in ("euclidean", "manhattan", "cosine"):
        yield KNNRegressor(2, metric=metric)


def _compile() -> int:
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(12, 3)), np.arange(12) % 3
    begun, kept = time.perf_counter(), _kept()
    with COMPILER.using("eager"), _warnings.collecting():
        for estimator in trainings():
            if COMPILER.trouble is not None:
                print(f"Nothing can be compiled: {COMPILER.trouble}", file=sys.stderr)
                return 1
            estimator.fit(X, y).predict(X)
            n_new = len(_kept() - kept)
            print(f"\r{n_new} loops compiled, {time.perf_counter() - begun:.0f} s", end="", flush=True)
    assert COMPILER.store is not None
    print(f"; {len(kept)} were there. They are in {COMPILER.store.folder}")
    for name, reason in COMPILER.failures.items():
        print(f"{name} cannot be compiled: {reason}", file=sys.stderr)
    return 1 if COMPILER.failures else 0


def _kept() -> set[str]:
    """Names of the loops that are compiled."""
    store = COMPILER.open()
    return set() if store is None else {path.name for path in store.folder.glob("loop_*") if path.is_dir()}


def _clear() -> int:
    code = 0
    for root, own in places():
        folder = root.joinpath(*own, "loops")
        if not folder.exists():
            continue
        try:
            shutil.rmtree(folder)
            print(f"{folder} is removed.")
        except OSError as error:
            code = 1
            print(f"{folder} cannot be removed: {error}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
