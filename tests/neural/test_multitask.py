"""Several tasks on one trunk, against single networks, central differences and the rows left out by hand."""

import pickle

import joblib
import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdl import BaggingRegressor, MLPClassifier, MLPMultitask, MLPRegressor, NetworkFeatures
from skdl.losses import CrossEntropy, Huber, SquaredError
from skdl.neural._task_losses import TaskLosses
from skdl.neural.trainable import trainable
from skdl.testing import check_gradient

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
rng = np.random.default_rng(0)
X = rng.normal(size=(120, 4))
LABEL = np.where(X[:, 0] + X[:, 1] > 0.5, "high", np.where(X[:, 0] < -0.5, "low", "mid"))
REAL = 100 + 10 * (X[:, 0] - X[:, 2])
SOLD = X[:, 3] > 0
Y = pd.DataFrame({"level": LABEL, "price": REAL, "sold": SOLD})
MISSING = Y.astype({"sold": object})
MISSING.loc[::3, "level"] = None
MISSING.loc[1::4, "price"] = np.nan
MISSING.loc[2::5, "sold"] = pd.NA


def mlp(cls=MLPMultitask, **params):
    return cls((8,), **{"random_state": 0, "max_iter": 10, **params})


def full_batch(cls=MLPMultitask, **params):
    """In float64, without a split, all rows in each step: results are equal up to rounding."""
    fixed = {"batch_size": 1000, "early_stopping": False, "dtype": "float64", "max_iter": 5, "shuffle": False}
    return mlp(cls, **{**fixed, **params})


quiet = pytest.mark.filterwarnings("ignore:batch_size")


# One task is the network of its kind


@pytest.mark.parametrize("y", [LABEL, SOLD, LABEL == "mid"], ids=["three", "two", "rare"])
@pytest.mark.parametrize("params", [{}, {"early_stopping": True}, {"label_smoothing": 0.1}, {"early_stopping": False}])
def test_one_task_of_classes_is_the_classifier(y, params):
    alone = mlp(MLPClassifier, **params).fit(X, y)
    task = mlp(**params).fit(X, pd.DataFrame({"y": y}))
    np.testing.assert_array_equal(task.predict_proba(X)["y"], alone.predict_proba(X))
    np.testing.assert_array_equal(task.predict(X)["y"].to_numpy(), alone.predict(X))
    assert task.temperature_["y"] == alone.temperature_
    assert task.score(X, pd.DataFrame({"y": y})) == alone.score(X, y)
    pd.testing.assert_frame_equal(task.history_.drop(columns="seconds"), alone.history_.drop(columns="seconds"))


@pytest.mark.parametrize(
    "params",
    [{}, {"early_stopping": True}, {"standardize_target": False}, {"clip_predictions": True}, {"loss": "huber"}],
)
def test_one_task_of_reals_is_the_regressor(params):
    alone = mlp(MLPRegressor, **params).fit(X, REAL)
    params = dict(params)
    loss = params.pop("loss", "auto")
    task = mlp(losses={"y": loss}, **params).fit(X, pd.DataFrame({"y": REAL}))
    np.testing.assert_array_equal(task.predict(X)["y"], alone.predict(X))
    assert task.shrinkage_["y"] == alone.shrinkage_[0]
    assert task.score(X, pd.DataFrame({"y": REAL})) == alone.score(X, REAL)
    pd.testing.assert_frame_equal(task.history_.drop(columns="seconds"), alone.history_.drop(columns="seconds"))


def test_columns_of_one_kind_are_those_of_the_other_estimators():
    reals = np.column_stack([REAL, X[:, 1] ** 2])
    plain = {"early_stopping": False}
    np.testing.assert_allclose(
        mlp(**plain).fit(X, reals).predict(X), mlp(MLPRegressor, **plain).fit(X, reals).predict(X), rtol=1e-4
    )
    labels = np.column_stack([LABEL, np.where(X[:, 2] > 1, "a", np.where(X[:, 2] < -1, "b", "c"))])
    several = mlp(MLPClassifier, **plain).fit(X, labels)
    np.testing.assert_array_equal(mlp(**plain).fit(X, labels).predict_proba(X)[1], several.predict_proba(X)[1])


