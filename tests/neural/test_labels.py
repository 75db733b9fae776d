"""Every kind of y that a network classifier takes: labels, class probabilities, multilabel indicators, columns."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy.sparse import csr_array
from sklearn.datasets import make_classification, make_multilabel_classification
from sklearn.metrics import accuracy_score, log_loss
from sklearn.model_selection import GridSearchCV, KFold, cross_val_predict, cross_val_score
from sklearn.neural_network import MLPClassifier as PeerMLP
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.class_weight import compute_sample_weight

from skdl import BaggingClassifier, MLPClassifier, SoftmaxClassifier
from skdl.execution import train_members
from skdl.losses import CrossEntropy
from skdl.neural._task_losses import TaskLosses
from skdl.neural.trainable import trainable

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
QUICK = {"hidden_layer_sizes": (6,), "max_iter": 5, "random_state": 0}
COLOURS = np.array(["red", "green", "blue"])


X, Y = make_classification(40, 5, n_informative=4, n_redundant=0, n_classes=3, n_clusters_per_class=1, random_state=0)
RNG = np.random.default_rng(0)
SOFT = RNG.dirichlet(np.ones(3), len(X))
ONE_HOT = np.eye(3)[Y]
LABELLED = make_multilabel_classification(len(X), 5, n_classes=4, random_state=0)[1]
COLUMNS = np.column_stack([Y, RNG.integers(2, 4, len(X)), RNG.integers(0, 4, len(X))])
MIXED = pd.DataFrame({"colour": COLOURS[Y], "size": COLUMNS[:, 1], "good": COLUMNS[:, 2] > 1})
KINDS = {"labels": Y, "probabilities": SOFT, "indicator": LABELLED, "columns": COLUMNS, "mixed": MIXED}


def same(one, other):
    return all(
        np.array_equal(a, b)
        for a, b in zip(one.coefs_ + one.intercepts_, other.coefs_ + other.intercepts_, strict=True)
    )


# Class probabilities


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize(
    "params",
    [
        {},
        {"optimizer": "lbfgs"},
        {"batch_size": 7, "label_smoothing": 0.15},
        {"class_weight": "balanced"},
        {"class_weight": {"blue": 3.0, "green": 0.2, "red": 1.0}},
        {"early_stopping": True, "validation_fraction": 0.3},
        {"loss": "cross_entropy", "dtype": "float64"},
    ],
    ids=str,
)
def test_one_hot_rows_are_the_labels_to_the_last_bit(n_classes, params):
    """With the columns in an order of their own."""
    codes = Y % n_classes
    by_label = MLPClassifier(**{**QUICK, **params}).fit(X, COLOURS[codes], classes=COLOURS[:n_classes])
    by_row = MLPClassifier(**{**QUICK, **params}).fit(X, np.eye(n_classes)[codes], classes=COLOURS[:n_classes])
    assert same(by_row, by_label)
    assert by_row.classes_.tolist() == sorted(COLOURS[:n_classes])
    np.testing.assert_array_equal(by_row.predict_proba(X), by_label.predict_proba(X))
    assert by_row.validation_scores_ == by_label.validation_scores_


def spread(soft, weight=None):
    """Each row once a class, with the class's probability as its weight."""
    n, n_classes = soft.shape
    weight = np.ones(n) if weight is None else weight
    return np.repeat(X, n_classes, axis=0), np.tile(np.arange(n_classes), n), (soft * weight[:, None]).ravel()


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("params", [{}, {"label_smoothing": 0.2}, {"class_weight": {0: 1.0, 1: 4.0, 2: 0.3}}], ids=str)
def test_probabilities_are_rows_with_fractional_weights(n_classes, params):
    params = {**QUICK, "optimizer": "sgd", "schedule": "constant", "dtype": "float64", "max_iter": 30, **params}
    params["early_stopping"] = False  # a trial sets rows apart, not shares of them
    if n_classes == 2 and "class_weight" in params:
        params["class_weight"] = {0: 1.0, 1: 4.0}
    soft = RNG.dirichlet(np.ones(n_classes), len(X))
    weight = RNG.uniform(0.5, 2, len(X))
    X_rows, y_rows, w_rows = spread(soft, weight)
    one = MLPClassifier(**params, batch_size=len(X)).fit(X, soft, sample_weight=weight)
    if "class_weight" in params:  # a row's weight is the expectation, so that its classes still share it by `soft`
        by_class = np.array([params["class_weight"][c] for c in range(n_classes)])
        w_rows *= np.repeat(soft @ by_class, n_classes)
        params["class_weight"] = None
    other = MLPClassifier(**params, batch_size=len(X_rows)).fit(X_rows, y_rows, sample_weight=w_rows)
    for a, b in zip(one.coefs_, other.coefs_, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-12)


