"""Multilayer perceptrons: what is particular to them beyond the contract of all estimators."""

import inspect
import re
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
from plain import PLAIN
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, make_classification, make_regression
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import train_test_split

from skdl import MLPClassifier, MLPRegressor, SoftmaxClassifier
from skdl.losses import BinaryCrossEntropy
from skdl.optimizers import SGD, Adam

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.fixture(scope="module")
def classes():
    return make_classification(90, 6, n_informative=4, n_classes=3, random_state=0)


@pytest.fixture(scope="module")
def reals():
    return make_regression(80, 6, n_targets=2, noise=3.0, random_state=0)


def test_learns_digits_and_tumours():
    for load, hidden, least in ((load_digits, (64,), 0.94), (load_breast_cancer, (32,), 0.94)):
        X_train, X_test, y_train, y_test = train_test_split(*load(return_X_y=True), random_state=0)
        mlp = MLPClassifier(hidden, max_iter=60, random_state=0).fit(X_train, y_train)
        assert mlp.score(X_test, y_test) > least


def test_without_hidden_layers_it_is_the_linear_model(reals):
    X, y = reals
    alpha = 0.3
    mlp = MLPRegressor(
        (),
        optimizer="lbfgs",
        alpha=alpha,
        standardize=False,
        standardize_target=False,
        tol=1e-10,
        max_iter=1000,
        random_state=0,
    ).fit(X, y)
    # half the mean square over rows and outputs + alpha / 2 |W|^2, times 2 n q, is ridge with alpha n q
    ridge = Ridge(alpha=alpha * y.size, tol=1e-12).fit(X, y)
    np.testing.assert_allclose(mlp.coefs_[0], ridge.coef_.T, rtol=1e-6)
    np.testing.assert_allclose(mlp.intercepts_[0], ridge.intercept_, rtol=1e-6)


def test_linear_classifier_is_logistic_regression():
    X, y = make_classification(100, 5, random_state=1)
    C = 0.5
    peer = LogisticRegression(C=C, tol=1e-10, max_iter=10000).fit(X, y)
    mlp = MLPClassifier((), optimizer="lbfgs", alpha=1 / (C * len(X)), standardize=False, tol=1e-9, max_iter=1000).fit(
        X, y
    )
    np.testing.assert_allclose(mlp.coefs_[0][:, 0], peer.coef_[0], rtol=1e-5)
    np.testing.assert_allclose(mlp.predict_proba(X), peer.predict_proba(X), rtol=1e-5)


@pytest.mark.parametrize("hidden", [(), (7,), (9, 4)])
def test_coefficients_work_on_raw_inputs(classes, reals, hidden):
    """Scaling is folded: a network written out by hand from `coefs_` predicts the same."""

    def forward(mlp, X):
        for coef, intercept in zip(mlp.coefs_[:-1], mlp.intercepts_[:-1], strict=True):
            X = np.maximum(X @ coef + intercept, 0)
        return X @ mlp.coefs_[-1] + mlp.intercepts_[-1]

    X, y = reals
    X = X * [1, 10, 1e-3, 1e4, 1, 1] + [0, 5, 1, -1e4, 100, 0]
    mlp = MLPRegressor(hidden, **PLAIN, activation="relu", max_iter=5, random_state=0).fit(X, 1e4 + 100 * y)
    assert [coef.shape for coef in mlp.coefs_] == [*zip((6, *hidden), (*hidden, 2), strict=True)]
    np.testing.assert_allclose(mlp.predict(X), forward(mlp, X), rtol=1e-10)
    X, y = classes
    mlp = MLPClassifier(hidden, **PLAIN, activation="relu", max_iter=5, random_state=0).fit(X, y)
    np.testing.assert_array_equal(mlp.predict(X), mlp.classes_[forward(mlp, X).argmax(axis=1)])


def test_standardising_does_not_change_with_units(reals):
    """The fit on columns in other units is the same fit: a power of two is exact in floating point."""
    X, y = reals
    scale = 2.0 ** np.arange(-10, 14, 4)
    one = MLPRegressor(max_iter=5, random_state=0).fit(X, y)
    other = MLPRegressor(max_iter=5, random_state=0).fit(X * scale, y * 1024)
    np.testing.assert_allclose(other.predict(X * scale), one.predict(X) * 1024, rtol=1e-9)


@pytest.mark.parametrize("offset", [0, 1e4, 1e9])
def test_targets_far_from_zero(offset):
    x = np.linspace(0, 1, 300)[:, None]
    y = offset + 10 * x[:, 0]
    assert MLPRegressor(batch_size=32, random_state=0).fit(x, y).score(x, y) > 0.999