def test_the_parameters_are_those_of_all_perceptrons():
    ours, classes, reals = (cls().get_params(deep=False) for cls in (MLPMultitask, MLPClassifier, MLPRegressor))
    in_common = {name: value for name, value in classes.items() if name in reals and name != "loss"}
    assert {name: ours[name] for name in in_common} == in_common
    own = {"tasks", "task_weights", "losses", "label_smoothing", "standardize_target", "clip_predictions"}
    assert ours.keys() == in_common.keys() | own


# Missing labels


def test_a_row_without_a_label_is_absent_for_a_lone_task():
    there = MISSING["level"].notna().to_numpy()
    alone = mlp(MLPClassifier).fit(X[there], LABEL[there])
    task = mlp().fit(X, MISSING[["level"]])
    np.testing.assert_array_equal(task.predict_proba(X)["level"], alone.predict_proba(X))


def test_a_lone_task_of_many_classes_is_the_classifier():
    many = (np.arange(120) % 13).astype(str)
    y = pd.DataFrame({"y": many}).where(np.arange(120)[:, None] < 80)
    alone = mlp(MLPClassifier).fit(X[:80], many[:80])
    np.testing.assert_array_equal(mlp().fit(X, y).predict_proba(X)["y"], alone.predict_proba(X))


def test_the_loss_is_the_mean_of_each_tasks_mean_over_its_labels():
    losses = TaskLosses.mean([CrossEntropy(), SquaredError()], (3, 1), np.array([1.0, 3.0]))
    scores, weight = rng.normal(size=(1, 9, 4)), rng.uniform(size=(1, 9, 1))
    targets = np.concatenate([np.eye(3)[rng.integers(3, size=9)], rng.normal(size=(9, 1))], axis=1)[None]
    targets[0, :4, :3], targets[0, 3:6, 3] = np.nan, np.nan
    weight /= weight.sum()
    value, gradient = losses.for_rows(targets, weight).value_and_gradient(scores.copy(), targets, weight)
    p = np.exp(scores[0, :, :3]) / np.exp(scores[0, :, :3]).sum(axis=1, keepdims=True)
    of_classes = -np.nansum(targets[0, :, :3] * np.log(p), axis=1)
    w, has_class, has_real = weight[0, :, 0], ~np.isnan(targets[0, :, 0]), ~np.isnan(targets[0, :, 3])
    of_reals = 0.5 * (scores[0, :, 3] - targets[0, :, 3]) ** 2
    expected = 0.25 * (w * of_classes)[has_class].sum() / w[has_class].sum()
    expected += 0.75 * (w * of_reals)[has_real].sum() / w[has_real].sum()
    np.testing.assert_allclose(value, [expected], rtol=1e-12)
    assert not gradient[0, :4, :3].any()
    assert not gradient[0, 3:6, 3].any()

    def function(flat):
        return losses.for_rows(targets, weight).value_and_gradient(flat.reshape(scores.shape).copy(), targets, weight)[
            0
        ][0]

    check_gradient(function, lambda flat: gradient.ravel(), scores.ravel())


@quiet
def test_the_objective_is_that_of_all_labels():
    network = full_batch(max_iter=1).initialize(X, MISSING)
    network.partial_fit(X, MISSING)
    start = full_batch(max_iter=1).initialize(X, MISSING)
    p = start.predict_proba(X)
    there = MISSING["level"].notna().to_numpy()
    own = {label: j for j, label in enumerate(start.classes_["level"])}
    level = -np.log([p["level"][i, own[LABEL[i]]] for i in np.flatnonzero(there)]).mean()
    there = MISSING["sold"].notna().to_numpy()
    sold = -np.log(np.where(SOLD, p["sold"][:, 1], p["sold"][:, 0]))[there].mean()
    there = MISSING["price"].notna().to_numpy()
    error = (start.predict(X)["price"].to_numpy() - REAL)[there] / REAL[there].std()
    np.testing.assert_allclose(network.loss_, np.mean([level, sold, 0.5 * (error**2).mean()]), rtol=1e-6)