def test_the_linear_model_learns_probabilities():
    X_rows, y_rows, w_rows = spread(SOFT)
    one = SoftmaxClassifier(1e-2, tol=1e-10).fit(X, SOFT)
    other = SoftmaxClassifier(1e-2, tol=1e-10).fit(X_rows, y_rows, sample_weight=w_rows)
    np.testing.assert_allclose(one.coef_, other.coef_, rtol=1e-6, atol=1e-8)
    with pytest.raises(ValueError, match=r"SoftmaxClassifier takes one label for each row, .* MLPClassifier"):
        SoftmaxClassifier().fit(X, LABELLED)
    with pytest.raises(ValueError, match="SoftmaxClassifier takes one label for each row"):
        SoftmaxClassifier().fit(X, COLUMNS)


@pytest.mark.parametrize("frame", [pd.DataFrame, lambda data, columns: pl.DataFrame(data, schema=columns)])
def test_names_of_columns_are_the_classes(frame):
    mlp = MLPClassifier(**QUICK).fit(X, frame(SOFT, columns=list(COLOURS)))
    assert mlp.classes_.tolist() == ["blue", "green", "red"]
    assert same(mlp, MLPClassifier(**QUICK).fit(X, SOFT[:, [2, 1, 0]]))
    turned = frame(SOFT[:, ::-1], columns=list(COLOURS[::-1]))
    for change in (
        lambda: mlp.partial_fit(X[:1], turned[:1]),
        lambda: mlp.partial_fit(X[:1], frame(ONE_HOT[:1, ::-1] > 0, columns=list(COLOURS[::-1]))),
        lambda: MLPClassifier().fit(X, turned, classes=COLOURS),
        lambda: MLPClassifier().fit(X, SOFT, classes=COLOURS, X_val=X, y_val=turned),
    ):
        with pytest.raises(ValueError, match=r"another order|differ from those before"):
            change()
    mlp.partial_fit(X[:2], frame(ONE_HOT[:2], columns=list(COLOURS)))  # certain rows of a later batch
    mlp.partial_fit(X[:2], COLOURS[Y[:2]])  # and plain labels
    assert MLPClassifier(**QUICK).fit(X, pd.DataFrame(SOFT)).classes_.tolist() == [0, 1, 2]


@pytest.mark.parametrize("kind", [object, str, "series", list])
def test_the_score_of_strings_is_scikit_learns_accuracy(kind):
    X = np.random.default_rng(0).normal(size=(60, 2))
    labels = np.where(X[:, 0] + 0.5 * X[:, 1] ** 3 > 0, "yes", "no")
    y = {object: labels.astype(object), str: labels, "series": pd.Series(labels), list: labels.tolist()}[kind]
    network = MLPClassifier(2, max_iter=3, random_state=0).fit(X, y)
    expected = accuracy_score(y, network.predict(X))
    assert 0.0 < expected < 1.0
    assert network.score(X, y) == expected
    with pytest.raises(ValueError, match="Mix of label input types"):
        network.score(X, np.ones(60, dtype=int))


