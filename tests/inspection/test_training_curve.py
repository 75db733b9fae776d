"""What `TrainingCurveDisplay` takes from estimators, and what it draws of it."""

import warnings

import matplotlib.pyplot as plt
import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPClassifier as TheirClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdl import BaggingClassifier, MLPClassifier
from skdl.inspection import TrainingCurveDisplay

X, y = load_digits(n_class=3, return_X_y=True)
PLAIN = {"encoding": None, "early_stopping": True, "n_iter_no_change": np.inf, "max_iter": 8, "random_state": 0}


def lines(ax):
    return {line.get_label(): line for line in ax.lines}


def test_losses_scores_and_the_kept_epoch_of_one_network():
    network = MLPClassifier((8,), **PLAIN).fit(X, y)
    display = TrainingCurveDisplay.from_estimator(network)
    history = network.history_
    drawn = lines(display.ax_)
    assert np.array_equal(drawn["training"].get_ydata(), history["loss"])
    assert np.array_equal(drawn["validation"].get_ydata(), history["validation_loss"])
    assert drawn[f"chosen epoch: {network.best_epoch_}"].get_xdata()[0] == network.best_epoch_
    labels = [ax.get_ylabel() for ax in display.axes_[:, 0]]
    assert labels == ["loss", "validation score", "learning rate"]  # the default rate goes by cycles
    [rates] = display.axes_[2, 0].lines
    assert np.array_equal(rates.get_ydata(), history["learning_rate"])
    assert display.axes_[-1, 0].get_xlabel() == "epoch"
    assert display.figure_ is display.ax_.figure


def test_a_trial_has_its_own_curve_and_the_validation_losses():
    network = MLPClassifier((8,), random_state=0).fit(X, y)
    trial = network._training.state.progress[0].trial
    display = TrainingCurveDisplay.from_estimator(network)
    curves = display.curves
    assert (curves["phase"] == "trial").sum() == len(trial)
    assert (curves["phase"] == "fit").sum() == network.n_iter_
    drawn = lines(display.ax_)
    assert drawn["training, trial"].get_ydata().tolist() == [record["loss"] for record in trial]
    known = [record["validation_loss"] for record in trial if record["validation_loss"] is not None]
    assert drawn["validation"].get_ydata().tolist() == known
    assert drawn["training"].get_ydata().tolist() == network.loss_curve_
    assert drawn["validation"].get_marker() == "o"  # epochs between are not known


def test_an_ensemble_has_medians_and_a_band_of_its_members():
    ensemble = BaggingClassifier(MLPClassifier((4,), **PLAIN), n_estimators=3, random_state=0).fit(X, y)
    display = TrainingCurveDisplay.from_estimator(ensemble, show=["loss"])
    losses = np.array([member.loss_curve_ for member in ensemble.estimators_])
    assert np.allclose(lines(display.ax_)["training"].get_ydata(), np.median(losses, axis=0))
    band = display.ax_.collections[0].get_paths()[0].vertices
    assert np.isclose(band[:, 1].max(), losses.max())
    assert np.isclose(band[:, 1].min(), losses.min())
    assert display.chosen_epochs == {"BaggingClassifier": [each.best_epoch_ for each in ensemble.estimators_]}


def test_several_fits_side_by_side_or_over_each_other():
    fits = {f"{units} units": MLPClassifier((units,), **PLAIN).fit(X, y) for units in (2, 16)}
    display = TrainingCurveDisplay.from_estimator(fits)
    assert display.verdict_.splitlines()[1].startswith("16 units: Learning rate")
    display.plot(log_scale=True)
    assert display.axes_.shape == (3, 2)
    assert [ax.get_title().split("\n")[0] for ax in display.axes_[0]] == list(fits)
    assert "learning rate good" in display.axes_[0, 1].get_title()
    assert display.ax_.get_yscale() == "log"
    assert display.axes_[1, 0].get_yscale() == "linear"
    display.plot(side_by_side=False, show=["loss"])
    drawn = lines(display.ax_)
    assert display.axes_.shape == (1, 1)
    assert {"2 units", "16 units", "validation"} <= drawn.keys()
    assert drawn["2 units"].get_color() != drawn["16 units"].get_color()
    assert list(TrainingCurveDisplay.from_estimator([*fits.values(), fits["2 units"]]).chosen_epochs) == [
        "MLPClassifier",
        "MLPClassifier 2",
        "MLPClassifier 3",
    ]


def test_axes_may_be_given():
    network = MLPClassifier((4,), **PLAIN).fit(X, y)
    _, ax = plt.subplots()
    assert TrainingCurveDisplay.from_estimator(network, ax=ax).figure_ is ax.figure
    _, axes = plt.subplots(2, 1)
    display = TrainingCurveDisplay.from_estimator(network, ax=axes, show=["loss", "learning_rate"])
    assert display.axes_[:, 0].tolist() == axes.tolist()


def test_pipelines_searches_and_networks_of_scikit_learn():
    pipeline = make_pipeline(StandardScaler(), MLPClassifier((4,), **PLAIN)).fit(X, y)
    assert len(TrainingCurveDisplay.from_estimator(pipeline).curves) == 8
    search = GridSearchCV(MLPClassifier((4,), **PLAIN), {"alpha": [0.0, 0.1]}, cv=2).fit(X, y)
    assert len(TrainingCurveDisplay.from_estimator(search).curves) == 8
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        theirs = TheirClassifier((4,), max_iter=6, early_stopping=True, random_state=0).fit(X, y)
    display = TrainingCurveDisplay.from_estimator(theirs)
    assert np.array_equal(lines(display.ax_)["training"].get_ydata(), theirs.loss_curve_)
    assert np.array_equal(display.axes_[1, 0].lines[0].get_ydata(), theirs.validation_scores_)
    assert (display.curves["learning_rate"] == 0.001).all()


def test_wrong_estimators_are_told_what_to_do():
    with pytest.raises(NotFittedError):
        TrainingCurveDisplay.from_estimator(MLPClassifier())
    with pytest.raises(TypeError, match=r"LinearRegression keeps no record of its epochs\. Give a network"):
        TrainingCurveDisplay.from_estimator(LinearRegression().fit(X, y))
    with pytest.raises(ValueError, match="at least one estimator"):
        TrainingCurveDisplay.from_estimator([])
    search = GridSearchCV(MLPClassifier((4,), **PLAIN), {"alpha": [0.1]}, cv=2, refit=False).fit(X, y)
    with pytest.raises(ValueError, match="refit=True"):
        TrainingCurveDisplay.from_estimator(search)
    with pytest.raises(ValueError, match="Got 'losses'"):
        TrainingCurveDisplay.from_estimator(MLPClassifier((4,), **PLAIN).fit(X, y), show=["losses"])
