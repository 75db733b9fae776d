"""Names of every family in an estimator and in a search."""

import numpy as np
import pytest
from sklearn.model_selection import GridSearchCV

from skdl import MLPClassifier, MLPRegressor
from skdl._registry import REGISTRIES

rng = np.random.default_rng(0)
X = rng.normal(size=(60, 3))
LABELS = (X[:, 0] * X[:, 1] > 0).astype(int)
COUNTS = rng.poisson(np.exp(X[:, 0])).astype(float)
SLOTS = {
    "activation": "activations",
    "initializer": "initializers",
    "normalization": "normalizations",
    "optimizer": "optimizers",
    "schedule": "schedules",
}


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("slot", SLOTS)
def test_search_over_the_names_of_a_family(slot):
    names = REGISTRIES[SLOTS[slot]].names()
    mlp = MLPClassifier((6,), max_iter=3, random_state=0)
    search = GridSearchCV(mlp, {slot: names}, cv=2, error_score="raise").fit(X, LABELS)
    assert search.cv_results_["params"] == [{slot: name} for name in names]
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    alone = [MLPClassifier((6,), max_iter=3, random_state=0, **{slot: name}).fit(X, LABELS) for name in names]
    if slot != "schedule":  # in three epochs most schedules do the same
        weights = [mlp.coefs_[0].tobytes() for mlp in alone]
        assert len(set(weights)) == len(weights)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("estimator", [MLPClassifier, MLPRegressor])
def test_search_over_the_losses_of_a_task(estimator):
    task = "classification" if estimator is MLPClassifier else "regression"
    y = LABELS if estimator is MLPClassifier else COUNTS
    names = [name for name in REGISTRIES["losses"].names() if REGISTRIES["losses"].get(name).task == task]
    assert len(names) >= 3
    mlp = estimator((6,), max_iter=3, random_state=0)
    search = GridSearchCV(mlp, {"loss": names}, cv=2, error_score="raise").fit(X, y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_counts():
    """With its log link the network predicts means, and refuses what is no count."""
    mlp = MLPRegressor((10,), loss="poisson", max_iter=100, random_state=0).set_params(optimizer__learning_rate=0.02)
    predicted = mlp.fit(X, COUNTS).predict(X)
    assert (predicted > 0).all()
    assert predicted.mean() == pytest.approx(COUNTS.mean(), rel=0.1)
    with pytest.raises(ValueError, match="0 or more"):
        mlp.fit(X, COUNTS - 1)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_quantiles_lie_where_they_say():
    wide = np.random.default_rng(1).normal(size=(1000, 1))
    y = wide[:, 0] + np.random.default_rng(2).normal(size=1000)
    for quantile in (0.1, 0.9):
        mlp = MLPRegressor((8,), loss="quantile", max_iter=60, random_state=0)
        mlp.set_params(loss__quantile=quantile, optimizer__learning_rate=0.02)
        assert (y <= mlp.fit(wide, y).predict(wide)).mean() == pytest.approx(quantile, abs=0.04)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_the_learning_rate_falls_on_a_plateau():
    mlp = MLPRegressor(
        (4,), optimizer="adam", schedule="plateau", max_iter=30, n_iter_no_change=30, tol=0, random_state=0
    )
    mlp.set_params(schedule__patience=3, schedule__threshold=0.5)
    mlp.fit(X, COUNTS)
    rates = mlp.history_["learning_rate"].to_numpy()
    assert rates[0] == pytest.approx(1e-3)
    assert rates[-1] < 0.05 * rates[0]
