"""No parameter is accepted and ignored: each is an error that says what to do, or does something."""

import numpy as np
import pandas as pd
import polars as pl
import pytest

from skdl import (
    BaggingClassifier,
    BaggingRegressor,
    EnsembleClassifier,
    EnsembleRegressor,
    LeastSquaresRegressor,
    MLPClassifier,
    MLPRegressor,
    SnapshotEnsembleRegressor,
    SoftmaxClassifier,
)
from skdl.optimizers import SGD

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 3))
Y = X @ [1.0, 2.0, 3.0]
LABELS = (Y > 0).astype(int)
WITHOUT_EFFECT = [
    ({"optimizer": "lbfgs", "batch_size": 16}, "batch_size=16 has no effect: optimizer='lbfgs' takes all rows"),
    ({"optimizer": "lbfgs", "schedule": "step"}, "schedule='step' has no effect: optimizer='lbfgs'"),
    ({"prior": np.ones((3, 4)), "alpha": 0.0}, "'prior' has no effect with alpha=0"),
    ({"prior": np.ones((3, 4)), "penalty": "max_norm"}, "'prior' has no effect with penalty='max_norm'"),
    ({"scoring": "loss", "early_stopping": False}, "scoring='loss' has no effect without validation rows. Set"),
    (
        {"validation_fraction": 0.3, "early_stopping": False},
        "validation_fraction=0.3 has no effect without validation rows. Set",
    ),
    (
        {"scoring": "accuracy", "optimizer": "lbfgs"},
        "scoring='accuracy' has no effect without validation rows, and early_stopping='auto' sets none apart with "
        "optimizer='lbfgs'. Set early_stopping=True, or give rows of your own",
    ),
    ({"validation_fraction": 0.3, "optimizer": "lbfgs"}, "validation_fraction=0.3 has no effect .* sets none apart"),
    ({"calibrate": True, "optimizer": "lbfgs"}, "calibrate=True has no effect .* sets none apart"),
    ({"optimizer": "lbfgs", "shuffle": False}, "shuffle=False has no effect: optimizer='lbfgs' takes all rows at once"),
]


@pytest.mark.parametrize(("params", "message"), WITHOUT_EFFECT)
def test_what_has_no_effect_is_an_error(params, message):
    for network, y in ((MLPRegressor, Y), (MLPClassifier, LABELS)):
        with pytest.raises(ValueError, match=message):
            network((4,), **params).fit(X, y)
    own = {key: value for key, value in params.items() if key in SoftmaxClassifier().get_params(deep=False)}
    if own == params and "prior" not in params:
        with pytest.raises(ValueError, match=message):
            SoftmaxClassifier(**params).fit(X, LABELS)


@pytest.mark.parametrize(("name", "value"), [("scoring", "loss"), ("validation_fraction", 0.3)])
def test_members_of_ensembles_are_held_to_the_same(name, value):
    network = MLPRegressor((4,), early_stopping=False, **{name: value})
    for model, reason in (
        (BaggingRegressor(network, 2), r"\. Set early_stopping=True"),
        (EnsembleRegressor(estimator=network, n_estimators=2), r"\. Set early_stopping=True"),
        (EnsembleRegressor(estimator=network, share="batch_ensemble"), r"\. Set early_stopping=True"),
    ):
        with pytest.raises(ValueError, match=f"{name}={value!r} has no effect without validation rows{reason}"):
            model.fit(X, Y)


@pytest.mark.parametrize(
    ("name", "value"), [("scoring", "loss"), ("validation_fraction", 0.3), ("n_iter_no_change", 3)]
)
def test_a_training_without_an_end_of_its_own_is_not_judged(name, value):
    with pytest.raises(ValueError, match=rf"trains its cycles to the end, .* Leave {name}="):
        SnapshotEnsembleRegressor(MLPRegressor((4,), **{name: value})).fit(X, Y)


def test_labels_are_as_flat_as_they_are():
    members = [("a", SoftmaxClassifier()), ("b", SoftmaxClassifier(alpha=1.0))]
    with pytest.raises(ValueError, match="flatten_transform=False has no effect with voting='hard'"):
        EnsembleClassifier(members, voting="hard", flatten_transform=False).fit(X, LABELS)


def test_the_same_parameters_where_they_have_an_effect():
    validated = SoftmaxClassifier(n_iter_no_change=1, max_iter=200).fit(X, LABELS, X_val=-X, y_val=LABELS)
    assert validated.n_iter_ < SoftmaxClassifier(max_iter=200).fit(X, LABELS, X_val=-X, y_val=LABELS).n_iter_
    validation = {"X_val": X[:10], "y_val": Y[:10]}
    MLPRegressor((4,), scoring="loss", validation_fraction=0.3, max_iter=2).fit(X, Y, **validation)
    MLPRegressor((4,), scoring="loss", validation_fraction=0.3, max_iter=2, early_stopping=True).fit(X, Y)
    MLPRegressor((4,), optimizer="lbfgs", schedule="constant", max_iter=2).fit(X, Y)
    for rows in (slice(None), slice(30)):  # also where rows are too few to set some apart
        MLPRegressor((4,), scoring="r2", validation_fraction=0.3, calibrate=True, max_iter=2).fit(X[rows], Y[rows])