def test_a_column_without_variance_is_only_centred(classes):
    X, y = classes
    X = np.column_stack([X, np.full(len(X), 123.456)])
    mlp = MLPClassifier(max_iter=3, random_state=0).fit(X, y)
    assert np.isfinite(mlp.coefs_[0]).all()
    assert np.abs(mlp.coefs_[0][-1]).max() < 10  # not divided by a rounding error


def test_initialize_builds_and_trains_nothing(classes):
    X, y = classes
    one, two = (MLPClassifier(schedule="constant", random_state=0).initialize(X, y) for _ in range(2))
    assert one.n_iter_ == 0
    assert one.loss_curve_ == []
    np.testing.assert_array_equal(one.coefs_[0], two.coefs_[0])
    np.testing.assert_array_equal(one.intercepts_[1], 0)
    assert one.predict_proba(X).shape == (90, 3)
    np.testing.assert_array_equal(
        one.partial_fit(X, y).coefs_[0],
        MLPClassifier(schedule="constant", early_stopping=False, random_state=0, max_iter=1).fit(X, y).coefs_[0],
    )


@pytest.mark.parametrize("params", [{}, {"batch_size": 16, "dropout": 0.3, "normalization": "batch"}])
def test_partial_fits_and_warm_starts_are_one_long_fit(classes, params):
    X, y = classes
    params = {"hidden_layer_sizes": (8,), "schedule": "exponential", "random_state": 3, "max_iter": 6, **params}
    params |= {"early_stopping": False}  # which a single epoch is
    whole = MLPClassifier(**params).fit(X, y)
    bit_by_bit = MLPClassifier(**params)
    for _ in range(6):
        bit_by_bit.partial_fit(X, y)
    warm = MLPClassifier(**{**params, "max_iter": 2}, warm_start=True).fit(X, y)
    warm.set_params(max_iter=4).fit(X, y)
    for coef, partial, warmed in zip(whole.coefs_, bit_by_bit.coefs_, warm.coefs_, strict=True):
        np.testing.assert_array_equal(partial, coef)
        np.testing.assert_array_equal(warmed, coef)
    assert warm.loss_curve_ == whole.loss_curve_
    assert warm.n_iter_ == 6


def test_early_stopping_keeps_the_best_epoch():
    X, y = make_classification(200, 10, n_informative=3, flip_y=0.3, random_state=0)
    params = {
        "encoding": None,
        "early_stopping": True,
        "n_iter_no_change": 5,
        "optimizer": Adam(0.02),
        "random_state": 0,
    }
    params |= {"schedule": "constant", "batch_size": 180, "validation_fraction": 0.1}
    mlp = MLPClassifier((50,), max_iter=200, **params).fit(X, y)
    assert mlp.n_iter_ < 200
    assert len(mlp.validation_scores_) == mlp.n_iter_
    # The split is drawn from the seed alone, so the same fit, cut after its best epoch, has the same weights.
    best = int(np.argmax(mlp.validation_scores_)) + 1
    assert best < mlp.n_iter_
    cut = MLPClassifier((50,), max_iter=best, **params).fit(X, y)
    np.testing.assert_array_equal(cut.coefs_[0], mlp.coefs_[0])


def test_weight_two_is_the_row_twice_in_full_batches(classes):
    X, y = classes
    weight = np.random.default_rng(0).integers(0, 3, len(y))
    twice = np.repeat(np.arange(len(y)), weight)
    params = {**PLAIN, "hidden_layer_sizes": (8,), "optimizer": "sgd", "random_state": 0, "max_iter": 50}
    weighted = MLPClassifier(**params, batch_size=len(X)).fit(X, y, sample_weight=weight)
    repeated = MLPClassifier(**params, batch_size=len(twice)).fit(X[twice], y[twice])
    np.testing.assert_allclose(weighted.predict_proba(X), repeated.predict_proba(X), rtol=1e-10)


def test_class_weight_is_sample_weight_by_class(classes):
    X, y = classes
    weight = {0: 1.0, 1: 5.0, 2: 0.5}
    params = {"hidden_layer_sizes": (8,), "random_state": 0, "max_iter": 20}
    by_class = MLPClassifier(class_weight=weight, **params).fit(X, y)
    by_row = MLPClassifier(**params).fit(X, y, sample_weight=[weight[label] for label in y])
    np.testing.assert_array_equal(by_class.coefs_[0], by_row.coefs_[0])


def test_precision_follows_the_data_where_each_step_sees_all_rows(classes):
    X, y = classes
    for batch_size, optimizer, expected in (
        (200, "adam", "float64"),
        (16, "adam", "float32"),
        ("auto", "lbfgs", "float64"),
    ):
        with pytest.warns(UserWarning, match="clipped") if batch_size == 200 else nullcontext():
            mlp = MLPClassifier(max_iter=2, batch_size=batch_size, optimizer=optimizer).fit(X, y)
        assert mlp._training.state.theta.dtype == expected
        assert mlp.coefs_[0].dtype == np.float64
    assert (
        MLPClassifier(max_iter=2).fit(X.astype(np.float32), y).predict_proba(X.astype(np.float32)).dtype == np.float32
    )