@quiet
def test_weights_of_rows_count_as_repetitions_and_zero_as_absent():
    weight = np.tile([1.0, 2.0, 0.0], 40)
    repeated = np.repeat(np.arange(120), weight.astype(int))
    weighted = full_batch().fit(X, MISSING, weight)
    copied = full_batch().fit(X[repeated], MISSING.iloc[repeated])
    np.testing.assert_allclose(weighted.predict(X)["price"], copied.predict(X)["price"], rtol=1e-9)
    np.testing.assert_allclose(weighted.predict_proba(X)["level"], copied.predict_proba(X)["level"], rtol=1e-8)
    for name, score in weighted.score_tasks(X, MISSING, weight).items():
        np.testing.assert_allclose(score, weighted.score_tasks(X[repeated], MISSING.iloc[repeated])[name])
    gone = weight > 0
    np.testing.assert_array_equal(
        mlp().fit(X, MISSING, (weight > 0) * 1.0).predict_proba(X)["sold"],
        mlp().fit(X[gone], MISSING[gone]).predict_proba(X)["sold"],
    )


def test_rows_without_any_label_are_absent():
    more = pd.concat([MISSING, MISSING.iloc[:7].assign(level=None, price=np.nan, sold=None)])
    rows = np.vstack([X, 1e3 * np.ones((7, 4))])
    np.testing.assert_array_equal(mlp().fit(rows, more).predict(X), mlp().fit(X, MISSING).predict(X))


def test_rows_that_are_mixed_have_the_labels_that_both_have():
    network = mlp(augmentation="mixup", max_iter=30).fit(X, MISSING)
    assert network.score(X, Y) > 0.9
    assert np.isfinite(network.loss_curve_).all()


# Weights of tasks, and their order


def with_the_same_trunk(several, alone, columns):
    """Coefficients of a lone network as those of a task's columns."""
    several.coefs_ = [*alone.coefs_[:-1], several.coefs_[-1].copy()]
    several.coefs_[-1][:, columns] = alone.coefs_[-1]
    several.intercepts_ = [*alone.intercepts_[:-1], several.intercepts_[-1].copy()]
    several.intercepts_[-1][columns] = alone.intercepts_[-1]


@quiet
def test_a_task_of_weight_zero_leaves_the_other_alone():
    params = {"optimizer": "adam", "encoding": None, "alpha": 0.0}
    several = full_batch(task_weights={"price": 0.0, "sold": 0}, **params).initialize(X, Y)
    alone = full_batch(MLPClassifier, **params).initialize(X, LABEL)
    with_the_same_trunk(several, alone, slice(0, 3))
    for _ in range(4):
        several.partial_fit(X, Y)
        alone.partial_fit(X, LABEL)
    np.testing.assert_allclose(several.predict_proba(X)["level"], alone.predict_proba(X), rtol=1e-7)
    np.testing.assert_allclose(several.loss_, alone.loss_, rtol=1e-7)


@quiet
def test_the_order_of_tasks_does_not_matter():
    params = {"optimizer": "adam", "encoding": None}
    one = full_batch(**params).initialize(X, MISSING)
    order = ["sold", "level", "price"]
    other = full_batch(**params).initialize(X, MISSING[order])
    columns = {"level": [0, 1, 2], "price": [3], "sold": [4]}
    moved = [column for name in order for column in columns[name]]
    other.coefs_ = [*one.coefs_[:-1], one.coefs_[-1][:, moved]]
    other.intercepts_ = [*one.intercepts_[:-1], one.intercepts_[-1][moved]]
    for _ in range(4):
        one.partial_fit(X, MISSING)
        other.partial_fit(X, MISSING[order])
    assert list(other.predict(X)) == order
    np.testing.assert_allclose(one.predict(X)["price"], other.predict(X)["price"], rtol=1e-8)
    np.testing.assert_allclose(one.predict_proba(X)["level"], other.predict_proba(X)["level"], rtol=1e-7)


def test_only_ratios_of_weights_count_and_a_list_is_in_the_order_of_the_columns():
    by_name = mlp(task_weights={"price": 2.0}).fit(X, Y)
    by_place = mlp(task_weights=[0.5, 1.0, 0.5]).fit(X, Y)
    np.testing.assert_array_equal(by_name.predict(X), by_place.predict(X))
    assert (by_name.predict(X)["price"] != mlp().fit(X, Y).predict(X)["price"]).any()