def test_partial_fit_sets_no_rows_apart():
    for network, y in ((MLPRegressor, Y), (MLPClassifier, LABELS)):
        with pytest.raises(ValueError, match=r"early_stopping=True has no effect in partial_fit.* X_val and y_val"):
            network((4,), early_stopping=True).partial_fit(X, y)
        validated = network((4,), early_stopping=True, random_state=0).partial_fit(X, y, X_val=X, y_val=y)
        assert validated.best_validation_score_ == pytest.approx(validated.score(X, y), rel=1e-5)


def test_stratified_batches_are_for_labels():
    with pytest.raises(TypeError, match="Invalid parameter 'stratified_batches' for MLPRegressor"):
        MLPRegressor(stratified_batches=True)
    with pytest.raises(ValueError, match="has no effect on this y: it keeps the shares of single labels"):
        MLPClassifier((4,), stratified_batches=True).fit(X, np.column_stack([LABELS, 1 - LABELS, LABELS]))
    with pytest.raises(ValueError, match="stratified_batches=True has no effect: optimizer='lbfgs'"):
        MLPClassifier((4,), stratified_batches=True, optimizer="lbfgs").fit(X, LABELS)


@pytest.mark.parametrize("scoring", ["neg_log_loss", "accuracy", "roc_auc", "f1"])
def test_a_score_of_classes_cannot_judge_a_regressor(scoring):
    mlp = MLPRegressor((4,), early_stopping=True, scoring=scoring, random_state=0)
    with pytest.raises(ValueError, match=f"scoring='{scoring}' cannot score MLPRegressor") as error:
        mlp.fit(X, Y)
    assert not hasattr(mlp, "coefs_")
    assert error.value.__cause__ is not None
    with pytest.raises(ValueError, match=f"scoring='{scoring}' cannot score MLPRegressor"):
        mlp.set_params(early_stopping=False).fit(X, Y, X_val=X, y_val=Y)


def test_an_unknown_score_is_named():
    with pytest.raises(ValueError, match=r"scoring='acuracy' is not the name of a scorer.* Did you mean 'accuracy'\?"):
        MLPClassifier((4,), early_stopping=True, scoring="acuracy").fit(X, LABELS)


@pytest.mark.parametrize(
    "make",
    [
        lambda alpha: MLPRegressor((3,), alpha=alpha, max_iter=2, random_state=0),
        lambda alpha: MLPClassifier((), alpha=alpha, optimizer="lbfgs", random_state=0),
        lambda alpha: SoftmaxClassifier(alpha=alpha),
        lambda alpha: SoftmaxClassifier(alpha=alpha, penalty="l1"),
        lambda alpha: LeastSquaresRegressor(alpha=alpha),
        lambda alpha: LeastSquaresRegressor(alpha=alpha, solver="lbfgs"),
        lambda alpha: BaggingClassifier(MLPClassifier((3,), alpha=alpha, max_iter=2), 2, random_state=0),
    ],
)
def test_alpha_is_any_array(make):
    numbers = [0.1, 0.2, 0.3]
    predicted = []
    for alpha in (np.array(numbers), numbers, tuple(numbers), pd.Series(numbers), pl.Series(numbers)):
        fitted = make(alpha)
        y = Y if hasattr(fitted, "coef_") or "Regressor" in type(fitted).__name__ else LABELS
        fitted.fit(X, y)
        predicted.append(fitted.predict_proba(X) if y is LABELS else fitted.predict(X))
    for other in predicted[1:]:
        np.testing.assert_array_equal(other, predicted[0])
    for wrong in ([0.1, 0.2], ["a", "b", "c"], [-1, 1, 1], [np.nan, 1, 1]):
        with pytest.raises(ValueError, match=r"The 'alpha' parameter must be a number .* or an array of 3"):
            make(wrong).fit(X, y)


@pytest.mark.filterwarnings("default::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("standardize", [True, False])
@pytest.mark.parametrize("precision", [np.float64, np.float32])
def test_a_hint_names_nothing_that_is_so_already(standardize, precision):
    softmax = SoftmaxClassifier(tol=0.0, standardize=standardize)
    with pytest.warns(UserWarning, match=r"Use a larger tol") as caught:
        softmax.fit(X.astype(precision), LABELS)
    [text] = [str(each.message) for each in caught if "larger tol" in str(each.message)]
    assert "standardize" not in text  # its search scales the columns in any case
    assert ("float64" in text) == (precision is np.float32)
    diverging = MLPRegressor((4,), optimizer=SGD(1e6), standardize=standardize, max_iter=5, random_state=0)
    with pytest.raises(ValueError, match="Lower the learning rate") as error:
        diverging.fit(X, Y)
    assert ("standardize=True" in str(error.value)) != standardize
