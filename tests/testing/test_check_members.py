"""Members of a stack against the same trained alone."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.base import BaseEstimator

from skdl import MLPRegressor, activations, initializers, losses, optimizers, penalties, schedules
from skdl.testing import check_estimator_members, check_members


class NormOfAll(optimizers.SGD):
    def direction(self, gradient, state, step):
        return super().direction(gradient / np.sqrt((gradient * gradient).sum()), state, step)


def stacks(optimizer, n=3):
    from skdl.engine import Dataset, TrainingSpec
    from skdl.layers.architecture import Architecture

    rng = np.random.default_rng(0)
    rows = Dataset(rng.normal(size=(20, 2)).astype(np.float32), rng.normal(size=(20, 1)).astype(np.float32))
    network = Architecture(2, (3,), 1, (activations.Tanh(),), (None,), (initializers.HeNormal(),) * 2, (0.0, 0.0))
    first = TrainingSpec(
        architecture=network,
        loss=losses.SquaredError(),
        penalty=penalties.L2(),
        optimizer=optimizer,
        schedule=schedules.Constant(),
        alpha=0.1,
        rows=rows,
        batch_size=8,
        dtype=np.float32,
        generator=None,
        n_epochs=2,
        max_epochs=2,
    )
    return [replace(first, generator=np.random.default_rng(i)) for i in range(n)]


def test_check_members():
    assert len(check_members(stacks(optimizers.Adam()))) == 3
    with pytest.raises(AssertionError, match="member 0 of 3 differs from its lone fit: weights: largest difference"):
        check_members(stacks(NormOfAll()))


class Leaky(MLPRegressor):
    """Regressors that share a stream of random numbers: each draws what the others leave."""

    shared = np.random.default_rng(0)

    def _generator(self):
        return self.shared


def test_check_estimator_members():
    X = np.random.default_rng(0).normal(size=(40, 3))
    options = {"max_iter": 3, "tol": 0.0, "early_stopping": True}
    estimators = [MLPRegressor(4, alpha=0.1**i, random_state=i, **options) for i in range(3)]
    check_estimator_members(estimators, X, X[:, 0], np.linspace(0.5, 1.5, 40))
    assert not any(hasattr(estimator, "coefs_") for estimator in estimators)
    assert isinstance(estimators[0], BaseEstimator)
    with pytest.raises(AssertionError, match="estimator 0 of 2 differs from its lone fit"):
        check_estimator_members([Leaky(4, **options), Leaky(4, **options)], X, X[:, 0])