def test_scores_count_the_most_probable_label_as_true():
    truth = COLOURS[SOFT.argmax(axis=1)]
    mlp = MLPClassifier(**QUICK).fit(X, SOFT, classes=COLOURS)
    assert mlp.score(X, SOFT) == mlp.score(X, truth) == np.mean(mlp.predict(X) == truth)
    weight = RNG.uniform(size=len(X))
    assert mlp.score(X, SOFT, weight) == pytest.approx(np.average(mlp.predict(X) == truth, weights=weight))
    validated = MLPClassifier(**QUICK, early_stopping=False).fit(X, SOFT, X_val=X, y_val=SOFT)
    assert validated.validation_scores_[int(np.argmax(validated.validation_scores_))] == validated.score(X, SOFT)
    by_hard = MLPClassifier(**QUICK, early_stopping=False).fit(X, SOFT, X_val=X, y_val=SOFT.argmax(axis=1))
    assert by_hard.validation_scores_ == validated.validation_scores_


def test_precisions_of_probabilities():
    for dtype in (np.float16, np.float32):
        MLPClassifier(**QUICK).fit(X, SOFT.astype(dtype))
    with pytest.raises(ValueError, match=r"Row 3 sums to 1\.00001, with 1 of 40 rows wrong"):
        MLPClassifier(**QUICK).fit(X, SOFT * np.where(np.arange(40) == 3, 1 + 1e-5, 1)[:, None])


# A multilabel indicator


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_an_indicator_is_one_network_a_label(smoothing):
    params = {"optimizer": "lbfgs", "alpha": 0.02, "tol": 1e-10, "max_iter": 2000, "label_smoothing": smoothing}
    params["random_state"] = 0
    together = MLPClassifier((), **params).fit(X, LABELLED)
    for j in range(LABELLED.shape[1]):
        alone = MLPClassifier((), **params).fit(X, LABELLED[:, j])
        np.testing.assert_allclose(together.coefs_[0][:, j], alone.coefs_[0][:, 0], rtol=1e-5, atol=1e-7)
        np.testing.assert_allclose(together.predict_proba(X)[:, j], alone.predict_proba(X)[:, 1], rtol=1e-5)
        np.testing.assert_allclose(together.decision_function(X)[:, j], alone.decision_function(X), rtol=1e-5)


@pytest.mark.parametrize("kind", [int, np.int8, bool, float])
def test_an_indicator_answers_as_scikit_learn_does(kind):
    y = LABELLED.astype(kind)
    mlp, peer = MLPClassifier(**QUICK).fit(X, y), PeerMLP((6,), max_iter=5).fit(X, LABELLED)
    assert mlp.classes_.tolist() == peer.classes_.tolist()
    assert mlp.predict_proba(X).shape == peer.predict_proba(X).shape == mlp.predict_log_proba(X).shape
    predicted = mlp.predict(X)
    assert predicted.shape == peer.predict(X).shape
    assert predicted.dtype == kind
    np.testing.assert_array_equal(predicted, mlp.predict_proba(X) > 0.5)
    assert mlp.score(X, y) == np.mean((predicted == y).all(axis=1)) == mlp.score(X, csr_array(LABELLED))
    assert same(mlp, MLPClassifier(**QUICK).fit(X, csr_array(LABELLED)))
    assert same(mlp, MLPClassifier(**QUICK).fit(X, LABELLED.tolist()))