def test_label_smoothing_keeps_probabilities_away_from_the_ends():
    X, y = make_classification(100, 4, n_informative=4, n_redundant=0, class_sep=5.0, random_state=0)
    params = {"optimizer": "lbfgs", "alpha": 0.0, "max_iter": 300, "random_state": 0}
    sure = MLPClassifier((20,), **params).fit(X, y).predict_proba(X).max(axis=1)
    smooth = MLPClassifier((20,), label_smoothing=0.1, **params).fit(X, y)
    assert np.median(sure) > 0.99
    # The best constant answer for a separable class is the smoothed target itself.
    np.testing.assert_allclose(np.median(smooth.predict_proba(X).max(axis=1)), 0.9, atol=0.02)


def test_divergence_keeps_the_last_finite_weights_and_says_what_to_do(reals):
    X, y = reals
    params = {**PLAIN, "optimizer": SGD(10.0), "schedule": "constant", "random_state": 0}
    mlp = MLPRegressor((), **params, max_iter=30)
    with pytest.warns(ConvergenceWarning, match=r"epoch \d+.*learning rate \(optimizer__learning_rate\)"):
        mlp.fit(X, y)
    assert 0 < mlp.n_iter_ < 30
    cut = MLPRegressor((), **params, max_iter=mlp.n_iter_).fit(X, y)
    np.testing.assert_array_equal(mlp.coefs_[0], cut.coefs_[0])
    mlp.set_params(optimizer__learning_rate=1e30)
    with pytest.warns(ConvergenceWarning, match="The loss became infinite or NaN"):
        mlp.partial_fit(X, y)  # it goes on from what it has, and keeps that
    np.testing.assert_array_equal(mlp.coefs_[0], cut.coefs_[0])


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_divergence_in_the_first_epoch_is_an_error(method, reals):
    """Weights that no data have touched are not a model: there is none, or the one before."""
    X, y = reals
    mlp = MLPRegressor(optimizer=SGD(1e6), random_state=0)
    with pytest.raises(ValueError, match="MLPRegressor has learned nothing: the loss became infinite"):
        getattr(mlp, method)(X, y)
    assert not hasattr(mlp, "coefs_")
    assert not hasattr(mlp, "n_features_in_")
    before = MLPRegressor(max_iter=2, random_state=0).fit(X[:, :5], y).set_params(optimizer=SGD(1e6))
    predicted = before.predict(X[:, :5])
    with pytest.raises(ValueError, match="learned nothing"):
        before.fit(X, y)
    np.testing.assert_array_equal(before.predict(X[:, :5]), predicted)


def test_warm_start_with_another_structure_is_an_error(classes):
    X, y = classes
    mlp = MLPClassifier((4,), warm_start=True, max_iter=1).fit(X, y)
    with pytest.raises(ValueError, match="structure has changed"):
        mlp.set_params(hidden_layer_sizes=(5,)).fit(X, y)


def test_partial_fit_with_declared_classes(classes):
    X, y = classes
    mlp = MLPClassifier(random_state=0)
    mlp.partial_fit(X[y < 2][:20], y[y < 2][:20], classes=[0, 1, 2])
    mlp.partial_fit(X[:1], y[:1])
    assert mlp.predict_proba(X).shape == (90, 3)
    with pytest.raises(ValueError, match=r"not among the classes \[0, 1, 2\]: \[9\]"):
        mlp.partial_fit(X[:1], [9])
    with pytest.raises(ValueError, match="differ from those before"):
        mlp.partial_fit(X, y, classes=[0, 1])
    with pytest.raises(ValueError, match="balanced"):
        MLPClassifier(class_weight="balanced").partial_fit(X, y)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        (
            {"hidden_layer_sizes": (10, 0)},
            r"'hidden_layer_sizes' parameter of MLPClassifier must be an int in the range",
        ),
        ({"activation": "rleu"}, r"'activation' parameter of MLPClassifier: Unknown name 'rleu'.*Did you mean 'relu'"),
        (
            {"hidden_layer_sizes": (9,), "activation": ["relu", "tanh"]},
            r"'activation' parameter .* lists 2 entries for 1 hidden layers",
        ),
        ({"optimizer": Adam(-1)}, r"'learning_rate' parameter of Adam must be a float in the range \(0, inf\)"),
        ({"optimizer": "adma"}, r"'optimizer' parameter .* Did you mean 'adam'"),
        ({"dropout": 1.0}, r"'dropout' parameter .* range \[0, 1\)"),
        (
            {"hidden_layer_sizes": (9,), "dropout": [0.1, 0.2]},
            "'dropout' parameter lists 2 entries for 1 hidden layers",
        ),
        ({"alpha": -1}, r"'alpha' parameter .* range \[0, inf\)"),
        ({"batch_size": 0}, r"'batch_size' parameter .* 'auto' or an int in the range \[1, inf\)"),
        ({"max_iter": 0}, "'max_iter' parameter"),
        ({"validation_fraction": 1.5}, r"'validation_fraction' parameter .* range \(0, 1\)"),
        ({"loss": "absolute_error"}, "'loss' parameter .* is a loss for real targets, and a classifier learns classes"),
        ({"label_smoothing": -0.1}, "'label_smoothing' parameter"),
        ({"dtype": "float16"}, "'dtype' parameter"),
        ({"class_weight": "blanced"}, "'class_weight' parameter"),
        ({"dropout": 0.5, "optimizer": "lbfgs"}, "Dropout makes the loss random"),
    ],
)
def test_a_mistake_in_a_parameter_is_named(classes, params, message):
    with pytest.raises(ValueError, match=message):
        MLPClassifier(**params).fit(*classes)