def test_a_loss_may_be_chosen_for_a_task():
    robust = mlp(losses={"price": Huber(0.1), "level": "focal"}).fit(X, Y)
    assert (robust.predict(X)["price"] != mlp().fit(X, Y).predict(X)["price"]).any()
    named = mlp(losses={"price": "squared_error", "level": "cross_entropy"}, label_smoothing=0.05).fit(X, Y)
    np.testing.assert_array_equal(named.predict(X), mlp(label_smoothing=0.05).fit(X, Y).predict(X))


# What y comes as, predictions do


def test_predictions_have_the_columns_the_types_and_the_index():
    y = pd.DataFrame(
        {
            "grade": pd.Categorical(LABEL, categories=["low", "mid", "high", "never"], ordered=True),
            "text": pd.Series(LABEL, dtype="string"),
            "sold": SOLD,
            "digit": SOLD.astype(np.int32),
            "price": REAL.astype(np.float32),
            "nullable": pd.Series(REAL, dtype="Float64"),
            7: SOLD.astype(int),
        }
    )
    frame = pd.DataFrame(X, columns=list("abcd"), index=np.arange(120) + 1000)
    network = mlp().fit(frame, y)
    predicted = network.predict(frame)
    pd.testing.assert_series_equal(predicted.dtypes, y.dtypes)
    assert predicted.index.equals(frame.index)
    assert network.tasks_ == {name: "regression" if name in ("price", "nullable") else "classification" for name in y}
    assert list(network.classes_["grade"]) == ["high", "low", "mid", "never"]
    assert network.predict_proba(frame)["grade"].shape == (120, 4)


def test_arrays_and_vectors_and_polars():
    reals = mlp().fit(X, np.column_stack([REAL, X[:, 1]])).predict(X)
    assert reals.dtype == np.float64
    assert reals.shape == (120, 2)
    mixed = np.array(list(zip(LABEL, REAL, strict=True)), dtype=object)
    predicted = mlp().fit(X, mixed.tolist()).predict(X)
    assert predicted.dtype == object
    assert {type(value) for value in predicted[0]} == {str, float}
    assert mlp().fit(X, mixed).tasks_ == {0: "classification", 1: "regression"}
    assert mlp().fit(X, pd.Series(LABEL)).predict(X).shape == (120,)
    assert mlp().fit(X, (X > 0).astype(np.uint8)).predict(X).dtype == np.uint8
    kinds = pl.DataFrame({"a": pl.Series(LABEL, dtype=pl.Enum(["low", "mid", "high", "top"])), "b": SOLD.tolist()})
    network = mlp().fit(X, kinds.with_columns(c=pl.Series(LABEL, dtype=pl.Categorical)))
    assert list(network.classes_["a"]) == ["high", "low", "mid", "top"]
    assert list(network.classes_["c"]) == ["high", "low", "mid"]
    from_polars = mlp().fit(
        X,
        pl.DataFrame({"level": MISSING["level"].replace({np.nan: None}).tolist(), "price": MISSING["price"].tolist()}),
    )
    from_pandas = mlp().fit(X, MISSING[["level", "price"]])
    np.testing.assert_array_equal(from_polars.predict(X), from_pandas.predict(X))


def test_integers_and_objects():
    few, many = np.arange(120) % 3, np.arange(120)
    assert mlp().fit(X, pd.DataFrame({"a": few, "b": REAL.astype(object)})).tasks_["b"] == "regression"
    with pytest.raises(ValueError, match=r"Task 'b': its column holds 120 different whole numbers.*tasks=\{'b': 'reg"):
        mlp().fit(X, pd.DataFrame({"a": few, "b": many}))
    network = mlp(tasks={"b": "regression"}).fit(X, pd.DataFrame({"a": few, "b": many}))
    assert network.tasks_ == {"a": "classification", "b": "regression"}
    assert network.predict(X)["b"].dtype == np.float64
    holes = pd.DataFrame({"a": few}).where(X[:, :1] > -1)
    with pytest.raises(ValueError, match="Task 'a': its column holds few whole numbers, such as 0, and missing ones"):
        mlp().fit(X, holes)
    assert mlp(tasks={"a": "classification"}).fit(X, holes).predict_proba(X)["a"].shape == (120, 3)


# The laws of the package