# Columns of labels


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_columns_are_one_network_each(smoothing):
    """The mean over q heads gives each 1/q of the loss, so that alone it has q times the penalty."""
    params = {"optimizer": "lbfgs", "tol": 1e-11, "max_iter": 2000, "label_smoothing": smoothing}
    params |= {"loss": "cross_entropy", "standardize": False, "random_state": 0}
    together = MLPClassifier((), alpha=0.02, **params).fit(X, COLUMNS)
    probabilities, start = together.predict_proba(X), 0
    assert together.n_parameters_ == 6 * (3 + 2 + 4)
    for j, column in enumerate(COLUMNS.T):
        alone = MLPClassifier((), alpha=0.06, **params).fit(X, column)
        if smoothing == 0:
            linear = SoftmaxClassifier(0.06, standardize=False, tol=1e-10).fit(X, column)
            np.testing.assert_allclose(probabilities[j], linear.predict_proba(X), rtol=1e-5)
        stop = start + len(alone.classes_)
        np.testing.assert_array_equal(together.classes_[j], alone.classes_)
        np.testing.assert_allclose(together.coefs_[0][:, start:stop], alone.coefs_[0], rtol=1e-5, atol=1e-7)
        np.testing.assert_allclose(probabilities[j], alone.predict_proba(X), rtol=1e-5)
        decided = together.decision_function(X)[j]
        np.testing.assert_allclose(decided, alone.decision_function(X), rtol=1e-4, atol=1e-6)
        np.testing.assert_array_equal(together.predict(X)[:, j], alone.predict(X))
        start = stop
    cross_entropies = [log_loss(column, p) for column, p in zip(COLUMNS.T, probabilities, strict=True)]
    if smoothing == 0:
        penalty = 0.01 * np.sum(together.coefs_[0] ** 2)
        assert together.loss_ == pytest.approx(np.mean(cross_entropies) + penalty, rel=1e-6)


def test_columns_keep_their_types():
    mlp = MLPClassifier(**QUICK).fit(X, MIXED)
    assert [classes.dtype.kind for classes in mlp.classes_] == ["U", "i", "b"]
    predicted = mlp.predict(X)
    assert predicted.dtype == object
    assert {type(value) for value in predicted[0]} == {str, int, bool}
    assert [p.shape for p in mlp.predict_proba(X)] == [(40, 3), (40, 2), (40, 2)]
    assert [p.shape for p in mlp.predict_log_proba(X)] == [(40, 3), (40, 2), (40, 2)]
    assert mlp.score(X, MIXED) == np.mean((predicted == MIXED.to_numpy()).all(axis=1))
    assert MLPClassifier(**QUICK).fit(X, COLUMNS.astype(np.int16)).predict(X).dtype == np.int16
    assert MLPClassifier(**QUICK).fit(X, COLUMNS.astype(str)).predict(X).dtype.kind == "U"
    assert same(mlp, MLPClassifier(**QUICK).fit(X, pl.DataFrame(MIXED.to_dict("list"))))
    codes = np.column_stack([2 - Y, COLUMNS[:, 1], COLUMNS[:, 2] > 1])  # in the order of the names
    assert same(mlp, MLPClassifier(**QUICK).fit(X, codes))


def test_zeros_and_ones_are_columns_when_classes_say_so():
    y = LABELLED[:, :2]
    mlp = MLPClassifier(**QUICK).fit(X, y, classes=[[0, 1], [0, 1, 2]])
    assert [p.shape for p in mlp.predict_proba(X)] == [(40, 2), (40, 3)]


@pytest.mark.parametrize(
    "weight", ["balanced", [{0: 2.0, 1: 0.5, 2: 1.0}, {2: 3.0, 3: 1.0}, dict.fromkeys(range(4), 1.5)]]
)
def test_class_weights_of_columns_are_multiplied(weight):
    by_class = MLPClassifier(class_weight=weight, **QUICK).fit(X, COLUMNS)
    by_row = MLPClassifier(**QUICK).fit(X, COLUMNS, sample_weight=compute_sample_weight(weight, COLUMNS))
    assert same(by_class, by_row)


# What holds for every kind