def test_a_binary_loss_is_not_for_three_classes(classes):
    X, y = classes
    with pytest.raises(ValueError, match=r"is a loss for two classes, .*, and this y holds 3 classes\. Use"):
        MLPClassifier(loss=BinaryCrossEntropy()).fit(X, y)


def test_an_interrupt_leaves_a_fitted_model(classes, monkeypatch):
    X, y = classes
    from skdl.engine.train import Stack

    epoch, calls = Stack.epoch, []

    def interrupted(stack):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return epoch(stack)

    monkeypatch.setattr(Stack, "epoch", interrupted)
    mlp = MLPClassifier(**PLAIN, schedule="constant", random_state=0)
    with pytest.raises(KeyboardInterrupt) as told:
        mlp.fit(X, y)
    assert "MLPClassifier was interrupted after 2 epochs and is fitted" in told.value.__notes__[0]
    monkeypatch.undo()
    assert mlp.n_iter_ == 2
    cut = MLPClassifier(**PLAIN, schedule="constant", random_state=0, max_iter=2).fit(X, y)
    np.testing.assert_array_equal(mlp.coefs_[0], cut.coefs_[0])


def test_int_seeds_are_reproducible_and_instances_move_on(classes):
    X, y = classes
    state = np.random.RandomState(0)
    one, two = (
        SoftmaxClassifier(optimizer="adam", max_iter=2, batch_size=8, random_state=state).fit(X, y) for _ in "ab"
    )
    assert not np.array_equal(one.coef_, two.coef_)
    one, two = (MLPClassifier(max_iter=2, random_state=5).fit(X, y) for _ in "ab")
    np.testing.assert_array_equal(one.coefs_[0], two.coefs_[0])


def test_regression_targets_keep_their_shape(reals):
    X, y = reals
    assert MLPRegressor(max_iter=2).fit(X, y).predict(X).shape == (80, 2)
    assert MLPRegressor(max_iter=2).fit(X, y[:, 0]).predict(X).shape == (80,)
    assert MLPRegressor(max_iter=2).fit(X, y[:, :1]).predict(X).shape == (80, 1)


def test_defaults_do_well_on_diabetes():
    X, y = load_diabetes(return_X_y=True, scaled=False)
    X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
    linear = MLPRegressor((), optimizer="lbfgs", alpha=1e-3).fit(X_train, y_train)
    assert linear.score(X_test, y_test) > 0.33


@pytest.mark.filterwarnings("always:Batch normalization had a batch of one row")
def test_batches_of_one_row_are_told_of_once_in_a_fit(reals):
    X, y = reals
    mlp = MLPRegressor((4,), normalization="batch", batch_size=1, max_iter=3, early_stopping=False)
    for _ in "ab":  # each fit tells
        with pytest.warns(UserWarning, match="Batch normalization had a batch of one row") as caught:
            mlp.fit(X, y)
        assert len(caught) == 1


def test_the_table_of_arguments_has_all_of_them():
    """docs/networks.md sorts the constructor's arguments by purpose, each once."""
    page = (Path(__file__).parents[2] / "docs" / "networks.md").read_text(encoding="utf-8")
    table = page.partition("## What to set")[2].partition("\n## ")[0]
    named = [name for row in re.findall(r"^\| .*$", table, re.MULTILINE) for name in re.findall(r"`(\w+)`", row)]
    arguments = {name for cls in (MLPClassifier, MLPRegressor) for name in inspect.signature(cls).parameters}
    assert sorted(named) == sorted(arguments)