def test_a_stack_is_equal_to_networks_alone_bit_for_bit():
    grid = {"task_weights": [{"price": 1.0}, {"price": 5.0}], "optimizer__learning_rate": [0.01, 0.03]}
    plain = GridSearchCV(mlp(optimizer="adam"), grid, cv=3).fit(X, MISSING)
    with joblib.parallel_config(backend="skdl"):
        stacked = GridSearchCV(mlp(optimizer="adam"), grid, cv=3).fit(X, MISSING)
    np.testing.assert_array_equal(stacked.cv_results_["split0_test_score"], plain.cv_results_["split0_test_score"])
    np.testing.assert_array_equal(stacked.cv_results_["mean_test_score"], plain.cv_results_["mean_test_score"])
    np.testing.assert_array_equal(stacked.predict(X), plain.predict(X))
    assert len(set(plain.cv_results_["mean_test_score"])) > 1


def test_networks_of_different_rows_and_weights_share_a_stack():
    specs = []
    for weights, rows in (([1, 2, 3], np.arange(100)), ([3, 2, 1], np.arange(20, 120))):
        fit = trainable(mlp(task_weights=weights))
        specs.append(fit.spec(fit.prepare(X[rows], MISSING.iloc[rows])))
    assert specs[0].structure == specs[1].structure


@pytest.mark.parametrize("early_stopping", ["refit", False])
def test_a_training_goes_on_from_a_checkpoint_in_the_same_bits(tmp_path, early_stopping):
    y = MISSING.assign(level=pd.Categorical(MISSING["level"]))
    params = {"early_stopping": early_stopping, "schedule": "constant", "losses": {"price": "huber"}}
    whole = mlp(max_iter=8, **params).fit(X, y)
    half = mlp(max_iter=4, **params).fit(X, y)
    if early_stopping:
        half = whole
    path = tmp_path / "network.npz"
    half.save_checkpoint(path)
    loaded = mlp(max_iter=8, warm_start=True, **params).load_checkpoint(path)
    pd.testing.assert_frame_equal(loaded.predict(X), half.predict(X))
    pd.testing.assert_frame_equal(loaded.fit(X, y).predict(X), whole.predict(X))
    pd.testing.assert_frame_equal(pickle.loads(pickle.dumps(whole)).predict(X), whole.predict(X))
    pd.testing.assert_frame_equal(clone(whole).fit(X, y).predict(X), whole.predict(X))


def test_batch_by_batch():
    network = mlp()
    for _ in range(20):
        for rows in (slice(0, 60), slice(60, 120)):
            network.partial_fit(X[rows], MISSING.iloc[rows])
    assert network.score(X, Y) > 0.8
    without = MISSING.iloc[:50].assign(price=np.nan)
    network.partial_fit(X[:50], without)
    assert network.n_iter_ == 41
    first = MISSING.iloc[:50].assign(level="mid")
    with pytest.raises(ValueError, match="Task 'level': The first rows that MLPMultitask sees"):
        mlp().partial_fit(X[:50], first)
    declared = mlp().partial_fit(X[:50], first, classes={"level": ["low", "mid", "high"]})
    declared.partial_fit(X, MISSING)
    assert list(declared.classes_["level"]) == ["high", "low", "mid"]
    with pytest.raises(ValueError, match="differ from those before"):
        declared.partial_fit(X, MISSING, classes={"level": ["low", "mid"]})


def test_validation_rows_of_ones_own_and_scorers():
    def negative_error(estimator, X, y):
        return -np.abs(estimator.predict(X)["price"].to_numpy() - y["price"].to_numpy(dtype=float))[
            y["price"].notna()
        ].mean()

    for scoring in (None, "loss", negative_error):
        network = mlp(early_stopping=True, scoring=scoring).fit(X[:80], MISSING[:80], X_val=X[80:], y_val=MISSING[80:])
        assert np.isfinite(network.validation_scores_).all()
        set_apart = mlp(early_stopping=True, scoring=scoring).fit(X, MISSING)
        assert np.isfinite(set_apart.validation_scores_).all()
    network = mlp(early_stopping=True, max_iter=3).fit(X[:80], Y[:80], X_val=X[80:], y_val=Y[80:])
    best = network.best_validation_score_
    np.testing.assert_allclose(network.score(X[80:], Y[80:]), best, rtol=1e-5)
    by_name = mlp().fit(X[:80], Y[:80], X_val=X[80:], y_val=Y.loc[80:, ["sold", "price", "level"]])
    np.testing.assert_array_equal(by_name.predict(X), mlp().fit(X[:80], Y[:80], X_val=X[80:], y_val=Y[80:]).predict(X))