@pytest.mark.parametrize("kind", KINDS)
def test_small_batches_and_single_rows(kind):
    y = KINDS[kind]
    # Of probabilities and indicators, a batch's columns tell all classes.
    classes = MLPClassifier(**QUICK).fit(X, y).classes_ if kind in ("labels", "columns", "mixed") else None
    mlp = MLPClassifier(**QUICK).partial_fit(X[:8], y[:8], classes=classes)
    mlp.partial_fit(X[8:10], y[8:10], classes=classes).partial_fit(X[10:11], y[10:11])
    assert np.shape(mlp.predict(X[:3])) == ((3,) if kind == "probabilities" else np.shape(y[:3]))
    with pytest.raises(ValueError, match="X has 4 features, but MLPClassifier is expecting 5"):
        mlp.partial_fit(X[:1, :4], y[:1])
    if kind != "labels":
        with pytest.raises(ValueError, match=r"y must have \d columns"):
            mlp.partial_fit(X[:1], np.asarray(y)[:1, :-1])


@pytest.mark.parametrize("kind", KINDS)
def test_partial_fits_are_one_long_fit(kind):
    y = KINDS[kind]
    params = {**QUICK, "schedule": "constant", "early_stopping": False}
    whole, parts = MLPClassifier(**params).fit(X, y), MLPClassifier(**params)
    for _ in range(5):
        parts.partial_fit(X, y)
    assert same(whole, parts)
    warm = MLPClassifier(**{**params, "max_iter": 2}, warm_start=True).fit(X, y)
    assert same(whole, warm.set_params(max_iter=3).fit(X, y))


@pytest.mark.parametrize("kind", KINDS)
def test_checkpoints_keep_the_labels(kind, tmp_path):
    mlp = MLPClassifier(**QUICK).fit(X, KINDS[kind])
    mlp.save_checkpoint(tmp_path / "network.npz")
    read = MLPClassifier(**QUICK).load_checkpoint(tmp_path / "network.npz")
    np.testing.assert_array_equal(read.predict(X), mlp.predict(X))
    assert read.predict(X).dtype == mlp.predict(X).dtype
    assert same(read.partial_fit(X[:4], KINDS[kind][:4]), mlp.partial_fit(X[:4], KINDS[kind][:4]))


@pytest.mark.parametrize("kind", KINDS)
def test_stacks_equal_lone_fits(kind):
    networks = [MLPClassifier(**{**QUICK, "random_state": seed}) for seed in range(3)]
    fits = [trainable(mlp) for mlp in networks]
    data = fits[0].prepare(X, KINDS[kind])
    tasks = [fit.spec(data) for fit in fits]
    for fit, outcome in zip(fits, train_members(tasks), strict=True):
        assert np.isfinite(outcome.theta).all()
        [alone] = train_members([fit.spec(data)])
        np.testing.assert_array_equal(outcome.theta, alone.theta)


@pytest.mark.parametrize("kind", KINDS)
def test_validation_and_searches(kind):
    y = KINDS[kind]
    stopped = MLPClassifier(**{**QUICK, "max_iter": 20}, early_stopping=True, validation_fraction=0.3).fit(X, y)
    assert all(0 <= score <= 1 for score in stopped.validation_scores_)
    validated = MLPClassifier(**QUICK, early_stopping=False).fit(X, y, X_val=X, y_val=y)
    assert max(validated.validation_scores_) == validated.score(X, y)
    by_loss = MLPClassifier(**QUICK, scoring="loss").fit(X, y, X_val=X, y_val=y)
    assert np.isfinite(by_loss.validation_scores_).all()
    pipeline = make_pipeline(StandardScaler(), MLPClassifier(**QUICK))
    assert np.isfinite(cross_val_score(pipeline, X, y, cv=KFold(3))).all()
    search = GridSearchCV(MLPClassifier(**QUICK), {"alpha": [0.1, 1]}, cv=KFold(2), error_score="raise").fit(X, y)
    assert 0 <= search.score(X, y) <= 1
    if kind != "mixed":  # scikit-learn looks at all of y at once, and cannot sort strings among numbers
        assert cross_val_predict(MLPClassifier(**QUICK), X, y, cv=2).shape[0] == len(X)