def test_rows_set_apart_have_their_share_of_what_is_rare():
    y = pd.DataFrame({f"t{j}": np.where(rng.random(120) < 0.7, X[:, j % 4], np.nan) for j in range(8)})
    y["rare"] = pd.Series(np.where(np.arange(120) % 2, "a", "b")).where(np.arange(120) < 20)
    fit = trainable(mlp())
    spec = fit.spec(fit.prepare(X, y))
    apart = spec.validation.index
    assert len(apart) == 18  # 15 %, though most rows are the only ones with labels of just their tasks
    assert np.sum(apart < 20) == 3
    assert set(y["rare"].iloc[apart[apart < 20]]) == {"a", "b"}


def test_pipelines_and_scores():
    pipeline = make_pipeline(StandardScaler(), mlp())
    scores = cross_val_score(pipeline, pd.DataFrame(X, columns=list("abcd")), MISSING, cv=3)
    assert np.isfinite(scores).all()
    network = mlp(max_iter=40).fit(X, MISSING)
    by_task = network.score_tasks(X, Y)
    assert by_task["level"] == np.mean(network.predict(X)["level"] == LABEL)
    residual = REAL - network.predict(X)["price"]
    np.testing.assert_allclose(by_task["price"], 1 - (residual**2).sum() / ((REAL - REAL.mean()) ** 2).sum())
    assert network.score(X, Y) == np.mean(list(by_task.values()))
    assert np.isnan(network.score_tasks(X, Y.assign(price=np.nan))["price"])
    assert network.score(X, Y.assign(price=np.nan)) == np.mean([by_task["level"], by_task["sold"]])


# Mistakes


@pytest.mark.parametrize(
    ("params", "y", "message"),
    [
        (
            {"task_weights": {"prise": 2}},
            Y,
            r"'task_weights' parameter has a value for 'prise', .* Did you mean 'price'",
        ),
        ({"task_weights": [1.0]}, Y, "'task_weights' parameter lists 1 numbers for 3 tasks"),
        ({"task_weights": {"price": -1}}, Y, "'task_weights' parameter must hold numbers in the range"),
        ({"task_weights": [0, 0, 0]}, Y, "must give a positive weight to some task"),
        ({"tasks": {"prize": "regression"}}, Y, "'tasks' parameter has a value for 'prize'"),
        ({"tasks": {"price": "real"}}, Y, "'tasks' parameter says 'real' of 'price'"),
        ({"tasks": {"level": "regression"}}, Y, "Task 'level' is one of reals, and its column is of type"),
        (
            {"losses": {"price": "cross_entropy"}},
            Y,
            "'cross_entropy' is a loss for one class a row.*task 'price' is one of reals",
        ),
        ({"losses": {"level": "squared_errror"}}, Y, "'losses' parameter for task 'level': Unknown name"),
        ({"losses": {"other": "huber"}}, Y, "'losses' parameter has a value for 'other'"),
        ({"losses": {"price": "poisson"}}, Y.assign(price=-1.0), "Task 'price': The Poisson loss needs targets of 0"),
        ({}, Y.assign(price=np.nan), "Task 'price' has no labels"),
        ({}, Y.assign(price=np.inf), "Task 'price': Input y contains infinity"),
        ({}, Y.assign(price=pd.Timestamp("2020-01-01")), "Task 'price': its column is of type datetime64"),
        ({}, Y.set_axis(["a", "a", "b"], axis=1), "y has the column 'a' twice"),
        ({}, np.column_stack([LABEL, REAL]), "Task 1: its column holds numbers as strings, such as '94"),
        ({}, Y.assign(level=[(1, 2)] * 120), "Task 'level': its column holds values of type tuple"),
        ({}, Y.iloc[:, :0], "y has no columns"),
        ({}, Y.iloc[:-1], "inconsistent numbers of samples"),
        ({}, None, "requires y to be passed"),
    ],
)
def test_mistakes_are_told_by_the_tasks_name(params, y, message):
    with pytest.raises(ValueError, match=message):
        mlp(**params).fit(X, y)