def test_a_weight_for_a_label_that_a_batch_lacks():
    mlp = MLPClassifier(class_weight={1: 5.0}, **QUICK)
    mlp.partial_fit(X[Y < 1], Y[Y < 1], classes=[0, 1, 2]).partial_fit(X[:1], Y[:1])
    with pytest.raises(
        ValueError, match=r"class_weight has weights for \[7\], which are not classes, and lacks \[0, 1"
    ):
        MLPClassifier(class_weight={7: 5.0}).fit(X, Y)


MISTAKES = {
    "one-hot floats may be two things": (ONE_HOT, {}, "single 1.0 in each row.*give classes=.*astype\\(int\\)"),
    "one-hot integers are an indicator": (
        ONE_HOT.astype(int),
        {"classes": list("abc")},
        "multilabel indicator.*astype",
    ),
    "too few classes": (SOFT, {"classes": [1, 2]}, r"3 columns of class probabilities.*Got \[1, 2\]"),
    "a class twice": (SOFT, {"classes": [1, 2, 2]}, "different classes"),
    "percentages": (100 * SOFT, {}, "row 0 does not hold class probabilities.*Divide counts or percentages"),
    "logarithms": (np.log(SOFT), {}, "Unknown label type.*lie in \\[0, 1\\]"),
    "targets of a regression": (RNG.normal(size=(40, 2)), {}, "regression target needs a regressor"),
    "a missing probability": (np.where(SOFT > 0.8, np.nan, SOFT), {}, "y contains NaN"),
    "a flat list for columns": (COLUMNS, {"classes": [0, 1, 2]}, "list of 3 arrays"),
    "lists for one label": (Y, {"classes": [[0, 1], [1, 2]]}, "one array of labels"),
    "an undeclared label": (COLUMNS, {"classes": [[0, 1], [2, 3], range(4)]}, r"Column 0 of y: .*not among .*: \[2\]"),
    "labels of several types": (
        np.array([1, "a", None] * 20, object)[:40],
        {},
        "13 of 40 labels are missing, the first in row 2",
    ),
    "types mixed in a column": (np.array([[1, 2], ["a", 1]] * 20, object), {}, "Column 0 of y: .*different types"),
    "reals": (X[:, 0], {}, "Unknown label type"),
    "missing labels": (
        pd.Series(["a", "b"] * 19 + [pd.NA, "a"], dtype="string"),
        {},
        "y contains NaN.*label of their own",
    ),
    "a number of classes": (Y, {"classes": 3}, "classes must be an array of labels.* Got 3"),
    "a word for classes": (Y, {"classes": "abc"}, "classes must be an array of labels.* Got 'abc'"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_what_a_mistake_in_y_says(mistake):
    y, options, message = MISTAKES[mistake]
    with pytest.raises(ValueError, match=message):
        MLPClassifier(**QUICK).fit(X, y, **options)


@pytest.mark.parametrize(
    ("kind", "y", "message"),
    [
        ("labels", [7], r"not among the classes \[0, 1, 2\]: \[7\]"),
        ("labels", ["7"], r"not among the classes \[0, 1, 2\]: \['7'\]"),
        ("probabilities", [7], r"not among the classes \[0, 1, 2\]: \[7\]"),
        ("probabilities", [[0.5, 0.2, 0.2]], "Row 0 sums to 0.9"),
        ("indicator", [[0, 1, 2, 0]], "0 and 1 only"),
        ("indicator", [1], r"y must have 4 columns.* shape \(1,\)"),
        ("columns", [[1, 9, 0]], r"Column 1 of y: .*not among the classes \[2, 3\]: \[9\]"),
        ("mixed", [["pink", 2, True]], r"Column 0 of y: .*\['pink'\]"),
        ("mixed", np.array([["red", "two", True]], object), r"Column 1 of y: .*\[2, 3\]: \['two'\]"),
    ],
)
def test_what_is_new_in_a_later_call_is_an_error_with_its_name(kind, y, message):
    mlp = MLPClassifier(**QUICK).fit(X, KINDS[kind])
    coefs = [coef.copy() for coef in mlp.coefs_]
    with pytest.raises(ValueError, match=message):
        mlp.partial_fit(X[:1], y)
    assert all(map(np.array_equal, coefs, mlp.coefs_))


@pytest.mark.parametrize(
    ("kind", "classes"),
    [("labels", [0, 1]), ("probabilities", [2, 1, 0]), ("indicator", [0, 1, 2]), ("columns", [0, 1, 2])],
)
def test_declared_classes_stay(kind, classes):
    mlp = MLPClassifier(**QUICK).fit(X, KINDS[kind])
    with pytest.raises(ValueError, match="classes"):
        mlp.partial_fit(X, KINDS[kind], classes=classes)


@pytest.mark.parametrize("weight", [{0: 1.0}, [{}, {}]])
def test_class_weights_that_do_not_fit(weight):
    with pytest.raises(ValueError, match="class_weight must be 'balanced' or a list of 3 dicts"):
        MLPClassifier(class_weight=weight).fit(X, COLUMNS)
    with pytest.raises(ValueError, match="class_weight is not defined for a multilabel indicator"):
        MLPClassifier(class_weight=weight).fit(X, LABELLED)
    if isinstance(weight, list):
        with pytest.raises(ValueError, match="must be a dict or 'balanced'"):
            MLPClassifier(class_weight=weight).fit(X, Y)


def test_ensembles_and_losses_say_what_they_do_not_take():
    for y in (SOFT, LABELLED, COLUMNS):
        with pytest.raises(ValueError, match="BaggingClassifier takes a single target for each row"):
            BaggingClassifier(MLPClassifier(**QUICK)).fit(X, y)
    with pytest.raises(ValueError, match=r"and this y holds labels that are each present or absent\. Use"):
        MLPClassifier(loss="cross_entropy").fit(X, LABELLED)
    with pytest.raises(ValueError, match=r"and this y holds columns of classes\. Use"):
        MLPClassifier(loss="binary_cross_entropy").fit(X, COLUMNS)


def test_tags_are_true():
    mlp, softmax = MLPClassifier().__sklearn_tags__(), SoftmaxClassifier().__sklearn_tags__()
    assert mlp.classifier_tags.multi_label
    assert mlp.target_tags.multi_output
    assert not softmax.classifier_tags.multi_label
    assert not softmax.target_tags.multi_output


# The loss over groups of columns


def test_heads_are_losses_of_their_own():
    rng = np.random.default_rng(1)
    k, n, sizes = 3, 6, (2, 3, 4)
    scores = rng.normal(size=(k, n, 9))
    parts = [rng.dirichlet(np.ones(size), (k, n)) for size in sizes]
    weight = rng.uniform(size=(k, n, 1))
    loss, start = CrossEntropy(), 0
    heads = TaskLosses.mean([CrossEntropy()] * 3, sizes, np.ones(3))
    value, gradient = heads.value_and_gradient(scores.copy(), np.concatenate(parts, axis=-1), weight)
    expected = np.zeros(k)
    for size, targets in zip(sizes, parts, strict=True):
        columns = slice(start, start + size)
        part, slope = loss.value_and_gradient(scores[..., columns].copy(), targets, weight)
        expected += part / 3
        np.testing.assert_allclose(gradient[..., columns], slope / 3, rtol=1e-12)
        np.testing.assert_array_equal(heads.link(scores)[..., columns], loss.link(scores[..., columns]))
        start += size
    np.testing.assert_allclose(value, expected, rtol=1e-12)
    assert hash(heads.structure) == hash(TaskLosses.mean([CrossEntropy()] * 3, sizes, np.ones(3)).structure)
    assert heads.structure != TaskLosses.mean([CrossEntropy()] * 3, (3, 3, 3), np.ones(3)).structure