def test_classes_that_do_not_fit_the_tasks():
    for classes, message in (
        (["low"], "classes must be a dict from tasks to arrays of labels"),
        ({"price": [1]}, "'classes' have labels for 'price', which is a task of reals"),
        ({"level": ["low"]}, "Task 'level': y has labels that are not among the classes"),
        ({"place": ["low"]}, "'classes' parameter has a value for 'place', which is no column of y"),
    ):
        with pytest.raises(ValueError, match=message):
            mlp().fit(X, Y, classes=classes)
    with pytest.raises(ValueError, match=r"calibrate=True has no effect here: .* losses=.'price': 'huber'"):
        mlp(calibrate=True, losses={"price": "huber"}).fit(X, Y[["price"]])


def test_ensembles_say_that_they_take_one_kind():
    with pytest.raises(ValueError, match=r"averages regressors. Got MLPMultitask\(.*which is not a regressor"):
        BaggingRegressor(mlp(), 2).fit(X, Y)


def test_hidden_layers_are_features_and_go_to_other_networks():
    network = mlp().fit(X, MISSING)
    assert NetworkFeatures(network, layer=-2).fit(X, MISSING).transform(X).shape == (120, 8)
    head = mlp(MLPClassifier, init=network, frozen="hidden").fit(X, LABEL)
    np.testing.assert_array_equal(head.coefs_[0], network.coefs_[0])
    goes_on = mlp(init=network, early_stopping=False, max_iter=1, schedule="constant")
    goes_on.set_params(optimizer__learning_rate=1e-12)
    np.testing.assert_allclose(goes_on.fit(X, MISSING).predict(X)["price"], network.predict(X)["price"], rtol=1e-5)
    other = goes_on.fit(X, MISSING.rename(columns={"price": "cost"}))  # another task: with a new output layer
    assert not np.allclose(other.predict(X)["cost"], network.predict(X)["price"], rtol=1e-3)


def test_tables_with_categories_and_missing_cells():
    table = pd.DataFrame(X, columns=list("abcd")).assign(town=np.where(X[:, 0] > 0, "x", "y"))
    table.loc[::5, "a"] = np.nan
    network = mlp(max_iter=30).fit(table, MISSING)
    assert network.score(table, Y) > 0.7
    assert network.is_categorical_[-1]


def test_a_full_batch_search_goes_down_to_where_the_gradient_is_zero():
    params = {"optimizer": "lbfgs", "encoding": None, "alpha": 0.1, "max_iter": 2000, "tol": 1e-6}
    network = MLPMultitask((), random_state=0, **params).fit(X, MISSING)
    there = MISSING["price"].notna().to_numpy()
    seen = X[MISSING.notna().any(axis=1).to_numpy()]
    standard = (X - seen.mean(axis=0)) / seen.std(axis=0)
    target = (REAL[there] - REAL[there].mean()) / REAL[there].std()
    design = np.column_stack([standard[there], np.ones(there.sum())])
    penalty = 0.1 * np.diag([1, 1, 1, 1, 0]) * 3  # the loss is a third of the objective
    ridge = np.linalg.solve(design.T @ design / there.sum() + penalty, design.T @ target / there.sum())
    expected = REAL[there].mean() + REAL[there].std() * np.column_stack([standard, np.ones(120)]) @ ridge
    np.testing.assert_allclose(network.predict(X)["price"], expected, rtol=1e-5)


def test_other_columns_than_in_training():
    with pytest.raises(
        ValueError, match=r"y_val: y must have the columns .* Got it without \['sold'\], with \['solid'\]"
    ):
        mlp().fit(X, Y, X_val=X, y_val=Y.rename(columns={"sold": "solid"}))
    network = mlp().fit(X, Y)
    with pytest.raises(ValueError, match=r"y must have 3 columns, .* Got 2"):
        network.score(X, Y.to_numpy()[:, :2])
    with pytest.raises(ValueError, match=r"Task 'level': y has labels that are not among the classes.*new"):
        network.partial_fit(X, Y.assign(level="new"))
